// Package eeglab reads data sets of EEGLAB (Delorme & Makeig 2004, doi:10.1016/j.jneumeth.2003.10.009;
// https://eeglab.org/tutorials/ConceptsGuide/Data_Structures.html): a .set, which is a MAT-file with the structure EEG, or with
// its fields one by one, and the samples in it or in an .fdt or .dat beside it.
//
// Samples are taken to be in µV, which is EEGLAB's convention and not in the file; that is a note. Latencies count samples from 1 and may have
// fractions: an event stands at the nearest sample, and its Onset is exact.
//
// Epochs follow each other with a gap of one sample, so that no window reaches over their ends: how much lies between them a
// data set does not say. In continuous data, an event of the type "boundary" is a place where samples were taken out: there is
// a gap, as long as the event's duration says, and of one sample where it says nothing. The event stands where the gap begins. Where the types of all events are numbers, -99 is a
// boundary too, which is listed.
//
// Electrodes have x to the nose, y to the left ear and z up, in a unit that the file does not say: it is told from how far from
// the middle they lie. On a unit sphere they are placed as package montage places those of a name. A channel without
// coordinates has the place of its name.
//
// A .set packed by MATLAB (-v7) with its samples inside is unpacked into memory; everything else is read when it is asked for.
package eeglab
