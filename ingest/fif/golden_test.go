package fif_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	_ "github.com/gyrus-bci/gyrus/ingest/fif"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

type goldenFile struct {
	Rate        float64      `json:"rate_hz"`
	Samples     int64        `json:"samples"`
	Runs        [][2]int64   `json:"runs"`
	Begin       string       `json:"begin"`
	Channels    []string     `json:"channels"`
	Kinds       []string     `json:"kinds"`
	Bads        []string     `json:"bads"`
	Positions   [][3]float64 `json:"positions"`
	Events      [][2]int64   `json:"events"`      // sample, code
	Annotations [][]any      `json:"annotations"` // onset, duration, text, and channels where there are some that are of single ones
	At          []int64      `json:"at"`
	Volts       [][]float64  `json:"volts"` // one row of channels for each in At
	Sums        []float64    `json:"sums"`
	Hash        string       `json:"sha256_microvolt"`
}

// TestGolden compares with MNE, see testdata/golden.py: names, kinds, rate, date, gaps, events and values. MNE multiplies a
// stored number by range·calibration and gives volts; gyrus multiplies it once, by that and a million, so the last bit may
// differ. Of the recordings of the exoskeleton set, whose calibration is 1, every sample has the same bits.
func TestGolden(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		MNE   string                `json:"mne"`
		Files map[string]goldenFile `json:"files"`
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Files) != 12+12 {
		t.Fatalf("%d files in golden.json, want 12 here and 12 of the exoskeleton set", len(g.Files))
	}
	worst, compared, others := 0.0, 0, 0
	for name, want := range g.Files {
		t.Run(name, func(t *testing.T) {
			rec := openGolden(t, name)
			compareHeader(t, rec, want)
			x := whole(t, rec)
			if want.Hash != "" {
				if got := hash(x); got != want.Hash {
					others++
					t.Errorf("the samples have the SHA-256 %s, MNE's %s", got, want.Hash)
				}
				compared++
				return
			}
			worst = max(worst, compareValues(t, rec, x, want))
		})
	}
	peer := "MNE " + g.MNE
	paritytest.Error(t, paritytest.Report{What: "FIF: samples in int16, int32, float32 and float64", Peer: peer, Data: "12 generated recordings", Err: worst, Tol: 1e-15})
	if compared > 0 {
		paritytest.Error(t, paritytest.Report{
			What: "FIF: recordings with a sample that differs in any bit", Peer: peer, Data: fmt.Sprintf("SSVEP exoskeleton set, %d recordings", compared), Err: float64(others), Tol: 0,
		})
	}
}

func openGolden(t *testing.T, name string) *signal.Recording {
	t.Helper()
	path := filepath.Join("testdata", name)
	if strings.Contains(name, "/") {
		path = datasettest.Need(t, name)
	}
	return ingesttest.Open(t, os.DirFS(filepath.Dir(path)), filepath.Base(path))
}

func compareHeader(t *testing.T, rec *signal.Recording, want goldenFile) {
	t.Helper()
	if rec.Info.Rate != want.Rate || rec.Len != want.Samples {
		t.Errorf("%d samples at %g Hz, want %d at %g", rec.Len, rec.Info.Rate, want.Samples, want.Rate)
	}
	var runs [][2]int64
	for _, s := range rec.Runs() {
		runs = append(runs, [2]int64{s.Start, s.End()})
	}
	if !slices.Equal(runs, want.Runs) {
		t.Errorf("samples are in %v, want %v", runs, want.Runs)
	}
	begin := time.Time{}
	if want.Begin != "" {
		var err error
		if begin, err = time.Parse(time.RFC3339Nano, want.Begin); err != nil {
			t.Fatal(err)
		}
	}
	if d := rec.Begin.Sub(begin); d < -time.Microsecond || d > time.Microsecond {
		t.Errorf("begins at %v, want %v", rec.Begin, begin)
	}
	if !slices.Equal(rec.Info.Names(), want.Channels) {
		t.Errorf("channels %q, want %q", rec.Info.Names(), want.Channels)
	}
	for i, c := range rec.Info.Channels {
		kind := want.Kinds[i]
		if kind == "stim" {
			kind = "trigger"
		}
		if string(c.Kind) != kind {
			t.Errorf("channel %q is of kind %q, want %q", c.Name, c.Kind, kind)
		}
		if len(want.Positions) > 0 && c.Kind == signal.EEG && (c.Pos == nil || *c.Pos != signal.Position(want.Positions[i])) {
			t.Errorf("channel %q is at %v, want %v", c.Name, c.Pos, want.Positions[i])
		}
	}
	var bad []string
	for _, c := range rec.Info.Channels {
		if c.Bad {
			bad = append(bad, c.Original)
		}
	}
	if slices.Sort(bad); !slices.Equal(bad, slices.Sorted(slices.Values(want.Bads))) {
		t.Errorf("bad channels %q, want %q", bad, want.Bads)
	}
	compareEvents(t, rec, want)
}

