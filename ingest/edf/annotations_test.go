package edf_test

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// gaps is a discontinuous file: 10 Hz, records of one second at 0, 1, 4.5 and 5.5 s.
func gaps() edftest.File { return discontinuous("0", "1", "4.5", "5.5") }

// discontinuous has a channel at 10 Hz, one at 1 Hz, and a record at each of the onsets. The samples count up.
func discontinuous(onsets ...string) edftest.File {
	return edftest.File{
		Reserved: "EDF+D", N: len(onsets),
		Signals: []edftest.Signal{
			{Label: "Cz", Dim: "uV", Samples: 10},
			{Label: "Temp", Dim: "degC", Samples: 1},
			edftest.Annotations(10, func(r int) string {
				if onsets[r] == "" {
					return ""
				}
				return edftest.TAL("+"+onsets[r], "")
			}),
		},
	}
}

func spans(rec *signal.Recording) string {
	var all []string
	for _, s := range rec.Spans {
		all = append(all, fmt.Sprintf("%d+%d", s.Start, s.Len))
	}
	return strings.Join(all, " ")
}

// TestDiscontinuous: EDF+ section 2.2.4, the onset of each record is where its samples lie.
func TestDiscontinuous(t *testing.T) {
	for _, tc := range []struct {
		name       string
		onsets     string // ? for a record without
		fast, slow string // spans of the channels at 10 and 1 Hz, start+length; "" for one from 0 to the end
		ms         int    // of Begin behind 10:11:12
		listed     bool
	}{
		{"gap", "0 1 4.5 5.5", "0+20 45+20", "0+2 5+2", 0, false},
		{"functionally continuous", "0 1 2", "", "", 0, false},
		{"continuous with an offset", "3.25 4.25 5.25", "", "", 3250, false},
		{"gap with an offset", "0.7 2.7", "0+10 20+10", "0+1 2+1", 700, false},
		{"first of two gaps is small", "0 1.1 9.1", "0+10 11+10 91+10", "0+2 9+1", 0, false},
		{"below half a sample", "0 1.04 2.01", "", "", 0, false},
		{"drift adds up", "0 1.04 2.08", "0+20 21+10", "", 0, true}, // 2.08 s is between two samples
		{"gap before the last", "0 1 7", "0+20 70+10", "0+2 7+1", 0, false},
		{"gaps in a row", "0 3 6 9", "0+10 30+10 60+10 90+10", "0+1 3+1 6+1 9+1", 0, false},
		{"overlap", "0 0.5 2", "", "", 0, true},
		{"back in time", "0 5 2 6", "0+30 60+10", "0+3 6+1", 0, true},
		{"back in time, and no room before", "0 5 1.2 7", "0+10 50+30", "0+1 5+3", 0, true},
		{"one that is out of order", "0 1 77 3 4", "", "", 0, true},
		{"one without a time", "0 ? 2", "", "", 0, true},
		{"behind a gap without a time", "0 5 ? 7", "0+10 50+30", "0+1 5+3", 0, true},
		{"the first without a time", "? 1 5", "0+20 50+10", "0+2 5+1", 0, true},
		{"no times", "? ? ?", "", "", 0, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := mustOpen(t, discontinuous(strings.Split(strings.ReplaceAll(tc.onsets, "?", ""), " ")...))
			if fast, slow := spans(rec), spans(rec.Others[0]); fast != tc.fast || slow != tc.slow {
				t.Errorf("the spans are %q at 10 Hz and %q at 1 Hz, want %q and %q", fast, slow, tc.fast, tc.slow)
			}
			if len(rec.Deviations) > 0 != tc.listed {
				t.Errorf("the deviations are %+v, want some: %v", rec.Deviations, tc.listed)
			}
			if got := rec.Begin.Sub(time.Date(2002, 3, 2, 10, 11, 12, 0, time.UTC)); got != time.Duration(tc.ms)*time.Millisecond {
				t.Errorf("begins %v behind the start of the file, want %d ms", got, tc.ms)
			}
			n := 0
			for i := range rec.Runs() { // nothing is lost and nothing doubled
				for _, v := range whole(t, rec, i)[0] {
					if want := float64(edftest.Number(0, n)) / 10; v-want > 1e-9 || want-v > 1e-9 {
						t.Fatalf("sample %d in the file is %g, want %g", n, v, want)
					}
					n++
				}
			}
			if want := 10 * len(strings.Split(tc.onsets, " ")); n != want {
				t.Errorf("%d samples, want %d", n, want)
			}
		})
	}
}

