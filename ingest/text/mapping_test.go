package text_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestGoldenMapping compares with pandas, see testdata/golden.py.
func TestGoldenMapping(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Files map[string]struct {
			Rate     float64    `json:"rate_hz"`
			Begin    string     `json:"begin"`
			Channels []string   `json:"channels"`
			Spans    [][2]int64 `json:"spans"`
			Events   [][4]any   `json:"events"` // sample, onset, duration, label
			Hash     string     `json:"sha256"` // of all samples there are, channel after channel
		} `json:"files"`
	}
	if err := json.Unmarshal(raw, &g); err != nil || len(g.Files) != 4 {
		t.Fatalf("%d files, %v; want 4", len(g.Files), err)
	}
	for name, want := range g.Files {
		t.Run(name, func(t *testing.T) {
			open := func() (*signal.Recording, error) { return ingest.Open(os.DirFS("testdata"), name) }
			ingesttest.Run(t, open)
			rec, err := open()
			if err != nil {
				t.Fatal(err)
			}
			begin := ""
			if !rec.Begin.IsZero() {
				begin = rec.Begin.Format(time.RFC3339Nano)
			}
			var spans [][2]int64
			for _, s := range rec.Runs() {
				spans = append(spans, [2]int64{s.Start, s.Len})
			}
			if rec.Info.Rate != want.Rate || begin != want.Begin || fmt.Sprint(rec.Info.Names()) != fmt.Sprint(want.Channels) || fmt.Sprint(spans) != fmt.Sprint(want.Spans) || rec.Format != "CSV" {
				t.Errorf("%s %v from %q, spans %v; want %g Hz, %v from %q, spans %v", rec.Format, rec.Info, begin, spans, want.Rate, want.Channels, want.Begin, want.Spans)
			}
			if len(rec.Events) != len(want.Events) {
				t.Fatalf("the events are %+v, want %v", rec.Events, want.Events)
			}
			for i, w := range want.Events {
				e := rec.Events[i]
				if float64(e.Sample) != w[0].(float64) || math.Abs(e.Onset-w[1].(float64)) > 1e-6 || math.Abs(e.Duration-w[2].(float64)) > 1e-6 || e.Label != w[3] {
					t.Errorf("event %d is %+v, want %v", i, e, w)
				}
			}
			h := sha256.New()
			parts := make([][]float64, len(rec.Info.Channels))
			for _, s := range rec.Runs() {
				for ch, x := range samples(t, rec, s) {
					parts[ch] = append(parts[ch], x...)
				}
			}
			for _, x := range parts {
				for _, v := range x {
					h.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(v+0)))
				}
			}
			if got := hex.EncodeToString(h.Sum(nil)); got != want.Hash {
				t.Errorf("the samples have the SHA-256 %s, pandas' %s", got, want.Hash)
			}
		})
	}
}

// mapped opens a table with a mapping beside it.
func mapped(table, mapping string) (*signal.Recording, error) {
	return ingest.Open(fstest.MapFS{"a/x.csv": {Data: []byte(table)}, "a/x.csv.gyrus.yaml": {Data: []byte(mapping)}}, "a/x.csv")
}

