package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/decoders/seizure"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/synth"
)

// TestInt8KeepsAccuracy is the experiment in small, for the two networks that learn from so few patients (the command has
// edge_cnn too): 0.5 points of balanced accuracy, the mean of both; events that are found, and 64 kB.
func TestInt8KeepsAccuracy(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: trains networks")
	}
	who, err := simulated(4, 1, 480, 60)
	if err != nil {
		t.Fatal(err)
	}
	c := &config{
		models: []string{"edge_dnn", "edge_lstm"}, most: 60, epochs: 15, say: t.Logf,
		labels: seizure.Labels{IctalPart: 0.5, PreictalS: 150, HorizonS: 15, InterictalS: 160},
	}
	results, err := c.lopo(who)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 4 {
		t.Fatalf("%d results, must be two variants of two networks", len(results))
	}
	loss, found := 0.0, 0.0
	var rows []summary
	for i, r := range results {
		s, err := r.summary()
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, s)
		if len(r.cells) != len(who) || s.Seizures != 4 || math.Abs(s.Hours-4*480.0/3600) > 1e-9 {
			t.Errorf("%s %s: %+v", r.model, r.variant, s)
		}
		if r.variant == int8s {
			loss += 100 * (rows[i-1].Balanced - s.Balanced) / 2
			found += s.Sensitivity / 2
			if s.RAM == 0 || s.RAM >= 64<<10 {
				t.Errorf("%s needs %d bytes", r.model, s.RAM)
			}
		}
	}
	var text bytes.Buffer
	table(&text, rows)
	t.Logf("%s\nint8 loses %.2f points over both networks, finds %.0f %% of seizures", text.String(), loss, 100*found)
	if !(loss < maxLoss) {
		t.Errorf("int8 loses %.2f points, must be below %g", loss, maxLoss)
	}
	if found < 0.7 {
		t.Errorf("int8 finds %.0f %% of simulated seizures, must be at least 70 %%: the experiment shows nothing otherwise", 100*found)
	}
}

// TestBars: a loss or a size beyond the bar is an error that names the network.
func TestBars(t *testing.T) {
	rows := []summary{{Model: "a", Variant: float, Balanced: 0.9}, {Model: "a", Variant: int8s, Balanced: 0.896, RAM: 1000}}
	if err := bars(&bytes.Buffer{}, rows, false); err != nil {
		t.Error(err)
	}
	rows[1].Balanced = 0.894
	if err := bars(&bytes.Buffer{}, rows, false); err == nil || !strings.Contains(err.Error(), "a loses 0.60") {
		t.Errorf("%v", err)
	}
	rows[1] = summary{Model: "a", Variant: int8s, Balanced: 0.9, RAM: 64 << 10}
	if err := bars(&bytes.Buffer{}, rows, false); err == nil {
		t.Error("64 kB are no error")
	}
	rows[1].RAM, rows[1].Balanced = 1, math.NaN()
	if err := bars(&bytes.Buffer{}, rows, false); err == nil {
		t.Error("no accuracy is no error")
	}
}

// TestChoose: the threshold lies between what the seizure reaches and what the rest does.
func TestChoose(t *testing.T) {
	r := run{seconds: 600, seizures: []seizure.Span{{Start: 300, End: 360}}}
	tr := track{run: &r}
	for s := range 596 {
		p := 0.3
		if s >= 300 && s < 360 {
			p = 0.8
		}
		tr.scores, tr.t = append(tr.scores, []float64{p, 1 - p, 0}), append(tr.t, float64(s+4))
	}
	theta, err := choose([]track{tr})
	if err != nil || theta <= 0.3 || theta > 0.8 {
		t.Errorf("the threshold is %g, %v", theta, err)
	}
}

// TestCHBMIT reads files in the layout of the data set, written here: two channels of one name, a file without the montage,
// a case without times, and one person with two cases.
func TestCHBMIT(t *testing.T) {
	const head = "Data Sampling Rate: 256 Hz\n"
	file := func(labels []string) []byte {
		f := edftest.File{N: 8}
		for k, l := range labels {
			f.Signals = append(f.Signals, edftest.Signal{Label: l, Dim: "uV", Samples: 256, At: func(r, i int) int16 { return int16(100*math.Sin(float64(256*r+i)/20) + float64(k)) }})
		}
		return f.Bytes()
	}
	names := make([]string, 0, 20)
	for _, n := range synth.Bipolar() {
		names = append(names, strings.ToUpper(n))
	}
	all := append(slices.Clone(names), "T8-P8") // the data set has it twice
	slices.Reverse(all)
	one := func(id string) string {
		return fmt.Sprintf("%sFile Name: %s_01.edf\nFile Start Time: 10:00:00\nFile End Time: 10:00:08\nNumber of Seizures in File: 1\nSeizure Start Time: 2 seconds\nSeizure End Time: 6 seconds\n", head, id)
	}
	fsys := fstest.MapFS{
		"chb01/chb01-summary.txt": {Data: []byte(one("chb01") + "\nFile Name: chb01_02.edf\nFile Start Time: 11:00:00\nFile End Time: 11:00:08\nNumber of Seizures in File: 0\n")},
		"chb01/chb01_01.edf":      {Data: file(all)},
		"chb01/chb01_02.edf":      {Data: file(names[:5])},
		"chb21/chb21-summary.txt": {Data: []byte(one("chb21"))},
		"chb21/chb21_01.edf":      {Data: file(names)},
		"chb24/chb24-summary.txt": {Data: []byte(head + "File Name: chb24_01.edf\nNumber of Seizures in File: 0\n")},
	}
	who, left, err := chbMIT(fsys, 60)
	if err != nil {
		t.Fatal(err)
	}
	if len(who) != 1 || len(who[0].runs) != 2 || len(left) != 2 {
		t.Fatalf("%d persons, %q left out", len(who), left)
	}
	p := who[0]
	if p.runs[0].offset != 36000 || p.seizures[0] != (seizure.Span{Start: 36002, End: 36006}) || p.seizures[1].Start-p.seizures[0].Start < 1e8 {
		t.Errorf("%+v", p.seizures)
	}
	x, err := p.runs[0].load()
	if err != nil {
		t.Fatal(err)
	}
	y, err := p.runs[1].load()
	if err != nil {
		t.Fatal(err)
	}
	if len(x) != channels || len(x[0]) != 8*rate || len(y) != channels {
		t.Fatalf("%d channels of %d samples", len(x), len(x[0]))
	}
	if got := p.class(&p.runs[0], seizure.DefaultLabels(), 2*rate); got != seizure.Ictal {
		t.Errorf("a window in the seizure is %q", got)
	}
}
