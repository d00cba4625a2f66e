package reading_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/electrodes"
	"github.com/gyrus-bci/gyrus/ingest/reading"
)

// labelled is a plain EDF file of one channel with this label, beside a file of electrodes.
func labelled(label string) fstest.MapFS {
	f := edftest.File{N: seconds, Signals: []edftest.Signal{{
		Label: label, Dim: "uV", PhysMin: "-1000", PhysMax: "1000", DigMin: "-1000", DigMax: "1000", Samples: rate,
		At: func(r, i int) int16 { return level(r*rate + i) },
	}}}
	return fstest.MapFS{
		"x.edf": {Data: f.Bytes()}, "cap.sfp": {Data: []byte("CZ 0 0.1 1\nFz 0 0.7 0.7\n")}, "other.sfp": {Data: []byte("E1 0 0 1\n")},
	}
}

// TestHeaderEncoding: the same bytes are other letters, and what was read as what is listed.
func TestHeaderEncoding(t *testing.T) {
	for _, tc := range []struct{ bytes, encoding, want, listed string }{
		{"Schl\xe4fe", "", "Schläfe", "read as Latin-1"},
		{"Schl\xc3\xa4fe", "auto", "Schläfe", "read as UTF-8"},
		{"Schl\xc3\xa4fe", "latin-1", "SchlÃ¤fe", "read as Latin-1"},
		{"\x80 \x8a", "windows-1252", "€ Š", "read as Windows-1252"},
		{"\x80 \x8a", "latin-1", "\u0080 \u008a", "read as Latin-1"},
		{"plain", "latin-1", "plain", "latin-1 has no effect"},
	} {
		p := reading.Parameters{Encoding: tc.encoding}
		opt, err := p.Options(nil)
		if err != nil {
			t.Fatal(err)
		}
		rec, _, err := opt.Open(labelled(tc.bytes), "x.edf")
		if err != nil {
			t.Fatal(err)
		}
		if got := rec.Info.Channels[0].Original; got != tc.want || !lists(rec, tc.listed) {
			t.Errorf("%q as %q is %q, want %q; deviations %v must say %q", tc.bytes, tc.encoding, got, tc.want, rec.Deviations, tc.listed)
		}
	}
}

func TestOptions(t *testing.T) {
	fsys := labelled("EEG Cz-REF")
	p := reading.Parameters{Electrodes: "cap.sfp"}
	opt, err := p.Options(fsys)
	if err != nil {
		t.Fatal(err)
	}
	rec, joined, err := opt.Open(fsys, "x.edf")
	if err != nil || joined == nil || len(joined.Placed) != 1 || len(joined.Extra) != 1 || rec.Info.Channels[0].Pos[1] == 0 {
		t.Errorf("%v, %v, %+v", joined, err, rec)
	}
	for _, tc := range []struct {
		p    reading.Parameters
		want string
	}{
		{reading.Parameters{Policy: "maybe"}, `units policy "maybe", must be warn, error, or assume:`},
		{reading.Parameters{Encoding: "utf8"}, `unknown encoding of headers "utf8"`},
		{reading.Parameters{Electrodes: "no.sfp"}, "file does not exist"},
		{reading.Parameters{Electrodes: "x.edf"}, `unknown ending of a file of electrodes ".edf"`},
	} {
		if _, err := tc.p.Options(fsys); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: the error is %v, must contain %q", tc.p, err, tc.want)
		}
	}
	p = reading.Parameters{Electrodes: "other.sfp"}
	if opt, err = p.Options(fsys); err != nil {
		t.Fatal(err)
	}
	var join *electrodes.JoinError
	if _, _, err := opt.Open(fsys, "x.edf"); !errors.As(err, &join) {
		t.Errorf("electrodes of another cap: the error is %v (%T)", err, err)
	}
	p = reading.Parameters{Strict: true}
	if opt, err = p.Options(fsys); err != nil {
		t.Fatal(err)
	}
	if _, _, err := opt.Open(fsys, "x.edf"); err != nil {
		t.Errorf("a clean file is refused: %v", err)
	}
	var strict *reading.StrictError
	if _, _, err := opt.Open(labelled("Schl\xe4fe"), "x.edf"); !errors.As(err, &strict) || !strings.Contains(err.Error(), "--strict refuses") {
		t.Errorf("a file that deviates: the error is %v (%T)", err, err)
	}
}
