package brainvision_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	_ "github.com/gyrus-bci/gyrus/ingest/brainvision"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestGolden compares with MNE, see testdata/golden.py and docs/formats/brainvision.md.
func TestGolden(t *testing.T) {
	files := ingesttest.ReadGolden(t, "testdata/golden.json")
	if len(files) != 5+13+1 {
		t.Fatalf("%d files in golden.json, want 19", len(files))
	}
	for name, want := range files {
		t.Run(name, func(t *testing.T) {
			root, base := os.DirFS("testdata"), name
			if strings.Contains(name, "/") {
				root, base = os.DirFS(filepath.Dir(datasettest.Need(t, name))), path.Base(name)
			}
			ingesttest.Run(t, func() (*signal.Recording, error) { return ingest.Open(root, base) })
			rec := open(t, root, base)
			want.Check(t, rec)
			compareEvents(t, rec, want)
			for i, c := range rec.Info.Channels {
				p := want.Positions[i]
				if r := math.Sqrt(p[0]*p[0] + p[1]*p[1] + p[2]*p[2]); r == 0 || c.Pos == nil {
					continue
				} else if math.Abs(r-montage.HeadRadius) < 1e-9 { // idealised: the middle of the head lies higher here
					p[2] += montage.HeadRadius * math.Sin(22.5*math.Pi/180)
				}
				for k := range p {
					if math.Abs(c.Pos[k]-p[k]) > 1e-7 { // MNE keeps float32
						t.Errorf("%s is at %v, want %v", c.Name, *c.Pos, p)
						break
					}
				}
			}
		})
	}
}

// compareEvents counts MNE's onsets, which know no gap, in samples of the file. MNE's New Segment annotations are the gaps.
func compareEvents(t *testing.T, rec *signal.Recording, want ingesttest.Golden) {
	t.Helper()
	events := signal.EventsIn(rec.Events, 0, rec.Len) // MNE drops the others
	var segments, starts []int64
	want.Annotations = slices.DeleteFunc(slices.Clone(want.Annotations), func(a [3]any) bool {
		at := int64(math.Round(a[0].(float64) * want.Rate))
		if a[2].(string) != "New Segment/" {
			return false
		}
		if at > 0 {
			segments = append(segments, at)
		}
		return true
	})
	from := int64(0)
	for _, run := range rec.Runs() {
		if from > 0 {
			starts = append(starts, from)
		}
		from += run.Len
	}
	if !slices.Equal(starts, segments) {
		t.Errorf("runs begin at samples %v of the file, MNE has New Segment at %v", starts, segments)
	}
	if len(events) != len(want.Annotations) {
		t.Fatalf("%d events, want %d: %+v", len(events), len(want.Annotations), events)
	}
	runs := rec.Runs()
	for i, a := range want.Annotations {
		e := events[i]
		k, before := e.Sample, int64(0)
		for r := 0; r < len(runs); r++ {
			if r+1 == len(runs) || k < runs[r+1].Start {
				k = before + k - runs[r].Start
				break
			}
			before += runs[r].Len
		}
		onset, duration := a[0].(float64), a[1].(float64)
		if float64(k) != math.Round(onset*want.Rate) || math.Abs(e.Duration-duration) > 1e-9 || e.Label != a[2].(string) {
			t.Errorf("event %d is %+v, sample %d of the file, want %v", i, e, k, a)
		}
	}
}

func open(t *testing.T, root fs.FS, name string) *signal.Recording {
	t.Helper()
	return ingesttest.Open(t, root, name)
}

func all(t *testing.T, rec *signal.Recording) [][]float64 {
	t.Helper()
	x := make([][]float64, len(rec.Info.Channels))
	for _, s := range rec.Runs() {
		part := make([][]float64, len(x))
		for ch := range part {
			part[ch] = make([]float64, s.Len)
		}
		if err := rec.Data.ReadSamples(part, s.Start); err != nil {
			t.Fatal(err)
		}
		for ch := range part {
			x[ch] = append(x[ch], part[ch]...)
		}
	}
	return x
}

