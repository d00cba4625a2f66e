package pipeline

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/decoders"
	_ "github.com/gyrus-bci/gyrus/decoders/all"
	_ "github.com/gyrus-bci/gyrus/features/all"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	_ "github.com/gyrus-bci/gyrus/preprocess/all"
	"github.com/gyrus-bci/gyrus/stream/bundle"
)

// recorded is a whole run of a simulated person as one chunk.
func recorded(t *testing.T, run uint64) signal.Chunk {
	t.Helper()
	opt := synth.Defaults()
	opt.Run, opt.Channels, opt.TrialsPerClass = run, []string{"FC3", "FC4", "C3", "Cz", "C4", "CP3", "CPz", "CP4"}, 6
	rec, _, err := synth.MotorImagery(opt)
	if err != nil {
		t.Fatal(err)
	}
	c := signal.NewChunk(rec.Info, 0, int(rec.Len))
	if err := rec.Data.ReadSamples(c.X, 0); err != nil {
		t.Fatal(err)
	}
	c.Events = rec.Events
	return c
}

// fitted is the built-in pipeline fitted to one run.
func fitted(t *testing.T, which Which) (*Pipeline, *bundle.Bundle) {
	t.Helper()
	spec, err := Load("csp-lda")
	if err != nil {
		t.Fatal(err)
	}
	p := fit(t, spec)
	b, err := p.Bundle("test")
	if err != nil {
		t.Fatal(err)
	}
	q, err := FromBundle("test.gyrus", b, which)
	if err != nil {
		t.Fatal(err)
	}
	return q, b
}

// fit is the pipeline of spec, fitted to one run.
func fit(t *testing.T, spec *Spec) *Pipeline {
	t.Helper()
	p, err := Build(spec, Cued)
	if err != nil {
		t.Fatal(err)
	}
	c := recorded(t, 0)
	if err := p.Start(c.Info); err != nil {
		t.Fatal(err)
	}
	ws, err := p.Windows(c)
	if err != nil {
		t.Fatal(err)
	}
	set := &Set{Classes: p.Classes()}
	for _, w := range ws {
		set.Info, set.Windows, set.Group = w.Info, append(set.Windows, w.Clone()), append(set.Group, "a")
	}
	y, err := set.Labels()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.FitChecks(set.Windows); err != nil {
		t.Fatal(err)
	}
	if err := p.Fit(set, y); err != nil {
		t.Fatal(err)
	}
	return p
}

// scores decodes one chunk.
func scores(t *testing.T, p *Pipeline, c signal.Chunk) [][]float64 {
	t.Helper()
	if err := p.Start(c.Info); err != nil {
		t.Fatal(err)
	}
	preds, err := p.Push(c)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]float64
	for _, p := range preds {
		all = append(all, slices.Clone(p.Scores))
	}
	return all
}

// TestChannelOrder: channels are found by name, in any order and among others, and the scores are the same to the bit.
func TestChannelOrder(t *testing.T) {
	p, _ := fitted(t, All)
	c := recorded(t, 1)
	want := scores(t, p, c)
	if len(want) < 100 {
		t.Fatalf("only %d windows", len(want))
	}
	order := []int{5, 0, 7, 2, 1, 3, 6, 4}
	mixed := signal.Chunk{Info: c.Info.Pick(order), X: make([][]float64, len(order)), Events: c.Events}
	for i, ch := range order {
		mixed.X[i] = c.X[ch]
	}
	mixed.Info.Channels = append(mixed.Info.Channels, signal.Channel{Name: "EOG", Kind: signal.EOG, Unit: signal.Microvolt})
	mixed.X = append(mixed.X, make([]float64, c.Len()))
	if d := cmp.Diff(want, scores(t, p, mixed)); d != "" {
		t.Error(d)
	}
}

// TestOtherInput: a stream that does not fit is refused with what is missing.
func TestOtherInput(t *testing.T) {
	p, _ := fitted(t, Cued)
	for name, tc := range map[string]struct {
		change func(*signal.Info)
		want   string
	}{
		"rate":            {func(i *signal.Info) { i.Rate = 250 }, "250 Hz, the pipeline is made for 160 Hz"},
		"another montage": {func(i *signal.Info) { i.Channels[2].Name, i.Channels[4].Name = "T7", "T8" }, "channels C3, C4 of the 8 that the pipeline is made for are not among"},
		"unit":            {func(i *signal.Info) { i.Channels[0].Unit = "V" }, `channel FC3 is eeg in "V", the pipeline is made for eeg in "µV"`},
		"kind":            {func(i *signal.Info) { i.Channels[0].Kind = signal.Misc }, "channel FC3 is misc"},
		"broken":          {func(i *signal.Info) { i.Rate = math.NaN() }, "sampling rate is NaN"},
	} {
		info := *p.Input()
		info.Channels = slices.Clone(info.Channels)
		tc.change(&info)
		err := p.Start(&info)
		var bad *InputError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want an InputError with %q", name, err, tc.want)
		}
	}
}

