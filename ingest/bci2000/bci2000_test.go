package bci2000_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	_ "github.com/gyrus-bci/gyrus/ingest/bci2000"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestGolden compares stored numbers and the state StimulusCode with MNE, see testdata/golden.py; names, gains and offsets, which
// MNE does not read, with the definition.
func TestGolden(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Files map[string]struct {
			Rate    float64    `json:"rate_hz"`
			Samples int64      `json:"samples"`
			Hash    string     `json:"sha256_stored"`
			Code    [][2]int64 `json:"code"`
		} `json:"files"`
	}
	if err := json.Unmarshal(raw, &g); err != nil || len(g.Files) != 4 {
		t.Fatalf("%d files, %v", len(g.Files), err)
	}
	gains, offsets := []float64{0.5, 0.003, 2}, []float64{0, 10, -4} // µV
	for name, want := range g.Files {
		t.Run(name, func(t *testing.T) {
			open := func() (*signal.Recording, error) { return ingest.Open(os.DirFS("testdata"), name) }
			ingesttest.Run(t, open)
			rec, err := open()
			if err != nil {
				t.Fatal(err)
			}
			if len(rec.Notes) > 0 {
				t.Errorf("the notes are %+v", rec.Notes)
			}
			if rec.Info.Rate != want.Rate || rec.Len != want.Samples || !slices.Equal(rec.Info.Names(), []string{"Fz", "Cz", "EOG left"}) || !rec.Begin.Equal(time.Date(2009, 8, 12, 9, 32, 10, 0, time.UTC)) {
				t.Errorf("%v, %d samples from %v", rec.Info, rec.Len, rec.Begin)
			}
			h := sha256.New()
			x := slices.Repeat([][]float64{nil}, 3)
			for ch := range x {
				x[ch] = make([]float64, rec.Len)
			}
			if err := rec.Data.ReadSamples(x, 0); err != nil {
				t.Fatal(err)
			}
			for ch := range x {
				for _, v := range x[ch] {
					stored := math.Round(v/gains[ch] + offsets[ch])
					if again := (stored - offsets[ch]) * gains[ch]; again != v {
						t.Fatalf("channel %d: %v is not %v", ch, v, again)
					}
					h.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(stored+0)))
				}
			}
			if got := hex.EncodeToString(h.Sum(nil)); got != want.Hash {
				t.Errorf("the stored numbers have the SHA-256 %s, MNE's %s", got, want.Hash)
			}
			var code [][2]int64
			var target []signal.Event
			for _, e := range rec.Events {
				var v int64
				switch {
				case strings.HasPrefix(e.Label, "StimulusCode/"):
					if _, err := fmt.Sscanf(e.Label, "StimulusCode/%d", &v); err != nil {
						t.Fatal(err)
					}
					code = append(code, [2]int64{e.Sample, v})
				case strings.HasPrefix(e.Label, "TargetCode/"):
					target = append(target, e)
				}
			}
			if !slices.Equal(code, want.Code) {
				t.Errorf("StimulusCode is %v, want %v", code, want.Code)
			}
			if w := []signal.Event{{Sample: 50, Onset: 0.2, Duration: 0.6, Label: "TargetCode/1000"}, {Sample: 450, Onset: 1.8, Duration: 0.2, Label: "TargetCode/3"}}; !slices.Equal(target, w) {
				t.Errorf("TargetCode is %+v, want %+v", target, w)
			}
			if err := rec.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// states is a recording of one channel at 256 Hz, in blocks of 32 samples, with a vector of one state after the other, of 16 bits each.
func states(t *testing.T, n int, names []string, value func(name string, k int) int) *signal.Recording {
	t.Helper()
	width := 2 * len(names)
	var list strings.Builder
	for i, name := range names {
		fmt.Fprintf(&list, "%s 16 0 %d 0\r\n", name, 2*i)
	}
	body := "[ State Vector Definition ]\r\n" + list.String() + "[ Parameter Definition ]\r\nSource int SampleBlockSize= 32 32 1 % // samples\r\nSource int SamplingRate= 256Hz 256 1 % // rate\r\n" +
		"Source floatlist SourceChGain= 1 1 // gain\r\nSource floatlist SourceChOffset= 1 0 // offset\r\nSource list ChannelNames= 1 Cz // name\r\n\r\n"
	head := func(n int) string {
		return fmt.Sprintf("BCI2000V= 1.1 HeaderLen= %5d SourceCh= 1 StatevectorLen= %d DataFormat= int16\r\n", n, width)
	}
	data := []byte(head(len(head(0))+len(body)) + body)
	for k := range n {
		data = append(data, 0, 0)
		for _, name := range names {
			data = binary.LittleEndian.AppendUint16(data, uint16(value(name, k)))
		}
	}
	rec, err := ingest.Open(fstest.MapFS{"x.dat": {Data: data}}, "x.dat")
	if err != nil {
		t.Fatal(err)
	}
	if len(rec.Deviations) > 0 {
		t.Errorf("the deviations are %+v, want none: nothing is wrong with the file", rec.Deviations)
	}
	return rec
}

// TestMeasured: what goes from value to value with nearly every block makes no events, which is noted; all that tells of the experiment does,
// however fast it is.
func TestMeasured(t *testing.T) {
	const n = 256 * 20
	names := []string{"SourceTime", "CursorPosX", "EyetrackerX", "Frames", "StimulusCode", "Flash", "Trigger", "Trial", "Lines"}
	rec := states(t, n, names, func(name string, k int) int {
		block := k / 32
		switch name {
		case "SourceTime":
			return 1000 + 125*block
		case "CursorPosX": // moves for 2 s of 10 alone
			if k%2560 >= 512 {
				return 0
			}
			return 2000 + 3*block
		case "EyetrackerX": // 16 values a second, whatever the blocks
			return 500 + k/16%7
		case "Frames": // comes to 0 now and then
			return k / 8 % 4
		case "StimulusCode": // 16 a second, with nothing between them
			return 1 + k/16%12
		case "Flash": // 16 a second, with nothing in between
			return k / 8 % 2 * (1 + k/16%12)
		case "Trigger": // 8 a second
			return k / 32 % 3
		case "Trial":
			return 1 + k/1024
		default: // of an input of which a line jumps for a second, and others do not
			if k >= 512 && k < 768 {
				return 2 + k/16%2
			}
			return k / 64 % 2
		}
	})
	count := map[string]int{}
	for _, e := range rec.Events {
		name, _, _ := strings.Cut(e.Label, "/")
		count[name]++
	}
	want := map[string]int{"StimulusCode": n / 16, "Flash": n / 16, "Trial": 5, "Lines": 38 + 16, "Trigger": 106}
	if !maps.Equal(count, want) {
		t.Errorf("the events are %v, want %v", count, want)
	}
	if len(rec.Notes) != 1 || !strings.Contains(rec.Notes[0].Found, "CursorPosX, EyetrackerX, Frames") || rec.Notes[0].Missing {
		t.Errorf("the notes are %+v, want one of CursorPosX, EyetrackerX and Frames", rec.Notes)
	}
}

func load(t testing.TB, name string, change ...string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(strings.NewReplacer(change...).Replace(string(data)))
}

func TestRefused(t *testing.T) {
	for want, change := range map[string][]string{
		`SourceCh: is "0"`:                         {"SourceCh= 3 State", "SourceCh= 0 State"},
		`StatevectorLen: is "-"`:                   {"StatevectorLen= 5", "StatevectorLen= -"},
		`HeaderLen: is "9"`:                        {"HeaderLen=   ", "HeaderLen= 9 "},
		`DataFormat: is "int12"`:                   {"int32", "int12"},
		`SamplingRate: is "Hz 250 1 %"`:            {"SamplingRate= 250Hz", "SamplingRate=    Hz"},
		`SourceChGain: "x.0" of channel 1`:         {"3 0.5 ", "3 x.0 "},
		`SourceChOffset: "x" of channel 2 must be`: {"3 0 10 -4", "3 0 x  -4"},
	} {
		_, err := ingest.Open(fstest.MapFS{"x.dat": {Data: load(t, "int32.dat", change...)}}, "x.dat")
		var format *ingest.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, must be a *ingest.FormatError that says %q", err, want)
		}
		if err != nil && strings.Contains(err.Error(), "other than 0") { // a gain of 0 is read
			t.Errorf("the error is %v", err)
		}
	}
}

