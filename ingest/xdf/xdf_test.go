package xdf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/xdf"
)

// The chunks of the specification, written byte by byte: the writer of the package has tests of its own.

func chunk(tag uint16, content string) string {
	b := binary.LittleEndian.AppendUint32([]byte{4}, uint32(len(content)+2))
	return string(binary.LittleEndian.AppendUint16(b, tag)) + content
}

func u32(v uint32) string { return string(binary.LittleEndian.AppendUint32(nil, v)) }

func f64(v float64) string {
	return string(binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)))
}

const fileHeader = `<?xml version="1.0"?><info><version>1.0</version></info>`

func streamHeader(id uint32, name, typ, format, rate string, channels int, desc string) string {
	return chunk(2, u32(id)+`<?xml version="1.0"?><info><name>`+name+`</name><type>`+typ+`</type><channel_count>`+string(rune('0'+channels))+
		`</channel_count><nominal_srate>`+rate+`</nominal_srate><channel_format>`+format+`</channel_format>`+desc+`</info>`)
}

// at is a sample of int16 with a stamp, plain is one without.
func at(t float64, v int16) string { return "\x08" + f64(t) + plain(v)[1:] }

func plain(v int16) string { return "\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(v))) }

func samples(id uint32, all ...string) string {
	return chunk(3, u32(id)+"\x01"+string(rune(len(all)))+strings.Join(all, ""))
}

const uuid = "\x43\xa5\x46\xdc\xcb\xf5\x41\x0f\xb3\x0e\xd5\x46\x73\x83\xcb\xe4"

func file(chunks ...string) []byte {
	return []byte("XDF:" + chunk(1, fileHeader) + strings.Join(chunks, ""))
}

func open(t *testing.T, data []byte) *signal.Recording {
	t.Helper()
	rec, err := ingest.Open(fstest.MapFS{"x.xdf": {Data: data}}, "x.xdf")
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// all is every sample of the first channel, run by run.
func all(t *testing.T, rec *signal.Recording) [][]float64 {
	t.Helper()
	var out [][]float64
	for _, run := range rec.Runs() {
		x := make([][]float64, len(rec.Info.Channels))
		for ch := range x {
			x[ch] = make([]float64, run.Len)
		}
		if err := rec.Data.ReadSamples(x, run.Start); err != nil {
			t.Fatal(err)
		}
		out = append(out, x[0])
	}
	return out
}

// deviates says whether word is in a deviation, or a note.
func deviates(rec *signal.Recording, word string) bool {
	return slices.ContainsFunc(slices.Concat(rec.Deviations, rec.Notes), func(d signal.Deviation) bool {
		return strings.Contains(d.Where+d.Rule+d.Found+d.Assumed, word)
	})
}

// TestSamplesChunk: stamps of each sample, of some, and counted on at the nominal rate; lengths of 1, 4 and 8 bytes; a
// stream of text beside it.
func TestSamplesChunk(t *testing.T) {
	eeg := streamHeader(1, "E", "EEG", "int16", "10", 1, "")
	marks := streamHeader(2, "M", "Markers", "string", "0", 1, "")
	long := strings.Repeat("é", 200)
	data := file(eeg, marks,
		samples(1, at(100, 1), plain(2), plain(-3)),
		chunk(3, u32(2)+"\x04"+u32(1)+"\x08"+f64(100.12)+"\x01\x02go"),
		chunk(3, u32(1)+"\x08"+string(binary.LittleEndian.AppendUint64(nil, 1))+at(100.3, 4)),
		chunk(3, u32(2)+"\x01\x02"+"\x08"+f64(100.4)+"\x04"+u32(uint32(len(long)))+long+"\x00\x08"+string(binary.LittleEndian.AppendUint64(nil, 1))+"x"),
		chunk(4, u32(1)+f64(100)+f64(0)), chunk(6, u32(1)+`<info><sample_count>4</sample_count></info>`), chunk(6, u32(2)+`<info></info>`))
	rec := open(t, data)
	if got := all(t, rec); !slices.Equal(got[0], []float64{1, 2, -3, 4}) || len(got) != 1 || rec.Info.Rate != 10 {
		t.Errorf("the samples are %v at %g Hz", got, rec.Info.Rate)
	}
	want := []signal.Event{{Sample: 1, Onset: 0.12, Label: "go"}, {Sample: 4, Onset: 0.4, Label: long}, {Sample: 4, Onset: 0.4, Label: "x"}}
	for i, e := range rec.Events {
		if i >= len(want) || e.Sample != want[i].Sample || e.Label != want[i].Label || math.Abs(e.Onset-want[i].Onset) > 1e-9 {
			t.Errorf("event %d is %+v, want %+v", i, e, want[min(i, len(want)-1)])
		}
	}
	if len(rec.Events) != 3 {
		t.Errorf("%d events, want 3", len(rec.Events))
	}
	ingesttest.Run(t, func() (*signal.Recording, error) { return ingest.Open(fstest.MapFS{"x.xdf": {Data: data}}, "x.xdf") })
}

// TestFormats: every format of values, least and greatest.
func TestFormats(t *testing.T) {
	le := binary.LittleEndian
	for format, c := range map[string]struct {
		raw  string
		want []float64
	}{
		"int8":     {"\x08" + f64(0) + "\x80\x00\x7f", []float64{-128, 127}},
		"int16":    {at(0, math.MinInt16) + plain(math.MaxInt16), []float64{math.MinInt16, math.MaxInt16}},
		"int32":    {"\x08" + f64(0) + "\x00\x00\x00\x80\x00\xff\xff\xff\x7f", []float64{math.MinInt32, math.MaxInt32}},
		"int64":    {"\x08" + f64(0) + string(le.AppendUint64(nil, 1<<63)) + "\x00" + string(le.AppendUint64(nil, 1<<53)), []float64{math.MinInt64, 1 << 53}},
		"float32":  {"\x08" + f64(0) + string(le.AppendUint32(nil, math.Float32bits(-1.5))) + "\x00" + string(le.AppendUint32(nil, math.Float32bits(math.MaxFloat32))), []float64{-1.5, math.MaxFloat32}},
		"double64": {"\x08" + f64(0) + f64(-0.1) + "\x00" + f64(math.MaxFloat64), []float64{-0.1, math.MaxFloat64}},
	} {
		rec := open(t, file(streamHeader(7, "E", "EEG", format, "10", 1, ""), chunk(3, u32(7)+"\x01\x02"+c.raw)))
		if got := all(t, rec); !slices.Equal(got[0], c.want) {
			t.Errorf("%s: %v, want %v", format, got[0], c.want)
		}
	}
}

// TestClockOffset: stamps are moved by the line through the offsets, streams on different clocks come together.
func TestClockOffset(t *testing.T) {
	// Stream 1's clock is 1000 s behind the recorder's and 100 ppm slow, stream 2's is 50 s ahead.
	eeg, marks := streamHeader(1, "E", "EEG", "int16", "10", 1, ""), streamHeader(2, "M", "Markers", "string", "0", 1, "")
	chunks := []string{eeg, marks}
	local := func(t float64) float64 { return (t - 1000) / 1.0001 }
	for i := range 600 {
		chunks = append(chunks, samples(1, at(local(2000+float64(i)/10), int16(i))))
	}
	for i := range 13 {
		t := local(2000 + 5*float64(i))
		chunks = append(chunks, chunk(4, u32(1)+f64(t)+f64(1000+0.0001*t)), chunk(4, u32(2)+f64(2050+5*float64(i))+f64(-50)))
	}
	chunks = append(chunks, chunk(3, u32(2)+"\x01\x01\x08"+f64(2050+30)+"\x01\x01x")) // 30 s behind sample 0
	rec := open(t, file(chunks...))
	if e := rec.Events[0]; e.Sample != 300 || math.Abs(e.Onset-30) > 1e-6 {
		t.Errorf("the event is %+v, want sample 300, 30 s", e)
	}
	if rec.Info.Rate != 10 || rec.Len != 600 {
		t.Errorf("%d samples at %g Hz", rec.Len, rec.Info.Rate)
	}
}

// outliers are recordings of which one clock offset is off; see docs/formats/xdf.md.
var outliers = []struct {
	n, odd int     // offsets, one every 5 s, and which of them is off
	by     float64 // seconds
	pyxdf  float64 // by how many ms the event is off that pyxdf 1.17.5 reads
}{
	{13, 6, 0.05, -0.008},
	{13, 6, 1, -0.008},
	{13, 6, 2, -69.231},
	{13, 6, 5, -300.000},
	{13, 6, 60, -4530.769},
	{13, 12, 0.05, 0.017},
	{13, 12, 0.5, 11.998},
	{13, 12, 5, 548.352},
	{13, 12, 60, 7196.703},
	{121, 60, 5, -0.001},
	{121, 60, 10, -0.001},
	{121, 60, 60, -397.521},
	{121, 120, 2, 0.002},
	{121, 120, 5, 1.600},
	{121, 120, 60, 872.768},
}

// withOutlier has an event 42 s behind the first sample, on the clock of the recorder, of which that of the samples is 2 s behind.
func withOutlier(n, odd int, by float64) []byte {
	chunks := []string{streamHeader(1, "E", "EEG", "int16", "10", 1, ""), streamHeader(2, "M", "Markers", "string", "0", 1, "")}
	for i := range 50 * (n - 1) {
		chunks = append(chunks, samples(1, at(float64(i)/10, 0)))
	}
	for i := range n {
		v := 2.0
		if i == odd {
			v += by
		}
		chunks = append(chunks, chunk(4, u32(1)+f64(5*float64(i))+f64(v)))
	}
	return file(append(chunks, chunk(4, u32(2)+f64(0)+f64(0)), chunk(3, u32(2)+"\x01\x01\x08"+f64(2+42)+"\x01\x01x"))...)
}

// TestOutlierOffset: one wild offset moves nothing, however wild it is.
func TestOutlierOffset(t *testing.T) {
	for _, c := range outliers {
		rec := open(t, withOutlier(c.n, c.odd, c.by))
		if e := rec.Events[0]; math.Abs(e.Onset-42) > 2e-5 || len(rec.Spans) > 0 {
			t.Errorf("offset %d of %d is off by %g s: the event is at %.6f s, want 42 within 0.02 ms; spans %v", c.odd+1, c.n, c.by, e.Onset, rec.Spans)
		}
	}
}

// TestGap: a step of the stamps is a gap of as many samples, a shorter one is jitter, and where the stream says that it
// drops samples every step counts.
func TestGap(t *testing.T) {
	seq := func(header string, step float64) *signal.Recording {
		chunks := []string{header}
		for i := range 100 {
			s := float64(i) / 10
			if i >= 50 {
				s += step
			}
			chunks = append(chunks, samples(1, at(s, int16(i))))
		}
		return open(t, file(chunks...))
	}
	plainHeader := streamHeader(1, "E", "EEG", "int16", "10", 1, "")
	if rec := seq(plainHeader, 100); len(rec.Spans) != 2 || rec.Spans[1].Start != 1050 || rec.Len != 1100 || !deviates(rec, "break") {
		t.Errorf("100 s are missing: spans %v of %d, deviations %v", rec.Spans, rec.Len, rec.Deviations)
	}
	if rec := seq(plainHeader, 0.05); rec.Spans != nil {
		t.Errorf("half a sample of jitter makes the spans %v", rec.Spans)
	}
	drops := streamHeader(1, "E", "EEG", "int16", "10", 1, "<desc><synchronization><can_drop_samples>true</can_drop_samples></synchronization></desc>")
	if rec := seq(drops, 0.3); len(rec.Spans) != 2 || rec.Spans[1].Start != 53 {
		t.Errorf("three samples were dropped: spans %v", rec.Spans)
	}
	if rec := seq(plainHeader, -100); len(rec.Spans) != 2 || rec.Spans[1].Start != 51 {
		t.Errorf("the clock steps back by 100 s: spans %v, want a gap of one sample", rec.Spans)
	}
}

// TestStreams: which stream is the recording, which are its others, and which are left out and listed.
func TestStreams(t *testing.T) {
	rec := open(t, file(
		streamHeader(1, "acc", "ACC", "int16", "5", 3, ""), streamHeader(2, "small", "EEG", "int16", "10", 1, ""), streamHeader(3, "big", "EEG", "int16", "20", 2, ""),
		streamHeader(4, "none", "EEG", "int16", "10", 8, ""), streamHeader(5, "eye", "Gaze", "int16", "0", 2, ""), streamHeader(6, "trig", "Trigger", "int16", "0", 1, ""),
		chunk(3, u32(1)+"\x01\x01\x08"+f64(1)+"\x01\x00\x02\x00\x03\x00"), samples(2, at(2, 1)), chunk(3, u32(3)+"\x01\x01\x08"+f64(1.5)+"\x07\x00\x08\x00"),
		chunk(3, u32(5)+"\x01\x01\x08"+f64(1)+"\x01\x00\x02\x00"), samples(6, at(1.6, 33))))
	if len(rec.Info.Channels) != 2 || len(rec.Others) != 2 || len(rec.Others[0].Info.Channels) != 1 || len(rec.Others[1].Info.Channels) != 3 {
		t.Fatalf("channels %d, others %d", len(rec.Info.Channels), len(rec.Others))
	}
	if rec.Runs()[0].Start != 10 || rec.Others[0].Runs()[0].Start != 10 || rec.Others[1].Runs()[0].Start != 0 {
		t.Errorf("the streams begin at %v, %v, %v: 0.5, 1 and 0 s behind the first", rec.Runs(), rec.Others[0].Runs(), rec.Others[1].Runs())
	}
	if !deviates(rec, `"none"`) || !deviates(rec, `"eye"`) {
		t.Errorf("what is left out is not listed: %v", rec.Deviations)
	}
	if i := slices.IndexFunc(rec.Deviations, func(d signal.Deviation) bool { return d.Missing }); i < 0 || !strings.Contains(rec.Deviations[i].Where, `"eye"`) || !strings.Contains(rec.Deviations[i].Found, "1 of several numbers") {
		t.Errorf("the deviations do not say that the sample of the irregular stream is missing: %v", rec.Deviations)
	}
	if len(rec.Events) != 1 || rec.Events[0].Label != "33" || rec.Events[0].Sample != 12 {
		t.Errorf("the events are %v, want 33 at sample 12", rec.Events)
	}
}

// labelled is the description of channels of a type.
func labelled(typ string, labels ...string) string {
	var desc strings.Builder
	for _, l := range labels {
		desc.WriteString("<channel><label>" + l + "</label>" + typ + "</channel>")
	}
	return "<desc><channels>" + desc.String() + "</channels></desc>"
}

// TestMainStream: without a stream that calls itself EEG, the main one is that with the most EEG by types and labels of its channels, and that is noted.
func TestMainStream(t *testing.T) {
	type stream struct {
		typ  string
		desc string
		n    int
	}
	acc := stream{"Accelerometer", labelled("", "a", "b", "c", "d", "e", "f"), 6}
	few, more := labelled("", "Fz", "Cz"), labelled("", "C3", "Cz", "C4")
	for name, tc := range map[string]struct {
		streams []stream
		main    int
		noted   string // found
	}{
		"type EEG":                       {[]stream{acc, {"EEG", few, 2}}, 1, ""},
		"type eeg, beside more labelled": {[]stream{{"signal", more, 3}, {"eeg", labelled("", "1"), 1}}, 1, ""},
		"type signal":                    {[]stream{acc, {"signal", few, 2}}, 1, `it has the type "signal", and 2 of its 2 channels are EEG by their types and labels`},
		"no type":                        {[]stream{acc, {"", more, 3}}, 1, `it has the type "", and 3 of its 3`},
		"the most EEG":                   {[]stream{{"Data", few, 2}, {"Data", more, 3}, acc}, 1, `"Data", and 3 of its 3`},
		"by the types of channels":       {[]stream{acc, {"ExG", labelled("<type>EEG</type>", "x", "y"), 2}}, 1, `"ExG", and 2 of its 2`},
		"channels of type signal":        {[]stream{acc, {"signal", labelled("<type>signal</type>", "Fz", "Cz"), 2}}, 1, `and 2 of its 2`},
		"channels of another kind":       {[]stream{acc, {"signal", labelled("<type>Impedance</type>", "Fz", "Cz"), 2}}, 0, `it has the type "Accelerometer", and 0 of its 6`},
		"no EEG":                         {[]stream{{"Gaze", labelled("", "x"), 1}, acc}, 1, `and 0 of its 6`},
		"alone":                          {[]stream{acc}, 0, ""},
	} {
		var chunks []string
		for i, st := range tc.streams {
			chunks = append(chunks, streamHeader(uint32(i+1), fmt.Sprint("s", i), st.typ, "int16", "10", st.n, st.desc))
		}
		for i, st := range tc.streams {
			chunks = append(chunks, chunk(3, u32(uint32(i+1))+"\x01\x01\x08"+f64(1)+strings.Repeat("\x01\x00", st.n)))
		}
		rec := open(t, file(chunks...))
		var labels []string
		for _, c := range rec.Info.Channels {
			labels = append(labels, "<label>"+c.Original+"</label>")
		}
		if got, want := len(labels), tc.streams[tc.main].n; got != want || !strings.Contains(tc.streams[tc.main].desc, labels[0]) {
			t.Errorf("%s: the main stream has the channels %v, must be stream %d", name, labels, tc.main)
		}
		switch noted := slices.ContainsFunc(rec.Notes, func(d signal.Deviation) bool { return strings.Contains(d.Found, tc.noted) }); {
		case tc.noted == "" && len(rec.Notes) > 0, tc.noted != "" && (!noted || len(rec.Notes) != 1):
			t.Errorf("%s: notes %+v, want %q", name, rec.Notes, tc.noted)
		}
	}
}

// TestTypesOfChannels: a type that tells no kind leaves it to the label, and keeps the channel from having that of the stream.
func TestTypesOfChannels(t *testing.T) {
	for _, tc := range []struct {
		typ, label string
		want       signal.Kind
	}{
		{"", "Fz", signal.EEG},
		{"", "x", signal.EEG},
		{"<type>EOG</type>", "Fz", signal.EOG},
		{"<type>signal</type>", "Fz", signal.EEG},
		{"<type>signal</type>", "x", signal.Misc},
		{"<type>AUX</type>", "Fz", signal.Misc},
		{"<type>Gaze</type>", "x", signal.Misc},
		{"<type>iEEG</type>", "x", signal.ECoG},
	} {
		rec := open(t, file(streamHeader(1, "E", "EEG", "int16", "10", 1, labelled(tc.typ, tc.label)), samples(1, at(1, 1))))
		if got := rec.Info.Channels[0].Kind; got != tc.want {
			t.Errorf("%s %q is %s, want %s", tc.typ, tc.label, got, tc.want)
		}
	}
}

// TestChannels: labels, units, kinds and positions of the description.
func TestChannels(t *testing.T) {
	desc := `<desc><reference><label>linked ears</label></reference><channels>
		<channel><label>EEG fp1</label><unit>millivolts</unit><type>EEG</type><location><X>-30.5</X><Y>80</Y><Z>10</Z></location></channel>
		<channel><label>Cz</label><unit>counts</unit><type>EEG</type></channel>
		<channel><label>Cz</label><unit>microvolts</unit><type>EOG</type></channel></channels></desc>`
	rec := open(t, file(streamHeader(1, "E", "EEG", "int16", "10", 3, desc), chunk(3, u32(1)+"\x01\x01\x08"+f64(1)+"\x02\x00\x02\x00\x03\x00")))
	c := rec.Info.Channels
	if c[0].Name != "Fp1" || c[0].Unit != signal.Microvolt || c[0].Pos == nil || *c[0].Pos != (signal.Position{-0.0305, 0.08, 0.01}) {
		t.Errorf("channel 0 is %+v at %v", c[0], c[0].Pos)
	}
	if got := all(t, rec); got[0][0] != 2000 {
		t.Errorf("2 mV is %g", got[0][0])
	}
	if c[1].Unit != "counts" || !deviates(rec, "may not be µV") {
		t.Errorf("channel 1 is %+v, deviations %v", c[1], rec.Deviations)
	}
	if c[1].Name == c[2].Name || c[2].Kind != signal.EOG || rec.Info.Reference != "linked ears" {
		t.Errorf("channels 1 and 2 are %+v and %+v, the reference %q", c[1], c[2], rec.Info.Reference)
	}
}

// TestDamage: a chunk whose length is ruined costs what lies up to the next boundary, and nothing behind it.
func TestDamage(t *testing.T) {
	boundaryChunk := chunk(5, uuid)
	var chunks []string
	for k := range 10 {
		var some []string
		for i := range 10 {
			some = append(some, at(float64(10*k+i)/10, int16(10*k+i)))
		}
		chunks = append(chunks, samples(1, some...), boundaryChunk)
	}
	data := file(append([]string{streamHeader(1, "E", "EEG", "int16", "10", 1, "")}, chunks...)...)
	hit := bytes.Index(data, []byte(samples(1, at(3, 30))[8:20])) // in the chunk of samples 30 to 39
	if hit < 0 {
		hit = bytes.Index(data, []byte(f64(3)))
	}
	data[hit-1] = 77 // the length of its first stamp
	rec := open(t, data)
	if !deviates(rec, "passed over") || !slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return d.Missing }) {
		t.Errorf("the loss is not listed: %v", rec.Deviations)
	}
	var got []float64
	for _, x := range all(t, rec) {
		got = append(got, x...)
	}
	var want []float64
	for i := range 100 {
		if i/10 != 3 {
			want = append(want, float64(i))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d samples are left, want the 90 outside the damage: %v", len(got), got)
	}
}

// TestNoStampBehindDamage: a sample whose time cannot be known is left out.
func TestNoStampBehindDamage(t *testing.T) {
	data := file(streamHeader(1, "E", "EEG", "int16", "10", 1, ""), samples(1, at(0, 1), plain(2)), "\x02garbage", chunk(5, uuid), samples(1, plain(3), at(0.3, 4), plain(5)))
	rec := open(t, data)
	if got := all(t, rec); len(got) != 1 || !slices.Equal(got[0], []float64{1, 2, 4, 5}) || !deviates(rec, "time is not known") {
		t.Errorf("the samples are %v, deviations %v", got, rec.Deviations)
	}
}

// TestTruncated: of the last chunk the whole samples are kept.
func TestTruncated(t *testing.T) {
	data := file(streamHeader(1, "E", "EEG", "int16", "10", 1, ""), samples(1, at(0, 1), plain(2), plain(3), plain(4)))
	rec := open(t, data[:len(data)-4])
	if got := all(t, rec); !slices.Equal(got[0], []float64{1, 2}) || !deviates(rec, "whole samples") {
		t.Errorf("the samples are %v, deviations %v", got, rec.Deviations)
	}
}

// TestRefuses: files from which nothing can be read.
func TestRefuses(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"no stream":   {"XDF:" + chunk(1, fileHeader), "no stream"},
		"magic only":  {"XDF:", "no stream"},
		"rate":        {string(file(streamHeader(1, "E", "EEG", "int16", "fast", 1, ""))), "nominal_srate"},
		"format":      {string(file(streamHeader(1, "E", "EEG", "int12", "10", 1, ""))), "channel_format"},
		"no channels": {string(file(chunk(2, u32(1)+"<info><name>x</name></info>"))), "channel_count"},
		"no XML":      {string(file(chunk(2, u32(1)+"<info"))), "XML"},
	} {
		_, err := ingest.Open(fstest.MapFS{"x.xdf": {Data: []byte(c.data)}}, "x.xdf")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "x.xdf: byte ") {
			t.Errorf("%s: the error is %v, must name the place and %q", name, err, c.want)
		}
	}
}

