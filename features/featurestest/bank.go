package featurestest

import (
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

// banks are the bands of Banked, in Hz: those of the classes' oscillations lie in different ones.
var banks = []struct {
	name      string
	low, high float64
}{{"4-11", 4, 11}, {"11-30", 11, 30}}

// Banked says that the step works behind a filter bank: windows have 4 electrodes in each of 2 bands.
func Banked() Option { return func(s *suite) { s.banked = true } }

func bankedNames() []string {
	electrodes := len(channelNames) / len(banks)
	var names []string
	for _, b := range banks {
		for _, e := range channelNames[:electrodes] {
			names = append(names, e+"@"+b.name)
		}
	}
	return names
}

// throughBank is the first electrodes of x, Butterworth filtered to every band.
func throughBank(x [][]float64) [][]float64 {
	electrodes := len(channelNames) / len(banks)
	var out [][]float64
	for _, b := range banks {
		sos, err := dsp.Butter(4, dsp.Bandpass(b.low, b.high), rate)
		if err != nil {
			panic(err)
		}
		y := make([][]float64, electrodes)
		for ch := range y {
			y[ch] = make([]float64, len(x[ch]))
		}
		sos.Filt(y, x[:electrodes], sos.NewState(electrodes))
		out = append(out, y...)
	}
	return out
}