// TestTimesAreThoseOfTheLists: each record says when its first sample was taken; sample i of it was taken i/rate later. What is
// handed out is held against that, with nothing between: starts of a fraction of a second, gaps, and segments off the grid.
func TestTimesAreThoseOfTheLists(t *testing.T) {
	for _, onsets := range []string{
		"0 1 2", "0.3 1.3 2.3", "0.123456789 1.123456789 7.123456789", "3.25 4.25 9.75 10.75 30.05", "12345.6 12346.6 99999.1",
		"0 1 4.53 5.53", "0.04 1.04 3.08 5.55 6.55 9.99",
	} {
		list := strings.Split(onsets, " ")
		f := discontinuous(list...)
		f.Signals[2] = edftest.Annotations(40, func(r int) string { // each sample is named where it was taken
			at := func(i int) string {
				return edftest.TAL("+"+plus(t, list[r], i), "", strconv.Itoa(int(edftest.Number(0, 10*r+i))))
			}
			return edftest.TAL("+"+list[r], "") + at(0) + at(4) + at(9)
		})
		rec := mustOpen(t, f)
		begin := time.Date(2002, 3, 2, 10, 11, 12, 0, time.UTC)
		k, exact := 0, true
		for i, run := range rec.Runs() {
			x := whole(t, rec, i)[0]
			for s := range x {
				at, ok := new(big.Rat).SetString(plus(t, list[k/10], k%10))
				if !ok {
					t.Fatal(onsets)
				}
				got := new(big.Rat).Add(big.NewRat(rec.Begin.Sub(begin).Nanoseconds(), 1e9), big.NewRat(run.Start+int64(s), 10))
				d := new(big.Rat).Abs(got.Sub(got, at))
				exact = exact && d.Sign() == 0
				if d.Cmp(big.NewRat(1, 20)) > 0 {
					t.Fatalf("%s: sample %d is said to be at %v s from where it was taken", onsets, k, d)
				}
				k++
			}
			for _, e := range signal.EventsIn(rec.Events, run.Start, run.End()) {
				if v := strconv.Itoa(int(math.Round(10 * x[e.Sample-run.Start]))); v != e.Label {
					t.Errorf("%s: the event of the sample %s, at %g s, is at the sample %s", onsets, e.Label, e.Onset, v)
				}
			}
		}
		if k != 10*len(list) || len(rec.Events) != 3*len(list) {
			t.Errorf("%s: %d samples and %d events", onsets, k, len(rec.Events))
		}
		if exact != (len(rec.Deviations) == 0) {
			t.Errorf("%s: exact is %v, with the deviations %+v", onsets, exact, rec.Deviations)
		}
	}
}

// plus is onset + i/10 in decimals.
func plus(t *testing.T, onset string, i int) string {
	t.Helper()
	r, ok := new(big.Rat).SetString(onset)
	if !ok {
		t.Fatal(onset)
	}
	return r.Add(r, big.NewRat(int64(i), 10)).FloatString(9)
}

// notedGaps is gaps with events where there is no sample, and one whose onset is no number.
func notedGaps() edftest.File {
	f := gaps()
	f.Signals[2] = edftest.Annotations(60, func(r int) string {
		text := edftest.TAL("+"+[]string{"0", "1", "4.5", "5.5"}[r], "")
		if r == 2 {
			text += edftest.TAL("-2.5", "", "before") + edftest.TAL("+3.14159", "0.5", "inside") + edftest.TAL("+1e9", "", "bad") + edftest.TAL("+99.25", "", "behind")
		}
		return text
	})
	return f
}