// file is a header of two channels of INT_16, changed by pairs of old and new text, with its markers and samples.
func files(change ...string) fstest.MapFS {
	h := "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nCodepage=UTF-8\nDataFile=x.eeg\nMarkerFile=x.vmrk\nDataFormat=BINARY\n" +
		"DataOrientation=MULTIPLEXED\nNumberOfChannels=2\nSamplingInterval=10000\n[Binary Infos]\nBinaryFormat=INT_16\n[Channel Infos]\nCh1=Fz,,0.5,µV\nCh2=Cz,,,\n"
	m := "Brain Vision Data Exchange Marker File, Version 1.0\n[Marker Infos]\nMk1=New Segment,,1,1,0,20210304050607250000\nMk2=Stimulus,S  1,2,1,0\n"
	r := strings.NewReplacer(change...)
	return fstest.MapFS{"x.vhdr": {Data: []byte(r.Replace(h))}, "x.vmrk": {Data: []byte(r.Replace(m))}, "x.eeg": {Data: []byte{1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0}}}
}

func TestChannelInfos(t *testing.T) {
	rec := open(t, files(`Ch2=Cz`, `Ch2=a\1b`), "x.vhdr")
	if rec.Info.Channels[1].Name != "a,b" || rec.Info.Channels[1].Unit != signal.Microvolt {
		t.Errorf("%+v", rec.Info.Channels[1])
	}
	x := all(t, rec)
	if !slices.Equal(x[0], []float64{0.5, 1.5, 2.5}) || !slices.Equal(x[1], []float64{2, 4, 6}) {
		t.Errorf("the samples are %v", x)
	}
	if want := time.Date(2021, 3, 4, 5, 6, 7, 250e6, time.UTC); !rec.Begin.Equal(want) {
		t.Errorf("begins at %v, want %v", rec.Begin, want)
	}
	if !slices.Equal(rec.Parts, []string{"x.eeg", "x.vmrk"}) {
		t.Errorf("the parts are %q", rec.Parts)
	}
}

// TestBinaryInfos reads 258 and -2 in every type.
func TestBinaryInfos(t *testing.T) {
	for name, raw := range map[string]string{
		"INT_16\n": "\x02\x01\xfe\xff", "INT_16\nUseBigEndianOrder=YES\n": "\x01\x02\xff\xfe", "UINT_16\n": "\x02\x01\xfe\xff",
		"INT_32\n": "\x02\x01\x00\x00\xfe\xff\xff\xff", "IEEE_FLOAT_32\n": "\x00\x00\x81\x43\x00\x00\x00\xc0",
		"IEEE_FLOAT_32\nUseBigEndianOrder=YES\n": "\x43\x81\x00\x00\xc0\x00\x00\x00",
		"IEEE_FLOAT_64\n":                        "\x00\x00\x00\x00\x00\x20\x70\x40\x00\x00\x00\x00\x00\x00\x00\xc0",
	} {
		want := []float64{129, -2} // the resolution of the first channel is 0.5
		if strings.HasPrefix(name, "UINT") {
			want[1] = 65534
		}
		for _, orientation := range []string{"MULTIPLEXED", "VECTORIZED"} { // one sample of two channels is the same in both
			f := files("INT_16\n", name, "MULTIPLEXED", orientation)
			f["x.eeg"].Data = []byte(raw)
			if x := all(t, open(t, f, "x.vhdr")); x[0][0] != want[0] || x[1][0] != want[1] {
				t.Errorf("%s: the samples are %v, want %v", name, x, want)
			}
		}
	}
}

func TestCodepage(t *testing.T) {
	f := files("µ", "\xb5")
	rec := open(t, f, "x.vhdr")
	if x := all(t, rec); x[0][0] != 0.5 || !deviates(rec, "Latin-1") {
		t.Errorf("a Latin-1 header gives %v and %+v", x, rec.Deviations)
	}
}

