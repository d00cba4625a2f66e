package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// trainJSON is what gyrus train --json prints.
type trainJSON struct {
	scoreJSON
	reportJSON
	AUC        *aucJSON           `json:"auc"` // mean of the folds; null with more than two classes, or where a fold has none
	Folds      []foldJSON         `json:"folds"`
	Pipeline   string             `json:"pipeline"`
	Split      string             `json:"split"`
	Seed       uint64             `json:"seed"`
	Permuted   bool               `json:"permuted"`
	Recordings []stream.Collected `json:"recordings"`
	Missed     []missJSON         `json:"missed"`
	Rest       *bundle.Rest       `json:"rest,omitempty"`       // false decisions at rest, where rest data set the threshold
	Coverage   *bundle.Coverage   `json:"coverage,omitempty"`   // of conformal sets
	WholeRuns  int                `json:"whole_runs,omitempty"` // recordings, where each has one class only
	Events     int                `json:"events,omitempty"`     // that the trials, which are windows, are of, where several are of one
	Purged     int                `json:"purged,omitempty"`     // training windows of all folds that were left out: they share samples with tested ones
	Rejected   int                `json:"rejected"`             // windows that a check refused: neither learned from nor scored
	Bundle     string             `json:"bundle,omitempty"`     // the file written

	Delay *bundle.Delay `json:"group_delay,omitempty"` // of the causal filters
	Notes []bundle.Note `json:"notes"`                 // what the steps said of the fits, over all folds
}

type foldJSON struct {
	Name             string   `json:"name"`
	Trials           int      `json:"trials"`
	Correct          int      `json:"correct"`
	BalancedAccuracy float64  `json:"balanced_accuracy"`
	AUC              *aucJSON `json:"auc"`              // null where it is not defined
	Purged           int      `json:"purged,omitempty"` // windows that are not learned from here, since they share samples with tested ones
}

type missJSON struct {
	Recording string       `json:"recording"`
	Event     signal.Event `json:"event"`
	Why       string       `json:"why"`
}

// cutFlags are the flags that change how windows are cut.
type cutFlags struct {
	events            map[string]string
	tmin, tmax, every float64
}

func (c *cutFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringToStringVar(&c.events, "events", nil, "LABEL=CLASS,…: the events to cut windows around, and the class that each stands for (default: the pipeline's)")
	cmd.Flags().Float64Var(&c.tmin, "tmin", 0, "start of a window, in seconds from its event (default: the pipeline's)")
	cmd.Flags().Float64Var(&c.tmax, "tmax", 0, "end of a window, in seconds from its event (default: the pipeline's)")
	cmd.Flags().Float64Var(&c.every, "every", 0, "seconds from one window to the next of an event that lasts, such as a whole recording of one condition; 0 for one window of each event (default: the pipeline's)")
}

// apply writes the flags that were given over the pipeline's own values.
func (c *cutFlags) apply(cmd *cobra.Command, spec *pipeline.Spec) error {
	set := map[string]any{}
	for key, v := range map[string]any{"events": c.events, "tmin": c.tmin, "tmax": c.tmax, "every": c.every} {
		if cmd.Flags().Changed(key) {
			if key != "events" {
				key += "_s"
			}
			set[key] = v
		}
	}
	if len(set) == 0 {
		return nil
	}
	for _, v := range []float64{c.tmin, c.tmax, c.every} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return usageError{fmt.Errorf("--tmin, --tmax and --every are %g, %g and %g, must be finite numbers of seconds", c.tmin, c.tmax, c.every)}
		}
	}
	for label, class := range c.events {
		if label == "" || class == "" {
			return usageError{fmt.Errorf("--events %s=%s: label and class must both have a name", label, class)}
		}
	}
	if err := spec.Segment.Set(set); err != nil {
		return usageError{err}
	}
	if spec.Live == nil || (!cmd.Flags().Changed("tmin") && !cmd.Flags().Changed("tmax")) {
		return nil
	}
	note(cmd, "the sliding windows of the section live get the length of the windows that --tmin and --tmax ask for")
	return spec.FitLive()
}

// loadSpec reads the pipeline that a command names and applies the flags.
func loadSpec(cmd *cobra.Command, name string, cut *cutFlags) (*pipeline.Spec, error) {
	spec, err := pipeline.Load(name)
	if err != nil {
		return nil, err
	}
	return spec, cut.apply(cmd, spec)
}

