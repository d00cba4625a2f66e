package edf_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

type golden struct {
	EDFIO string                `json:"edfio"`
	Files map[string]goldenFile `json:"files"`
}

type goldenFile struct {
	Begin   string         `json:"begin"`
	Signals []goldenSignal `json:"signals"`
	Events  [][3]any       `json:"events"` // onset, duration, text
}

type goldenSignal struct {
	Label     string    `json:"label"`
	Dimension string    `json:"dimension"`
	Rate      float64   `json:"rate_hz"`
	Samples   int64     `json:"samples"`
	Sum       float64   `json:"sum"`
	SumAbs    float64   `json:"sum_abs"`
	At        []int     `json:"at"`
	Values    []float64 `json:"values"`
}

// TestGolden compares real recordings with edfio and MNE, see testdata/golden.py. A sample is digital·gain + offset; the
// programs differ in how they arrange the sum, so a sample near 0 that is the difference of large numbers differs by the
// rounding of those. The tolerance is 1e-12 of the sample or of the mean magnitude, whichever is larger.
func TestGolden(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Files) != 20 {
		t.Fatalf("%d files in golden.json, want 20", len(g.Files))
	}
	compared, samples, sums, onsets := 0, 0.0, 0.0, 0.0
	for name, want := range g.Files {
		t.Run(name, func(t *testing.T) {
			path := datasettest.Need(t, name)
			rec, err := ingest.Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
			if err != nil {
				t.Fatal(err)
			}
			closeAfter(t, rec)
			sample, sum := compareSignals(t, rec, want.Signals)
			onset := compareEvents(t, rec, want.Events)
			compared, samples, sums, onsets = compared+1, max(samples, sample), max(sums, sum), max(onsets, onset)
			// To the microsecond: Python's datetime has no nanoseconds.
			if begin := rec.Begin.Truncate(time.Microsecond).Format("2006-01-02T15:04:05.000000"); begin != want.Begin {
				t.Errorf("begins at %s, want %s", begin, want.Begin)
			}
		})
	}
	if compared == 0 {
		return
	}
	for what, d := range map[string]float64{
		"EDF: samples": samples, "EDF: sums of signals, over the sum of magnitudes": sums, "EDF+: onsets of annotations": onsets,
	} {
		paritytest.Error(t, paritytest.Report{
			What: what, Peer: "edfio " + g.EDFIO, Data: fmt.Sprintf("%d recordings", compared), Err: d, Tol: 1e-12,
		})
	}
}

// compareSignals goes through the signals in the order of the file; ours are in groups by rate. It returns the largest
// relative error of a sample and of a sum.
func compareSignals(t *testing.T, rec *signal.Recording, want []goldenSignal) (sample, sum float64) {
	t.Helper()
	type place struct {
		rec *signal.Recording
		ch  int
		x   [][]float64
	}
	byLabel := map[string][]place{}
	n := 0
	for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
		x := make([][]float64, len(r.Info.Channels))
		for ch := range x {
			x[ch] = make([]float64, r.Len)
		}
		if len(x) > 0 {
			if err := r.Data.ReadSamples(x, 0); err != nil {
				t.Fatal(err)
			}
		}
		for ch, c := range r.Info.Channels {
			byLabel[c.Original] = append(byLabel[c.Original], place{r, ch, x})
			n++
		}
	}
	if n != len(want) {
		t.Fatalf("%d channels, want %d", n, len(want))
	}
	for _, w := range want {
		if len(byLabel[w.Label]) == 0 {
			t.Errorf("no channel %q", w.Label)
			continue
		}
		p := byLabel[w.Label][0]
		byLabel[w.Label] = byLabel[w.Label][1:]
		x, c := p.x[p.ch], p.rec.Info.Channels[p.ch]
		if strings.HasSuffix(w.Dimension, "V") != (c.Unit == signal.Microvolt) {
			t.Errorf("%q has the unit %q, in the file it is %q", w.Label, c.Unit, w.Dimension)
		}
		if p.rec.Info.Rate != w.Rate || int64(len(x)) != w.Samples {
			t.Errorf("%q: %d samples at %g Hz, want %d at %g", w.Label, len(x), p.rec.Info.Rate, w.Samples, w.Rate)
			continue
		}
		mean := w.SumAbs / float64(w.Samples)
		for i, at := range w.At {
			d, size := math.Abs(x[at]-w.Values[i]), max(math.Abs(w.Values[i]), mean)
			if d != 0 {
				sample = max(sample, d/size)
			}
			if d > 1e-12*size {
				t.Errorf("%q: sample %d is %.17g, want %.17g", w.Label, at, x[at], w.Values[i])
			}
		}
		got := exactSum(x)
		d := math.Abs(got - w.Sum)
		if d != 0 {
			sum = max(sum, d/w.SumAbs)
		}
		if d > 1e-12*w.SumAbs {
			t.Errorf("%q: the sum is %.17g, want %.17g", w.Label, got, w.Sum)
		}
	}
	return sample, sum
}

// compareEvents compares with edfio. (MNE rounds onsets to a microsecond and leaves out what lies behind the data: all
// but the first annotation of a hypnogram.) It returns the largest error of an onset.
func compareEvents(t *testing.T, rec *signal.Recording, want [][3]any) (worst float64) {
	t.Helper()
	if len(rec.Events) != len(want) {
		t.Fatalf("%d events, want %d", len(rec.Events), len(want))
	}
	for i, w := range want {
		e := rec.Events[i]
		onset, duration, label := w[0].(float64), w[1].(float64), w[2].(string)
		d := math.Abs(e.Onset - onset)
		worst = max(worst, d/max(1, onset))
		if d > 1e-12*max(1, onset) || e.Duration != duration || e.Label != label {
			t.Errorf("event %d is %+v, want %q at %g s for %g s", i, e, label, onset, duration)
		}
		if sample := int64(math.Round(onset * rec.Info.Rate)); e.Sample != sample {
			t.Errorf("event %d is at sample %d, want %d", i, e.Sample, sample)
		}
	}
	return worst
}

// exactSum adds with the error carried along (Neumaier 1974, doi:10.1002/zamm.19740540106): as good as Python's fsum here.
func exactSum(x []float64) float64 {
	sum, carry := 0.0, 0.0
	for _, v := range x {
		s := sum + v
		if math.Abs(sum) >= math.Abs(v) {
			carry += (sum - s) + v
		} else {
			carry += (v - s) + sum
		}
		sum = s
	}
	return sum + carry
}
