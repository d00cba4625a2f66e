// Package bci2000 reads recordings of BCI2000 (.dat; Schalk et al. 2004, doi:10.1109/TBME.2004.827072;
// https://www.bci2000.org/mediawiki/index.php/Technical_Reference:BCI2000_File_Format), versions 1.0 and 1.1: a header of text,
// then for every sample the channels (int16, int32 or float32) and the vector of states.
//
// A stored number d is (d - SourceChOffset)·SourceChGain in µV, or in the unit that the gain carries ("0.1muV").
//
// Events are made of the states: wherever one takes another value that is not 0 there is an event "TargetCode/2", as long as it
// keeps that value. SourceTime, StimulusTime and PrecisionTime are clocks and make no events, nor, which is noted, do states that are numbers
// which somebody measures, such as the position of a cursor: more than ten times, and at more than half of all their changes, they go straight
// from one value to another, neither of them 0, within 0.1 s or a block of the last change. States that are known to tell of the experiment
// (StimulusCode, TargetCode and so on) are always events. Opening reads the states of the whole file once or twice.
package bci2000
