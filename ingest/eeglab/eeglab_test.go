package eeglab_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	_ "github.com/gyrus-bci/gyrus/ingest/eeglab"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestGolden compares with MNE and SciPy, see testdata/golden.py and docs/formats/eeglab.md.
func TestGolden(t *testing.T) {
	files := ingesttest.ReadGolden(t, "testdata/golden.json")
	if len(files) != 12 {
		t.Fatalf("%d files in golden.json, want 12", len(files))
	}
	delete(files, "skipped.set") // TestSkipped
	delete(files, "edges.set")   // TestBoundaryEdges: MNE has none in front of the first sample
	delete(files, "types.set")   // TestTypes
	for name, want := range files {
		t.Run(name, func(t *testing.T) {
			root, base := os.DirFS("testdata"), name
			if strings.Contains(name, "/") {
				root, base = os.DirFS(filepath.Dir(datasettest.Need(t, name))), path.Base(name)
			}
			ingesttest.Run(t, func() (*signal.Recording, error) { return ingest.Open(root, base) })
			rec := open(t, root, base)
			want.Check(t, rec)
			if deviations, notes := fmt.Sprint(rec.Deviations), fmt.Sprint(rec.Notes); strings.Contains(deviations, "the unit of") || !strings.Contains(notes, "a format without units") {
				t.Errorf("what is EEGLAB's convention breaks nothing, and is noted: the deviations are %s, the notes %s", deviations, notes)
			}
			if strings.Contains(name, "/") && len(rec.Deviations) > 0 {
				t.Errorf("an original of EEGLAB breaks nothing: %+v", rec.Deviations)
			}
			if len(rec.Events) != len(want.Annotations) {
				t.Fatalf("%d events, want %d", len(rec.Events), len(want.Annotations))
			}
			for i, a := range want.Annotations { // onsets without the gaps, rounded by MNE to microseconds
				e := rec.Events[i]
				shift := 0.0
				for _, g := range rec.Gaps() {
					if g.End() <= e.Sample {
						shift += float64(g.Len)
					}
				}
				label := strings.TrimSuffix(a[2].(string), ".0") // MNE writes the number 7 as "7.0"
				if name == "numbers.set" && label == "-99" {
					label = "boundary" // as EEGLAB has it
				}
				onset, at := e.Onset-shift/rec.Info.Rate, a[0].(float64)
				if label == "boundary" { // MNE has it between the samples before and behind it
					at = math.Ceil(at*rec.Info.Rate-1e-3) / rec.Info.Rate
				}
				if math.Abs(onset-at) > 1e-6 || math.Abs(e.Duration-a[1].(float64)) > 1e-9 || e.Label != label {
					t.Errorf("event %d is %+v, without gaps at %g s, want %v", i, e, onset, a)
				}
			}
		})
	}
}

func open(t *testing.T, root fs.FS, name string) *signal.Recording {
	t.Helper()
	return ingesttest.Open(t, root, name)
}

// TestSkipped: where MNE has samples that it calls BAD_ACQ_SKIP there is a gap, and all else is where MNE has it. MNE exported the file.
func TestSkipped(t *testing.T) {
	want := ingesttest.ReadGolden(t, "testdata/golden.json")["skipped.set"]
	rec, same := open(t, os.DirFS("testdata"), "skipped.set"), open(t, os.DirFS("testdata"), "mixed.set") // of the same numbers, nowhere 0
	if spans := []signal.Span{{Start: 0, Len: 30}, {Start: 55, Len: 25}, {Start: 90, Len: 10}}; !slices.Equal(rec.Spans, spans) || rec.Len != 100 || !slices.Equal(rec.FileRuns(), []signal.Span{{Start: 0, Len: 100}}) {
		t.Errorf("samples are in %v of %d, in the file in %v", rec.Spans, rec.Len, rec.FileRuns())
	}
	want.Check(t, rec)
	marks, skipped, events := 0, map[float64]float64{}, rec.Events // one is there twice, see golden.py
	for _, a := range want.Annotations {
		if a[2] == signal.SkipLabel {
			marks++
			skipped[a[0].(float64)] = a[1].(float64)
			continue
		}
		if len(events) == 0 {
			t.Fatalf("no event %v", a)
		}
		if e := events[0]; math.Abs(e.Onset-a[0].(float64)) > 1e-6 || e.Sample != int64(math.Round(a[0].(float64)*rec.Info.Rate)) || math.Abs(e.Duration-a[1].(float64)) > 1e-9 || e.Label != a[2] {
			t.Errorf("event %+v, want %v", e, a)
		}
		events = events[1:]
	}
	if len(events) > 0 {
		t.Errorf("more events than MNE has: %+v", events)
	}
	seconds := 0.0
	for _, d := range skipped {
		seconds += d
	}
	if len(skipped) != 2 || len(rec.Notes) != 2 || !strings.Contains(rec.Notes[1].Found, fmt.Sprintf("%d so marked, %.6g s", marks, seconds)) {
		t.Errorf("the notes are %+v, want %d and %g s", rec.Notes, marks, seconds)
	}
	for _, run := range rec.Runs() {
		got, right := signal.NewChunk(rec.Info, run.Start, int(run.Len)), signal.NewChunk(rec.Info, run.Start, int(run.Len))
		if err := errors.Join(rec.Data.ReadSamples(got.X, run.Start), same.Data.ReadSamples(right.X, run.Start)); err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(got.X, right.X, slices.Equal) {
			t.Errorf("the samples from %d on are others", run.Start)
		}
	}
}

