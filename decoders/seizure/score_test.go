package seizure

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestAgainstTimescoring holds Score against the program of SzCORE, in the two versions that count false alarms in two
// ways: testdata/scores.py.
func TestAgainstTimescoring(t *testing.T) {
	raw, err := os.ReadFile("testdata/scores.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Seconds           float64
		Seizures, Alarms  [][2]float64
		Events, Detected  int
		FalsePart         int `json:"false_part"`
		FalseWhole        int `json:"false_whole"`
		Sensitivity, F1   *float64
		Precision, PerDay *float64
		Day               float64 `json:"per_day"`
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	differ := 0
	for i, c := range cases {
		s, err := Score(toSpans(c.Seizures), toSpans(c.Alarms), c.Seconds, SzCORE())
		if err != nil {
			t.Fatal(err)
		}
		if s.Seizures != c.Events || s.Detected != c.Detected || s.FalsePart != c.FalsePart || s.FalseWhole != c.FalseWhole {
			t.Errorf("case %d: %+v, timescoring has %+v", i, s, c)
		}
		if c.FalsePart != c.FalseWhole {
			differ++
		}
		for what, v := range map[string]struct {
			got  float64
			want *float64
		}{"sensitivity": {s.Sensitivity(), c.Sensitivity}, "precision": {s.Precision(), c.Precision}, "f1": {s.F1(), c.F1}, "per day": {s.FalsePerDay(), &c.Day}} {
			switch {
			case v.want == nil:
				if !math.IsNaN(v.got) {
					t.Errorf("case %d: %s is %g, timescoring has none", i, what, v.got)
				}
			case !(math.Abs(v.got-*v.want) <= 1e-9*max(1, *v.want)):
				t.Errorf("case %d: %s is %.12g, timescoring has %.12g", i, what, v.got, *v.want)
			}
		}
	}
	if len(cases) < 50 || differ < 10 {
		t.Errorf("%d cases, %d of which tell the two ways of counting apart: too few", len(cases), differ)
	}
}

func toSpans(x [][2]float64) (out []Span) {
	for _, v := range x {
		out = append(out, Span{v[0], v[1]})
	}
	return out
}

// naive is the rules of specification 3.4 on masks with a second to a cell, written without regard to speed.
func naive(seizures, alarms []Span, n int) (s EventScore) {
	runs := func(m []bool) (out [][2]int) {
		for t := 0; t < n; t++ {
			if m[t] && (t == 0 || !m[t-1]) {
				e := t
				for e < n && m[e] {
					e++
				}
				out = append(out, [2]int{t, e})
			}
		}
		return out
	}
	mask := func(spans []Span) (out [][2]int) {
		m := make([]bool, n)
		for _, e := range spans {
			for t := range n {
				m[t] = m[t] || float64(t) >= e.Start && float64(t) < e.End
			}
		}
		filled := append([]bool(nil), m...)
		for t := range n { // a second between two events that are less than 90 s apart belongs to them
			for a := t; a >= 0 && !m[t]; a-- {
				for b := t; b < n && b-a-1 < 90; b++ {
					filled[t] = filled[t] || m[a] && m[b]
				}
			}
		}
		for _, r := range runs(filled) {
			for a := r[0]; a < r[1]; a += 300 {
				out = append(out, [2]int{a, min(a+300, r[1])})
			}
		}
		return out
	}
	ref, hyp := mask(seizures), mask(alarms)
	s = EventScore{Seconds: float64(n), Seizures: len(ref), Alarms: len(hyp)}
	good := make([]bool, n)
	for _, r := range ref {
		first := -1
		for t := max(r[0]-30, 0); t < min(r[1]+60, n); t++ {
			for k, h := range hyp {
				if h[0] <= t && t < h[1] && first < 0 {
					first = k
				}
			}
		}
		if first >= 0 {
			s.Detected++
			s.Latency = append(s.Latency, float64(hyp[first][0]-r[0]))
			for t := max(r[0]-30, 0); t < min(r[1]+60, n); t++ {
				good[t] = true
			}
		}
	}
	for _, h := range hyp {
		part, whole := false, true
		for t := h[0]; t < h[1]; t++ {
			part, whole = part || !good[t], whole && !good[t]
		}
		if part {
			s.FalsePart++
		}
		if whole {
			s.FalseWhole++
		}
	}
	return s
}

func TestScoreIsItsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	some := func(n, most, longest int) (out []Span) {
		for range rng.IntN(most + 1) {
			at := rng.IntN(n)
			out = append(out, Span{float64(at), float64(at + 1 + rng.IntN(longest))})
		}
		return out
	}
	for range 60 {
		n := 400 + rng.IntN(1500)
		ref, hyp := some(n, 4, 500), some(n, 7, 150)
		got, err := Score(ref, hyp, float64(n), SzCORE())
		if err != nil {
			t.Fatal(err)
		}
		if want := naive(ref, hyp, n); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v against %v in %d s: %+v, by definition %+v", hyp, ref, n, got, want)
		}
	}
}