// TestNewSegment: recording went on at the third of four samples of the file, 1 s after the first.
func TestNewSegment(t *testing.T) {
	for name, tc := range map[string]struct {
		date  string
		start int64
		guess bool
	}{
		"known": {",20210304050608250000", 100, false}, "one sample later": {",20210304050607280000", 3, false}, "no time between": {",20210304050607270000", 3, true}, "ten days": {",20210314050608250000", 10*86400*100 + 100, false},
		"unknown": {"", 3, true}, "before": {",20200304050608250000", 3, true}, "absurd": {",20310304050608250000", 3, true},
	} {
		f := files("Mk2=Stimulus,S  1,2,1,0", "Mk2=New Segment,,3,1,0"+tc.date+"\nMk3=Stimulus,S  2,3,1,0")
		f["x.eeg"].Data = append(f["x.eeg"].Data, 7, 0, 8, 0)
		rec := open(t, f, "x.vhdr")
		want := []signal.Span{{Start: 0, Len: 2}, {Start: tc.start, Len: 2}}
		if !slices.Equal(rec.Spans, want) || rec.Len != tc.start+2 {
			t.Errorf("%s: samples are at %v, want %v", name, rec.Spans, want)
		}
		if events := []signal.Event{{Sample: tc.start, Onset: float64(tc.start) / 100, Duration: 0.01, Label: "Stimulus/S  2"}}; !slices.Equal(rec.Events, events) {
			t.Errorf("%s: the events are %+v, want %+v: the gap is no event", name, rec.Events, events)
		}
		if deviates(rec, "a gap of one sample") != tc.guess {
			t.Errorf("%s: the deviations are %+v", name, rec.Deviations)
		}
		if n := len(rec.Deviations); !tc.guess && n > 0 && name != "ten days" || len(rec.Notes) != 1 || !strings.Contains(rec.Notes[0].Found, "1 interruptions") {
			t.Errorf("%s: a time says how long the gap is, which breaks nothing and is noted: deviations %+v, notes %+v", name, rec.Deviations, rec.Notes)
		}
		if x := all(t, rec); !slices.Equal(x[0], []float64{0.5, 1.5, 2.5, 3.5}) {
			t.Errorf("%s: the samples are %v", name, x[0])
		}
		ingesttest.Run(t, func() (*signal.Recording, error) { return ingest.Open(f, "x.vhdr") })
	}
}

