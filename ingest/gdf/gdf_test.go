package gdf_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	_ "github.com/gyrus-bci/gyrus/ingest/fif"
	_ "github.com/gyrus-bci/gyrus/ingest/gdf"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// TestGolden compares with MNE, see testdata/golden.py and docs/formats/gdf.md.
func TestGolden(t *testing.T) {
	files := ingesttest.ReadGolden(t, "testdata/golden.json")
	if len(files) != 8+4 {
		t.Fatalf("%d files in golden.json, want 8 here and 4 of the exoskeleton set", len(files))
	}
	for name, want := range files {
		t.Run(name, func(t *testing.T) {
			root, base := os.DirFS("testdata"), name
			if strings.Contains(name, "/") {
				root, base = os.DirFS(filepath.Dir(datasettest.Need(t, name))), path.Base(name)
			}
			ingesttest.Run(t, func() (*signal.Recording, error) { return ingest.Open(root, base) })
			rec, err := ingest.Open(root, base)
			if err != nil {
				t.Fatal(err)
			}
			want.Check(t, rec)
			events := signal.EventsIn(rec.Events, 0, rec.Len) // MNE drops the others
			if len(events) != len(want.Annotations) {
				t.Fatalf("%d events, want %d", len(events), len(want.Annotations))
			}
			for i, a := range want.Annotations { // MNE knows no gap, makes every event one sample long at least, and rounds to µs
				e, shift := events[i], 0.0
				for _, g := range rec.Gaps() {
					if g.End() <= e.Sample {
						shift += float64(g.Len) / want.Rate
					}
				}
				if math.Abs(e.Onset-shift-a[0].(float64)) > 1e-6 || math.Abs(max(e.Duration, 1/want.Rate)-a[1].(float64)) > 1e-9 || e.Label != a[2].(string) {
					t.Errorf("event %d is %+v, want %v", i, e, a)
				}
			}
			if err := rec.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSSVEP: the GDF and the FIF of one record hold the same numbers, which the GDF calls µV and the FIF V.
func TestSSVEP(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(datasettest.Need(t, "ssvep-exo"), "*", "*.gdf"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		root, base := os.DirFS(filepath.Dir(name)), filepath.Base(name)
		var x [2][][]float64
		for k, n := range []string{base, strings.TrimSuffix(base, ".gdf") + "_raw.fif"} {
			rec, err := ingest.Open(root, n)
			if err != nil {
				t.Fatal(err)
			}
			if odd, err := units.Implausible(rec); err != nil || odd == nil || rec.Info.Rate != 256 || len(rec.Info.Channels) != 8 {
				t.Errorf("%s: %v, amplitudes that cannot be µV are passed over (%v)", n, rec.Info, err)
			}
			x[k] = whole(t, rec)
			if err := rec.Close(); err != nil {
				t.Error(err)
			}
		}
		for ch := range x[0] {
			if len(x[0][ch]) != len(x[1][ch]) {
				t.Fatalf("%s: %d samples, the FIF has %d", base, len(x[0][ch]), len(x[1][ch]))
			}
			for k, v := range x[0][ch] {
				if w := x[1][ch][k] / 1e6; math.Abs(v-w) > 1e-6*math.Abs(w)+1e-9 { // the FIF is float32
					t.Fatalf("%s: channel %d sample %d is %g, in the FIF %g", base, ch, k, v, w)
				}
			}
		}
	}
}

// TestFloat64: MNE's volts do not have all bits of a stored float64, so these are taken from the file.
func TestFloat64(t *testing.T) {
	const channels, per, head = 4, 32, 256 + 256*4
	raw := load(t, "v220_float64.gdf")
	rec, err := ingest.Open(os.DirFS("testdata"), "v220_float64.gdf")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	}()
	ranges := [channels][2]float64{{-100, 100}, {-500, 1500}, {-200, 200}, {-3000, 3000}} // µV, for -200 to 200
	k := 0
	for _, s := range rec.Runs() {
		c := signal.NewChunk(rec.Info, s.Start, int(s.Len))
		if err := rec.Data.ReadSamples(c.X, s.Start); err != nil {
			t.Fatal(err)
		}
		for i := range c.Len() {
			for ch, r := range ranges {
				stored := math.Float64frombits(binary.LittleEndian.Uint64(raw[head+8*((k/per*channels+ch)*per+k%per):]))
				gain := (r[1] - r[0]) / 400
				if want := float64(stored*gain) + (r[0] + 200*gain); c.X[ch][i] != want {
					t.Fatalf("sample %d of channel %d is %v, want %v", k, ch, c.X[ch][i], want)
				}
			}
			k++
		}
	}
	if k != 10*per {
		t.Errorf("%d samples, want %d", k, 10*per)
	}
}

func whole(t *testing.T, rec *signal.Recording) [][]float64 {
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

func deviates(rec *signal.Recording, words string) bool {
	return slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return strings.Contains(fmt.Sprintf("%+v", d), words) })
}

func load(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func openData(t testing.TB, data []byte) (*signal.Recording, error) {
	t.Helper()
	return ingest.Open(fstest.MapFS{"x.gdf": {Data: data}}, "x.gdf")
}

// made has channels of two rates, int24 and uint24, in four records of half a second, written naively, and one event.
func made() []byte {
	const n, records = 3, 4
	spr, types := []int{2, 1, 2}, []int{279, 535, 3}
	h := make([]byte, 256+256*n)
	le := binary.LittleEndian
	copy(h, "GDF 2.20")
	le.PutUint16(h[184:], 4)
	le.PutUint64(h[236:], records)
	le.PutUint32(h[244:], 1)
	le.PutUint32(h[248:], 2)
	le.PutUint16(h[252:], n)
	v := h[256:]
	for i := range n {
		copy(v[16*i:], []string{"Fz", "temp", "Cz"}[i])
		le.PutUint16(v[102*n+2*i:], []uint16{4275, 6048, 4256}[i])
		for k, x := range []float64{0, 10, 0, 1000} {
			le.PutUint64(v[(104+8*k)*n+8*i:], math.Float64bits(x))
		}
		le.PutUint32(v[216*n+4*i:], uint32(spr[i]))
		le.PutUint32(v[220*n+4*i:], uint32(types[i]))
	}
	put24 := func(b []byte, v int) []byte { return append(b, byte(v), byte(v>>8), byte(v>>16)) }
	for r := range records {
		h = put24(put24(h, -(1000*r+1)), 1000*r+2)
		h = put24(h, 0x800000+r)
		h = le.AppendUint16(le.AppendUint16(h, uint16(r)), uint16(int16(-r)))
	}
	return append(h, 1, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1, 3) // at a rate that is not given
}

// TestSamplesPerRecord reads what is made.
func TestSamplesPerRecord(t *testing.T) {
	const records = 4
	h := made()
	rec, err := openData(t, h)
	if err != nil {
		t.Fatal(err)
	}
	ingesttest.Run(t, func() (*signal.Recording, error) { return openData(t, h) })
	if rec.Info.Rate != 4 || len(rec.Others) != 1 || rec.Others[0].Info.Rate != 2 || rec.Others[0].Info.Channels[0].Unit != "°C" {
		t.Fatalf("%v and %+v", rec.Info, rec.Others)
	}
	x, y := whole(t, rec), whole(t, rec.Others[0])
	for r := range records {
		gain := 10.0 / 1000
		if x[0][2*r] != -float64(1000*r+1)*gain || x[0][2*r+1] != float64(1000*r+2)*gain || y[0][r] != float64(0x800000+r)*gain {
			t.Errorf("record %d: %v and %v", r, x[0][2*r:2*r+2], y[0][r])
		}
		if volts := 1e6 * gain; x[1][2*r] != float64(r)*volts || x[1][2*r+1] != -float64(r)*volts {
			t.Errorf("record %d: %v", r, x[1][2*r:2*r+2])
		}
	}
	if len(rec.Events) != 1 || rec.Events[0] != (signal.Event{Sample: 2, Onset: 0.5, Label: "769"}) {
		t.Errorf("the events are %+v", rec.Events)
	}
}

// TestRateOfEvents: by the rate of its table an event may lie further away than samples can be counted. It stands behind their end then, or as far in front of them.
func TestRateOfEvents(t *testing.T) {
	for _, c := range []struct {
		rate     float32
		position uint32
		sample   int64
		listed   bool
	}{
		{2, 5, 8, false},
		{1e-9, 5, 16e9, false},
		{1e-30, 5, 1 << 53, true},
		{math.SmallestNonzeroFloat32, 5, 1 << 53, true},
		{math.SmallestNonzeroFloat32, 0, -1 << 53, true}, // positions count from 1
	} {
		h := made()
		events := h[len(h)-14:]
		binary.LittleEndian.PutUint32(events[4:], math.Float32bits(c.rate))
		binary.LittleEndian.PutUint32(events[8:], c.position)
		rec, err := openData(t, h)
		if err != nil {
			t.Fatal(err)
		}
		if e := rec.Events; len(e) != 1 || math.Abs(float64(e[0].Sample-c.sample)) > 1e-6*math.Abs(float64(c.sample)) || math.Abs(e[0].Onset*rec.Info.Rate-float64(e[0].Sample)) > 0.501 || e[0].Label != "769" {
			t.Errorf("at %g Hz the events are %+v, want one at sample %d", c.rate, e, c.sample)
		}
		if listed := slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return strings.Contains(d.Rule, "2⁵³") }); listed != c.listed {
			t.Errorf("at %g Hz the deviations are %+v", c.rate, rec.Deviations)
		}
		ingesttest.Run(t, func() (*signal.Recording, error) { return openData(t, h) })
	}
}

// TestNewSegment: the event 0x7ffe at sample 199, counted from 0, breaks the recording there.
func TestNewSegment(t *testing.T) {
	rec, err := openData(t, load(t, "v220_int16.gdf"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []signal.Span{{Start: 0, Len: 199}, {Start: 200, Len: 121}}; !slices.Equal(rec.Spans, want) {
		t.Errorf("samples are in %v, want %v", rec.Spans, want)
	}
	if e := rec.Events[3]; e.Label != "770" || e.Sample != 201 || e.Duration != 0.5 {
		t.Errorf("%+v", e)
	}
}

// changed is a file with some bytes changed.
func changed(t testing.TB, name string, at int, b ...byte) []byte {
	t.Helper()
	data := load(t, name)
	copy(data[at:], b)
	return data
}

func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"version":      {changed(t, "v220_int16.gdf", 4, []byte("2.x9")...), "must be GDF 1.00 to GDF 2.99"},
		"no channels":  {changed(t, "v220_int16.gdf", 252, 0, 0), "number of channels: is 0"},
		"channels":     {changed(t, "v220_int16.gdf", 252, 0xff, 0xff), "length of header: is 1280 bytes, must be at least 16777216"},
		"old channels": {changed(t, "v125_int16.gdf", 252, 0, 0, 0, 0xff), "must be from 1 to 65536"},
		"duration":     {changed(t, "v220_int16.gdf", 248, 0, 0, 0, 0), "is 1/0 s"},
		"no records":   {changed(t, "v220_int16.gdf", 236, 0), "there are no samples"},
		"type":         {changed(t, "v220_int16.gdf", 256+220*4, 9), `type of data: of channel "EEG:Fz" is 9`},
		"per record":   {changed(t, "v220_int16.gdf", 256+216*4, 0, 0, 0, 0x7f), "more than the file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openData(t, tc.data)
			var format *ingest.FormatError
			if !errors.As(err, &format) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the error is %v, must be a *ingest.FormatError that says %q", err, tc.want)
			}
		})
	}
}

