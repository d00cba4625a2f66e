package edf_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestPhysicalDimension: a range of -1 to 1 of the unit on the digital values -1000 to 1000, sample 0 being 500.
func TestPhysicalDimension(t *testing.T) {
	for _, tc := range []struct {
		dim    string
		unit   signal.Unit
		value  float64 // of 0.5 of the unit
		listed bool    // as a deviation
	}{
		{"uV", signal.Microvolt, 0.5, false},
		{"\xb5V", signal.Microvolt, 0.5, true},     // Latin-1
		{"\xc2\xb5V", signal.Microvolt, 0.5, true}, // U+00B5, the sign
		{"\xce\xbcV", signal.Microvolt, 0.5, true}, // U+03BC, the Greek letter
		{"nV", signal.Microvolt, 0.5e-3, false},
		{"mV", signal.Microvolt, 0.5e3, false},
		{"V", signal.Microvolt, 0.5e6, false},
		{"mv", signal.Microvolt, 0.5e3, true},
		{"", "", 0.5, true},
		{".V", ".V", 0.5, true},
		{"MV", "MV", 0.5, true}, // mega: nobody has seen that on a scalp
		{"uVrms", "uVrms", 0.5, true},
		{"degC", "degC", 0.5, true},
	} {
		f := edftest.File{N: 1, Signals: []edftest.Signal{{
			Label: "Cz", Dim: tc.dim, PhysMin: "-1", PhysMax: "1", DigMin: "-1000", DigMax: "1000", Samples: 1,
			At: func(int, int) int16 { return 500 },
		}}}
		rec := mustOpen(t, f)
		c, v := rec.Info.Channels[0], whole(t, rec, 0)[0][0]
		if c.Unit != tc.unit || math.Abs(v-tc.value) > 1e-12*tc.value {
			t.Errorf("%q becomes %.17g %q, want %g %q", tc.dim, v, c.Unit, tc.value, tc.unit)
		}
		if listed := len(rec.Deviations) > 0; listed != tc.listed {
			t.Errorf("%q: the deviations are %+v, want one: %v", tc.dim, rec.Deviations, tc.listed)
		}
		f.Signals[0].Label = "Temp rectal" // where it need not be a voltage, other units are no deviation
		rec = mustOpen(t, f)
		if got := rec.Info.Channels[0].Unit; got != tc.unit {
			t.Errorf("%q of a temperature becomes %q, want %q", tc.dim, got, tc.unit)
		}
		if tc.unit != signal.Microvolt && len(rec.Deviations) > 0 {
			t.Errorf("%q of a temperature: the deviations are %+v, want none", tc.dim, rec.Deviations)
		}
	}
}

// TestScale compares with the formula of the specification at both ends of the range and in it.
func TestScale(t *testing.T) {
	for _, tc := range []struct {
		name                             string
		physMin, physMax, digMin, digMax string
		dig                              int16
		want                             float64 // µV
	}{
		{"lowest", "-3276.8", "3276.7", "-32768", "32767", -32768, -3276.8},
		{"highest", "-3276.8", "3276.7", "-32768", "32767", 32767, 3276.7},
		{"reversed", "8711", "-8711", "-32768", "32767", -32768, 8711},
		{"reversed, other end", "8711", "-8711", "-32768", "32767", 32767, -8711},
		{"offset", "100", "200", "0", "1000", 250, 125},
		{"outside the range", "0", "10", "0", "100", -50, -5},
	} {
		f := edftest.File{N: 1, Signals: []edftest.Signal{{
			Label: "Cz", Dim: "uV", PhysMin: tc.physMin, PhysMax: tc.physMax, DigMin: tc.digMin, DigMax: tc.digMax, Samples: 5,
			At: func(int, int) int16 { return tc.dig },
		}}}
		for i, v := range whole(t, mustOpen(t, f), 0)[0] { // five: four in one step, one behind
			if math.Abs(v-tc.want) > 1e-12*math.Abs(tc.want) {
				t.Errorf("%s: sample %d is %.17g, want %g", tc.name, i, v, tc.want)
			}
		}
	}
}

func TestDuplicateLabels(t *testing.T) {
	f := edftest.File{N: 1, Signals: []edftest.Signal{
		{Label: "T8-P8", Dim: "uV", Samples: 4}, {Label: "Cz", Dim: "uV", Samples: 4}, {Label: "T8-P8", Dim: "uV", Samples: 2}, {Dim: "uV", Samples: 4},
	}}
	rec := mustOpen(t, f)
	if d := cmp.Diff([]string{"T8-P8-1", "Cz", "channel 4"}, rec.Info.Names()); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
	if len(rec.Others) != 1 || rec.Others[0].Info.Channels[0].Name != "T8-P8-2" || rec.Others[0].Info.Channels[0].Original != "T8-P8" {
		t.Errorf("the others are %+v, want one with the channel T8-P8-2", rec.Others)
	}
	if len(rec.Deviations) != 3 {
		t.Errorf("the deviations are %+v, want one for each of T8-P8 and one for the empty label", rec.Deviations)
	}
}

func TestRateGroups(t *testing.T) {
	sig := func(label string, n int) edftest.Signal { return edftest.Signal{Label: label, Dim: "uV", Samples: n} }
	for _, tc := range []struct {
		name    string
		signals []edftest.Signal
		want    string // groups, the main one first
	}{
		{"most EEG, not most channels", []edftest.Signal{sig("X1", 1), sig("X2", 1), sig("X3", 1), sig("Cz", 5)}, "5:Cz 1:X1,X2,X3"},
		{"most channels", []edftest.Signal{sig("X1", 2), sig("X2", 3), sig("X3", 3)}, "3:X2,X3 2:X1"},
		{"the first", []edftest.Signal{sig("X1", 2), sig("X2", 3), sig("X3", 4)}, "2:X1 3:X2 4:X3"},
		{"mixed up", []edftest.Signal{sig("X1", 2), sig("Cz", 8), sig("X2", 4), sig("Pz", 8), sig("X3", 2)}, "8:Cz,Pz 2:X1,X3 4:X2"},
		{"no samples", []edftest.Signal{sig("Cz", 8), {Label: "Pz", Dim: "uV", NumSamples: "0"}}, "8:Cz"},
	} {
		rec := mustOpen(t, edftest.File{N: 2, Signals: tc.signals})
		var got []string
		for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
			got = append(got, fmt.Sprintf("%g:%s", r.Info.Rate, strings.Join(r.Info.Names(), ",")))
		}
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("%s: the groups are %s, want %s", tc.name, s, tc.want)
		}
	}
}

func TestReference(t *testing.T) {
	for _, tc := range []struct{ a, b, want string }{
		{"EEG Cz-LE", "EEG Pz-LE", "linked ears"},
		{"EEG Cz-LE", "ECG", "linked ears"},
		{"EEG Cz-LE", "EEG Pz-AVG", ""},
		{"EEG Cz-REF", "EEG Pz-REF", ""},
	} {
		rec := mustOpen(t, edftest.File{N: 1, Signals: []edftest.Signal{{Label: tc.a, Dim: "uV", Samples: 1}, {Label: tc.b, Dim: "uV", Samples: 1}}})
		if rec.Info.Reference != tc.want {
			t.Errorf("%s and %s have the reference %q, want %q", tc.a, tc.b, rec.Info.Reference, tc.want)
		}
	}
}
