package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/decoders/seizure"
	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/chbmit"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// seizureFlags are the flags by which windows get the classes ictal, preictal and interictal.
type seizureFlags struct {
	event  string // label of the events that are seizures; "" where they are not asked for
	labels seizure.Labels
	stepS  float64
	most   int // windows of a class and recording that are learned from; 0: all
}

// add adds the flags; of those who only score, most is none.
func (f *seizureFlags) add(cmd *cobra.Command, learns bool) {
	f.labels = seizure.DefaultLabels()
	cmd.Flags().StringVar(&f.event, "seizures", "", "label of the events that are seizures, \"seizure\" for CHB-MIT, whose summaries say where they are: cut windows that are ictal, preictal or interictal by them")
	cmd.Flags().Float64Var(&f.labels.PreictalS, "preictal", f.labels.PreictalS, "with --seizures: preictal windows begin at most so many seconds before a seizure")
	cmd.Flags().Float64Var(&f.labels.HorizonS, "horizon", f.labels.HorizonS, "with --seizures: and end at least so many seconds before it")
	cmd.Flags().Float64Var(&f.labels.InterictalS, "interictal", f.labels.InterictalS, "with --seizures: interictal windows are so many seconds away from any seizure, those of other files of a case too")
	cmd.Flags().Float64Var(&f.stepS, "window-step", 0, "with --seizures: seconds from one window to the next (default: their length)")
	if learns {
		cmd.Flags().IntVar(&f.most, "most", 200, "with --seizures: most windows of each class and recording to learn from, evenly spread; 0 for all")
	}
}

// check reports flags without --seizures and what is out of range.
func (f *seizureFlags) check(cmd *cobra.Command) error {
	if f.event == "" {
		for _, name := range []string{"seizures", "preictal", "horizon", "interictal", "window-step", "most"} {
			if cmd.Flags().Changed(name) {
				return usageError{fmt.Errorf("--%s needs --seizures LABEL, which says what events are seizures", name)}
			}
		}
		return nil
	}
	if err := f.labels.Check(); err != nil {
		return usageError{fmt.Errorf("--preictal, --horizon and --interictal: %w", err)}
	}
	if !(f.stepS >= 0) || f.most < 0 {
		return usageError{fmt.Errorf("--window-step is %g and --most %d, must be at least 0", f.stepS, f.most)}
	}
	return nil
}

// cut is the part of the step events that windows of seizures hang on.
type cut struct {
	Map  map[string]string `json:"events"`
	TMin float64           `json:"tmin_s"`
	TMax float64           `json:"tmax_s"`
}

// lengthS is how long the windows of a pipeline are, which must cut them at the events that label makes.
func (f *seizureFlags) lengthS(spec *pipeline.Spec) (float64, error) {
	c := cut{TMin: 0.5, TMax: 3.5} // the defaults of the step
	if err := json.Unmarshal(spec.Segment.Params, &c); err != nil && spec.Segment.Use == "events" {
		return 0, err
	}
	known := []string{seizure.Ictal, seizure.Interictal, seizure.Preictal}
	fits := spec.Segment.Use == "events" && c.TMin == 0 && c.Map[seizure.Ictal] == seizure.Ictal
	for label := range c.Map {
		fits = fits && slices.Contains(known, label)
	}
	if !fits {
		return 0, usageError{errors.New("--seizures needs a pipeline with segment: {use: events, tmin_s: 0, tmax_s: LENGTH, events: {ictal: ictal, interictal: interictal, preictal: preictal}}, one of the latter two may be absent; such as seizure-lstm")}
	}
	return c.TMax, nil
}

// label gives the recordings an event for each window that has a class, and returns the seizures of each, in seconds from its
// start. Without --seizures it does nothing.
func (f *seizureFlags) label(cmd *cobra.Command, spec *pipeline.Spec, recs []*signal.Recording, files []string) ([][]seizure.Span, error) {
	if f.event == "" {
		return nil, nil
	}
	lengthS, err := f.lengthS(spec)
	if err != nil {
		return nil, err
	}
	step := f.stepS
	if step == 0 {
		step = lengthS
	}
	out := make([][]seizure.Span, len(recs))
	for i, rec := range recs {
		near, own, err := f.find(cmd, rec, files[i])
		if err != nil {
			return nil, err
		}
		out[i] = own
		events, err := f.labels.Events(rec.Info, rec.Len, near, lengthS, step)
		if err != nil {
			return nil, refusal{fmt.Errorf("%s: %w", rec.Name, err)}
		}
		events, left := thin(events, f.most)
		if left > 0 {
			note(cmd, "%s: %d windows are left out, of each class %d stay, evenly spread (--most)", rec.Name, left, f.most)
		}
		rec.Events = append(slices.Clone(rec.Events), events...)
		slices.SortStableFunc(rec.Events, func(a, b signal.Event) int { return int(min(max(a.Sample-b.Sample, -1), 1)) })
	}
	return out, nil
}

