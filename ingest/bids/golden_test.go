package bids_test

import (
	"cmp"
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	_ "github.com/gyrus-bci/gyrus/ingest/brainvision" // to read
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// peerTree is what testdata/golden.py says of a tree with one recording.
type peerTree struct {
	Rate      float64              `json:"rate_hz"`
	Samples   int64                `json:"samples"`
	Begin     string               `json:"begin"`
	Channels  []string             `json:"channels"`
	Types     []string             `json:"types"`
	Volts     []bool               `json:"volts"`
	Bads      []string             `json:"bads"`
	Line      float64              `json:"line_hz"`
	Frame     string               `json:"frame"`
	Positions map[string][]float64 `json:"positions"`
	Events    [][3]any             `json:"events"`
	Sums      [][2]float64         `json:"sums"`
}

type peerTrees struct {
	MNEBIDS string              `json:"mne_bids"`
	MNE     string              `json:"mne"`
	Trees   map[string]peerTree `json:"trees"`
}

const tinyRecording = "sub-01/ses-eeg/eeg/sub-01_ses-eeg_task-rest_eeg.vhdr"

// trees are all that mne-bids was asked about: the fixtures, and the real one.
func trees(t *testing.T) []fixture {
	t.Helper()
	tiny := tree{}
	root := os.DirFS(strings.TrimSuffix(filepath.ToSlash(datasettest.Need(t, "formats/bids/tiny_bids/"+tinyRecording)), tinyRecording))
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, name)
		tiny[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(fixtures(), interrupted(t), unmeasured(t), []fixture{{"tiny_bids", tinyRecording, tiny}})
}

// TestGolden: mne-bids reads the same channels, types, states, positions, events, begin and samples, but for what
// docs/formats/bids.md explains: exceptions names them.
func TestGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden peerTrees
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	all := trees(t)
	if len(golden.Trees) != len(all) {
		t.Errorf("golden.json has %d trees, want %d", len(golden.Trees), len(all))
	}
	for _, f := range all {
		t.Run(f.name, func(t *testing.T) {
			want, found := golden.Trees[f.name]
			if !found {
				t.Fatal("golden.json does not have it")
			}
			rec, err := ingest.Open(fstest.MapFS(f.tree), f.recording)
			if err != nil {
				t.Fatal(err)
			}
			want.compare(t, rec, f.name)
			if err := rec.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// exceptions are where gyrus means to differ from mne-bids, by the tree: see docs/formats/bids.md.
var exceptions = map[string]struct {
	gains     map[string]float64 // of channels of which the unit is overruled; mne-bids scales as the header says
	positions bool               // not compared
}{
	"fieldtrip-1545": {gains: map[string]float64{"Fz": 1e-3, "Cz": 1e-3, "LE": 1e-3}},
	"mne-bids-701":   {gains: map[string]float64{"DC1": 1e6}, positions: true},
}

// peerKinds are the kinds of MNE's types; those that are not here are signal.Misc.
var peerKinds = map[string]signal.Kind{
	"eeg": signal.EEG, "eog": signal.EOG, "ecg": signal.ECG, "emg": signal.EMG, "seeg": signal.SEEG, "dbs": signal.SEEG, "ecog": signal.ECoG, "stim": signal.Trigger,
}

func (p peerTree) compare(t *testing.T, rec *signal.Recording, name string) {
	t.Helper()
	except := exceptions[name]
	samples := int64(0) // as mne-bids counts them, without gaps but those in which the file has samples
	for _, r := range rec.FileRuns() {
		samples += r.Len
	}
	if rec.Info.Rate != p.Rate || samples != p.Samples {
		t.Errorf("%d samples at %g Hz, want %d at %g Hz", samples, rec.Info.Rate, p.Samples, p.Rate)
	}
	begin, err := time.Parse(time.RFC3339Nano, p.Begin)
	if d := rec.Begin.Sub(begin); (p.Begin != "" || !rec.Begin.IsZero()) && (err != nil || d < -time.Microsecond || d > time.Microsecond) {
		t.Errorf("begins at %v, want %v (%v)", rec.Begin, begin, err)
	}
	if len(rec.Info.Channels) != len(p.Channels) {
		t.Fatalf("channels %v, want %v", rec.Info.Names(), p.Channels)
	}
	x := endToEnd(t, rec)
	var bads []string
	for ch, c := range rec.Info.Channels {
		k := slices.Index(p.Channels, c.Original) // mne-bids puts them into the order of the table
		if k < 0 {
			t.Errorf("no channel %q, there are %q", c.Original, p.Channels)
			continue
		}
		want := peerKinds[p.Types[k]]
		if want == "" {
			want = signal.Misc
		}
		if c.Kind != want {
			t.Errorf("%s is %s, want %s", c.Name, c.Kind, want)
		}
		if c.Bad {
			bads = append(bads, c.Original)
		}
		gain := cmp.Or(except.gains[c.Original], 1)
		if c.Unit == signal.Microvolt {
			gain *= 1e6
		}
		sum, squares := 0.0, 0.0
		for _, v := range x[ch] {
			sum, squares = sum+v, squares+v*v
		}
		if sum2 := p.Sums[k][1] * gain * gain; math.Abs(squares/sum2-1) > 1e-9 || math.Abs(sum-p.Sums[k][0]*gain) > 1e-6*math.Sqrt(sum2) {
			t.Errorf("%s: sums %g and %g, want %g and %g", c.Name, sum, squares, p.Sums[k][0]*gain, sum2)
		}
		if place, known := p.Positions[c.Original]; known && !except.positions {
			if c.Pos == nil || distance(*c.Pos, signal.Position(place)) > 1e-9 { // MNE has float32 where it turns frames
				t.Errorf("%s is at %v, want %v", c.Name, c.Pos, place)
			}
		}
	}
	slices.Sort(bads)
	if want := slices.Sorted(slices.Values(p.Bads)); !slices.Equal(bads, want) {
		t.Errorf("bad are %q, want %q", bads, want)
	}
	p.compareEvents(t, rec)
}

// endToEnd is all samples of rec, without its gaps.
func endToEnd(t *testing.T, rec *signal.Recording) [][]float64 {
	t.Helper()
	all := make([][]float64, len(rec.Info.Channels))
	for _, r := range rec.Runs() {
		x := make([][]float64, len(all))
		for ch := range x {
			x[ch] = make([]float64, r.Len)
		}
		if err := rec.Data.ReadSamples(x, r.Start); err != nil {
			t.Fatal(err)
		}
		for ch := range x {
			all[ch] = append(all[ch], x[ch]...)
		}
	}
	return all
}

// skipped is how long the gaps of the file are together that lie before a sample, in seconds.
func skipped(rec *signal.Recording, sample int64) (seconds float64) {
	file := signal.Recording{Spans: rec.FileRuns()}
	for _, g := range file.Gaps() {
		if g.Start < sample {
			seconds += float64(g.Len) / rec.Info.Rate
		}
	}
	return seconds
}

func distance(a, b signal.Position) float64 {
	return math.Hypot(math.Hypot(a[0]-b[0], a[1]-b[1]), a[2]-b[2])
}

func (p peerTree) compareEvents(t *testing.T, rec *signal.Recording) {
	t.Helper()
	events := slices.DeleteFunc(slices.Clone(p.Events), func(e [3]any) bool { return e[2].(string) == signal.SkipLabel }) // which gyrus has as gaps
	if len(rec.Events) != len(events) {
		t.Fatalf("events %v, want %v", rec.Events, events)
	}
	for i, e := range rec.Events {
		e.Onset -= skipped(rec, e.Sample)
		if w := events[i]; math.Abs(e.Onset-w[0].(float64)) > 1e-9 || e.Duration != w[1].(float64) || e.Label != w[2].(string) {
			t.Errorf("event %d is %+v, want %v", i, e, w)
		}
	}
}

// TestPeerReadsTheSame: golden.json is what the mne-bids of testdata/requirements.txt says. It runs where GYRUS_BIDS_PYTHON
// names a Python with it (make interop-bids); with GYRUS_BIDS_UPDATE=1 it writes golden.json anew.
func TestPeerReadsTheSame(t *testing.T) {
	python := os.Getenv("GYRUS_BIDS_PYTHON")
	if python == "" {
		t.Skip("GYRUS_BIDS_PYTHON is not set: make interop-bids runs this test with mne-bids")
	}
	dir := t.TempDir()
	for _, f := range trees(t) {
		if err := os.CopyFS(filepath.Join(dir, f.name), fstest.MapFS(f.tree)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/golden.py", dir)
	cmd.Stderr, cmd.Env = os.Stderr, append(os.Environ(), "TZ=UTC")
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("GYRUS_BIDS_UPDATE") != "" {
		if err := os.WriteFile("testdata/golden.json", text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != string(want) {
		t.Errorf("mne-bids says something else than golden.json: GYRUS_BIDS_UPDATE=1 writes it anew\n%s", text)
	}
}