// TestEventsInGaps: what was noted while nothing was recorded, or before, or behind, is kept as it was written.
func TestEventsInGaps(t *testing.T) {
	rec := mustOpen(t, notedGaps())
	want := []signal.Event{
		{Sample: -25, Onset: -2.5, Label: "before"}, {Sample: 31, Onset: 3.14159, Duration: 0.5, Label: "inside"}, {Sample: 993, Onset: 99.25, Label: "behind"},
	}
	if d := cmp.Diff(want, rec.Events); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	if d := cmp.Diff(want, rec.Outside()); d != "" {
		t.Errorf("events outside the data (-want +got):\n%s", d)
	}
	if len(rec.Deviations) != 1 || !strings.Contains(rec.Deviations[0].Found, `"+1e9"`) {
		t.Errorf("the deviations are %+v, want the onset that is none", rec.Deviations)
	}
	if got := spans(rec); got != "0+20 45+20" {
		t.Errorf("the spans are %s", got)
	}
}

// TestContinuousSaysOtherwise: the header says that there is no gap, or nothing, and the records say that there are some. They are read
// as those of EDF+D.
func TestContinuousSaysOtherwise(t *testing.T) {
	f := gaps()
	want := mustOpen(t, f)
	for _, reserved := range []string{"EDF+C", ""} {
		f.Reserved = reserved
		rec := mustOpen(t, f)
		if spans(rec) != spans(want) || rec.Len != want.Len {
			t.Errorf("%q: spans %s, %d samples; EDF+D has %s and %d", reserved, spans(rec), rec.Len, spans(want), want.Len)
		}
		if d := cmp.Diff(want.Events, rec.Events); d != "" {
			t.Errorf("%q: events (-EDF+D +got):\n%s", reserved, d)
		}
		last := rec.Deviations[len(rec.Deviations)-1]
		if !strings.Contains(last.Found, "record 3 begins at 4.5 s, not at 2 s") || last.Assumed != "a gap, as the records say" {
			t.Errorf("%q: deviations %+v; want one that names record 3", reserved, rec.Deviations)
		}
	}
}

// TestContinuousDrifts: the clock of the records is not that of the samples, goes forth and back, or is rounded. There is no gap, and each
// event lies at the sample of its record that it was measured with.
func TestContinuousDrifts(t *testing.T) {
	const records, per = 400, 100
	for name, onset := range map[string]func(r int) float64{
		"slow":    func(r int) float64 { return float64(r) * 0.97 },
		"fast":    func(r int) float64 { return float64(r) * 1.03 },
		"rounded": func(r int) float64 { return math.Round(float64(r)*10.37) / 10 },
		"jitter":  func(r int) float64 { return float64(r) + 0.2*math.Sin(float64(r)) },
		"once":    func(r int) float64 { return float64(r) + 0.3*float64(min(r/200, 1)) },
	} {
		at := func(r int) string { return "+" + strconv.FormatFloat(onset(r)-onset(0), 'f', 4, 64) }
		in := func(r int, s float64) string {
			return "+" + strconv.FormatFloat(onset(r)-onset(0)+s, 'f', 4, 64)
		}
		rec := mustOpen(t, edftest.File{Reserved: "EDF+C", N: records, Signals: []edftest.Signal{
			{Label: "Cz", Dim: "uV", Samples: per},
			edftest.Annotations(60, func(r int) string { return edftest.TAL(at(r), "") + edftest.TAL(in(r, 0.25), "", strconv.Itoa(r)) }),
		}})
		if rec.Spans != nil || rec.Len != records*per || len(rec.Events) != records {
			t.Errorf("%s: spans %v, %d samples, %d events", name, rec.Spans, rec.Len, len(rec.Events))
		}
		for r, e := range rec.Events {
			if want := int64(r*per + per/4); e.Label != strconv.Itoa(r) || max(e.Sample-want, want-e.Sample) > 1 || math.Abs(e.Onset-float64(want)/per) > 0.5/per+1e-9 {
				t.Errorf("%s: event %+v, want %d at sample %d", name, e, r, want) // onsets may differ by half a sample without a word
				break
			}
		}
		if len(rec.Deviations) != 1 || !strings.Contains(rec.Deviations[0].Assumed, "no gap; events stay among the samples of the record") {
			t.Errorf("%s: deviations %+v", name, rec.Deviations)
		}
	}
}

