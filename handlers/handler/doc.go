// Package handler is the contract between the handler types and the service: what a handler type is
// (Type, Build, Registry), what it works on (Message, Event, Notification), what it may use (Deps)
// and how it ends (Result, Permanent, Classify, Unavailable).
//
// A Chain holds the handlers of one pipeline, built from its configuration, and runs messages
// through them. It publishes nothing: it returns what is to be published.
//
// # Types that a configuration declares
//
// Registry.Declare adds types that are made of others. They are gone once a chain is built: in the
// place of a use stand the handlers of its body, in each of which a {params.name} has become what
// the use gives for it. That is why an argument may use the names that the body declares, why a body
// knows the names of the pipeline, and why metrics, errors and poison records name the handler that
// did it, with the places of its definition and of all uses around (Step.Uses).
//
// # Handlers inside of handlers
//
// A field of type *Block in a handler's configuration takes a list of handlers. A chain lays all
// handlers out in one list, those of a block behind their owner; Enter sends a message into a block,
// and behind its last handler it goes on with what follows the owner. So nothing nests while messages
// run: a handler has one place, its index, from which the notification ids of what it routes are
// made, and from which a message could go on that was put aside there.
//
// # What later kinds will need
//
// The contract has room for handler types that wait and remember:
//
//   - State, as a digest collects it: one more field of Deps, scoped to the pipeline by whoever
//     builds Deps, as Claims is. What is kept belongs to the origin of a message, so that a retry or a
//     redelivery finds it done, and is given up as claims are when the message comes to nothing: see
//     Message.Take and Message.ReleaseClaims, which know that already.
//   - Timers, as a delay needs them: one more Result beside Next, Many, Enter and Drop, which puts the
//     message aside until a time. It becomes a record of a retry topic (retry_due, origin and claims
//     stand in such records today), written together with the offset of what it came from; when it is
//     due, the message goes on behind the handler of that index.
//   - Outputs without an input, as a digest makes them when its time has come: the timer's record is
//     the message. Its Event has an id made of what is collected and of the window, so that the
//     notification has the same id however often the timer fires, and its Origin is the record's.
//   - Outputs that are no records, as of a webhook: an Output for a topic of the service's own, which
//     something reads that knows how to call. A handler does not call by itself: what it puts out is
//     checked and published with everything else of its message, or not at all.
package handler
