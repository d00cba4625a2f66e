package edf_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/edf"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// openBounded opens data, and checks what that allocates.
func openBounded(t *testing.T, data []byte) (rec *signal.Recording, f *memory, err error) {
	t.Helper()
	f = newMemory(data)
	allocated := ingesttest.Allocated(func() { rec, err = edf.Open(f, "x.edf") })
	ingesttest.Bounded(t, allocated, int64(len(data)), rec)
	return rec, f, err
}

// FuzzHeader: any bytes give a *ingest.FormatError or a recording that keeps its promises, and never a panic.
func FuzzHeader(f *testing.F) {
	for _, seed := range []edftest.File{
		small(), gaps(), discontinuous("0.5", "7", ""),
		marked(edftest.TAL("+0.5", "0.7", "BAD filled")+edftest.TAL("+1.1", "9", "BAD filled@@Cz", "BAD filled@@Temp"), "0", "1", "2"),
		{N: 2, Signals: []edftest.Signal{
			{Label: "T8-P8", Dim: "mV", Samples: 3}, {Label: "T8-P8", Dim: "\xb5V", Samples: 2}, {Label: "Status", Samples: 3},
		}},
	} {
		f.Add(seed.Bytes())
	}
	lying := small()
	lying.Records, lying.HeaderBytes = "-1", "99999999"
	f.Add(lying.Bytes())
	f.Add(small().Bytes()[:700])
	f.Add(bytes.ReplaceAll(small().Bytes(), []byte("\n"), []byte("\r\n")))
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, file, err := openBounded(t, data)
		if err != nil {
			var format *ingest.FormatError
			if !errors.As(err, &format) || format.File != "x.edf" || format.Field == "" || format.Offset < 0 || format.Offset > int64(len(data)) {
				t.Errorf("the error %v (%T) must be a *ingest.FormatError that names the file, a field and a byte in it", err, err)
			}
			if file.closed != 1 {
				t.Errorf("after an error the file was closed %d times, want once", file.closed)
			}
			return
		}
		samples := int64(0)
		for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
			samples += checkRecording(t, r)
		}
		if 2*samples > int64(len(data)) {
			t.Errorf("%d samples out of %d bytes", samples, len(data))
		}
		checkRange(t, rec)
		for i, e := range rec.Events {
			if math.IsNaN(e.Onset) || !(e.Duration >= 0) || i > 0 && e.Sample < rec.Events[i-1].Sample {
				t.Errorf("event %d is %+v", i, e)
			}
		}
		if err := rec.Close(); err != nil || file.closed != 1 {
			t.Errorf("Close: %v, the file was closed %d times, want once", err, file.closed)
		}
	})
}

// checkRange looks for samples out of range. What is stated instead holds no fewer than the header's.
func checkRange(t *testing.T, rec *signal.Recording) {
	t.Helper()
	of := func() []signal.Stored {
		if r, ok := rec.Data.(signal.StoredReader); ok {
			return r.Stored()
		}
		return nil
	}
	before := of()
	if _, err := signal.CheckSamples(rec.Data); err != nil {
		t.Errorf("the samples can be read, and not be looked at: %v", err)
	}
	for i, s := range of() {
		if b := before[i]; s != b && (s.DigMin > min(b.DigMin, b.DigMax) || s.DigMax < max(b.DigMin, b.DigMax)) {
			t.Errorf("channel %d: the range %+v does not hold %+v", i, s, b)
		}
	}
}

// checkRecording reads all of r and returns the number of samples in all channels.
func checkRecording(t *testing.T, r *signal.Recording) (n int64) {
	t.Helper()
	if len(r.Info.Channels) == 0 {
		if r.Len != 0 {
			t.Errorf("%d samples of no channels", r.Len)
		}
		return 0
	}
	if err := r.Info.Validate(); err != nil {
		t.Error(err)
	}
	at := int64(0)
	for k, s := range r.Runs() {
		if s.Start < at || s.Len < 0 || s.End() > r.Len {
			t.Fatalf("a span [%d, %d) behind sample %d, with the length %d", s.Start, s.End(), at, r.Len)
		}
		at = s.End()
		n += s.Len * int64(len(r.Info.Channels))
		for _, x := range whole(t, r, k) {
			for i, v := range x {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("sample %d is %g", i, v)
				}
			}
		}
	}
	return n
}

// TestAllocation opens small files that claim to be large.
func TestAllocation(t *testing.T) {
	for name, change := range map[string]func(*edftest.File){
		"signals":            func(f *edftest.File) { f.NumSignals = "9999" },
		"records":            func(f *edftest.File) { f.Records = "99999999" },
		"samples":            func(f *edftest.File) { f.Signals[0].NumSamples = "99999999" },
		"samples of text":    func(f *edftest.File) { f.Signals[2].NumSamples = "99999999" },
		"records not stated": func(f *edftest.File) { f.Records, f.Signals[0].NumSamples = "-1", "99999999" },
		"bytes of header":    func(f *edftest.File) { f.HeaderBytes = "99999999" },
		"nothing":            func(*edftest.File) {},
	} {
		t.Run(name, func(t *testing.T) {
			f := small()
			change(&f)
			data := f.Bytes()
			_, _, _ = openBounded(t, data) // whether it can be read is not the question here
		})
	}
}
