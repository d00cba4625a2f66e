// Package ingesttest is the conformance suite of file formats.
package ingesttest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Run checks a recording, and those in its Others, against the promises of signal.Recording:
//
//   - Info is valid, Spans are in order, apart and inside [0, Len), events are in order of Sample;
//   - a range read on its own has the same bits as the whole, in any order of reading;
//   - what lies outside the spans is refused;
//   - played in chunks of 1 and of random length, the recording gives the same bits again, no chunk reaches over a gap, and
//     every event inside the data comes once;
//   - Close works, and what open returns a second time is the same.
//
// A recording without channels, annotations only, must say so throughout: no rate, no length.
func Run(t *testing.T, open func() (*signal.Recording, error)) {
	t.Helper()
	rec, err := open()
	if err != nil {
		t.Fatal(err)
	}
	if rec.Name == "" || rec.Format == "" {
		t.Errorf("the recording is called %q and its format %q, neither may be empty", rec.Name, rec.Format)
	}
	if len(rec.Info.Channels) == 0 {
		checkNoChannels(t, rec)
	} else {
		check(t, rec)
	}
	for i, other := range rec.Others {
		t.Run(fmt.Sprintf("others[%d]", i), func(t *testing.T) {
			if !other.Begin.Equal(rec.Begin) {
				t.Errorf("begins at %v, want %v: the clock is the same", other.Begin, rec.Begin)
			}
			check(t, other)
		})
	}
	again, err := open()
	if err != nil {
		t.Fatalf("opened a second time: %v", err)
	}
	if a, b := describe(rec), describe(again); a != b {
		t.Errorf("opened a second time it is\n%s\nwant\n%s", b, a)
	}
	for _, r := range []*signal.Recording{rec, again} {
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

// describe is all of a recording but the samples.
func describe(r *signal.Recording) string {
	info, err := json.Marshal(r.Info) // follows the pointers to positions
	all := []string{fmt.Sprintf("%s %s %v %s %v %d %v %+v %+v %+v %+v", r.Name, r.Format, r.Begin, info, err, r.Len, r.Spans, r.Events, r.Journals, r.Deviations, r.Notes)}
	for _, o := range r.Others {
		all = append(all, describe(o))
	}
	return strings.Join(all, "\n")
}

func checkNoChannels(t *testing.T, rec *signal.Recording) {
	t.Helper()
	if rec.Len != 0 || rec.Info.Rate != 0 || len(rec.Spans) != 0 || len(rec.Others) != 0 {
		t.Errorf("without channels it has %d samples at %g Hz, %d spans and %d others, want none of them", rec.Len, rec.Info.Rate, len(rec.Spans), len(rec.Others))
	}
	if c, err := ingest.Play(rec, ingest.PlayOptions{}).Next(t.Context()); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("without channels it plays %d samples with the error %v, must be refused", c.Len(), err)
	}
}

func check(t *testing.T, rec *signal.Recording) {
	t.Helper()
	if err := rec.Info.Validate(); err != nil {
		t.Fatalf("Info: %v", err)
	}
	for _, c := range rec.Info.Channels {
		if c.Kind == "" {
			t.Errorf("channel %q has no kind", c.Name)
		}
	}
	at := int64(0)
	for i, s := range rec.Spans {
		if s.Len <= 0 || s.Start < at || (i > 0 && s.Start == at) {
			t.Errorf("span %d is [%d, %d) behind sample %d, must have samples, be in order and apart", i, s.Start, s.End(), at)
		}
		at = s.End()
	}
	if rec.Spans != nil && at != rec.Len {
		t.Errorf("the last span ends at %d, Len is %d", at, rec.Len)
	}
	if !slices.IsSortedFunc(rec.Events, func(a, b signal.Event) int { return int(max(-1, min(1, a.Sample-b.Sample))) }) {
		t.Error("the events are not in order of Sample")
	}
	if t.Failed() {
		return
	}
	whole := make([][][]float64, len(rec.Runs()))
	for i, s := range rec.Runs() {
		whole[i] = slab(len(rec.Info.Channels), int(s.Len))
		if err := rec.Data.ReadSamples(whole[i], s.Start); err != nil {
			t.Fatalf("samples [%d, %d): %v", s.Start, s.End(), err)
		}
	}
	checkRanges(t, rec, whole)
	checkOutside(t, rec)
	rng := rand.New(rand.NewPCG(3, 4))
	checkPlay(t, rec, whole, ingest.PlayOptions{Chunk: 1})
	checkPlay(t, rec, whole, ingest.PlayOptions{})
	checkPlay(t, rec, whole, ingest.PlayOptions{Sizes: func() int { return 1 + rng.IntN(1+int(min(rec.Len, 1000))) }})
}

// checkRanges reads here and there.
func checkRanges(t *testing.T, rec *signal.Recording, whole [][][]float64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		i := rng.IntN(len(whole))
		span := rec.Runs()[i]
		if span.Len == 0 {
			continue
		}
		from := rng.Int64N(span.Len)
		n := 1 + rng.Int64N(span.Len-from)
		if rng.IntN(2) == 0 {
			n = min(n, 50)
		}
		got := slab(len(rec.Info.Channels), int(n))
		if err := rec.Data.ReadSamples(got, span.Start+from); err != nil {
			t.Fatalf("samples [%d, %d): %v", span.Start+from, span.Start+from+n, err)
		}
		for ch := range got {
			if k := differ(got[ch], whole[i][ch][from:from+n]); k >= 0 {
				t.Fatalf("samples [%d, %d) read on their own: channel %q differs at sample %d: %g, in the whole it is %g", span.Start+from, span.Start+from+n,
					rec.Info.Channels[ch].Name, span.Start+from+int64(k), got[ch][k], whole[i][ch][from+int64(k)])
			}
		}
	}
}