func TestDeviations(t *testing.T) {
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"never ended":  {changed(t, "v220_int16.gdf", 236, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), "it was never ended"},
		"cut":          {changed(t, "v220_int16.gdf", 236, 99), "99: the file was cut"},
		"a date":       {changed(t, "v125_int16.gdf", 168, 'x'), "the time is not known"},
		"no range":     {changed(t, "v220_float64.gdf", 256+128*4, load(t, "v220_float64.gdf")[256+120*4:256+120*4+8]...), "stored numbers are in the unit as they are"},
		"mode":         {changed(t, "v220_int16.gdf", 1280+2560, 2), "mode 2"},
		"a unit":       {changed(t, "v220_int16.gdf", 256+102*4+2, 0x40, 0x10), `"A" for`},
		"sparse":       {append(changed(t, "v220_int16.gdf", 256+216*4, 0, 0, 0, 0), 0), "a sparse channel"},
		"float length": {changed(t, "v220_int16.gdf", 244, 0, 0, 0, 0, 0, 0, 0xd0, 0x3f), "the float64 0.25"},
	} {
		t.Run(name, func(t *testing.T) {
			rec, err := openData(t, tc.data)
			if err != nil {
				t.Fatal(err)
			}
			if !deviates(rec, tc.want) {
				t.Errorf("the deviations are %+v, one must say %s", rec.Deviations, tc.want)
			}
			missing := slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return d.Missing })
			if want := slices.Contains([]string{"never ended", "cut", "mode", "sparse"}, name); missing != want {
				t.Errorf("the deviations say that channels or events are missing: %t, want %t; %+v", missing, want, rec.Deviations)
			}
		})
	}
}

