package session

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
)

// outage is rec in chunks of a tenth of a second as a live source has it whose sender is gone for [from, to) and then begins anew at
// sample 0: the marks of meanwhile come late with the first chunk behind it.
func outage(t *testing.T, rec *signal.Recording, from, to int64) (chunks []signal.Chunk) {
	t.Helper()
	shift := int64(0)
	for at := int64(0); at < rec.Len; {
		if at >= from && at < to {
			at, shift = to, to
		}
		end := min(at+16, rec.Len)
		if at < from {
			end = min(end, from)
		}
		c := signal.NewChunk(rec.Info, at-shift, int(end-at))
		if err := rec.Data.ReadSamples(c.X, at); err != nil {
			t.Fatal(err)
		}
		c.Time, c.Anew = 1_800_000_000e9+int64(float64(at)*1e9/rec.Info.Rate), at == to
		c.Events = slices.Clone(signal.EventsIn(rec.Events, at, end))
		if c.Anew {
			c.Late = slices.Clone(signal.EventsIn(rec.Events, from, to))
		}
		for _, events := range [][]signal.Event{c.Late, c.Events} {
			for i := range events {
				events[i].Sample -= shift
				events[i].Onset -= float64(shift) / rec.Info.Rate
			}
		}
		chunks = append(chunks, c)
		at = end
	}
	return chunks
}

// TestCalibrateOverAnOutage: where the sender of the samples is gone for a while, the marks of meanwhile are in the gap, they do not
// count towards the cues that are asked for, nothing is learned from them, and that is said with the times at which they were, at once
// and behind the training; all others are at their samples.
func TestCalibrateOverAnOutage(t *testing.T) {
	opt := synth.Defaults()
	opt.Channels, opt.TrialsPerClass = []string{"FC3", "FC4", "C3", "Cz", "C4", "CP3", "CPz", "CP4"}, 20
	rec, _, err := synth.MotorImagery(opt)
	if err != nil {
		t.Fatal(err)
	}
	rate := rec.Info.Rate
	var cues []signal.Event
	for _, e := range rec.Events {
		if e.Label != "T0" {
			cues = append(cues, e)
		}
	}
	from, to := cues[3].Sample-int64(rate), cues[6].Sample+int64(rate) // four cues, and no window of the third is cut off
	for name, pipeline := range map[string]string{"csp-lda": "csp-lda", "with a section decide": imagery(t, "{use: evidence, enter_nats: 2.2}")} {
		cal := CalibrationDefaults()
		cal.Pipeline, cal.Cues, cal.Trials, cal.Save = pipeline, cuesMarkers, 12, filepath.Join(t.TempDir(), "made.gyrus")
		cal.Classes = map[string]string{"T1": "left", "T2": "right"}
		c, err := newCalibrator(cal, ingest.Play(rec, ingest.PlayOptions{}))
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, x := range outage(t, rec, from, to) {
			if c.take(x); !c.ended {
				c.step(nil) // which shows nothing
				if line := c.spoiled(); line != "" {
					said = append(said, line)
				}
			}
		}
		if !c.ended {
			t.Fatalf("%s: %s", name, c.progress())
		}
		if len(said) != 1 || !strings.HasPrefix(said[0], fmt.Sprintf("CUES that do not count: 4; left out: %s at %.2f s: samples of its window are missing, ", cal.Classes[cues[3].Label], float64(cues[3].Sample)/rate)) ||
			!strings.Contains(said[0], ", and 1 more; so far left ") || !strings.Contains(said[0], "4 spoiled by gaps: others are waited for") {
			t.Errorf("%s: said %q", name, said)
		}
		whole := c.capture.recording("x")
		for i, e := range whole.Events {
			if was := rec.Events[i]; e.Sample != was.Sample || e.Label != was.Label {
				t.Fatalf("%s: event %d is %+v, was %+v", name, i, e, was)
			}
		}
		if want := []signal.Span{{Start: 0, Len: from}, {Start: to, Len: whole.Len - to}}; !slices.Equal(whole.Spans, want) {
			t.Errorf("%s: spans %v, want %v", name, whole.Spans, want)
		}
		l, err := c.lessons(c.capture.recording("s"))
		if err != nil {
			t.Fatal(err)
		}
		m, err := trainOn(t.Context(), cal, l, "x")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		usable := map[string]int{}
		for _, e := range whole.Events {
			if cal.Classes[e.Label] != "" && (e.Sample < from || e.Sample >= to) {
				usable[e.Label]++
			}
		}
		if usable["T1"] < 12 || usable["T2"] < 12 || min(usable["T1"], usable["T2"]) != 12 || c.result.Spoiled != 4 {
			t.Errorf("%s: %d and %d cues outside the outage, want 12 of the class that was short, and no fewer of the other; %d spoiled", name, usable["T1"], usable["T2"], c.result.Spoiled)
		}
		if m.scored.Trials != c.result.Cued-4 || len(m.leftOut) != 4 {
			t.Errorf("%s: of %d cues %d trials were learned from, left out: %+v", name, c.result.Cued, m.scored.Trials, m.leftOut)
			continue
		}
		slices.SortFunc(m.leftOut, func(a, b LeftOut) int { return int(a.Onset*1e3 - b.Onset*1e3) })
		for i, l := range m.leftOut {
			if e := cues[3+i]; l.Onset != float64(e.Sample)/rate || l.Class != cal.Classes[e.Label] || !strings.Contains(l.Why, "no samples") {
				t.Errorf("%s: left out: %+v, want the cue at %g s", name, l, float64(e.Sample)/rate)
			}
		}
	}
}

