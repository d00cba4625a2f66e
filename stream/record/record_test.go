package record_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"go.uber.org/goleak"

	_ "github.com/gyrus-bci/gyrus/decoders/all"
	_ "github.com/gyrus-bci/gyrus/features/all"
	"github.com/gyrus-bci/gyrus/ingest"
	_ "github.com/gyrus-bci/gyrus/ingest/all"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	_ "github.com/gyrus-bci/gyrus/preprocess/all"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/record"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("GYRUS_TEST_RECORD"); path != "" {
		recordForEver(path)
	}
	goleak.VerifyTestMain(m)
}

func person(t testing.TB, run uint64) *signal.Recording {
	t.Helper()
	opt := synth.Defaults()
	opt.Run = run
	opt.Channels, opt.TrialsPerClass = []string{"FC3", "FC4", "C3", "Cz", "C4", "CP3", "CPz", "CP4"}, 6
	rec, _, err := synth.MotorImagery(opt)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// trained is the built-in pipeline called name, fitted to a run of a simulated person.
func trained(t *testing.T, name string) *pipeline.Pipeline {
	t.Helper()
	spec, err := pipeline.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	q, err := stream.FitLive(t.Context(), "test", spec, []*signal.Recording{person(t, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// clockBegin is when the recorded sessions begin, in nanoseconds since 1970.
const clockBegin = 1_800_000_000_123_456_789

// live runs rec through p and records it, as a session does, without a bus.
func live(t *testing.T, path string, rec *signal.Recording, p *pipeline.Pipeline, sizes func() int) (record.Stats, []record.Decision) {
	t.Helper()
	r, err := record.Create(record.Options{Path: path, Info: rec.Info, Outputs: p.Outputs(), About: map[string]string{"bundle": "m.gyrus"}})
	if err != nil {
		t.Fatal(err)
	}
	var all []record.Decision
	sink := stream.SinkFunc(func(_ context.Context, pr *pipeline.Prediction) error {
		if pr.Silent {
			return nil
		}
		d := record.Of(pr)
		d.TArrived, d.TDecided, d.Model = pr.Time+5, pr.Time+9, strings.Repeat("ab", 32)
		d.Fate, d.Seq = record.Sent, uint64(len(all)+1)
		r.Decision(d)
		d.Values = slices.Clone(d.Values)
		all = append(all, d)
		return nil
	})
	src := &timed{ingest.Play(rec, ingest.PlayOptions{Sizes: sizes})}
	if _, err := stream.Run(t.Context(), src, p, sink, stream.Options{OnChunk: r.Chunk}); err != nil {
		t.Fatal(err)
	}
	r.Log(record.Entry{Time: clockBegin, Sample: rec.Len, Kind: record.KindEnd, Detail: record.Detail{Why: "the source ended", Flushed: true}})
	r.Clock(record.Clock{Time: clockBegin, Stream: "eeg", Health: signal.Health{State: signal.LinkConnected, OffsetS: 0.25, DriftPPM: math.NaN()}})
	st, err := r.Close()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.Close(); err != nil || again.Samples != st.Samples {
		t.Errorf("closed again: %+v, %v", again, err)
	}
	return st, all
}

// timed stamps chunks as a session does.
type timed struct{ signal.Source }

func (s *timed) Next(ctx context.Context) (signal.Chunk, error) {
	c, err := s.Source.Next(ctx)
	if err == nil {
		c.Time = clockBegin + int64(math.Round(float64(c.Start)*1e9/c.Info.Rate))
	}
	return c, err
}

// TestRecordAndReplay: what was recorded has the same bits, and runs to the same decisions again; another model's
// decisions are laid beside them.
func TestRecordAndReplay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run1.arrow")
	rec := person(t, 2)
	rec.Events[1].Channels, rec.Events[2].Channels = signal.ChannelsOf("C3"), signal.ChannelsOf("Cz", "no such \"name\" é")
	p := trained(t, "csp-lda")
	st, want := live(t, path, rec, p, func() int { return 13 })
	if st.Samples != rec.Len || st.Decisions != int64(len(want)) || len(want) < 500 || st.Events != int64(len(rec.Events)) || st.Dropped != 0 || len(st.Files) != 5 || st.Bytes == 0 {
		t.Errorf("%+v, the recording has %d samples, %d events, %d decisions", st, rec.Len, len(rec.Events), len(want))
	}
	r, err := record.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	if len(r.Deviations)+len(r.Samples.Deviations) != 0 || !slices.Equal(r.Outputs, p.Outputs()) || !strings.Contains(string(r.About), "m.gyrus") {
		t.Errorf("deviations %v %v, outputs %v, about %s", r.Deviations, r.Samples.Deviations, r.Outputs, r.About)
	}
	if !r.Samples.Begin.Equal(time.Unix(0, clockBegin)) {
		t.Errorf("begins at %v", r.Samples.Begin)
	}
	same(t, rec, r.Samples)
	if !slices.EqualFunc(r.Decisions, want, func(a, b record.Decision) bool { return fmt.Sprintf("%+v", a) == fmt.Sprintf("%+v", b) }) {
		t.Errorf("%d decisions are read back, %d were made, or some differ", len(r.Decisions), len(want))
	}
	again, err := record.Replay(t.Context(), r, p)
	if err != nil {
		t.Fatal(err)
	}
	if c := record.Compare(r.Decisions, again); c.Windows != len(want) || c.Exact != len(want) || len(c.Differences) != 0 {
		t.Errorf("the replay had %d windows, %d exact, %d differences, want all %d exact", c.Windows, c.Exact, len(c.Differences), len(want))
	}
	for i, d := range again { // the recorded clock
		if d.TSample != want[i].TSample {
			t.Fatalf("decision %d: the newest sample is of %d, was of %d", i, d.TSample, want[i].TSample)
		}
	}
	other, err := record.Replay(t.Context(), r, trained(t, "mdm"))
	if err != nil {
		t.Fatal(err)
	}
	c := record.Compare(r.Decisions, other)
	if c.Windows != len(want) || c.Exact != 0 || c.Same == 0 || len(c.Differences) == 0 || c.Same+len(c.Differences) != c.Windows {
		t.Errorf("another model: %d windows, %d exact, %d same, %d differences", c.Windows, c.Exact, c.Same, len(c.Differences))
	}
	for _, d := range c.Differences {
		if d.Recorded.Label == d.Replayed.Label {
			t.Fatalf("listed as different: %+v and %+v", d.Recorded, d.Replayed)
		}
	}
}

// same holds the samples of two recordings against each other, bit for bit.
func same(t *testing.T, a, b *signal.Recording) {
	t.Helper()
	if a.Len != b.Len {
		t.Fatalf("%d samples, want %d", b.Len, a.Len)
	}
	x, y := signal.NewChunk(a.Info, 0, int(a.Len)), signal.NewChunk(b.Info, 0, int(a.Len))
	if err := errors.Join(a.Data.ReadSamples(x.X, 0), b.Data.ReadSamples(y.X, 0)); err != nil {
		t.Fatal(err)
	}
	for ch := range x.X {
		if !slices.Equal(x.X[ch], y.X[ch]) {
			t.Fatalf("channel %d differs", ch)
		}
	}
	if !slices.Equal(a.Events, b.Events) {
		t.Errorf("events %v, want %v", b.Events, a.Events)
	}
}

// TestXDF: the same recording in XDF, read back.
func TestXDF(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run1.xdf")
	rec := person(t, 2)
	st, want := live(t, path, rec, trained(t, "csp-lda"), nil)
	if len(st.Files) != 1 {
		t.Errorf("files %v", st.Files)
	}
	got, err := ingest.Open(os.DirFS(filepath.Dir(path)), "run1.xdf")
	if err != nil {
		t.Fatal(err)
	}
	x, y := signal.NewChunk(rec.Info, 0, int(rec.Len)), signal.NewChunk(rec.Info, 0, int(rec.Len))
	if err := errors.Join(rec.Data.ReadSamples(x.X, 0), got.Data.ReadSamples(y.X, got.Runs()[0].Start)); err != nil {
		t.Fatal(err)
	}
	for ch := range x.X {
		if !slices.Equal(x.X[ch], y.X[ch]) {
			t.Fatalf("channel %d differs", ch)
		}
	}
	if !slices.EqualFunc(got.Events, rec.Events, func(a, b signal.Event) bool { return a.Label == b.Label }) {
		t.Errorf("events %v, want those of the recording alone: %v", got.Events, rec.Events)
	}
	journals := map[string][]signal.Event{}
	for _, j := range got.Journals {
		journals[j.Name+" "+j.Kind] = j.Lines
	}
	decisions := journals["run1-decisions Decisions"]
	if len(journals) != 3 || len(journals["run1-clock Clock"]) != 1 || len(journals["run1-log Log"]) != 2 || len(decisions) != len(want)+1 {
		t.Fatalf("journals %v, want the clock once, two lines of the log, what the session was and %d decisions", journals, len(want))
	}
	for k, e := range decisions[1:] { // behind what the session was
		var d struct{ Start, End int64 }
		if err := json.Unmarshal([]byte(e.Label), &d); err != nil || d.End <= d.Start {
			t.Fatalf("decision %d: %s: %v", k, e.Label, err)
		}
	}
	if err := got.Close(); err != nil {
		t.Error(err)
	}
}

// TestRestart: a source that begins anew is a gap, and decisions stay with their samples.
func TestRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.arrow")
	info := &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}}
	r, err := record.Create(record.Options{Path: path, Info: info, Outputs: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	chunk := func(start int64, at float64, anew bool) signal.Chunk {
		c := signal.NewChunk(info, start, 50)
		c.Time, c.Anew = clockBegin+int64(at*1e9), anew
		for i := range c.X[0] {
			c.X[0][i] = at
		}
		c.Events = []signal.Event{{Sample: start + 3, Label: "x"}}
		return c
	}
	r.Chunk(chunk(1000, 0, false))
	r.Chunk(chunk(1050, 0.5, false))
	r.Decision(record.Decision{Start: 1020, End: 1100, Kind: "class", Label: "a", Values: []float64{1, 0}})
	r.Chunk(chunk(0, 3, true)) // 2 s later
	r.Decision(record.Decision{Start: 10, End: 50, Kind: "none", Rejected: "flat"})
	r.Chunk(chunk(20, 3.2, false)) // steps back without a word
	st, err := r.Close()
	if err != nil || st.Restarts != 2 {
		t.Fatalf("%+v, %v", st, err)
	}
	got, err := record.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Close() }()
	if want := []signal.Span{{Start: 0, Len: 100}, {Start: 300, Len: 50}, {Start: 351, Len: 50}}; !slices.Equal(got.Samples.Spans, want) {
		t.Errorf("spans %v, want %v", got.Samples.Spans, want)
	}
	if d := got.Decisions; len(d) != 2 || d[0].Start != 20 || d[0].End != 100 || d[1].Start != 310 || d[1].Rejected != "flat" || len(d[1].Values) != 0 {
		t.Errorf("decisions %+v", d)
	}
	if e := got.Samples.Events; len(e) != 4 || e[2].Sample != 303 || e[3].Sample != 354 {
		t.Errorf("events %+v", e)
	}
}

// TestLateEvents: what is known late is read at its sample, also where that has been written, is before the beginning, or belongs to
// the run before; and no event is there twice.
func TestLateEvents(t *testing.T) {
	info := &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}}
	for _, path := range []string{"r.arrow", "r.xdf"} {
		path = filepath.Join(t.TempDir(), path)
		r, err := record.Create(record.Options{Path: path, Info: info})
		if err != nil {
			t.Fatal(err)
		}
		chunk := func(start, n int64, at float64, anew bool, late, on []signal.Event) {
			c := signal.NewChunk(info, start, int(n))
			c.Time, c.Anew, c.Late, c.Events = clockBegin+int64(at*1e9), anew, late, on
			r.Chunk(c)
		}
		ev := func(label string, at float64) signal.Event {
			return signal.Event{Sample: int64(math.Round(at * 100)), Onset: at, Label: label}
		}
		chunk(1000, 250, 0, false, nil, []signal.Event{ev("on time", 10.5)})
		chunk(1250, 50, 2.5, false, []signal.Event{ev("before", 9.9), ev("written", 10.2), ev("waiting", 12.49)}, []signal.Event{ev("now", 12.5)})
		chunk(1300, 200, 3, false, []signal.Event{ev("again", 10.2)}, nil)
		r.Event(ev("own cue", 14.99)) // recorded already
		chunk(0, 100, 8, true, []signal.Event{ev("run before", -5)}, []signal.Event{ev("new run", 0.5)})
		st, err := r.Close()
		if err != nil || st.Events != 9 {
			t.Fatalf("%s: %+v, %v; want 9 events", path, st, err)
		}
		rec, err := ingest.Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
		if err != nil {
			t.Fatal(err)
		}
		want := []struct {
			label  string
			sample int64
		}{{"before", -10}, {"written", 20}, {"again", 20}, {"on time", 50}, {"waiting", 249}, {"now", 250}, {"run before", 300}, {"own cue", 499}, {"new run", 850}}
		var got []signal.Event
		got = append(got, rec.Events...)
		if len(got) != len(want) {
			t.Fatalf("%s: events %+v", path, got)
		}
		for k, w := range want {
			if e := got[k]; e.Label != w.label || e.Sample != w.sample || math.Abs(e.Onset-float64(w.sample)/100) > 1e-6 {
				t.Errorf("%s: event %d is %+v, want %q at sample %d", path, k, e, w.label, w.sample)
			}
		}
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	}
}

