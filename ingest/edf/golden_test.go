package edf_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
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
	SHA256    string    `json:"sha256"` // of all samples as little-endian float64, in µV where they are volts
	At        []int     `json:"at"`
	Values    []float64 `json:"values"`
}

// TestGolden compares real recordings with edfio and MNE, see testdata/golden.py. Every sample has the bits that edfio has.
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
	compared, differ, onsets := 0, 0, 0.0
	for name, want := range g.Files {
		t.Run(name, func(t *testing.T) {
			path := datasettest.Need(t, name)
			rec, err := ingest.Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
			if err != nil {
				t.Fatal(err)
			}
			closeAfter(t, rec)
			differ += compareSignals(t, rec, want.Signals)
			compared, onsets = compared+1, max(onsets, compareEvents(t, rec, want.Events))
			// To the microsecond: Python's datetime has no nanoseconds.
			if begin := rec.Begin.Truncate(time.Microsecond).Format("2006-01-02T15:04:05.000000"); begin != want.Begin {
				t.Errorf("begins at %s, want %s", begin, want.Begin)
			}
		})
	}
	if compared == 0 {
		return
	}
	on := fmt.Sprintf("%d recordings", compared)
	paritytest.Error(t, paritytest.Report{What: "EDF: signals that differ in any bit of any sample", Peer: "edfio " + g.EDFIO, Data: on, Err: float64(differ)})
	paritytest.Error(t, paritytest.Report{What: "EDF+: onsets of annotations", Peer: "edfio " + g.EDFIO, Data: on, Err: onsets, Tol: 1e-12})
}

// compareSignals goes through the signals in the order of the file; ours are in groups by rate. It returns how many
// of them are not the same to the last bit.
func compareSignals(t *testing.T, rec *signal.Recording, want []goldenSignal) (differ int) {
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
		for i, at := range w.At {
			if x[at] != w.Values[i] {
				t.Errorf("%q: sample %d is %.17g, want %.17g", w.Label, at, x[at], w.Values[i])
			}
		}
		h := sha256.New()
		var b [8]byte
		for _, v := range x {
			binary.LittleEndian.PutUint64(b[:], math.Float64bits(v))
			h.Write(b[:])
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != w.SHA256 {
			t.Errorf("%q: the samples have the SHA-256 %s, want %s", w.Label, got, w.SHA256)
			differ++
		}
	}
	return differ
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