// TestBoundary: 40 samples are missing before sample 20 of the file, and an unknown number before sample 60.
func TestBoundary(t *testing.T) {
	rec := open(t, os.DirFS("testdata"), "inside.set")
	want := []signal.Span{{Start: 0, Len: 20}, {Start: 60, Len: 40}, {Start: 101, Len: 40}}
	if !slices.Equal(rec.Spans, want) || rec.Len != 141 {
		t.Errorf("samples are in %v of %d, want %v", rec.Spans, rec.Len, want)
	}
	var at []int64
	for _, e := range rec.Events {
		at = append(at, e.Sample)
	}
	if !slices.Equal(at, []int64{0, 11, 20, 60, 100, 140}) {
		t.Errorf("events are at %v", at)
	}
	if e := rec.Events[2]; e.Onset != 20/128. || e.Duration != 40/128. {
		t.Errorf("the first boundary is %+v, must last as long as the gap", e)
	}
}

// TestBoundaryEdges: no boundary lies over samples that are there, also not the second of two at one place, or one in front of
// the first of them: it stands there, with no duration.
func TestBoundaryEdges(t *testing.T) {
	rec := open(t, os.DirFS("testdata"), "edges.set")
	if want := []signal.Span{{Start: 0, Len: 50}, {Start: 90, Len: 50}}; !slices.Equal(rec.Spans, want) {
		t.Errorf("samples are in %v, want %v", rec.Spans, want)
	}
	want := []signal.Event{
		{Label: "boundary"},
		{Sample: 10, Onset: 10 / 128., Label: "a"},
		{Sample: 50, Onset: 50 / 128., Duration: 40 / 128., Label: "boundary"},
		{Sample: 50, Onset: 50 / 128., Duration: 40 / 128., Label: "boundary"},
		{Sample: 90, Onset: 90 / 128., Label: "b"},
		{Sample: 140, Onset: 140 / 128., Duration: 20 / 128., Label: "boundary"},
	}
	if !slices.Equal(rec.Events, want) {
		t.Errorf("the events are %+v, want %+v", rec.Events, want)
	}
}

// TestBoundary99: among types that are all numbers -99 is a boundary, which is listed; where one is text it is an event like others.
func TestBoundary99(t *testing.T) {
	rec := open(t, os.DirFS("testdata"), "numbers.set")
	want := []signal.Span{{Start: 0, Len: 30}, {Start: 70, Len: 30}, {Start: 101, Len: 40}}
	if !slices.Equal(rec.Spans, want) || rec.Len != 141 {
		t.Errorf("samples are in %v of %d, want %v", rec.Spans, rec.Len, want)
	}
	var events []string
	for _, e := range rec.Events {
		events = append(events, fmt.Sprintf("%d %s", e.Sample, e.Label))
	}
	if got := strings.Join(events, ", "); got != "10 1, 30 boundary, 74 2, 100 boundary, 110 1" {
		t.Errorf("the events are %s", got)
	}
	if !slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool {
		return strings.Contains(d.Found, "-99 among types") && strings.Contains(d.Found, "1 more")
	}) {
		t.Errorf("the deviations are %+v, want the two boundaries", rec.Deviations)
	}
	if rec := open(t, os.DirFS("testdata"), "mixed.set"); rec.Spans != nil || rec.Len != 100 || len(rec.Events) != 3 || rec.Events[1].Label != "-99" || strings.Contains(fmt.Sprint(rec.Deviations), "-99") {
		t.Errorf("among texts: samples in %v of %d, events %+v, deviations %+v", rec.Spans, rec.Len, rec.Events, rec.Deviations)
	}
}

