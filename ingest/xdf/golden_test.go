package xdf_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	_ "github.com/gyrus-bci/gyrus/ingest/xdf"
)

// peerStream is a stream as pyxdf reads it, see testdata/golden.py.
type peerStream struct {
	Name         string       `json:"name"`
	Type         string       `json:"type"`
	Format       string       `json:"format"`
	Nominal      float64      `json:"nominal_hz"`
	Effective    float64      `json:"effective_hz"`
	Samples      int64        `json:"samples"`
	Segments     [][2]int64   `json:"segments"`
	SegmentTimes [][2]float64 `json:"segment_times_s"`
	Times        []float64    `json:"times_s"`
	Labels       string       `json:"labels_sha256"`
	Values       string       `json:"values_sha256"`
}

// hash is the SHA-256 of all samples, one behind the other, with the scale of the channels taken off.
func hash(t *testing.T, rec *signal.Recording) string {
	t.Helper()
	h := sha256.New()
	for _, run := range rec.Runs() {
		x := make([][]float64, len(rec.Info.Channels))
		for ch := range x {
			x[ch] = make([]float64, run.Len)
		}
		if err := rec.Data.ReadSamples(x, run.Start); err != nil {
			t.Fatal(err)
		}
		row := make([]byte, 0, 8*len(x))
		for i := range x[0] {
			row = row[:0]
			for ch := range x {
				row = binary.LittleEndian.AppendUint64(row, math.Float64bits(x[ch][i]))
			}
			h.Write(row)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// compare holds a recording against what pyxdf makes of the same file.
func compare(t *testing.T, rec *signal.Recording, peer []peerStream) {
	t.Helper()
	all := append([]*signal.Recording{rec}, rec.Others...)
	zero := math.Inf(1)
	for _, p := range peer {
		if p.regular() {
			zero = min(zero, p.SegmentTimes[0][0])
		}
	}
	var onsets []float64
	var events int
	used := map[*signal.Recording]bool{}
	for _, p := range peer {
		if !p.regular() {
			for i := range p.Times {
				onsets = append(onsets, p.Times[i]-zero)
			}
			events += len(p.Times)
			continue
		}
		var r *signal.Recording
		for _, c := range all { // several streams may look alike: the values tell
			if !used[c] && hash(t, c) == p.Values {
				r = c
				break
			}
		}
		if r == nil {
			t.Errorf("stream %q: no recording has its %d samples bit for bit", p.Name, p.Samples)
			continue
		}
		used[r] = true
		if want := p.Nominal; p.Effective == 0 || math.Abs(p.Effective/p.Nominal-1) <= 1e-3 { // 0: too few samples to tell
			if r.Info.Rate != want {
				t.Errorf("stream %q: the rate is %.12g Hz, want the nominal %.12g", p.Name, r.Info.Rate, want)
			}
		} else if math.Abs(r.Info.Rate/p.Effective-1) > 1e-8 {
			t.Errorf("stream %q: the rate is %.12g Hz, pyxdf measures %.12g", p.Name, r.Info.Rate, p.Effective)
		}
		runs := r.Runs()
		if len(runs) != len(p.Segments) {
			t.Errorf("stream %q: %d spans, pyxdf has %d segments", p.Name, len(runs), len(p.Segments))
			continue
		}
		for k, s := range runs {
			if want := p.Segments[k][1] - p.Segments[k][0] + 1; s.Len != want {
				t.Errorf("stream %q: span %d has %d samples, want %d", p.Name, k, s.Len, want)
			}
			if at, want := float64(s.Start)/r.Info.Rate, p.SegmentTimes[k][0]-zero; math.Abs(at-want) > 0.5/r.Info.Rate+1e-6 {
				t.Errorf("stream %q: span %d begins at %.6f s, want %.6f within half a sample", p.Name, k, at, want)
			}
		}
	}
	marks := slices.Clone(rec.Events)
	for _, j := range rec.Journals { // which are streams of text to pyxdf, as markers are
		marks = append(marks, j.Lines...)
		k := slices.IndexFunc(peer, func(p peerStream) bool { return p.Name == j.Name })
		if k < 0 {
			t.Errorf("pyxdf has no stream %q", j.Name)
			continue
		}
		var texts []string
		for _, e := range j.Lines {
			texts = append(texts, e.Label)
		}
		sum := sha256.Sum256([]byte(strings.Join(texts, "\n")))
		if got := hex.EncodeToString(sum[:]); peer[k].Type != j.Kind || peer[k].Labels != got {
			t.Errorf("pyxdf reads %q as %s with other texts, or of another type than %s", j.Name, peer[k].Type, j.Kind)
		}
	}
	if len(marks) != events {
		t.Errorf("%d events and lines of journals, want %d", len(marks), events)
		return
	}
	if len(rec.Info.Channels) == 0 || len(onsets) == 0 {
		return
	}
	got := make([]float64, len(onsets))
	for i, e := range marks {
		got[i] = e.Onset
	}
	sort.Float64s(onsets)
	sort.Float64s(got)
	for i := range got {
		if math.Abs(got[i]-onsets[i]) > 2e-6 { // the fits of the clocks stop at different places
			t.Fatalf("event %d is at %.9f s, pyxdf has it at %.9f", i, got[i], onsets[i])
		}
	}
}

func (p peerStream) regular() bool { return p.Format != "string" && p.Nominal > 0 && p.Samples > 0 }

// TestGolden: all files of the shared recordings against pyxdf.
func TestGolden(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set: no recordings to read")
	}
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Files map[string][]peerStream `json:"files"`
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Files) < 10 {
		t.Fatalf("golden.json has %d files", len(golden.Files))
	}
	for name, peer := range golden.Files {
		t.Run(name, func(t *testing.T) {
			open := func() (*signal.Recording, error) { return ingest.Open(os.DirFS(data), name) }
			rec, err := open()
			if err != nil {
				if errors.Is(err, fs.ErrNotExist) {
					t.Skipf("%s is not there", name)
				}
				t.Fatal(err)
			}
			compare(t, rec, peer)
			if err := rec.Close(); err != nil {
				t.Error(err)
			}
			ingesttest.Run(t, open)
		})
	}
}

// TestLabels: the texts of a stream, in order, are those that pyxdf reads.
func TestLabels(t *testing.T) {
	data := os.Getenv("GYRUS_DATA")
	if data == "" {
		t.Skip("GYRUS_DATA is not set: no recordings to read")
	}
	const name = "xdf/openbci-lsl/session-1.xdf" // has one stream of markers
	rec, err := ingest.Open(os.DirFS(data), name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	}()
	var labels []string
	for _, e := range rec.Events {
		labels = append(labels, e.Label)
	}
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Files map[string][]peerStream `json:"files"`
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	for _, p := range golden.Files[name] {
		if p.Format != "string" {
			continue
		}
		sum := sha256.Sum256([]byte(strings.Join(labels, "\n")))
		if got := hex.EncodeToString(sum[:]); got != p.Labels {
			t.Errorf("the labels are %q …, pyxdf reads others", labels[:3])
		}
		return
	}
	t.Error("golden.json has no stream of text for it")
}

// TestPeerReadsWritten: pyxdf reads what the writer wrote, streams, stamps and values. It runs where GYRUS_XDF_PYTHON names
// a Python with testdata/requirements.txt installed (make interop-xdf).
func TestPeerReadsWritten(t *testing.T) {
	for name, rec := range writable(t) {
		t.Run(name, func(t *testing.T) {
			data := written(t, rec)
			peer := check(t, data)
			again := open(t, data)
			if rec.Spans == nil { // pyxdf keeps short gaps in the stamps only, and has one segment
				compare(t, again, peer)
			}
			for _, p := range peer {
				if p.regular() && p.Values != hash(t, again) && p.Values != hash(t, firstOther(again)) {
					t.Errorf("pyxdf reads other values of %q", p.Name)
				}
			}
			if err := again.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPeerReadsOutliers: what pyxdf makes of clock offsets that are off is what docs/formats/xdf.md says.
func TestPeerReadsOutliers(t *testing.T) {
	for _, c := range outliers {
		peer := check(t, withOutlier(c.n, c.odd, c.by))
		if len(peer) != 2 || len(peer[0].SegmentTimes) != 1 || len(peer[1].Times) != 1 {
			t.Fatalf("pyxdf reads %+v, want samples without a break and an event", peer)
		}
		off := 1e3 * (peer[1].Times[0] - peer[0].SegmentTimes[0][0] - 42)
		if t.Logf("offset %d of %d is off by %g s: the event of pyxdf by %.3f ms", c.odd+1, c.n, c.by, off); math.Abs(off-c.pyxdf) > 1e-3*max(1, math.Abs(off)) {
			t.Errorf("must be %.3f ms", c.pyxdf)
		}
	}
}

// check is what pyxdf reads in a file.
func check(t *testing.T, data []byte) (peer []peerStream) {
	t.Helper()
	python := os.Getenv("GYRUS_XDF_PYTHON")
	if python == "" {
		t.Skip("GYRUS_XDF_PYTHON is not set: make interop-xdf runs this test with pyxdf")
	}
	file := filepath.Join(t.TempDir(), "x.xdf")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), python, "testdata/golden.py", "--check", file).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := json.Unmarshal(out, &peer); err != nil {
		t.Fatal(err)
	}
	return peer
}

func firstOther(r *signal.Recording) *signal.Recording {
	if len(r.Others) > 0 {
		return r.Others[0]
	}
	return r
}
