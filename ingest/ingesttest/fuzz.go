package ingesttest

import (
	"errors"
	"runtime"
	"slices"
	"testing"
	"testing/fstest"
	"unsafe"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Slack is what reading may allocate whatever the size of the files, and the same for all formats: buffers for a block of the
// file (at most 256 kB) and what unpacks it (a window of 32 kB, tables of codes), and messages. It is small beside any recording.
const Slack = 1 << 20

// Handed is how many bytes rec, and each of its Others, are in memory beside their samples: events, channels, spans, deviations, texts and
// names. It is the result, of which a caller cannot have less: an event is 40 bytes, whatever its format spends on one.
func Handed(rec *signal.Recording) int64 {
	n := int(unsafe.Sizeof(*rec)) + len(rec.Name) + len(rec.Format) + 16*len(rec.Spans)
	for _, p := range rec.Parts {
		n += int(unsafe.Sizeof(p)) + len(p)
	}
	for _, c := range rec.Info.Channels {
		n += int(unsafe.Sizeof(c)) + len(c.Name) + len(c.Original) + len(c.Unit)
		if c.Pos != nil {
			n += int(unsafe.Sizeof(*c.Pos))
		}
	}
	for _, e := range rec.Events {
		n += int(unsafe.Sizeof(e)) + len(e.Label)
	}
	for _, d := range slices.Concat(rec.Deviations, rec.Notes) {
		n += int(unsafe.Sizeof(d)) + len(d.Where) + len(d.Rule) + len(d.Found) + len(d.Assumed)
	}
	for _, t := range rec.Texts {
		n += int(unsafe.Sizeof(t)) + len(t.Field) + len(t.Channel) + len(t.Text)
	}
	for _, o := range rec.Others {
		n += int(Handed(o))
	}
	return int64(n)
}

// Allocated is how many bytes f allocates, freed or not.
func Allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// Bounded checks what was allocated for opening size bytes and for reading all of the samples into memory of the caller: it is at
// most twice the files, what is handed out, and Slack. Nothing that was allocated and freed again is left out; the memory of the
// caller is not counted. rec is nil where opening failed.
func Bounded(t testing.TB, allocated, size int64, rec *signal.Recording) {
	t.Helper()
	handed := int64(0)
	if rec != nil {
		handed = Handed(rec)
	}
	if most := 2*(size+handed) + Slack; allocated > most {
		t.Errorf("reading %d bytes, with %d bytes handed out, allocated %d, want at most %d", size, handed, allocated, most)
	}
}

// Fuzz opens files[name], whatever is in it, and checks that the outcome is an *ingest.FormatError about one of the files, or
// a recording with valid spans and events, of which every part can be read or gives such an error; and that what was allocated
// is Bounded. It is the body of a fuzz target.
func Fuzz(t *testing.T, files fstest.MapFS, name string) {
	t.Helper()
	FuzzPacked(t, files, name, 0, 64, 0)
}

// FuzzPacked is Fuzz for a format whose files hold unpacked bytes more than they have, which must be in memory to be read, and
// samples of up to unfold times their size and floor bytes.
func FuzzPacked(t *testing.T, files fstest.MapFS, name string, unpacked, unfold, floor int64) {
	t.Helper()
	rec, err := bounded(t, files, name, unpacked, unfold, floor)
	if err != nil {
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
	if err := rec.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// Allocation opens files[name], which is made to be costly and must open, and reads all of it: see Bounded. It is closed when the test ends.
func Allocation(t *testing.T, files fstest.MapFS, name string, unpacked int64) *signal.Recording {
	t.Helper()
	rec, err := bounded(t, files, name, unpacked, 64, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rec.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return rec
}

func bounded(t *testing.T, files fstest.MapFS, name string, unpacked, unfold, floor int64) (rec *signal.Recording, err error) {
	t.Helper()
	size := int64(0)
	for _, f := range files {
		size += int64(len(f.Data))
	}
	allocated := Allocated(func() { rec, err = ingest.Open(files, name) })
	if err != nil {
		Bounded(t, allocated, size+unpacked, nil)
		return nil, err
	}
	for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
		allocated += fuzzed(t, r, size, unfold*size+floor)
	}
	Bounded(t, allocated, size+unpacked, rec)
	return rec, nil
}

// fuzzed reads all of a recording out of size bytes, which can hold only most bytes of samples, and returns what that allocated.
func fuzzed(t *testing.T, rec *signal.Recording, size, most int64) (allocated int64) {
	t.Helper()
	for i, e := range rec.Events {
		if i > 0 && e.Sample < rec.Events[i-1].Sample {
			t.Errorf("event %d at sample %d lies before the one in front of it", i, e.Sample)
		}
	}
	if len(rec.Info.Channels) == 0 {
		return 0
	}
	if err := rec.Info.Validate(); err != nil {
		t.Fatalf("Info: %v", err)
	}
	at, samples := int64(0), int64(0)
	runs := rec.Runs()
	for _, s := range runs {
		if s.Start < at || s.Len < 0 || s.End() > rec.Len || s.Len == 0 && rec.Spans != nil {
			t.Fatalf("a span [%d, %d) behind sample %d, with the length %d", s.Start, s.End(), at, rec.Len)
		}
		at = s.End()
		if samples += s.Len; 8*samples*int64(len(rec.Info.Channels)) > most {
			t.Fatalf("%d samples of %d channels out of %d bytes", samples, len(rec.Info.Channels), size)
		}
	}
	step := min(4096, samples)
	x, part := slab(len(rec.Info.Channels), int(step)), make([][]float64, len(rec.Info.Channels))
	return Allocated(func() {
		for _, s := range runs {
			for from := s.Start; from < s.End(); from += step {
				n := min(step, s.End()-from)
				for ch := range x {
					part[ch] = x[ch][:n]
				}
				if err := rec.Data.ReadSamples(part, from); err != nil && !isFormat(err) {
					t.Fatalf("samples [%d, %d): the error %v (%T) must be a *ingest.FormatError", from, from+n, err, err)
				}
			}
		}
	})
}

func isFormat(err error) bool {
	var format *ingest.FormatError
	return errors.As(err, &format)
}
