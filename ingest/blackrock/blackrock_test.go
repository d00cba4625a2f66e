package blackrock_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	_ "github.com/gyrus-bci/gyrus/ingest/blackrock"
	_ "github.com/gyrus-bci/gyrus/ingest/edf"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// golden is what Neo reads beside the samples.
type golden struct {
	Events [][3]any     `json:"events"` // which run of the clock, seconds from the first sample of it, label
	Starts [][2]float64 `json:"starts"` // of each of Neo's segments: samples, and the time of the first
}

func readGolden(t *testing.T) map[string]golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Files map[string]golden `json:"files"`
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g.Files
}

// TestGolden compares with Neo, see testdata/golden.py and docs/formats/blackrock.md.
func TestGolden(t *testing.T) {
	files := ingesttest.ReadGolden(t, "testdata/golden.json")
	more := readGolden(t)
	if len(files) != 7 {
		t.Fatalf("%d files in golden.json, want 7", len(files))
	}
	for name, want := range files {
		t.Run(name, func(t *testing.T) {
			open := func() (*signal.Recording, error) { return ingest.Open(os.DirFS("testdata"), name) }
			ingesttest.Run(t, open)
			rec, err := open()
			if err != nil {
				t.Fatal(err)
			}
			if len(want.Channels) == 0 {
				if begin, err := time.Parse(time.RFC3339, want.Begin); err != nil || !rec.Begin.Equal(begin) {
					t.Errorf("it begins at %v, want %s (%v)", rec.Begin, want.Begin, err)
				}
			} else {
				micros := rec.Begin
				rec.Begin = micros.Round(time.Microsecond) // Neo's
				want.Check(t, rec)
				if d := micros.Sub(rec.Begin).Abs(); d > 500*time.Nanosecond {
					t.Errorf("it begins %v off", d)
				}
			}
			checkEvents(t, rec, more[name], want.Rate)
			if err := rec.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// checkEvents compares events and where the runs begin.
func checkEvents(t *testing.T, rec *signal.Recording, want golden, rate float64) {
	t.Helper()
	type event struct {
		onset float64
		label string
	}
	var eras []float64 // where runs of the clock begin
	for i, s := range want.Starts {
		run := rec.Runs()[i]
		if float64(run.Len) != s[0] {
			t.Errorf("run %d has %d samples, want %g", i, run.Len, s[0])
		}
		if i > 0 && s[1] < want.Starts[i-1][1] { // the clock was set
			eras = append(eras, float64(run.Start)/rate)
			continue
		}
		if i == 0 {
			eras = append(eras, 0)
		}
		if d := float64(run.Start) - (s[1]-want.Starts[0][1])*rate; len(eras) == 1 && math.Abs(d) > 0.5 {
			t.Errorf("run %d begins %g samples from where its stamp is", i, d)
		}
	}
	if len(want.Starts) == 0 {
		eras = []float64{0}
	}
	var expected, found []event
	for _, e := range want.Events {
		expected = append(expected, event{eras[int(e[0].(float64))] + e[1].(float64), e[2].(string)})
	}
	for _, e := range rec.Events {
		found = append(found, event{e.Onset, e.Label})
	}
	byOnset := func(a, b event) int {
		switch {
		case a.onset < b.onset-1e-9:
			return -1
		case a.onset > b.onset+1e-9:
			return 1
		}
		return strings.Compare(a.label, b.label)
	}
	slices.SortFunc(expected, byOnset)
	slices.SortFunc(found, byOnset)
	if !slices.EqualFunc(found, expected, func(a, b event) bool { return byOnset(a, b) == 0 }) {
		t.Errorf("the events are\n%v\nwant\n%v", found, expected)
	}
}

// load is the files of a recording, by the ending of its samples.
func load(t testing.TB, names ...string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range names {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files["x"+name[strings.LastIndexByte(name, '.'):]] = &fstest.MapFile{Data: data}
	}
	return files
}

func mustOpen(t *testing.T, files fstest.MapFS, name string) *signal.Recording {
	t.Helper()
	rec, err := ingest.Open(files, name)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// TestPTP: an event stands at the sample that was measured with it, where samples are 20 ppm too fast and some are missing.
func TestPTP(t *testing.T) {
	rec := mustOpen(t, load(t, "ptp.ns6", "ptp.nev"), "x.ns6")
	if want := []signal.Span{{Start: 0, Len: 1500}, {Start: 1503, Len: 1700}}; !slices.Equal(rec.Spans, want) {
		t.Errorf("the spans are %v, want %v", rec.Spans, want)
	}
	var samples []int64
	for _, e := range rec.Events {
		samples = append(samples, e.Sample)
	}
	if want := []int64{10, 1499, 1505, 2403}; !slices.Equal(samples, want) { // the second one 0.9 periods behind sample 1499, before its end
		t.Errorf("the events are at samples %v, want %v", samples, want)
	}
	if rec.Format != "Blackrock NSx 3.0 (PTP)" {
		t.Errorf("the format is %q", rec.Format)
	}
}

// TestPTPDrift: over 3,000 s a clock that is 50 ppm too fast is 4,500 samples off; events are not.
func TestPTPDrift(t *testing.T) {
	files := load(t, "ptp.ns6", "ptp.nev")
	data, header := files["x.ns6"].Data, int64(314+4*66)
	const n, width = 60_000, 13 + 8
	data = data[:header:header]
	binary.LittleEndian.PutUint32(data[286:], 30*50) // 20 Hz
	stamp := func(k int64) uint64 { return 1_700_000_000_000_000_000 + uint64(k*50_000_000-k*50_000_000/20_000) }
	for k := range int64(n) {
		if k == 31_000 {
			continue // missing
		}
		p := make([]byte, width)
		p[0] = 1
		binary.LittleEndian.PutUint64(p[1:], stamp(k))
		binary.LittleEndian.PutUint32(p[9:], 1)
		binary.LittleEndian.PutUint16(p[13:], uint16(k))
		data = append(data, p...)
	}
	files["x.ns6"].Data = data
	nev := files["x.nev"].Data
	for i, k := range []int64{5, 30_999, 31_001, 59_000} {
		binary.LittleEndian.PutUint64(nev[len(nev)-108*(4-i):], stamp(k))
	}
	rec := mustOpen(t, files, "x.ns6")
	if want := []signal.Span{{Start: 0, Len: 31_000}, {Start: 31_001, Len: n - 31_001}}; !slices.Equal(rec.Spans, want) {
		t.Errorf("the spans are %v, want %v", rec.Spans, want)
	}
	for i, want := range []int64{5, 30_999, 31_001, 59_000} {
		if e := rec.Events[i]; e.Sample != want || math.Abs(e.Onset-float64(want)*0.05*(1-50e-6)) > 1e-6 {
			t.Errorf("event %d is %+v, want sample %d", i, e, want)
		}
	}
	if text := fmt.Sprintf("%+v", rec.Deviations); !strings.Contains(text, "20.001000 Hz by the stamps") {
		t.Errorf("the deviations %s must name the rate", text)
	}
	x := [][]float64{{0}, {0}, {0}, {0}}
	if err := rec.Data.ReadSamples(x, 31_001); err != nil || x[0][0] != float64(int16(31_001))*0.25 {
		t.Errorf("sample 31,001 is %g, %v", x[0][0], err)
	}
}

// TestPTPReset: where stamps go back, a gap of one sample, and events behind it count from there.
func TestPTPReset(t *testing.T) {
	files := load(t, "ptp.ns6", "ptp.nev")
	data, nev := files["x.ns6"].Data, files["x.nev"].Data
	const back = 1_000_000_000
	for k := int64(2500); k < 3200; k++ {
		b := data[314+4*66+k*21+1:]
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)-back)
	}
	binary.LittleEndian.PutUint64(nev[len(nev)-108:], binary.LittleEndian.Uint64(data[314+4*66+2600*21+1:]))
	rec := mustOpen(t, files, "x.ns6")
	if want := []signal.Span{{Start: 0, Len: 1500}, {Start: 1503, Len: 1000}, {Start: 2504, Len: 700}}; !slices.Equal(rec.Spans, want) {
		t.Errorf("the spans are %v, want %v", rec.Spans, want)
	}
	if e := rec.Events[3]; e.Sample != 2604 || math.Abs(e.Onset-2604.0/30000) > 1e-4 {
		t.Errorf("the event behind the reset is %+v, want sample 2604", e)
	}
	if text := fmt.Sprintf("%+v", rec.Deviations); !strings.Contains(text, "the clock was set there") {
		t.Errorf("the deviations %s must say that the clock was set", text)
	}
}

// TestExtendedHeaders: units, kinds, and the filters in words.
func TestExtendedHeaders(t *testing.T) {
	rec := mustOpen(t, load(t, "v22.ns5", "v22.nev"), "x.ns5")
	for i, c := range rec.Info.Channels {
		if c.Unit != signal.Microvolt || (c.Kind == signal.EEG) != (i == 2) || (c.Pos != nil) != (i == 2) {
			t.Errorf("channel %d is %+v", i, c)
		}
	}
	for _, want := range []signal.Text{
		{Field: "comment", Text: "made by golden.py", Personal: true},
		{Field: "high frequency corner", Channel: "elec2", Text: "0.3 Hz, order 1, Butterworth"},
		{Field: "low frequency corner", Channel: "ainp1", Text: "7500 Hz, order 3, Butterworth"},
		{Field: "NEV extra comment", Text: "first piece and second", Personal: true},
	} {
		if !slices.Contains(rec.Texts, want) {
			t.Errorf("the texts %+v have no %+v", rec.Texts, want)
		}
	}
}

// TestToEDF: the integers are written as they are, with their limits. Where 0 does not stand for 0, EDF's readers come to an offset
// by a difference of large numbers, which is listed.
func TestToEDF(t *testing.T) {
	rec := mustOpen(t, load(t, "v22.ns5", "v22.nev"), "x.ns5")
	w, err := ingest.WriterFor("edf+", "")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	made, err := ingest.WriteFile(dir+"/x.edf", w, rec, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range made.Losses {
		if strings.HasSuffix(l.Where, "samples") && (strings.Contains(l.Where, "elec1") || strings.Contains(l.Where, "Cz")) {
			t.Errorf("lost: %+v", l)
		}
	}
	again, err := ingest.Open(os.DirFS(dir), "x.edf")
	if err != nil {
		t.Fatal(err)
	}
	got, want := make([][]float64, 4), make([][]float64, 4)
	for ch := range got {
		got[ch], want[ch] = make([]float64, 700), make([]float64, 700)
	}
	if err := errors.Join(again.Data.ReadSamples(got, 0), rec.Data.ReadSamples(want, 0), again.Close()); err != nil {
		t.Fatal(err)
	}
	for ch := range got {
		for k, v := range got[ch] {
			if d := math.Abs(v - want[ch][k]); d > 2e-9 || ch%2 == 0 && d > 0 {
				t.Fatalf("channel %d sample %d is %v, want %v", ch, k, v, want[ch][k])
			}
		}
	}
}

// TestVersion21Alone: without a .nev there is no scale.
func TestVersion21Alone(t *testing.T) {
	rec := mustOpen(t, load(t, "v21.ns2"), "x.ns2")
	if rec.Info.Channels[0].Unit != signal.NoUnit || !rec.Begin.IsZero() || len(rec.Events) != 0 || len(rec.Deviations) == 0 {
		t.Errorf("%+v, begin %v, %d events, deviations %+v", rec.Info.Channels[0], rec.Begin, len(rec.Events), rec.Deviations)
	}
}

// TestPauses: 0.3 samples off the grid is said, as are empty blocks and packets that are not read.
func TestPauses(t *testing.T) {
	rec := mustOpen(t, load(t, "v23pause.ns3", "v23pause.nev"), "x.ns3")
	if want := []signal.Span{{Start: 0, Len: 300}, {Start: 600, Len: 200}, {Start: 2000, Len: 100}}; !slices.Equal(rec.Spans, want) {
		t.Errorf("the spans are %v, want %v", rec.Spans, want)
	}
	for _, want := range []string{"300.267 periods", "1 block of none", "2 packets (tracking)", "1 packet (configuration)"} {
		if text := fmt.Sprintf("%+v", rec.Deviations); !strings.Contains(text, want) {
			t.Errorf("the deviations %s must say %s", text, want)
		}
	}
	for _, d := range rec.Deviations {
		if want := strings.Contains(d.Found, "(tracking)"); d.Missing != want {
			t.Errorf("%+v: events are missing: %t, want %t", d, d.Missing, want)
		}
	}
	if !slices.Equal(rec.Parts, []string{"x.nev"}) {
		t.Errorf("the parts are %v", rec.Parts)
	}
}

// TestReset: the second block begins with the clock at 10 of 30,000.
func TestReset(t *testing.T) {
	files := load(t, "v23reset.ns5", "v23reset.nev")
	rec := mustOpen(t, files, "x.ns5")
	if want := []signal.Span{{Start: 0, Len: 4000}, {Start: 4001, Len: 500}}; !slices.Equal(rec.Spans, want) {
		t.Errorf("the spans are %v, want %v", rec.Spans, want)
	}
	if e := rec.Events[3]; e.Label != "digital/2" || e.Sample != 4011 {
		t.Errorf("the event behind the reset is %+v", e)
	}
	// Nothing was noted before the reset: the last run of the clock is the same in both.
	nev := files["x.nev"].Data
	files["x.nev"].Data = slices.Concat(nev[:len(nev)-5*104], nev[len(nev)-2*104:])
	rec = mustOpen(t, files, "x.ns5")
	if e := rec.Events[0]; e.Label != "digital/2" || e.Sample != 4011 {
		t.Errorf("the event behind the reset is %+v", e)
	}
	if text := fmt.Sprintf("%+v", rec.Deviations); !strings.Contains(text, "1 times, and 2 times in the samples") {
		t.Errorf("the deviations %s must count the runs of the clock", text)
	}
	// Alone, onsets go on behind the reset.
	rec = mustOpen(t, load(t, "v23reset.nev"), "x.nev")
	if len(rec.Events) != 5 || rec.Events[4].Onset != 3900.0/30000+400.0/30000 || len(rec.Deviations) != 1 {
		t.Errorf("alone: %+v, %+v", rec.Events, rec.Deviations)
	}
}

// TestNeverEnded: a block of 0 samples at the end, with samples, is one that was not ended.
func TestNeverEnded(t *testing.T) {
	files := load(t, "v22.ns5")
	binary.LittleEndian.PutUint32(files["x.ns5"].Data[314+4*66+5:], 0)
	rec := mustOpen(t, files, "x.ns5")
	if text := fmt.Sprintf("%+v", rec.Deviations); rec.Len != 700 || !strings.Contains(text, "never ended") {
		t.Errorf("%d samples, %s", rec.Len, text)
	}
}

func TestRefused(t *testing.T) {
	header := 314 + 4*66
	for name, tc := range map[string]struct {
		file string
		at   int
		v    uint32
		want string
	}{
		"channels":     {"v22.ns5", 310, 0, "channel count: is 0"},
		"channels 2.1": {"v21.ns2", 28, 1 << 30, "channel count: is 1073741824"},
		"period":       {"v22.ns5", 286, 0, "period: is 0"},
		"resolution":   {"v22.ns5", 290, 0, "time resolution of time stamps: is 0"},
		"version":      {"v22.ns5", 8, 0x0904, "file spec: is 4.9"},
		"headers":      {"v22.ns5", 10, 0xffffff, "bytes in headers: is 16777215"},
		"type":         {"v22.ns5", 314, 0x4343_4444, "must be \"CC\""},
		"block":        {"v22.ns5", header, 0x77, "data header: begins with byte 119"},
		"ptp":          {"ptp.ns6", header + 21*1024 + 9, 7, "number of data points: is 7 in packet 1025"},
		"packets":      {"alone.nev", 16, 3, "bytes in data packets: is 3"},
		"extended":     {"alone.nev", 332, 1 << 28, "number of extended headers: is 268435456"},
		"nev version":  {"alone.nev", 8, 0x0001, "file spec: is 1.0"},
	} {
		files := load(t, tc.file)
		file := "x" + tc.file[strings.LastIndexByte(tc.file, '.'):]
		binary.LittleEndian.PutUint32(files[file].Data[tc.at:], tc.v)
		_, err := ingest.Open(files, file)
		var format *ingest.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: the error is %v, must be a *ingest.FormatError that says %q", name, err, tc.want)
		}
	}
}

// TestBadCompanion: damage to the events never blocks the samples.
func TestBadCompanion(t *testing.T) {
	files := load(t, "v22.ns5", "v22.nev")
	binary.LittleEndian.PutUint32(files["x.nev"].Data[16:], 0)
	rec := mustOpen(t, files, "x.ns5")
	if text := fmt.Sprintf("%+v", rec.Deviations); rec.Len != 700 || len(rec.Events) != 0 || !strings.Contains(text, "bytes in data packets: is 0") {
		t.Errorf("%d samples, %d events, %s", rec.Len, len(rec.Events), text)
	}
}

// TestCut: whole samples and whole packets are read, and what is missing is said; only that a file of version 2.1 or of PTP was
// cut between two samples, any other between two blocks, and a .nev between two packets, cannot be seen.
func TestCut(t *testing.T) {
	ingesttest.Cut(t, "x.ns5", load(t, "v22.ns5")["x.ns5"].Data, 3)
	for _, tc := range []struct {
		file          string
		header, width int
	}{{"v21.ns2", 32 + 16, 8}, {"ptp.ns6", 314 + 4*66, 21}, {"alone.nev", 336 + 11*32, 104}} {
		file := "x" + tc.file[strings.LastIndexByte(tc.file, '.'):]
		data := load(t, tc.file)[file].Data
		for n := 0; n < len(data); n += 1 + n/300 {
			rec, err := ingest.Open(fstest.MapFS{file: {Data: data[:n:n]}}, file)
			var format *ingest.FormatError
			switch {
			case err != nil && (!errors.As(err, &format) || n >= tc.header+tc.width):
				t.Errorf("%s cut behind %d bytes: %v", tc.file, n, err)
			case err == nil && (n-tc.header)%tc.width != 0 && !strings.Contains(fmt.Sprint(rec.Deviations), "the file was cut"):
				t.Errorf("%s cut behind %d bytes opens without a deviation: %v", tc.file, n, rec.Deviations)
			}
		}
	}
}

func FuzzSamples(f *testing.F) {
	for _, name := range []string{"v21.ns2", "v22.ns5", "v23pause.ns3", "v23reset.ns5", "v30.ns6"} {
		f.Add(load(f, name)["x"+name[strings.LastIndexByte(name, '.'):]].Data)
	}
	f.Add(load(f, "ptp.ns6")["x.ns6"].Data[:4000])
	f.Fuzz(func(t *testing.T, data []byte) {
		ingesttest.Fuzz(t, fstest.MapFS{"x.ns5": {Data: data}}, "x.ns5")
	})
}

func FuzzEvents(f *testing.F) {
	for _, name := range []string{"v21.nev", "v23pause.nev", "v23reset.nev", "ptp.nev", "alone.nev"} {
		f.Add(load(f, name)["x.nev"].Data)
	}
	samples := load(f, "v23reset.ns5")["x.ns5"].Data
	f.Fuzz(func(t *testing.T, data []byte) {
		ingesttest.Fuzz(t, fstest.MapFS{"x.nev": {Data: data}}, "x.nev")
		ingesttest.Fuzz(t, fstest.MapFS{"x.nev": {Data: data}, "x.ns5": {Data: samples}}, "x.ns5")
	})
}
