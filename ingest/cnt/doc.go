// Package cnt reads continuous recordings of Neuroscan (.cnt, version 3.0; the structures are at
// http://paulbourke.net/dataformats/eeg/): a header of 900 bytes, 75 for each channel, samples of 16 or 32 bits, and a table of
// events behind them.
//
// A stored number d is (d - baseline)·sensitivity·calibration/204.8 in µV. The file does not say how wide its numbers are: it
// is told from the number of samples in the header and the place of the event table. Where these do not
// agree, it is told from places of events and from the numbers, which is listed, and the file is refused where that does not tell.
//
// Events are labelled with their type, "7", or "keyboard 3" and "keypad 2" for what a person pressed, and stand at the sample
// whose place in the file the table gives. Not read: positions of electrodes, which are places on a screen; those of their names
// are taken. Files above 2 GB, whose event table cannot be found by its 32 bits, are refused.
package cnt
