// Package handlers holds the handler types: one file and one test each, and nothing else but what
// several need, or one that would be too long.
//
// # Adding a handler type
//
//  1. Write handlers/<name>.go: a configuration struct with yaml and doc tags, a handler.Type that
//     says in one sentence what it does, in a few more how it drops, fails and what it declares, and
//     shows an example, and an init function that registers it. Fields of type *expr.Condition,
//     *expr.Template, *expr.Topic and *expr.List arrive compiled.
//  2. Write handlers/<name>_test.go: build it with handlertest from the YAML that a user would
//     write.
//  3. Use it in a pipeline.
//
// Nothing else is edited. The command line, the JSON Schema, the metrics and the conformance test,
// which runs the example, find the type in the registry.
//
// A handler's New does no I/O. What others want to know of the handler it says to handler.Build: for
// which reasons it may drop a message (Drops), that it leaves a notification (Composes) or outputs
// (Delivers), that it belongs before what delivers (Guards), what it is set to (Brief). A field of type
// handler.NewName declares a name for the handlers that follow, one of type *handler.Block takes
// handlers that stand inside of this one.
//
// Its Handle turns a message into none, one or several: handler.Next, handler.Enter, handler.Many,
// handler.Drop with a reason that is counted. It never publishes; it leaves outputs on the message, and
// the pipeline publishes those of all handlers together. An error may heal and is tried again, unless
// handler.Permanent says otherwise.
//
// How handler types that keep state, wait or call out will fit is said in package handler.
package handlers