// read opens int32.dat with texts of its header changed, and its samples.
func read(t *testing.T, change ...string) (*signal.Recording, [][]float64) {
	t.Helper()
	const head = 557
	data := load(t, "int32.dat")
	text := strings.NewReplacer(change...).Replace(string(data[:head]))
	text = strings.Replace(text, fmt.Sprintf("HeaderLen= %5d", head), fmt.Sprintf("HeaderLen= %5d", len(text)), 1)
	rec, err := ingest.Open(fstest.MapFS{"x.dat": {Data: append([]byte(text), data[head:]...)}}, "x.dat")
	if err != nil {
		t.Fatal(err)
	}
	c := signal.NewChunk(rec.Info, 0, int(rec.Len))
	if err := rec.Data.ReadSamples(c.X, 0); err != nil {
		t.Fatal(err)
	}
	return rec, c.X
}

// TestNoGain: a channel whose gain is 0 is the numbers that are stored, without a unit, and the others are what they were.
func TestNoGain(t *testing.T) {
	want, all := read(t)
	rec, x := read(t, "0.5 0.003muV 2e-3mV", "0.5 0.003muV 0.00mV")
	if c := rec.Info.Channels; c[2].Unit != signal.NoUnit || c[0].Unit != signal.Microvolt {
		t.Errorf("the channels are %+v, want the last without a unit", c)
	}
	for k, v := range x[2] {
		if v != all[2][k]/2-4 { // without the gain of 2 µV and the offset of -4
			t.Fatalf("sample %d is %g, want the number that is stored, %g", k, v, all[2][k]/2-4)
		}
	}
	if !slices.Equal(x[0], all[0]) || !slices.Equal(x[1], all[1]) {
		t.Error("the other channels are not what they were")
	}
	if text := fmt.Sprintf("%+v", rec.Deviations); len(rec.Deviations) != len(want.Deviations)+1 || !strings.Contains(text, `"0.00mV" of channel 3`) {
		t.Errorf("the deviations are %s", text)
	}
}

