package cnt_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
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
		"samples":     {864, 399, "neither of 16 nor of 32 bits"},
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