// TestCueInAnOutage: four seconds before a stream begins anew, behind ten seconds without samples, nothing was measured.
func TestCueInAnOutage(t *testing.T) {
	info := &signal.Info{Rate: 250, Channels: []signal.Channel{{Name: "C3"}}}
	r := capture{info: info}
	keep := func(signal.Event) bool { return true }
	r.add(signal.NewChunk(info, 0, 5000), keep) // 20 s
	c := signal.NewChunk(info, 0, 250)
	c.Anew, c.Time = true, 30e9
	c.Late = []signal.Event{{Sample: -4 * 250, Onset: -4, Label: "T1"}}
	r.add(c, keep)
	if len(r.events) != 1 || r.events[0].Sample != 26*250 || r.events[0].Onset != 26 || !r.broken(26*250, 26*250+1) {
		t.Errorf("events %+v, spans %+v; want one at 26 s, where there is no sample", r.events, r.spans)
	}
}

// TestCueInAGapGivesItsPlace: a cue that is counted before its window is over gives its place up when a gap comes, in time for those
// that come with the same chunk; one that comes late and whole keeps it, and a cue that is not needed any more ends a rest.
func TestCueInAGapGivesItsPlace(t *testing.T) {
	src := ingestOf(t)
	c := byMarkers(t, src)
	const rate = 160
	take := func(start int64, n int, late, on []signal.Event) {
		x := signal.NewChunk(src.Info(), start, n)
		x.Time, x.Late, x.Events = start*1e9/rate, late, on
		c.take(x)
		c.step(nil)
	}
	var on []signal.Event
	cue := func(s int64, label string) {
		on = append(on, signal.Event{Sample: s, Onset: float64(s) / rate, Label: label})
	}
	for k := range int64(5) {
		cue(160+k*640, "T1")
		if k < 4 {
			cue(400+k*640, "T2")
		}
	}
	take(0, 2900, nil, on) // the window of the last, from 2800 on, is not over
	if c.counts["T1"] != 5 || c.ended {
		t.Fatalf("%s, ended: %t", c.progress(), c.ended)
	}
	on = nil
	cue(3160, "T2")
	cue(3200, "T1") // not needed if the one at 2720 were
	take(3000, 300, nil, on)
	if c.counts["T1"] != 5 || c.counts["T2"] != 5 || c.result.Spoiled != 1 || c.ended {
		t.Errorf("%s", c.progress())
	}
	on = nil
	cue(3400, "T1")
	take(3300, 700, nil, on)
	if !c.ended || c.result.Cued != 11 {
		t.Errorf("ended: %t, %s, %d cues", c.ended, c.progress(), c.result.Cued)
	}
	if e := c.capture.events[len(c.capture.events)-1]; e.Sample != 3400 || e.Label != "" {
		t.Errorf("the event behind the last cue: %+v, want one without a label", e)
	}
}
