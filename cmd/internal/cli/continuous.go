package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// followBlockS is the length of the blocks behind the intervals, in s: reaches of a cursor last 1 to 2 s.
const followBlockS = 10

// outputJSON is how well one quantity was followed.
type outputJSON struct {
	Output string `json:"output"`
	metrics.Followed
}

// followJSON is what gyrus train --json prints for a pipeline with a section target.
type followJSON struct {
	Outputs    []outputJSON       `json:"outputs"`
	Folds      []followFold       `json:"folds"`
	Rows       int                `json:"rows"`
	Pipeline   string             `json:"pipeline"`
	Split      string             `json:"split"`
	Seed       uint64             `json:"seed"`
	Permuted   bool               `json:"permuted"`
	Recordings []stream.Collected `json:"recordings"`
	Rejected   int                `json:"rejected"`
	Bundle     string             `json:"bundle,omitempty"`
	Delay      *bundle.Delay      `json:"group_delay,omitempty"`
	Notes      []bundle.Note      `json:"notes"`

	Transductive string `json:"transductive,omitempty"` // that the alignment of test runs has seen all of their windows
}

type followFold struct {
	Name string    `json:"name"`
	Rows int       `json:"rows"`
	R    []float64 `json:"r"` // one per output
}

// trainContinuous cross-validates spec, which has a section target, on files, and fits it to all of them for -o.
func trainContinuous(cmd *cobra.Command, name string, spec *pipeline.Spec, files []string, scheme string, seed uint64, permute bool, out string) error {
	if err := checkOutput(out, files); err != nil {
		return err
	}
	recs, files, closeAll, err := openAll(cmd, files)
	if err != nil {
		return err
	}
	defer closeAll()
	deviations(cmd, recs)
	hashes, err := distinct(files)
	if err != nil {
		return err
	}
	res := followJSON{Pipeline: name, Split: scheme, Seed: seed, Permuted: permute}
	p, err := pipeline.Build(spec, pipeline.Cued)
	if err != nil {
		return err
	}
	res.Transductive = p.Transductive()
	bar := newProgress(cmd, "reading", samples(recs))
	defer bar.end()
	set, err := stream.Collect(cmd.Context(), recs, p, stream.Watch{Chunk: func(c signal.Chunk) { bar.add(int64(c.Len())) }, Done: func(c stream.Collected) {
		res.Recordings = append(res.Recordings, c)
		noteLosses(cmd, c)
	}})
	if err != nil {
		return err
	}
	bar.end()
	if len(set.Windows) == 0 {
		return refusal{errors.New("no windows: the recordings are shorter than one")}
	}
	res.Delay = p.Delay()
	truth, learned := set.Truth, set.Quantities
	if permute {
		rotate(set)
	}
	if err := crossFollow(cmd, spec, recs, set, &res); err != nil {
		return err
	}
	if out != "" {
		set.Truth, set.Quantities = truth, learned
		if err := p.FitContext(cmd.Context(), set, signal.Labels{}); err != nil {
			return refusal{err}
		}
		b, err := p.Bundle(Version)
		if err != nil {
			return err
		}
		b.Manifest.Seed = seed
		for _, o := range res.Outputs {
			b.Manifest.Followed = append(b.Manifest.Followed, o.Followed)
		}
		for i, rec := range recs {
			b.Manifest.Data = append(b.Manifest.Data, bundle.Data{Name: filepath.Base(rec.Name), SHA256: hashes[i], Trials: map[string]int{}, Deviations: rec.Deviations})
		}
		if err := bundle.Write(out, b); err != nil {
			return err
		}
		res.Bundle = out
	}
	if wantsJSON(cmd) {
		return printJSON(cmd, res)
	}
	printFollow(cmd.OutOrStdout(), res)
	return nil
}

