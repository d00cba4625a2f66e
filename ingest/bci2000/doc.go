// Package bci2000 reads recordings of BCI2000 (.dat; Schalk et al. 2004, doi:10.1109/TBME.2004.827072;
// https://www.bci2000.org/mediawiki/index.php/Technical_Reference:BCI2000_File_Format), versions 1.0 and 1.1: a header of text,
// then for every sample the channels (int16, int32 or float32) and the vector of states.
//
// A stored number d is (d - SourceChOffset)·SourceChGain in µV, or in the unit that the gain carries ("0.1muV").
//
// Events are made of the states: wherever one takes another value that is not 0 there is an event "TargetCode/2", as long as it
// keeps that value. SourceTime and StimulusTime are clocks and make no events, nor do states of more than 16 bits, nor, which is
// listed, states that change more than ten times a second, such as the position of a cursor. Opening reads the states of the
// whole file once.
package bci2000
