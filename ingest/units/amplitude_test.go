package units_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// noisy makes a recording of EEG channels of noise with these standard deviations in µV.
func noisy(of ...float64) *signal.Recording {
	rng := rand.New(rand.NewPCG(1, 2))
	x, channels, sources := make(signal.Memory, len(of)), make([]signal.Channel, len(of)), make([]string, len(of))
	for ch, d := range of {
		x[ch] = make([]float64, 2500)
		for t := range x[ch] {
			x[ch][t] = d * rng.NormFloat64()
		}
		channels[ch] = signal.Channel{Name: []string{"Fz", "Cz", "Pz", "Oz", "O1", "O2"}[ch], Kind: signal.EEG, Unit: signal.Microvolt}
		sources[ch] = "uV"
		if d > 1e6 {
			sources[ch] = "V"
		}
	}
	return &signal.Recording{Name: "x", Format: "test", Len: 2500, Info: &signal.Info{Rate: 250, Channels: channels}, Data: signal.InUnits{SampleReader: x, Units: sources}}
}

// TestImplausibleChannel: a wrong unit in one channel of many is found and named, by 1000 or 1e6 either way; channels that are only
// good, bad, flat or dead are not.
func TestImplausibleChannel(t *testing.T) {
	for _, c := range []struct {
		name  string
		of    []float64
		wrong string // the channel named, "" for none
	}{
		{"as EEG is", []float64{20, 12, 30}, ""},
		{"V taken for µV", []float64{20, 20, 2e7}, "Pz by 2.02e+07 µV"},
		{"mV taken for µV", []float64{20, 2e4, 20}, "Cz by "},
		{"µV taken for mV", []float64{20, 20, 0.02}, "Pz by 0.0"},
		{"µV taken for V", []float64{20, 20, 20, 2e-5}, "Oz by "},
		{"two of five", []float64{2e4, 20, 20, 2e4, 20}, "2 of 5 channels"},
		{"a flat one", []float64{20, 0, 20}, ""},
		{"a poor contact", []float64{20, 900, 20}, ""},
		{"a very poor contact", []float64{20, 4000, 20}, ""},
		{"amplifier noise", []float64{20, 0.3, 20}, ""},
		{"what is left of computing", []float64{20, 1e-14, 20}, ""},
	} {
		rec := noisy(c.of...)
		d, err := units.Implausible(rec)
		if err != nil {
			t.Fatal(err)
		}
		if (d != nil) != (c.wrong != "") || d != nil && !strings.Contains(d.Found, c.wrong) {
			t.Errorf("%s: %+v, want %q", c.name, d, c.wrong)
		}
		var refused *units.Error
		p, err := units.ParsePolicy("error")
		if err != nil {
			t.Fatal(err)
		}
		if err := units.Apply(rec, p); errors.As(err, &refused) != (c.wrong != "") {
			t.Errorf("%s: the policy error says %v", c.name, err)
		}
	}
}

// TestImplausibleChannelDead: a channel whose last bit flickers is dead, and one that is marked as bad is known.
func TestImplausibleChannelDead(t *testing.T) {
	rec := noisy(20, 20, 2e7)
	rec.Info.Channels[2].Bad = true
	if d, err := units.Implausible(rec); err != nil || d != nil {
		t.Errorf("bad: %+v %v", d, err)
	}
	rec = noisy(20, 20, 20)
	x := rec.Data.(signal.InUnits).SampleReader.(signal.Memory)
	for i := range x[1] {
		x[1][i] = 0.03 * float64(i/7%2)
	}
	if d, err := units.Implausible(rec); err != nil || d != nil {
		t.Errorf("dead: %+v %v", d, err)
	}
}

// TestAssumeForOneChannel: an assumed unit changes the channel that is implausible, and no other.
func TestAssumeForOneChannel(t *testing.T) {
	rec := noisy(20, 20, 2e7)
	p, err := units.ParsePolicy("assume:uV")
	if err != nil {
		t.Fatal(err)
	}
	before, after := signal.NewChunk(rec.Info, 0, 100), signal.NewChunk(rec.Info, 0, 100)
	if err := rec.Data.ReadSamples(before.X, 0); err != nil {
		t.Fatal(err)
	}
	if err := units.Apply(rec, p); err != nil {
		t.Fatal(err)
	}
	if err := rec.Data.ReadSamples(after.X, 0); err != nil {
		t.Fatal(err)
	}
	for ch, gain := range []float64{1, 1, 1e-6} {
		if got, want := after.X[ch][5], before.X[ch][5]*gain; got-want > 1e-12 || want-got > 1e-12 {
			t.Errorf("channel %d: a sample of %g µV, want %g", ch, got, want)
		}
	}
	if n := len(rec.Deviations); n != 1 || !strings.Contains(rec.Deviations[0].Assumed, "uV in place of V, by --units-policy") {
		t.Errorf("%+v", rec.Deviations)
	}
}

// TestAssumedUnitIsChecked: what is assumed in the place of the file's unit is looked at like that: a unit that makes no EEG either is
// refused, with those that would, and the recording stays as it was. Where the file has no unit, what the user says is taken and listed.
func TestAssumedUnitIsChecked(t *testing.T) {
	for _, c := range []struct {
		source, assume string
		sd             float64 // µV by the unit of the source
		refused        string
		listed         string
	}{
		{"V", "nV", 20e6, "assume uV, which is plausible", ""},
		{"V", "mV", 20e6, "assume uV, which is plausible", ""},
		{"V", "uV", 20e6, "", "uV in place of V, by --units-policy"},
		{"V", "uV", 5000, "assume mV, which is plausible", ""},
		{"V", "mV", 5000, "", "mV in place of V, by --units-policy"},
		{"uV", "mV", 1e13, "assume another unit than mV", ""},
		{"arb", "mV", 20, "", "the samples stay in mV, by --units-policy; uV would be plausible"},
		{"arb", "uV", 20, "", "uV, by --units-policy"},
	} {
		rec := noisy(c.sd, c.sd)
		in := rec.Data.(signal.InUnits)
		for ch := range in.Units {
			in.Units[ch] = c.source
			if c.source == "arb" {
				rec.Info.Channels[ch].Unit = "arb"
			}
		}
		p, err := units.ParsePolicy("assume:" + c.assume)
		if err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprintf("%g µV in %s, assume:%s", c.sd, c.source, c.assume)
		info := rec.Info
		err = units.Apply(rec, p)
		var refused *units.Error
		if errors.As(err, &refused) != (c.refused != "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s: %v, must say %q", what, err, c.refused)
		}
		if c.refused != "" && (rec.Info != info || len(rec.Deviations) > 0 || units.Rescaled(rec)) {
			t.Errorf("%s: was changed although it is refused", what)
		}
		if c.listed != "" && !slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return d.Assumed == c.listed }) {
			t.Errorf("%s: %+v, must list %q", what, rec.Deviations, c.listed)
		}
	}
}

// TestOverrideOfOneChannel: a table that names a wrong unit for one channel of many is not believed.
func TestOverrideOfOneChannel(t *testing.T) {
	rec := noisy(20, 20, 20)
	found, err := units.Override(rec, []string{"uV", "uV", "V"})
	if err != nil || len(found) != 1 || found[0].Taken || found[0].Channel != 2 {
		t.Errorf("%+v %v", found, err)
	}
}
