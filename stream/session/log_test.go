package session

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// taped lets a session be recorded as path.
func taped(t *testing.T, o *Options, path string) *record.Recorder {
	t.Helper()
	rec, err := record.Create(record.Options{Path: path, Info: o.Source.Info(), Outputs: o.Pipeline.Outputs()})
	if err != nil {
		t.Fatal(err)
	}
	o.OnChunk, o.OnLog = rec.Chunk, rec.Log
	o.OnDecision = func(d Decided) {
		r := record.Of(d.Prediction)
		r.Model, r.Fate, r.Seq = d.Command.Bundle, d.Fate, d.Seq
		rec.Decision(r)
	}
	return rec
}

// TestRecordedToTheLastBit: a session that was paused, swapped its model with and without its filters, rolled back, left out
// samples that were too old, and whose source began anew while they were: the recording has every sample that came, the log has
// what happened and where, and the replay decides every window as the session did, to the last bit.
func TestRecordedToTheLastBit(t *testing.T) {
	a, shaA := saved(t, 8, "lda")
	b, shaB := saved(t, 8, "logistic")
	c, shaC := saved(t, 9, "lda")
	paths := map[string]string{shaA: a, shaB: b, shaC: c}
	path := filepath.Join(t.TempDir(), "r.arrow")
	var tape *record.Recorder
	var seen int64
	r := start(t, person(t), func(o *Options, s *stepped) {
		with(load(t, a))(o, nil)
		o.Age = Age{MaxMS: 5000, Policy: "skip"}
		s.edit = func(c *signal.Chunk) {
			chunk := c.Start / 16
			seen += int64(c.Len())
			c.Events = nil
			if chunk >= 100 && chunk < 120 {
				c.Time -= int64(6 * time.Second)
			}
			if chunk >= 110 { // other numbers, and windows on another grid
				c.Anew = chunk == 110
				c.Start -= 1701
			}
		}
		tape = taped(t, o, path)
	})
	ask := func(verb string, args ...string) {
		t.Helper()
		if err := r.ask(nil, verb, args...); err != nil {
			t.Fatalf("%s: %v", verb, err)
		}
	}
	slowly := func(verb string, args ...string) { // a model that must warm up
		t.Helper()
		answered := make(chan error, 1)
		go func() { answered <- r.ask(nil, verb, args...) }()
		r.until("the model to warm up", func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Pending != "" })
		for range 70 {
			r.chunks(1)
		}
		if err := <-answered; err != nil {
			t.Fatalf("%s: %v", verb, err)
		}
	}
	r.chunks(50)
	ask("shadow")
	r.chunks(10)
	ask("actuate")
	ask("pause")
	r.chunks(10)
	ask("resume")
	ask("swap", b)
	r.chunks(30)
	r.src.gate <- 20
	r.until("samples to be left out", func() bool { return r.looks[len(r.looks)-1].Skipped == 320 })
	r.chunks(60)
	slowly("swap", c)
	r.chunks(20)
	slowly("rollback")
	ask("rollback")
	r.chunks(20)
	close(r.src.gate)
	rep, err := r.over()
	if err != nil {
		t.Fatal(err)
	}
	st, err := tape.Close()
	if err != nil || st.Samples != seen || st.Decisions != rep.Windows || rep.Skipped != 320 {
		t.Fatalf("%v: of %d samples %d are recorded, of %d windows %d decisions, %d skipped", err, seen, st.Samples, rep.Windows, st.Decisions, rep.Skipped)
	}

	got, err := record.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := got.Close(); err != nil {
			t.Error(err)
		}
	}()
	fates := map[record.Fate]int64{}
	seq := uint64(0)
	for _, d := range got.Decisions {
		fates[d.Fate]++
		if d.Fate == record.Sent || d.Fate == record.Shadow {
			if seq++; d.Seq != seq {
				t.Fatalf("command %d is recorded as %d", seq, d.Seq)
			}
		} else if d.Seq != 0 {
			t.Fatalf("a command that was not sent has the number %d", d.Seq)
		}
	}
	if want := map[record.Fate]int64{record.Sent: rep.Sent - rep.Shadow, record.Shadow: rep.Shadow, record.Held: rep.Held}; !maps.Equal(fates, want) || rep.Held == 0 || rep.Shadow == 0 {
		t.Errorf("fates %v, want %v", fates, want)
	}
	type line struct {
		kind     record.Kind
		sample   int64
		from, to string
	}
	var lines []line
	gap := int64(-1) // what the recorder puts where the source began anew, by the clock
	for _, e := range got.Log {
		if e.Kind == record.KindAnew {
			gap = e.Sample - 16*110
		}
		if e.Kind != record.KindStream {
			lines = append(lines, line{e.Kind, e.Sample, e.From, e.To})
		}
	}
	end := 16*(60+10+30+20+60+70+20+70+20) + gap
	at := func(chunk int64) int64 { return 16*chunk + gap }
	var swapC, backB int64
	for _, l := range lines {
		switch {
		case l.kind == record.KindSwap && l.to == shaC:
			swapC = l.sample
		case l.kind == record.KindRollback && l.to == shaB:
			backB = l.sample
		}
	}
	want := []line{
		{record.KindModel, 0, "", shaA},
		{record.KindBegin, 0, "", ""},
		{record.KindShadow, 16 * 50, "", ""},
		{record.KindActuate, 16 * 60, "", ""},
		{record.KindPause, 16 * 60, "", ""},
		{record.KindResume, 16 * 70, "", ""},
		{record.KindSwap, 16 * 70, shaA, shaB},
		{record.KindSkip, 16 * 100, "", ""},
		{record.KindAnew, at(110), "", ""},
		{record.KindSkipEnd, at(120), "", ""},
		{record.KindWarming, at(180), shaB, shaC},
		{record.KindSwap, swapC, shaB, shaC},
		{record.KindWarming, at(270), shaC, shaB},
		{record.KindRollback, backB, shaC, shaB},
		{record.KindRollback, at(340), shaB, shaA},
		{record.KindEnd, end, "", ""},
	}
	if gap < 1 || swapC <= at(180) || backB <= at(270) || !slices.Equal(lines, want) {
		t.Errorf("the log is\n%v, want\n%v", lines, want)
	}
	for _, e := range got.Log {
		if e.Kind == record.KindSkipEnd && e.Samples != 320 {
			t.Errorf("%d samples left out are logged", e.Samples)
		}
	}

	loader := func(missing string) record.Loader {
		return func(sha string) (*pipeline.Pipeline, error) {
			if sha == missing {
				return nil, nil
			}
			return load(t, paths[sha]).Pipeline, nil
		}
	}
	again, err := record.ReplaySession(t.Context(), got, loader(""))
	if err != nil {
		t.Fatal(err)
	}
	if c := record.Compare(got.Decisions, again); c.Windows != len(got.Decisions) || c.Exact != c.Windows || len(c.Differences) != 0 {
		t.Errorf("of %d decisions %d are the same to the last bit, %d differences", len(got.Decisions), c.Exact, len(c.Differences))
		for _, d := range c.Differences[:min(3, len(c.Differences))] {
			t.Logf("%+v, %+v", d.Recorded, d.Replayed)
		}
	}
	for i := range again {
		if again[i].Model != got.Decisions[i].Model {
			t.Fatalf("decision %d is of %.8s, was of %.8s", i, again[i].Model, got.Decisions[i].Model)
		}
	}
	for _, missing := range []string{shaA, shaB, shaC} {
		again, err := record.ReplaySession(t.Context(), got, loader(missing))
		if err != nil {
			t.Fatal(err)
		}
		of := slices.DeleteFunc(slices.Clone(got.Decisions), func(d record.Decision) bool { return d.Model == missing })
		if c := record.Compare(of, again); len(of) == 0 || c.Windows < len(of)*3/4 || len(again) != c.Windows {
			t.Errorf("without %.8s: %d decisions of the others, %d replayed, %d in both", missing, len(of), len(again), c.Windows)
		} else if c.Exact < c.Windows/2 {
			t.Errorf("without %.8s: %d of %d are the same to the last bit", missing, c.Exact, c.Windows)
		} else {
			t.Logf("without %.8s: %d of %d are the same to the last bit", missing, c.Exact, c.Windows)
		}
	}
	// Without the log the samples that were left out are decided on: the log is what makes the replay the same.
	got.Log = nil
	blind, err := record.Replay(t.Context(), got, load(t, a).Pipeline)
	if err != nil {
		t.Fatal(err)
	}
	if len(blind) == len(got.Decisions) {
		t.Error("the samples that were left out make no difference: the test shows nothing")
	}
}

