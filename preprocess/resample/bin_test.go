package resample_test

import (
	"math"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
	"github.com/gyrus-bci/gyrus/preprocess/resample"
)

// TestBinDefinition compares every bin with the sums of its definition, whatever sample the stream begins at.
func TestBinDefinition(t *testing.T) {
	opt := synth.NoiseDefaults()
	opt.AmplitudeUV, opt.TrialsPerClass = 30, 1
	rec, _, err := synth.Noise(opt)
	if err != nil {
		t.Fatal(err)
	}
	info := rec.Info
	whole := signal.NewChunk(info, 0, 2000)
	if err := rec.Data.ReadSamples(whole.X, 0); err != nil {
		t.Fatal(err)
	}
	const w = 8 // 0.05 s at 160 Hz
	for _, begin := range []int64{0, 3, 8} {
		for measure, threshold := range map[string]float64{"power": -50, "rms": -50, "count": -20, "count up": 20} {
			name := measure
			if name == "count up" {
				name = "count"
			}
			f := &resample.Bin{Width: 0.05, Measure: name, Threshold: threshold}
			out, err := f.Start(info)
			if err != nil || out.Rate != 20 {
				t.Fatalf("rate %g, %v", out.Rate, err)
			}
			y, err := f.Process(whole.Slice(begin, 2000))
			if err != nil {
				t.Fatal(err)
			}
			if want := (begin + w - 1) / w; y.Start != want || y.End() != 250 {
				t.Fatalf("bins [%d, %d), want from %d to 250", y.Start, y.End(), want)
			}
			crossings := 0.0
			for ch, x := range whole.X {
				for k := y.Start; k < y.End(); k++ {
					sum, n := 0.0, 0.0
					for s := k * w; s < (k+1)*w; s++ {
						sum += x[s] * x[s]
						if s > begin && (threshold < 0 && x[s] < threshold && x[s-1] >= threshold || threshold > 0 && x[s] > threshold && x[s-1] <= threshold) {
							n++
						}
					}
					want := map[string]float64{"power": sum / w, "rms": math.Sqrt(sum / w), "count": n}[name]
					if got := y.X[ch][k-y.Start]; math.Abs(got-want) > 1e-12*(1+want) {
						t.Fatalf("%s from sample %d: bin %d of channel %d is %g, want %g", measure, begin, k, ch, got, want)
					}
					crossings += n
				}
			}
			if crossings < 100 {
				t.Fatalf("%g crossings: the test shows nothing", crossings)
			}
		}
	}
}

func TestBinSuite(t *testing.T) {
	for _, f := range []resample.Bin{{Width: 0.02, Measure: "rms", Threshold: -1}, {Width: 0.1, Measure: "count", Threshold: -1}, {Width: 0.013, Measure: "count", Threshold: 2}} {
		preprocesstest.Run(t, "bin "+f.Measure, func() preprocess.Processor { g := f; return &g })
	}
}

func TestBinRefuses(t *testing.T) {
	info := &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "C3", Unit: signal.Microvolt}}}
	for _, f := range []resample.Bin{
		{Width: 0, Measure: "power", Threshold: -1},
		{Width: 0.001, Measure: "power", Threshold: -1},
		{Width: 11, Measure: "power", Threshold: -1},
		{Width: math.NaN(), Measure: "power", Threshold: -1},
		{Width: 1, Measure: "powre", Threshold: -1},
		{Width: 1, Measure: "count"},
		{Width: 1, Measure: "count", Threshold: math.NaN()},
	} {
		if _, err := f.Start(info); err == nil {
			t.Errorf("%+v is taken", f)
		}
	}
	f := resample.Bin{Width: 0.1, Measure: "power", Threshold: -1}
	if out, err := f.Start(info); err != nil || out.Channels[0].Unit != "µV²" || info.Channels[0].Unit != signal.Microvolt {
		t.Errorf("the unit is %q, %v", out.Channels[0].Unit, err)
	}
}