func mustMap(t *testing.T, table, mapping string) *signal.Recording {
	t.Helper()
	rec, err := mapped(table, mapping)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// TestMappingKeys: kinds, units, the reference, what is not mentioned, and what is ignored.
func TestMappingKeys(t *testing.T) {
	rec := mustMap(t, "n,Fp1,hrt,trig,aux\n1,2,3,4,5\n2,3,4,5,6\n3,4,5,6,7\n", `
rate_hz: 100
reference: Cz
channels: [{column: Fp1, unit: mV}, {column: hrt, name: ECG, kind: ecg}, {column: trig, kind: trigger}]
ignore: [5]
`)
	want := []signal.Channel{{Name: "Fp1", Original: "Fp1", Kind: signal.EEG, Unit: signal.Microvolt}, {Name: "ECG", Original: "ECG", Kind: signal.ECG}, {Name: "trig", Original: "trig", Kind: signal.Trigger}}
	for i, c := range rec.Info.Channels {
		if (c.Pos != nil) != (i == 0) {
			t.Errorf("the place of %s is %v", c.Name, c.Pos)
		}
		if c.Pos = nil; c != want[i] {
			t.Errorf("channel %d is %+v, want %+v", i, c, want[i])
		}
	}
	if rec.Info.Reference != "Cz" || rec.Info.Rate != 100 || rec.Len != 3 || samples(t, rec, signal.Span{Len: 3})[0][0] != 2000 {
		t.Errorf("%+v, %d samples", rec.Info, rec.Len)
	}
	if len(rec.Deviations) != 2 || !listed(rec, "1 column", `nothing about "n"`) || !listed(rec, "column hrt", "a voltage", "ECG") || !slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return d.Missing && d.Where == "1 column" }) {
		t.Errorf("the deviations are %+v", rec.Deviations)
	}
	if fmt.Sprint(rec.Parts) != "[a/x.csv.gyrus.yaml]" {
		t.Errorf("the parts are %v", rec.Parts)
	}
}

// TestMappingWins: a mapping beside a table decides, also where the table is one that is known without.
func TestMappingWins(t *testing.T) {
	rec := mustMap(t, muse(300, nil), "time: {column: timestamps, unit: unix}\nunit: uV\nchannels: [{column: AF7}]\n")
	if rec.Format != "CSV" || len(rec.Info.Channels) != 1 || rec.Begin.IsZero() || len(rec.Events) != 0 {
		t.Errorf("%s, %v, begin %v", rec.Format, rec.Info, rec.Begin)
	}
	odd := fstest.MapFS{"12:30.csv": {Data: []byte(muse(300, nil))}}
	if rec, err := ingest.Open(odd, "12:30.csv"); err != nil || rec.Format != "Muse CSV" {
		t.Errorf("a colon in the name: %v, %v", rec, err)
	}
	odd["12:30.csv.gyrus.yaml"] = &fstest.MapFile{Data: []byte("rate_hz: 256\nunit: uV\nchannels: [{column: AF7}]\n")}
	if rec, err := ingest.Open(odd, "12:30.csv"); err != nil || rec.Format != "CSV" {
		t.Errorf("a colon in the name, and a mapping: %v, %v", rec, err)
	}
	files := fstest.MapFS{"x.csv": {Data: []byte(muse(300, nil))}, "y.csv.gyrus.yaml": {Data: []byte("nonsense")}}
	if rec, err := ingest.Open(files, "x.csv"); err != nil || rec.Format != "Muse CSV" {
		t.Errorf("with the mapping of another table: %v, %v", rec, err)
	}
}

// TestMarkers: codes that stay are one event, or one for each row; labels, none, and codes that never came.
func TestMarkers(t *testing.T) {
	table := "Fp1,m\n1,0\n1,1\n1,1.0\n1,2\n1,\n1,9\n1,1\n"
	for _, tc := range []struct{ mapping, want string }{
		{"markers: [{column: m}]", "1@1+0.2 2@3+0 9@5+0 1@6+0"},
		{"markers: [{column: m, each_row: true}]", "1@1+0 1@2+0 2@3+0 9@5+0 1@6+0"},
		{`markers: [{column: m, labels: {"1": go, "2.0": stop}, none: ["9"]}]`, "go@1+0.2 stop@3+0 go@6+0"},
		{`markers: [{column: m, labels: {"0": rest}}]`, "rest@0+0 1@1+0.2 2@3+0 9@5+0 1@6+0"},
	} {
		rec := mustMap(t, table, "rate_hz: 10\nunit: uV\n"+tc.mapping)
		var got []string
		for _, e := range rec.Events {
			got = append(got, fmt.Sprintf("%s@%d+%.3g", e.Label, e.Sample, e.Duration))
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: the events are %v, want %s", tc.mapping, got, tc.want)
		}
	}
	rec := mustMap(t, table, "rate_hz: 10\nunit: uV\n"+`markers: [{column: m, labels: {"7": never, "1": go}}]`)
	if !listed(rec, "column m", "never 7") {
		t.Errorf("the deviations are %+v", rec.Deviations)
	}
}

