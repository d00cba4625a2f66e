package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/decoders/seizure"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/synth"
)

// people are simulated once for all tests: three patients with two recordings each, six with GYRUS_SLOW.
var people = sync.OnceValues(func() ([]patient, error) {
	last := uint64(3)
	if os.Getenv("GYRUS_SLOW") != "" {
		last = 6
	}
	return simulated(1, last, 2, 480, 60)
})

// small is the experiment in small.
func small(t *testing.T) (*config, []patient) {
	t.Helper()
	if testing.Short() {
		t.Skip("skipped: trains networks")
	}
	who, err := people()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d patients; GYRUS_SLOW=1 takes 6", len(who))
	who = slices.Clone(who)
	for i := range who {
		who[i].runs = slices.Clone(who[i].runs) // tests replace how they are loaded
	}
	return &config{
		models: []string{"edge_dnn", "edge_cnn", "edge_lstm"}, most: 25, prune: 0.5, epochs: 15, say: t.Logf,
		labels: seizure.Labels{IctalPart: 0.5, PreictalS: 150, HorizonS: 15, InterictalS: 160},
	}, who
}

// judged checks what both protocols must give, and how much the integers lose: the mean over networks, since with few
// patients the interval of one is wide. The command holds each network against the bar, with its interval.
func judged(t *testing.T, who []patient, results []result, recordings int) []summary {
	t.Helper()
	if len(results) != 9 {
		t.Fatalf("%d results, must be three variants of three networks", len(results))
	}
	rows, err := summaries(results)
	if err != nil {
		t.Fatal(err)
	}
	loss, found := 0.0, 0.0
	for i, s := range rows {
		if s.Patients != len(who) || s.Seizures != recordings || math.Abs(s.Hours-float64(recordings)*480.0/3600) > 1e-9 || s.Windows == 0 {
			t.Errorf("%s %s: %+v", s.Model, s.Variant, s)
		}
		if s.Windows != rows[0].Windows {
			t.Errorf("%s %s is judged on %d windows, the first on %d", s.Model, s.Variant, s.Windows, rows[0].Windows)
		}
		if s.Variant == float {
			continue
		}
		base := rows[i-i%3]
		if want := base.Balanced.Mean - s.Balanced.Mean; math.Abs(s.Loss.Mean-want) > 1e-12 || !(*s.Loss.Low <= want && want <= *s.Loss.High) {
			t.Errorf("%s %s: the loss is %+v, by the means %g", s.Model, s.Variant, *s.Loss, want)
		}
		if !s.Cost.RAM.Within || s.Cost.RAM.Total <= 0 {
			t.Errorf("%s needs %d bytes", s.Model, s.Cost.RAM.Total)
		}
		if s.Variant == int8s {
			loss += 100 * s.Loss.Mean / 3
			found += s.Sensitivity / 3
			continue
		}
		if full := rows[i-1].Cost; 10*s.Cost.Zero < 4*full.Parameters || s.Cost.Flash >= full.Flash || s.Cost.UsedMACs >= full.UsedMACs*6/10 {
			t.Errorf("%s: pruned costs %+v, in full %+v", s.Model, *s.Cost, *full)
		}
	}
	var text bytes.Buffer
	table(&text, rows)
	t.Logf("%s\nint8 loses %.2f points, the mean of the networks, and finds %.0f %% of seizures", text.String(), loss, 100*found)
	if !(loss < maxLoss) {
		t.Errorf("int8 loses %.2f points, must be below %g", loss, maxLoss)
	}
	if found < 0.7 {
		t.Errorf("int8 finds %.0f %% of simulated seizures, must be at least 70 %%: the experiment shows nothing otherwise", 100*found)
	}
	return rows
}

func TestBetweenPatients(t *testing.T) {
	c, who := small(t)
	results, err := c.lopo(who)
	if err != nil {
		t.Fatal(err)
	}
	judged(t, who, results, 2*len(who))
}

