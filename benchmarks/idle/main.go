// Command idle shows whether the no-control output keeps its word: how many false decisions a minute there are on rest that
// the decoder and its threshold have never seen, beside the rate that was asked for.
//
//	go run ./benchmarks/idle                  # needs EEGMMIDB S001 and S002, ssvep-exo and eegmat below GYRUS_DATA
//	go run ./benchmarks/idle -rate 2 -json
//	go run ./benchmarks/idle -set ssvep-exo
//
// The decoder learns fists against feet from runs 6, 10 and 14 of a subject. Its threshold is set by one recording of rest
// and measured on the other, both ways round: run 1 has the eyes open, run 2 closed. A third row sets it by the rests of the
// imagery runs themselves and measures on both recordings, a fourth by the first half of both and measures on the second:
// rest of each kind that will come, as one should. Two pipelines: one that knows fists and feet alone, and one that
// has learned rest as a third class; each as it is, held back where the stream is unlike the rest of the threshold, and with
// a potato besides, that lets no window count that is unlike those that the decoder has learned from. A potato may reject all
// of the rest that should set the threshold: then there is none, and the row says so. The interval is the exact one of a
// Poisson rate, 95 %; the bar is met where the rate is at most what was asked for. gyrus eval --rest says the same of a model
// of one's own.
//
// The exit code is 0 where no row is above the rate asked for, but those without the guard, which stand beside the others to compare with,
// where every set has a row that is shown to meet it, and every set could be measured. Rows that are missed, refused or not shown, and sets
// that could not be measured, are named at the end, with the reason.
//
// A second table is of persons whom nobody looked at when the guard against other rest was made: those of the SSVEP exoskeleton set
// and of EEGMAT, each with the guard and without, with what it costs of their trials, and the sums over persons.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	_ "github.com/gyrus-bci/gyrus/decoders/all"
	_ "github.com/gyrus-bci/gyrus/features/all"
	"github.com/gyrus-bci/gyrus/ingest"
	_ "github.com/gyrus-bci/gyrus/ingest/all"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datadir"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	_ "github.com/gyrus-bci/gyrus/preprocess/all"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// row is one line of the table.
type row struct {
	Pipeline  string `json:"pipeline"`
	Learned   string `json:"learned_from"`
	Threshold string `json:"threshold_from"`
	Measured  string `json:"measured_on"`
	stream.Idle
	Right   int    `json:"trials_right"` // of the trials that the decoder learned from: what the threshold costs
	Wrong   int    `json:"trials_wrong"`
	Trials  int    `json:"trials"`
	Refused string `json:"refused,omitempty"` // why no threshold could be set
}

func main() {
	rate := flag.Float64("rate", 5, "false decisions a minute that are asked for; with a minute of rest less than 4.2 cannot be shown")
	subjects := flag.String("subjects", "S001,S002", "subjects of EEGMMIDB")
	only := flag.String("set", "", "eegmmidb, ssvep-exo or eegmat: this set alone; all of them without")
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Parse()
	if err := idle(context.Background(), *only, strings.Split(*subjects, ","), *rate, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "idle:", err)
		os.Exit(1)
	}
}

// idle prints the rows of the sets, or of one of them. A set that cannot be measured keeps no other from it.
func idle(ctx context.Context, only string, subjects []string, rate float64, asJSON bool) error {
	sets := []unseen{exo, workload}
	if only != "" && only != eegmmidb {
		if sets = slices.DeleteFunc(sets, func(u unseen) bool { return u.name != only }); len(sets) == 0 {
			return fmt.Errorf("set %q is not known, must be eegmmidb, ssvep-exo or eegmat", only)
		}
	}
	var sum result
	if only == "" || only == eegmmidb {
		for _, subject := range subjects {
			sum.measured(eegmmidb+" "+subject, func() error { return showSubject(ctx, &sum, subject, rate, asJSON) })
		}
	}
	if only != eegmmidb {
		for _, u := range sets {
			sum.measured(u.name, func() error { return u.show(ctx, &sum, rate, asJSON) })
		}
	}
	return sum.end(os.Stdout, asJSON)
}

// eegmmidb is the set of the first table.
const eegmmidb = "eegmmidb"

// showSubject prints the rows of a subject of EEGMMIDB.
func showSubject(ctx context.Context, sum *result, subject string, rate float64, asJSON bool) error {
	for _, d := range definitions {
		rows, err := run(ctx, subject, d, rate)
		if err != nil {
			return fmt.Errorf("%s: %w", d, err)
		}
		for _, r := range rows {
			sum.count(eegmmidb, r.name(), r.Refused, r.Idle, false)
			if err := show(r, asJSON); err != nil {
				return err
			}
		}
	}
	return nil
}

// name says which row it is.
func (r row) name() string {
	return fmt.Sprintf("%s, %s, threshold from %s", r.Learned, r.Pipeline, r.Threshold)
}

// definition is a built-in pipeline with a section decide; rest makes rest a class of its own, learned from the rests of the
// imagery runs.
type definition struct {
	pipeline string
	rest     bool
	potato   bool
}

var definitions = []definition{
	{pipeline: "csp-lda"},
	{pipeline: "ts-lr", rest: true},
	{pipeline: "csp-lda", potato: true},
	{pipeline: "ts-lr", rest: true, potato: true},
}

func (d definition) String() string {
	s := d.pipeline
	if d.rest {
		s += " with rest as a class"
	}
	if d.potato {
		s += " behind a potato"
	}
	return s
}

