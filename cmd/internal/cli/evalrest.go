package cli

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// evalRest is what gyrus eval --rest says: all recordings together, then each.
type evalRest struct {
	stream.Idle
	Recordings []restRecording `json:"recordings"`
}

type restRecording struct {
	Name string `json:"name"`
	stream.Idle
	InTraining bool `json:"in_training"` // the decoder has learned from this very file, or its threshold was set with it: no test
}

// evalAtRest plays recordings in which nothing is meant through the model as a live session would, and counts what its section
// decide decides there.
func evalAtRest(cmd *cobra.Command, b *bundle.Bundle, files, trials []string) (*evalRest, error) {
	p, err := pipeline.FromBundle("", b, pipeline.All)
	if err != nil {
		return nil, err
	}
	if p.Decider() == nil {
		return nil, usageError{errors.New("--rest counts the decisions of a section decide, and the model has none: every window is a decision; train one with --false-activations and --rest")}
	}
	if err := p.Causal(); err != nil {
		return nil, fmt.Errorf("--rest: %w", err)
	}
	if file, other, err := inBoth(files, trials); err != nil || file != "" {
		if err == nil {
			err = usageError{fmt.Errorf("--rest %s is %s: in a recording nothing is meant, or there are trials in it to score", file, other)}
		}
		return nil, err
	}
	recs, files, closeAll, err := openAll(cmd, files)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	hashes, err := distinct(files)
	if err != nil {
		return nil, err
	}
	deviations(cmd, recs)
	asked := 0.0
	if d := p.Resting(); d != nil {
		asked = d.AsksForRest()
	}
	bar := newProgress(cmd, "deciding at rest", samples(recs))
	defer bar.end()
	var res evalRest
	var all stream.Activity
	for i, rec := range recs {
		var a stream.Activity
		if err := a.AtRest(cmd.Context(), p, rec, func(c signal.Chunk) { bar.add(int64(c.Len())) }); err != nil {
			return nil, err
		}
		if a.Cued > 0 {
			note(cmd, "%s: %d of its events are of a class that the model decides for: with --rest nothing is meant there, and a decision is a false one", rec.Name, a.Cued)
		}
		r := restRecording{Name: rec.Name, InTraining: learnedFrom(b.Manifest.Data, rec, hashes[i])}
		if r.InTraining {
			note(cmd, "%s: the model was trained on this file: its rate says nothing about new rest", rec.Name)
		} else if b.Manifest.Rest != nil && learnedFrom(b.Manifest.Rest.Recordings, rec, hashes[i]) {
			r.InTraining = true
			note(cmd, "%s: the threshold of the model was set with this file: its rate says nothing about new rest", rec.Name)
		}
		if r.Idle, err = a.Idle(0); err != nil {
			return nil, fmt.Errorf("%s: %w", rec.Name, err)
		}
		res.Recordings = append(res.Recordings, r)
		all.Add(&a)
	}
	res.Idle, err = all.Idle(asked)
	return &res, err
}

func (r *evalRest) print(w io.Writer) {
	if r == nil {
		return
	}
	rows := [][]string{{"at rest", "minutes", "false decisions", "a minute", "95 % interval (Poisson)", "held again", "s in a decision", "unlike min", "rejected min"}}
	add := func(name string, i *stream.Idle) {
		rate, interval, seconds := "-", "-", "-"
		if i.Share != nil {
			seconds = fmt.Sprintf("%.1f (%.1f %%)", i.DecidedS, 100**i.Share)
		}
		if i.PerMinute != nil {
			rate, interval = fmt.Sprintf("%.2f", *i.PerMinute), fmt.Sprintf("[%.2f, %.2f]", *i.Low, *i.High)
		}
		rows = append(rows, []string{name, fmt.Sprintf("%.2f", i.Minutes), strconv.Itoa(i.Count), rate, interval, strconv.Itoa(i.Again), seconds, fmt.Sprintf("%.2f", i.Unlike), fmt.Sprintf("%.2f", i.Rejected)})
	}
	for i := range r.Recordings {
		add(r.Recordings[i].Name, &r.Recordings[i].Idle)
	}
	add("together", &r.Idle)
	columns(w, rows)
	if r.Asked > 0 {
		fmt.Fprintf(w, "at most %g false decisions a minute asked for: %s\n", r.Asked, r.Verdict())
	} else {
		fmt.Fprintln(w, "no rate was asked for: the threshold of the model was not set with rest (gyrus train --false-activations)")
	}
	if r.Unlike+r.Rejected > r.Minutes {
		fmt.Fprintln(w, "nothing is decided in most of the time: such rest is not what the threshold was set with, or what the decoder has learned from")
	}
}