// TestSubsecond: the first record begins at a fraction of a second, and events count from there.
func TestSubsecond(t *testing.T) {
	f := small()
	f.Signals[2].Text = func(r int) string {
		return edftest.TAL(fmt.Sprintf("+%d.1", r), "") + edftest.TAL(fmt.Sprintf("+%d.2", r), "", "x")
	}
	rec := mustOpen(t, f)
	if want := time.Date(2002, 3, 2, 10, 11, 12, 100_000_000, time.UTC); !rec.Begin.Equal(want) {
		t.Errorf("begins at %v, want %v", rec.Begin, want)
	}
	// All digits are kept: 2.2 − 0.1 is 2.1, not 2.1000000000000001.
	want := []signal.Event{{Sample: 1, Onset: 0.1, Label: "x"}, {Sample: 11, Onset: 1.1, Label: "x"}, {Sample: 21, Onset: 2.1, Label: "x"}}
	if d := cmp.Diff(want, rec.Events); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}

// TestAnnotations: EDF+ section 2.2.2. Each case is what stands in the one record behind the list that keeps the time.
func TestAnnotations(t *testing.T) {
	const (
		a = "\x14" // behind an onset or a text
		d = "\x15" // before a duration
		z = "\x00" // behind a list
	)
	for _, tc := range []struct {
		name, text string
		want       string // onset/duration/label
		found      string // in a deviation; "" for none
	}{
		{"nothing", "", "", ""},
		{"event", "+1.5" + a + "T1" + a + z, "1.5/0/T1", ""},
		{"duration", "+1.5" + d + "0.25" + a + "T1" + a + z, "1.5/0.25/T1", ""},
		{"several texts", "+1" + a + "T1" + a + "left" + a + z, "1/0/T1 1/0/left", ""},
		{"several lists", "+2" + a + "B" + a + z + "+1" + a + "A" + a + z, "1/0/A 2/0/B", ""},
		{"before the start", "-0.5" + a + "cue" + a + z, "-0.5/0/cue", ""},
		{"behind the end", "+1000" + a + "late" + a + z, "1000/0/late", ""},
		{"UTF-8", "+1" + a + "Schläfrig" + a + z, "1/0/Schläfrig", ""},
		{"Latin-1", "+1" + a + "Schl\xe4frig" + a + z, "1/0/Schläfrig", "Schl"},
		{"padding between", "+1" + a + "A" + a + z + z + z + "+2" + a + "B" + a + z, "1/0/A 2/0/B", ""},
		{"no sign", "1" + a + "A" + a + z, "1/0/A", "no sign"},
		{"comma", "+1,5" + a + "A" + a + z, "1.5/0/A", `"+1,5"`},
		{"no end of the text", "+1" + a + "A" + z, "1/0/A", "no byte 20 behind the last text"},
		{"no text", "+1" + d + "5" + a + a + z, "", "none at 1 s"},
		{"bad onset", "+1.x" + a + "A" + a + z + "+2" + a + "B" + a + z, "2/0/B", `"+1.x" is not a time`},
		{"exponent", "+1e3" + a + "A" + a + z, "", `"+1e3" is not a time`},
		{"empty onset", a + "A" + a + z, "", `"" is not a time`},
		{"only a sign", "+" + a + "A" + a + z, "", `"+" is not a time`},
		{"huge onset", "+99999999999" + a + "A" + a + z, "", "beyond"},
		{"bad duration", "+1" + d + "x" + a + "A" + a + z, "1/0/A", `"x" is not a time`},
		{"negative duration", "+1" + d + "-3" + a + "A" + a + z, "1/0/A", "below 0"},
		{"NUL in a text", "+1" + a + "A" + z + "B" + a + z + "+2" + a + "C" + a + z, "1/0/A 2/0/C", "no byte 20 behind the last text"},
		{"NUL in an onset", "+1" + z + ".5" + a + "A" + a + z, "0.5/0/A", `"+1" has no byte 20 behind the onset`},
		{"garbage", "garbage" + z + "+2" + a + "B" + a + z, "2/0/B", "no byte 20 behind the onset"},
		{"cut off", "+1" + a + strings.Repeat("A", 90), "1/0/" + strings.Repeat("A", 90), "no byte 20"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := edftest.TAL("+0", "") + tc.text
			if tc.name == "cut off" {
				text = text[:98]
			}
			f := small()
			f.N, f.Signals[2] = 1, edftest.Annotations(49, func(int) string { return text })
			rec := mustOpen(t, f)
			var got []string
			for _, e := range rec.Events {
				got = append(got, fmt.Sprintf("%g/%g/%s", e.Onset, e.Duration, e.Label))
				if want := rec.Info.Samples(e.Onset); e.Sample != want {
					t.Errorf("%q is at sample %d, want %d", e.Label, e.Sample, want)
				}
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("the events are %q, want %q", s, tc.want)
			}
			var all []string
			for _, d := range rec.Deviations {
				all = append(all, d.Found)
			}
			found := strings.Join(all, "\n")
			if (found == "") != (tc.found == "") || !strings.Contains(found, tc.found) {
				t.Errorf("the deviations are %+v, want %q", rec.Deviations, tc.found)
			}
			if n := len(whole(t, rec, 0)[0]); n != 10 {
				t.Errorf("%d samples, want 10: annotations never block the signal", n)
			}
		})
	}
}

