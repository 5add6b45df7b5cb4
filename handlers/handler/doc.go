// Package handler is the contract between the handler types and the service: what a handler type is
// (Type, Build, Registry), what it works on (Message, Event, Notification), what it may use (Deps)
// and how it ends (Result, Permanent, Classify, Unavailable).
//
// A Chain holds the handlers of one pipeline, built from its configuration, and runs messages
// through them. It publishes nothing: it returns what is to be published.
package handler