func open(subject, run string) (*signal.Recording, error) {
	path, err := datadir.Find("eegmmidb/" + subject + run + ".edf")
	if err != nil {
		if path, err = datadir.Find("eegmmidb/" + subject + "/" + subject + run + ".edf"); err != nil {
			return nil, err
		}
	}
	return ingest.OpenFile(path)
}

func run(ctx context.Context, subject string, d definition, rate float64) (rows []row, err error) {
	recs := map[string]*signal.Recording{}
	defer func() {
		for _, r := range recs {
			err = errors.Join(err, r.Close())
		}
	}()
	for _, n := range []string{"R01", "R02", "R06", "R10", "R14"} {
		rec, err := open(subject, n)
		if err != nil {
			return nil, err
		}
		recs[n] = rec
	}
	halves(recs, "R01", "R02")
	learn := []*signal.Recording{recs["R06"], recs["R10"], recs["R14"]}
	for _, c := range []struct {
		from   []string
		events []string
		on     []string
	}{
		{from: []string{"R01"}, on: []string{"R02"}},
		{from: []string{"R02"}, on: []string{"R01"}},
		{events: []string{"T0"}, on: []string{"R01", "R02"}},
		{from: []string{"R01 begin", "R02 begin"}, on: []string{"R01 end", "R02 end"}},
	} {
		p, err := trained(ctx, d, rate, learn)
		if err != nil {
			return nil, err
		}
		r := row{Pipeline: d.String(), Learned: subject + " R06 R10 R14", Threshold: strings.Join(c.from, " ") + strings.Join(c.events, " "), Measured: strings.Join(c.on, " "), Idle: stream.Idle{Asked: rate}}
		opt := stream.RestOptions{Events: c.events}
		for _, n := range c.from {
			opt.Recordings = append(opt.Recordings, recs[n])
		}
		rest, err := stream.CalibrateRest(ctx, p, learn, opt)
		var refused *pipeline.InputError
		if errors.As(err, &refused) {
			r.Refused = refused.Error()
			rows = append(rows, r)
			continue
		}
		if err != nil {
			return nil, err
		}
		r.Right, r.Wrong, r.Trials = rest.Right, rest.Wrong, rest.Trials
		b, err := p.Bundle("")
		if err != nil {
			return nil, err
		}
		live, err := pipeline.FromBundle("", b, pipeline.All) // as a session decodes
		if err != nil {
			return nil, err
		}
		var a stream.Activity
		for _, n := range c.on {
			if err := a.AtRest(ctx, live, recs[n], nil); err != nil {
				return nil, err
			}
		}
		if r.Idle, err = a.Idle(rate); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// halves adds the two halves of recordings.
func halves(recs map[string]*signal.Recording, names ...string) {
	for _, n := range names {
		rec := recs[n]
		for i, half := range []string{" begin", " end"} {
			h := *rec
			h.Name += half
			h.Closer = nil
			h.Spans = []signal.Span{{Start: int64(i) * rec.Len / 2, Len: rec.Len / 2}}
			recs[n+half] = &h
		}
	}
}

// trained is the pipeline, fitted but for its threshold.
func trained(ctx context.Context, d definition, rate float64, learn []*signal.Recording) (*pipeline.Pipeline, error) {
	spec, err := pipeline.Load(d.pipeline)
	if err != nil {
		return nil, err
	}
	if d.potato {
		step := pipeline.Step{Use: "potato"}
		if err := step.Set(map[string]any{"estimator": "oas", "folds": 5}); err != nil {
			return nil, err
		}
		spec.Reject = []pipeline.Step{step}
	}
	events, decide := map[string]string{"T1": "fists", "T2": "feet"}, map[string]any{"false_per_min": rate}
	if d.rest {
		events["T0"], decide["rest"] = "rest", 2
	}
	if err := spec.Segment.Set(map[string]any{"events": events}); err != nil {
		return nil, err
	}
	return fitted(ctx, spec, decide, learn)
}

// fitted is spec with these parameters of the step that decides, fitted but for its threshold.
func fitted(ctx context.Context, spec *pipeline.Spec, decide map[string]any, learn []*signal.Recording) (*pipeline.Pipeline, error) {
	spec.Decide = &pipeline.Step{Use: "evidence"}
	if err := spec.Decide.Set(decide); err != nil {
		return nil, err
	}
	return stream.Fit(ctx, spec, learn)
}

// show prints one row.
func show(r row, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	if r.Refused != "" {
		fmt.Printf("%s: refused, nothing is decided: %s\n", r.name(), r.Refused)
		return nil
	}
	rate := ""
	if r.PerMinute != nil {
		rate = fmt.Sprintf(", %.2f a minute, 95 %% interval [%.2f, %.2f]", *r.PerMinute, *r.Low, *r.High)
	}
	fmt.Printf("%s, measured on %s: at most %g a minute asked for: %d in %.2f min (%.1f s in a decision, which counts %d times more for the seconds that it is held; %.2f min more unlike the rest of the threshold, %.2f rejected)%s: %s; of %d held-out trials %d right, %d wrong\n",
		r.name(), r.Measured, r.Asked, r.Count, r.Minutes, r.DecidedS, r.Again, r.Unlike, r.Rejected, rate, r.Verdict(), r.Trials, r.Right, r.Wrong)
	return nil
}