// TestIrregular: gaps, jitter and a clock that was set are those of every table.
func TestIrregular(t *testing.T) {
	var b strings.Builder
	b.WriteString("t,C3\n")
	for i := range 400 {
		at := float64(i) / 100
		switch {
		case i >= 300:
			at -= 1000
		case i >= 200:
			at += 5
		}
		if i%7 == 0 {
			at += 0.004
		}
		fmt.Fprintf(&b, "%.4f,%d\n", at, i)
	}
	rec := mustMap(t, b.String(), "time: {column: t, unit: s}\nrate_hz: 100\nunit: uV\n")
	if want := []signal.Span{{Start: 0, Len: 200}, {Start: 700, Len: 100}, {Start: 801, Len: 100}}; fmt.Sprint(rec.Spans) != fmt.Sprint(want) {
		t.Errorf("the spans are %v, want %v", rec.Spans, want)
	}
	if !listed(rec, "500 samples are missing") || !listed(rec, "the clock was set there") || !rec.Begin.IsZero() {
		t.Errorf("begin %v, deviations %+v", rec.Begin, rec.Deviations)
	}
	// A rate that the stamps contradict is not believed.
	rec = mustMap(t, b.String(), "time: {column: t, unit: s}\nrate_hz: 250\nunit: uV\n")
	if rec.Info.Rate != 100 || !listed(rec, "the rate that the mapping names, 250 Hz") {
		t.Errorf("%g Hz, %+v", rec.Info.Rate, rec.Deviations)
	}
}

// TestTimeUnits reads the same stamps in every unit.
func TestTimeUnits(t *testing.T) {
	for unit, scale := range map[string]float64{"s": 1, "ms": 1e3, "us": 1e6, "µs": 1e6, "ns": 1e9, "unix": 1, "unix_ms": 1e3, "unix_us": 1e6, "unix_ns": 1e9} {
		var b strings.Builder
		b.WriteString("t,C3\n")
		for i := range 50 {
			fmt.Fprintf(&b, "%.3f,%d\n", (1.6e9+float64(i)/50)*scale, i)
		}
		rec := mustMap(t, b.String(), "time: {column: t, unit: "+unit+"}\nunit: uV\n")
		begin := time.Unix(1_600_000_000, 0)
		if rec.Info.Rate != 50 || rec.Spans != nil || rec.Begin.Equal(begin) != strings.HasPrefix(unit, "unix") {
			t.Errorf("%s: %g Hz from %v, spans %v", unit, rec.Info.Rate, rec.Begin, rec.Spans)
		}
	}
}

