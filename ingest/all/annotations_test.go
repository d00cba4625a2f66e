package all_test

import (
	"bytes"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// spoilt is a recording whose annotations are damaged in several ways, all of which leave the samples as they are.
type spoilt struct {
	files fstest.MapFS
	name  string
	part  string // the file that is damaged
	ways  map[string]func(t *testing.T, data []byte) []byte
	found string // a part of the deviation that must be listed, in every way; "" where whatever stands there is a marker
}

// replaced is data with old, which must be there, in the first place.
func replaced(old, by string) func(t *testing.T, data []byte) []byte {
	return func(t *testing.T, data []byte) []byte {
		if !bytes.Contains(data, []byte(old)) {
			t.Fatalf("there is no %q", old)
		}
		return bytes.Replace(data, []byte(old), []byte(by), 1)
	}
}

// broken are ways in which a file of its own is no longer one.
func broken() map[string]func(t *testing.T, data []byte) []byte {
	return map[string]func(t *testing.T, data []byte) []byte{
		"empty":   func(*testing.T, []byte) []byte { return nil },
		"cut":     func(_ *testing.T, data []byte) []byte { return data[:20] },
		"a page":  func(*testing.T, []byte) []byte { return []byte("<html>not found</html>") },
		"zeros":   func(*testing.T, []byte) []byte { return make([]byte, 1000) },
		"another": func(*testing.T, []byte) []byte { return []byte(strings.Repeat("~\xff&%", 500)) },
	}
}

// fifNote changes the data of the first tag of a kind (of the FIF specification, "tag": kind, type, size, next) behind the start of the
// block of annotations.
func fifNote(kind uint32, change func(b []byte)) func(t *testing.T, data []byte) []byte {
	return func(t *testing.T, data []byte) []byte {
		out, inside := slices.Clone(data), false
		for at := 0; at+16 <= len(out); {
			k, size := be.Uint32(out[at:]), int(be.Uint32(out[at+8:]))
			inside = inside || k == 104 && be.Uint32(out[at+16:]) == 3810
			if inside && k == kind {
				change(out[at:])
				return out
			}
			at += 16 + size
		}
		t.Fatalf("there is no tag %d in a block of annotations", kind)
		return nil
	}
}

// markerStream is a file of one stream of EEG and one of markers with this header (XDF 1.0, "StreamHeader").
func markerStream(header string) []byte {
	var b bytes.Buffer
	b.WriteString("XDF:")
	chunk := func(tag uint16, content string) {
		b.WriteByte(4)
		b.Write(le.AppendUint16(le.AppendUint32(nil, uint32(2+len(content))), tag))
		b.WriteString(content)
	}
	stamp := func(s float64) string { return "\x08" + string(le.AppendUint64(nil, math.Float64bits(s))) }
	const one, two = "\x01\x00\x00\x00", "\x02\x00\x00\x00"
	chunk(1, `<?xml version="1.0"?><info><version>1.0</version></info>`)
	chunk(2, one+"<info><name>amp</name><type>EEG</type><channel_count>1</channel_count><nominal_srate>100</nominal_srate><channel_format>int8</channel_format></info>")
	chunk(2, two+header)
	chunk(3, one+"\x01\x03"+stamp(10)+"\x05\x00\x06\x00\x07")
	chunk(3, two+"\x01\x01"+stamp(10.01)+"\x01\x02T1")
	chunk(6, one+"<info><sample_count>3</sample_count></info>")
	chunk(6, two+"<info><sample_count>1</sample_count></info>")
	return b.Bytes()
}

const markerHeader = "<info><name>marks</name><type>Markers</type><channel_count>1</channel_count><nominal_srate>0</nominal_srate><channel_format>string</channel_format></info>"

// swappedHeader changes the header of the stream of markers.
func swappedHeader(old, by string) func(*testing.T, []byte) []byte {
	return func(t *testing.T, _ []byte) []byte {
		return markerStream(string(replaced(old, by)(t, []byte(markerHeader))))
	}
}

// gdfTable changes the table of events, the head of which is where the file ends with what it says.
func gdfTable(change func(b []byte)) func(t *testing.T, data []byte) []byte {
	return func(t *testing.T, data []byte) []byte {
		out := slices.Clone(data)
		for at := len(out) - 8; at >= 256; at-- {
			n, width := int(le.Uint32(out[at:])>>8), map[byte]int{1: 6, 3: 12}[out[at]]
			if width > 0 && n > 0 && at+8+n*width == len(out) {
				change(out[at:])
				return out
			}
		}
		t.Fatal("there is no table of events")
		return nil
	}
}

func at32(at int, v uint32) func(*testing.T, []byte) []byte {
	return func(_ *testing.T, data []byte) []byte {
		out := slices.Clone(data)
		le.PutUint32(out[at:], v)
		return out
	}
}

// damages has a case for every format.
func damages(t *testing.T) map[string]spoilt {
	type way = map[string]func(t *testing.T, data []byte) []byte
	short := func() *signal.Recording {
		rec := ingesttest.Gapped()
		rec.Len, rec.Spans, rec.Events = 60, []signal.Span{{Start: 0, Len: 30}, {Start: 40, Len: 20}}, rec.Events[:2]
		rec.Events = append(rec.Events, signal.Event{Sample: 35, Onset: 0.28, Label: "in the gap"})
		return rec
	}
	arrow, _ := ingesttest.Written(t, "arrow", short())
	parquet, _ := ingesttest.Written(t, "parquet", short())
	bdf := small()
	bdf.Version, bdf.Reserved = "\xffBIOSEMI", "BDF+C"
	bdf.Signals = []edftest.Signal{{Label: "Cz", Dim: "uV", NumSamples: "10", Samples: 15}, {Label: "BDF Annotations", NumSamples: "14", Samples: 21, Text: small().Signals[2].Text}}
	tal := way{
		"no list":       replaced("+1.25\x150.5\x14T1", "\x01\x02\x03\x04\xff\x150.5\x14T1"),
		"no onset":      replaced("+1.25", "+1.2x"),
		"no duration":   replaced("\x150.5", "\x150.x"),
		"no keeping":    replaced("+0\x14\x14", "+x\x14\x14"),
		"another start": replaced("\x14T1\x14", "\x14T1\x15"),
	}
	cnt := folderOf(t, "../cnt/testdata", "int16.cnt")
	table := int(le.Uint32(cnt["int16.cnt"].Data[886:]))
	var muse strings.Builder
	muse.WriteString("timestamps,TP9,AF7,AF8,TP10,Right AUX,Marker\n")
	for i := range 40 {
		marker := "0"
		if i == 5 {
			marker = "1"
		}
		fmt.Fprintf(&muse, "%.6f,1,2,3,4,0,%s\n", 1e9+float64(i)/256, marker)
	}
	return map[string]spoilt{
		"arrow": {files: arrow, name: "x.arrow", part: "x.arrow", ways: way{
			"metadata": replaced(`"sample":35`, `"sample":!5`),
			"offsets":  replaced(strings.Repeat("\x02\x00\x00\x00", 5), strings.Repeat("\x02\x00\x00\x00", 3)+"\x02\x00\x00\x70\x02\x00\x00\x00"),
		}, found: "events"},
		"bci2000": {files: folderOf(t, "../bci2000/testdata", "int32.dat"), name: "int32.dat", part: "int32.dat", ways: way{
			"a state": replaced("TargetCode 10 0", "TargetCode xx 0"),
		}, found: "the state is left out"},
		"bdf": {files: fstest.MapFS{"x.bdf": {Data: bdf.Bytes()}}, name: "x.bdf", part: "x.bdf", ways: tal, found: "annotation"},
		"blackrock": {
			files: folderOf(t, "../blackrock/testdata", "v23pause.nev", "v23pause.ns3"), name: "v23pause.ns3", part: "v23pause.nev",
			ways: broken(), found: "the recording has no events",
		},
		"brainvision": {
			files: folderOf(t, "../brainvision/testdata", "int16v.*"), name: "int16v.vhdr", part: "int16v.vmrk",
			ways: broken(), found: "no events",
		},
		"brainvision line": {
			files: fstest.MapFS{"x.vhdr": {Data: []byte(vhdr)}, "x.vmrk": {Data: []byte(vmrkHead + "Mk1=Stimulus,S  1,2,1,0\n")}, "x.eeg": {Data: make([]byte, 100)}},
			name:  "x.vhdr", part: "x.vmrk", ways: way{
				"no first line": replaced("Brain Vision Data Exchange Marker File, Version 1.0\n", "\n"), "no position": replaced(",2,1,0", ",x,1,0"), "no size": replaced(",2,1,0", ",2,x,0"),
			}, found: "marker",
		},
		"cnt": {files: cnt, name: "int16.cnt", part: "int16.cnt", ways: way{
			"place": at32(886, 1), "far place": at32(886, 0xffffffff), "type": func(_ *testing.T, b []byte) []byte { b = slices.Clone(b); b[table] = 9; return b }, "length": at32(table+1, 1<<30),
		}, found: "event table"},
		"edf": {files: fstest.MapFS{"x.edf": {Data: small().Bytes()}}, name: "x.edf", part: "x.edf", ways: tal, found: "annotation"},
		"eeglab": {files: folderOf(t, "../eeglab/testdata", "beside.*"), name: "beside.set", part: "beside.set", ways: way{
			"a field": replaced("latency", "lxtency"),
		}, found: "the event is left out"},
		"fif": {
			files: folderOf(t, "../fif/testdata", "int_raw.fif", "int-eve.fif"), name: "int_raw.fif", part: "int-eve.fif",
			ways: broken(), found: "its events are left out",
		},
		"fif annotations": {files: folderOf(t, "../fif/testdata", "notes_raw.fif"), name: "notes_raw.fif", part: "notes_raw.fif", ways: way{
			"onset":        fifNote(3568, func(b []byte) { be.PutUint32(b[16:], 0x7ff80000) }),
			"end":          fifNote(3569, func(b []byte) { be.PutUint32(b[16:], 0x7ff80000) }),
			"type":         fifNote(3568, func(b []byte) { be.PutUint32(b[4:], 3) }),
			"texts":        fifNote(206, func(b []byte) { b[16+bytes.IndexByte(b[16:], ':')] = 'x' }),
			"type of text": fifNote(206, func(b []byte) { be.PutUint32(b[4:], 3) }),
		}, found: "annotation"},
		"gdf": {files: folderOf(t, "../gdf/testdata", "v220_uint8.gdf"), name: "v220_uint8.gdf", part: "v220_uint8.gdf", ways: way{
			"mode": gdfTable(func(b []byte) { b[0] = 12 }), "count": gdfTable(func(b []byte) { b[1], b[2], b[3] = 255, 255, 255 }), "rate": gdfTable(func(b []byte) { le.PutUint32(b[4:], 0x7fc00000) }),
		}, found: "event table"},
		"parquet": {files: parquet, name: "x.parquet", part: "x.parquet", ways: way{
			"a label": replaced("\x04\x00\x00\x00left", "\x04\xff\x00\x00left"),
		}, found: "events"},
		"text": {files: fstest.MapFS{"x.csv": {Data: []byte(muse.String())}}, name: "x.csv", part: "x.csv", ways: way{
			"a marker": replaced("0,1\n", "0,\xff?\n"),
		}},
		"xdf": {files: fstest.MapFS{"x.xdf": {Data: markerStream(markerHeader)}}, name: "x.xdf", part: "x.xdf", ways: way{
			"ampersand": swappedHeader("marks", "A & B"), "rate": swappedHeader("<nominal_srate>0", "<nominal_srate>IRREGULAR_RATE"), "no rate": swappedHeader("<nominal_srate>0", "<nominal_srate>"),
			"format": swappedHeader("string", "str"), "cut": swappedHeader("</channel_format></info>", "</channel_format"), "channels": swappedHeader("<channel_count>1", "<channel_count>one"),
		}, found: "stream header"},
	}
}

// samplesOf is all samples of each channel, one run behind the other: where a gap lies annotations may say.
func samplesOf(t *testing.T, rec *signal.Recording) [][]float64 {
	t.Helper()
	x := make([][]float64, len(rec.Info.Channels))
	for _, run := range rec.Runs() {
		c := signal.NewChunk(rec.Info, run.Start, int(run.Len))
		if err := rec.Data.ReadSamples(c.X, run.Start); err != nil {
			t.Fatal(err)
		}
		for ch := range x {
			x[ch] = append(x[ch], c.X[ch]...)
		}
	}
	return x
}

// TestBadAnnotations: a bad annotation never blocks the signal. Of a file of every format the annotations are damaged: all samples are as
// they were, what is wrong is listed, and where events are not read because of it, and only there, the list says that they are missing.
func TestBadAnnotations(t *testing.T) {
	cases := damages(t)
	for name, c := range cases {
		whole, err := ingest.Open(c.files, c.name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(whole.Events) == 0 {
			t.Errorf("%s: has no events that could be damaged", name)
		}
		want := samplesOf(t, whole)
		if err := whole.Close(); err != nil {
			t.Error(err)
		}
		for way, damage := range c.ways {
			t.Run(name+"/"+way, func(t *testing.T) {
				files := fstest.MapFS{}
				for n, f := range c.files {
					files[n] = f
				}
				files[c.part] = &fstest.MapFile{Data: damage(t, c.files[c.part].Data)}
				rec, err := ingest.Open(files, c.name)
				if err != nil {
					t.Fatalf("the annotations block the signal: %v", err)
				}
				defer func() {
					if err := rec.Close(); err != nil {
						t.Error(err)
					}
				}()
				if got := samplesOf(t, rec); !slices.EqualFunc(got, want, slices.Equal) {
					t.Errorf("the samples are others than in the whole file")
				}
				if c.found != "" && !slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return strings.Contains(d.Where+d.Rule+d.Found+d.Assumed, c.found) }) {
					t.Errorf("the deviations are %+v, must say %q", rec.Deviations, c.found)
				}
				fewer := len(rec.Events) < len(whole.Events)
				unread := c.part != c.name // what is in a file that cannot be read nobody knows
				if missing := slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return d.Missing }); missing != fewer && (!missing || !unread) {
					t.Errorf("%d of %d events are read, and the deviations say that some are missing: %t; %+v", len(rec.Events), len(whole.Events), missing, rec.Deviations)
				}
			})
		}
	}
	for _, f := range ingest.Formats() {
		found := false
		for name := range cases {
			found = found || path.Base(name) == f.Name || strings.HasPrefix(name, f.Name+" ")
		}
		if !found {
			t.Errorf("no case for %s", f.Name)
		}
	}
}
