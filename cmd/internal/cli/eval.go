package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// evalJSON is what gyrus eval --json prints.
type evalJSON struct {
	scoreJSON
	reportJSON
	AUC        *aucJSON        `json:"auc"` // of all trials together; null with more than two classes, or where it is not defined
	Recordings []evalRecording `json:"recordings"`
	Missed     []missJSON      `json:"missed"`
	Rejected   int             `json:"rejected"` // windows that a check refused: not scored
	Delay      *bundle.Delay   `json:"group_delay,omitempty"`
	Alarms     []alarmsJSON    `json:"alarms,omitempty"` // with --seizures: of each recording, then of all together
	Rest       *evalRest       `json:"rest,omitempty"`   // with --rest
}

type evalRecording struct {
	Name             string   `json:"name"`
	Trials           int      `json:"trials"`
	Correct          int      `json:"correct"`
	BalancedAccuracy float64  `json:"balanced_accuracy"`
	AUC              *aucJSON `json:"auc"`         // null where it is not defined
	InTraining       bool     `json:"in_training"` // the model has seen this very file: not a test score
}

func newEval() *cobra.Command {
	var fits seizureFlags
	var rest []string
	cmd := &cobra.Command{
		Use: "eval MODEL [FILE…]", Short: "score a model on recordings", Args: cobra.MinimumNArgs(1),
		Long: `Eval cuts windows out of recordings as the model's training did, and scores its decisions on them.

With --seizures, windows get their classes by the seizures of the recordings, as in gyrus train, and the alarms that the
section decide raises, playing all of each recording, are scored as events by the rules of SzCORE: sensitivity, false alarms
per hour and per day of all recorded time, and latency.

With --rest, recordings in which nothing is meant are played through the model as a live session would. Each decision that
begins there is a false activation: they are counted, in all and by the minute, beside the rate that the threshold was set for,
with the time in which nothing could be decided: the stream was unlike the rest of the threshold, or a check rejected it. FILE
may then be left out.`,
		Example: `  gyrus eval model.gyrus S001R14.edf
  gyrus eval model.gyrus --rest S001R01.edf,S001R02.edf
  gyrus eval chb01.gyrus chb01/chb01_18.edf --seizures seizure`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := fits.check(cmd); err != nil {
				return err
			}
			var err error
			if rest, err = restFiles(rest); err != nil {
				return err
			}
			switch atRest := cmd.Flags().Changed("rest"); {
			case atRest && len(rest) == 0:
				return usageError{errors.New("--rest is empty: name recordings in which nothing is meant, or leave it out")}
			case atRest && fits.event != "":
				return usageError{errors.New("--rest and --seizures exclude each other: false alarms are counted by the rules of SzCORE")}
			case !atRest && len(args) < 2:
				return usageError{errors.New("nothing to score: name recordings with trials, or with --rest those in which nothing is meant")}
			}
			b, p, err := loadModel(args[0], pipeline.Cued)
			if err != nil {
				return err
			}
			if p.Target() != nil {
				if fits.event != "" || len(rest) > 0 {
					return usageError{errors.New("--seizures and --rest need a model of classes; this one follows quantities")}
				}
				return evalContinuous(cmd, args[0], b, p, args[1:])
			}
			var still *evalRest
			if len(rest) > 0 {
				if still, err = evalAtRest(cmd, b, rest, args[1:]); err != nil {
					return err
				}
			}
			if len(args) == 1 {
				if wantsJSON(cmd) {
					return printJSON(cmd, struct {
						Rest *evalRest `json:"rest"`
					}{still})
				}
				still.print(cmd.OutOrStdout())
				return nil
			}
			res, err := evaluate(cmd, b, p, args[1:], &fits)
			if err != nil {
				return err
			}
			res.Rest = still
			if wantsJSON(cmd) {
				return printJSON(cmd, res)
			}
			rows := [][]string{scoreHead("recording", res.Classes)}
			for _, r := range res.Recordings {
				rows = append(rows, scoreRow(r.Name, r.Trials, r.Correct, r.BalancedAccuracy, r.AUC, res.Classes))
			}
			columns(cmd.OutOrStdout(), rows)
			fmt.Fprintln(cmd.OutOrStdout())
			if res.AUC != nil {
				fmt.Fprintf(cmd.OutOrStdout(), "ROC AUC %.4f, 95 %% interval [%.4f, %.4f], chance 0.5\n", res.AUC.AUC, res.AUC.CILow, res.AUC.CIHigh)
			}
			res.print(cmd.OutOrStdout(), args[0])
			res.printMetrics(cmd.OutOrStdout())
			fmt.Fprint(cmd.OutOrStdout(), delayLine(res.Delay))
			printAlarms(cmd.OutOrStdout(), res.Alarms)
			if still != nil {
				fmt.Fprintln(cmd.OutOrStdout())
				still.print(cmd.OutOrStdout())
			}
			return nil
		},
	}
	fits.add(cmd, false)
	cmd.Flags().StringSliceVar(&rest, "rest", nil, "FILE,…: recordings in which nothing is meant: count the false decisions of the section decide there")
	addReading(cmd)
	return cmd
}

// loadModel reads a bundle and builds its pipeline.
func loadModel(path string, which pipeline.Which) (*bundle.Bundle, *pipeline.Pipeline, error) {
	b, err := bundle.Read(path)
	if err != nil {
		return nil, nil, notThere(err)
	}
	p, err := pipeline.FromBundle(path, b, which)
	return b, p, err
}

