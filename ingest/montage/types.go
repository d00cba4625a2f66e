package montage

import (
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// types are those of channels and streams as programs write them, in lower case.
var types = map[string]signal.Kind{
	"eeg": signal.EEG, "eog": signal.EOG, "veog": signal.EOG, "heog": signal.EOG, "ecg": signal.ECG, "ekg": signal.ECG,
	"emg": signal.EMG, "seeg": signal.SEEG, "ecog": signal.ECoG, "ieeg": signal.ECoG,
	"trig": signal.Trigger, "trigger": signal.Trigger, "stim": signal.Trigger, "markers": signal.Trigger, "marker": signal.Trigger,
	"misc": signal.Misc, "aux": signal.Misc, "acc": signal.Misc, "gyro": signal.Misc, "ref": signal.Misc, "impedance": signal.Misc, "quality": signal.Misc,
}

// OfType is the kind that the type of a channel or of a stream means in the conventions of XDF and LSL
// (https://github.com/sccn/xdf/wiki/EEG-Meta-Data), whatever its capitals. told is false where it tells no kind, as "signal" does not.
func OfType(typ string) (kind signal.Kind, told bool) {
	kind, told = types[strings.ToLower(typ)]
	return kind, told
}
