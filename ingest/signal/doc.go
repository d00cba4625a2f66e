// Package signal holds the words that every part of gyrus shares: what a stream of samples is (Info, Channel), how it
// travels (Chunk, Window, Event), and where it comes from (Recording, Source).
//
// Voltages are float64 µV everywhere; a sample is counted from the start of its stream. A gap in the data is a jump in
// Chunk.Start (and in Chunk.Time): nothing is ever filled in.
package signal