// checkOutside asks for what is not there.
func checkOutside(t *testing.T, rec *signal.Recording) {
	t.Helper()
	one := slab(len(rec.Info.Channels), 1)
	ask := []int64{-1, rec.Len, math.MaxInt64}
	for _, g := range rec.Gaps() {
		ask = append(ask, g.Start, g.End()-1)
	}
	for _, at := range ask {
		if err := rec.Data.ReadSamples(one, at); err == nil {
			t.Errorf("sample %d lies outside the data, reading it must be an error", at)
		}
	}
	for _, s := range rec.Runs() {
		if s.Len == 0 {
			continue
		}
		if err := rec.Data.ReadSamples(slab(len(rec.Info.Channels), 2), s.End()-1); err == nil {
			t.Errorf("samples [%d, %d) reach out of the span, reading them must be an error", s.End()-1, s.End()+1)
		}
	}
}

// checkPlay compares chunks with the whole.
func checkPlay(t *testing.T, rec *signal.Recording, whole [][][]float64, opt ingest.PlayOptions) {
	t.Helper()
	src := ingest.Play(rec, opt)
	defer func() {
		if err := src.Close(); err != nil {
			t.Errorf("the player's Close: %v", err)
		}
	}()
	runs := rec.Runs()
	i, at := 0, int64(0) // position: run, sample in it
	var events []signal.Event
	for {
		c, err := src.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i < len(runs) && at == runs[i].Len {
			i, at = i+1, 0
		}
		if i == len(runs) || c.Start != runs[i].Start+at || c.End() > runs[i].End() || c.Len() == 0 {
			t.Fatalf("a chunk holds [%d, %d) where run %d of %d at %d was to go on", c.Start, c.End(), i, len(runs), at)
		}
		for ch := range c.X {
			if k := differ(c.X[ch], whole[i][ch][at:at+int64(c.Len())]); k >= 0 {
				t.Fatalf("the chunk [%d, %d): channel %q differs from the whole at sample %d", c.Start, c.End(), c.Info.Channels[ch].Name, c.Start+int64(k))
			}
		}
		for _, e := range c.Events {
			if e.Sample < c.Start || e.Sample >= c.End() {
				t.Errorf("the chunk [%d, %d) has an event at %d", c.Start, c.End(), e.Sample)
			}
		}
		events = append(events, c.Events...)
		at += int64(c.Len())
	}
	for i < len(runs) && at == runs[i].Len {
		i, at = i+1, 0
	}
	if i != len(runs) {
		t.Errorf("the playing ends in run %d of %d, at sample %d of it", i, len(runs), at)
	}
	var want []signal.Event
	for _, s := range runs {
		want = append(want, signal.EventsIn(rec.Events, s.Start, s.End())...)
	}
	if !slices.Equal(events, want) {
		t.Errorf("%d events were played, want the %d inside the data", len(events), len(want))
	}
}

func slab(channels, n int) [][]float64 {
	x := make([][]float64, channels)
	for ch := range x {
		x[ch] = make([]float64, n)
	}
	return x
}

// differ is the first place where the bits of a and b differ, -1 where they do not.
func differ(a, b []float64) int {
	for k := range a {
		if math.Float64bits(a[k]) != math.Float64bits(b[k]) {
			return k
		}
	}
	return -1
}

// Cut opens the first n bytes of the file for every n below its length, and checks that what is missing is never passed
// over in silence: each time there is an *ingest.FormatError with the file's name, or a recording that can be read to its
// end and lists what was assumed. step is by how much n grows; 1 tries every byte.
func Cut(t *testing.T, name string, data []byte, step int) {
	t.Helper()
	CutPart(t, fstest.MapFS{name: {Data: data}}, name, name, step, nil)
}

// CutPart is Cut for a recording called name in files, of which the file called part is cut. whole says of which lengths nobody can tell that
// anything is missing: a format that does not say how long it is, cut behind a whole sample. nil is none.
func CutPart(t *testing.T, files fstest.MapFS, name, part string, step int, whole func(n int) bool) {
	t.Helper()
	data := files[part].Data
	uncut, err := ingest.Open(files, name)
	if err != nil {
		t.Fatalf("the uncut file: %v", err)
	}
	if err := uncut.Close(); err != nil {
		t.Errorf("the uncut file: Close: %v", err)
	}
	left := maps.Clone(files)
	for n := 0; n < len(data); n += step {
		left[part] = &fstest.MapFile{Data: data[:n:n]}
		rec, err := ingest.Open(left, name)
		if err != nil {
			var format *ingest.FormatError
			if !errors.As(err, &format) || left[format.File] == nil || format.Field == "" || format.Offset < 0 || format.Offset > int64(len(left[format.File].Data)) {
				t.Errorf("cut behind %d bytes: the error %v (%T) must be a *ingest.FormatError that names the file, a field and a byte in it", n, err, err)
			}
			continue
		}
		if slices.Equal(rec.Deviations, uncut.Deviations) && (whole == nil || !whole(n)) {
			t.Errorf("cut behind %d bytes it opens, and lists no more than when it was whole: %v", n, rec.Deviations)
		}
		for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
			for _, s := range r.Runs() {
				if len(r.Info.Channels) == 0 || s.Len == 0 {
					continue
				}
				if err := r.Data.ReadSamples(slab(len(r.Info.Channels), int(s.Len)), s.Start); err != nil {
					t.Errorf("cut behind %d bytes it opens, but cannot be read: %v", n, err)
				}
			}
		}
		if err := rec.Close(); err != nil {
			t.Errorf("cut behind %d bytes: Close: %v", n, err)
		}
	}
}