// TestLabels: a list may have labels in braces instead of the number of its values, and % alone is an empty text.
func TestLabels(t *testing.T) {
	want, all := read(t)
	rec, x := read(t, "SourceChGain= 3 ", "SourceChGain= { Fz Cz EOG%20left } ", "SourceChOffset= 3 ", "SourceChOffset= { 1 2 3 } ", "ChannelNames= 3 Fz Cz EOG%20left", "ChannelNames= { a b c } Fz % EOG%20left",
		"Storage string StorageTime= Wed%20Aug%2012%2009:32:10%202009 //", "Storage string SubjectName= % % // name\r\nStorage string OperatorName= Ann%20B %  // name\r\nStorage string StorageTime= % //")
	for ch := range x {
		if !slices.Equal(x[ch], all[ch]) {
			t.Errorf("channel %d is not what it is without labels", ch+1)
		}
	}
	if names := rec.Info.Names(); !slices.Equal(names, []string{"Fz", "channel 2", "EOG left"}) {
		t.Errorf("the channels are %q, want the second without a name", names)
	}
	if text := fmt.Sprintf("%+v", rec.Deviations); len(rec.Deviations) != len(want.Deviations)+1 || !strings.Contains(text, "the label is empty") {
		t.Errorf("the deviations are %s", text)
	}
	if w := []signal.Text{{Field: "OperatorName", Text: "Ann B", Personal: true}}; !slices.Equal(rec.Texts, w) || !rec.Begin.IsZero() {
		t.Errorf("the texts are %+v, the begin %v; want %+v and none", rec.Texts, rec.Begin, w)
	}
	for _, list := range []string{"{ a b c 0.5 1 1 ", "{ a b } ", "{ a b c d } "} { // without an end, and not as many as there are channels
		rec, _ := read(t, "SourceChGain= 3 ", "SourceChGain= "+list)
		if text := fmt.Sprintf("%+v", rec.Deviations); !strings.Contains(text, "stored numbers are µV") {
			t.Errorf("%s: the deviations %s must say that there are no gains", list, text)
		}
	}
}

func TestDeviations(t *testing.T) {
	for want, change := range map[string][]string{
		"stored numbers are µV":   {"SourceChGain= 3", "SourceChGain= 2"},
		"channels are numbered":   {"ChannelNames", "ChannelNamez"},
		"the begin is not known":  {"Wed%20", "Tag%20"},
		"the state is left out":   {"TargetCode 10 0 1 3", "TargetCode 10 0 9 3"},
		"than the 40 bits":        {"TargetCode 10 0 1 3", "TargetCode 22 0 0 0"}, // over those of others
		"the line is passed over": {"ChannelNames=", "ChannelNames "},
	} {
		rec, err := ingest.Open(fstest.MapFS{"x.dat": {Data: load(t, "int32.dat", change...)}}, "x.dat")
		if err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprintf("%+v", rec.Deviations); !strings.Contains(text, want) {
			t.Errorf("the deviations %s must say %s", text, want)
		}
	}
}

// TestCut: behind the header every whole sample is read; that a file was cut between two samples cannot be seen in this format.
func TestCut(t *testing.T) {
	data := load(t, "int32.dat")
	header := len(data) - 500*17
	for n := 0; n < len(data); n += 7 {
		rec, err := ingest.Open(fstest.MapFS{"x.dat": {Data: data[:n:n]}}, "x.dat")
		var format *ingest.FormatError
		switch {
		case err != nil && (!errors.As(err, &format) || n >= header+17):
			t.Errorf("cut behind %d bytes: %v", n, err)
		case err == nil && rec.Len != int64(n-header)/17:
			t.Errorf("cut behind %d bytes: %d samples", n, rec.Len)
		case err == nil && (n-header)%17 != 0 && len(rec.Deviations) == 0:
			t.Errorf("cut behind %d bytes it opens without a deviation", n)
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, name := range []string{"old.dat", "int32.dat", "float32.dat"} {
		f.Add(load(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ingesttest.Fuzz(t, fstest.MapFS{"x.dat": {Data: data}}, "x.dat")
	})
}