// TestNoRange: a channel without a range of values is the numbers that are stored, without a unit, and the others are what they were.
func TestNoRange(t *testing.T) {
	data := made()
	want, err := openData(t, data)
	if err != nil {
		t.Fatal(err)
	}
	const n = 3
	copy(data[256+112*n:][:8], make([]byte, 8)) // the greatest of Fz, as the least
	rec, err := openData(t, data)
	if err != nil {
		t.Fatal(err)
	}
	if c := rec.Info.Channels; c[0].Unit != signal.NoUnit || c[1].Unit != want.Info.Channels[1].Unit {
		t.Errorf("the channels are %+v, want Fz without a unit", c)
	}
	x, all := whole(t, rec), whole(t, want)
	for r := range 4 {
		if x[0][2*r] != -float64(1000*r+1) || x[0][2*r+1] != float64(1000*r+2) {
			t.Errorf("record %d: Fz is %v, want the numbers that are stored", r, x[0][2*r:2*r+2])
		}
	}
	if !slices.Equal(x[1], all[1]) {
		t.Errorf("Cz is %v, want %v", x[1], all[1])
	}
	if len(rec.Deviations) != len(want.Deviations)+1 || !deviates(rec, `both are 0 for "Fz"`) {
		t.Errorf("the deviations are %+v, want one more than %+v", rec.Deviations, want.Deviations)
	}
}

