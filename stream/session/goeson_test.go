package session

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/decoders/adapt"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// TestBadCommand: commands that break the schema are counted, told of once a while and never sent, while heartbeats go on; a model
// that is swapped in ends that.
func TestBadCommand(t *testing.T) {
	a, sha := saved(t, 8, "lda")
	var notes said
	var fates []record.Fate // of the goroutine of Run
	r := start(t, person(t), func(o *Options, _ *stepped) {
		with(load(t, a))(o, nil)
		o.SHA256 = "no hash" // which every command bears
		o.Note = notes.note
		o.OnDecision = func(d Decided) { fates = append(fates, d.Fate) }
	})
	r.chunks(80)
	s := r.status()
	if s.Refused == 0 || s.Refused != s.Windows || s.Sent != 0 {
		t.Errorf("%d commands refused and %d sent of %d windows", s.Refused, s.Sent, s.Windows)
	}
	r.mu.Lock()
	n := len(r.beats)
	if len(r.cmds) > 0 {
		t.Errorf("%d commands came", len(r.cmds))
	}
	r.mu.Unlock()
	r.until("heartbeats", func() bool { return len(r.beats) > n+2 && r.beats[len(r.beats)-1].CmdSeq == 0 })
	if n := notes.count("no controller would take"); n != 1 {
		t.Errorf("told %d times", n)
	}
	if err := r.ask(nil, "swap", a); err != nil {
		t.Fatal(err)
	}
	r.decoding()
	close(r.src.gate)
	rep, err := r.over()
	if err != nil || rep.Refused != s.Refused || rep.Sent == 0 || rep.Models[1] != sha {
		t.Errorf("%v, %d refused, %d sent", err, rep.Refused, rep.Sent)
	}
	refused := int64(0)
	for _, f := range fates {
		if f == record.Refused {
			refused++
		}
	}
	if refused != rep.Refused {
		t.Errorf("%d of %d are told of as refused", refused, rep.Refused)
	}
}

// TestUndecodable: samples that overflow in the model's sums give no command, and the session goes on to the next ones; where
// nothing could be decoded at all it ends with an error.
func TestUndecodable(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	for _, always := range []bool{false, true} {
		var notes said
		r := start(t, person(t), func(o *Options, s *stepped) {
			with(load(t, a))(o, nil)
			o.Note = notes.note
			s.edit = func(c *signal.Chunk) {
				switch {
				case c.Start >= 16*60 && c.Start < 16*80 || always:
					*c = c.Clone()
					for ch := range c.X {
						for i := range c.X[ch] {
							c.X[ch][i] = 1e300 * float64(1-2*(i%2)) * float64(ch+1)
						}
					}
				case c.Start == 16*80: // filters forget it
					c.Anew = true
				}
			}
		})
		r.src.gate <- 200
		close(r.src.gate)
		rep, err := r.over()
		switch {
		case always && (err == nil || !strings.Contains(err.Error(), "could be decoded") || rep.Sent != 0):
			t.Errorf("always: %v, %d commands", err, rep.Sent)
		case !always && (err != nil || rep.Failed == 0 || rep.Sent == 0 || rep.Failed+rep.Sent+rep.Rejected != rep.Windows):
			t.Errorf("%v, %d windows not decoded, %d commands, %d rejected of %d", err, rep.Failed, rep.Sent, rep.Rejected, rep.Windows)
		}
		if n := notes.count("not decoded, and no command sent: window ["); n < 1 || n > 2 {
			t.Errorf("told %d times of %d windows", n, rep.Failed)
		}
	}
}

// TestAdaptLogFails: a log of what is learned that cannot be written freezes the learning, says so, and ends no session.
func TestAdaptLogFails(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	var notes said
	var adapter *Adapter
	var b *bus.Bus
	r := start(t, person(t), func(o *Options, _ *stepped) {
		m := load(t, a)
		with(m)(o, nil)
		b = o.Echo
		opt := Adapt{Options: adapt.Defaults(), Log: filepath.Join(t.TempDir(), "adapt.jsonl")}
		var err error
		if adapter, err = NewAdapter(b, "s", "d", opt, m.Origin); err != nil {
			t.Fatal(err)
		}
		o.Adapter, o.Note = adapter, notes.note
	})
	defer func() {
		if err := adapter.sub.Close(); err != nil {
			t.Error(err)
		}
	}()
	r.chunks(60)
	adapter.mu.Lock()
	if err := adapter.log.Close(); err != nil { // as a drive that was taken out
		t.Error(err)
	}
	adapter.mu.Unlock()
	r.until("a command", func() bool { return len(r.cmds) > 0 })
	r.mu.Lock()
	c := r.cmds[len(r.cmds)-1]
	r.mu.Unlock()
	if err := b.SendFeedback(bus.Feedback{Session: "s", Decoder: "d", Run: c.Run, Seq: c.Seq, Reward: 1}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); len(adapter.in) == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	r.decoding()
	s := r.status()
	if n := notes.count("learning from feedback is frozen"); n != 1 || s.Adaptation != string(adapt.Frozen) {
		t.Errorf("told %d times, the adaptation is %s", n, s.Adaptation)
	}
	r.stop()
	if rep, err := r.over(); err != nil || rep.Unlearned != 1 {
		t.Errorf("%v, %d times", err, rep.Unlearned)
	}
}