// TestSkip: samples under MNE's mark for what was not measured, which it exports as a comment, are a gap.
func TestSkip(t *testing.T) {
	s := func(start, n int64) signal.Span { return signal.Span{Start: start, Len: n} }
	for name, tc := range map[string]struct {
		markers string
		spans   []signal.Span
		x       []float64 // of the first channel
		events  int
	}{
		"in the middle":         {"Mk3=Comment,BAD_ACQ_SKIP,3,2,0", []signal.Span{s(0, 2), s(4, 4)}, []float64{0.5, 1.5, 4.5, 5.5, 6.5, 7.5}, 1},
		"of no type":            {"Mk3=,BAD_ACQ_SKIP,3,2,0", []signal.Span{s(0, 2), s(4, 4)}, []float64{0.5, 1.5, 4.5, 5.5, 6.5, 7.5}, 1},
		"first":                 {"Mk3=Comment,BAD_ACQ_SKIP,1,3,0", []signal.Span{s(3, 5)}, []float64{3.5, 4.5, 5.5, 6.5, 7.5}, 1},
		"last, over the end":    {"Mk3=Comment,BAD_ACQ_SKIP,7,99,0", nil, []float64{0.5, 1.5, 2.5, 3.5, 4.5, 5.5}, 1},
		"over each other":       {"Mk3=Comment,BAD_ACQ_SKIP,5,2,0\nMk4=Comment,BAD_ACQ_SKIP,3,3,0", []signal.Span{s(0, 2), s(6, 2)}, []float64{0.5, 1.5, 6.5, 7.5}, 1},
		"over an interruption":  {"Mk3=Comment,BAD_ACQ_SKIP,3,3,0\nMk4=New Segment,,5,1,0,20210304050608250000", []signal.Span{s(0, 2), s(101, 3)}, []float64{0.5, 1.5, 5.5, 6.5, 7.5}, 1},
		"all":                   {"Mk3=Comment,BAD_ACQ_SKIP,1,8,0", nil, nil, 1},
		"of one channel":        {"Mk3=Comment,BAD_ACQ_SKIP,3,2,1", nil, []float64{0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5}, 2},
		"without a size":        {"Mk3=Comment,BAD_ACQ_SKIP,3,0,0", nil, []float64{0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5}, 2},
		"another text":          {"Mk3=Comment,BAD_ACQ_SKIPPED,3,2,0", nil, []float64{0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5}, 2},
		"outside of the data":   {"Mk3=Comment,BAD_ACQ_SKIP,-7,3,0", nil, []float64{0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5}, 1},
		"with an event between": {"Mk3=Comment,BAD_ACQ_SKIP,3,2,0\nMk4=Stimulus,S  2,4,1,0", []signal.Span{s(0, 2), s(4, 4)}, []float64{0.5, 1.5, 4.5, 5.5, 6.5, 7.5}, 2},
	} {
		f := files("Mk2=Stimulus,S  1,2,1,0\n", "Mk2=Stimulus,S  1,2,1,0\n"+tc.markers+"\n")
		f["x.eeg"].Data = nil
		for k := range byte(8) {
			f["x.eeg"].Data = append(f["x.eeg"].Data, 2*k+1, 0, 0, 0)
		}
		rec := open(t, f, "x.vhdr")
		if !slices.Equal(rec.Spans, tc.spans) || len(rec.Events) != tc.events {
			t.Errorf("%s: samples are at %v, want %v, and %d events, want %d", name, rec.Spans, tc.spans, len(rec.Events), tc.events)
		}
		if x := all(t, rec); !slices.Equal(x[0], tc.x) {
			t.Errorf("%s: the samples are %v, want %v", name, x[0], tc.x)
		}
		var notes []string
		if strings.Contains(tc.markers, "New Segment") {
			notes = append(notes, "recording may have been interrupted")
		}
		if len(tc.x) < 8 {
			notes = append(notes, "BAD_ACQ_SKIP")
		}
		if last := rec.Events[len(rec.Events)-1]; name == "of one channel" && last.Channels != signal.ChannelsOf("Fz") {
			t.Errorf("%s: the event is of %q", name, last.Channels.Names())
		}
		if slices.CompareFunc(rec.Notes, notes, func(d signal.Deviation, words string) int {
			if strings.Contains(d.Rule, words) {
				return 0
			}
			return 1
		}) != 0 {
			t.Errorf("%s: the notes are %+v, want them about %q", name, rec.Notes, notes)
		}
		stored := int64(0)
		for _, run := range rec.FileRuns() {
			stored += run.Len
		}
		if stored != 8 {
			t.Errorf("%s: the file has %v, want 8 samples", name, rec.FileRuns())
		}
		ingesttest.Run(t, func() (*signal.Recording, error) { return ingest.Open(f, "x.vhdr") })
	}
}

// TestNewSegmentBehindAnUndatedOne: a time says where its samples are, whatever is not known before it.
func TestNewSegmentBehindAnUndatedOne(t *testing.T) {
	f := files("Mk2=Stimulus,S  1,2,1,0", "Mk2=New Segment,,2,1,0\nMk3=New Segment,,3,1,0,20210304050608250000\nMk4=New Segment,left,4,1,0")
	f["x.eeg"].Data = append(f["x.eeg"].Data, 7, 0, 8, 0)
	rec := open(t, f, "x.vhdr")
	if want := []signal.Span{{Start: 0, Len: 1}, {Start: 2, Len: 1}, {Start: 100, Len: 1}, {Start: 102, Len: 1}}; !slices.Equal(rec.Spans, want) {
		t.Errorf("samples are at %v, want %v", rec.Spans, want)
	}
	if want := []signal.Event{{Sample: 102, Onset: 1.02, Duration: 0.01, Label: "New Segment/left"}}; !slices.Equal(rec.Events, want) {
		t.Errorf("the events are %+v, want %+v", rec.Events, want)
	}
}