// crossFollow fills in the scores.
func crossFollow(cmd *cobra.Command, spec *pipeline.Spec, recs []*signal.Recording, set *pipeline.Set, res *followJSON) error {
	gap := int(math.Ceil(float64(set.Windows[0].Len()) / float64(set.Hop)))
	folds, err := split.Rows(res.Split, set.Group, gap)
	if err != nil {
		if !slices.Contains(split.RowsNames(), res.Split) {
			return usageError{fmt.Errorf("--split: %w", err)}
		}
		return refusal{err}
	}
	bar := newProgress(cmd, "cross-validating", int64(len(folds)))
	defer bar.end()
	tested, err := stream.CrossValidate(cmd.Context(), spec, recs, set, signal.Labels{}, folds, func() { bar.add(1) })
	if err != nil {
		return refusal{err}
	}
	res.Notes = pipeline.NotesOf(tested)
	if res.Rows, res.Rejected = len(tested), len(set.Windows)-len(tested); res.Rejected > 0 {
		note(cmd, "%d of %d windows were rejected and are not scored", res.Rejected, len(set.Windows))
	}
	for _, f := range folds {
		res.Folds = append(res.Folds, followFold{Name: f.Name})
	}
	step := float64(set.Hop) / set.Info.Rate
	for k, name := range set.Outputs {
		var decoded, truth []float64
		perDecoded, perTruth := make([][]float64, len(folds)), make([][]float64, len(folds))
		for i := range set.Windows {
			t, ok := tested[i]
			if !ok {
				continue
			}
			decoded, truth = append(decoded, t.Value[k]), append(truth, set.Truth[i][k])
			perDecoded[t.Fold], perTruth[t.Fold] = append(perDecoded[t.Fold], t.Value[k]), append(perTruth[t.Fold], set.Truth[i][k])
		}
		f, err := metrics.Follow(decoded, truth, step, followBlockS, res.Seed)
		if err != nil {
			return refusal{fmt.Errorf("%s: %w", name, err)}
		}
		res.Outputs = append(res.Outputs, outputJSON{name, f})
		for i := range folds {
			res.Folds[i].Rows = len(perTruth[i])
			res.Folds[i].R = append(res.Folds[i].R, metrics.Correlation(perDecoded[i], perTruth[i]))
		}
	}
	return nil
}

// rotate shifts the quantities of every run by half its length, the end going over into the beginning: what follows
// each other stays together, but has nothing to do with the signal any more.
func rotate(set *pipeline.Set) {
	truth, learned := slices.Clone(set.Truth), slices.Clone(set.Quantities)
	for from := 0; from < len(set.Group); {
		to := from
		for to < len(set.Group) && set.Group[to] == set.Group[from] {
			to++
		}
		for i := from; i < to; i++ {
			k := from + (i-from+(to-from)/2)%(to-from)
			truth[i], learned[i] = set.Truth[k], set.Quantities[k]
		}
		from = to
	}
	set.Truth, set.Quantities = truth, learned
}

func printFollow(w io.Writer, res followJSON) {
	if res.Transductive != "" {
		fmt.Fprintf(w, "%s\n\n", res.Transductive)
	}
	head := []string{"fold", "windows"}
	for _, o := range res.Outputs {
		head = append(head, "r "+o.Output)
	}
	rows := [][]string{head}
	for _, f := range res.Folds {
		name := f.Name
		for _, r := range res.Recordings { // the folders are in the command line already
			name = strings.Replace(name, r.Name, filepath.Base(r.Name), 1)
		}
		row := []string{name, strconv.Itoa(f.Rows)}
		for _, r := range f.R {
			row = append(row, fmt.Sprintf("%.3f", r))
		}
		rows = append(rows, row)
	}
	columns(w, rows)
	what := ""
	if res.Permuted {
		what = " (quantities shifted in time: this must be near 0)"
	}
	fmt.Fprintf(w, "\n%s, %s%s: %d windows\n", res.Pipeline, res.Split, what, res.Rows)
	printOutputs(w, res.Outputs)
	fmt.Fprint(w, noteLines(res.Notes), delayLine(res.Delay))
	if res.Bundle != "" {
		fmt.Fprintf(w, "written: %s\n", res.Bundle)
	}
}

