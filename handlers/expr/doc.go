// Package expr compiles and evaluates what a configuration file says in expressions: conditions,
// templates and topic names. There is one expression language, CEL.
//
// A condition is one CEL expression that is true or false:
//
//	actor.id != recipient.id
//
// A template is text with holes, each a CEL expression in braces. "{{" and "}}" stand for the
// braces themselves; a hole that starts with a map literal therefore needs a space before it.
//
//	{actor.name} started following you.
//
// A hole prints what string() of CEL would, with one exception: a floating point number is printed
// without an exponent. An integer that does not fit 64 bits (a json.Number) is printed digit by
// digit; inside an expression it compares as the string of its digits, because CEL has no number
// that could hold it. null, lists and maps cannot be printed: they are errors.
//
// A topic is a template whose literal parts are lower-case letters, digits, dots and dashes, and
// whose holes are escaped with EscapeTopic, so that two different values never share a topic.
//
// Only the names that an Env declares are variables. Any other is an error when the expression is
// compiled, with its place and, if something similar is declared, a hint.
package expr
