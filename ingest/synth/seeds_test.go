package synth

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/registry"
)

func TestSeeds(t *testing.T) {
	opt := Defaults()
	opt.Channels, opt.TrialsPerClass, opt.Subject, opt.Run = EEGMMIDB()[:16], 4, 3, 5
	_, truth, x := simulate(t, opt)
	_, truth2, x2 := simulate(t, opt)
	if !sameBits(x, x2) || !reflect.DeepEqual(truth, truth2) {
		t.Error("the same seeds give two recordings")
	}

	run := opt
	run.Run = 6
	_, other, y := simulate(t, run)
	for ch := range x {
		if c := correlation(x[ch], y[ch]); math.Abs(c) > 0.4 { // slow drifts: few independent values
			t.Errorf("another run: channel %d correlates by %.2f", ch, c)
		}
	}
	if !reflect.DeepEqual(other.Background, truth.Background) || !slices.Equal(other.LineUV, truth.LineUV) {
		t.Error("another run of the same subject has another mixing")
	}
	for k, r := range other.Rhythms {
		if r.FreqHz != truth.Rhythms[k].FreqHz || !slices.Equal(r.Topography, truth.Rhythms[k].Topography) {
			t.Errorf("another run of the same subject has another %s", r.Name)
		}
		if slices.Equal(r.Activity, truth.Rhythms[k].Activity) {
			t.Errorf("another run has the same time course of %s", r.Name)
		}
	}
	if slices.Equal(other.Trials, truth.Trials) || slices.Equal(other.Blinks, truth.Blinks) {
		t.Error("another run has the same trials or blinks")
	}

	subject := opt
	subject.Subject = 4
	_, other, _ = simulate(t, subject)
	if reflect.DeepEqual(other.Background, truth.Background) || other.Rhythms[0].FreqHz == truth.Rhythms[0].FreqHz {
		t.Error("another subject has the same mixing or frequency")
	}
	if slices.Equal(other.Rhythms[2].Envelope, truth.Rhythms[2].Envelope) {
		t.Error("another subject with the same run has the same time course")
	}
}

func correlation(a, b []float64) float64 {
	var ab float64
	for i := range a {
		ab += a[i] * b[i]
	}
	return ab / (rms(a) * rms(b) * float64(len(a)))
}

func TestLeavingOutLeavesTheRest(t *testing.T) {
	all := Defaults()
	all.TrialsPerClass = 2
	rec, _, x := simulate(t, all)

	few := all
	few.Channels = []string{"C4", "Fp1"}
	if _, _, y := simulate(t, few); !sameBits(y, [][]float64{row(rec, x, "C4"), row(rec, x, "Fp1")}) {
		t.Error("C4 and Fp1 depend on which other channels there are")
	}

	// Every part alone, summed up, is the whole: none takes another's random numbers.
	sum := make([]float64, rec.Len)
	for _, only := range []func(*Options){
		func(o *Options) { o.BackgroundUV = all.BackgroundUV },
		func(o *Options) { o.AlphaUV = all.AlphaUV },
		func(o *Options) { o.MuUV = all.MuUV },
		func(o *Options) { o.BlinkUV = all.BlinkUV },
		func(o *Options) { o.LineUV = all.LineUV },
		func(o *Options) { o.SensorUV = all.SensorUV },
	} {
		opt := silent("Fp1")
		opt.TrialsPerClass = 2
		only(&opt)
		_, _, part := simulate(t, opt)
		if rms(part[0]) == 0 {
			t.Error("a part is empty")
		}
		for s, v := range part[0] {
			sum[s] += v
		}
	}
	for s, want := range row(rec, x, "Fp1") {
		if math.Abs(sum[s]-want) > 1e-9 { // the parts add up in another order
			t.Fatalf("sample %d: the parts sum to %g µV, the whole is %g", s, sum[s], want)
		}
	}
}

