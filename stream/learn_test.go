package stream_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

func init() {
	preprocess.Register("test_centre", func() preprocess.Processor { return &centre{} })
	preprocess.RegisterChecker("test_loud", func() preprocess.Checker { return &loud{} })
	preprocess.RegisterOffline("test_reverse", func() preprocess.Offline { return &reverse{} })
}

// centre subtracts the mean that each channel had in calibration. lessons remembers what every centre learned from.
type centre struct {
	mean []float64
	buf  signal.Buffer
}

var lessons [][]float64 // the first sample of each run, for each call of Calibrate

func (c *centre) Start(in *signal.Info) (*signal.Info, error) { return in, nil }
func (c *centre) Flush() (signal.Chunk, error)                { return signal.Chunk{}, nil }
func (c *centre) State() signal.State {
	if c.mean == nil {
		return nil
	}
	return signal.State{"mean": signal.NewArray(c.mean, len(c.mean))}
}

func (c *centre) SetState(s signal.State) error {
	a, err := s.Get("mean", -1)
	c.mean = a.Data
	return err
}

func (c *centre) Calibrate(runs []signal.Chunk) error {
	var first []float64
	n := 0.0
	c.mean = make([]float64, len(runs[0].X))
	for _, r := range runs {
		first = append(first, r.X[0][0])
		n += float64(r.Len())
		for ch, x := range r.X {
			for _, v := range x {
				c.mean[ch] += v
			}
		}
	}
	for ch := range c.mean {
		c.mean[ch] /= n
	}
	lessons = append(lessons, first)
	return nil
}

func (c *centre) Process(x signal.Chunk) (signal.Chunk, error) {
	if c.mean == nil {
		return signal.Chunk{}, errors.New("not calibrated")
	}
	y := c.buf.Like(x, x.Info)
	for ch := range x.X {
		for t, v := range x.X[ch] {
			y.X[ch][t] = v - c.mean[ch]
		}
	}
	return y, nil
}

// loud refuses windows whose first channel is louder than nine tenths of those it learned from.
type loud struct{ limit float64 }

func power(w signal.Window) (p float64) {
	for _, v := range w.X[0] {
		p += v * v
	}
	return p
}

func (l *loud) Start(*signal.Info, int) error { return nil }
func (l *loud) State() signal.State {
	return signal.State{"limit": signal.NewArray([]float64{l.limit}, 1)}
}

func (l *loud) SetState(s signal.State) error {
	a, err := s.Get("limit", 1)
	if err == nil {
		l.limit = a.Data[0]
	}
	return err
}

func (l *loud) FitWindows(ws []signal.Window) error {
	l.limit = 0
	for _, w := range ws {
		l.limit = max(l.limit, 0.9*power(w))
	}
	return nil
}

func (l *loud) Check(w signal.Window) string {
	if power(w) > l.limit {
		return fmt.Sprintf("too loud: %g, at most %g", power(w), l.limit)
	}
	return ""
}

// reverse turns the signal of a recording round in time: nothing looks further into the future.
type reverse struct{}

func (*reverse) Apply(c signal.Chunk) (signal.Chunk, error) {
	y := c.Clone()
	for ch, x := range c.X {
		for t, v := range x {
			y.X[ch][len(x)-1-t] = v
		}
	}
	return y, nil
}

