// Package xdf reads XDF, the Extensible Data Format in which LabRecorder and others write streams of LSL
// (https://github.com/sccn/xdf/wiki/Specifications, version 1.0).
//
// One file holds many streams. The recording that Open returns is the EEG stream with the most channels; where none calls itself EEG, the regular
// numeric stream with the most channels of EEG by their types and labels, or, where there are none of these, with the most of any, and that is a
// note. The other regular numeric streams are its Others, all on one clock, that of the recorder: sample 0 of each is at the first sample of the earliest. Streams of text are events, labelled as they are
// written (a stream with several channels has them joined with commas); so are irregular streams of one number. Irregular
// streams of several numbers are left out, a deviation, and so are streams without a sample, a note. Streams in which
// a recorder writes about itself (JournalHeader) are journals of the recording, also without a sample.
//
// # Time
//
// A stamp counts on the clock of its sender. The recorder has measured, every few seconds, what to add to reach its own
// clock; a line through these offsets, fitted with the loss of Huber (1964, doi:10.1214/aoms/1177703732), δ = 0.1 ms, is
// added to the stamps. Where both the time and the value of an offset jump, or time runs backwards, the sender's clock was
// set anew: each part gets its own line. Stamps of regular streams are then smoothed by a least-squares line over the sample
// number, separately between breaks: steps larger than 1 s and 500 samples, the rules of pyxdf 1.17 for both. Beside these, samples
// are missing where all stamps from one on are later than those before by more than jitter explains: a break, if the stamps
// are those of a clock, that is regular, or scattered by less than a step about even times that they come back to (or nearly,
// where whole samples are lost); otherwise only listed, with the reason. A break is a gap of the recording, or,
// where the time steps back, a gap of one sample. Streams whose description says that they can drop samples
// (synchronization/can_drop_samples) are not smoothed, and break where a step is larger than 1.5 samples.
//
// The rate is the nominal one where the measured one is within 0.1 % of it, otherwise the measured one. Deviations names
// both. Events stand at the sample that was measured when they happened, by the stamps and not by counting on from the
// start; Onset is in seconds from sample 0 on the clock of the recorder.
//
// # Damage
//
// A file that ends within a chunk is read up to the last whole sample. Where a chunk cannot be read, reading goes on behind
// the next boundary chunk, as the format has them for that; what is lost is listed. Samples without a stamp of their own
// behind such a place are left out until there is one, because the time that has gone by is not known.
//
// # Memory
//
// Opening reads the file once, and keeps where the chunks lie (24 bytes to each, or to 1024 samples), all text, and those stamps that
// the file has, at most 4 Mi of them (32 MB): where every sample of a long recording has a stamp of its own, those beyond are read
// from the file again, several times, until the times are known. Samples are read when they are asked for. A file of 10 GB is
// so played in less than 200 MB, if its recorder wrote chunks of some dozens of samples. Open allocates at most twice the size of the file.
package xdf