// TestSamplingInterval: a decimal comma is read, and listed.
func TestSamplingInterval(t *testing.T) {
	for interval, listed := range map[string]bool{"1953.125": false, "1953,125": true} {
		rec := open(t, files("SamplingInterval=10000", "SamplingInterval="+interval), "x.vhdr")
		if rec.Info.Rate != 512 || deviates(rec, `1953.125 µs, which is a rate of 512 Hz`) != listed {
			t.Errorf("%s: %g Hz, %+v", interval, rec.Info.Rate, rec.Deviations)
		}
	}
	if _, err := ingest.Open(files("SamplingInterval=10000", "SamplingInterval=1,953,125"), "x.vhdr"); err == nil || !strings.Contains(err.Error(), "must be microseconds above 0") {
		t.Errorf("the error is %v", err)
	}
}

func TestASCIIInfos(t *testing.T) {
	want := [][]float64{{0.5, 1.5, -2.5}, {2, 4, 6e3}}
	for name, tc := range map[string]struct{ infos, orientation, text string }{
		"multiplexed":       {"", "MULTIPLEXED", "1 2\n3 4\n-5 6E3\n"},
		"header and number": {"SkipLines=1\nSkipColumns=1\n", "MULTIPLEXED", "t a b\r\n1 1 2\r\n2 3 4\r\n3 -5 6e3\r\n"},
		"decimal comma":     {"DecimalSymbol=,\n", "MULTIPLEXED", " 1,0\t2\n3;4,000\n-5 6e3"},
		"vectorised":        {"", "VECTORIZED", "1 3 -5\n2 4 6e3\n"},
		"names":             {"", "VECTORIZED", "Fz 1 3 -5\nCz 2 4 6e3"},
		"names are columns": {"SkipColumns=1\n", "VECTORIZED", "7 1 3 -5\n8 2 4 6e3\n"},
	} {
		f := files("DataFormat=BINARY", "DataFormat=ASCII", "MULTIPLEXED", tc.orientation, "[Binary Infos]\nBinaryFormat=INT_16", "[ASCII Infos]\n"+tc.infos)
		f["x.eeg"].Data = []byte(tc.text)
		if x := all(t, open(t, f, "x.vhdr")); !slices.Equal(x[0], want[0]) || !slices.Equal(x[1], want[1]) {
			t.Errorf("%s: the samples are %v, want %v", name, x, want)
		}
	}
}

// TestASCIIVectorised reads more samples than lie between two places of the index.
func TestASCIIVectorised(t *testing.T) {
	f := files("DataFormat=BINARY", "DataFormat=ASCII", "MULTIPLEXED", "VECTORIZED")
	var a, b strings.Builder
	for k := range 1000 {
		fmt.Fprintf(&a, " %d", k)
		fmt.Fprintf(&b, "%d\t", -k)
	}
	f["x.eeg"].Data = []byte(a.String() + "\n" + b.String() + "\n")
	ingesttest.Run(t, func() (*signal.Recording, error) { return ingest.Open(f, "x.vhdr") })
	x := all(t, open(t, f, "x.vhdr"))
	for k := range 1000 {
		if x[0][k] != 0.5*float64(k) || x[1][k] != -float64(k) {
			t.Fatalf("sample %d is %g and %g", k, x[0][k], x[1][k])
		}
	}
}

func deviates(rec *signal.Recording, words string) bool {
	return slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return strings.Contains(fmt.Sprintf("%+v", d), words) })
}

