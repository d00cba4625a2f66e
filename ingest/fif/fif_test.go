package fif_test

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestConformance runs the suite over every generated recording.
func TestConformance(t *testing.T) {
	names, err := filepath.Glob("testdata/*_raw.fif")
	if err != nil || len(names) != 12 {
		t.Fatalf("%d recordings, want 12; %v", len(names), err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			ingesttest.Run(t, func() (*signal.Recording, error) { return ingest.Open(os.DirFS("testdata"), filepath.Base(name)) })
		})
	}
}

// TestCut cuts recordings behind every byte.
func TestCut(t *testing.T) {
	for _, name := range []string{"skip_raw.fif", "notes_raw.fif"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		ingesttest.Cut(t, name, data, 1)
	}
}

// file builds FIF files tag by tag.
type file []byte

func (f file) tag(kind, typ int, data []byte) file {
	f = binary.BigEndian.AppendUint32(f, uint32(kind))
	f = binary.BigEndian.AppendUint32(f, uint32(typ))
	f = binary.BigEndian.AppendUint32(f, uint32(len(data)))
	f = binary.BigEndian.AppendUint32(f, 0)
	return append(f, data...)
}

func (f file) ints(kind int, v ...int32) file {
	var b []byte
	for _, n := range v {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	return f.tag(kind, 3, b)
}

func (f file) float(kind int, v float32) file {
	return f.tag(kind, 4, binary.BigEndian.AppendUint32(nil, math.Float32bits(v)))
}

// channel adds one. change writes over its 96 bytes.
func (f file) channel(name string, kind int32, change func(b []byte)) file {
	b := make([]byte, 96)
	binary.BigEndian.PutUint32(b[8:], uint32(kind))
	binary.BigEndian.PutUint32(b[12:], math.Float32bits(1))
	binary.BigEndian.PutUint32(b[16:], math.Float32bits(1e-6))
	binary.BigEndian.PutUint32(b[72:], 107)
	copy(b[80:], name)
	if change != nil {
		change(b)
	}
	return f.tag(203, 30, b)
}

func shorts(v ...int16) []byte {
	var b []byte
	for _, n := range v {
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	}
	return b
}

func begin() file { return file{}.tag(100, 31, make([]byte, 20)).ints(101, -1) }

// info is a measurement info of the channels that add adds.
func (f file) info(n int32, rate float32, add func(file) file) file {
	return add(f.ints(104, 100).ints(104, 101).ints(200, n).float(201, rate)).ints(105, 101)
}

// end ends the measurement and the file.
func (f file) end() file { return f.ints(105, 100).last() }

func (f file) last() file {
	f = f.tag(108, 0, nil)
	copy(f[len(f)-4:], "\xff\xff\xff\xff")
	return f
}

func cz(f file) file { return f.channel("Cz", 2, nil) }

// small is one channel with the samples 1 to 4.
func small() file {
	return begin().info(1, 100, cz).ints(104, 102).tag(300, 2, shorts(10, 20)).tag(300, 2, shorts(30, -40)).ints(105, 102).end()
}

func openFile(t testing.TB, f file, others fstest.MapFS) (*signal.Recording, error) {
	t.Helper()
	fsys := fstest.MapFS{"x_raw.fif": {Data: f}}
	for name, o := range others {
		fsys[name] = o
	}
	return ingest.Open(fsys, "x_raw.fif")
}

func TestSmall(t *testing.T) {
	rec, err := openFile(t, small(), nil)
	if err != nil {
		t.Fatal(err)
	}
	x := whole(t, rec)
	for i, want := range []float64{10, 20, 30, -40} {
		if math.Abs(x[0][i]-want) > 1e-5 { // the calibration is a float32
			t.Errorf("sample %d is %g µV, want %g", i, x[0][i], want)
		}
	}
}

// TestRefused: what cannot be read is refused, with where, why and what to do.
func TestRefused(t *testing.T) {
	raw := func(f file) file { return f.ints(104, 102).tag(300, 2, shorts(1, 2)).ints(105, 102).end() }
	deep := begin()
	for range 100 {
		deep = deep.ints(104, 999)
	}
	back := small()
	binary.BigEndian.PutUint32(back[12:], 8)
	negative := small()
	binary.BigEndian.PutUint32(negative[36+8:], math.MaxUint32)
	for name, tc := range map[string]struct {
		f    file
		want string
	}{
		"no channels":         {raw(begin().info(2, 100, cz)), "number of channels: is 2, but 1 channels are described"},
		"too many channels":   {raw(begin().info(1<<30, 100, cz)), "number of channels: is 1073741824, must be at least 1 and no more than the file has room for"},
		"count twice":         {raw(begin().info(1, 100, func(f file) file { return cz(f).ints(200, 1) })), "number of channels: comes a second time"},
		"no info":             {raw(begin()), "buffer: lies before the measurement info"},
		"rate 0":              {raw(begin().info(1, 0, cz)), "sampling frequency: is 0 Hz, must be above 0"},
		"rate NaN":            {raw(begin().info(1, float32(math.NaN()), cz)), "sampling frequency: is NaN Hz"},
		"calibration 0":       {raw(begin().info(1, 100, func(f file) file { return f.channel("Cz", 2, func(b []byte) { clear(b[16:20]) }) })), `range 1 times calibration 0 of channel "Cz"`},
		"short channel":       {raw(begin().info(1, 100, func(f file) file { return f.tag(203, 30, make([]byte, 80)) })), "channel: has 80 bytes, must have 96"},
		"complex":             {begin().info(1, 100, cz).ints(104, 102).tag(300, 20, make([]byte, 16)).ints(105, 102).end(), "type of buffer: is complex float32"},
		"no samples":          {begin().info(1, 100, cz).ints(104, 102).ints(105, 102).end(), "raw data: there is none"},
		"epochs":              {begin().info(1, 100, cz).ints(104, 361).ints(3561, 1, 0, 1).ints(105, 361).ints(104, 373).ints(208, 0).ints(105, 373).end(), "the file holds epochs: open the continuous recording"},
		"a model":             {begin().ints(104, 310).ints(3101, 0).ints(105, 310).last(), "the file holds a boundary-element model"},
		"deep":                {deep, "more than 64 blocks"},
		"wrong end":           {begin().ints(104, 100).ints(105, 101), "end of block: ends block 101 where block 100 is open"},
		"end of nothing":      {begin().ints(105, 100), "ends block 100 where block 0 is open"},
		"backwards":           {back, "next tag: is at byte 8, must be 0, -1 or a byte behind this tag"},
		"negative size":       {negative, "size of tag: is -1"},
		"negative skip":       {begin().info(1, 100, cz).ints(104, 102).ints(301, -1).tag(300, 2, shorts(1)).ints(105, 102).end(), "skip: is -1"},
		"text for a number":   {begin().ints(104, 100).ints(104, 101).tag(200, 10, []byte("four")), "number of channels: 4 bytes of text, must be int32"},
		"gzip":                {file("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + deflated(small())), "unpack it with gunzip"},
		"events on their own": {begin().ints(104, 361).ints(3561, 1, 0, 1).ints(105, 361).last(), "holds 1 events and no samples"},
		"huge skip":           {begin().info(1, 100, cz).ints(104, 102).tag(300, 2, make([]byte, 1<<23)).ints(301, math.MaxInt32).tag(300, 2, make([]byte, 1<<24)).ints(105, 102).end(), "skip: leads to sample"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openFile(t, tc.f, nil)
			var format *ingest.FormatError
			if !errors.As(err, &format) || format.File != "x_raw.fif" || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the error is %v, must be a *ingest.FormatError that says %q", err, tc.want)
			}
		})
	}
}

// TestUnits: all codes that MNE-Python 1.13.2 knows (FIFF_UNIT_… of mne/_fiff/constants.py), on a channel of no voltage.
func TestUnits(t *testing.T) {
	for code, want := range map[int32]signal.Unit{
		-1: "", 0: "", 1: "m", 2: "kg", 3: "s", 4: "A", 5: "K", 6: "mol", 7: "rad", 8: "sr", 9: "cd", 10: "mol/m³", 101: "Hz", 102: "N", 103: "Pa", 104: "J", 105: "W", 106: "C", 107: "µV",
		108: "F", 109: "Ω", 110: "S", 111: "Wb", 112: "T", 113: "H", 114: "°C", 115: "lm", 116: "lx", 117: "V/m²", 118: "s²", 201: "T/m", 202: "Am", 203: "Am/m²", 204: "Am/m³", 210: "px",
		999: "unit 999",
	} {
		misc := func(f file) file {
			return f.channel("a sensor", 502, func(b []byte) { binary.BigEndian.PutUint32(b[72:], uint32(code)) })
		}
		rec, err := openFile(t, begin().info(1, 100, misc).ints(104, 102).tag(300, 2, shorts(10, -10)).ints(105, 102).end(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := rec.Info.Channels[0].Unit; got != want {
			t.Errorf("%d is %q, want %q", code, got, want)
		}
	}
}

// TestDeviations: what is read leniently is listed.
func TestDeviations(t *testing.T) {
	at := func(x float32) func(file) file {
		return func(f file) file {
			return f.channel("Cz", 2, func(b []byte) { binary.BigEndian.PutUint32(b[24:], math.Float32bits(x)) })
		}
	}
	unit := func(code int32) func(file) file {
		return func(f file) file {
			return f.channel("Cz", 2, func(b []byte) { binary.BigEndian.PutUint32(b[72:], uint32(code)) })
		}
	}
	raw := func(f file, typ int, data []byte) file { return f.ints(104, 102).tag(300, typ, data).ints(105, 102) }
	stim := func(f file) file {
		return f.channel("STI 014", 3, func(b []byte) { binary.BigEndian.PutUint32(b[16:], math.Float32bits(1)) })
	}
	two := shorts(10, -10)
	for name, tc := range map[string]struct {
		f    file
		want string
	}{
		"position in mm": {raw(begin().info(2, 100, func(f file) file { return at(95)(at(95)(f)) }), 2, two).end(), "metres from between the ears, 0.02 to 0.25 for an electrode; found 95 m for \"Cz\"; 1 more like it"},
		"no unit":        {raw(begin().info(1, 100, unit(-1)), 2, two).end(), `found none for "Cz"; V`},
		"tesla":          {raw(begin().info(1, 100, unit(112)), 2, two).end(), `found T for "Cz"; nothing`},
		"millivolts":     {raw(begin().info(1, 100, cz), 2, shorts(5000, -5000)).end(), "a median standard deviation of 5e+03 µV"},
		"nanovolts": {raw(begin().info(1, 100, func(f file) file {
			return f.channel("Cz", 2, func(b []byte) { binary.BigEndian.PutUint32(b[76:], 0xfffffffc) })
		}), 2, two).end(), "a median standard deviation of 0.001 µV"},
		"odd buffer":         {raw(begin().info(1, 100, cz), 2, []byte{0, 10, 0, 20, 1}).end(), "and 1 bytes; the rest is left out"},
		"two raw blocks":     {raw(raw(begin().info(1, 100, cz), 2, two), 2, two).end(), "another one; only the first is read"},
		"open block":         {raw(begin().info(1, 100, cz), 2, two).last(), "every block ends; found block 100 does not"},
		"shielded":           {begin().info(1, 100, cz).ints(104, 119).tag(300, 2, two).ints(105, 119).end(), "MaxFilter must take out"},
		"part":               {raw(begin().info(1, 100, cz), 2, two).ints(104, 118).ints(115, 1).tag(118, 10, []byte("y.fif")).ints(105, 118).end(), `a part that goes on from "y.fif"`},
		"no end":             {small()[:len(small())-16], "without a last tag"},
		"negative triggers":  {raw(begin().info(1, 100, stim), 2, shorts(0, -1000, 0)).end(), "negative values in STI 014"},
		"names that are one": {raw(begin().info(2, 100, func(f file) file { return cz(cz(f)) }), 2, two).end(), `2 channels come to the name "Cz"; 1 more like it; the name "Cz-1"`},
	} {
		t.Run(name, func(t *testing.T) {
			rec, err := openFile(t, tc.f, nil)
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, d := range rec.Deviations {
				all = append(all, d.Where+": "+d.Rule+"; found "+d.Found+"; "+d.Assumed)
			}
			if text := strings.Join(all, "\n"); !strings.Contains(text, tc.want) {
				t.Errorf("the deviations are %q, one must say %q", text, tc.want)
			}
		})
	}
}

// events is a file of events.
func events(v ...int32) file { return begin().ints(104, 361).ints(3561, v...).ints(105, 361).last() }

// TestEventsBeside: which file has the events of a recording without a stimulus channel.
func TestEventsBeside(t *testing.T) {
	f := begin().info(1, 100, cz).ints(104, 102).ints(208, 50).tag(300, 2, shorts(1, 2, 3, 4)).ints(105, 102).end()
	for name, others := range map[string]fstest.MapFS{
		"x-eve.fif":     {"x-eve.fif": {Data: events(53, 0, 2, 51, 0, 1)}, "x_raw-eve.fif": {Data: events(51, 0, 9)}},
		"x_eve.fif":     {"x_eve.fif": {Data: events(53, 0, 2, 51, 0, 1)}},
		"x_raw-eve.fif": {"x_raw-eve.fif": {Data: events(53, 0, 2, 51, 0, 1)}, "y-eve.fif": {Data: events(51, 0, 9)}},
	} {
		rec, err := openFile(t, f, others)
		if err != nil {
			t.Fatal(err)
		}
		if len(rec.Parts) != 1 || rec.Parts[0] != name {
			t.Errorf("%s: read with %q", name, rec.Parts)
		}
		if len(rec.Events) != 2 || rec.Events[0] != (signal.Event{Sample: 1, Onset: 0.01, Label: "1"}) || rec.Events[1] != (signal.Event{Sample: 3, Onset: 0.03, Label: "2"}) {
			t.Errorf("%s: the events are %+v, want 1 and 2 at samples 1 and 3", name, rec.Events)
		}
	}
	// A number is one of a machine, however long: it stays where texts are dropped.
	rec, err := openFile(t, f, fstest.MapFS{"x-eve.fif": {Data: events(51, 0, 16777215)}})
	if err != nil {
		t.Fatal(err)
	}
	if clean, _, err := ingest.Anonymise(rec, ingest.Hiding{DropTexts: true}); err != nil || len(clean.Events) != 1 || clean.Events[0].Label != "16777215" {
		t.Errorf("where texts are dropped there remain %+v, %v", clean.Events, err)
	}
	// A damaged one is listed, and does not keep the samples from being read.
	rec, err = openFile(t, f, fstest.MapFS{"x-eve.fif": {Data: events(1, 2)}})
	if err != nil {
		t.Fatal(err)
	}
	listed := slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool {
		return d.Where == "x-eve.fif" && strings.Contains(d.Found, "x-eve.fif: byte 76: list of events: has 2 numbers")
	})
	if !listed || rec.Len != 4 || len(rec.Events)+len(rec.Parts) != 0 {
		t.Errorf("%d samples, events %+v, parts %q, deviations %+v", rec.Len, rec.Events, rec.Parts, rec.Deviations)
	}
}