// TestMappingRefused: what is wrong, on which line of which file, and what is allowed.
func TestMappingRefused(t *testing.T) {
	const table = "t,Fp1,Fp1,m\n0,1,2,0\n0.01,1,2,0\n0.02,1,2,0\n"
	for mapping, want := range map[string]string{
		"":                       "a/x.csv.gyrus.yaml: byte 0: mapping: is empty",
		"rate_hz: [":             "is no YAML",
		"a: 1\n---\nb: 1\n":      "more than one YAML document",
		"rate_hz: 10\nrate: 5\n": `byte 12: line 2: unknown key "rate": did you mean "rate_hz"?`,
		"rate_hz: 10\nchannels:\n  - {colum: 1}\n":                 `line 3: unknown key of channels "colum": did you mean "column"?`,
		"rate_hz: 10\nrate_hz: 5\n":                                `key "rate_hz" stands twice`,
		"unit: uV\n":                                               "says nothing about time",
		"rate_hz: -1\n":                                            "rate_hz is -1, must be above 0",
		"time: {column: t}\n":                                      "time has no unit, must have one of s, ms",
		"time: {column: t, unit: h}\n":                             `the unit of time is "h", must be one of`,
		"time: {column: u, unit: s}\n":                             `unknown column "u"`,
		"time: {column: 5, unit: s}\n":                             "column 5: the table has 4",
		"time: {column: 0, unit: s}\n":                             "column is 0, must be a name or a number from 1",
		"time: {column: 1.5, unit: s}\n":                           "column is 1.5, must be a name or a number from 1",
		"time: {unit: s}\n":                                        "time names no column",
		"rate_hz: 10\nchannels: []\n":                              "channels is empty",
		"rate_hz: 10\nchannels: [{column: Fp1}]\n":                 `columns 2 and 3 are both called "Fp1": name it by its number`,
		"rate_hz: 10\nchannels: [{name: Cz}]\n":                    "channel 1 names no column",
		"rate_hz: 10\nchannels: [{column: 2},{column: 2}]\n":       "column 2 is named twice",
		"rate_hz: 10\nchannels: [{column: 2, factor: 0}]\n":        "the factor of column 2 is 0",
		"rate_hz: 10\nchannels: [{column: 2, kind: meg}]\n":        `kind is "meg", must be one of`,
		"rate_hz: 10\ndelimiter: '||'\n":                           `delimiter is "||", must be one character`,
		"rate_hz: 10\ndecimal: ','\ndelimiter: ','\n":              "must differ",
		"rate_hz: 10\ndecimal: ','\n":                              "nothing else parts the cells",
		"rate_hz: 10\nheader_rows: -1\n":                           "header_rows is -1",
		"rate_hz: 10\nheader_rows: 9\n":                            "the text ends within its header",
		"rate_hz: 10\nheader_rows: 0\nchannels: [{column: Fp1}]\n": "with header_rows: 0 columns have numbers only",
		"rate_hz: 10\nignore: [1, 2, 3, 4]\n":                      "no column is left for samples",
	} {
		_, err := mapped(table, mapping)
		var format *ingest.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v, must be a *ingest.FormatError that says %q", mapping, err, want)
		}
	}
	_, err := mapped("t,Fp1\n0,1\n", "rate_hz: 10\nheader_rows: 0\n")
	if err == nil || !strings.Contains(err.Error(), `a/x.csv: byte 0: line 1, column 1: "t" is not a number`) {
		t.Errorf("the error is %v", err)
	}
	files := fstest.MapFS{"x.csv": {Data: []byte(table)}, "x.csv.gyrus.yaml": {Mode: fs.ModeDir}}
	if _, err := ingest.Open(files, "x.csv"); err == nil || !strings.Contains(err.Error(), "x.csv.gyrus.yaml is a folder") {
		t.Errorf("the error is %v", err)
	}
}

// TestPlain: what a header without a mapping may leave open, and what not.
func TestPlain(t *testing.T) {
	table := func(header string, step float64) string {
		var b strings.Builder
		b.WriteString(header + "\n")
		for i := range 100 {
			fmt.Fprintf(&b, "%g,%d,1\n", float64(i)*step, i)
		}
		return b.String()
	}
	rec := mustOpen(t, table("time,Fp1,marker", 0.004))
	if rec.Format != "CSV" || rec.Info.Rate != 250 || rec.Info.Channels[0].Unit != signal.NoUnit || len(rec.Events) != 1 || !listed(rec, "no x.csv.gyrus.yaml") || !listed(rec, "unit of the stamps", "seconds") || !listed(rec, "a voltage") {
		t.Errorf("%s %v, %+v, %+v", rec.Format, rec.Info, rec.Events, rec.Deviations)
	}
	if rec := mustOpen(t, table("time_ms,EEG Fp1-REF (mV),Cz_uV", 4)); rec.Info.Rate != 250 || fmt.Sprint(rec.Info.Names()) != "[Fp1 Cz]" || samples(t, rec, signal.Span{Len: 2})[0][1] != 1000 || len(rec.Deviations) != 2 {
		t.Errorf("%v, %+v", rec.Info, rec.Deviations)
	}
	if _, err := open([]byte(table("time,Fp1,Cz", 4)), "x.csv"); err == nil || !strings.Contains(err.Error(), "as seconds the stamps make a rate of 0.25 Hz") {
		t.Errorf("milliseconds without a unit: %v", err)
	}
	for _, header := range []string{"time,Fp1,hr", "Fp1,Fp2,Cz", "time,event,label", "time,time,Fp1", "time (h),Fp1,Cz", "onset,duration,trial_type"} {
		if _, err := open([]byte(table(header, 0.004)), "x.csv"); err == nil || !strings.Contains(err.Error(), "gyrus info FILE --mapping-template prints one to begin with") {
			t.Errorf("%s: the error is %v, must say how to write a mapping", header, err)
		}
	}
}

