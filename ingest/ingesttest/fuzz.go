package ingesttest

import (
	"errors"
	"runtime"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Slack is what opening may allocate whatever the size of the file: buffers, messages, and the describing of what is handed
// out.
const Slack = 4 << 20

// Fuzz opens files[name], whatever is in it, and checks that the outcome is an *ingest.FormatError about one of the files, or
// a recording with valid spans and events, of which every part can be read or gives such an error; and that no more than times the size of all files,
// and Slack, was allocated by opening. It is the body of a fuzz target.
func Fuzz(t *testing.T, files fstest.MapFS, name string, times int) {
	t.Helper()
	FuzzPacked(t, files, name, times, 64, 0)
}

// FuzzPacked is Fuzz for a format whose files hold samples of up to unfold times their size and floor bytes.
func FuzzPacked(t *testing.T, files fstest.MapFS, name string, times int, unfold, floor int64) {
	t.Helper()
	size := 0
	for _, f := range files {
		size += len(f.Data)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	rec, err := ingest.Open(files, name)
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	limit := uint64(times*size + Slack)
	if err != nil {
		if allocated > limit {
			t.Errorf("opening %d bytes allocated %d and failed, want at most %d", size, allocated, limit)
		}
		var format *ingest.FormatError
		if !errors.As(err, &format) {
			t.Fatalf("the error %v (%T) must be a *ingest.FormatError", err, err)
		}
		f := files[format.File]
		if f == nil || format.Field == "" || format.Offset < 0 || format.Offset > int64(len(f.Data)) {
			t.Errorf("the error %v must name a file, a field and a byte in it", err)
		}
		return
	}
	for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
		limit += uint64(400*len(r.Events) + 1000*len(r.Deviations) + 1000*len(r.Info.Channels))
		fuzzed(t, r, int64(size), unfold*int64(size)+floor)
	}
	if allocated > limit {
		t.Errorf("opening %d bytes allocated %d, want at most %d", size, allocated, limit)
	}
	if err := rec.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// fuzzed reads all of a recording out of size bytes, which can hold only most bytes of samples.
func fuzzed(t *testing.T, rec *signal.Recording, size, most int64) {
	t.Helper()
	for i, e := range rec.Events {
		if i > 0 && e.Sample < rec.Events[i-1].Sample {
			t.Errorf("event %d at sample %d lies before the one in front of it", i, e.Sample)
		}
	}
	if len(rec.Info.Channels) == 0 {
		return
	}
	if err := rec.Info.Validate(); err != nil {
		t.Fatalf("Info: %v", err)
	}
	at, samples := int64(0), int64(0)
	for _, s := range rec.Runs() {
		if s.Start < at || s.Len < 0 || s.End() > rec.Len || s.Len == 0 && rec.Spans != nil {
			t.Fatalf("a span [%d, %d) behind sample %d, with the length %d", s.Start, s.End(), at, rec.Len)
		}
		at = s.End()
		if samples += s.Len; 8*samples*int64(len(rec.Info.Channels)) > most {
			t.Fatalf("%d samples of %d channels out of %d bytes", samples, len(rec.Info.Channels), size)
		}
		const step = 4096
		x := slab(len(rec.Info.Channels), int(min(step, s.Len)))
		for from := s.Start; from < s.End(); from += step {
			n := min(step, s.End()-from)
			part := make([][]float64, len(x))
			for ch := range x {
				part[ch] = x[ch][:n]
			}
			var format *ingest.FormatError
			if err := rec.Data.ReadSamples(part, from); err != nil && !errors.As(err, &format) {
				t.Fatalf("samples [%d, %d): the error %v (%T) must be a *ingest.FormatError", from, from+n, err, err)
			}
		}
	}
}
