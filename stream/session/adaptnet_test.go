package session

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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
	p, err := pipeline.Build(spec, pipeline.Cued)
	if err != nil {
		t.Fatal(err)
	}
	set, err := stream.Collect(t.Context(), []*signal.Recording{wearer(t, 1, 40)}, p, stream.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	y, err := set.Labels()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Fit(set, y); err != nil {
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
// feedback on each command.
func hour(t *testing.T, b *bundle.Bundle, opt Adapt, trials int, turns bool) ([]trial, *AdaptReport) {
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
	var mu sync.Mutex
	var truth []string
	answered := make(chan uint64, 1024)
	sub, err := link.SubscribeCommands("s", "d", func(c bus.Command, _ time.Time) {
		mu.Lock()
		defer mu.Unlock()
		f := bus.Feedback{Session: "s", Decoder: "d", Run: c.Run, Seq: c.Seq, Reward: -1, Source: "task"}
		if c.Label == truth[c.Seq-1] {
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
		Source: from, Pipeline: ps[0], Commands: w, Clock: clock, Adapter: a,
		OnDecision: func(q *pipeline.Prediction, c bus.Command, _ time.Time) {
			if n := len(all); n > 0 { // the feedback on the trial before is on its way, as it would be in seconds of a session
				for seq := uint64(0); seq < uint64(n); seq = <-answered {
				}
				time.Sleep(2 * time.Millisecond)
			}
			mu.Lock()
			defer mu.Unlock()
			truth = append(truth, q.Truth)
			was := make([]float64, 2)
			if err := ps[1].Decoder().Predict(was, q.Row); err != nil {
				t.Error(err)
			}
			all = append(all, trial{slices.Clone(q.Row), slices.Clone(q.Scores), c.Label == q.Truth, (ps[1].Classes()[0] == q.Truth) == (was[0] >= was[1])})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []io.Closer{src, w, sub, a, link} {
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
			trials, rep := hour(t, b, opt, 300, true)
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
	trials, again := hour(t, b, opt, 40, true)
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
