package edf_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// bdf makes BDF of a file: samples of 24 bits, of which wide gives those that are not the ones of f; annotations keep their
// bytes. Signals must have an even number of samples, so that the room of annotations stays a whole number of them.
func bdf(f edftest.File, wide func(sig, i int) (int32, bool)) []byte {
	f.Version, f.Reserved = "\xffBIOSEMI", "24BIT"
	for i := range f.Signals {
		s := &f.Signals[i]
		if s.Text != nil {
			f.Reserved, s.Label = "BDF+C", "BDF Annotations"
			s.NumSamples = strconv.Itoa(s.Samples * 2 / 3)
		}
	}
	data := f.Bytes()
	head := 256 * (len(f.Signals) + 1)
	out := append([]byte{}, data[:head]...)
	at := head
	for r := range f.N {
		for k, s := range f.Signals {
			if s.Text != nil {
				out = append(out, data[at:at+s.Samples*2/3*3]...)
				at += 2 * s.Samples
				continue
			}
			for i := range s.Samples {
				v := int32(int16(binary.LittleEndian.Uint16(data[at:])))
				if w, ok := wide(k, r*s.Samples+i); ok {
					v = w
				}
				out = append(out, byte(v), byte(v>>8), byte(v>>16))
				at += 2
			}
		}
	}
	return out
}

func narrow(int, int) (int32, bool) { return 0, false }

func mustOpenBDF(t testing.TB, data []byte) *signal.Recording {
	t.Helper()
	rec, err := ingest.Open(fstest.MapFS{"x.bdf": {Data: data}}, "x.bdf")
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, rec)
	return rec
}

// biosemi is two seconds of a signal and Status at 10 Hz.
func biosemi() edftest.File {
	wide := edftest.Signal{Dim: "uV", Samples: 10, PhysMin: "-8388608", PhysMax: "8388607", DigMin: "-8388608", DigMax: "8388607"}
	eeg, status := wide, wide
	eeg.Label, status.Label, status.Dim = "Cz", "Status", "Boolean"
	return edftest.File{N: 2, Signals: []edftest.Signal{eeg, status}}
}

// TestBDFSamples: all 24 bits of a sample count, with their sign.
func TestBDFSamples(t *testing.T) {
	values := []int32{-1 << 23, 1<<23 - 1, -1, 0, 1, 255, 256, -256, 65535, 65536, -65536, 0x123456, -0x123456}
	rec := mustOpenBDF(t, bdf(biosemi(), func(sig, i int) (int32, bool) {
		return values[i%len(values)], sig == 0
	}))
	for i, x := range whole(t, rec, 0)[0] {
		if want := float64(values[i%len(values)]); x != want {
			t.Errorf("sample %d is %g, want %g", i, x, want)
		}
	}
	if rec.Format != "BDF" || len(rec.Deviations) > 0 {
		t.Errorf("%s with %+v, want BDF without deviations", rec.Format, rec.Deviations)
	}
}

// TestBDFStatus: the bits of the Status channel.
func TestBDFStatus(t *testing.T) {
	const cms, battery, epoch = 1 << 20, 1 << 22, 1 << 16
	status := []int32{cms | 7, cms | 7, cms, cms | 300, cms | 300, cms | epoch | 300, cms | 5, 5, 5, 0, cms, cms | battery, cms | battery, cms, cms, cms, cms, cms, cms, 0}
	for _, c := range []struct {
		name string
		mask int32
		want string
	}{
		{"with CMS", -1, "[{3 0.3 0 300 } {6 0.6 0 5 } {7 0.7 0.3 CMS out of range } {11 1.1 0.2 battery low } {19 1.9 0.1 CMS out of range }]"},
		{"CMS never in range: no such amplifier", 0xFFFF, "[{3 0.3 0 300 } {6 0.6 0 5 }]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := mustOpenBDF(t, bdf(biosemi(), func(sig, i int) (int32, bool) { return status[i] & c.mask, sig == 1 }))
			if got := fmt.Sprint(rec.Events); got != c.want {
				t.Errorf("the events are %s, want %s", got, c.want)
			}
			if clean, _, err := ingest.Anonymise(rec, ingest.Hiding{DropTexts: true}); err != nil || !slices.Equal(clean.Events, rec.Events) {
				t.Errorf("where texts are dropped there remain %+v, %v: nobody has typed any", clean.Events, err)
			}
		})
	}
}

// TestBDFPlus: annotations and discontinuous files are those of EDF+.
func TestBDFPlus(t *testing.T) {
	f := small()
	f.Signals[2].Samples = 21
	rec, want := mustOpenBDF(t, bdf(f, narrow)), mustOpen(t, small())
	same(t, rec, want, 0)
	if rec.Format != "BDF+C" {
		t.Errorf("the format is %s, want BDF+C", rec.Format)
	}
}

func TestBDFConformance(t *testing.T) {
	f := small()
	f.Signals[2].Samples = 21
	data := bdf(f, narrow)
	ingesttest.Run(t, func() (*signal.Recording, error) { return ingest.Open(fstest.MapFS{"x.bdf": {Data: data}}, "x.bdf") })
	ingesttest.Cut(t, "x.bdf", data, 1)
}

// FuzzBDF: any bytes give a *ingest.FormatError or a recording that keeps its promises, and never a panic.
func FuzzBDF(f *testing.F) {
	plus := small()
	plus.Signals[2].Samples = 21
	f.Add(bdf(plus, narrow))
	f.Add(bdf(biosemi(), func(sig, i int) (int32, bool) { return int32(i << 16), sig == 1 }))
	many := biosemi()
	many.NumSignals, many.HeaderBytes = "9999", "2560000"
	f.Add(bdf(many, narrow))
	f.Fuzz(func(t *testing.T, data []byte) { ingesttest.Fuzz(t, fstest.MapFS{"x.bdf": {Data: data}}, "x.bdf") })
}