func evaluate(cmd *cobra.Command, b *bundle.Bundle, p *pipeline.Pipeline, files []string, fits *seizureFlags) (evalJSON, error) {
	res := evalJSON{Recordings: []evalRecording{}, Missed: []missJSON{}}
	recs, files, closeAll, err := openAll(cmd, files)
	if err != nil {
		return res, err
	}
	defer closeAll()
	deviations(cmd, recs)
	seizures, err := fits.label(cmd, p.Spec(), recs, files)
	if err != nil {
		return res, err
	}
	bar := newProgress(cmd, "decoding", samples(recs))
	defer bar.end()
	var truth, label, event []int
	numbers := map[eventKey]int{}
	tested := [][]pipeline.Tested{nil} // all of them, then those of each recording
	for i, rec := range recs {
		var t, l, ev []int
		var own []pipeline.Tested
		stats, err := decodeRecording(cmd.Context(), rec, p, bar, func(pr *pipeline.Prediction) error {
			if pr.Rejected != "" {
				res.Rejected++
				note(cmd, "%s: the window at sample %d is not scored: %s", rec.Name, pr.Start, pr.Rejected)
				return nil
			}
			t = append(t, slices.Index(p.Classes(), pr.Truth))
			l = append(l, slices.Index(p.Classes(), pr.Label))
			key := eventKey{i, pr.Truth, pr.Origin}
			if _, known := numbers[key]; !known {
				numbers[key] = len(numbers)
			}
			ev = append(ev, numbers[key])
			w := pipeline.Tested{Trial: numbers[key], Truth: t[len(t)-1], Label: l[len(l)-1], Scores: slices.Clone(pr.Scores)}
			tested[0], own = append(tested[0], w), append(own, w)
			return nil
		})
		if err != nil {
			return res, err
		}
		noteSpoilt(cmd, rec.Name, stats.Stats)
		for _, m := range stats.Misses {
			res.Missed = append(res.Missed, missJSON{rec.Name, m.Event, m.Why})
			note(cmd, "%s: event %q at %.3f s is not used: %s", rec.Name, m.Event.Label, m.Event.Onset, m.Why)
		}
		if len(t) == 0 && fits.event != "" {
			note(cmd, "%s: no window has a class: only its alarms are scored", rec.Name)
			continue
		}
		if len(t) == 0 {
			return res, refusal{fmt.Errorf("%s: no window to score: the model cuts windows around %s, the recording has %s", rec.Name, quoted(p.EventLabels()), quoted(labels(rec)))}
		}
		tested = append(tested, own)
		s, err := score(p.Classes(), t, l, ev)
		if err != nil {
			return res, refusal{fmt.Errorf("%s: %w", rec.Name, err)}
		}
		sum, err := hashFile(files[i])
		if err != nil {
			return res, err
		}
		r := evalRecording{Name: rec.Name, Trials: s.Trials, Correct: s.correct(), BalancedAccuracy: s.BalancedAccuracy}
		if r.InTraining = learnedFrom(b.Manifest.Data, rec, sum); r.InTraining {
			note(cmd, "%s: the model was trained on this file: its score says nothing about new data", rec.Name)
		}
		res.Recordings = append(res.Recordings, r)
		truth, label, event = append(truth, t...), append(label, l...), append(event, ev...)
	}
	res.Delay = p.Delay()
	if res.scoreJSON, err = score(p.Classes(), truth, label, event); err != nil {
		return res, refusal{err}
	}
	each, _, err := aucs(p.Classes(), tested)
	if err != nil {
		return res, refusal{err}
	}
	res.AUC = each[0]
	if res.reportJSON, err = report(p, tested[:1], 0); err != nil {
		return res, refusal{err}
	}
	if fits.event != "" {
		res.Alarms, err = res.alarms(cmd, b, recs, seizures)
	} else {
		err = res.active(cmd, b, recs)
	}
	if err != nil {
		return res, err
	}
	for i := range res.Recordings {
		res.Recordings[i].AUC = each[i+1]
	}
	return res, nil
}

// learnedFrom says whether rec, whose file has the hash sum, is one of list; simulated recordings have no hash, and are what their name says.
func learnedFrom(list []bundle.Data, rec *signal.Recording, sum string) bool {
	return slices.ContainsFunc(list, func(d bundle.Data) bool { return d.SHA256 == sum && (sum != "" || d.Name == rec.Name) })
}

// eventKey is what windows of one event have in common.
type eventKey struct {
	recording int
	class     string
	origin    int64
}

// decodeRecording plays rec through p to its end.
func decodeRecording(ctx context.Context, rec *signal.Recording, p *pipeline.Pipeline, bar *progress, each func(*pipeline.Prediction) error) (stream.Stats, error) {
	rec, err := p.Prepare(rec)
	if err != nil {
		return stream.Stats{}, err
	}
	src := ingest.Play(rec, ingest.PlayOptions{})
	stats, err := stream.Run(ctx, src, p, stream.SinkFunc(func(_ context.Context, pr *pipeline.Prediction) error { return each(pr) }),
		stream.Options{OnChunk: func(c signal.Chunk) { bar.add(int64(c.Len())) }})
	if err = errors.Join(err, src.Close()); err != nil {
		return stats, fmt.Errorf("%s: %w", rec.Name, err)
	}
	return stats, anyWindow(rec.Name, stats.Stats)
}