func newTrain() *cobra.Command {
	var (
		cut     cutFlags
		rest    restFlags
		fits    seizureFlags
		keep    checkpointFlags
		scheme  string
		seed    uint64
		permute bool
		out     string
	)
	cmd := &cobra.Command{
		Use: "train PIPELINE FILE…", Short: "fit a pipeline to recordings; prints cross-validated scores", Args: cobra.MinimumNArgs(2),
		Long: `Train cuts windows out of the recordings, cross-validates the pipeline on them, and prints the balanced accuracy with
its 95 % interval and the chance level; with two classes also the area under the ROC curve of each fold and their mean. A
second table has further measures, each with its interval and chance level: docs/metrics.md has the formulas.
With -o it then fits the pipeline to all windows and writes it as a bundle.

Windows that share samples with those of the test part are not learned from in that fold, and counted: docs/metrics.md.

The splits by session and subject go by the names of the files, as BIDS has them (sub-01_ses-1_run-2), or by the folder
that a file is in where its name has neither: session1, session-2, ses-3. Those are then of one person.

With --false-activations and --rest (or --rest-events) it sets the threshold of the section decide from rest data, so that
new rest of the same kind brings at most so many false decisions a minute, and prints the rate on held-out rest.

A pipeline with a section target follows quantities, such as a cursor's velocity: train then prints the correlation and R²
of each, and --split is leave-one-run-out or blocked-kfold. A FILE may be synth:cursor:SUBJECT:RUN, synth:imagery:… or
synth:rest:…, which is simulated.

With --seizures windows are cut all along the recordings and are ictal, preictal or interictal by their distance from seizures;
those that are none of these are left out. Seizures are events of that label that have a duration, or, for a file of CHB-MIT,
what the summary in its folder lists, for the other files of the case too.

A long training of a network can be cut off and taken up again: with --checkpoint FILE it writes how far it has come, and
the same command with --resume FILE goes on from there and ends with the same bits, bundle and scores.

PIPELINE is a YAML file, or one that is built in: ` + strings.Join(pipeline.Gallery(), ", ") + `.`,
		Example: `  gyrus train csp-lda S001R06.edf S001R10.edf S001R14.edf --events T1=fists,T2=feet
  gyrus train xdawn-ts-lr session1/*.csv.gz session2/*.csv.gz --events 1=nontarget,2=target --split cross-session
  gyrus train csp-lda S001R06.edf S001R10.edf --events T1=fists,T2=feet --rest S001R01.edf,S001R02.edf --false-activations 2
  gyrus train ts-lr eegmat --events "rest=rest,mental arithmetic=task" --tmin 0 --tmax 3 --every 3 --split cross-subject
  gyrus train kalman-velocity synth:cursor:1:1 synth:cursor:1:2
  gyrus train seizure-lstm chb01/chb01_*.edf --seizures seizure -o chb01.gyrus
  gyrus train conformer run1.edf run2.edf --checkpoint conformer.ckpt -o model.gyrus
  gyrus train conformer run1.edf run2.edf --resume conformer.ckpt -o model.gyrus
  gyrus train my.yaml run1.edf run2.edf --split kfold --seed 7 -o model.gyrus --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if permute && out != "" {
				return usageError{errors.New("--permute and -o exclude each other: what is learned from permuted labels must not become a model")}
			}
			if err := fits.check(cmd); err != nil {
				return err
			}
			spec, err := loadSpec(cmd, args[0], &cut)
			if err != nil {
				return err
			}
			if err := rest.apply(cmd, spec, permute); err != nil {
				return err
			}
			if err := keep.check(cmd, spec, args[1:], out); err != nil {
				return err
			}
			if spec.Target != nil {
				if fits.event != "" {
					return usageError{errors.New("--seizures needs a pipeline with classes, not a section target")}
				}
				return trainContinuous(cmd, args[0], spec, args[1:], scheme, seed, permute, out)
			}
			res, err := train(cmd, args[0], spec, args[1:], &rest, &fits, &keep, scheme, seed, permute, out)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd, res)
			}
			printTrain(cmd, res)
			return nil
		},
	}
	cut.add(cmd)
	rest.add(cmd)
	fits.add(cmd, true)
	keep.add(cmd)
	cmd.Flags().StringVar(&scheme, "split", "leave-one-run-out", "how to part events into training and test: "+strings.Join(split.Names(), ", ")+"; cross-subject in place of the default where every recording is of one class and there are several persons")
	cmd.Flags().Uint64Var(&seed, "seed", 0, "seed of everything random")
	addReading(cmd)
	cmd.Flags().BoolVar(&permute, "permute", false, "permute the labels of events within each run: the score must then be at chance")
	cmd.Flags().StringVarP(&out, "output", "o", "", "write the pipeline, fitted to all windows, to this file")
	return cmd
}

// trained is a pipeline fitted to recordings, with what cross-validation says of it.
type trained struct {
	trainJSON
	pipe *pipeline.Pipeline
	set  *pipeline.Set
}

func train(cmd *cobra.Command, name string, spec *pipeline.Spec, files []string, rest *restFlags, fits *seizureFlags, keep *checkpointFlags, scheme string, seed uint64, permute bool, out string) (trainJSON, error) {
	if err := checkOutput(out, slices.Concat(files, rest.files)); err != nil {
		return trainJSON{}, err
	}
	recs, files, closeAll, err := openAll(cmd, files)
	if err != nil {
		return trainJSON{}, err
	}
	defer closeAll()
	deviations(cmd, recs)
	if err := rest.apart(files); err != nil {
		return trainJSON{}, err
	}
	hashes, err := distinct(files)
	if err != nil {
		return trainJSON{}, err
	}
	seizures, err := fits.label(cmd, spec, recs, files)
	if err != nil {
		return trainJSON{}, err
	}
	prog, err := program(spec, files, hashes, rest, scheme, seed, permute)
	if err != nil {
		return trainJSON{}, err
	}
	if fits.event != "" {
		prog["seizures"] = fmt.Sprint(*fits, seizures)
	}
	if err := keep.begin(cmd, prog); err != nil {
		return trainJSON{}, err
	}
	t, err := trainOn(cmd, spec, recs, scheme, seed, permute)
	if err != nil {
		return trainJSON{}, err
	}
	if t.pipe.Resting() != nil {
		if err := rest.calibrate(cmd, t, recs); err != nil {
			return trainJSON{}, err
		}
	}
	t.fromRest(t.Rest)
	t.Pipeline = name
	if out == "" {
		return t.trainJSON, nil
	}
	b, err := t.bundle(cmd.Context(), hashes)
	if err != nil {
		return trainJSON{}, err
	}
	for i, rec := range recs {
		b.Manifest.Data[i].Deviations = rec.Deviations
	}
	if err := cmd.Context().Err(); err != nil { // interrupted while it learned: nothing is written
		return trainJSON{}, err
	}
	t.Bundle = out
	return t.trainJSON, bundle.Write(out, b)
}

// trainOn cross-validates spec on recordings.
func trainOn(cmd *cobra.Command, spec *pipeline.Spec, recs []*signal.Recording, scheme string, seed uint64, permute bool) (*trained, error) {
	t := &trained{trainJSON: trainJSON{Split: scheme, Seed: seed, Permuted: permute, Folds: []foldJSON{}, Missed: []missJSON{}}}
	var err error
	if t.pipe, err = pipeline.Build(spec, pipeline.Cued); err != nil {
		return nil, err
	}
	if err := fitsLive(spec, t.pipe, recs[0]); err != nil {
		return nil, err
	}
	bar := newProgress(cmd, "reading", samples(recs))
	defer bar.end()
	t.set, err = stream.Collect(cmd.Context(), recs, t.pipe, stream.Watch{Chunk: func(c signal.Chunk) { bar.add(int64(c.Len())) }, Done: func(c stream.Collected) {
		t.Recordings = append(t.Recordings, c)
		for _, m := range c.Misses {
			t.Missed = append(t.Missed, missJSON{c.Name, m.Event, m.Why})
		}
		noteLosses(cmd, c)
	}})
	if err != nil {
		return nil, err
	}
	bar.end()
	y, err := t.set.Labels()
	if err != nil {
		return nil, err
	}
	if err := t.alike(cmd, y); err != nil {
		return nil, err
	}
	scheme = t.Split
	if permute {
		if y, err = t.set.Permute(seed); err != nil {
			return nil, refusal{err}
		}
	}
	splitter, err := split.New(scheme, seed)
	if err != nil {
		return nil, usageError{fmt.Errorf("--split: %w", err)}
	}
	folds, err := t.set.Split(splitter, y)
	if err != nil {
		return nil, refusal{err}
	}
	if n, what := split.Purged(folds); n > 0 {
		t.Purged = n
		note(cmd, "%s; %sintervals take events for independent, which those whose windows overlap are not quite", what, fewer(scheme))
	}
	bar = newProgress(cmd, "cross-validating", int64(len(folds)))
	defer bar.end()
	tested, err := stream.CrossValidate(cmd.Context(), spec, recs, t.set, y, folds, func() { bar.add(1) })
	if errors.Is(err, decoders.ErrNoCheckpoints) {
		return nil, usageError{err}
	}
	if err != nil {
		return nil, refusal{err}
	}
	t.Delay, t.Notes = t.pipe.Delay(), pipeline.NotesOf(tested)
	t.Rejected = len(t.set.Windows) - len(tested)
	if t.Rejected > 0 {
		note(cmd, "%d of %d windows were rejected and are not scored", t.Rejected, len(t.set.Windows))
	}
	if t.Coverage, err = stream.Coverage(t.pipe, t.set, tested); err != nil {
		return nil, err
	}
	var truth, label, event []int
	perTruth, perLabel, perEvent := make([][]int, len(folds)), make([][]int, len(folds)), make([][]int, len(folds))
	perFold := make([][]pipeline.Tested, len(folds))
	for i := range t.set.Windows {
		r, ok := tested[i]
		if !ok {
			continue
		}
		truth, label, event = append(truth, r.Truth), append(label, r.Label), append(event, r.Trial)
		perTruth[r.Fold], perLabel[r.Fold] = append(perTruth[r.Fold], r.Truth), append(perLabel[r.Fold], r.Label)
		perEvent[r.Fold] = append(perEvent[r.Fold], r.Trial)
		perFold[r.Fold] = append(perFold[r.Fold], r)
	}
	if t.scoreJSON, err = score(t.set.Classes, truth, label, event); err != nil {
		return nil, refusal{err}
	}
	each, mean, err := aucs(t.set.Classes, perFold)
	if err != nil {
		return nil, refusal{err}
	}
	t.AUC = mean
	if t.reportJSON, err = report(t.pipe, perFold, seed); err != nil {
		return nil, refusal{err}
	}
	for f, fold := range folds {
		s, err := score(t.set.Classes, perTruth[f], perLabel[f], perEvent[f])
		if err != nil {
			return nil, refusal{fmt.Errorf("fold %s: %w", fold.Name, err)}
		}
		t.Folds = append(t.Folds, foldJSON{Name: fold.Name, Trials: s.Trials, Correct: s.correct(), BalancedAccuracy: s.BalancedAccuracy, AUC: each[f], Purged: len(fold.Purged)})
	}
	return t, nil
}

// fewer says which split leaves out fewer windows that share samples with tested ones than scheme, "" where it is one of those.
func fewer(scheme string) string {
	blocked := map[string]string{split.KFoldName: split.BlockedKFoldName, split.WithinSessionName: split.WithinSessionBlockedName}[scheme]
	if blocked == "" {
		return ""
	}
	return fmt.Sprintf("--split %s leaves out fewer, %s none; ", blocked, split.LeaveOneRunOutName)
}

// alike says which windows are no independent trials, and turns a default split that does not fit whole recordings into the one that does.
func (t *trained) alike(cmd *cobra.Command, y signal.Labels) error {
	trials, err := t.set.Trials()
	if err != nil {
		return err
	}
	if trials.N < len(y.Y) {
		t.Events = trials.N
		note(cmd, "the %d windows are of %d events: those of one are in training or test together, and intervals count events", len(y.Y), trials.N)
	}
	if t.WholeRuns = split.WholeRuns(y, t.set.Group); t.WholeRuns == 0 {
		return nil
	}
	note(cmd, "%d recordings have windows of one class only: the windows of each are in training or test together, and scores say how well so many recordings are told apart, not %d windows", t.WholeRuns, len(y.Y))
	fair := split.Fair(y, t.set.Group)
	given := cmd.Flags().Lookup("split")
	switch {
	case fair == "" || fair == t.Split || t.Split == split.CrossSessionName:
	case given != nil && !given.Changed && t.WholeRuns == t.runs():
		t.Split = fair
		note(cmd, "--split is %s, since whole recordings are told apart; give another one to have that", fair)
	case fair == split.CrossSubjectName:
		note(cmd, "of the person whose recording is left out, recordings of the other class are learned from, which may draw scores below chance: use --split %s", fair)
	}
	return nil
}

// runs is how many recordings have windows.
func (t *trained) runs() int {
	seen := map[string]bool{}
	for _, g := range t.set.Group {
		seen[g] = true
	}
	return len(seen)
}

// noteLosses says what could not be learned from.
func noteLosses(cmd *cobra.Command, c stream.Collected) {
	for _, m := range c.Misses {
		note(cmd, "%s: event %q at %.3f s is not used: %s", c.Name, m.Event.Label, m.Event.Onset, m.Why)
	}
	if c.Stats.Gaps > 0 {
		note(cmd, "%s: %d gaps, %d samples are missing: no window reaches over them", c.Name, c.Stats.Gaps, c.Stats.Lost)
	}
	noteSpoilt(cmd, c.Name, c.Stats)
}

// fitsLive checks that what will be trained can be used: a live session, and decode, cut all windows of the definition.
func fitsLive(spec *pipeline.Spec, cued *pipeline.Pipeline, rec *signal.Recording) error {
	all, err := pipeline.Build(spec, pipeline.All)
	if err != nil || cued.Causal() != nil {
		return err // what looks ahead is never used live, and may change the rate
	}
	return all.Start(rec.Info)
}

// bundle fits the pipeline to all windows. hashes are those of the recordings' files, nil where they were simulated.
func (t *trained) bundle(ctx context.Context, hashes []string) (*bundle.Bundle, error) {
	y, err := t.set.Labels()
	if err != nil {
		return nil, err
	}
	if err := t.pipe.FitContext(ctx, t.set, y); err != nil {
		return nil, refusal{err}
	}
	b, err := t.pipe.Bundle(Version)
	if err != nil {
		return nil, err
	}
	b.Manifest.Seed, b.Manifest.Rest, b.Manifest.Coverage = t.Seed, t.Rest, t.Coverage
	b.Manifest.Score = &bundle.Score{
		Split: t.Split, Trials: t.Trials, BalancedAccuracy: t.BalancedAccuracy, CILow: t.CILow, CIHigh: t.CIHigh, Chance: t.Chance,
	}
	for i, rec := range t.Recordings {
		d := bundle.Data{Name: filepath.Base(rec.Name), Trials: rec.Trials}
		if hashes != nil {
			d.SHA256 = hashes[i]
		}
		b.Manifest.Data = append(b.Manifest.Data, d)
	}
	return b, nil
}

func printTrain(cmd *cobra.Command, t trainJSON) {
	w := cmd.OutOrStdout()
	rows := [][]string{scoreHead("fold", t.Classes)}
	for _, f := range t.Folds {
		name := f.Name
		for _, r := range t.Recordings { // the folders are in the command line already
			name = strings.Replace(name, r.Name, filepath.Base(r.Name), 1)
		}
		rows = append(rows, scoreRow(name, f.Trials, f.Correct, f.BalancedAccuracy, f.AUC, t.Classes))
	}
	columns(w, rows)
	fmt.Fprintln(w)
	if t.AUC != nil {
		fmt.Fprintf(w, "mean ROC AUC of %d folds %.4f, 95 %% interval [%.4f, %.4f], chance 0.5\n", len(t.Folds), t.AUC.AUC, t.AUC.CILow, t.AUC.CIHigh)
	}
	what := ""
	if t.Permuted {
		what = " (labels permuted: this must be at chance)"
		if t.WholeRuns > 0 {
			what = " (labels permuted between whole recordings: the mean over many seeds must be at chance)"
		}
	}
	t.print(w, fmt.Sprintf("%s, %s%s", t.Pipeline, t.Split, what))
	t.printMetrics(w)
	fmt.Fprint(w, noteLines(t.Notes), delayLine(t.Delay))
	printRest(w, t.Rest, "--events …,T0=rest")
	printCoverage(w, t.Coverage)
	if t.Bundle != "" {
		fmt.Fprintf(w, "written: %s\n", t.Bundle)
	}
}
