// Package blackrock reads recordings of Blackrock Neurotech's Cerebus, NeuroPort and Gemini systems: samples (.ns1 to .ns6,
// "NSx", versions 2.1 to 3.0) and what happened (.nev, versions 2.1 to 3.0), after the manufacturer's "File Format for .nev
// and .nsx" (LB-0023).
//
// A recording is opened by a file with samples; the .nev of the same name beside it is read with it. A .nev can also be opened
// alone: it has events and no channels.
//
// Scale. A stored number stands between the digital limits of its channel as the value does between the analog limits, in
// the unit that the header names. Version 2.1 has no limits: its factor is taken from the .nev, and without one the samples
// have no unit, which is listed. The kind of a channel is told from its label: microelectrodes ("elec12") are Misc.
//
// Time. Sample 0 is the first one in the file; Recording.Begin is the time origin of the header, plus the first time stamp.
// A pause of the recording begins a block with a stamp of its own and is a gap, as long as the stamps say, to the nearest
// sample. Where stamps go back, or forward by more than a day, the clock was set: a gap of one sample, so that no window
// reaches over it. Version 3.0 with stamps in nanoseconds (Precision Time Protocol) has one for every sample: a sample is
// missing where two of them are 1.5 periods apart or more. They are looked at every 1,024 samples at most, and one by one where
// these are not as many periods apart as they should be by half a period: two jumps that cancel out in between are not found.
//
// Events are "digital/5" and "serial/65" for words at the input ports, "comment/TEXT", and "spike/LABEL/UNIT" for each
// detected spike, where UNIT is the number of the sorted unit, "unsorted" or "noise". Event.Onset is by the stamps, and
// Event.Sample the one that was measured then. Versions before 2.3 also note values of analog inputs, and all have packets of
// video, tracking, buttons and configuration: these are counted and listed, not read, and nor are the waveforms of spikes.
//
// What cannot be read in a .nev beside the samples is listed, and the recording opens without its events.
package blackrock
