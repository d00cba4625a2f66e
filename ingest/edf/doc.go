// Package edf reads EDF (Kemp et al. 1992, doi:10.1016/0013-4694(92)90009-7) and EDF+ (Kemp & Olivan 2003,
// doi:10.1016/S1388-2457(03)00123-8) lazily: opening reads the header and the annotations, samples are read when asked for.
//
// All of the header is text. Byte, length and name of each field, ns being the number of signals:
//
//	  0   8 version                 256        16·ns label
//	  8  80 patient                 256+ 16·ns 80·ns transducer type
//	 88  80 recording               256+ 96·ns  8·ns physical dimension
//	168   8 startdate               256+104·ns  8·ns physical minimum
//	176   8 starttime               256+112·ns  8·ns physical maximum
//	184   8 bytes in header         256+120·ns  8·ns digital minimum
//	192  44 reserved: EDF+C, EDF+D  256+128·ns  8·ns digital maximum
//	236   8 number of data records  256+136·ns 80·ns prefiltering
//	244   8 duration of a record    256+216·ns  8·ns samples in each data record
//	252   4 number of signals (ns)  256+224·ns 32·ns reserved
//
// Behind it, from byte 256·(ns+1), lie the data records: of each signal in turn its samples of one record's time, as
// little-endian 16-bit integers. A signal called "EDF Annotations" holds text instead, time-stamped annotation lists.
//
// What is read leniently is listed in Recording.Deviations; what cannot be read is an *ingest.FormatError.
//
// Times. Sample 0 is the first sample of the first data record, and Recording.Begin its time: the start date and time of the
// header plus the onset of the first record (EDF+ starts at fractions of a second by it). EDF has no time zone; the local
// time of the recording is handed out as UTC. Begin is the zero time where the date is unknown. Event.Onset counts from
// sample 0 too. In a discontinuous file (EDF+D) a record that starts at time t lies at sample round(t·rate).
//
// Samples under an annotation "BAD filled" fill a record and were not measured: they are a gap, of all channels or, where the
// label of one stands behind it ("BAD filled@@Cz"), of the channels with that label. The writer marks what it fills. "BAD_ACQ_SKIP", by
// which MNE marks what its source does not have and what it fills itself, is read alike, and noted; that of single channels
// ("BAD_ACQ_SKIP@@Cz") is an event, since the others were measured.
//
// Channels at other rates than the main ones, or with other gaps, are in Recording.Others, with spans of their own and without events. A file
// that holds annotations only, such as a hypnogram, has no channels, the rate 0 and the length 0; all its events are at
// sample 0 and only their Onset counts.
package edf