// TestOtherSpec: a bundle loads into no pipeline but its own.
func TestOtherSpec(t *testing.T) {
	_, b := fitted(t, Cued)
	for name, tc := range map[string]struct{ from, to, want string }{
		"band":       {"high_hz: 30", "high_hz: 35", "preprocess[0] is"},
		"window":     {"tmax_s: 3.5", "tmax_s: 3.4", "segment is"},
		"classes":    {"T2: right", "T2: feet", "segment is"},
		"components": {"components: 6", "components: 4", "features[0] is"},
		"decoder":    {"shrinkage: auto", "shrinkage: 0.1", "decoder is"},
		"a step":     {"features:\n  - {use: csp, components: 6}\n", "features:\n", "features has 1 steps, there 2"},
	} {
		text, err := gallery.ReadFile("gallery/csp-lda.yaml")
		if err != nil {
			t.Fatal(err)
		}
		spec, err := Parse("other.yaml", []byte(strings.Replace(string(text), tc.from, tc.to, 1)))
		if err != nil {
			t.Fatal(err)
		}
		p, err := Build(spec, Cued)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Restore(b); err == nil || !strings.Contains(err.Error(), "of another pipeline: "+tc.want) {
			t.Errorf("%s: got %v, want a refusal with %q", name, err, tc.want)
		}
	}
}

// TestBundleState: arrays that are missing, misshapen or too many are refused.
func TestBundleState(t *testing.T) {
	for name, change := range map[string]func(signal.State){
		"missing":   func(s signal.State) { delete(s, "features.0.filters") },
		"misshapen": func(s signal.State) { s["features.0.filters"] = signal.NewArray(make([]float64, 6), 2, 3) },
		"extra":     func(s signal.State) { s["features.9.w"] = signal.NewArray([]float64{1}, 1) },
	} {
		_, b := fitted(t, Cued)
		change(b.State)
		var bad *bundle.ReadError
		if _, err := FromBundle("x.gyrus", b, Cued); !errors.As(err, &bad) || !strings.Contains(err.Error(), "x.gyrus") {
			t.Errorf("%s: got %v, want a ReadError that names the file", name, err)
		}
	}
}

// TestBundleShapes: an array of another shape than the model needs, whatever step it belongs to, is refused, or every window fails with an
// error. Nothing panics, whatever numbers there are: a session that swaps to such a bundle would end.
func TestBundleShapes(t *testing.T) {
	spec, err := Parse("test.yaml", []byte(`
preprocess: [{use: bandpass, low_hz: 8, high_hz: 30, order: 4}]
segment: {use: events, tmin_s: 0.5, tmax_s: 2.5, events: {T1: left, T2: right}}
live: {use: sliding, length_s: 2, step_s: 0.5}
reject: [{use: potato, estimator: oas}]
features: [{use: csp, components: 4}, {use: logvar}]
decoder: {use: lda}
decide: {use: evidence, false_per_min: 5}
`))
	if err != nil {
		t.Fatal(err)
	}
	p := fit(t, spec)
	quiet := decoders.Stretch{Scores: slices.Repeat([][]float64{{0.5, 0.5}}, 6000)}
	if err := p.Resting().FitRest([]decoders.Stretch{quiet}, 0.5); err != nil {
		t.Fatal(err)
	}
	c := recorded(t, 1)
	look := func(v float64) []float64 { return slices.Repeat([]float64{v}, 2*len(c.Info.Channels)) }
	looks, times := [][]float64{look(0.5), look(1), look(2)}, []float64{1, 2, 3}
	part := RestPart{Looks: looks, Times: times, Begins: []bool{true, false, false}, At: []int{0, 1, 2}, In: []bool{true, true, true}, Others: looks}
	if _, err := p.FitLikeness(looks, []RestPart{part, part}); err != nil {
		t.Fatal(err)
	}
	b, err := p.Bundle("test")
	if err != nil {
		t.Fatal(err)
	}
	whole := maps.Clone(b.State)
	prefixes := map[string]int{}
	for name, a := range whole {
		part, _, _ := strings.Cut(name, ".")
		prefixes[part]++
		for dim := range a.Shape {
			for _, n := range []int{0, a.Shape[dim] - 1, a.Shape[dim] + 1, 2 * a.Shape[dim]} {
				shape := slices.Clone(a.Shape)
				shape[dim] = n
				size := 1
				for _, k := range shape {
					size *= k
				}
				if n < 0 || n == a.Shape[dim] {
					continue
				}
				b.State = maps.Clone(whole)
				b.State[name] = signal.NewArray(slices.Repeat([]float64{0.5}, size), shape...)
				q, err := FromBundle("x.gyrus", b, All)
				if err == nil { // a decoder is not told how many numbers it will get
					if err = q.Start(c.Info); err == nil {
						_, err = q.Push(c)
					}
				}
				if err == nil {
					t.Errorf("%s is taken with shape %v, must be %v, and windows are decoded", name, shape, a.Shape)
				}
			}
		}
		for _, v := range []float64{math.NaN(), math.Inf(1), 0, -1} {
			b.State = maps.Clone(whole)
			b.State[name] = signal.NewArray(slices.Repeat([]float64{v}, len(a.Data)), a.Shape...)
			q, err := FromBundle("x.gyrus", b, All)
			if err != nil {
				continue
			}
			if err := q.Start(c.Info); err != nil {
				continue
			}
			preds, err := q.Push(c)
			if err == nil && len(preds) == 0 {
				t.Errorf("%s: all %g: no window and no error", name, v)
			}
		}
	}
	for _, part := range []string{"reject", "features", "decoder", "decide", "likeness"} {
		if prefixes[part] == 0 {
			t.Errorf("the bundle has no array of %s: %v", part, prefixes)
		}
	}
}