// TestTypes: a type may lie in a cell, as MNE reads it. What cannot be read is listed, and the event is there all the same.
func TestTypes(t *testing.T) {
	rec := open(t, os.DirFS("testdata"), "types.set")
	var labels, found []string
	for i, e := range rec.Events {
		if want := []int64{2, 9, 19, 29, 39, 49, 59, 69, 79, 89}; i >= len(want) || e.Sample != want[i] {
			t.Errorf("event %d is %+v, want samples %v", i, e, want)
		}
		labels = append(labels, e.Label)
	}
	if want := []string{"a", "b", "7", "c", "", "", "", "", "e", "f"}; !slices.Equal(labels, want) {
		t.Errorf("the labels are %q, want %q", labels, want)
	}
	for _, d := range rec.Deviations {
		if strings.HasSuffix(d.Where, ": type") {
			found = append(found, d.Found+"; "+d.Assumed)
		}
		if d.Missing {
			t.Errorf("missing: %+v", d)
		}
	}
	if want := []string{"2 in the cells of event 4; the first of them", "nothing in event 5; 3 more like it; the event is kept, without a label"}; !slices.Equal(found, want) {
		t.Errorf("the deviations of types are %q, want %q", found, want)
	}
	for i, a := range ingesttest.ReadGolden(t, "testdata/golden.json")["types.set"].Annotations {
		if mne := strings.TrimSuffix(a[2].(string), ".0"); i < 3 && mne != labels[i] {
			t.Errorf("event %d is %q, of MNE %q", i, labels[i], mne)
		}
	}
}

func TestEpochs(t *testing.T) {
	rec := open(t, os.DirFS("testdata"), "epochs.set")
	want := []signal.Span{{Start: 0, Len: 25}, {Start: 26, Len: 25}, {Start: 52, Len: 25}, {Start: 78, Len: 25}}
	if !slices.Equal(rec.Spans, want) {
		t.Errorf("samples are in %v, want %v", rec.Spans, want)
	}
	if e := rec.Events[1]; e.Sample != 30 || e.Onset != 30/128. { // sample 29 of the file is number 4 of the second epoch
		t.Errorf("the second event is %+v", e)
	}
}

// TestChanlocs: x to the nose and y to the left in the file; in millimetres, metres and on a unit sphere.
func TestChanlocs(t *testing.T) {
	lift := montage.HeadRadius * math.Sin(22.5*math.Pi/180)
	for name, want := range map[string][]float64{
		"beside.set": {-0.3 * 0.085, 0.9 * 0.085, -0.1 * 0.085}, "double.set": {-0.3 * 0.09, 0.9 * 0.09, -0.1 * 0.09},
		"inside.set": {-0.3, 0.9, -0.1},
	} {
		rec := open(t, os.DirFS("testdata"), name)
		p := rec.Info.Channels[0].Pos
		if p == nil {
			t.Fatalf("%s: Fp1 has no place", name)
		}
		for k := range want {
			if name == "inside.set" { // scaled to the mean distance
				mean := (math.Sqrt(0.91) + 1 + 1 + math.Sqrt(0.99)) / 4
				if want[k] *= montage.HeadRadius / mean; k == 2 {
					want[k] += lift
				}
			}
			if math.Abs(p[k]-want[k]) > 1e-12 {
				t.Errorf("%s: Fp1 is at %v, want %v", name, *p, want)
			}
		}
		c := rec.Info.Channels
		if c[2].Name != "T7" || c[3].Kind != signal.EOG || c[3].Pos != nil || c[4].Kind != signal.EEG || rec.Info.Reference != "average" {
			t.Errorf("%s: %+v, reference %q", name, c, rec.Info.Reference)
		}
	}
}

func set(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func deviates(rec *signal.Recording, words string) bool {
	return slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return strings.Contains(fmt.Sprintf("%+v", d), words) })
}

func TestDataFile(t *testing.T) {
	fdt := set(t, "beside.fdt")
	rec := open(t, fstest.MapFS{"new.set": {Data: set(t, "beside.set")}, "new.fdt": {Data: fdt}}, "new.set")
	if !deviates(rec, `"new.fdt"`) || !slices.Equal(rec.Parts, []string{"new.fdt"}) {
		t.Errorf("renamed: %q, %+v", rec.Parts, rec.Deviations)
	}
	rec = open(t, fstest.MapFS{"beside.set": {Data: set(t, "beside.set")}, "beside.fdt": {Data: fdt[:1003]}}, "beside.set")
	if rec.Info.Rate != 128 || !deviates(rec, "the first 50 samples") {
		t.Errorf("cut: %d samples, %+v", rec.Len, rec.Deviations)
	}
	// The same samples, channel by channel, as older versions wrote them.
	dat := make([]byte, len(fdt))
	for ch := range 5 {
		for k := range 100 {
			copy(dat[4*(ch*100+k):], fdt[4*(5*k+ch):4*(5*k+ch)+4])
		}
	}
	both := fstest.MapFS{"a.set": {Data: set(t, "beside.set")}, "a.dat": {Data: dat}, "b.set": {Data: set(t, "beside.set")}, "b.fdt": {Data: fdt}}
	a, b := open(t, both, "a.set"), open(t, both, "b.set")
	for _, s := range a.Runs() {
		x, y := make([][]float64, 5), make([][]float64, 5)
		for ch := range x {
			x[ch], y[ch] = make([]float64, s.Len), make([]float64, s.Len)
		}
		if err := errors.Join(a.Data.ReadSamples(x, s.Start), b.Data.ReadSamples(y, s.Start)); err != nil {
			t.Fatal(err)
		}
		for ch := range x {
			if !slices.Equal(x[ch], y[ch]) {
				t.Fatalf("channel %d of the .dat differs from the .fdt", ch)
			}
		}
	}
}

