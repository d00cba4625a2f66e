package stream_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// steered is a run of a simulated person who moves a cursor.
func steered(t testing.TB, run uint64) *signal.Recording {
	t.Helper()
	opt := synth.CursorDefaults()
	opt.Subject, opt.Run, opt.Electrodes, opt.Reaches = 3, run, 8, 30
	rec, _, err := synth.Cursor(opt)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// following is a pipeline file with the given decoder and target.
func following(t testing.TB, decoder, target string) *pipeline.Spec {
	t.Helper()
	spec, err := pipeline.Parse("following.yaml", []byte(`
preprocess: [{use: bandpass, low_hz: 65, high_hz: 95}]
segment: {use: sliding, length_s: 0.25, step_s: 0.05}
features: [{use: logvar}]
decoder: `+decoder+`
target: `+target+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

const (
	velocities = "{channels: [cursor_vx, cursor_vy], outputs: [vel_x, vel_y], average_s: 0.25}"
	wholeState = "{channels: [cursor_x, cursor_y, cursor_vx, cursor_vy], goal: [target_x, target_y], goal_radius: 0.05}"
)

// decodersThatFollow are all continuous decoders with the quantities of each.
var decodersThatFollow = map[string]string{
	"{use: kalman, shrinkage: 0.05}": velocities, "{use: wiener, lags: 4}": velocities,
	"{use: ridge_regression}": velocities, "{use: refit, shrinkage: 0.05}": wholeState,
}

// followed fits spec to recordings.
func followed(t testing.TB, spec *pipeline.Spec, recs ...*signal.Recording) *pipeline.Pipeline {
	t.Helper()
	p := build(t, spec, pipeline.Cued)
	set, err := stream.Collect(context.Background(), recs, p, stream.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Fit(set, signal.Labels{}); err != nil {
		t.Fatal(err)
	}
	b, err := p.Bundle("test")
	if err != nil {
		t.Fatal(err)
	}
	q, err := pipeline.FromBundle("x", b, pipeline.All)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// value is one prediction in memory of its own.
type value struct {
	end   int64
	value []float64
}

func values(t testing.TB, src signal.Source, p *pipeline.Pipeline) (all []value) {
	t.Helper()
	_, err := stream.Run(context.Background(), src, p, stream.SinkFunc(func(_ context.Context, q *pipeline.Prediction) error {
		if q.Scores != nil || q.Label != "" || q.Decision != "" || q.Silent {
			t.Errorf("a quantity with %+v", q)
		}
		all = append(all, value{q.End, slices.Clone(q.Value)})
		return nil
	}), stream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sameValues(a, b []value) bool {
	return slices.EqualFunc(a, b, func(v, w value) bool {
		return v.end == w.end && slices.EqualFunc(v.value, w.value, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) })
	})
}

// TestFollow: each continuous decoder, from a pipeline file: what it says does not depend on how the stream is cut, needs no
// channel of the cursor, and follows the velocity of a run that it has not seen.
func TestFollow(t *testing.T) {
	recs, test := []*signal.Recording{steered(t, 1), steered(t, 2)}, steered(t, 3)
	for decoder, target := range decodersThatFollow {
		t.Run(decoder, func(t *testing.T) {
			p := followed(t, following(t, decoder, target), recs...)
			want := values(t, ingest.Play(test, ingest.PlayOptions{}), p)
			for seed := range uint64(3) {
				if got := values(t, ingest.Play(test, ingest.PlayOptions{Sizes: randomSizes(seed)}), p); !sameValues(got, want) {
					t.Fatal("random chunks give other bits")
				}
			}
			if p.Input().Index("cursor_vx") >= 0 || p.Input().Index("target_x") >= 0 || len(p.Input().Channels) != 8 {
				t.Errorf("decodes from %s", p.Input())
			}
			neural := *test
			neural.Info = test.Info.Pick([]int{0, 1, 2, 3, 4, 5, 6, 7})
			neural.Data = test.Data.(signal.Memory)[:8]
			if got := values(t, ingest.Play(&neural, ingest.PlayOptions{}), p); !sameValues(got, want) {
				t.Error("without the channels of the cursor the values differ")
			}
			truth, err := stream.Truths(context.Background(), test, p)
			if err != nil {
				t.Fatal(err)
			}
			for k, name := range p.Outputs() {
				if !strings.Contains(name, "v") {
					continue
				}
				var d, y []float64
				for _, v := range want {
					d, y = append(d, v.value[k]), append(y, truth[v.end][k])
				}
				r := metrics.Correlation(d, y)
				t.Logf("%s: correlation %.3f", name, r)
				if r < 0.6 {
					t.Errorf("%s: correlation with the true velocity is %.3f, must be at least 0.6", name, r)
				}
			}
		})
	}
}

// gapped plays a recording without the samples [from, to).
type gapped struct {
	signal.Source
	from, to int64
}

func (g *gapped) Next(ctx context.Context) (signal.Chunk, error) {
	for {
		c, err := g.Source.Next(ctx)
		if err != nil || c.End() <= g.from || c.Start >= g.to {
			return c, err
		}
		if c.Start < g.from {
			return c.Slice(c.Start, g.from), nil
		}
		if c.End() > g.to {
			return c.Slice(g.to, c.End()), nil
		}
	}
}

// TestFollowGap: behind a gap a decoder that remembers begins anew: what it says does not depend on what came before.
func TestFollowGap(t *testing.T) {
	test := steered(t, 3)
	p := followed(t, following(t, "{use: kalman, shrinkage: 0.05}", velocities), steered(t, 1), steered(t, 2))
	from, to := int64(5003), int64(5500)
	whole := values(t, &gapped{ingest.Play(test, ingest.PlayOptions{Chunk: 100}), from, to}, p)
	late := values(t, &gapped{ingest.Play(test, ingest.PlayOptions{Chunk: 100}), 0, to}, p)
	i := slices.IndexFunc(whole, func(v value) bool { return v.end > to })
	if !sameValues(whole[i:], late) {
		t.Error("behind the gap the values depend on what came before it")
	}
}

// TestFollowCrossValidated: what cross-validation tests is what a live session would say: a pipeline fitted to the other runs
// gives the same bits. Quantities that have been shifted in time are not found.
func TestFollowCrossValidated(t *testing.T) {
	recs := []*signal.Recording{steered(t, 1), steered(t, 2), steered(t, 3)}
	spec := following(t, "{use: kalman, shrinkage: 0.05}", velocities)
	p := build(t, spec, pipeline.Cued)
	set, err := stream.Collect(context.Background(), recs, p, stream.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	folds, err := split.Rows(split.LeaveOneRunOutName, set.Group, 0)
	if err != nil {
		t.Fatal(err)
	}
	tested, err := stream.CrossValidate(context.Background(), spec, recs, set, signal.Labels{}, folds, nil)
	if err != nil || len(tested) != len(set.Windows) {
		t.Fatalf("%d tested of %d, %v", len(tested), len(set.Windows), err)
	}
	live := values(t, ingest.Play(recs[2], ingest.PlayOptions{}), followed(t, spec, recs[:2]...))
	k := 0
	for i, w := range set.Windows {
		if set.Group[i] != recs[2].Name {
			continue
		}
		if live[k].end != w.End() || !slices.Equal(live[k].value, tested[i].Value) {
			t.Fatalf("window %d: tested %v, live %v", i, tested[i].Value, live[k].value)
		}
		k++
	}

	// Test windows do not reach the fit: with other quantities in the test run the answers are the same.
	other := *set
	other.Truth, other.Quantities = slices.Clone(set.Truth), slices.Clone(set.Quantities)
	for i := range other.Quantities {
		if set.Group[i] == recs[2].Name {
			other.Quantities[i] = []float64{1e3, -1e3}
			other.Truth[i] = other.Quantities[i]
		}
	}
	again, err := stream.CrossValidate(context.Background(), spec, recs, &other, signal.Labels{}, folds[2:], nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range again {
		if !slices.Equal(a.Value, tested[i].Value) {
			t.Fatal("what is learned depends on the quantities of the test run")
		}
	}
}

// TestFollowGoal: with a goal training takes the velocities for what was meant, scores for what was recorded.
func TestFollowGoal(t *testing.T) {
	rec := steered(t, 1)
	p := build(t, following(t, "{use: refit}", wholeState), pipeline.Cued)
	set, err := stream.Collect(context.Background(), []*signal.Recording{rec}, p, stream.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	x := rec.Data.(signal.Memory)
	at := func(name string, w signal.Window) float64 { return x[rec.Info.Index(name)][w.End()-1] }
	for i, w := range set.Windows {
		v := [2]float64{at("cursor_vx", w), at("cursor_vy", w)}
		to := [2]float64{at("target_x", w) - at("cursor_x", w), at("target_y", w) - at("cursor_y", w)}
		speed, dist := math.Hypot(v[0], v[1]), math.Hypot(to[0], to[1])
		for a := range 2 {
			want := 0.0
			if dist > 0.05 {
				want = speed * to[a] / dist
			}
			if math.Abs(set.Quantities[i][2+a]-want) > 1e-12 || set.Truth[i][2+a] != v[a] {
				t.Fatalf("window %d, axis %d: learned %g, scored %g; want %g and %g", i, a, set.Quantities[i][2+a], set.Truth[i][2+a], want, v[a])
			}
		}
	}
}

func TestFollowErrors(t *testing.T) {
	rec := steered(t, 1)
	for _, tc := range []struct{ decoder, target, more, want string }{
		{"{use: lda}", velocities, "", "tells classes"},
		{"{use: kalman}", "{channels: []}", "", "channels is empty"},
		{"{use: kalman}", "{channels: [cursor_vx], outputs: [a, b]}", "", "outputs has 2 names for 1 channels"},
		{"{use: kalman}", "{channels: [cursor_vx, cursor_vx]}", "", "stands twice"},
		{"{use: kalman}", "{channels: [cursor_vx], average_s: -1}", "", "average_s is -1"},
		{"{use: kalman}", "{channels: [cursor_vx], goal: [target_x]}", "", "must be 1 positions and as many velocities"},
		{"{use: kalman}", "{channels: [cursor_vx], goal_radius: 1}", "", "does nothing without goal"},
		{"{use: kalman}", "{channels: [cursor_vx], inputs: [cursor_vx]}", "", "which is what must be found out"},
		{"{use: kalman}", "{channels: [cursor_vx], inputs: [G99]}", "", `"G99" is not among`},
		{"{use: kalman}", "{channels: [speed]}", "", `channel "speed" is not among`},
		{"{use: kalman}", "{chanels: [cursor_vx]}", "", `did you mean "channels"`},
		{"{use: kalman}", velocities, "live: {use: sliding, length_s: 0.25}\n", "leave out the section live"},
		{"{use: kalman}", velocities, "decide: {use: evidence}\n", "leave out the section decide"},
		{"{use: kalman}", velocities, "offline: [{use: fir_zero_phase, low_hz: 8, high_hz: 30}]\n", "use causal steps"},
		{"{use: refit}", "{channels: [cursor_vx]}", "", "positions and as many velocities"},
	} {
		err := func() error {
			spec, err := pipeline.Parse("bad.yaml", []byte(`
segment: {use: sliding, length_s: 0.25, step_s: 0.05}
features: [{use: logvar}]
decoder: `+tc.decoder+"\ntarget: "+tc.target+"\n"+tc.more))
			if err != nil {
				return err
			}
			p, err := pipeline.Build(spec, pipeline.Cued)
			if err != nil {
				return err
			}
			set, err := stream.Collect(context.Background(), []*signal.Recording{rec}, p, stream.Watch{})
			if err != nil {
				return err
			}
			return p.Fit(set, signal.Labels{})
		}()
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %s%s: error %v, must contain %q", tc.decoder, tc.target, tc.more, err, tc.want)
		}
	}
	spec := "segment: {use: events, events: {a: b, c: d}}\nfeatures: [{use: logvar}]\ndecoder: {use: kalman}\n"
	if s, err := pipeline.Parse("x", []byte(spec)); err != nil {
		t.Error(err)
	} else if _, err := pipeline.Build(s, pipeline.Cued); err == nil || !strings.Contains(err.Error(), "section target") {
		t.Errorf("a continuous decoder without target: %v", err)
	}
}