// TestBrokenHeader: a stream whose header cannot be read is left out and listed where it had markers, or where another has EEG: a file
// of which the EEG is lost is refused, whatever else is in it.
func TestBrokenHeader(t *testing.T) {
	eeg, motion := streamHeader(1, "E", "EEG", "int16", "10", 1, ""), streamHeader(1, "M", "ACC", "int16", "10", 1, "")
	data := samples(1, at(0, 1), plain(2), plain(3))
	for name, c := range map[string]struct {
		file    []byte
		refused string
	}{
		"markers beside EEG":    {file(eeg, streamHeader(2, "x", "Markers", "str", "0", 1, ""), data, samples(2, at(0, 1))), ""},
		"markers beside motion": {file(motion, streamHeader(2, "x", "Markers", "str", "0", 1, ""), data), ""},
		"EEG beside EEG":        {file(eeg, streamHeader(2, "x", "EEG", "int16", "fast", 1, ""), data), ""},
		"EEG beside motion":     {file(motion, streamHeader(2, "x", "EEG", "int16", "fast", 1, ""), data), "nominal_srate"},
		"no XML beside motion":  {file(motion, chunk(2, u32(2)+"<info"), data), "XML"},
		"EEG beside markers":    {file(streamHeader(1, "x", "EEG", "int16", "fast", 1, ""), streamHeader(2, "m", "Markers", "string", "0", 1, "")), "nominal_srate"},
	} {
		rec, err := ingest.Open(fstest.MapFS{"x.xdf": {Data: c.file}}, "x.xdf")
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) || !strings.Contains(err.Error(), "x.xdf: byte ") {
				t.Errorf("%s: the error is %v, must name the place and %q", name, err, c.refused)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := all(t, rec); !slices.Equal(got[0], []float64{1, 2, 3}) || !deviates(rec, "the stream is left out, with all that it has") {
			t.Errorf("%s: the samples are %v, deviations %v", name, got, rec.Deviations)
		}
	}
}