// learning is csp-lda behind a step that is calibrated, with a check that is fitted.
func learning(t *testing.T, offline string) *pipeline.Spec {
	t.Helper()
	spec, err := pipeline.Parse("learning.yaml", []byte(offline+`
preprocess:
  - {use: test_centre}
  - {use: bandpass, low_hz: 8, high_hz: 30}
segment: {use: events, tmin_s: 0.5, tmax_s: 3.5, events: {T1: fists, T2: feet}}
live: {use: sliding, length_s: 3, step_s: 0.1}
reject:
  - {use: test_loud}
features:
  - {use: csp}
  - {use: logvar}
decoder: {use: lda}
`))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// TestLearnsFromTrainingRunsOnly: what learns before the features sees the training runs of its fold and no others.
func TestLearnsFromTrainingRunsOnly(t *testing.T) {
	recs := []*signal.Recording{simulated(t, 0), simulated(t, 1), simulated(t, 2)}
	first := make([]float64, len(recs))
	for i, rec := range recs {
		c, err := ingest.Play(rec, ingest.PlayOptions{}).Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		first[i] = c.X[0][0]
	}
	spec := learning(t, "")
	p := build(t, spec, pipeline.Cued)
	lessons = nil
	set, y := collect(t, p, recs...)
	folds, err := split.LeaveOneRunOut{}.Split(y, set.Group)
	if err != nil {
		t.Fatal(err)
	}
	tested, err := stream.CrossValidate(context.Background(), spec, recs, set, y, folds, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]float64{first, {first[1], first[2]}, {first[0], first[2]}, {first[0], first[1]}}
	if fmt.Sprint(lessons) != fmt.Sprint(want) {
		t.Errorf("learned from runs that begin with %v, want %v", lessons, want)
	}
	if rejected := len(set.Windows) - len(tested); rejected < 1 || rejected > 12 {
		t.Errorf("%d of %d windows rejected, want a few", rejected, len(set.Windows))
	}
	right := 0
	for _, r := range tested {
		if r.Label == r.Truth {
			right++
		}
	}
	if float64(right) < 0.75*float64(len(tested)) {
		t.Errorf("%d of %d right", right, len(tested))
	}

	shuffled, err := (split.KFold{K: 3, Seed: 1}).Split(y, set.Group)
	if err != nil {
		t.Fatal(err)
	}
	var refused *pipeline.InputError
	if _, err := stream.CrossValidate(context.Background(), spec, recs, set, y, shuffled, nil); !errors.As(err, &refused) || !strings.Contains(err.Error(), "leave-one-run-out") {
		t.Errorf("folds that split runs: got %v, want a refusal that names a split", err)
	}
}

// TestLearnedStateTravels: a bundle of a pipeline whose every part learns decodes to the same bits, live and offline,
// and what a check refuses has a reason instead of a decision.
func TestLearnedStateTravels(t *testing.T) {
	p := build(t, learning(t, ""), pipeline.Cued)
	set, y := collect(t, p, simulated(t, 0), simulated(t, 1))
	if err := p.Fit(set, y); err != nil {
		t.Fatal(err)
	}
	b, err := p.Bundle("test")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"preprocess.0.mean", "reject.0.limit", "features.0.filters", "decoder.coef"} {
		if _, ok := b.State[name]; !ok {
			t.Errorf("the bundle lacks %s", name)
		}
	}
	q, err := pipeline.FromBundle("x", b, pipeline.Cued)
	if err != nil {
		t.Fatal(err)
	}
	rec := simulated(t, 2)
	want, _ := decode(t, ingest.Play(rec, ingest.PlayOptions{}), p, stream.Options{})
	got, stats := decode(t, ingest.Play(rec, ingest.PlayOptions{Sizes: randomSizes(4)}), q, stream.Options{})
	sameBits(t, "from the bundle", got, want)
	refused := 0
	for _, a := range got {
		if len(a.scores) == 0 {
			refused++
			if a.label != "" {
				t.Errorf("a refused window has the label %q", a.label)
			}
		}
	}
	if int64(refused) != stats.Rejected {
		t.Errorf("%d predictions without scores, %d windows rejected", refused, stats.Rejected)
	}
}

// TestOffline: a step that looks into the future works on recordings and is refused live.
func TestOffline(t *testing.T) {
	p := build(t, learning(t, "offline: [{use: test_reverse}]"), pipeline.All)
	if err := p.Causal(); err == nil || !strings.Contains(err.Error(), "test_reverse looks into the future") {
		t.Errorf("got %v, want a refusal that names the step", err)
	}
	rec := simulated(t, 0)
	out, err := p.Prepare(gappy(rec, 1000, 1500))
	if err != nil {
		t.Fatal(err)
	}
	in, rev := signal.NewChunk(rec.Info, 0, 1000), signal.NewChunk(rec.Info, 0, 1000)
	if err := errors.Join(rec.Data.ReadSamples(in.X, 0), out.Data.ReadSamples(rev.X, 0)); err != nil {
		t.Fatal(err)
	}
	for k := range 1000 {
		if math.Float64bits(in.X[2][k]) != math.Float64bits(rev.X[2][999-k]) {
			t.Fatalf("sample %d is not where it must be", k)
		}
	}
	if len(out.Gaps()) != 1 || out.Gaps()[0] != (signal.Span{Start: 1000, Len: 500}) {
		t.Errorf("gaps %v, want the one that was there", out.Gaps())
	}
	if err := out.Data.ReadSamples(in.X, 900); err == nil {
		t.Error("a range over the gap was read")
	}
}