// find is the seizures of a recording, and all that lie near it, on its own axis.
func (f *seizureFlags) find(cmd *cobra.Command, rec *signal.Recording, path string) (near, own []seizure.Span, err error) {
	c, file, err := chbCase(path)
	if err != nil {
		return nil, nil, err
	}
	if c == nil {
		for _, e := range rec.Events {
			if e.Label == f.event {
				if !(e.Duration > 0) {
					return nil, nil, refusal{fmt.Errorf("%s: the event %q at %g s has no duration: it must last as long as the seizure", rec.Name, e.Label, e.Onset)}
				}
				own = append(own, seizure.Span{Start: e.Onset, End: e.Onset + e.Duration})
			}
		}
		note(cmd, "%s: %d events %q; seizures of other recordings are not known, so its windows are interictal however near those are", rec.Name, len(own), f.event)
		return own, own, nil
	}
	all, err := c.Seizures()
	if err != nil {
		return nil, nil, refusal{err}
	}
	for _, z := range all {
		near = append(near, seizure.Span{Start: z.StartS - file.StartS, End: z.EndS - file.StartS})
	}
	for _, z := range file.Seizures {
		own = append(own, seizure.Span{Start: z.StartS, End: z.EndS})
	}
	return near, own, nil
}

// chbCase is the case of CHB-MIT whose summary, in the folder of a file, lists that file; nil where there is none.
func chbCase(path string) (*chbmit.Case, *chbmit.File, error) {
	names, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*-summary.txt"))
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		r, err := os.Open(name)
		if err != nil {
			return nil, nil, err
		}
		c, err := chbmit.Parse(filepath.ToSlash(name), r)
		if err := errors.Join(err, r.Close()); err != nil {
			return nil, nil, refusal{err}
		}
		if i := slices.IndexFunc(c.Files, func(f chbmit.File) bool { return f.Name == filepath.Base(path) }); i >= 0 {
			return c, &c.Files[i], nil
		}
	}
	return nil, nil, nil
}

// thin keeps at most so many events of each label, evenly spread; 0 keeps all.
func thin(events []signal.Event, most int) (kept []signal.Event, left int) {
	if most == 0 {
		return events, 0
	}
	count, seen := map[string]int{}, map[string]int{}
	for _, e := range events {
		count[e.Label]++
	}
	for _, e := range events {
		n, i := count[e.Label], seen[e.Label]
		seen[e.Label]++
		if n <= most || i*most/n != (i+1)*most/n { // most of the n cross a whole number
			kept = append(kept, e)
		}
	}
	return kept, len(events) - len(kept)
}

// alarmsJSON says how alarms match seizures. What is not defined is null.
type alarmsJSON struct {
	Recording   string      `json:"recording,omitempty"` // absent for all together
	Hours       float64     `json:"hours"`
	Seizures    int         `json:"seizures"` // merged and cut by the rules of SzCORE
	Detected    int         `json:"detected"`
	Sensitivity *float64    `json:"sensitivity"`
	Alarms      int         `json:"alarms"`
	False       int         `json:"false_alarms"` // any part outside of the extended times of detected seizures
	PerHour     float64     `json:"false_alarms_per_hour"`
	PerDay      float64     `json:"false_alarms_per_day"`
	Precision   *float64    `json:"precision"`
	F1          *float64    `json:"f1"`
	Latency     [3]*float64 `json:"latency_quartiles_s"` // first, median, third
}

