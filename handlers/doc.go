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
// A handler's New does no I/O, and says with Build.Drops for which reasons the handler may drop a
// message. Its Handle turns a message into none, one or several: handler.Next,
// handler.Many, handler.Drop with a reason that is counted. It never publishes; it leaves outputs on
// the message, and the pipeline publishes those of all handlers together. An error may heal and is
// tried again, unless handler.Permanent says otherwise.
//
// # What the contract can carry
//
// Handlers that keep state (a digest), act later (a delay) or call out (a webhook) fit without a
// change to those that exist:
//
//   - State and timers become fields of handler.Deps, scoped to the pipeline as Claims is.
//   - A message that is kept for later ends with handler.Drop and a reason such as "digested", or
//     with a Result of its own where its claims must stay; the origin in the message identifies what
//     was kept, so that a repetition is not kept twice.
//   - Outputs without an input (the digest is due) come from an optional interface that the pipeline
//     asks a Step's Handler for, such as Due(ctx, now) with messages that go on at the step after it.
//     The chain gives their outputs ids like any others.
//   - A webhook is a handler like any other: an error of the far side may heal, and takes the
//     pipeline's retries.
package handlers