// TestDamagedInside: a chunk of the right length with a sample that is none opens, and reading that part is an error.
func TestDamagedInside(t *testing.T) {
	data := file(streamHeader(1, "E", "EEG", "int16", "10", 1, ""), samples(1, at(0, 1), plain(2), plain(3)), samples(1, at(0.3, 4), plain(5), plain(6)))
	data[bytes.LastIndex(data, []byte(plain(5)))] = 200
	rec := open(t, data)
	x := [][]float64{make([]float64, 1)}
	if err := rec.Data.ReadSamples(x, 4); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("sample 4: %v", err)
	}
	if err := rec.Data.ReadSamples(x, 3); err != nil || x[0][0] != 4 {
		t.Errorf("sample 3, in front of it: %v, %v", x, err)
	}
}

func TestCut(t *testing.T) {
	data := file(streamHeader(1, "E", "EEG", "int16", "10", 1, ""), streamHeader(2, "M", "Markers", "string", "0", 1, ""),
		samples(1, at(0, 1), plain(2), plain(3), plain(4)), chunk(4, u32(1)+f64(0)+f64(1)), chunk(3, u32(2)+"\x01\x01\x08"+f64(0.2)+"\x01\x02go"),
		chunk(6, u32(1)+"<info><sample_count>4</sample_count></info>"), chunk(6, u32(2)+"<info><sample_count>1</sample_count></info>"))
	ingesttest.Cut(t, "x.xdf", data, 1)
}