func TestScoreErrors(t *testing.T) {
	for what, bad := range map[string]Span{"empty": {3, 3}, "backwards": {4, 3}, "NaN": {math.NaN(), 3}, "infinite": {0, math.Inf(1)}} {
		if _, err := Score([]Span{bad}, nil, 60, SzCORE()); err == nil {
			t.Errorf("%s seizure is no error", what)
		}
	}
	for _, s := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := Score(nil, nil, s, SzCORE()); err == nil {
			t.Errorf("a recording of %g s is no error", s)
		}
	}
}

func ExampleScore() {
	// Two seizures in an hour, one alarm 12 s behind the first onset that lasts, one where there is nothing.
	s, err := Score([]Span{{600, 660}, {2400, 2450}}, []Span{{612, 655}, {1500, 1510}}, 3600, SzCORE())
	if err != nil {
		panic(err)
	}
	fmt.Printf("sensitivity %.2f, %.0f false alarms per hour, latency %.0f s\n", s.Sensitivity(), s.FalsePerHour(), s.LatencyQuartiles()[1])
	// Output: sensitivity 0.50, 1 false alarms per hour, latency 12 s
}

// TestVote holds the vote against its definition on random probabilities.
func TestVote(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for trial := range 100 {
		v := &Vote{Rows: 1 + rng.IntN(9), Threshold: 0.3 + 0.3*rng.Float64(), Steps: 1 + rng.IntN(4), Refractory: float64(rng.IntN(20)), Ictal: 1}
		var p []float64
		level := 0.5
		wasOn, ended := false, math.Inf(-1)
		reached := 0
		for i := range 300 {
			level = min(max(level+0.2*rng.NormFloat64(), 0), 1)
			p = append(p, level)
			score, weights := 0.0, 0.0
			for k := range v.Rows {
				weights += float64(v.Rows - k)
				if i-k >= 0 {
					score += float64(v.Rows-k) * p[i-k]
				}
			}
			score /= weights
			if math.Abs(score-v.Threshold) < 1e-9 {
				t.Fatal("the case hangs on rounding")
			}
			if reached++; score < v.Threshold {
				reached = 0
			}
			on := score >= v.Threshold && (wasOn || reached >= v.Steps && float64(i)-ended >= v.Refractory)
			if wasOn && !on {
				ended = float64(i)
			}
			wasOn = on
			class, sure, err := v.Push([]float64{1 - level, level}, float64(i))
			if err != nil {
				t.Fatal(err)
			}
			if (class == 1) != on || math.Abs(sure-score) > 1e-12 {
				t.Fatalf("trial %d (%+v), row %d: class %d with %g, by definition %t with %g", trial, *v, i, class, sure, on, score)
			}
		}
	}
}