// lateMarks is a source that knows of some events only later than their samples.
type lateMarks struct {
	signal.Source
	held []signal.Event
	n    int
}

func (s *lateMarks) Next(ctx context.Context) (signal.Chunk, error) {
	c, err := s.Source.Next(ctx)
	if err != nil {
		return c, err
	}
	var on []signal.Event
	for _, e := range c.Events {
		if s.n++; s.n%3 == 0 {
			on = append(on, e)
		} else {
			s.held = append(s.held, e)
		}
	}
	c.Events = on
	var wait []signal.Event
	for _, e := range s.held {
		if c.Start-e.Sample > map[string]int64{"T0": 40, "T1": 40, "T2": 400}[e.Label] { // by a quarter of a second, or by too much
			c.Late = append(c.Late, e)
		} else {
			wait = append(wait, e)
		}
	}
	s.held = wait
	return c, nil
}

// TestReplayLate: a session whose windows are cut around events that came late is replayed to the same bits, although the recording has the
// events where they were.
func TestReplayLate(t *testing.T) {
	spec, err := pipeline.Load("csp-lda")
	if err != nil {
		t.Fatal(err)
	}
	p, err := stream.Fit(t.Context(), spec, []*signal.Recording{person(t, 1)})
	if err != nil {
		t.Fatal(err)
	}
	rec := person(t, 2)
	path := filepath.Join(t.TempDir(), "r.arrow")
	r, err := record.Create(record.Options{Path: path, Info: rec.Info, Outputs: p.Outputs()})
	if err != nil {
		t.Fatal(err)
	}
	var all []record.Decision
	sink := stream.SinkFunc(func(_ context.Context, pr *pipeline.Prediction) error {
		d := record.Of(pr)
		r.Decision(d)
		d.Values = slices.Clone(d.Values)
		all = append(all, d)
		return nil
	})
	src := &lateMarks{Source: &timed{ingest.Play(rec, ingest.PlayOptions{Chunk: 37})}}
	if _, err := stream.Run(t.Context(), src, p, sink, stream.Options{OnChunk: r.Chunk}); err != nil {
		t.Fatal(err)
	}
	unseen, _ := p.Unseen()
	if unseen == 0 {
		t.Fatal("no event was too late")
	}
	untold := 0 // cues among the last events
	for _, e := range src.held {
		if e.Label != "T0" {
			untold++
		}
	}
	r.Log(record.Entry{Time: clockBegin, Sample: rec.Len, Kind: record.KindEnd, Detail: record.Detail{Flushed: true}})
	if _, err := r.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := record.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Close() }()
	var samples, want []int64
	for _, e := range got.Samples.Events {
		samples = append(samples, e.Sample)
	}
	for _, e := range rec.Events {
		want = append(want, e.Sample)
	}
	late := 0
	for _, e := range got.Log {
		if e.Kind == record.KindLate {
			late++
		}
	}
	if !slices.Equal(samples, want) || late < len(want)/2 {
		t.Errorf("events at %v, %d of them late, want all at %v", samples, late, want)
	}
	again, err := record.Replay(t.Context(), got, p)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 || len(all) == len(want) {
		t.Fatalf("%d decisions on %d events: some must be too late, and some must not", len(all), len(want))
	}
	if c := record.Compare(all, again); c.Exact != len(all) || len(c.Differences) != 0 {
		t.Errorf("%d of %d decisions are the same: %+v", c.Exact, len(all), c.Differences)
	}
	// What is cut of the recording as it lies there has the same windows, and those around the events that were too late besides.
	offline := map[int64]record.Decision{}
	keep := stream.SinkFunc(func(_ context.Context, pr *pipeline.Prediction) error {
		d := record.Of(pr)
		d.Values = slices.Clone(d.Values)
		offline[d.Start] = d
		return nil
	})
	if _, err := stream.Run(t.Context(), ingest.Play(got.Samples, ingest.PlayOptions{}), p, keep, stream.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if o, ok := offline[d.Start]; !ok || o.End != d.End || o.Label != d.Label || !slices.Equal(o.Values, d.Values) {
			t.Errorf("the window [%d, %d) is decided %q %v live, of the recording %q %v", d.Start, d.End, d.Label, d.Values, o.Label, o.Values)
		}
	}
	if len(offline) != len(all)+int(unseen)+untold {
		t.Errorf("of the recording there are %d windows, live there were %d, %d unseen and %d that were not told of to the end", len(offline), len(all), unseen, untold)
	}
}

