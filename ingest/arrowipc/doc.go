// Package arrowipc reads and writes the messages of Arrow IPC streams of samples, as signal.Schema lays them out, without
// trusting a byte of them (https://arrow.apache.org/docs/format/Columnar.html, "Encapsulated message format").
package arrowipc