// writable is recordings of every shape that the writer takes.
func writable(t *testing.T) map[string]*signal.Recording {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	make1 := func(name string, rate float64, chs []signal.Channel, spans []signal.Span, n int64, events ...signal.Event) *signal.Recording {
		x := make(signal.Memory, len(chs))
		for ch := range x {
			x[ch] = make([]float64, n)
			for i := range x[ch] {
				x[ch][i] = rng.NormFloat64() * 30
			}
		}
		return &signal.Recording{Name: name, Format: "test", Begin: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Info: &signal.Info{Rate: rate, Reference: "Cz", Channels: chs}, Len: n, Spans: spans, Events: events, Data: x}
	}
	eeg := []signal.Channel{
		{Name: "Fp1", Original: "Fp1", Kind: signal.EEG, Unit: signal.Microvolt, Pos: montage.Place("Fp1")},
		{Name: "AFz", Original: "AFz", Kind: signal.EEG, Unit: signal.Microvolt, Pos: &signal.Position{0.01, 0.02, 0.08}},
		{Name: "temp <&>", Original: "temp <&>", Kind: signal.Misc, Unit: "degC"},
	}
	acc := []signal.Channel{{Name: "ACC", Original: "ACC", Kind: signal.Misc, Unit: "g"}}
	two := make1("two", 250, eeg, nil, 1000, signal.Event{Sample: 25, Onset: 0.1, Label: "left"}, signal.Event{Sample: 500, Onset: 2, Label: "a,\"b\" <c>"})
	two.Others = []*signal.Recording{make1("two", 50, acc, nil, 200)}
	two.Texts = []signal.Text{{Field: "patient <&>", Text: "HOSP123 \"Ada\" ]]> \x01\n脑", Personal: true}, {Field: "prefiltering", Channel: "Fp1", Text: "HP:0.1Hz"}}
	two.Others[0].Texts = []signal.Text{{Field: "device", Text: "x"}}
	told := make1("told", 100, acc, nil, 300, signal.Event{Sample: 100, Onset: 1, Label: "go"})
	told.Journals = []signal.Journal{
		{Name: "told-clock", Kind: xdf.JournalClock, Lines: []signal.Event{{Sample: 100, Onset: 1.0004, Label: `{"stream":"µ"}`}, {Sample: 200, Onset: 2.0001, Label: `{"stream":"µ"}`}, {Sample: 305, Onset: 3.05, Label: `{"late":true}`}}},
		{Name: "told-log", Kind: xdf.JournalLog, Lines: []signal.Event{{Sample: -10, Onset: -0.1, Label: `{"kind":"begin"}`}, {Sample: 50, Onset: 0.5, Label: `{"kind":"stop","detail":{"why":"a, b\n<c>"}}`}}},
		{Name: "told-decisions", Kind: xdf.JournalDecisions, Lines: []signal.Event{}}, // none was made
	}
	return map[string]*signal.Recording{
		"two rates":  two,
		"journals":   told,
		"long gap":   make1("gap", 100, eeg, []signal.Span{{Start: 0, Len: 700}, {Start: 1500, Len: 300}}, 1800, signal.Event{Sample: 1600, Onset: 16, Label: "x"}),
		"short gaps": make1("short", 100, eeg, []signal.Span{{Start: 0, Len: 100}, {Start: 101, Len: 99}, {Start: 210, Len: 40}}, 250),
		"one sample": make1("one", 100, acc, nil, 1),
	}
}

