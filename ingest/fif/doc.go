// Package fif reads recordings in FIF, the format of Elekta Neuromag and of MNE (Elekta Oy, "Functional Image File Format",
// 2010; the numbers of tags are those of the public fiff-constants 0.3), lazily: opening reads the head of every tag,
// samples are read when asked for.
//
// A file is a chain of tags, all big-endian. Byte, length and name of each field of a tag:
//
//	 0 4 kind    what it is: 203 is a channel, 300 a buffer of samples
//	 4 4 type    what its data is: 3 int32, 4 float32, 30 a channel
//	 8 4 size    bytes of data
//	12 4 next    0: the next tag lies behind the data; above 0: at that byte; -1: this is the last tag
//	16 · data
//
// Tags 104 and 105 begin and end blocks, which nest. Block 101 is the measurement info: number of channels (200), sampling
// frequency (201), date (204) and one tag 203 of 96 bytes for each channel:
//
//	 0 4 number in the order of scanning   24 48 location, the first three numbers x, y, z in m
//	 4 4 logical number                    72  4 unit: 107 is V
//	 8 4 kind: 2 EEG, 3 stimulus           76  4 power of ten of the unit
//	12 4 range                             80 16 name
//	16 4 calibration
//	20 4 type of coil
//
// Names of more than 15 letters stand in a block 113 for each channel. Block 102 (112 in files that were processed, 119 with
// active shielding) is the raw data: the number of the first sample (208), then buffers (300), in which sample follows sample,
// all channels of each. A sample times range, calibration and power of ten is in the unit; volts become µV here. Buffers hold
// int16 (types 2 and 16), int32, float32 or float64. Tags 301 and 303 skip so many buffers, of the length of the next one, or
// samples: a gap. The directory of tags (102) may be absent; it is not used. (MNE leaves the power of ten out; files that it
// writes have none.)
//
// Times. Sample 0 is the first sample in the file. Its number on the clock of the acquisition, the tag 208, is taken off
// events. Recording.Begin is the date of the measurement plus that number over the rate.
//
// Events come from three places:
//
//   - the stimulus channels: "STI101" where there is one, else "STI 014", else all of kind stimulus. An event is where the
//     value rises, its label the new value in decimal digits; a value above 0 from the start on is none. This is MNE's
//     find_events with its defaults, but that an event may last one sample. The channels must be read for it from end to end
//     when the file is opened.
//   - the file beside the recording that MNE's write_events makes, see eventNames. Where a stimulus channel has events, those
//     count; if the file has others, that is listed.
//   - annotations in the file itself, with their descriptions as labels; always.
//
// What is read leniently is listed in Recording.Deviations, also what a reader should know about the data: projections
// that were not applied, amplitudes that no head makes. Channels that were marked as bad are Bad. What cannot be read is an *ingest.FormatError, also
// compressed files.
//
// A recording that is split into several files names the next one in a block 118 (role 2 in tag 115, name in tag 118). It is read as one
// from the file that is opened on: the parts lie beside it, describe the same channels, and their first samples say where they go on,
// after a gap where some are missing. Where a part is not there the recording ends before it, which is listed. Parts out of order, of
// another recording, and in a circle are refused.
package fif