func TestUnfitted(t *testing.T) {
	spec, err := Load("csp-lda")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Build(spec, Cued)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Bundle("test"); err == nil {
		t.Error("a pipeline that has learned nothing was saved")
	}
	c := recorded(t, 0)
	if err := p.Start(c.Info); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Push(c); err == nil || !strings.Contains(err.Error(), "train it") {
		t.Errorf("got %v, want an error that says what to do", err)
	}
}

// TestOrderOfSteps: what no data could mend is refused when the pipeline is built.
func TestOrderOfSteps(t *testing.T) {
	for features, want := range map[string]string{
		"[{use: csp}]":                              "no step turns windows into rows",
		"[{use: logvar}, {use: csp}]":               "features[1] works on windows, the step before gives rows",
		"[{use: logvar}, {use: logvar}]":            "features[1] works on windows",
		"[{use: csp, components: 6}, {use: logva}]": `did you mean "logvar"`,
	} {
		spec, err := Parse("f.yaml", []byte("segment: {use: events, events: {T1: a, T2: b}}\nfeatures: "+features+"\ndecoder: {use: lda}\n"))
		if err != nil {
			t.Fatal(err)
		}
		var bad *SpecError
		if _, err := Build(spec, Cued); !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want a SpecError with %q", features, err, want)
		}
	}
	spec, err := Parse("f.yaml", []byte("segment: {use: sliding}\nfeatures: [{use: logvar}]\ndecoder: {use: lda}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Build(spec, Cued); err == nil || !strings.Contains(err.Error(), "without a class") {
		t.Errorf("windows without a class: got %v", err)
	}
}

// TestBackwards: samples that come a second time are an error, not a silent restart.
func TestBackwards(t *testing.T) {
	p, _ := fitted(t, Cued)
	c := recorded(t, 1)
	if err := p.Start(c.Info); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Push(c.Slice(0, 100)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Push(c.Slice(99, 200)); err == nil || !strings.Contains(err.Error(), "sample 99 comes again") {
		t.Errorf("got %v, want an error that names the sample", err)
	}
}

// TestAnew: a source that begins anew is decoded as if the stream began there.
func TestAnew(t *testing.T) {
	p, _ := fitted(t, All)
	c := recorded(t, 1)
	want := scores(t, p, c.Slice(0, 2000))
	if err := p.Start(c.Info); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Push(c.Slice(0, 700)); err != nil {
		t.Fatal(err)
	}
	again := c.Slice(0, 2000)
	again.Anew = true
	preds, err := p.Push(again)
	if err != nil {
		t.Fatal(err)
	}
	var got [][]float64
	for _, q := range preds {
		got = append(got, slices.Clone(q.Scores))
	}
	if d := cmp.Diff(want, got); d != "" || len(want) < 10 {
		t.Errorf("%d predictions; %s", len(want), d)
	}
	if s := p.Stats(); s.Restarts != 1 || s.Gaps != 0 {
		t.Errorf("%d restarts and %d gaps, want one restart", s.Restarts, s.Gaps)
	}
}

// TestSteadyState: once the longest chunk has been seen, decoding allocates nothing.
func TestSteadyState(t *testing.T) {
	p, _ := fitted(t, All)
	c := recorded(t, 1)
	if err := p.Start(c.Info); err != nil {
		t.Fatal(err)
	}
	const n = 16
	next := int64(0)
	var chunks []signal.Chunk
	for at := int64(0); at+n <= c.End(); at += n {
		s := c.Slice(at, at+n)
		s.Events = nil // an event is copied into its window
		chunks = append(chunks, s)
	}
	push := func() {
		if _, err := p.Push(chunks[next]); err != nil {
			t.Fatal(err)
		}
		next++
	}
	for range 40 { // fills the longest window
		push()
	}
	if got := testing.AllocsPerRun(50, push); got != 0 {
		t.Errorf("%g allocations per chunk, want none", got)
	}
}

// TestSchema: every registered step is in the schema, with a description of every parameter.
func TestSchema(t *testing.T) {
	docs, err := Steps()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range docs {
		for _, p := range d.Params {
			if p.Doc == "" {
				t.Errorf("%s %s: parameter %s has no doc tag", d.Section, d.Name, p.Key)
			}
		}
	}
	if len(docs) < 8 {
		t.Errorf("only %d steps are described", len(docs))
	}
	if _, err := Schema(); err != nil {
		t.Error(err)
	}
	var page strings.Builder
	if err := Markdown(&page); err != nil || !strings.Contains(page.String(), "### `bandpass`") {
		t.Errorf("the page of steps: %v", err)
	}
}
