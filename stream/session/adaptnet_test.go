package session

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/decoders/adapt"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// wearer is a simulated person with a strong effect and the given number of trials of each class.
func wearer(t *testing.T, run uint64, trials int) *signal.Recording {
	t.Helper()
	opt := synth.Defaults()
	opt.Channels, opt.TrialsPerClass, opt.Run = []string{"FC3", "FC4", "C3", "C4", "CP3", "CP4"}, trials, run
	opt.Effect, opt.RestS, opt.CueS = 0.9, 1, 4
	rec, _, err := synth.MotorImagery(opt)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// turning turns what each electrode of the left half of the head measures into what its counterpart on the right does, by
// 45° between two samples: in the end each electrode has as much of one hand's rhythm as of the other's.
type turning struct {
	signal.Source
	from, to int64
}

func (s *turning) Next(ctx context.Context) (signal.Chunk, error) {
	c, err := s.Source.Next(ctx)
	if err != nil {
		return c, err
	}
	out := signal.NewChunk(c.Info, c.Start, c.Len())
	out.Time, out.Events, out.Anew = c.Time, c.Events, c.Anew
	for l := 0; l < len(c.X); l += 2 {
		for i := range c.X[l] {
			part := min(max(float64(c.Start+int64(i)-s.from)/float64(s.to-s.from), 0), 1)
			sin, cos := math.Sincos(part * math.Pi / 4)
			out.X[l][i], out.X[l+1][i] = cos*c.X[l][i]-sin*c.X[l+1][i], sin*c.X[l][i]+cos*c.X[l+1][i]
		}
	}
	return out, nil
}

// model is a built-in pipeline, fitted to a wearer, as a bundle.
func model(t *testing.T, name string, params map[string]any) *bundle.Bundle {
	t.Helper()
	spec, err := pipeline.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Decoder.Set(params); err != nil {
		t.Fatal(err)
	}
	p, err := stream.Fit(t.Context(), spec, []*signal.Recording{wearer(t, 1, 40)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Bundle("test")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// trial is one cued trial of a session.
type trial struct {
	row    []float64 // what the decoder saw
	scores []float64 // that were sent
	right  bool
	fixed  bool // whether the model as it was trained would have been right
}

// hour plays a long run of the wearer, whose mixing turns where turns says so, to a session with the model b, and gives
// feedback on each command. operate, if not nil, is called before each trial is sent and may ask for what operators can.
func hour(t *testing.T, b *bundle.Bundle, opt Adapt, trials int, turns bool, operate func(n int, ask func(args ...string) (Learned, error))) ([]trial, *AdaptReport) {
	t.Helper()
	var ps [2]*pipeline.Pipeline // of the session, and as it was trained
	for i := range ps {
		var err error
		if ps[i], err = pipeline.FromBundle("test", b, pipeline.Cued); err != nil {
			t.Fatal(err)
		}
	}
	link, err := bus.Open(t.Context(), bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := NewAdapter(link, "s", "d", opt, Origin{Bundle: b, File: "test.gyrus", SHA256: "0123", Gyrus: "test"})
	if err != nil {
		t.Fatal(err)
	}
	truth := make(chan string, 1024) // of each command, in order
	answered := make(chan uint64, 1024)
	sub, err := link.SubscribeCommands("s", "d", func(c bus.Command, _ time.Time) {
		f := bus.Feedback{Session: "s", Decoder: "d", Run: c.Run, Seq: c.Seq, Reward: -1, Source: "task"}
		if c.Label == <-truth {
			f.Reward = 1
		}
		if err := link.SendFeedback(f); err != nil {
			t.Error(err)
		}
		answered <- c.Seq
	})
	if err != nil {
		t.Fatal(err)
	}
	clock := bus.NewClock()
	w, err := bus.NewCommandWriter(link, "s", "d", time.Second, clock)
	if err != nil {
		t.Fatal(err)
	}
	ctl, err := bus.NewCtl(link, "s", "d", w.Run(), clock, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(args ...string) (l Learned, err error) {
		r, err := link.Ask(t.Context(), "s", "d", args[0], args[1:]...)
		if err == nil {
			err = json.Unmarshal(r.Result, &l)
		}
		return l, err
	}
	rec := wearer(t, 2, trials/2)
	src, err := Playback(rec, 1000, 0.5, clock)
	if err != nil {
		t.Fatal(err)
	}
	from := src
	if turns {
		from = &turning{src, rec.Len / 6, rec.Len / 2}
	}
	var all []trial
	session, err := Run(t.Context(), Options{
		Source: from, Pipeline: ps[0], Commands: w, Clock: clock, Adapter: a, Ctl: ctl,
		OnDecision: func(q Decided) {
			if n := len(all); n > 0 { // the feedback on the trial before is on its way, as it would be in seconds of a session
				for seq := uint64(0); seq < uint64(n); seq = <-answered {
				}
				time.Sleep(2 * time.Millisecond)
			}
			if operate != nil {
				operate(len(all), ask)
			}
			truth <- q.Truth
			was := make([]float64, 2)
			if err := ps[1].Decoder().Predict(was, q.Row); err != nil {
				t.Error(err)
			}
			all = append(all, trial{slices.Clone(q.Row), slices.Clone(q.Scores), q.Command.Label == q.Truth, (ps[1].Classes()[0] == q.Truth) == (was[0] >= was[1])})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []io.Closer{src, ctl, w, sub, a, link} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	return all, session.Adapt
}

// accuracy of a stretch of trials, of what was sent and of the model as it was trained.
func accuracy(of []trial) (adapted, fixed float64) {
	for _, one := range of {
		if one.right {
			adapted += 1 / float64(len(of))
		}
		if one.fixed {
			fixed += 1 / float64(len(of))
		}
	}
	return adapted, fixed
}

// adapting are built-in pipelines with networks, and shorter trainings.
var adapting = []struct {
	name   string
	params map[string]any
}{
	{"eegnet", map[string]any{"epochs": 60, "patience": 0, "validation": 0}},
	{"rleegnet", nil},
}

// TestNetworksAdapt: a network and a deep Q-network in a session whose mixing turns: the one that adapts keeps nine tenths of
// its initial accuracy, the one that stays as it is falls below 70 %; no step is larger than allowed; it decides only after
// it has proven better; and the model that is saved decodes with the same bits.
func TestNetworksAdapt(t *testing.T) {
	for _, net := range adapting {
		t.Run(net.name, func(t *testing.T) {
			b := model(t, net.name, net.params)
			dir := t.TempDir()
			opt := Adapt{Options: adapt.Defaults(), Log: filepath.Join(dir, "log.jsonl"), Save: filepath.Join(dir, "adapted.gyrus")}
			opt.PerMinute = 1_000_000 // the recording is played fast
			trials, rep := hour(t, b, opt, 300, true, nil)
			n := len(trials)
			_, begin := accuracy(trials[:n/6])
			end, was := accuracy(trials[n-n/4:])
			t.Logf("%d trials: at first %.3f; in the last quarter the model as it was %.3f, adapted %.3f; %+v", n, begin, was, end, *rep)
			if begin < 0.8 {
				t.Errorf("the model has %.3f before anything turns: too little to prove something", begin)
			}
			if was >= 0.7 {
				t.Errorf("the model as it was trained has %.3f in the end, must fall below 0.7", was)
			}
			if end < 0.9*begin {
				t.Errorf("adapted %.3f in the end, want nine tenths of %.3f", end, begin)
			}
			shadow, live := 0, 0
			raw, err := os.ReadFile(opt.Log)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
				rec := parseLine(t, line)
				if rec.Taken > rec.Step+1e-12 {
					t.Errorf("a step of %g was made, asked for were %g", rec.Taken, rec.Step)
				}
				switch rec.State {
				case adapt.Shadow:
					shadow++
				case adapt.Live:
					if live++; live == 1 && (shadow < opt.Decisions || rec.Evidence < 1/opt.Doubt) {
						t.Errorf("live after %d records with the evidence %g", shadow, rec.Evidence)
					}
				}
			}
			if live == 0 || !rep.Decides {
				t.Errorf("it never decided: %d records in the shadow", shadow)
			}
			sameModel(t, opt.Save, b, rep)
		})
	}
}

// sameModel: the file that a session saved says where it is from. A session that goes on with it, frozen, has the same bits,
// and so has the decoder in it, which then is another one than before.
func sameModel(t *testing.T, file string, from *bundle.Bundle, rep *AdaptReport) {
	t.Helper()
	b, err := bundle.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	m := b.Manifest.Adapted
	if m == nil || m.From != "0123" || m.File != "test.gyrus" || m.Updates != rep.Accepted || m.Head != rep.Hash || m.Decides != rep.Decides || b.Manifest.Score != nil {
		t.Fatalf("the manifest says %+v, the session %+v", m, *rep)
	}
	opt := Adapt{Options: adapt.Defaults()}
	opt.Start = adapt.Frozen
	trials, again := hour(t, b, opt, 40, true, nil)
	if again.Hash != rep.Hash || again.Updates != rep.Accepted || again.Decides != rep.Decides || again.Accepted != 0 {
		t.Errorf("a session with the saved model has %+v, it was saved as %+v", *again, *rep)
	}
	var ps [2]*pipeline.Pipeline
	for i, b := range []*bundle.Bundle{b, from} {
		if ps[i], err = pipeline.FromBundle("test", b, pipeline.Cued); err != nil {
			t.Fatal(err)
		}
	}
	differ := 0
	got, was := make([]float64, 2), make([]float64, 2)
	for i, one := range trials {
		if err := errors.Join(ps[0].Decoder().Predict(got, one.row), ps[1].Decoder().Predict(was, one.row)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, one.scores) {
			t.Fatalf("trial %d: the saved model gives %v, the session with it gave %v", i, got, one.scores)
		}
		if !slices.Equal(got, was) {
			differ++
		}
	}
	if differ == 0 {
		t.Error("the saved model decides as the one before")
	}
}

// TestOperators: what operators ask for on the bus while a deep Q-network learns: frozen it keeps its bits, thawed it learns,
// rolled back it has the bits of the snapshot and keeps them, reset it has learned nothing; each is a line of the log.
func TestOperators(t *testing.T) {
	dir := t.TempDir()
	opt := Adapt{Options: adapt.Defaults(), Log: filepath.Join(dir, "log.jsonl"), Save: filepath.Join(dir, "adapted.gyrus")}
	opt.PerMinute = 1_000_000
	must := func(l Learned, err error) Learned {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		return l
	}
	var first, frozen, thawed Learned
	var back string
	var file []byte
	_, rep := hour(t, model(t, "rleegnet", map[string]any{"decisions": 1200}), opt, 120, false, func(n int, ask func(...string) (Learned, error)) {
		switch n {
		case 1:
			if first = must(ask("learned")); first.Updates != 0 {
				t.Errorf("at the beginning: %+v", first)
			}
			if _, err := ask("save"); err == nil || !strings.Contains(err.Error(), "nothing has been learned yet") {
				t.Errorf("save before anything is learned: %v", err)
			}
			for _, args := range [][]string{{"rollback", "all"}, {"rollback", "learned", "-1"}, {"rollback", "learned", "99"}, {"rollback", "learned", "x"}} {
				if _, err := ask(args...); err == nil {
					t.Errorf("%v is no error", args)
				}
			}
		case 50:
			if frozen = must(ask("freeze")); frozen.State != adapt.Frozen || frozen.Updates < 40 || frozen.Why != "by an operator" {
				t.Errorf("frozen: %+v", frozen)
			}
		case 60:
			if now := must(ask("learned")); now.Hash != frozen.Hash || now.Updates != frozen.Updates || now.Skipped < 9 {
				t.Errorf("ten trials after it was frozen: %+v, it was frozen as %+v", now, frozen)
			}
			if now := must(ask("thaw")); now.State == adapt.Frozen {
				t.Errorf("thawed: %+v", now)
			}
		case 90:
			if thawed = must(ask("learned")); thawed.Hash == frozen.Hash || thawed.Updates < frozen.Updates+25 || len(thawed.Snapshots) < 3 {
				t.Errorf("thawed it learns: %+v", thawed)
			}
			back = thawed.Snapshots[1]
			if now := must(ask("rollback", "learned", "1")); now.Hash != back || now.State != adapt.Frozen || now.Snapshots[0] != back {
				t.Errorf("rolled back to %s: %+v", back, now)
			}
		case 100:
			if now := must(ask("save")); now.Hash != back || now.Saved != opt.Save {
				t.Errorf("ten trials after it was rolled back to %s: %+v", back, now)
			}
			saved, err := os.ReadFile(opt.Save)
			if err != nil {
				t.Error(err)
			}
			file = saved
		case 110:
			if now := must(ask("reset")); now.Hash != first.Hash || now.Decides || now.State != adapt.Frozen {
				t.Errorf("reset: %+v, it began as %+v", now, first)
			}
		}
	})
	if rep.Hash != first.Hash || rep.Decides || rep.Updates != 0 || rep.Accepted < 60 {
		t.Errorf("in the end: %+v", *rep)
	}
	if now, err := os.ReadFile(opt.Save); err != nil || !slices.Equal(now, file) {
		t.Errorf("a session that has forgotten what it learned wrote over what was saved before (%v)", err)
	}
	raw, err := os.ReadFile(opt.Log)
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		if l := parseLine(t, line); l.Operator != "" {
			asked = append(asked, l.Operator)
		}
	}
	if want := []string{"freeze", "thaw", "rollback", "save", "reset"}; !slices.Equal(asked, want) {
		t.Errorf("the log has %q, want %q", asked, want)
	}
}