// element is one of the MAT-file, padded.
func element(typ uint32, data []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, typ)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	return append(b, make([]byte, (8-len(data)%8)%8)...)
}

// bomb is a MAT-file with one packed variable of n zeros.
func bomb(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	if _, err := z.Write(element(14, make([]byte, n))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return append(set(t, "inside.set")[:128:128], element(15, b.Bytes())...)
}

func TestRefused(t *testing.T) {
	swap := func(name, old, text string) []byte {
		data := set(t, name)
		if !bytes.Contains(data, []byte(old)) {
			t.Fatalf("%s has no %q", name, old)
		}
		return bytes.Replace(data, []byte(old), []byte(text), 1)
	}
	v73 := append([]byte("MATLAB 7.3 MAT-file, Platform: GLNXA64"), make([]byte, 600)...)
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"7.3":        {v73, "which is HDF5 and cannot be read: in MATLAB, load it and save it"},
		"endian":     {swap("inside.set", "\x00\x01IM", "\x00\x01XX"), "must be IM or MI"},
		"version":    {swap("inside.set", "\x00\x01IM", "\x00\x02IM"), "must be 0x0100"},
		"no EEG":     {swap("inside.set", "EEG", "EGG"), "it is no EEGLAB data set"},
		"no samples": {set(t, "beside.set"), `the samples are in "beside.fdt", which is not there`},
		"bomb":       {bomb(t, 64<<20), "to more than 100 times"},
		"no rate":    {swap("double.set", "srate", "grate"), "no structure EEG with a field srate"},
	} {
		t.Run(name, func(t *testing.T) {
			ingesttest.Fuzz(t, fstest.MapFS{"x.set": {Data: tc.data}}, "x.set") // a bomb is refused before anything is unpacked
			_, err := ingest.Open(fstest.MapFS{"x.set": {Data: tc.data}}, "x.set")
			var format *ingest.FormatError
			if !errors.As(err, &format) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the error is %v, must be a *ingest.FormatError that says %q", err, tc.want)
			}
		})
	}
	_, err := ingest.Open(fstest.MapFS{"x.fdt": {Data: set(t, "beside.fdt")}}, "x.fdt")
	if err == nil || !strings.Contains(err.Error(), "opened by the .set beside it") {
		t.Errorf("an .fdt on its own: %v", err)
	}
}

func TestCut(t *testing.T) {
	for _, name := range []string{"inside.set", "double.set", "packed.set"} {
		ingesttest.Cut(t, name, set(t, name), 7)
	}
}

// unpacked is how many bytes the packed variables hold, those that are no bomb: as they lie in the file they cannot be read here and there.
func unpacked(data []byte) (sum int64) {
	le := binary.LittleEndian
	for at := 128; at+8 <= len(data); {
		typ, size := le.Uint32(data[at:]), int(le.Uint32(data[at+4:]))
		switch {
		case typ>>16 != 0: // a small element
			size = 0
		case size > len(data)-at-8:
			return sum
		case typ == 15:
			if z, err := zlib.NewReader(bytes.NewReader(data[at+8:][:size])); err == nil {
				n, _ := io.Copy(io.Discard, io.LimitReader(z, int64(1<<20+100*len(data)))) // what is there before an error
				sum += n
			}
		default:
			size = (size + 7) &^ 7
		}
		at += 8 + size
	}
	return sum
}

// FuzzSet takes any bytes for the data set. What it holds packed counts as bytes of the file.
func FuzzSet(f *testing.F) {
	for _, name := range []string{"beside.set", "inside.set", "double.set", "packed.set", "epochs.set", "types.set"} {
		f.Add(set(f, name))
	}
	fdt := set(f, "beside.fdt")
	f.Fuzz(func(t *testing.T, data []byte) {
		ingesttest.FuzzPacked(t, fstest.MapFS{"x.set": {Data: data}, "beside.fdt": {Data: fdt}}, "x.set", unpacked(data), 64, 1<<20+100*int64(len(data)))
	})
}