// TestNoRanges: where no range is given, neither physical nor digital, as in files of floats, the numbers that are stored are in the unit that is
// named, as MNE has them.
func TestNoRanges(t *testing.T) {
	data := made()
	const n = 3
	for field := range 4 {
		copy(data[256+(104+8*field)*n:][:8], make([]byte, 8)) // of Fz
	}
	rec, err := openData(t, data)
	if err != nil {
		t.Fatal(err)
	}
	if c := rec.Info.Channels[0]; c.Unit != signal.Microvolt {
		t.Errorf("the unit of Fz is %q, want µV", c.Unit)
	}
	x := whole(t, rec)
	for r := range 4 {
		if x[0][2*r] != -float64(1000*r+1) || x[0][2*r+1] != float64(1000*r+2) {
			t.Errorf("record %d: Fz is %v, want the numbers that are stored", r, x[0][2*r:2*r+2])
		}
	}
	if !deviates(rec, `both are 0 for "Fz"`) || deviates(rec, "physical dimension") {
		t.Errorf("the deviations are %+v", rec.Deviations)
	}
}

// TestUnits compares names of codes with what physicalunits of BioSig 2.5.0 (Debian) calls them.
func TestUnits(t *testing.T) {
	for code, want := range map[uint16]signal.Unit{
		512: "", 544: "%", 576: "‰", 608: "ppm", 736: "°", 768: "rad", 1280: "m", 1280 + 18: "mm", 1600: "l", 1600 + 18: "ml", 1728 + 3: "kg", 2176 + 18: "ms", 2208: "min", 2240: "h",
		2496: "Hz", 2496 + 3: "kHz", 2528: "1/min", 2720: "bpm", 2784: "breaths/min", 2816: "m/s", 3040: "l/s", 3072 + 18: "ml/min", 3776: "N", 3840: "Pa", 3840 + 2: "hPa", 3872: "mmHg", 3904: "cmH2O",
		3936 + 18: "mbar", 3968: "J", 4032: "W", 4160: "A", 4160 + 18: "mA", 4180: "nA", 4192: "C", 4224: "A/m", 4256: "µV", 4256 + 19: "µV", 4256 + 21: "pV", 4256 + 3: "kV", 4288: "Ω", 4288 + 3: "kΩ",
		4288 + 4: "MΩ", 4320: "Ωm", 4352 + 21: "pF", 4384: "K", 4416: "°F", 4480: "cd", 4544: "mol", 4704 + 19: "µmol/l", 6048: "°C", 6432 + 16: "dB", 6624: "m/s²", 6656: "rad/s²", 8192 + 22: "fT",
		8256: "V/s", 8288: "S", 8288 + 19: "µS", 65344 + 18: "mmol/l mm", 65504 + 21: "pT", 1280 + 1: "dam", 1280 + 10: "Ym", 1280 + 25: "ym",
		// These were taken for l, N, Pa, A, K and S.
		1536: "unit 1536", 3488: "unit 3488", 3808: "unit 3808", 4128: "unit 4128", 8384: "unit 8384",
		4256 + 11: "unit 4267", // no decimal factor
	} {
		rec, err := openData(t, changed(t, "v220_int16.gdf", 256+102*4+2, byte(code), byte(code>>8)))
		if err != nil {
			t.Fatal(err)
		}
		if got := rec.Info.Channels[1].Unit; got != want {
			t.Errorf("%d is %q, want %q", code, got, want)
		}
	}
}

