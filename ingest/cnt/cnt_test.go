package cnt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	_ "github.com/gyrus-bci/gyrus/ingest/cnt"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestGolden compares with MNE, see testdata/golden.py and docs/formats/cnt.md.
func TestGolden(t *testing.T) {
	files := ingesttest.ReadGolden(t, "testdata/golden.json")
	if len(files) != 3 {
		t.Fatalf("%d files in golden.json, want 3", len(files))
	}
	for name, want := range files {
		t.Run(name, func(t *testing.T) {
			open := func() (*signal.Recording, error) { return ingest.Open(os.DirFS("testdata"), name) }
			ingesttest.Run(t, open)
			rec, err := open()
			if err != nil {
				t.Fatal(err)
			}
			want.Check(t, rec)
			if len(rec.Events) != len(want.Annotations) {
				t.Fatalf("%d events, want %d", len(rec.Events), len(want.Annotations))
			}
			for i, a := range want.Annotations {
				e := rec.Events[i]
				label := strings.NewReplacer("Keyboard Response", "keyboard", "KeyPad Response", "keypad").Replace(a[2].(string))
				if math.Abs(e.Onset-1/want.Rate-a[0].(float64)) > 1e-6 || e.Label != label { // MNE places it one sample earlier
					t.Errorf("event %d is %+v, want %v", i, e, a)
				}
			}
			if err := rec.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func load(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		at   int
		v    uint32
		want string
	}{
		"channels":    {370, 0, "number of channels: is 0"},
		"rate":        {376, 0, "rate: is 0"},
		"block":       {894, 3, "channel offset: is 3 bytes"},
		"sensitivity": {959, 0, "cannot be computed with"},
	} {
		data := load(t, "int16.cnt")
		binary.LittleEndian.PutUint32(data[tc.at:], tc.v)
		_, err := ingest.Open(fstest.MapFS{"x.cnt": {Data: data}}, "x.cnt")
		var format *ingest.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: the error is %v, must be a *ingest.FormatError that says %q", name, err, tc.want)
		}
	}
}

// TestCount: where the header has no number of samples that can be, the width is told from the events, or the numbers, or by what the header says
// nearly, and all is read as with the right number. MNE reads int16.cnt so with data_format="int16".
func TestCount(t *testing.T) {
	const head, n, channels = 900 + 3*75, 400, 3
	put := binary.LittleEndian.PutUint32
	even := func(width int, data []byte) []byte { // events at samples of which the number is even, so that 32 bits are as well
		table := head + n*channels*width
		step := map[byte]int{1: 8, 2: 19}[data[table]]
		for at, k := table+9, 0; at < len(data); at, k = at+step, k+2 {
			put(data[at+4:], uint32(head+k*channels*width))
		}
		return data
	}
	samples := func(data []byte, v func(i int) int16) []byte { // of 16 bits
		for i := range n * channels {
			binary.LittleEndian.PutUint16(data[head+2*i:], uint16(v(i)))
		}
		return data
	}
	wave := func(i int) int16 { return int16(90 * math.Sin(float64(i/channels)/9+float64(i%channels))) }
	long := func(data []byte) []byte { // numbers of 32 bits that 16 would hold
		for i := range n * channels {
			put(data[head+4*i:], uint32(int32(wave(i))*100))
		}
		return data
	}
	for name, tc := range map[string]struct {
		data []byte
		said uint32 // number of samples
		want string // the reason, "" for a refusal
	}{
		"16, none":                 {load(t, "int16.cnt"), 0, "400 samples of 16 bits: an event lies between two samples of 32 bits"},
		"16, too many":             {load(t, "int16.cnt"), 407, "16 bits"},
		"16, too few":              {load(t, "int16.cnt"), 399, "16 bits"},
		"16, by the number":        {even(2, load(t, "int16.cnt")), 407, "16 bits: their number is nearly that of the header"},
		"16, by the numbers":       {even(2, load(t, "int16.cnt")), 0, "16 bits: of 32 bits 98 % of the numbers"},
		"16, small":                {samples(even(2, load(t, "int16.cnt")), wave), 0, "16 bits: of 32 bits the numbers would jump"},
		"32, none":                 {load(t, "int32.cnt"), 0, "400 samples of 32 bits: of 16 bits every second number would be near 0"},
		"32, too many":             {load(t, "int32.cnt"), 407, "32 bits: their number is nearly that of the header"},
		"32, small":                {long(load(t, "int32.cnt")), 0, "32 bits: of 16 bits every second number would be the sign"},
		"blocks, none":             {load(t, "blocks.cnt"), 0, "400 samples of 16 bits"},
		"flat":                     {samples(even(2, load(t, "int16.cnt")), func(int) int16 { return 0 }), 0, ""},
		"every second one flat":    {samples(even(2, load(t, "int16.cnt")), func(i int) int16 { return wave(i) * int16(1-i%2) * 100 }), 0, ""},
		"table within a sample":    {load(t, "int16.cnt"), 0, ""},
		"table within the samples": {load(t, "int16.cnt"), 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			open := func() (*signal.Recording, error) { return ingest.Open(fstest.MapFS{"x.cnt": {Data: tc.data}}, "x.cnt") }
			right, err := open()
			if err != nil {
				t.Fatal(err)
			}
			tc.data = bytes.Clone(tc.data)
			switch put(tc.data[864:], tc.said); name {
			case "table within a sample":
				put(tc.data[886:], head+20)
			case "table within the samples":
				put(tc.data[886:], head+18)
			}
			rec, err := open()
			if tc.want == "" {
				var format *ingest.FormatError
				if !errors.As(err, &format) || !strings.Contains(err.Error(), "the width of the numbers is not known") || !strings.Contains(err.Error(), `data_format="int16"`) {
					t.Errorf("the error is %v, must say what to do", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if rec.Len != n || !slices.Equal(rec.Events, right.Events) {
				t.Errorf("%d samples, events %v, want %d and %v", rec.Len, rec.Events, n, right.Events)
			}
			if len(rec.Deviations) != len(right.Deviations)+1 || rec.Deviations[0].Missing || !strings.Contains(rec.Deviations[0].Assumed, tc.want) {
				t.Errorf("the deviations are %+v, one more must say %q", rec.Deviations, tc.want)
			}
			x, y := signal.NewChunk(rec.Info, 0, n), signal.NewChunk(rec.Info, 0, n)
			if err := errors.Join(rec.Data.ReadSamples(x.X, 0), right.Data.ReadSamples(y.X, 0)); err != nil || !slices.EqualFunc(x.X, y.X, slices.Equal) {
				t.Errorf("the samples are others (%v)", err)
			}
		})
	}
}

func TestDeviations(t *testing.T) {
	data := load(t, "int16.cnt")
	copy(data[225:], "2021-03-04")
	data[len(data)-4*8-9] = 9 // the type of the event table
	rec, err := ingest.Open(fstest.MapFS{"x.cnt": {Data: data}}, "x.cnt")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"the begin is not known", "type 9 with 32 bytes"} {
		if text := fmt.Sprintf("%+v", rec.Deviations); !strings.Contains(text, want) {
			t.Errorf("the deviations %s must say %s", text, want)
		}
	}
}

func TestCut(t *testing.T) { ingesttest.Cut(t, "x.cnt", load(t, "int16.cnt"), 3) }

func FuzzOpen(f *testing.F) {
	for _, name := range []string{"int16.cnt", "int32.cnt", "blocks.cnt"} {
		f.Add(load(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ingesttest.Fuzz(t, fstest.MapFS{"x.cnt": {Data: data}}, "x.cnt")
	})
}