// TestOldDecisions: decisions in the layout of versions that did not write down the fate of commands, written here column by
// column, are read, with a fate that is not known.
func TestOldDecisions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.arrow")
	info := &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}}
	r, err := record.Create(record.Options{Path: path, Info: info})
	if err != nil {
		t.Fatal(err)
	}
	r.Chunk(signal.NewChunk(info, 0, 100))
	if _, err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(strings.TrimSuffix(path, ".arrow") + ".log.arrow"); err != nil {
		t.Fatal(err)
	}
	var fields []arrow.Field
	for _, f := range []struct {
		name string
		of   arrow.DataType
	}{
		{"start", arrow.PrimitiveTypes.Int64},
		{"end", arrow.PrimitiveTypes.Int64},
		{"t_sample_ns", arrow.PrimitiveTypes.Int64},
		{"t_arrived_ns", arrow.PrimitiveTypes.Int64},
		{"t_decided_ns", arrow.PrimitiveTypes.Int64},
		{"kind", arrow.BinaryTypes.String},
		{"label", arrow.BinaryTypes.String},
		{"confidence", arrow.PrimitiveTypes.Float64},
		{"rejected", arrow.BinaryTypes.String},
		{"model_sha256", arrow.BinaryTypes.String},
		{"value_a", arrow.PrimitiveTypes.Float64},
		{"value_b", arrow.PrimitiveTypes.Float64},
	} {
		fields = append(fields, arrow.Field{Name: f.name, Type: f.of, Nullable: strings.HasPrefix(f.name, "value_")})
	}
	md := arrow.NewMetadata([]string{"gyrus_decisions"}, []string{"1"})
	schema := arrow.NewSchema(fields, &md)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for k, v := range []int64{10, 60, 1, 2, 3} {
		b.Field(k).(*array.Int64Builder).Append(v)
	}
	for k, v := range map[int]string{5: "class", 6: "b", 8: "", 9: "cafe"} {
		b.Field(k).(*array.StringBuilder).Append(v)
	}
	for k, v := range map[int]float64{7: 0.75, 10: 0.25, 11: 0.75} {
		b.Field(k).(*array.Float64Builder).Append(v)
	}
	rows := b.NewRecordBatch()
	defer rows.Release()
	f, err := os.Create(strings.TrimSuffix(path, ".arrow") + ".decisions.arrow")
	if err != nil {
		t.Fatal(err)
	}
	w := ipc.NewWriter(f, ipc.WithSchema(schema))
	if err := errors.Join(w.Write(rows), w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	got, err := record.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Close() }()
	want := record.Decision{Start: 10, End: 60, TSample: 1, TArrived: 2, TDecided: 3, Kind: "class", Label: "b", Confidence: 0.75, Values: []float64{0.25, 0.75}, Model: "cafe"}
	if len(got.Decisions) != 1 || fmt.Sprintf("%+v", got.Decisions[0]) != fmt.Sprintf("%+v", want) || !slices.Equal(got.Outputs, []string{"a", "b"}) || got.Log != nil {
		t.Errorf("outputs %v, log %v, decisions %+v, want %+v", got.Outputs, got.Log, got.Decisions, want)
	}
}