// TestCalibrateCannotBeSaved: a model that a person sat for is not lost because its file cannot be written: somebody mends that
// and accepts it again.
func TestCalibrateCannotBeSaved(t *testing.T) {
	for _, ask := range []bool{true, false} {
		var notes said
		dir := filepath.Join(t.TempDir(), "usb")
		file := filepath.Join(dir, "made.gyrus")
		r, _ := calibrated(t, func(c *Calibration, o *Options) {
			if c.Save = file; !ask {
				c.Accept = above("balanced_accuracy", 0)
			}
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			o.Note = notes.note
			taken := false
			o.OnCue = func(signal.Event) { // the drive is taken out
				if !taken {
					taken = os.Remove(dir) == nil
				}
			}
		})
		r.until("the question", func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Phase == bus.PhaseAsking })
		if ask {
			if err := r.ask(nil, "accept"); err == nil || !strings.Contains(err.Error(), "the model cannot be saved") {
				t.Errorf("accepted: %v", err)
			}
		}
		if n := notes.count("the model cannot be saved"); n != 1 {
			t.Errorf("told %d times", n)
		}
		if s := r.status(); s.Phase != bus.PhaseAsking || !strings.Contains(s.Detail, "cannot be saved") {
			t.Errorf("the session is %s: %s", s.Phase, s.Detail)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := r.ask(nil, "accept"); err != nil {
			t.Fatal(err)
		}
		if _, err := bundle.Read(file); err != nil {
			t.Error(err)
		}
		r.until("commands", func() bool { return len(r.cmds) > 0 })
		r.stop()
		if rep, err := r.over(); err != nil || !rep.Calibration.Accepted || rep.Calibration.File != file {
			t.Errorf("%v, %+v", err, rep.Calibration)
		}
	}
}

// TestCalibrateCannotBeTrained: trials that nothing can be learned from end no session: somebody repeats or refuses.
func TestCalibrateCannotBeTrained(t *testing.T) {
	var notes said
	r, file := calibrated(t, func(_ *Calibration, o *Options) {
		o.Note = notes.note
		o.Source = &flat{o.Source}
	})
	r.until("the question", func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Phase == bus.PhaseAsking })
	if s := r.status(); !strings.Contains(s.Detail, "training failed") || s.Score != nil {
		t.Errorf("%q, %+v", s.Detail, s.Score)
	}
	if err := r.ask(nil, "accept"); err == nil || !strings.Contains(err.Error(), "no model to accept: training failed") {
		t.Errorf("accepted: %v", err)
	}
	if err := r.ask(nil, "repeat"); err != nil {
		t.Fatal(err)
	}
	r.until("the second round", func() bool { return r.looks[len(r.looks)-1].Phase != bus.PhaseAsking })
	r.stop()
	if rep, err := r.over(); err != nil || exists(t, file) || rep.Calibration.Rounds != 2 {
		t.Errorf("%v, %+v", err, rep.Calibration)
	}
}

// flat is a source of which no electrode is connected.
type flat struct{ signal.Source }

func (f *flat) Next(ctx context.Context) (signal.Chunk, error) {
	c, err := f.Source.Next(ctx)
	if err == nil {
		c = c.Clone()
		for ch := range c.X {
			clear(c.X[ch])
		}
	}
	return c, err
}

// TestLoadingGivesUp: a model that is being read for longer than it may be blocks no other, until too many of them hang; each
// refusal names them.
func TestLoadingGivesUp(t *testing.T) {
	var l loading
	now := time.Now()
	first, err := l.begin("/mnt/dead/a.gyrus", now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.begin("b", now.Add(loadTimeout/2)); err == nil || !strings.Contains(err.Error(), "/mnt/dead/a.gyrus since 15 s") || !strings.Contains(err.Error(), "given up after 30 s") {
		t.Errorf("while it is read: %v", err)
	}
	for i := 1; i < maxHung; i++ {
		if _, err := l.begin("/mnt/dead/b.gyrus", now.Add(time.Duration(i)*loadTimeout)); err != nil {
			t.Errorf("behind %d that were given up: %v", i, err)
		}
	}
	late := now.Add(100 * loadTimeout)
	if _, err := l.begin("c", late); err == nil || !strings.Contains(err.Error(), "/mnt/dead/a.gyrus, /mnt/dead/b.gyrus, /mnt/dead/b.gyrus") {
		t.Errorf("too many: %v", err)
	}
	l.end(first) // the drive answers
	if _, err := l.begin("c", late); err != nil {
		t.Error(err)
	}
}

// TestSeldom tells at once, then at most every ten seconds, and of all.
func TestSeldom(t *testing.T) {
	var s Seldom
	now := time.Now()
	var got []string
	for _, at := range []float64{0, 1, 2, 9.9, 10, 11, 30} {
		if l := s.Line(now.Add(time.Duration(at*float64(time.Second))), 2, "wrong"); l != "" {
			got = append(got, l)
		}
	}
	if want := "wrong|wrong (8 times in 10 s)|wrong (4 times in 20 s)"; strings.Join(got, "|") != want {
		t.Errorf("%q, want %q", got, want)
	}
}