// TestSeveralAnnotationSignals: only the first keeps the time; the others lie anywhere in a record.
func TestSeveralAnnotationSignals(t *testing.T) {
	label := func(s string) func(int) string {
		return func(r int) string { return edftest.TAL(fmt.Sprintf("+%d.5", r), "", s) }
	}
	f := small()
	f.N = 2
	f.Signals = []edftest.Signal{
		edftest.Annotations(10, edftest.Clock(edftest.Steady)), f.Signals[0], edftest.Annotations(10, label("B")), f.Signals[1], edftest.Annotations(10, label("C")),
	}
	rec := mustOpen(t, f)
	want := []signal.Event{
		{Sample: 5, Onset: 0.5, Label: "B"},
		{Sample: 5, Onset: 0.5, Label: "C"},
		{Sample: 15, Onset: 1.5, Label: "B"},
		{Sample: 15, Onset: 1.5, Label: "C"},
	}
	if d := cmp.Diff(want, rec.Events); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	if len(rec.Deviations) > 0 {
		t.Errorf("the deviations are %+v, want none", rec.Deviations)
	}
}

// TestAnnotationsInLargeRecords goes the way on which only the annotations are read.
func TestAnnotationsInLargeRecords(t *testing.T) {
	f := edftest.File{Reserved: "EDF+C", N: 5, Signals: []edftest.Signal{
		{Label: "Cz", Dim: "uV", Samples: 20_000},
		edftest.Annotations(12, func(r int) string {
			return edftest.TAL(edftest.Steady(r), "") + edftest.TAL(edftest.Steady(r), "", "x")
		}),
		{Label: "Pz", Dim: "uV", Samples: 20_000},
	}}
	rec := mustOpen(t, f)
	if len(rec.Events) != 5 || rec.Events[4].Sample != 80_000 || len(rec.Deviations) > 0 {
		t.Errorf("the events are %+v with the deviations %+v, want five and none", rec.Events, rec.Deviations)
	}
}