func TestVoteErrors(t *testing.T) {
	for _, v := range []*Vote{{}, {Rows: 8, Steps: 3}, {Rows: 8, Steps: 3, Threshold: 1.1}, {Rows: 8, Steps: 3, Threshold: 0.5, Refractory: -1}, {Rows: 8, Steps: 3, Threshold: 0.5, Ictal: -1}} {
		if v.Check() == nil {
			t.Errorf("%+v is no error", v)
		}
	}
	v := NewVote()
	if _, _, err := v.Push([]float64{0.5, 0.5}, 1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := v.Push([]float64{0.5, 0.5}, 1); err == nil {
		t.Error("a row at the time of the one before is no error")
	}
	if _, _, err := v.Push([]float64{math.NaN(), 0.5}, 2); err == nil {
		t.Error("NaN is no error")
	}
	v.Reset()
	if _, _, err := v.Push([]float64{0.5, 0.5}, 1); err != nil {
		t.Errorf("behind Reset: %v", err)
	}
}

// TestLabels: the rules one by one, a window of 4 s each.
func TestLabels(t *testing.T) {
	l := DefaultLabels()
	h := 3600.0
	seizures := []Span{{10 * h, 10*h + 60}, {12 * h, 12*h + 60}, {20 * h, 20*h + 60}}
	for _, tc := range []struct {
		what  string
		start float64
		want  string
	}{
		{"inside", 10*h + 20, Ictal},
		{"half inside at onset", 10*h - 2, Ictal},
		{"less than half inside at onset", 10*h - 2.1, ""},
		{"half inside at offset", 10*h + 58, Ictal},
		{"less than half at offset", 10*h + 58.1, ""},
		{"first second of preictal", 10*h - 35*60, Preictal},
		{"partly before preictal", 10*h - 35*60 - 1, ""},
		{"last of preictal", 10*h - 5*60 - 4, Preictal},
		{"within the horizon", 10*h - 5*60 - 3, ""},
		{"not a lead seizure", 12*h - 10*60, ""},
		{"a lead seizure again", 20*h - 10*60, Preictal},
		{"four hours before", 6*h - 4, Interictal},
		{"a little less", 6*h - 3, ""},
		{"four hours behind", 24*h + 60, Interictal},
		{"less than four hours behind", 24*h + 59, ""},
		{"between, too near to both of them", 15 * h, ""},
		{"between, too near to the first", 16*h + 60 - 4, ""},
	} {
		if got := l.Of(tc.start, tc.start+4, seizures); got != tc.want {
			t.Errorf("%s: %q, must be %q", tc.what, got, tc.want)
		}
	}
}

func TestMeanSensitivity(t *testing.T) {
	// Patients with 3 of 4, 1 of 1 and none of none.
	mean, low, high, err := MeanSensitivity([]EventScore{{Seizures: 4, Detected: 3}, {Seizures: 1, Detected: 1}, {}}, 0.95)
	if err != nil || math.Abs(mean-0.875) > 1e-12 || !(0 < low && low < mean && mean < high && high <= 1) {
		t.Errorf("%g [%g, %g], %v", mean, low, high, err)
	}
	// One patient: Clopper and Pearson's interval of 3 of 4 is 0.1941 to 0.9937.
	if _, low, high, err = MeanSensitivity([]EventScore{{Seizures: 4, Detected: 3}}, 0.95); err != nil || math.Abs(low-0.1941) > 1e-4 || math.Abs(high-0.9937) > 1e-4 {
		t.Errorf("[%g, %g], %v", low, high, err)
	}
	if _, _, _, err := MeanSensitivity([]EventScore{{}}, 0.95); err == nil {
		t.Error("no seizure is no error")
	}
}

// TestEvents: one event for each window with a class, at its first sample.
func TestEvents(t *testing.T) {
	l := Labels{IctalPart: 0.5, PreictalS: 20, HorizonS: 5, InterictalS: 30}
	info := &signal.Info{Rate: 100}
	seizures := []Span{{60, 70}}
	got, err := l.Events(info, 12000, seizures, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	at := map[float64]string{}
	for _, e := range got {
		if e.Sample != int64(e.Onset*100) || e.Duration != 4 {
			t.Fatalf("%+v", e)
		}
		at[e.Onset] = e.Label
	}
	for s := 0.0; s <= 116; s++ {
		if want := l.Of(s, s+4, seizures); at[s] != want {
			t.Errorf("the window at %g s is %q, must be %q", s, at[s], want)
		}
	}
	if at[62] != Ictal || at[45] != Preictal || at[10] != Interictal || at[53] != "" || at[100] != Interictal {
		t.Errorf("%v", at)
	}
	for what, bad := range map[string]error{
		"order":  second(l.Events(info, 100, []Span{{5, 6}, {1, 2}}, 4, 1)),
		"step":   second(l.Events(info, 100, nil, 4, 0)),
		"labels": second(Labels{}.Events(info, 100, nil, 4, 1)),
	} {
		if bad == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestAlarms: an alarm lasts from the row that raised it to the first that does not hold it.
func TestAlarms(t *testing.T) {
	v := &Vote{Rows: 1, Threshold: 0.5, Steps: 2, Refractory: 3}
	var scores [][]float64
	var at []float64
	for i, p := range []float64{0, 1, 1, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1} {
		scores, at = append(scores, []float64{p, 1 - p}), append(at, float64(i))
	}
	got, err := v.Alarms(scores, at, 20)
	// Rows 1 and 2 raise one, row 4 ends it; none before 7, when two rows have agreed for long; the last runs to the end.
	if want := []Span{{2, 4}, {7, 9}, {14, 20}}; err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, %v, must be %v", got, err, want)
	}
	if _, err := v.Alarms(scores, at, 14); err == nil {
		t.Error("an end at the last row is no error")
	}
}