// TestTemplateUnitOfTime: where the header names no unit of the stamps, it is the one in which they make the rate of a recording; where
// there is none, or two things make it, the template says so, and cannot be used as it is.
func TestTemplateUnitOfTime(t *testing.T) {
	for _, tc := range []struct {
		header string
		step   float64 // between rows
		unit   string
		says   string
	}{
		{"time", 4, "ms", "stamps that grow by 4 make 250 Hz in ms"},
		{"t", 0.004, "s", "make 250 Hz"},
		{"timestamp", 3906.25, "us", "make 256 Hz"},
		{"time", 0.25, `""`, "to be filled in: stamps that grow by 0.25 make 4 Hz in s and 4000 Hz in ms"},
		{"time", 0.0625, `""`, "make 16 Hz in s and 16000 Hz in ms"},
		{"time", 1e6, `""`, "make 1 Hz in us and 1000 Hz in ns"},
		{"time", 0.5, `""`, "make 2 Hz in s and 2000 Hz in ms"},
		{"time", 20, "ms", "make 50 Hz"},
		{"time", 2, `""`, "make 0.5 Hz in s and 500 Hz in ms"},
		{"time", 2.5, "ms", "make 400 Hz"},
		{"time", 4e6, "ns", "make 250 Hz"},
		{"time", 1000, `""`, "make 1 Hz in ms and 1000 Hz in us"},
		{"time", 0.001, "s", "make 1000 Hz"},
		{"time", 1, `""`, "it grows by 1, as milliseconds at 1000 Hz do, and numbers of samples"},
		{"time", 0.04, `""`, "stamps that grow by 0.04 make 25 Hz in s and 25000 Hz in ms"},
		{"time", 0.1, `""`, "to be filled in: stamps that grow by 0.1 make 10 Hz in s and 10000 Hz in ms"},
		{"time", 0.02, "s", "make 50 Hz"},
		{"time", 30, `""`, "make 33.3333 Hz in ms and 33333.3 Hz in us"},
		{"time", 60, `""`, "stamps that grow by 60 make 16.6667 Hz in ms and 16666.7 Hz in us"},
		{"time", 250, `""`, "make 4 Hz in ms and 4000 Hz in us"},
		{"time", 12.5, "ms", "make 80 Hz"},
		{"time", 1e8, `""`, "make 10 Hz in ns"},
		{"time", 1e10, `""`, "make a rate from 0.5 to 40000 Hz in no unit"},
		{"time", 0.01, "s", "make 100 Hz"},
		{"time", 0, `""`, "the stamps do not grow"},
		{"time_s", 4, "s", "one of"},
		{"time (us)", 4, "us", "one of"},
	} {
		var b strings.Builder
		b.WriteString(tc.header + ",Fp1\n")
		for k := range 50 {
			fmt.Fprintf(&b, "%v,%d\n", float64(k)*tc.step, k)
		}
		text, err := ingest.Template(fstest.MapFS{"x.csv": {Data: []byte(b.String())}}, "x.csv")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "unit: "+tc.unit+"}") || !strings.Contains(string(text), tc.says) {
			t.Errorf("%s by %g: the template must have the unit %s and say %q:\n%s", tc.header, tc.step, tc.unit, tc.says, text)
		}
		rec, err := mapped(b.String(), string(text))
		switch {
		case tc.unit == `""`:
			if err == nil || !strings.Contains(err.Error(), "time has no unit, must have one of") {
				t.Errorf("%s by %g: as it is, the template reads the table: %v", tc.header, tc.step, err)
			}
		case tc.says == "one of":
		case err != nil:
			t.Errorf("%s by %g: %v", tc.header, tc.step, err)
		case math.Abs(rec.Info.Rate*tc.step*map[string]float64{"s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}[tc.unit]-1) > 1e-6:
			t.Errorf("%s by %g %s: the rate is %g Hz", tc.header, tc.step, tc.unit, rec.Info.Rate)
		}
	}
}

// TestTemplateOfTexts: a column of texts becomes markers, wherever the first text stands, and its texts events; what says the same in every
// row, is empty, or has numbers and texts is left out, with the reason.
func TestTemplateOfTexts(t *testing.T) {
	var b strings.Builder
	b.WriteString("time_ms,Fp1,what,subject,gap,mixed,marker\n")
	for k := range 300 {
		what := map[int]string{100: "go, left", 200: "stop"}[k]
		fmt.Fprintf(&b, "%d,%d,%q,S01,,%s,%s\n", 4*k, k, what, map[bool]string{true: "lost", false: "1"}[k == 250], map[bool]string{true: "cue", false: ""}[k == 150])
	}
	table := b.String()
	text, err := ingest.Template(fstest.MapFS{"x.csv": {Data: []byte(table)}}, "x.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"- {column: what, labels: {}}  # texts such as \"go, left\"", "- {column: marker, labels: {}}", "- subject  # \"S01\" in every row", "- gap  # empty in the 300 rows that were looked at",
		"- mixed  # numbers and texts, such as \"lost\"",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the template has no %s:\n%s", want, text)
		}
	}
	rec, err := mapped(table, string(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	got := map[string]int64{}
	for _, e := range rec.Events {
		got[e.Label] = e.Sample
	}
	if want := map[string]int64{"go, left": 100, "cue": 150, "stop": 200}; fmt.Sprint(got) != fmt.Sprint(want) || fmt.Sprint(rec.Info.Names()) != "[Fp1]" || rec.Info.Rate != 250 {
		t.Errorf("the events are %v of %v at %g Hz, want %v", got, rec.Info.Names(), rec.Info.Rate, want)
	}
}

// TestTemplate: what is printed to begin with is a mapping that reads the table, once the rate is filled in.
func TestTemplate(t *testing.T) {
	for name, tc := range map[string]struct {
		table    string
		contains []string
		channels string
		fill     string
	}{
		"named":     {"Time [ms],Fp1 (uV),hr,note,cue\n0,1,2,x,0\n4,1,2,y,1\n8,1,2,z,0\n", []string{`time: {column: "Time [ms]", unit: ms}`, "markers:\n  - {column: note, labels: {}}  # texts such as \"x\"", `{column: "Fp1 (uV)", name: Fp1, unit: uV, kind: eeg}`}, "[Fp1 hr cue]", ""},
		"german":    {"# x\nZeit;C3\n0,5;1,5\n0,6;2,5\n0,7;2,5\n", []string{`delimiter: ";"`, `decimal: ","`, `comment: "#"`}, "[Zeit C3]", "rate_hz: 10"},
		"no header": {"1\t2\n3\t4\n5\t6\n", []string{"delimiter: tab", "header_rows: 0"}, "[column 1 column 2]", "rate_hz: 10"},
		"dates":     {"timestamp,C3,marker\n2021-03-04T05:06:07Z,1,\n2021-03-04T05:06:08Z,1,\n2021-03-04T05:06:09Z,1,\n", []string{"unit: iso8601", "markers:"}, "[C3]", ""},
		"epoch":     {"timestamp,C3,C3\n1614834367250,1,2\n1614834367255,1,2\n1614834367260,1,2\n", []string{"unit: unix_ms", "{column: 3, name: C3"}, "[C3-1 C3-2]", ""},
		"odd names": {"t,on,yes,a: b,\"q\"\n0,1,1,1,1\n0.01,1,1,1,1\n0.02,1,1,1,1\n", []string{`column: "yes"`, `column: "a: b"`}, "[on yes a: b q]", ""},
	} {
		text, err := ingest.Template(fstest.MapFS{"x.csv": {Data: []byte(tc.table)}}, "x.csv")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range tc.contains {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: the template has no %s:\n%s", name, want, text)
			}
		}
		filled := string(text)
		if tc.fill != "" {
			if _, err := mapped(tc.table, filled); err == nil || !strings.Contains(err.Error(), "says nothing about time") {
				t.Errorf("%s: as it is: %v", name, err)
			}
			filled = strings.Replace(filled, "rate_hz: 0", tc.fill, 1)
		}
		rec, err := mapped(tc.table, filled)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
			continue
		}
		if fmt.Sprint(rec.Info.Names()) != tc.channels || rec.Len != 3 {
			t.Errorf("%s: %v, %d samples, want %s, 3", name, rec.Info.Names(), rec.Len, tc.channels)
		}
	}
	if _, err := ingest.Template(fstest.MapFS{"x.edf": {}}, "x.edf"); err == nil || !strings.Contains(err.Error(), "a mapping is for tables") {
		t.Errorf("the error is %v", err)
	}
	if _, err := ingest.Template(fstest.MapFS{"x.csv": {}}, "x.csv"); err == nil || !strings.Contains(err.Error(), "there is no line") {
		t.Errorf("the error is %v", err)
	}
}