// TestFateOfOldSamples: with the policy all, commands of samples that are too old are decided, held back, and told of as expired;
// of a session in which all samples are too old the recording has all of them.
func TestFateOfOldSamples(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	for _, policy := range []string{"all", "skip"} {
		path := filepath.Join(t.TempDir(), "r.arrow")
		var tape *record.Recorder
		r := start(t, person(t), func(o *Options, s *stepped) {
			with(load(t, a))(o, nil)
			o.Age = Age{MaxMS: 5000, Policy: policy}
			s.edit = func(c *signal.Chunk) { c.Time -= int64(6 * time.Second) }
			tape = taped(t, o, path)
		})
		r.src.gate <- 100
		close(r.src.gate)
		rep, err := r.over()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tape.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := record.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if got.Samples.Len != 1600 || rep.Sent != 0 || int64(len(got.Decisions)) != rep.Expired || (policy == "all") != (rep.Expired > 0) {
			t.Errorf("%s: %d samples, %d decisions, %+v", policy, got.Samples.Len, len(got.Decisions), rep)
		}
		for _, d := range got.Decisions {
			if d.Fate != record.Expired || d.Seq != 0 {
				t.Fatalf("%s: %+v", policy, d)
			}
		}
		p := load(t, a).Pipeline
		again, err := record.ReplaySession(t.Context(), got, func(string) (*pipeline.Pipeline, error) { return p, nil })
		if err != nil {
			t.Fatal(err)
		}
		if c := record.Compare(got.Decisions, again); c.Exact != len(got.Decisions) || len(c.Differences) != 0 {
			t.Errorf("%s: %d of %d decisions are the same to the last bit, %d differ", policy, c.Exact, len(got.Decisions), len(c.Differences))
		}
		if err := got.Close(); err != nil {
			t.Error(err)
		}
	}
}