func newAlarms(name string, s seizure.EventScore) alarmsJSON {
	a := alarmsJSON{
		Recording: name, Hours: s.Seconds / 3600, Seizures: s.Seizures, Detected: s.Detected, Sensitivity: finite(s.Sensitivity()), Alarms: s.Alarms,
		False: s.FalsePart, PerHour: s.FalsePerHour(), PerDay: s.FalsePerDay(), Precision: finite(s.Precision()), F1: finite(s.F1()),
	}
	for i, q := range s.LatencyQuartiles() {
		a.Latency[i] = finite(q)
	}
	return a
}

// alarms plays recordings through the model as a live session would, and holds its decisions for a seizure against the
// seizures of each. The last of the scores is that of all together; without a section decide there is none.
func (r *reportJSON) alarms(cmd *cobra.Command, b *bundle.Bundle, recs []*signal.Recording, seizures [][]seizure.Span) ([]alarmsJSON, error) {
	const why = "with --seizures, alarms are scored as events"
	r.Metrics = append(r.Metrics, absent(falseName, why), absent(timeName, why))
	p, err := pipeline.FromBundle("", b, pipeline.All)
	if err != nil {
		return nil, err
	}
	if p.Decider() == nil {
		return nil, refusal{errors.New("the model has no section decide, which makes alarms of scores: train it with decide: {use: seizure_vote}, or leave out --seizures")}
	}
	if err := p.Causal(); err != nil {
		return nil, refusal{err}
	}
	bar := newProgress(cmd, "alarms", samples(recs))
	defer bar.end()
	var out []alarmsJSON
	var sum seizure.EventScore
	for i, rec := range recs {
		spans, err := alarmsOf(cmd.Context(), p, rec, func(c signal.Chunk) { bar.add(int64(c.Len())) })
		if err != nil {
			return nil, err
		}
		s, err := seizure.Score(seizures[i], spans, float64(rec.Len)/rec.Info.Rate, seizure.SzCORE())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", rec.Name, err)
		}
		sum.Add(s)
		out = append(out, newAlarms(rec.Name, s))
	}
	return append(out, newAlarms("", sum)), nil
}

// alarmsOf is the alarms of one recording: each from the end of the window that raised it to the end of the first that did
// not hold it.
func alarmsOf(ctx context.Context, p *pipeline.Pipeline, rec *signal.Recording, onChunk func(signal.Chunk)) (spans []seizure.Span, err error) {
	on, end := false, float64(rec.Len)/rec.Info.Rate
	put := func(_ context.Context, q *pipeline.Prediction) error {
		if !q.Slides {
			return nil
		}
		at := float64(q.End) / p.OutRate()
		switch raised := q.Decision == seizure.Ictal; {
		case raised && !on && at < end:
			spans, on = append(spans, seizure.Span{Start: at, End: end}), true
		case !raised && on:
			spans[len(spans)-1].End, on = at, false
		}
		return nil
	}
	src := ingest.Play(rec, ingest.PlayOptions{})
	_, err = stream.Run(ctx, src, p, stream.SinkFunc(put), stream.Options{OnChunk: onChunk})
	if err = errors.Join(err, src.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", rec.Name, err)
	}
	return spans, nil
}

func printAlarms(w io.Writer, list []alarmsJSON) {
	if list == nil {
		return
	}
	rows := [][]string{{"seizures as events", "hours", "seizures", "found", "sensitivity", "alarms", "false", "per hour", "per day", "latency s (quartiles)"}}
	number := func(v *float64, format string) string {
		if v == nil {
			return "-"
		}
		return fmt.Sprintf(format, *v)
	}
	for _, a := range list {
		name := a.Recording
		if name == "" {
			name = "together"
		}
		var q []string
		for _, v := range a.Latency {
			q = append(q, number(v, "%.1f"))
		}
		rows = append(rows, []string{
			name, fmt.Sprintf("%.2f", a.Hours), strconv.Itoa(a.Seizures), strconv.Itoa(a.Detected), number(a.Sensitivity, "%.3f"), strconv.Itoa(a.Alarms), strconv.Itoa(a.False),
			fmt.Sprintf("%.2f", a.PerHour), fmt.Sprintf("%.1f", a.PerDay), strings.Join(q, " "),
		})
	}
	fmt.Fprintln(w)
	columns(w, rows)
	fmt.Fprintln(w, "by the rules of SzCORE: alarms count from 30 s before a seizure to 60 s behind it; one that lasts beyond is a false one too")
}