func TestChannelsHavePlaces(t *testing.T) {
	rec, _, _ := simulate(t, silent(EEGMMIDB()...))
	if n := len(rec.Info.Channels); n != 64 {
		t.Fatalf("%d channels, want 64", n)
	}
	for _, c := range rec.Info.Channels {
		if c.Kind != "eeg" || c.Unit != "µV" || c.Pos == nil {
			t.Fatalf("%s: %+v", c.Name, c)
		}
		digit := strings.TrimLeft(c.Name, "AFpTCPOIz")
		switch odd := digit != "" && (digit[len(digit)-1]-'0')%2 == 1; {
		case digit == "" && math.Abs(c.Pos[0]) > 1e-12, digit != "" && odd != (c.Pos[0] < 0):
			t.Errorf("%s lies at x = %g", c.Name, c.Pos[0])
		}
	}
	place := func(name string) [3]float64 { return *rec.Info.Channels[rec.Info.Index(name)].Pos }
	// The ears are on the axis x, which T9 and T10 mark; the nose is in front, the vertex above.
	if a, b := place("T9"), place("T10"); math.Abs(a[1]) > 1e-12 || math.Abs(a[2]) > 1e-12 || a[0] != -b[0] || a[0] > -0.07 {
		t.Errorf("T9 at %v, T10 at %v, want them on the axis x", a, b)
	}
	if fp, oz, cz := place("Fpz"), place("Oz"), place("Cz"); fp[1] < 0.09 || oz[1] > -0.09 || cz[2] < 0.12 {
		t.Errorf("Fpz at %v, Oz at %v, Cz at %v", fp, oz, cz)
	}
}

func TestOptionsOutOfRange(t *testing.T) {
	for _, tc := range []struct {
		set  func(*Options)
		want string
	}{
		{func(o *Options) { *o = Options{} }, `synth: task is "", must be "hands" or "fists-feet"`},
		{func(o *Options) { o.Effect = 1.5 }, "synth: effect is 1.5, must be between 0 and 1"},
		{func(o *Options) { o.MuUV = math.NaN() }, "synth: mu_uv is NaN, must be between 0 and 1000"},
		{func(o *Options) { o.SensorUV = -1 }, "synth: sensor_uv is -1, must be between 0 and 1000"},
		{func(o *Options) { o.Rate = math.Inf(1) }, "synth: rate_hz is +Inf, must be between 64 and 10000"},
		{func(o *Options) { o.TrialsPerClass = 0 }, "synth: trials_per_class is 0, must be between 1 and 1e+06"},
		{func(o *Options) { o.RestS = 0.5 }, "synth: rest_s is 0.5, must be between 1 and 60"},
		{func(o *Options) { o.LineHz = 80 }, "synth: line_hz is 80, must be between 0 and 80 (half of rate_hz); set line_uv to 0 for no hum"},
		{func(o *Options) { o.Channels = []string{"Cz", "FFC3"} }, `synth: channels: unknown electrode "FFC3": did you mean "FC3"?`},
		{func(o *Options) { o.Channels = []string{"Cz", "Cz"} }, `synth: channels 0 and 1 are both named "Cz"`},
		{func(o *Options) { o.Channels = nil }, "synth: no channels"},
		{func(o *Options) { o.TrialsPerClass = 1e6 }, "must be at most 134217728: ask for fewer trials and simulate more runs"},
	} {
		opt := Defaults()
		tc.set(&opt)
		rec, truth, err := MotorImagery(opt)
		if err == nil || !strings.Contains(err.Error(), tc.want) || rec != nil || truth != nil {
			t.Errorf("got %v, want %q", err, tc.want)
		}
	}
}

func TestOptionsCanBeWrittenInAFile(t *testing.T) {
	opt := Defaults()
	if err := registry.Decode(&opt, []byte(`{"subject_seed": 9, "task": "fists-feet", "effect": 0.3}`)); err != nil {
		t.Fatal(err)
	}
	if opt.Subject != 9 || opt.Task != FistsFeet || opt.Effect != 0.3 || opt.Rate != 160 {
		t.Errorf("decoded %+v", opt)
	}
	for _, v := range []any{Options{}, NoiseOptions{}} {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
			if f.Tag.Get("json") == "" || f.Tag.Get("doc") == "" {
				t.Errorf("%T.%s has no key or no description", v, f.Name)
			}
		}
	}
}
