package units_test

import (
	"math"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// stored makes a recording of sines of 300 in the unit in which gyrus hands them out.
func stored(sources []string, channels ...signal.Channel) *signal.Recording {
	x := make(signal.Memory, len(channels))
	for ch := range x {
		x[ch] = make([]float64, 1000)
		for t := range x[ch] {
			x[ch][t] = 300 * math.Sin(float64(t)/7)
		}
	}
	return &signal.Recording{
		Name: "x", Format: "test", Len: 1000, Info: &signal.Info{Rate: 250, Channels: channels},
		Data: signal.InUnits{SampleReader: x, Units: sources},
	}
}

func TestOverride(t *testing.T) {
	eeg := signal.Channel{Name: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}
	misc := signal.Channel{Name: "x", Kind: signal.Misc}
	trigger := signal.Channel{Name: "t", Kind: signal.Trigger}
	for _, c := range []struct {
		name     string
		from, to string
		channel  signal.Channel
		unit     signal.Unit
		gain     float64
		found    int
		taken    bool
	}{
		{"the same", "uV", "µV", eeg, "µV", 1, 0, false},
		{"nothing named", "uV", "", eeg, "µV", 1, 0, false},
		{"nV in place of µV is plausible", "uV", "nV", eeg, "µV", 1e-3, 1, true},
		{"mV in place of µV", "uV", "mV", eeg, "µV", 1, 1, false},
		{"V in place of µV", "uV", "V", eeg, "µV", 1, 1, false},
		{"a format without units", "", "V", eeg, "µV", 1, 1, false},
		{"a format without units, and µV", "", "uV", eeg, "µV", 1, 0, false},
		{"an unknown unit", ".V", "uV", signal.Channel{Name: "Cz", Kind: signal.EEG, Unit: ".V"}, "µV", 1, 1, true},
		{"a unit that was blank", "", "mV", signal.Channel{Name: "Cz", Kind: signal.EEG}, "µV", 1e3, 1, true},
		{"no voltage in place of one", "uV", "N", eeg, "µV", 1, 1, false},
		{"another quantity", "", "°C", misc, "°C", 1, 1, true},
		{"two quantities", "K", "°C", signal.Channel{Name: "x", Kind: signal.Misc, Unit: "K"}, "°C", 1, 1, true},
		{"two signs for micro", "\u00b5S", "\u03bcS", signal.Channel{Name: "x", Kind: signal.Misc, Unit: "\u00b5S"}, "\u00b5S", 1, 0, false},
		{"codes of triggers", "", "V", trigger, "", 1, 0, false},
	} {
		rec := stored([]string{c.from}, c.channel)
		found, err := units.Override(rec, []string{c.to})
		if err != nil {
			t.Fatal(err)
		}
		x := [][]float64{make([]float64, 10)}
		if err := rec.Data.ReadSamples(x, 3); err != nil {
			t.Fatal(err)
		}
		want := 300 * math.Sin(3./7) * c.gain
		if d := x[0][0] - want; math.Abs(d) > 1e-12*math.Abs(want) || rec.Info.Channels[0].Unit != c.unit {
			t.Errorf("%s: a sample of %g %s, want %g %s", c.name, x[0][0], rec.Info.Channels[0].Unit, want, c.unit)
		}
		if len(found) != c.found || c.found == 1 && (found[0].Taken != c.taken || (found[0].Why == "") != c.taken || found[0].To != c.to) {
			t.Errorf("%s: %+v", c.name, found)
		}
	}
}

// TestOverrideOfASmallUnit: the samples in the header's unit are no EEG, those in the table's are.
func TestOverrideOfASmallUnit(t *testing.T) {
	rec := stored([]string{"V", "V"}, signal.Channel{Name: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}, signal.Channel{Name: "Pz", Kind: signal.EEG, Unit: signal.Microvolt})
	x := rec.Data.(signal.InUnits).SampleReader.(signal.Memory)
	for ch := range x {
		for t := range x[ch] {
			x[ch][t] *= 1e6
		}
	}
	found, err := units.Override(rec, []string{"uV", "uV"})
	if err != nil || len(found) != 2 || !found[0].Taken || !found[1].Taken {
		t.Fatalf("%+v %v", found, err)
	}
	y := [][]float64{make([]float64, 5), make([]float64, 5)}
	if err := rec.Data.ReadSamples(y, 0); err != nil {
		t.Fatal(err)
	}
	if want := 300 * math.Sin(1./7); math.Abs(y[1][1]-want) > 1e-12 {
		t.Errorf("a sample of %g µV, want %g", y[1][1], want)
	}
	again, err := units.Override(rec, []string{"V", "V"})
	if err != nil || again != nil {
		t.Errorf("samples whose source is not known any more: %+v %v", again, err)
	}
}