// TestPatientByPatient: each patient's first recording is learned from, and only the second is tested.
func TestPatientByPatient(t *testing.T) {
	c, who := small(t)
	loads := map[string]int{}
	for i := range who {
		for k := range who[i].runs {
			r := &who[i].runs[k]
			load := r.load
			r.load = func() ([][]float32, error) {
				loads[fmt.Sprint(i, k)]++
				return load()
			}
		}
	}
	results, err := c.specific(who)
	if err != nil {
		t.Fatal(err)
	}
	// The first recording is loaded once to train, and by three networks that choose the threshold for the patient before;
	// the second by those, and by three variants of three networks.
	for i := range who {
		if a, b := loads[fmt.Sprint(i, 0)], loads[fmt.Sprint(i, 1)]; a != 1+3 || b != 3+9 {
			t.Errorf("%s: the first recording is loaded %d times, the second %d", who[i].id, a, b)
		}
	}
	judged(t, who, results, len(who))
}

// TestHalf: the later half of the recordings with a seizure is for tests, what lies between belongs to the earlier.
func TestHalf(t *testing.T) {
	z := []seizure.Span{{Start: 1, End: 2}}
	for _, tc := range []struct {
		with string
		want int
	}{{"", 0}, {"x", 0}, {"-x-", 0}, {"xx", 1}, {"-x-x-", 3}, {"xxx", 2}, {"xx-xx", 3}} {
		p := patient{}
		for _, c := range tc.with {
			r := run{}
			if c == 'x' {
				r.seizures = z
			}
			p.runs = append(p.runs, r)
		}
		if got := p.half(); got != tc.want {
			t.Errorf("%q: %d, must be %d", tc.with, got, tc.want)
		}
	}
}

// TestMeanOf: Student's interval of 2, 4 and 6 is 4 ± 4.3027·2/√3.
func TestMeanOf(t *testing.T) {
	m := meanOf([]float64{2, 4, 6})
	if half := 4.302653 * 2 / math.Sqrt(3); m.Mean != 4 || math.Abs(*m.High-4-half) > 1e-5 || math.Abs(4-*m.Low-half) > 1e-5 {
		t.Errorf("%g (%g to %g)", m.Mean, *m.Low, *m.High)
	}
	if m := meanOf([]float64{3}); m.Low != nil || m.Mean != 3 {
		t.Errorf("%+v", m)
	}
}

// TestBars: a loss that may be beyond the bar, or a size that is, is an error that names the network, under either protocol.
func TestBars(t *testing.T) {
	row := func(protocol string, low, high float64, ram int) summary {
		return summary{
			Protocol: protocol, Model: "a", Variant: int8s, Loss: &mean{(low + high) / 2, &low, &high},
			Cost: &seizure.Report{RAM: seizure.RAM{Total: ram, Limit: 64 << 10, Within: ram < 64<<10}},
		}
	}
	good := row("first", -0.001, 0.0049, 1000)
	for what, tc := range map[string]struct {
		rows []summary
		say  string
	}{
		"good":             {[]summary{good}, ""},
		"loses":            {[]summary{row("first", 0, 0.0051, 1000)}, "a: int8 loses"},
		"loses in another": {[]summary{good, row("second", 0, 0.0051, 1000)}, "second, a: int8 loses"},
		"64 kB":            {[]summary{row("first", 0, 0.001, 64<<10)}, "bytes of RAM"},
		"no accuracy":      {[]summary{row("first", math.NaN(), math.NaN(), 1)}, "a: int8 loses"},
		"one patient":      {[]summary{{Model: "a", Variant: int8s, Loss: &mean{}, Cost: good.Cost}}, "no interval"},
	} {
		err := bars(&bytes.Buffer{}, tc.rows, false)
		if tc.say == "" && err != nil || tc.say != "" && (err == nil || !strings.Contains(err.Error(), tc.say)) {
			t.Errorf("%s: %v, must say %q", what, err, tc.say)
		}
	}
}

// TestSpan: a range of patients is two numbers with at least three patients.
func TestSpan(t *testing.T) {
	if a, b, err := span("9-16"); a != 9 || b != 16 || err != nil {
		t.Errorf("9-16 is %d to %d, %v", a, b, err)
	}
	for _, s := range []string{"", "8", "1-2", "0-8", "8-1", "a-9", "1-", "-8", "1-8-9", "1-99999999999999999999", "1-5000", " 1-8"} {
		if a, b, err := span(s); err == nil || !strings.Contains(err.Error(), "FROM-TO") {
			t.Errorf("%q is %d to %d, %v", s, a, b, err)
		}
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
