package bids

import (
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// channelTypes are the types of channels.tsv (BIDS 1.10, "Channels description", of EEG, iEEG and MEG) and what gyrus takes
// them for. The first type of a kind is the one that is written.
var channelTypes = []struct {
	name string
	kind signal.Kind
}{
	{"EEG", signal.EEG},
	{"EOG", signal.EOG},
	{"HEOG", signal.EOG},
	{"VEOG", signal.EOG},
	{"ECG", signal.ECG},
	{"EMG", signal.EMG},
	{"SEEG", signal.SEEG},
	{"DBS", signal.SEEG}, // electrodes in the depth as well
	{"ECOG", signal.ECoG},
	{"TRIG", signal.Trigger},
	{"MISC", signal.Misc},
	{"REF", signal.Misc}, // a recorded reference, which no step should take for EEG
	{"AUDIO", signal.Misc},
	{"EYEGAZE", signal.Misc},
	{"GSR", signal.Misc},
	{"PD", signal.Misc},
	{"PHOTODIODE", signal.Misc},
	{"PPG", signal.Misc},
	{"PUPIL", signal.Misc},
	{"RESP", signal.Misc},
	{"SYSCLOCK", signal.Misc},
	{"TEMP", signal.Misc},
	{"ADC", signal.Misc},
	{"DAC", signal.Misc},
	{"FITERR", signal.Misc},
	{"HLU", signal.Misc},
	{"MEGGRADAXIAL", signal.Misc},
	{"MEGGRADPLANAR", signal.Misc},
	{"MEGMAG", signal.Misc},
	{"MEGREFGRADAXIAL", signal.Misc},
	{"MEGREFGRADPLANAR", signal.Misc},
	{"MEGREFMAG", signal.Misc},
	{"MEGOTHER", signal.Misc},
	{"OTHER", signal.Misc},
}

// KindOf is the kind that a type of channels.tsv means, in whatever case. known is false where the specification does not
// have it; standard is the type in the specification's case.
func KindOf(channelType string) (kind signal.Kind, standard string, known bool) {
	upper := strings.ToUpper(channelType)
	for _, t := range channelTypes {
		if t.name == upper {
			return t.kind, t.name, true
		}
	}
	return signal.Misc, "", false
}

// TypeOf is the type that is written for a kind.
func TypeOf(kind signal.Kind) string {
	for _, t := range channelTypes {
		if t.kind == kind {
			return t.name
		}
	}
	return "MISC"
}
