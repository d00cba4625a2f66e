package all_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// keepTexts are the formats that keep all texts of a header.
var keepTexts = []string{"arrow", "parquet", "xdf", "brainvision"}

// worded is a recording with texts that are awkward in JSON, XML, and files of lines and sections.
func worded() *signal.Recording {
	rec := ingesttest.Rates()
	rec.Texts = []signal.Text{
		{Field: "local patient identification", Text: "HOSP123 F 02-JAN-1970 SECRETNAME", Personal: true},
		{Field: "User Infos", Text: "Ada=1\n; [Comment]\r\n[Channel Infos]\nCh1=x", Personal: true},
		{Field: "Comment", Text: "line 1, \"quoted\" \\1 \\u005b\r\n\r\nline = 2 Wörter 脑", Personal: true},
		{Field: "transducer type", Channel: rec.Info.Channels[0].Name, Text: "AgAgCl <cup> & ]]> 100 %"},
		{Field: "odd", Text: "\x01\x1f\u2028\ufffe\uffff\U0001f9e0 \t."},
		{Field: "long", Text: strings.Repeat("many words ", 2000)},
		{Field: "Comment", Text: "a second one", Personal: true},
	}
	rec.Others[1].Texts = []signal.Text{{Field: "prefiltering", Channel: "EMG 1", Text: "HP:10Hz"}, {Field: "technician", Text: "Eva SECRETNAME", Personal: true}}
	return rec
}

// sorted are the texts of rec in an order of their own: which of them comes first says nothing.
func sorted(rec *signal.Recording) []string {
	var all []string
	for _, t := range rec.Texts {
		all = append(all, fmt.Sprintf("%+q", []any{t.Field, t.Channel, t.Text, strconv.FormatBool(t.Personal)}))
	}
	slices.Sort(all)
	return all
}

// TestTextsOfHeaders: what the header of a source says in words is read again from every format that has a place for it, word by word, and
// nothing of it is listed as lost.
func TestTextsOfHeaders(t *testing.T) {
	for _, format := range keepTexts {
		t.Run(format, func(t *testing.T) {
			want := worded()
			if format == "brainvision" {
				want.Others = nil // which it leaves out, and lists
			}
			files, name := ingesttest.Written(t, format, want)
			got := ingesttest.Open(t, files, name)
			if d := cmp.Diff(sorted(want), sorted(got)); d != "" {
				t.Errorf("texts (-written +read):\n%s", d)
			}
			for i, o := range want.Others {
				k := slices.IndexFunc(got.Others, func(r *signal.Recording) bool { return r.Info.Channels[0].Original == o.Info.Channels[0].Original })
				if k < 0 {
					t.Fatalf("the channels at rate %d are not there", i)
				}
				if d := cmp.Diff(sorted(o), sorted(got.Others[k])); d != "" {
					t.Errorf("texts at rate %d (-written +read):\n%s", i, d)
				}
			}
			for _, d := range slices.Concat(got.Deviations, losses(t, format, want)) {
				if strings.Contains(d.Where, "text") {
					t.Errorf("%+v", d)
				}
			}
			again, name := ingesttest.Written(t, format, got)
			if d := cmp.Diff(sorted(got), sorted(ingesttest.Open(t, again, name))); d != "" {
				t.Errorf("written twice (-once +twice):\n%s", d)
			}
		})
	}
}

// losses are what a writer lists.
func losses(t *testing.T, format string, rec *signal.Recording) []signal.Deviation {
	t.Helper()
	w, err := ingest.WriterFor(format, "")
	if err != nil {
		t.Fatal(err)
	}
	made, err := ingest.WriteFile(t.TempDir()+"/x"+w.Ext[0], w, rec, false)
	if err != nil {
		t.Fatal(err)
	}
	return made.Losses
}

// TestTextsWithoutChannels: a recording of events alone keeps its texts where it can be written at all.
func TestTextsWithoutChannels(t *testing.T) {
	for _, format := range []string{"arrow", "parquet", "xdf"} {
		rec := ingesttest.Hypnogram()
		rec.Texts = []signal.Text{{Field: "scored by", Text: "Eva", Personal: true}}
		files, name := ingesttest.Written(t, format, rec)
		if got := ingesttest.Open(t, files, name); !slices.Equal(got.Texts, rec.Texts) {
			t.Errorf("%s: %+v", format, got.Texts)
		}
	}
}