// TestMappedBomb: a packed table that unpacks to too much is refused, whatever its mapping.
func TestMappedBomb(t *testing.T) {
	data := packed(t, "t\n"+strings.Repeat("1\n", 8<<20))
	files := fstest.MapFS{"x.csv.gz": {Data: data}, "x.csv.gz.gyrus.yaml": {Data: []byte("rate_hz: 100\nunit: uV\n")}}
	_, err := ingest.Open(files, "x.csv.gz")
	var format *ingest.FormatError
	if !errors.As(err, &format) || !strings.Contains(err.Error(), "unpacks to more than 100 times") {
		t.Errorf("the error is %v", err)
	}
	files["x.csv.gz.gyrus.yaml"].Data = []byte(strings.Repeat("#", 2<<20))
	if _, err := ingest.Open(files, "x.csv.gz"); !errors.As(err, &format) || !strings.Contains(err.Error(), "must have at most 1048576") {
		t.Errorf("the error is %v", err)
	}
}

// TestMappedCut: a table that ends within a line is read up to there, and says so.
func TestMappedCut(t *testing.T) {
	data, err := os.ReadFile("testdata/comma.csv")
	if err != nil {
		t.Fatal(err)
	}
	mapping, err := os.ReadFile("testdata/comma.csv.gyrus.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(data); n += 29 {
		rec, err := mapped(string(data[:n]), string(mapping))
		var format *ingest.FormatError
		switch {
		case err != nil && (!errors.As(err, &format) || n > 200):
			t.Errorf("cut behind %d bytes: %v", n, err)
		case err == nil && data[n-1] != '\n' && !listed(rec, "the file was cut"):
			t.Errorf("cut behind %d bytes it opens without saying so: %+v", n, rec.Deviations)
		}
	}
}

