// Package record writes a live session down, so that it can be read when the program, or the machine, dies in the middle of
// it, and runs it again.
//
// A recording called NAME is up to five files:
//
//   - NAME.arrow: the samples and events that came, also those that the session left out (ingest/arrowfile), a batch every half second;
//   - NAME.decisions.arrow: every decision, with the window it was made of, its scores, when it was made, and the fate and the
//     number of its command;
//   - NAME.clock.arrow: once a second for each stream the offset, drift and jitter of its clock, its rate, state and losses;
//   - NAME.log.arrow: what happened to the session and at which sample (Kind, Detail), which is what it is run again by;
//   - NAME.json: what the session was: its file, the hash of the model, the begin, the version.
//
// With XDF in place of Arrow, NAME.xdf has samples, events, decisions, clock offsets and the log as streams. XDF has no place for the
// duration of an event, as ingest/xdf lists too: how many are written as instants is counted.
//
// Everything is written by one goroutine. Who records never waits for the disk: what does not fit into the queue is dropped,
// counted, and a gap in the recording. Every half second what has come since is handed to the operating system, and every five
// seconds to the disk: when the program is killed at most the last second is missing, when the power fails up to five.
package record
