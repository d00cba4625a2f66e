package all_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestCoined: labels that a reader makes of numbers and words of its own stay where texts are dropped, and what somebody typed does not, such as the
// label of an electrode that no channel has.
func TestCoined(t *testing.T) {
	const blackrock, cnt = "../blackrock/testdata/", "../cnt/testdata/int16.cnt"
	anna := func(name string) []byte {
		return bytes.ReplaceAll(fileAt(t, name), []byte("elec2"), []byte("Anna\x00"))
	}
	marked := fileAt(t, cnt)
	table := int(marked[886]) | int(marked[887])<<8 | int(marked[888])<<16
	marked[table+9+3] |= 0xc0 // of the first events
	marked[table+9+8+3] |= 0xd0
	for name, tc := range map[string]struct {
		files   fstest.MapFS
		open    string
		kept    []string // some of those that stay
		removed []string // all others
	}{
		"Blackrock": {
			fstest.MapFS{"x.ns5": {Data: fileAt(t, blackrock+"v22.ns5")}, "x.nev": {Data: fileAt(t, blackrock+"v22.nev")}},
			"x.ns5",
			[]string{"spike/elec1/unsorted", "spike/elec1/noise", "spike/elec2/3", "digital/65535", "serial/65"},
			nil,
		},
		"Blackrock, a named channel": {
			fstest.MapFS{"x.ns5": {Data: anna(blackrock + "v22.ns5")}, "x.nev": {Data: anna(blackrock + "v22.nev")}},
			"x.ns5",
			[]string{"spike/elec1/unsorted", "spike/Anna/3", "spike/Anna/1"},
			nil,
		},
		"Blackrock, a named electrode": {fstest.MapFS{"x.nev": {Data: anna(blackrock + "v22.nev")}}, "x.nev", []string{"spike/elec1/unsorted", "spike/elec1/noise"}, []string{"spike/Anna/3", "spike/Anna/1"}},
		"Blackrock, a comment":         {fstest.MapFS{"x.nev": {Data: fileAt(t, blackrock+"alone.nev")}}, "x.nev", []string{"spike/elec1/1", "serial/7"}, []string{"comment/right hand"}},
		"CNT":                          {fstest.MapFS{"x.cnt": {Data: fileAt(t, cnt)}}, "x.cnt", []string{"keyboard 3", "keypad 2"}, nil},
		"CNT, marked":                  {fstest.MapFS{"x.cnt": {Data: marked}}, "x.cnt", []string{"rejected from here: 5", "accepted from here: 300"}, nil},
	} {
		rec, err := ingest.Open(tc.files, tc.open)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		clean, _, err := ingest.Anonymise(rec, ingest.Hiding{DropTexts: true})
		if err != nil {
			t.Fatal(err)
		}
		was, now := signal.LabelsOf(rec.Events), signal.LabelsOf(clean.Events)
		for _, label := range tc.kept {
			if !slices.Contains(was, label) || !slices.Contains(now, label) {
				t.Errorf("%s: %q must be there and stay: of %q there are %q left", name, label, was, now)
			}
		}
		gone := slices.DeleteFunc(was, func(label string) bool { return slices.Contains(now, label) })
		if strings.Join(gone, ", ") != strings.Join(tc.removed, ", ") {
			t.Errorf("%s: %q are gone, must be %q", name, gone, tc.removed)
		}

		// A word of the header's texts counts all the same.
		rec.Texts = append(rec.Texts, signal.Text{Field: "patient", Text: "Keyboard, Noise, Rejected", Personal: true})
		if clean, _, err = ingest.Anonymise(rec, ingest.Hiding{DropTexts: true}); err != nil {
			t.Fatal(err)
		}
		for _, e := range clean.Events {
			if strings.Contains(e.Label, "keyboard") || strings.Contains(e.Label, "noise") || strings.Contains(e.Label, "rejected") {
				t.Errorf("%s: %q has a word of the header and stays", name, e.Label)
			}
		}
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	}
}