func written(t *testing.T, rec *signal.Recording) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := xdf.Write(&b, rec); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestRoundTrip: what is written is read back with the same bits, channels, gaps and events.
func TestRoundTrip(t *testing.T) {
	for name, rec := range writable(t) {
		t.Run(name, func(t *testing.T) {
			data := written(t, rec)
			again := open(t, data)
			if len(again.Deviations) > 0 {
				t.Errorf("what was written deviates: %v", again.Deviations)
			}
			if at := bytes.Contains(data, []byte("<label>AFz")); bytes.Contains(data, []byte("<X>10</X>")) != at || bytes.Count(data, []byte("<location>")) > 1 {
				t.Error("the place of AFz was measured and is to be written, that of Fp1 follows from its name and is not")
			}
			if !slices.Equal(again.Runs(), rec.Runs()) || again.Len != rec.Len || !again.Begin.Equal(rec.Begin) || len(again.Others) != len(rec.Others) {
				t.Errorf("read back: runs %v of %d, %v, %d others", again.Runs(), again.Len, again.Begin, len(again.Others))
			}
			for k, r := range append([]*signal.Recording{rec}, rec.Others...) {
				got := append([]*signal.Recording{again}, again.Others...)[k]
				if hash(t, got) != hash(t, r) || got.Info.Rate != r.Info.Rate || got.Info.Reference != r.Info.Reference {
					t.Errorf("recording %d is read back with other samples, or at %g Hz against %q", k, got.Info.Rate, got.Info.Reference)
				}
				for ch, c := range r.Info.Channels {
					g := got.Info.Channels[ch]
					if g.Name != c.Name || g.Kind != c.Kind || g.Unit != c.Unit || (c.Pos == nil) != (g.Pos == nil) || c.Pos != nil && far(*c.Pos, *g.Pos) {
						t.Errorf("channel %d is read back as %+v at %v, want %+v at %v", ch, g, g.Pos, c, c.Pos)
					}
				}
			}
			if !slices.EqualFunc(again.Events, rec.Events, func(a, b signal.Event) bool {
				return a.Sample == b.Sample && a.Label == b.Label && math.Abs(a.Onset-b.Onset) < 1e-9
			}) {
				t.Errorf("the events are read back as %v", again.Events)
			}
			if len(again.Journals) != len(rec.Journals) {
				t.Fatalf("the journals are read back as %v", again.Journals)
			}
			for k, j := range rec.Journals {
				if g := again.Journals[k]; g.Name != j.Name || g.Kind != j.Kind || !slices.Equal(g.Lines, j.Lines) {
					t.Errorf("a journal is read back as %+v, want %+v", g, j)
				}
			}
			ingesttest.Run(t, func() (*signal.Recording, error) { return ingest.Open(fstest.MapFS{"x.xdf": {Data: data}}, "x.xdf") })
		})
	}
}