// TestTextsAnonymised: what is taken out of a header does not come back from any format, nor the date that it says.
func TestTextsAnonymised(t *testing.T) {
	f := edftest.File{
		N: 3, Patient: "X X X X", Recording: "Startdate 04-MAR-2021 X X X", Reserved: "EDF+C",
		Signals: []edftest.Signal{{Label: "EEG Cz", Dim: "uV", Samples: 100}, edftest.Annotations(60, func(r int) string { return edftest.TAL(edftest.Steady(r), "") })},
	}
	dated := ingesttest.Open(t, fstest.MapFS{"x.edf": {Data: f.Bytes()}}, "x.edf")
	for _, w := range ingest.Writers() {
		for name, rec := range map[string]*signal.Recording{"names": worded(), "dates": dated} {
			for _, hide := range []ingest.Hiding{{}, {DropTexts: true}, {ShiftDays: 40000}} {
				clean, _, err := ingest.Anonymise(rec, hide)
				if err != nil {
					t.Fatal(err)
				}
				files, first := ingesttest.Written(t, w.Name, clean)
				for path, file := range files {
					for _, secret := range []string{"SECRETNAME", "HOSP123", "Ada", "Eva", "Wörter", "04-MAR-2021", "MAR-2021"} {
						if strings.Contains(string(file.Data), secret) {
							t.Errorf("%s, %s, %+v: %s still has %q", w.Name, name, hide, path, secret)
						}
					}
				}
				got := ingesttest.Open(t, files, first)
				for _, r := range append([]*signal.Recording{got}, got.Others...) {
					for _, text := range r.Texts {
						if text.Personal {
							t.Errorf("%s, %s, %+v: %+v is read again", w.Name, name, hide, text)
						}
					}
				}
			}
		}
	}
}

// TestTextsLost: what is no text, and more texts than a file is given, are listed, and the others are read.
func TestTextsLost(t *testing.T) {
	for _, format := range keepTexts {
		rec := ingesttest.Gapped()
		rec.Texts = []signal.Text{{Field: "device", Text: "caf\xe9"}}
		for i := range ingest.MostTexts {
			rec.Texts = append(rec.Texts, signal.Text{Field: "n", Text: strconv.Itoa(i)})
		}
		var found []string
		for _, d := range losses(t, format, rec) {
			if d.Where == "texts of the header" {
				found = append(found, d.Rule+": "+d.Found)
			}
		}
		if want := []string{"there are at most 4096: 4097", "is UTF-8: 1 that are not"}; !slices.Equal(found, want) {
			t.Errorf("%s: listed are %q, want %q", format, found, want)
		}
		files, name := ingesttest.Written(t, format, rec)
		if got := ingesttest.Open(t, files, name); len(got.Texts) != ingest.MostTexts || got.Texts[0].Text != "caf\ufffd" || got.Texts[4095].Text != "4094" {
			t.Errorf("%s: %d texts", format, len(got.Texts))
		}
	}
}

// TestTextsDamaged: what stands in the place of a text and is none is told, and the texts around it are read.
func TestTextsDamaged(t *testing.T) {
	for _, c := range []struct {
		format, good, bad string
		read              []string // of three texts, the second of which is damaged
		where             string   // in what is listed; "" where the format has room for any words there, and they are kept as such
	}{
		{"arrow", `"field":"two"`, `"feild":"two"`, []string{"1"}, "metadata texts"},
		{"arrow", `"personal":false}`, `"personal":maybe}`, nil, "metadata texts"},
		{"xdf", `&#34;field&#34;:&#34;two&#34;`, `&#34;feild&#34;:&#34;two&#34;`, []string{"1", "3"}, "stream"},
		{"brainvision", `{"field":"two"`, `["field":"two"`, []string{"1", "3", `GyrusText2=["field":"two","text":"2","personal":false}`}, ""},
	} {
		rec := ingesttest.Gapped()
		rec.Texts = []signal.Text{{Field: "one", Text: "1"}, {Field: "two", Text: "2"}, {Field: "three", Text: "3"}}
		files, name := ingesttest.Written(t, c.format, rec)
		if n := strings.Count(string(files[name].Data), c.good); n == 0 {
			t.Fatalf("%s: the file has no %s", c.format, c.good)
		}
		files[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(files[name].Data), c.good, c.bad))}
		got := ingesttest.Open(t, files, name)
		var read []string
		for _, text := range got.Texts {
			read = append(read, text.Text)
		}
		told := slices.ContainsFunc(got.Deviations, func(d signal.Deviation) bool {
			return c.where != "" && strings.Contains(d.Where, c.where) && strings.Contains(d.Rule, "text")
		})
		if !slices.Equal(read, c.read) || told != (c.where != "") || len(got.Events) != len(rec.Events) {
			t.Errorf("%s, %s: read are %q, %+v", c.format, c.bad, read, got.Deviations)
		}
	}
}