// TestEventsOfOneChannel: in a table of mode 3 an event has the number of its channel in the header, from 1; 0 is all of them. Mode 1 has none.
func TestEventsOfOneChannel(t *testing.T) {
	of := func(data []byte) (list [][]string, deviations string) {
		rec, err := openData(t, data)
		if err != nil {
			t.Fatal(err)
		}
		if len(rec.Notes) > 0 {
			t.Errorf("the notes are %+v", rec.Notes)
		}
		for _, e := range rec.Events {
			list = append(list, e.Channels.Names())
		}
		return list, fmt.Sprint(rec.Deviations)
	}
	for _, name := range []string{"v125_int16.gdf", "v200_uint16.gdf", "v220_int16.gdf", "v220_float64.gdf"} { // see EVENTS in testdata/golden.py
		if got, listed := of(load(t, name)); !slices.EqualFunc(got, [][]string{nil, {"EEG:Fz"}, nil, nil, {"C3"}}, slices.Equal) || strings.Contains(listed, "of all channels") {
			t.Errorf("%s: the events are of %q, the deviations %s", name, got, listed)
		}
	}
	if got, _ := of(load(t, "v211_int32.gdf")); !slices.EqualFunc(got, make([][]string, 5), slices.Equal) {
		t.Errorf("mode 1: the events are of %q", got)
	}
	const channels = 1280 + 2560 + 8 + 6*5
	for number, want := range map[byte]string{4: "EOG-left", 5: ""} {
		got, listed := of(changed(t, "v220_int16.gdf", channels, number))
		if strings.Join(got[0], ",") != want || strings.Contains(listed, "5 of type 768 at position 1 of all channels") != (want == "") {
			t.Errorf("number %d: the events are of %q, the deviations %s", number, got, listed)
		}
	}
	// Channels are numbered as in the header, whatever their rates.
	for number, want := range map[byte]string{1: "Fz", 2: "temp", 3: "Cz"} {
		h := made()
		h[len(h)-14] = 3
		if got, listed := of(append(h, number, 0, 0, 0, 0, 0)); len(got) != 1 || strings.Join(got[0], ",") != want {
			t.Errorf("number %d of channels of two rates: the events are of %q, want %s; %s", number, got, want, listed)
		}
	}
	// A sparse channel is left out, and its events are not called those of a number that is none.
	h := made()
	const n, body, record, temp = 3, 256 + 256*3, 13, 6 // bytes; temp in a record, 3 long
	copy(h[256+216*n+4:][:4], make([]byte, 4))
	for r := range 4 {
		at := body + r*(record-3) + temp
		h = slices.Delete(h, at, at+3)
	}
	h[len(h)-14] = 3
	got, listed := of(append(h, 2, 0, 0, 0, 0, 0))
	if len(got) != 1 || got[0] != nil || !strings.Contains(listed, "one with samples; others are left out 2 of type 769 at position 3 of all channels") || strings.Contains(listed, "the number of one of the") {
		t.Errorf("an event of a sparse channel is of %q, the deviations %s", got, listed)
	}
}

func TestCut(t *testing.T) {
	ingesttest.Cut(t, "x.gdf", load(t, "v220_uint8.gdf"), 5)
	ingesttest.Cut(t, "x.gdf", load(t, "v125_int16.gdf"), 7)
}

func FuzzOpen(f *testing.F) {
	names, err := filepath.Glob("testdata/*.gdf")
	if err != nil || len(names) == 0 {
		f.Fatal(err)
	}
	for _, name := range names {
		f.Add(load(f, filepath.Base(name)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ingesttest.Fuzz(t, fstest.MapFS{"x.gdf": {Data: data}}, "x.gdf")
	})
}