func FuzzMapping(f *testing.F) {
	for _, name := range []string{"comma.csv", "semicolon.csv", "spaces.txt"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		mapping, err := os.ReadFile("testdata/" + name + ".gyrus.yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data[:2000]), string(mapping))
	}
	f.Add("t,Fp1,m\n0,1,1\n1,2,1\n2,3,0\n", "time: {column: t, unit: s}\nmarkers: [{column: m, labels: {\"1\": a}}]\n")
	f.Add("t,C3,m,x\n0,,go,\n1,1,,\n1.5,,go,\n1.6,,go,\n2,2,,\n2.1,,,7\n3,3,,\n4,,,\n5,5,,\n9,,end,\n", "time: {column: t, unit: s}\nmarkers: [{column: m}]\nignore: [x]\n")
	f.Fuzz(func(t *testing.T, table, mapping string) {
		files := fstest.MapFS{"x.csv": {Data: []byte(table)}, "x.csv.gyrus.yaml": {Data: []byte(mapping)}}
		ingesttest.FuzzPacked(t, files, "x.csv", held(table), 64, 0)
		if _, err := ingest.Template(files, "x.csv"); err != nil {
			var format *ingest.FormatError
			if !errors.As(err, &format) {
				t.Errorf("the error %v (%T) must be a *ingest.FormatError", err, err)
			}
		}
	})
}
