package text_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
)

// TestTablesNotInUTF8: names, units and markers are letters, whatever bytes they were written with: UTF-8, Latin-1 where it is not that, or
// what was asked for; what was not UTF-8 is listed.
func TestTablesNotInUTF8(t *testing.T) {
	latin := strings.NewReplacer("µ", "\xb5", "ü", "\xfc", "€", "\x80")
	table := func(mark string) string {
		var b strings.Builder
		b.WriteString("time (s),C3 (µV),Cz [mV],marker\n")
		for row := range 500 {
			text := ""
			if row == 100 {
				text = mark
			}
			fmt.Fprintf(&b, "%.3f,%d,1,%s\n", float64(row)/250, row, text)
		}
		return b.String()
	}
	for _, tc := range []struct {
		name, text string
		as         ingest.Encoding
		mark       string
		listed     string // "" for nothing
	}{
		{"UTF-8", table("für"), ingest.AutoEncoding, "für", ""},
		{"UTF-8 with a mark", "\ufeff" + table("für"), ingest.Latin1, "fÃ¼r", "read as Latin-1"},
		{"Latin-1", latin.Replace(table("für")), ingest.AutoEncoding, "für", "read as Latin-1"},
		{"Latin-1, asked for", latin.Replace(table("für")), ingest.Latin1, "für", "read as Latin-1"},
		{"Windows-1252, asked for", latin.Replace(table("5 €")), ingest.Windows1252, "5 €", "read as Windows-1252"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fsys := &ingest.Encoded{FS: fstest.MapFS{"x.csv": {Data: []byte(tc.text)}}, Encoding: tc.as}
			rec, err := ingest.Open(fsys, "x.csv")
			if err != nil {
				t.Fatal(err)
			}
			if tc.listed == "" == listed(rec, "text is UTF-8") || tc.listed != "" && !listed(rec, "text is UTF-8", tc.listed) {
				t.Errorf("deviations: %+v", rec.Deviations)
			}
			if len(rec.Events) != 1 || rec.Events[0].Label != tc.mark {
				t.Errorf("events: %+v, want %q", rec.Events, tc.mark)
			}
			if len(rec.Info.Channels) != 2 || tc.name != "UTF-8 with a mark" && (rec.Info.Channels[0].Name != "C3" || rec.Info.Channels[0].Unit != "µV") {
				t.Fatalf("channels: %+v", rec.Info.Channels)
			}
		})
	}
}

// TestHeaderNotInUTF8: a header that is plain in UTF-8 is so in Latin-1 too, also where a letter of it says the unit of the stamps.
func TestHeaderNotInUTF8(t *testing.T) {
	var b strings.Builder
	b.WriteString("time (\xb5s),C3 (\xb5V)\n")
	for row := range 500 {
		fmt.Fprintf(&b, "%d,%d\n", 4000*row, row)
	}
	rec, err := ingest.Open(fstest.MapFS{"x.csv": {Data: []byte(b.String())}}, "x.csv")
	if err != nil {
		t.Fatal(err)
	}
	if rec.Info.Rate != 250 || rec.Info.Channels[0].Unit != "µV" || !listed(rec, "text is UTF-8", "read as Latin-1") {
		t.Errorf("%g Hz, %+v, %+v; want 250 Hz and µV", rec.Info.Rate, rec.Info.Channels, rec.Deviations)
	}
}

// TestOffsetsNotInUTF8: errors and deviations name the byte of the file, where letters in front of it have one byte there and two in UTF-8.
func TestOffsetsNotInUTF8(t *testing.T) {
	const head = "time_s,marker,C3\n0.000,,1\n0.004,"
	for name, tc := range map[string]struct {
		data, found string
		at          int
	}{
		"a cell":                    {head + "\xfc\xfc\xfc,oops\n", `"oops"`, len(head + "\xfc\xfc\xfc,")},
		"the same in UTF-8":         {head + "ü,oops\n", `"oops"`, len(head + "ü,")},
		"a cell of the header":      {"timestamps,TP9,\xfc\xfc,timestamps\n", "two columns", len("timestamps,TP9,\xfc\xfc,")},
		"the same behind its mark":  {"\ufefftimestamps,TP9,\xfc\xfc,timestamps\n", "two columns", len("\ufefftimestamps,TP9,\xfc\xfc,")},
		"a line behind such others": {head + "\xfc\xfc\xfc,1\n1\n", "the row has 1 cells", len(head + "\xfc\xfc\xfc,1\n")},
	} {
		_, err := ingest.Open(fstest.MapFS{"x.csv": {Data: []byte(tc.data)}}, "x.csv")
		var format *ingest.FormatError
		if !errors.As(err, &format) || format.Offset != int64(tc.at) || !strings.Contains(err.Error(), tc.found) {
			t.Errorf("%s: the error is %v, want one of byte %d about %s", name, err, tc.at, tc.found)
		}
	}
}