// TestEndings: the ending of another format is refused, with what to do; any other dot is of the name.
func TestEndings(t *testing.T) {
	for path, want := range map[string]string{
		"r.edf":      "record: r.edf: the ending is .edf, must be .arrow, .xdf or none: record to r.arrow, and then: gyrus convert r.arrow r.edf",
		"sub/R.BDF":  "record: sub/R.BDF: the ending is .BDF, must be .arrow, .xdf or none: record to sub/R.arrow, and then: gyrus convert sub/R.arrow sub/R.BDF",
		"r.vhdr":     "gyrus convert r.arrow r.vhdr",
		"r.parquet":  "gyrus convert r.arrow r.parquet",
		"r.csv.gz":   "record: r.csv.gz: the ending is .csv.gz, must be .arrow, .xdf or none",
		"r.gdf":      "record: r.gdf: the ending is .gdf, must be .arrow, .xdf or none",
		"r.edf.xdf":  "",
		"r.arrow":    "",
		"R.XDF":      "",
		"run1":       "",
		"S01.run2":   "",
		"sub.edf/r1": "",
	} {
		err := record.Check(path)
		var other *record.EndingError
		if is := errors.As(err, &other); is != (want != "") || is && !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// TestRefuses: nothing is replaced, and nothing is left of a recording that could not begin.
func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	info := person(t, 1).Info
	there := filepath.Join(dir, "a.decisions.arrow")
	if err := os.WriteFile(there, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := record.Create(record.Options{Path: filepath.Join(dir, "a.arrow"), Info: info, Outputs: []string{"x"}}); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("over a file: %v", err)
	}
	if _, err := record.Create(record.Options{Path: filepath.Join(dir, "b.arrow"), Info: info, About: func() {}}); err == nil {
		t.Error("what cannot be described was begun")
	}
	if _, err := record.Create(record.Options{Path: filepath.Join(dir, "none", "b.arrow"), Info: info}); err == nil {
		t.Error("in a folder that is not there")
	}
	if _, err := record.Create(record.Options{Path: filepath.Join(dir, "b.arrow"), Info: &signal.Info{}}); err == nil {
		t.Error("without channels")
	}
	for _, path := range []string{"", dir + string(filepath.Separator), filepath.Join(dir, ".arrow"), filepath.Join(dir, ".XDF"), ".", ".."} {
		if _, err := record.Create(record.Options{Path: path, Info: info}); err == nil || !strings.Contains(err.Error(), "is no name of a recording: give it one, such as ") {
			t.Errorf("a recording called %q: %v", path, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || !slices.Equal(left, []string{there}) {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestEndingInAnyCase: .ARROW is the ending of a recording too, which is read back by that name.
func TestEndingInAnyCase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "RUN.ARROW")
	info := person(t, 1).Info
	w, err := record.Create(record.Options{Path: path, Info: info})
	if err != nil {
		t.Fatal(err)
	}
	w.Chunk(signal.NewChunk(info, 0, 50))
	st, err := w.Close()
	if err != nil || st.Files[0] != path {
		t.Errorf("%v: files %v", err, st.Files)
	}
	for _, f := range st.Files {
		if strings.Contains(f, "ARROW.") {
			t.Errorf("%s: the ending is a part of the name", f)
		}
	}
	r, err := record.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if r.Samples.Len != 50 || r.Log == nil {
		t.Errorf("%d samples, log %v", r.Samples.Len, r.Log)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// recordForEver is a session in a process of its own, which the test kills.
func recordForEver(path string) {
	info := &signal.Info{Rate: 1000, Channels: []signal.Channel{{Name: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}}
	r, err := record.Create(record.Options{Path: path, Info: info, Outputs: []string{"a"}})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for at := int64(0); ; at += 50 {
		c := signal.NewChunk(info, at, 50)
		c.Time = time.Now().UnixNano()
		for i := range c.X[0] {
			c.X[0][i] = float64(at) + float64(i)
		}
		r.Chunk(c)
		r.Decision(record.Decision{Start: at, End: at + 50, Kind: "class", Label: "a", Values: []float64{1}})
		fmt.Println(at + 50)
		time.Sleep(50 * time.Millisecond)
	}
}

// TestKilled: SIGKILL in the middle leaves all but the last second, of samples and of decisions.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k.arrow")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "GYRUS_TEST_RECORD="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var sent int64
	for begin := time.Now(); time.Since(begin) < 3500*time.Millisecond; {
		if _, err := fmt.Fscanln(out, &sent); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	r, err := record.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if r.Samples.Len < sent-1050 || r.Samples.Len < 500 || len(r.Decisions) < int(sent-1050)/50 || len(r.Samples.Deviations) != 1 || len(r.Deviations) != 2 || r.Closed {
		t.Errorf("of %d samples %d were read back and %d decisions, deviations %v %v", sent, r.Samples.Len, len(r.Decisions), r.Samples.Deviations, r.Deviations)
	}
	x := [][]float64{make([]float64, r.Samples.Len)}
	if err := r.Samples.Data.ReadSamples(x, 0); err != nil {
		t.Fatal(err)
	}
	for i, v := range x[0] {
		if v != float64(i) {
			t.Fatalf("sample %d is %g", i, v)
		}
	}
}

// TestDamagedDecisions: bytes that are not decisions are an error or a deviation, never a panic.
func TestDamagedDecisions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.arrow")
	info := &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}}
	r, err := record.Create(record.Options{Path: path, Info: info, Outputs: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	r.Chunk(signal.NewChunk(info, 0, 100))
	for i := range int64(20) {
		r.Decision(record.Decision{Start: i, End: i + 5, Label: "a", Kind: "class", Values: []float64{1}})
	}
	if _, err := r.Close(); err != nil {
		t.Fatal(err)
	}
	name := strings.TrimSuffix(path, ".arrow") + ".decisions.arrow"
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for k := range good {
		bad := slices.Clone(good)
		bad[k] ^= 0xFF
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if rec, err := record.Open(path); err == nil {
			if err := rec.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestDurations: XDF has no place for the duration of an event, nor for its channels: how many are not written is counted, and the first of either
// is told of. Arrow has.
func TestDurations(t *testing.T) {
	for _, name := range []string{"r.arrow", "r.xdf"} {
		path := filepath.Join(t.TempDir(), name)
		info := &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "C3", Kind: signal.EEG, Unit: signal.Microvolt}}}
		var told []string
		r, err := record.Create(record.Options{Path: path, Info: info, OnInstant: func(e signal.Event) { told = append(told, fmt.Sprint(e.Label, e.Duration, e.Channels)) }})
		if err != nil {
			t.Fatal(err)
		}
		for k := range int64(3) {
			c := signal.NewChunk(info, 10*k, 10)
			c.Time = clockBegin + 1e8*k
			c.Events = []signal.Event{{Sample: 10 * k, Onset: 0.1 * float64(k), Duration: float64(k), Label: fmt.Sprint("e", k)}}
			if k == 2 {
				c.Events[0].Channels = signal.ChannelsOf("C3")
			}
			r.Chunk(c)
		}
		st, err := r.Close()
		if err != nil {
			t.Fatal(err)
		}
		rec, err := ingest.OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lost, ofAll, want := int64(0), int64(0), []string(nil)
		if name == "r.xdf" {
			lost, ofAll, want = 2, 1, []string{fmt.Sprint("e1", 1.0, signal.Channels{}), fmt.Sprint("e2", 0.0, signal.ChannelsOf("C3"))} // of each once
		}
		kept := 0.0
		for _, e := range rec.Events {
			kept += e.Duration
		}
		if last := rec.Events[len(rec.Events)-1]; st.OfAll != ofAll || last.Channels.IsZero() != (ofAll > 0) {
			t.Errorf("%s: %d events are written as of all channels, want %d; the last is of %q", name, st.OfAll, ofAll, last.Channels)
		}
		if st.Events != 3 || st.Instants != lost || !slices.Equal(told, want) || (kept == 3) != (lost == 0) || len(rec.Events) != 3 {
			t.Errorf("%s: %+v, told of %v, read back %v", name, st, told, rec.Events)
		}
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestUnlike: the first window behind a sample that two runs do not have alike is where a cut log is known to lack something.
func TestUnlike(t *testing.T) {
	d := func(end int64, model string, value float64) record.Decision {
		return record.Decision{Start: end - 10, End: end, Kind: "class", Label: "left", Values: []float64{value}, Model: model}
	}
	was := []record.Decision{d(10, "a", 1), d(20, "a", 1), d(30, "a", 1), d(40, "a", 1)}
	for _, tt := range []struct {
		name string
		now  []record.Decision
		from int64
		want int64
	}{
		{"all are alike", was, 0, math.MaxInt64},
		{"a last bit", []record.Decision{was[0], d(20, "a", math.Nextafter(1, 2)), was[2], was[3]}, 0, 20},
		{"that is known", []record.Decision{was[0], d(20, "a", 2), was[2], d(40, "a", 2)}, 20, 40},
		{"another model", []record.Decision{was[0], was[1], d(30, "b", 1), was[3]}, 10, 30},
		{"a model without a name", []record.Decision{was[0], was[1], d(30, "", 1), was[3]}, 10, math.MaxInt64},
		{"one is missing", []record.Decision{was[0], was[1], was[3]}, 10, 30},
		{"one too many", append(slices.Clone(was[:3]), d(35, "a", 1), was[3]), 10, 35},
		{"none", nil, 10, 20},
	} {
		if got := record.Unlike(was, tt.now, tt.from); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}