// TestWriteBegin: a file begins with its first sample, and where there is none with its first event: the time of day of that is the same behind
// writing and reading, but for the fraction of a second, and what it was counted from is listed.
func TestWriteBegin(t *testing.T) {
	day := time.Date(2020, 9, 13, 12, 26, 40, 0, time.UTC)
	for name, tc := range map[string]struct {
		main, other int64 // the first samples at 128 Hz, and 64 Hz; -1 for none
		event       float64
		later       time.Duration
		listed      []string
	}{
		"nothing in front":      {0, -1, 1, 0, nil},
		"seconds in front":      {768, -1, 7, 6 * time.Second, []string{"6 s without"}},
		"a fraction in front":   {777, -1, 6.0703125, 6 * time.Second, []string{"6.0703125 s without", "12:26:46.0703125"}},
		"the others are before": {768, 128, 7, 2 * time.Second, []string{"2 s without"}},
		"no samples":            {-1, -1, 3, 3 * time.Second, []string{"3 s without"}},
	} {
		t.Run(name, func(t *testing.T) {
			group := func(first int64, rate float64) *signal.Recording {
				rec := &signal.Recording{Name: "x", Begin: day, Info: &signal.Info{}}
				if first >= 0 {
					rec.Info = &signal.Info{Rate: rate, Channels: []signal.Channel{{Name: "Cz", Original: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}}
					rec.Len, rec.Spans, rec.Data = first+1000, []signal.Span{{Start: first, Len: 1000}}, signal.Memory{make([]float64, first+1000)}
				}
				return rec
			}
			rec := group(tc.main, 128)
			if tc.other >= 0 {
				rec.Others = []*signal.Recording{group(tc.other, 64)}
			}
			rec.Events = []signal.Event{{Sample: int64(tc.event * rec.Info.Rate), Onset: tc.event, Label: "x"}}
			w, err := ingest.WriterFor("xdf", "")
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			out, err := ingest.WriteFile(filepath.Join(dir, "x.xdf"), w, rec, false)
			if err != nil {
				t.Fatal(err)
			}
			again := ingesttest.Open(t, os.DirFS(dir), "x.xdf")
			if want := day.Add(tc.later); !again.Begin.Equal(want) {
				t.Errorf("begins at %v, want %v", again.Begin, want)
			}
			got := again.Begin.Add(time.Duration(again.Events[0].Onset * 1e9))
			if want := day.Add(time.Duration(tc.event * 1e9)); want.Sub(got).Abs() >= time.Second || len(tc.listed) < 2 && want.Sub(got).Abs() > time.Microsecond {
				t.Errorf("the event is at %v, want %v", got, want)
			}
			for i, l := range out.Losses {
				if len(out.Losses) != len(tc.listed) || l.Where != "begin" || !strings.Contains(l.Found, tc.listed[i]) {
					t.Errorf("the losses are %+v, want %q", out.Losses, tc.listed)
				}
			}
			if len(out.Losses) != len(tc.listed) {
				t.Errorf("%d losses, want %d", len(out.Losses), len(tc.listed))
			}
		})
	}
}

// TestJournals: which streams are journals is told by their type and the label of their channel; others are events, as is what is
// asked for. Streams without a line are journals too, and no deviation.
func TestJournals(t *testing.T) {
	var b bytes.Buffer
	w, err := xdf.NewWriter(&b, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	one := func(label string) []signal.Channel {
		return []signal.Channel{{Original: label, Unit: signal.Microvolt}}
	}
	eeg, err := w.AddStream(xdf.StreamHeader{Name: "r", Type: "EEG", Format: "double64", Rate: 100, Channels: one("Cz")})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Samples(eeg, []float64{1000}, [][]float64{make([]float64, 100)}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		h    xdf.StreamHeader
		text string
	}{
		{xdf.JournalHeader("r-clock", xdf.JournalClock, "h"), "clock"},
		{xdf.JournalHeader("r-log", xdf.JournalLog, "h"), "log"},
		{xdf.JournalHeader("r-decisions", xdf.JournalDecisions, "h"), ""},
		{xdf.StreamHeader{Name: "old-log", Type: "Markers", Format: "string", Channels: one("JSON")}, "old log"},
		{xdf.StreamHeader{Name: "foreign-log", Type: "Markers", Format: "string", Channels: one("event")}, "mark"},
		{xdf.StreamHeader{Name: "cues", Type: "Markers", Format: "string", Channels: one("JSON")}, "cue"},
		{xdf.StreamHeader{Name: "other", Type: "Log", Format: "string", Channels: one("text")}, "line of another program"},
		{xdf.StreamHeader{Name: "regular", Type: "Log", Format: "string", Rate: 1, Channels: one("JSON")}, "each second"},
		{xdf.StreamHeader{Name: "number", Type: "Clock", Format: "double64", Channels: one("JSON")}, "7"},
	} {
		id, err := w.AddStream(s.h)
		switch {
		case err != nil:
		case s.h.Format != "string":
			err = w.Samples(id, []float64{1000.5}, [][]float64{{7}})
		case s.text != "":
			err = w.Texts(id, []float64{1000.5}, [][]string{{s.text}})
		}
		if err == nil {
			err = w.ClockOffset(id, 1000, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.ClockOffset(eeg, 1000, 0), w.Close()); err != nil {
		t.Fatal(err)
	}
	rec := open(t, b.Bytes())
	want := []signal.Journal{{Name: "r-clock", Kind: "Clock"}, {Name: "r-log", Kind: "Log"}, {Name: "r-decisions", Kind: "Decisions"}, {Name: "old-log", Kind: "Log"}}
	texts := []string{"clock", "log", "", "old log"}
	if len(rec.Journals) != len(want) {
		t.Fatalf("journals %+v", rec.Journals)
	}
	for k, j := range rec.Journals {
		if j.Name != want[k].Name || j.Kind != want[k].Kind || len(j.Lines) != min(1, len(texts[k])) {
			t.Errorf("journal %d is %+v, want %s of type %s with %q", k, j, want[k].Name, want[k].Kind, texts[k])
		}
		for _, e := range j.Lines {
			if e.Sample != 50 || e.Onset != 0.5 || e.Label != texts[k] {
				t.Errorf("%s: %+v, want %q at 0.5 s", j.Name, e, texts[k])
			}
		}
	}
	labels := func() (all []string) {
		for _, e := range rec.Events {
			all = append(all, e.Label)
		}
		return all
	}
	if got := labels(); !slices.Equal(got, []string{"mark", "cue", "line of another program", "each second", "7"}) {
		t.Errorf("events %q", got)
	}
	if len(rec.Deviations) != 0 {
		t.Errorf("deviations %v", rec.Deviations)
	}
	if rec.JournalsAsEvents(); len(rec.Journals) != 0 || len(rec.Events) != 8 || !slices.Contains(labels(), "old log") {
		t.Errorf("asked for as events: %q, and %v", labels(), rec.Journals)
	}
	if n := len(rec.Texts); n != 1 || rec.Texts[0].Field != "r-clock and 2 more streams: hostname" || rec.Texts[0].Text != "h" {
		t.Errorf("the machine is told %d times: %+v", n, rec.Texts)
	}
}

// TestJournalsWithoutSamples: of a recording without samples, onsets count from the first event, or from the first line.
func TestJournalsWithoutSamples(t *testing.T) {
	lines := func(at ...float64) (all []signal.Event) {
		for _, s := range at {
			all = append(all, signal.Event{Onset: s, Label: "{}"})
		}
		return all
	}
	for _, tc := range []struct{ events, journal, wantEvents, wantJournal []float64 }{
		{nil, []float64{3, 5}, nil, []float64{0, 2}},
		{[]float64{4}, []float64{3, 5}, []float64{0}, []float64{-1, 1}},
	} {
		rec := &signal.Recording{Name: "r", Info: &signal.Info{}, Events: lines(tc.events...), Journals: []signal.Journal{{Name: "r-log", Kind: "Log", Lines: lines(tc.journal...)}}}
		files, name := ingesttest.Written(t, "xdf", rec)
		got := open(t, files[name].Data)
		if len(got.Journals) != 1 || !slices.Equal(got.Journals[0].Lines, lines(tc.wantJournal...)) || !slices.Equal(got.Events, lines(tc.wantEvents...)) {
			t.Errorf("events %v and journals %v, want onsets %v and %v", got.Events, got.Journals, tc.wantEvents, tc.wantJournal)
		}
	}
}

// TestJournalsFollowSamples: where samples are written at other times than their stamps were, because they drifted, lines stay with the
// samples that they were at, and how far they moved is listed.
func TestJournalsFollowSamples(t *testing.T) {
	rec := writable(t)["journals"]
	rec.Journals[0].Lines = []signal.Event{{Sample: 100, Onset: 1.25, Label: "{}"}, {Sample: 200, Onset: 2.001, Label: "{}"}}
	w, err := ingest.WriterFor("xdf", "")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.xdf")
	made, err := ingest.WriteFile(path, w, rec, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(made.Losses) != 1 || made.Losses[0].Where != `journal "told-clock"` || !strings.Contains(made.Losses[0].Found, "1 of 2 events") || !strings.Contains(made.Losses[0].Found, "0.25 s") {
		t.Errorf("losses %+v", made.Losses)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := open(t, data).Journals[0].Lines, []signal.Event{{Sample: 100, Onset: 1, Label: "{}"}, {Sample: 200, Onset: 2.001, Label: "{}"}}; !slices.Equal(got, want) {
		t.Errorf("read back %v, want %v", got, want)
	}
	if rec.Journals[0].Lines[0].Onset != 1.25 {
		t.Error("the recording was changed")
	}
}

func far(a, b signal.Position) bool {
	return math.Abs(a[0]-b[0])+math.Abs(a[1]-b[1])+math.Abs(a[2]-b[2]) > 1e-12
}

// TestDateTime: the begin is written in ISO 8601, and what of it is assumed is a note and no deviation.
func TestDateTime(t *testing.T) {
	rec := writable(t)["one sample"]
	rec.Begin = time.Date(2026, 3, 1, 23, 59, 58, 0, time.FixedZone("", 5400))
	data := written(t, rec)
	if !bytes.Contains(data, []byte("<datetime>2026-03-01T23:59:58+01:30</datetime>")) {
		t.Errorf("the header is %q", data[:200])
	}
	again := open(t, data)
	if !again.Begin.Equal(rec.Begin) || len(again.Deviations) > 0 || len(again.Notes) != 1 || !strings.Contains(again.Notes[0].Assumed, "may be wrong by seconds") {
		t.Errorf("read back as %v, deviations %v, notes %v", again.Begin, again.Deviations, again.Notes)
	}
	rec = open(t, file(streamHeader(1, "E", "EEG", "int16", "10", 1, ""), streamHeader(2, "none", "Markers", "string", "0", 1, ""), samples(1, at(0, 1)), chunk(4, u32(1)+f64(0)+f64(0)),
		chunk(6, u32(1)+"<info/>"), chunk(6, u32(2)+"<info/>")))
	if len(rec.Notes) == 0 || !strings.Contains(rec.Notes[len(rec.Notes)-1].Where, `"none"`) || slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return strings.Contains(d.Where, `"none"`) }) {
		t.Errorf("a stream without samples breaks nothing: deviations %v, notes %v", rec.Deviations, rec.Notes)
	}
}

// TestWriterRefuses: nothing is written that could not be read.
func TestWriterRefuses(t *testing.T) {
	w, err := xdf.NewWriter(new(bytes.Buffer), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	one := make([]signal.Channel, 1)
	id, err := w.AddStream(xdf.StreamHeader{Name: "n", Format: "int8", Rate: 10, Channels: one})
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"range":     w.Samples(id, []float64{0}, [][]float64{{128}}),
		"NaN":       w.Samples(id, []float64{0}, [][]float64{{math.NaN()}}),
		"stamp":     w.Samples(id, []float64{math.Inf(1)}, [][]float64{{1}}),
		"no stamp":  w.Samples(id, nil, [][]float64{{1}}),
		"rows":      w.Samples(id, []float64{0}, [][]float64{{1}, {2}}),
		"text":      w.Texts(id, []float64{0}, [][]string{{"x"}}),
		"no stream": w.Samples(9, []float64{0}, [][]float64{{1}}),
		"offset":    w.ClockOffset(9, 0, 0),
	} {
		if err == nil {
			t.Errorf("%s: must be an error", what)
		}
	}
	for what, h := range map[string]xdf.StreamHeader{
		"format": {Name: "n", Format: "int12", Channels: one}, "name": {Format: "int8", Channels: one}, "channels": {Name: "n", Format: "int8"},
		"rate": {Name: "n", Format: "int8", Rate: -1, Channels: one},
	} {
		if _, err := w.AddStream(h); err == nil {
			t.Errorf("%s: must be an error", what)
		}
	}
}

// FuzzOpen: any bytes give a *ingest.FormatError or a recording whose samples can be read, never a panic.
func FuzzOpen(f *testing.F) {
	f.Add(file(streamHeader(1, "E", "EEG", "int16", "10", 1, ""), samples(1, at(0, 1), plain(2)), chunk(4, u32(1)+f64(0)+f64(1)), chunk(5, uuid), chunk(6, u32(1)+"<info/>")))
	f.Add(file(streamHeader(2, "M", "Markers", "string", "0", 2, ""), chunk(3, u32(2)+"\x01\x01\x08"+f64(0.2)+"\x01\x02go\x01\x00")))
	f.Add(file(streamHeader(1, "counter", "EEG", "int64", "10", 2, ""), samples(1, longs(0, 1, 1<<53+1), longs(0.1, 2, -1<<62-1)),
		streamHeader(2, "codes", "Markers", "int64", "0", 1, ""), samples(2, longs(0, 1<<53+1))))
	if data := os.Getenv("GYRUS_DATA"); data != "" {
		if b, err := os.ReadFile(data + "/xdf/examples/minimal.xdf"); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		ingesttest.Fuzz(t, fstest.MapFS{"x.xdf": {Data: data}}, "x.xdf")
	})
}

// TestShortGaps: samples that are missing for less than pyxdf calls a break are a gap, exact to the sample, where every sample
// has a regular stamp, and events stand at their samples; where the stamps scatter they are listed.
func TestShortGaps(t *testing.T) {
	const rate = 250.0
	for _, tc := range []struct {
		name   string
		jitter float64 // s
		lost   map[int]int
	}{
		{"regular", 0, map[int]int{1000: 125, 3000: 5, 7000: 475}},
		{"jitter of a microsecond", 1e-6, map[int]int{2000: 250, 5000: 1}},
		{"scattered", 0.05, map[int]int{4000: 400}},
	} {
		var buf bytes.Buffer
		w, id, marks := recorder(t, &buf, rate)
		rng := rand.New(rand.NewPCG(1, 2))
		var gaps []signal.Span
		at, events := 0, map[string]int64{}
		for k := range 10_000 {
			if n := tc.lost[k]; n > 0 {
				gaps = append(gaps, signal.Span{Start: int64(at), Len: int64(n)})
				at += n
			}
			stamp := 100 + float64(at)/rate
			if err := w.Samples(id, []float64{stamp + tc.jitter*rng.Float64()}, [][]float64{{float64(k)}}); err != nil {
				t.Fatal(err)
			}
			if k%500 == 250 {
				label := fmt.Sprintf("at %d", k)
				events[label] = int64(at)
				if err := w.Texts(marks, []float64{stamp}, [][]string{{label}}); err != nil {
					t.Fatal(err)
				}
			}
			at++
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		rec := open(t, buf.Bytes())
		listed := slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return strings.Contains(d.Found, "samples may be missing there") })
		if tc.jitter > 0.01 {
			if len(rec.Gaps()) != 0 || !listed {
				t.Errorf("%s: gaps %v, %v", tc.name, rec.Gaps(), rec.Deviations)
			}
			continue
		}
		if !slices.Equal(rec.Gaps(), gaps) || listed {
			t.Errorf("%s: gaps %v, want %v; %v", tc.name, rec.Gaps(), gaps, rec.Deviations)
		}
		for _, e := range rec.Events {
			if e.Sample != events[e.Label] {
				t.Errorf("%s: event %q at sample %d, want %d", tc.name, e.Label, e.Sample, events[e.Label])
			}
		}
		if len(rec.Events) != len(events) {
			t.Errorf("%s: %d events, want %d", tc.name, len(rec.Events), len(events))
		}
	}
}

// TestReadByMany: a long range is right when several goroutines read it, from its beginning and from within, and so is what is read behind it.
func TestReadByMany(t *testing.T) {
	before := runtime.GOMAXPROCS(3)
	defer runtime.GOMAXPROCS(before)
	const channels, chunk, chunks = 64, 37, 1000
	var buf bytes.Buffer
	w, err := xdf.NewWriter(&buf, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	chs := make([]signal.Channel, channels)
	for i := range chs {
		chs[i] = signal.Channel{Original: fmt.Sprint("A", i), Kind: signal.EEG, Unit: signal.Microvolt}
	}
	id, err := w.AddStream(xdf.StreamHeader{Name: "EEG", Type: "EEG", Format: "float32", Rate: 500, Channels: chs})
	if err != nil {
		t.Fatal(err)
	}
	x := make([][]float64, channels)
	for k := range chunks {
		for ch := range x {
			x[ch] = make([]float64, chunk)
			for i := range x[ch] {
				x[ch][i] = float64(k*chunk+i) + float64(ch)/64
			}
		}
		if err := w.Samples(id, []float64{1000 + float64(k*chunk)/500}, x); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rec := open(t, buf.Bytes())
	defer func() { _ = rec.Close() }()
	for _, first := range []int64{0, 1234} {
		n := int(rec.Len - first)
		if channels*n < 2<<20 {
			t.Fatalf("%d values are not read by several", channels*n)
		}
		dst := signal.NewChunk(rec.Info, first, n).X
		if err := rec.Data.ReadSamples(dst, first); err != nil {
			t.Fatal(err)
		}
		for ch := range dst {
			for i, v := range dst[ch] {
				if want := float64(float32(float64(first+int64(i)) + float64(ch)/64)); v != want {
					t.Fatalf("from %d on: channel %d, sample %d is %g, want %g", first, ch, i, v, want)
				}
			}
		}
		few := signal.NewChunk(rec.Info, 0, 100).X // behind it a short range anywhere
		if err := rec.Data.ReadSamples(few, 5000); err != nil || few[3][7] != float64(float32(5007+3.0/64)) {
			t.Errorf("behind it: %v, %g", err, few[3][7])
		}
	}
}
