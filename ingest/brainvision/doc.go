// Package brainvision reads and writes recordings in the Brain Vision Data Exchange format of Brain Products: a header
// (.vhdr), which is what one opens, markers (.vmrk) and samples (.eeg, .dat) beside it, versions 1.0 and 2.0 (BrainVision Core
// Data Format 1.0, https://www.brainproducts.com/support-resources/brainvision-core-data-format-1-0/).
//
// Samples may be multiplexed or vectorised, binary (INT_16, UINT_16, INT_32, IEEE_FLOAT_32, IEEE_FLOAT_64) or text. A stored
// number times the resolution is in the channel's unit; where the header has none it is 1 and µV.
//
// Headers are UTF-8, or Latin-1 where they are not that. A file that was renamed together with its neighbours is found by its
// own name, which is listed. A folder in the name of a file is not followed.
//
// # Markers
//
// A marker is an event labelled "type/description", as MNE writes it: "Stimulus/S  1"; its position counts from 1. The first
// New Segment has the time of the first sample. Each further one is a place where recording was interrupted, so that samples
// do not follow each other in time: there is a gap, and no event beside it. Where the marker has a time it begins exactly there, by
// the time of the last marker before it that has one; where it has none, or one that cannot be true, the gap has one sample, which is
// listed. A New Segment with a description, and one behind the last sample, is an event too.
//
// # Positions
//
// Coordinates are radius, inclination from Cz and azimuth from the right ear towards the nose. A radius of 1 is an idealised
// head, on which the electrodes are placed as package montage places those of a name; others are in millimetres.
package brainvision