func TestDeviations(t *testing.T) {
	for name, tc := range map[string]struct {
		f    fstest.MapFS
		want string
	}{
		"renamed":            {files("DataFile=x.eeg", "DataFile=old.eeg"), `"old.eeg", which is not there`},
		"a folder":           {files("DataFile=x.eeg", `DataFile=C:\data\x.eeg`), `"x.eeg" beside the header`},
		"no markers":         {files("MarkerFile=x.vmrk", "MarkerFile=old.vmrk"), `"old.vmrk", which is not there`},
		"fewer samples":      {files("NumberOfChannels=2", "NumberOfChannels=2\nDataPoints=7"), "DataPoints=7"},
		"a bad marker":       {files("S  1,2,1,0", "S  1,two,1,0"), "the marker is left out"},
		"a bad date":         {files("20210304050607250000", "20211304050607250000"), "the time is not known"},
		"a bad size":         {files("S  1,2,1,0", "S  1,2,-1,0"), `"-1"`},
		"a unit":             {files("Cz,,,", "Cz,,,fT"), `"fT" for "Cz"`},
		"a unit with small":  {files("Cz,,,", "Cz,,,uv"), "is written uV"},
		"two names":          {files("Cz,", "Fz,"), `2 channels come to the name "Fz"`},
		"a channel missing":  {files("Ch2=Cz,,,\n", ""), "no Ch2"},
		"a line":             {files("Codepage=UTF-8", "Codepage"), "is key=value"},
		"a coordinate":       {files("Ch2=Cz,,,", "Ch2=Cz,,,\n[Coordinates]\nCh1=950,0,0"), "a radius of 1"},
		"markers, not UTF-8": {files("Mk1", "Codepage=UTF-8\n[Common Infos]\nCodepage=UTF-8\n[Marker Infos]\nMk1", "Stimulus,S", "Stimulus,\xe4"), "Latin-1"},
	} {
		t.Run(name, func(t *testing.T) {
			if rec := open(t, tc.f, "x.vhdr"); !deviates(rec, tc.want) {
				t.Errorf("the deviations are %+v, one must say %s", rec.Deviations, tc.want)
			}
		})
	}
	for name, tc := range map[string]struct {
		f    fstest.MapFS
		want string
	}{
		"two references": {files("Cz,,,", "Cz,A1,,"), "the reference is not known"},
	} {
		if rec := open(t, tc.f, "x.vhdr"); len(rec.Notes) != 1 || !strings.Contains(fmt.Sprintf("%+v", rec.Notes), tc.want) {
			t.Errorf("%s: the notes are %+v, want one that says %q", name, rec.Notes, tc.want)
		}
	}
	odd := files()
	odd["x.eeg"].Data = odd["x.eeg"].Data[:11]
	if rec := open(t, odd, "x.vhdr"); !deviates(rec, "3 bytes more") || rec.Len != 2 {
		t.Errorf("%d samples, %+v", rec.Len, rec.Deviations)
	}
}

func TestRefused(t *testing.T) {
	no := files()
	delete(no, "x.eeg")
	empty := files()
	empty["x.eeg"].Data = nil
	odd := files("MULTIPLEXED", "VECTORIZED")
	odd["x.eeg"].Data = odd["x.eeg"].Data[:11]
	for name, tc := range map[string]struct {
		f    fstest.MapFS
		name string
		want string
	}{
		"markers":          {files(), "x.vmrk", "open the header beside it, x.vhdr"},
		"samples":          {files(), "x.eeg", "give the name of the .vhdr beside it"},
		"no samples":       {no, "x.vhdr", `DataFile: "x.eeg" is not there`},
		"empty":            {empty, "x.vhdr", "at least one"},
		"no count":         {files("NumberOfChannels=2\n", ""), "x.vhdr", "NumberOfChannels: is missing"},
		"count":            {files("NumberOfChannels=2", "NumberOfChannels=65000"), "x.vhdr", "but 2 channels are described"},
		"interval":         {files("SamplingInterval=10000", "SamplingInterval=0"), "x.vhdr", `is "0", must be microseconds above 0`},
		"orientation":      {files("MULTIPLEXED", "SIDEWAYS"), "x.vhdr", "must be MULTIPLEXED or VECTORIZED"},
		"format":           {files("INT_16", "INT_12"), "x.vhdr", `is "INT_12"`},
		"data format":      {files("=BINARY", "=XML"), "x.vhdr", "must be BINARY or ASCII"},
		"spectra":          {files("Codepage=UTF-8", "DataType=FREQUENCYDOMAIN"), "x.vhdr", "must be TIMEDOMAIN"},
		"resolution":       {files("0.5,", "0,"), "x.vhdr", "must be a number other than 0"},
		"channel":          {files("Ch2=", "Ch3="), "x.vhdr", "must be Ch1 to Ch2"},
		"twice":            {files("Ch2=", "Ch1="), "x.vhdr", "a second time"},
		"cut, vectorised":  {odd, "x.vhdr", "where each channel begins is not known"},
		"fewer vectorised": {files("MULTIPLEXED", "VECTORIZED\nDataPoints=4"), "x.vhdr", "it was cut"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ingest.Open(tc.f, tc.name)
			var format *ingest.FormatError
			if !errors.As(err, &format) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the error is %v, must be a *ingest.FormatError that says %q", err, tc.want)
			}
		})
	}
}

