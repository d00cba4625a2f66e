package edf

import (
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// The fields of the header that hold words.
const (
	patientField    = "local patient identification"
	recordingField  = "local recording identification"
	transducerField = "transducer type"
	prefilterField  = "prefiltering"
)

// allTexts is what the header says in words.
func (h *header) allTexts(chans []channel) []signal.Text {
	var all []signal.Text
	add := func(field, channel, text string, personal bool) {
		if text != "" {
			all = append(all, signal.Text{Field: field, Channel: channel, Text: text, Personal: personal})
		}
	}
	add(patientField, "", h.patient, personal(h.patient))
	if words := strings.Fields(h.recording); len(words) == 0 || words[0] != "Startdate" || personal(h.recording) { // otherwise it has the date alone, which may have to go
		add(recordingField, "", h.recording, personal(h.recording))
	}
	for i := range chans {
		c := &chans[i]
		add(transducerField, c.Name, c.header.transducer, false)
		add(prefilterField, c.Name, c.header.prefilter, false)
	}
	return all
}

// personal says whether a field about the patient or the recording holds more than "unknown" (X) in each of its parts. The
// date of the start is told by Begin.
func personal(text string) bool {
	words := strings.Fields(text)
	if len(words) > 1 && words[0] == "Startdate" {
		words = words[2:]
	}
	return slices.ContainsFunc(words, func(w string) bool { return w != "X" })
}