func printOutputs(w io.Writer, outputs []outputJSON) {
	rows := [][]string{{"output", "r", "95 % interval", "R²", "95 % interval"}}
	for _, o := range outputs {
		rows = append(rows, []string{o.Output, fmt.Sprintf("%.3f", o.R), fmt.Sprintf("[%.3f, %.3f]", o.RLow, o.RHigh), fmt.Sprintf("%.3f", o.R2), fmt.Sprintf("[%.3f, %.3f]", o.R2Low, o.R2High)})
	}
	columns(w, rows)
}

// evalFollowJSON is what gyrus eval --json prints of a model with a section target.
type evalFollowJSON struct {
	Outputs    []outputJSON      `json:"outputs"`
	Recordings []followRecording `json:"recordings"`
	Rejected   int               `json:"rejected"`
	Delay      *bundle.Delay     `json:"group_delay,omitempty"`
}

type followRecording struct {
	Name       string `json:"name"`
	Rows       int    `json:"rows"`
	InTraining bool   `json:"in_training"`
}

// evalContinuous scores a model with a section target.
func evalContinuous(cmd *cobra.Command, model string, b *bundle.Bundle, p *pipeline.Pipeline, files []string) error {
	recs, files, closeAll, err := openAll(cmd, files)
	if err != nil {
		return err
	}
	defer closeAll()
	deviations(cmd, recs)
	res := evalFollowJSON{Delay: p.Delay()}
	decoded, truth := make([][]float64, len(p.Outputs())), make([][]float64, len(p.Outputs()))
	step := 0.0
	for i, rec := range recs {
		sum, err := hashFile(files[i])
		if err != nil {
			return err
		}
		r := followRecording{Name: rec.Name}
		if r.InTraining = slices.ContainsFunc(b.Manifest.Data, func(d bundle.Data) bool { return d.SHA256 == sum && (sum != "" || d.Name == rec.Name) }); r.InTraining {
			note(cmd, "%s: the model was trained on this file: its score says nothing about new data", rec.Name)
		}
		values, err := stream.Truths(cmd.Context(), rec, p)
		if err != nil {
			return err
		}
		src := ingest.Play(rec, ingest.PlayOptions{})
		stats, err := stream.Run(cmd.Context(), src, p, stream.SinkFunc(func(_ context.Context, q *pipeline.Prediction) error {
			y, ok := values[q.End]
			switch {
			case q.Rejected != "":
				res.Rejected++
				return nil
			case !ok:
				return fmt.Errorf("no quantity for the window that ends at sample %d", q.End)
			}
			r.Rows++
			for k, v := range q.Value {
				decoded[k], truth[k] = append(decoded[k], v), append(truth[k], y[k])
			}
			return nil
		}), stream.Options{})
		if err = errors.Join(err, src.Close()); err != nil {
			return fmt.Errorf("%s: %w", rec.Name, err)
		}
		if err := anyWindow(rec.Name, stats.Stats); err != nil {
			return err
		}
		noteSpoilt(cmd, rec.Name, stats.Stats)
		step = float64(p.Hop()) / p.OutRate()
		res.Recordings = append(res.Recordings, r)
	}
	for k, name := range p.Outputs() {
		f, err := metrics.Follow(decoded[k], truth[k], step, followBlockS, b.Manifest.Seed)
		if err != nil {
			return refusal{fmt.Errorf("%s: %w", name, err)}
		}
		res.Outputs = append(res.Outputs, outputJSON{name, f})
	}
	if wantsJSON(cmd) {
		return printJSON(cmd, res)
	}
	w := cmd.OutOrStdout()
	rows := [][]string{{"recording", "windows"}}
	for _, r := range res.Recordings {
		rows = append(rows, []string{r.Name, strconv.Itoa(r.Rows)})
	}
	columns(w, rows)
	fmt.Fprintf(w, "\n%s\n", model)
	printOutputs(w, res.Outputs)
	fmt.Fprint(w, delayLine(res.Delay))
	return nil
}
