package session

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestSamplesThatAreNotFiniteAreTold: samples that are NaN or infinite are told when they begin, once, with their channels, and stand in the
// state of the stream, with their number; no window that is decided holds one of them.
func TestSamplesThatAreNotFiniteAreTold(t *testing.T) {
	path, _ := saved(t, 8, "lda")
	const from, to, late = 50 * 16, 53*16 + 5, 90 * 16 // samples
	var notes said
	var windows [][2]int64
	r := start(t, person(t), func(o *Options, src *stepped) {
		with(load(t, path))(o, src)
		o.Note = notes.note
		o.OnDecision = func(d Decided) { windows = append(windows, [2]int64{d.Start, d.End}) }
		src.edit = func(c *signal.Chunk) {
			*c = c.Clone()
			for k := range c.Len() {
				if at := c.Start + int64(k); from <= at && at < to || at == late {
					c.X[2][k], c.X[5][k] = math.NaN(), math.Inf(-1)
				}
			}
		}
	})
	r.chunks(50)
	if s := r.status().Streams[0]; s.NotFinite != 0 || strings.Contains(s.Detail, "NaN") {
		t.Errorf("before the first: %+v", s)
	}
	r.chunks(10)
	names := person(t).Info.Names()
	where := ": 53 (" + names[2] + ": 53 samples from 5.000 to 5.331 s; " + names[5] + ": 53 samples"
	if s := r.status().Streams[0]; s.NotFinite != to-from || !strings.Contains(s.Detail, "; samples that are NaN or infinite since ") || !strings.Contains(s.Detail, where) {
		t.Errorf("behind them: %+v", s)
	}
	r.chunks(90) // with one more, in the same spell
	if s := r.status().Streams[0]; s.NotFinite != to-from+1 || !strings.Contains(s.Detail, ": 54 (") {
		t.Errorf("behind one more: %+v", s)
	}
	if n := notes.count("are NaN or infinite since"); n != 1 || notes.count("eeg: samples that are NaN or infinite since ") != 1 || notes.count(": 16 ("+names[2]) != 1 {
		t.Errorf("it is told %d times", n)
	}
	r.stop()
	rep, err := r.over()
	if err != nil || rep.NotFinite != to-from+1 || rep.Streams[0].NotFinite != to-from+1 || rep.Streams[0].State != "connected" {
		t.Errorf("%v: %+v", err, rep.Streams)
	}
	before, behind := 0, 0
	for _, w := range windows {
		switch {
		case w[0] < to && w[1] > from, w[0] <= late && w[1] > late:
			t.Errorf("the window of samples %d to %d is decided, which holds some that are no numbers", w[0], w[1])
		case w[1] <= from:
			before++
		case w[0] > late:
			behind++
		}
	}
	if before == 0 || behind == 0 {
		t.Errorf("%d windows are decided before, %d behind", before, behind)
	}
}

// TestSpellsThatAreNotFinite: one that comes within 10 s goes on with the spell, one behind that, or behind a new beginning of the stream, is told.
func TestSpellsThatAreNotFinite(t *testing.T) {
	info := &signal.Info{Rate: 10, Channels: []signal.Channel{{Name: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}}
	f := newNotFinite("amp", info)
	day := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	for i, step := range []struct {
		at         float64
		bad, anew  bool
		line, then string
	}{
		{0, false, false, "", ""},
		{1, true, false, "amp: samples that are NaN or infinite since 15:04:06: 1 (Cz: 1 sample from 1.000 to 1.100 s): ", "samples that are NaN or infinite since 15:04:06: 1 (Cz: 1 sample from"},
		{10, true, false, "", "samples that are NaN or infinite since 15:04:06: 2 (Cz: 2 samples in 2 stretches from 1.000 to 2.100 s)"},
		{19, false, false, "", "samples that are NaN or infinite since 15:04:06: 2 ("},
		{20, false, false, "", ""},
		{31, true, false, "amp: samples that are NaN or infinite since 15:04:36: 1 ", "samples that are"},
		{32, true, true, "amp: samples that are NaN or infinite since 15:04:37: 1 (Cz: 1 sample from 0.000 ", "samples that are"},
	} {
		c := signal.NewChunk(info, int64(10*i), 1)
		if step.anew {
			c = signal.NewChunk(info, 0, 1)
			c.Anew = true
		}
		if step.bad {
			c.X[0][0] = math.NaN()
		}
		now := day.Add(time.Duration(step.at * float64(time.Second)))
		if line := f.see(now, c); !strings.HasPrefix(line, step.line) || (line == "") != (step.line == "") {
			t.Errorf("at %g s: says %q, want %q", step.at, line, step.line)
		}
		if got := f.now(now); !strings.HasPrefix(got, step.then) || (got == "") != (step.then == "") {
			t.Errorf("at %g s: the state says %q, want %q", step.at, got, step.then)
		}
	}
	if f.n != 4 {
		t.Errorf("%d in all, want 4", f.n)
	}
}
