package fif_test

import (
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
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestSplit: the parts that MNE wrote are one recording; TestGolden compares its samples, events and annotations with MNE's.
func TestSplit(t *testing.T) {
	rec := openGolden(t, "split_raw.fif")
	if !slices.Equal(rec.Parts, []string{"split_raw-1.fif", "split_raw-2.fif"}) || len(rec.Deviations) != 1 || !strings.Contains(rec.Deviations[0].Where, "projections") {
		t.Errorf("the parts are %q, the deviations %+v", rec.Parts, rec.Deviations)
	}
	ingesttest.Run(t, func() (*signal.Recording, error) { return ingest.Open(os.DirFS("testdata"), "split_raw.fif") })
	// From the second part on it is what the whole has there.
	rest := openGolden(t, "split_raw-1.fif")
	all, part := whole(t, rec), whole(t, rest)
	if rest.Len != 100 || len(rest.Deviations) != 2 || !strings.Contains(rest.Deviations[0].Found, `goes on from "split_raw.fif"`) {
		t.Errorf("the second part has %d samples and the deviations %+v", rest.Len, rest.Deviations)
	}
	for ch := range part {
		if !slices.Equal(part[ch], all[ch][50:]) {
			t.Errorf("channel %d of the second part is not the rest of the whole", ch)
		}
	}
}

// part is a part of a recording of one channel at 100 Hz, whose first sample has a number; "" is no other part.
func part(first int32, previous, next string, values ...int16) file {
	return partOf(cz, first, previous, next, values...)
}

func partOf(channels func(file) file, first int32, previous, next string, values ...int16) file {
	f := begin().info(1, 100, channels).ints(104, 102).ints(208, first).tag(300, 2, shorts(values...))
	for role, name := range map[int32]string{1: previous, 2: next} {
		if name != "" {
			f = f.ints(104, 118).ints(115, role).tag(118, 10, []byte(name)).ints(105, 118)
		}
	}
	return f.ints(105, 102).end()
}

// TestAnnotationsOfChannels: MNE writes of which channels each annotation is, as JSON, where one is of some only. What is no such list is listed.
func TestAnnotationsOfChannels(t *testing.T) {
	twice := func(v float32) []byte {
		return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, math.Float32bits(v)), math.Float32bits(v))
	}
	two := func(f file) file { return f.channel("Cz", 2, nil).channel("EEG Pz", 2, nil) }
	for channels, want := range map[string]struct {
		of    [2]signal.Channels
		wrong string
	}{
		"":                           {},
		`[["Cz"], []]`:               {of: [2]signal.Channels{signal.ChannelsOf("Cz")}},
		`[[],["EEG Pz","gone"]]`:     {of: [2]signal.Channels{{}, signal.ChannelsOf("Pz", "gone")}},
		`[["Cz"]]`:                   {wrong: "1 lists for 2 annotations"},
		`[["Cz"],[],[]]`:             {wrong: "more lists than the 2 annotations"},
		`[["Cz"],"Cz"]`:              {wrong: `"\"Cz\"" for annotation 2`},
		`[["Cz"],[`:                  {wrong: "EOF"},
		`{"Cz": 1}`:                  {wrong: `"{\"Cz\": 1}"`},
		`[["\u0043z"],["Cz", "Cz"]]`: {of: [2]signal.Channels{signal.ChannelsOf("Cz"), signal.ChannelsOf("Cz")}},
	} {
		f := begin().info(2, 100, two).ints(104, 3810).tag(3568, 4, twice(0.01)).tag(3569, 4, twice(0.01)).tag(206, 10, []byte("a:b"))
		if channels != "" {
			f = f.tag(3801, 10, []byte(channels))
		}
		rec, err := openFile(t, f.ints(105, 3810).ints(104, 102).tag(300, 2, shorts(1, 2, 3, 4)).ints(105, 102).end(), fstest.MapFS{})
		if err != nil {
			t.Fatal(err)
		}
		if len(rec.Events) != 2 || len(rec.Notes) > 0 {
			t.Fatalf("%q: the events are %+v, the notes %+v", channels, rec.Events, rec.Notes)
		}
		for i, e := range rec.Events {
			if e.Channels != want.of[i] {
				t.Errorf("%q: event %q is of %q, want %q", channels, e.Label, e.Channels, want.of[i])
			}
		}
		listed := slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool {
			return strings.Contains(d.Where, "channels of annotations") && strings.Contains(d.Found, want.wrong) && !d.Missing
		})
		if listed != (want.wrong != "") {
			t.Errorf("%q: the deviations are %+v, want one with %q", channels, rec.Deviations, want.wrong)
		}
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestParts: what is made of parts that are not as they were written.
func TestParts(t *testing.T) {
	two := part(12, "x_raw.fif", "", 3, 4)
	cut := two[:len(two)-141-2] // in the buffer, of which 141 bytes are behind
	for name, tc := range map[string]struct {
		first  file
		others map[string]file
		spans  string // of samples, "" where it is refused
		want   string // in the error or the deviations; "" for none
	}{
		"whole":                  {part(10, "", "b.fif", 1, 2), map[string]file{"b.fif": two}, "[{0 4}]", ""},
		"three":                  {part(10, "", "b.fif", 1, 2), map[string]file{"b.fif": part(12, "/old/x_raw.fif", "c.fif", 3), "c.fif": part(13, `C:\old\b.fif`, "", 4)}, "[{0 4}]", ""},
		"a part is missing":      {part(10, "", "b.fif", 1, 2), nil, "[{0 2}]", `no "b.fif"`},
		"the third is missing":   {part(10, "", "b.fif", 1, 2), map[string]file{"b.fif": part(12, "x_raw.fif", "c.fif", 3)}, "[{0 3}]", `no "c.fif"`},
		"samples are missing":    {part(10, "", "b.fif", 1, 2), map[string]file{"b.fif": part(20, "x_raw.fif", "", 3, 4)}, "[{0 2} {10 2}]", "a gap of 8 samples"},
		"renamed":                {part(10, "", "b.fif", 1, 2), map[string]file{"b.fif": part(12, "a_raw.fif", "", 3, 4)}, "[{0 4}]", "the files were renamed"},
		"of another recording":   {part(10, "", "b.fif", 1, 2), map[string]file{"b.fif": part(99, "a_raw.fif", "", 3, 4)}, "", `it is a part of another recording, whose samples do not follow (99 behind 12)`},
		"out of order":           {part(12, "", "b.fif", 1, 2), map[string]file{"b.fif": part(10, "x_raw.fif", "", 3, 4)}, "", "is number 10, must be at least 14, which follows the last one of x_raw.fif: the parts are out of order"},
		"a part that is itself":  {part(10, "", "x_raw.fif", 1, 2), nil, "", "go round in a circle"},
		"a circle":               {part(10, "", "b.fif", 1, 2), map[string]file{"b.fif": part(12, "x_raw.fif", "c.fif", 3), "c.fif": part(13, "b.fif", "b.fif", 4)}, "", "go round in a circle"},
		"in another folder":      {part(10, "", "../b.fif", 1, 2), map[string]file{"b.fif": two}, "[{0 4}]", "beside the first part"},
		"in no file":             {part(10, "", "..", 1, 2), map[string]file{"b.fif": two}, "", "must be a name without a folder"},
		"another channel":        {part(10, "", "b.fif", 1, 2), map[string]file{"b.fif": partOf(func(f file) file { return f.channel("Pz", 2, nil) }, 12, "x_raw.fif", "", 3)}, "", `is "Pz", and of another name, kind, calibration or unit than in the first part, "Cz"`},
		"another calibration":    {part(10, "", "b.fif", 1, 2), map[string]file{"b.fif": partOf(func(f file) file { return f.channel("Cz", 2, func(b []byte) { b[18]++ }) }, 12, "x_raw.fif", "", 3)}, "", "of another name, kind, calibration"},
		"no FIF":                 {part(10, "", "b.fif", 1, 2), map[string]file{"b.fif": []byte("nothing of the kind, at all")}, "", "is not FIF, or is compressed"},
		"no samples":             {part(10, "", "b.fif", 1, 2), map[string]file{"b.fif": begin().info(1, 100, cz).end()}, "", "raw data: there is none"},
		"the last part was cut":  {part(10, "", "b.fif", 1, 2), map[string]file{"b.fif": cut}, "[{0 3}]", "it was cut off"},
		"the first part was cut": {part(10, "", "", 1, 2, 3), nil, "[{0 3}]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for n, f := range tc.others {
				fsys[n] = &fstest.MapFile{Data: f}
			}
			rec, err := openFile(t, tc.first, fsys)
			if tc.spans == "" {
				var format *ingest.FormatError
				if !errors.As(err, &format) || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("the error is %v, must be a *ingest.FormatError that says %q", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(rec.Runs()); got != tc.spans {
				t.Errorf("samples are in %s, want %s", got, tc.spans)
			}
			if got := fmt.Sprintf("%+v", rec.Deviations); tc.want == "" && got != "[]" || !strings.Contains(got, tc.want) {
				t.Errorf("the deviations are %s, want %q", got, tc.want)
			}
			missing := slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return d.Missing })
			if want := strings.HasPrefix(tc.want, "no "); missing != want {
				t.Errorf("the deviations say that a part is missing: %t, want %t; %+v", missing, want, rec.Deviations)
			}
			value := 1.0
			for _, x := range whole(t, rec)[0] {
				if x != 0 { // 0 is a gap
					if d := x - value; d > 1e-5 || d < -1e-5 {
						t.Errorf("got %g µV, want %g", x, value)
					}
					value++
				}
			}
			if err := rec.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
