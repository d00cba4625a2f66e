// Package gdf reads the General Data Format for biomedical signals, versions 1.x and 2.x (Schlögl 2006,
// https://arxiv.org/abs/cs/0608052, version 2.51 of 2013).
//
// A file is records, each with a number of samples of each channel. Channels with as many samples in a record as others are a
// recording; that with the most channels is what Open returns, the others are its Others. A stored number d is
// (d - digital minimum)·(physical range)/(digital range) + physical minimum in the channel's unit, also where it is a float.
// Where the digital range is empty, it is handed out as it is.
//
// Events carry the number of their type in decimal digits as their label: "769". The type 32766 (0x7ffe) begins a new segment;
// there is a gap of one sample in front of it, because how much was left out is not in the file. (Files with channels of several
// rates have no such gaps, which is listed.)
//
// Not read: positions of electrodes, whose axes the format leaves open, so that those of their names are taken; time stamps of
// events; sparse channels; the optional third header.
package gdf