// compareEvents allows annotations a tenth of a millisecond: the file has their onsets as float32.
func compareEvents(t *testing.T, rec *signal.Recording, want goldenFile) {
	t.Helper()
	var codes [][2]int64
	var notes []signal.Event
	for _, e := range rec.Events {
		if code, err := strconv.ParseInt(e.Label, 10, 64); err == nil {
			codes = append(codes, [2]int64{e.Sample, code})
			if e.Onset != float64(e.Sample)/rec.Info.Rate {
				t.Errorf("event %+v has an onset that is not its sample", e)
			}
		} else {
			notes = append(notes, e)
		}
	}
	if !slices.Equal(codes, want.Events) {
		t.Errorf("events %v, want %v", codes, want.Events)
	}
	if len(notes) != len(want.Annotations) {
		t.Fatalf("annotations %v, want %v", notes, want.Annotations)
	}
	for i, w := range want.Annotations {
		onset, duration, text := w[0].(float64), w[1].(float64), w[2].(string)
		if e := notes[i]; math.Abs(e.Onset-onset) > 1e-4 || math.Abs(e.Duration-duration) > 1e-5 || e.Label != text || e.Sample != int64(math.Round(onset*rec.Info.Rate)) {
			t.Errorf("annotation %+v, want %q at %g s for %g s", e, text, onset, duration)
		}
		var of []string
		for _, names := range w[3:] {
			for _, n := range names.([]any) {
				of = append(of, n.(string))
			}
		}
		if e := notes[i]; e.Channels != signal.ChannelsOf(of...) {
			t.Errorf("annotation %q is of %q, want %q", text, e.Channels, of)
		}
	}
}

// compareValues returns the largest relative error. Where a gap is, MNE gives zeros and gyrus nothing.
func compareValues(t *testing.T, rec *signal.Recording, x [][]float64, want goldenFile) (worst float64) {
	t.Helper()
	there := func(at int64) bool {
		return slices.ContainsFunc(rec.Runs(), func(s signal.Span) bool { return s.Start <= at && at < s.End() })
	}
	for ch, c := range rec.Info.Channels {
		factor := 1.0
		if c.Unit == signal.Microvolt {
			factor = 1e6
		}
		sum, sumAbs := 0.0, 0.0
		for _, v := range x[ch] {
			sum, sumAbs = sum+v, sumAbs+math.Abs(v)
		}
		if d := math.Abs(sum - want.Sums[ch]*factor); d > 1e-13*sumAbs {
			t.Errorf("%s: the sum is %g, want %g", c.Name, sum, want.Sums[ch]*factor)
		}
		for i, at := range want.At {
			if !there(at) {
				continue
			}
			w := want.Volts[i][ch] * factor
			d := math.Abs(x[ch][at] - w)
			if w != 0 {
				d /= math.Abs(w)
			}
			if worst = max(worst, d); d > 1e-15 {
				t.Errorf("%s: sample %d is %.17g, want %.17g", c.Name, at, x[ch][at], w)
			}
		}
	}
	return worst
}

// whole reads all samples; gaps are 0.
func whole(t *testing.T, rec *signal.Recording) [][]float64 {
	t.Helper()
	x := make([][]float64, len(rec.Info.Channels))
	for ch := range x {
		x[ch] = make([]float64, rec.Len)
	}
	part := make([][]float64, len(x))
	for _, s := range rec.Runs() {
		for ch := range x {
			part[ch] = x[ch][s.Start:s.End()]
		}
		if err := rec.Data.ReadSamples(part, s.Start); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func hash(x [][]float64) string {
	h := sha256.New()
	var b []byte
	for _, row := range x {
		b = b[:0]
		for _, v := range row {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))
}