// TestCut cuts each of the files: what is missing is never passed over in silence.
func TestCut(t *testing.T) {
	for _, kind := range []string{"int16v", "float32", "ascii"} {
		for _, ending := range []string{".vhdr", ".vmrk", ".eeg"} {
			root := fstest.MapFS{}
			for _, e := range []string{".vhdr", ".vmrk", ".eeg"} {
				data, err := os.ReadFile("testdata/" + kind + e)
				if err != nil {
					t.Fatal(err)
				}
				root[kind+e] = &fstest.MapFile{Data: data}
			}
			whole := root[kind+ending].Data
			for n := 0; n < len(whole); n += max(1, len(whole)/211) {
				root[kind+ending].Data = whole[:n:n]
				rec, err := ingest.Open(root, kind+".vhdr")
				if err != nil {
					var format *ingest.FormatError
					if !errors.As(err, &format) || root[format.File] == nil || format.Offset > int64(len(root[format.File].Data)) {
						t.Errorf("%s%s cut behind %d bytes: the error is %v", kind, ending, n, err)
					}
					continue
				}
				x := all(t, rec)
				lineEnd := n > 0 && whole[n-1] == '\n' // what was cut off there was lines that may be missing
				if before, _, found := strings.Cut(string(whole), "[Comment]"); ending == ".vhdr" && found && n >= len(before) {
					lineEnd = true // free text
				}
				if frame := 16; ending == ".eeg" && kind == "float32" && n%frame == 0 {
					lineEnd = true
				}
				if len(rec.Deviations) == 0 && !lineEnd {
					t.Errorf("%s%s cut behind %d bytes opens without a deviation, %d samples", kind, ending, n, len(x[0]))
				}
				if err := rec.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// FuzzHeader takes any bytes for the header.
func FuzzHeader(f *testing.F) {
	for _, name := range []string{"int16v", "float32", "ascii", "segments"} {
		data, err := os.ReadFile("testdata/" + name + ".vhdr")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(files()["x.vhdr"].Data)
	f.Fuzz(func(t *testing.T, data []byte) {
		m := files()
		m["x.vhdr"].Data = data
		ingesttest.Fuzz(t, m, "x.vhdr")
	})
}

// FuzzParts takes any bytes for the markers and samples, binary and text.
func FuzzParts(f *testing.F) {
	f.Add(files()["x.vmrk"].Data, []byte("1 2\n3 4\n"), uint8(1))
	f.Add([]byte("Brain Vision Data Exchange Marker File\n[Marker Infos]\nMk1=New Segment,,1,1,0,20210304050607250000\nMk2=New Segment,,2,1,0,20210304050609250000\n"), []byte("1 2 3\n4 5 6\n"), uint8(3))
	f.Fuzz(func(t *testing.T, markers, samples []byte, how uint8) {
		var change []string
		if how&1 != 0 {
			change = append(change, "DataFormat=BINARY", "DataFormat=ASCII")
		}
		if how&2 != 0 {
			change = append(change, "MULTIPLEXED", "VECTORIZED")
		}
		m := files(change...)
		m["x.vmrk"].Data, m["x.eeg"].Data = markers, samples
		ingesttest.Fuzz(t, m, "x.vhdr")
	})
}
