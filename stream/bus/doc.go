// Package bus carries samples and commands over NATS: a server inside the process by default, or one named by URL.
//
// Commands and heartbeats are JSON (Command, Status), samples are Arrow IPC (RawWriter, RawReader); docs/protocol.md
// describes both for other languages. Everything travels on core NATS, at most once: what cannot be sent now is an error
// and lost, never sent later. Whether a command that arrived may still be acted on is decided by stream/control.
package bus
