package cli

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// metricJSON is one measure of decisions. Numbers that are not defined, or not finite, are null, and missing or the unit says
// why.
type metricJSON struct {
	Metric   string   `json:"metric"`
	Value    *float64 `json:"value"`
	Low      *float64 `json:"ci_low"` // 95 % interval
	High     *float64 `json:"ci_high"`
	Chance   *float64 `json:"chance"`
	Interval string   `json:"interval,omitempty"`  // how it was made
	Level    string   `json:"chance_is,omitempty"` // what chance is
	Assumes  string   `json:"assumes,omitempty"`   // what the value holds for
	Missing  string   `json:"missing,omitempty"`   // why there is no value
}

// reportJSON is what train and eval say besides the balanced accuracy.
type reportJSON struct {
	Metrics      []metricJSON `json:"metrics"`
	Transductive string       `json:"transductive,omitempty"` // that the alignment of test runs has seen all of their windows
}

func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// report measures the answers to trials, in parts that are ranked apart, such as folds. p must have been started.
func report(p *pipeline.Pipeline, parts [][]pipeline.Tested, seed uint64) (reportJSON, error) {
	r := reportJSON{Transductive: p.Transductive()}
	windowS, stepS, err := p.Pace()
	if err != nil {
		return r, err
	}
	t := metrics.Trials{Classes: p.Classes(), Seconds: windowS + stepS}
	for k, part := range parts {
		for _, w := range part {
			t.Truth, t.Decided, t.P = append(t.Truth, w.Truth), append(t.Decided, w.Label), append(t.P, w.Scores)
			t.Part, t.Group = append(t.Part, k), append(t.Group, w.Trial)
		}
	}
	scores, err := metrics.Summary(t, seed)
	if err != nil {
		return r, err
	}
	for _, s := range scores {
		m := metricJSON{s.Metric, finite(s.Value), finite(s.Low), finite(s.High), finite(s.Chance), s.Interval, s.Level, "", s.Missing}
		if s.Metric == "itr_bits_per_min" {
			m.Assumes = fmt.Sprintf("a decision every %g s (window %g s and step %g s) without pauses, equally probable classes, errors spread evenly", t.Seconds, windowS, stepS)
		}
		r.Metrics = append(r.Metrics, m)
	}
	return r, nil
}

const (
	falseName = "false_activations_per_min"
	timeName  = "time_to_decision_s"
)

func absent(name, why string) metricJSON { return metricJSON{Metric: name, Missing: why} }

// fromRest adds what the calibration with rest data measured.
func (r *reportJSON) fromRest(rest *bundle.Rest) {
	f := absent(falseName, "needs rest data (--rest, --false-activations), or gyrus eval of a model with a section decide")
	if rest != nil {
		f = metricJSON{
			Metric: falseName, Value: finite(rest.PerMinute), Low: finite(rest.Low), High: finite(rest.High), Interval: "exact (Poisson)",
			Assumes: fmt.Sprintf("%.2f min of held-out rest; chance has no level: who never decides has 0", rest.Minutes),
		}
	}
	r.Metrics = append(r.Metrics, f, absent(timeName, "gyrus eval measures it with a model that has a section decide"))
}

// active plays recordings through the model as a live session would and adds what its section decide does there.
func (r *reportJSON) active(cmd *cobra.Command, b *bundle.Bundle, recs []*signal.Recording) error {
	p, err := pipeline.FromBundle("", b, pipeline.All)
	if err != nil {
		return err
	}
	why := ""
	if p.Decider() == nil {
		why = "the model has no section decide: every window is a decision"
	} else if err := p.Causal(); err != nil {
		why = err.Error()
	}
	if why != "" {
		r.Metrics = append(r.Metrics, absent(falseName, why), absent(timeName, why))
		return nil
	}
	bar := newProgress(cmd, "deciding", samples(recs))
	defer bar.end()
	var a stream.Activity
	for _, rec := range recs {
		if err := a.Active(cmd.Context(), p, rec, func(c signal.Chunk) { bar.add(int64(c.Len())) }); err != nil {
			return err
		}
	}
	return r.addActivity(&a)
}

func (r *reportJSON) addActivity(a *stream.Activity) error {
	f := absent(falseName, "no window of the section live lies wholly outside of the trials")
	if a.IdleS > 0 {
		rate, err := metrics.FalseActivations(a.False+a.Again, a.IdleS, 0.95)
		if err != nil {
			return err
		}
		f = metricJSON{
			Metric: falseName, Value: finite(rate.PerMinute), Low: finite(rate.Low), High: finite(rate.High), Interval: "exact (Poisson)",
			Assumes: fmt.Sprintf("nothing is meant outside of the trials: decisions %s, in %.2f min; %.1f s in one; chance has no level: who never decides has 0", counted(a.False, a.Again), rate.Minutes, a.StandS),
		}
	}
	d := absent(timeName, "no trials of a class that can be decided for")
	if len(a.Times) > 0 {
		l, err := metrics.TimeToDecision(a.Times, 0.95)
		if err != nil {
			return err
		}
		d = metricJSON{
			Metric: timeName, Value: finite(l.Median), Low: finite(l.Low), High: finite(l.High), Interval: "exact (order statistics of the median)",
			Assumes: fmt.Sprintf("median from the event to the first decision; of %d trials %d are decided rightly, %d wrongly, %d not at all, which count as longer than all others; chance has no level", l.Trials, a.Right, a.Wrong, l.Trials-a.Right-a.Wrong),
		}
		if d.Value == nil {
			d.Missing = "fewer than half of the trials are decided: " + d.Assumes
		}
	}
	r.Metrics = append(r.Metrics, f, d)
	return nil
}

// printMetrics writes one line per measure.
func (r *reportJSON) printMetrics(w io.Writer) {
	if r.Transductive != "" {
		fmt.Fprintf(w, "\n%s\n", r.Transductive)
	}
	number := func(x *float64) string {
		if x == nil {
			return "-"
		}
		return strconv.FormatFloat(*x, 'f', 3, 64)
	}
	rows, about := [][]string{{"metric", "value", "95 % interval", "chance"}}, []string{"about"}
	for _, m := range r.Metrics {
		interval := "[" + number(m.Low) + ", " + number(m.High) + "]"
		if m.Value == nil && m.Low == nil {
			interval = "-"
		}
		rows, about = append(rows, []string{m.Metric, number(m.Value), interval, number(m.Chance)}), append(about, cmp.Or(m.Missing, m.Assumes, m.Interval))
	}
	var b strings.Builder
	columns(&b, rows)
	fmt.Fprintln(w)
	for i, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		fmt.Fprintf(w, "%s  %s\n", line, about[i])
	}
}
