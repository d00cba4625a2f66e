package edf_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/edf"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// beyond has a signal that leaves its digital range, one that does not, one at another rate and with a range upside down that does once, and
// annotations, which have none.
func beyond() edftest.File {
	f := small()
	f.Signals[0].DigMin, f.Signals[0].DigMax, f.Signals[0].PhysMin, f.Signals[0].PhysMax = "-1000", "1000", "-100", "100"
	f.Signals[0].At = func(r, i int) int16 { return int16(30000 * (r % 2)) } // record 1 of 3
	f.Signals[1].DigMin, f.Signals[1].DigMax = "0", "1029"
	f.Signals[1].At = func(r, i int) int16 { return int16(1000 + 10*r + i) }
	f.Signals = append(f.Signals, edftest.Signal{Label: "Temp", Dim: "degC", Samples: 3, DigMin: "7", DigMax: "-7", PhysMin: "30", PhysMax: "44", At: func(r, i int) int16 {
		return int16(-4 * r) // -8 in record 2
	}})
	return f
}

// copied is rec, written as EDF+.
func copied(t *testing.T, rec *signal.Recording) []byte {
	t.Helper()
	raw, err := os.ReadFile(written(t, rec, "edf+"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestDigitalRange: "The digital minimum and maximum of each signal should specify the extreme values that can occur in the data records"
// (EDF, Kemp et al. 1992, and point 5 of EDF+).
func TestDigitalRange(t *testing.T) {
	rec := mustOpen(t, beyond())
	before := [][][]float64{whole(t, rec, 0), whole(t, rec.Others[0], 0)}
	if before[0][0][10] != 3000 || len(rec.Deviations) != 1 { // the range that is upside down
		t.Fatalf("a sample of 30000 is read as %g µV, deviations %+v, want 3000 and one", before[0][0][10], rec.Deviations)
	}
	found, err := signal.CheckSamples(rec.Data)
	if err != nil {
		t.Fatal(err)
	}
	// 4 signals: the header has 1280 bytes, and a record 20 and 20, 40 of text, and 6.
	want := [][2]string{
		{`byte 1366: samples of signal 1, "EEG Cz"`, "10 of 30 do not; all lie from -1000 to 30000"},
		{`byte 1532: samples of signal 4, "Temp"`, "3 of 9 do not; all lie from -8 to 7"},
	}
	if len(found) != len(want) {
		t.Fatalf("found %+v, want %d", found, len(want))
	}
	for i, d := range found {
		if d.Where != want[i][0] || d.Found != want[i][1] || !strings.Contains(d.Assumed, "none is clipped") {
			t.Errorf("found %+v, want %q", d, want[i])
		}
	}
	again, err := open(t, copied(t, rec))
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, again)
	for k, r := range []*signal.Recording{again, again.Others[0]} {
		x := whole(t, r, 0)
		for ch := range x {
			for i := range x[ch] {
				if x[ch][i] != before[k][ch][i] {
					t.Fatalf("rate %g, channel %d, sample %d: %g in the copy, %g before", r.Info.Rate, ch, i, x[ch][i], before[k][ch][i])
				}
			}
		}
	}
	if found, err := signal.CheckSamples(again.Data); err != nil || len(found)+len(again.Deviations) != 0 {
		t.Errorf("the copy deviates: %+v %+v, %v", again.Deviations, found, err)
	}
}

// TestDigitalRangeWritten: what is written keeps to its range, whoever asked before.
func TestDigitalRangeWritten(t *testing.T) {
	again, err := open(t, copied(t, mustOpen(t, beyond())))
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, again)
	if found, err := signal.CheckSamples(again.Data); err != nil || len(found) > 0 || whole(t, again, 0)[0][10] != 3000 {
		t.Errorf("the copy deviates: %+v, %v", found, err)
	}
}

// TestDigitalRangeInLargeRecords: as above, where a signal has more bytes in a record than are looked at at once.
func TestDigitalRangeInLargeRecords(t *testing.T) {
	f := large()
	f.Signals[1].At = func(r, i int) int16 {
		if i == 599_999 || r == 1 && i == 524_287 {
			return -6
		}
		return 5
	}
	f.Signals[1].DigMin, f.Signals[1].DigMax = "-5", "5"
	found, err := signal.CheckSamples(mustOpen(t, f).Data)
	if err != nil || len(found) != 1 || found[0].Found != "3 of 1200000 do not; all lie from -6 to 5" {
		t.Errorf("found %+v, %v, want 3 samples", found, err)
	}
}

// TestDigitalRangeCut: a file that has become shorter since it was opened is an error.
func TestDigitalRangeCut(t *testing.T) {
	data := beyond().Bytes()
	file := newMemory(data)
	rec, err := edf.Open(file, "x.edf")
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, rec)
	file.Reset(data[:len(data)-40])
	var format *ingest.FormatError
	if found, err := signal.CheckSamples(rec.Data); !errors.As(err, &format) || format.Field != "data record 3" {
		t.Errorf("found %+v, %v, want an error about data record 3", found, err)
	}
}

// TestDigitalRangeStays: where no wider range of eight characters gives the same samples, these come before the range.
func TestDigitalRangeStays(t *testing.T) {
	f := beyond()
	f.Signals[0].PhysMin, f.Signals[0].PhysMax = "-187.513", "187.4999"
	rec := mustOpen(t, f)
	again, err := open(t, copied(t, rec))
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, again)
	if a, b := whole(t, again, 0), whole(t, rec, 0); !slices.Equal(a[0], b[0]) {
		t.Errorf("the samples of the copy are %v, want %v", a[0], b[0])
	}
	found, err := signal.CheckSamples(again.Data)
	if err != nil || len(found) != 1 || found[0].Found != "10 of 30 do not; all lie from -1000 to 30000" {
		t.Errorf("found %+v, %v, want those of the source", found, err)
	}
}
