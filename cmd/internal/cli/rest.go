package cli

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/dataset"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// restFlags say where rest is and how many false decisions it may bring.
type restFlags struct {
	files, events []string
	perMinute     float64
}

func (r *restFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&r.files, "rest", nil, "FILE,…: recordings in which nothing is meant, to set the threshold of the section decide with")
	cmd.Flags().StringSliceVar(&r.events, "rest-events", nil, "LABEL,…: events of the training recordings within which nothing is meant, to the same end; one without a duration lasts until the next event")
	cmd.Flags().Float64Var(&r.perMinute, "false-activations", 0, "most false decisions a minute at rest (default: the pipeline's false_per_min); adds a section decide with evidence where there is none")
}

// apply writes the rate over the pipeline's own, and checks that rest data and a rate are there together.
func (r *restFlags) apply(cmd *cobra.Command, spec *pipeline.Spec, permute bool) error {
	var err error
	if r.files, err = restFiles(r.files); err != nil {
		return err
	}
	given := len(r.files)+len(r.events) > 0
	if cmd.Flags().Changed("false-activations") {
		if !(r.perMinute > 0) || math.IsInf(r.perMinute, 0) {
			return usageError{fmt.Errorf("--false-activations is %g, must be above 0 and finite", r.perMinute)}
		}
		if spec.Target != nil {
			return usageError{errors.New("--false-activations is about decisions, but the pipeline has a section target: its decoder follows quantities")}
		}
		if spec.Decide == nil {
			spec.Decide = &pipeline.Step{Use: "evidence"}
		}
		if spec.Decide.Use != "evidence" {
			return usageError{fmt.Errorf("--false-activations sets the threshold of evidence, but the section decide of the pipeline uses %s", spec.Decide.Use)}
		}
		if err := spec.Decide.Set(map[string]any{"false_per_min": r.perMinute}); err != nil {
			return usageError{err}
		}
	}
	p, err := pipeline.Build(spec, pipeline.Cued)
	if err != nil {
		return err
	}
	switch d := p.Resting(); {
	case d == nil && given:
		return usageError{errors.New("--rest and --rest-events do nothing without a rate: give --false-activations, or false_per_min in the section decide of the pipeline")}
	case d != nil && !given && !permute:
		return usageError{fmt.Errorf("the section decide asks for at most %g false decisions a minute, which takes rest data: give --rest FILE, or --rest-events LABEL for events within the training recordings", d.AsksForRest())}
	case permute && given:
		return usageError{errors.New("--permute is a test of the scores, not of the threshold: leave out --rest and --rest-events")}
	}
	for i, l := range r.events {
		if r.events[i] = strings.TrimSpace(l); r.events[i] == "" {
			return usageError{errors.New("--rest-events: a label is empty")}
		}
	}
	return nil
}

// restFiles is the recordings that --rest names.
func restFiles(names []string) ([]string, error) {
	if slices.Contains(names, "") {
		return nil, usageError{errors.New("--rest: a name is empty: is there a comma too many?")}
	}
	return resolveAll(joinChoices(names), false)
}

// joinChoices puts together again what a comma has parted within the name of recordings of a set, such as eegmmidb:S001:R01,R02: what
// follows one is a name of its own only where there is such a file, folder or set.
func joinChoices(names []string) (joined []string) {
	alone := func(arg string) bool {
		name, _, _ := splitName(arg)
		_, noSet := dataset.Lookup(name)
		_, noFile := os.Stat(arg)
		_, noFolder := os.Stat(name)
		return noSet == nil || noFile == nil || noFolder == nil || synthName(arg) != "" || strings.ContainsAny(arg, `/\`)
	}
	for _, name := range names {
		if n := len(joined); n > 0 && !alone(name) {
			if _, choice, _ := splitName(joined[n-1]); choice != "" {
				joined[n-1] += "," + name
				continue
			}
		}
		joined = append(joined, name)
	}
	return joined
}

// apart refuses rest that is one of the training recordings.
func (r *restFlags) apart(files []string) error {
	f, other, err := inBoth(r.files, files)
	if err == nil && f != "" {
		err = refusal{fmt.Errorf("--rest %s is the training recording %s: the decoder has learned from it; give another, or --rest-events for rest within the training recordings", f, other)}
	}
	return err
}

// inBoth is the first of files that has the same content as one of others, and that; "" where none has.
func inBoth(files, others []string) (file, other string, err error) {
	known := map[string]string{}
	for _, f := range others {
		sum, err := hashFile(f)
		if err != nil {
			return "", "", notThere(err)
		}
		known[sum+synthName(f)] = f
	}
	for _, f := range files {
		sum, err := hashFile(f)
		if err != nil {
			return "", "", notThere(err)
		}
		if o, same := known[sum+synthName(f)]; same {
			return f, o, nil
		}
	}
	return "", "", nil
}

// calibrate sets the threshold of t's pipeline. With permuted labels there is none to set.
func (r *restFlags) calibrate(cmd *cobra.Command, t *trained, recs []*signal.Recording) error {
	if t.Permuted {
		return nil
	}
	y, err := t.set.Labels()
	if err != nil {
		return err
	}
	if err := t.pipe.FitContext(cmd.Context(), t.set, y); err != nil {
		return refusal{err}
	}
	rest, files, closeAll, err := openAll(cmd, r.files)
	if err != nil {
		return err
	}
	defer closeAll()
	hashes, err := distinct(files)
	if err != nil {
		return err
	}
	deviations(cmd, rest)
	bar := newProgress(cmd, "decoding rest", 0)
	defer bar.end()
	if t.Rest, err = stream.CalibrateRest(cmd.Context(), t.pipe, recs, stream.RestOptions{Recordings: rest, Events: r.events}); err != nil {
		return err
	}
	if t.Rest.PerMinute > t.Rest.Asked {
		note(cmd, "held-out rest holds %.2f false decisions a minute, more than the %g asked for: they come in bursts, or the rest data are of several kinds; record more rest of each kind, or ask for less", t.Rest.PerMinute, t.Rest.Asked)
	}
	if why := t.Rest.Guard.Doubt(); why != "" {
		note(cmd, "%s", why)
	}
	for i, rec := range rest {
		t.Rest.Recordings = append(t.Rest.Recordings, bundle.Data{Name: filepath.Base(rec.Name), SHA256: hashes[i], Trials: map[string]int{}, Deviations: rec.Deviations})
	}
	return nil
}

// printRest says what a threshold keeps and costs; teach is how rest is made a class of its own.
func printRest(w io.Writer, r *bundle.Rest, teach string) {
	if r == nil {
		return
	}
	fmt.Fprintf(w, "\nfalse decisions at rest: at most %g a minute asked for; %s in %.2f min of held-out rest: %.2f a minute, 95 %% interval [%.2f, %.2f] (Poisson); %.1f s in a decision, %.1f %%\n",
		r.Asked, counted(r.Count, r.Again), r.Minutes, r.PerMinute, r.Low, r.High, r.DecidedS, 100*r.Share)
	if r.Rejected > 0 {
		fmt.Fprintf(w, "%d more windows at rest were rejected by the pipeline's own checks: nothing is decided there\n", r.Rejected)
	}
	if g := r.Guard; g != nil {
		fmt.Fprintf(w, "decisions are held back where the stream is more than %.2f standard deviations away from that rest, which is of %d of %d channels in %d windows, %.2f min\n",
			g.Limit, g.Channels, g.Of, g.Windows, g.Minutes)
	}
	if why := r.UnlikeWhere(); why != "" {
		fmt.Fprintf(w, "%s; nothing is decided there, also where it is what you decode itself\n", why)
	}
	fmt.Fprintf(w, "threshold %.2f nats; with it, %d of %d held-out trials are decided rightly, %d wrongly, %d not at all\n",
		r.Threshold, r.Right, r.Trials, r.Wrong, r.Trials-r.Right-r.Wrong)
	if r.Trials > 0 && 2*r.Right < r.Trials {
		fmt.Fprintf(w, "the decoder hardly tells rest from its classes: teach it rest as a class of its own (%s, and rest: in the section decide), or allow more false decisions\n", teach)
	}
}

// counted is decisions that begin, and how often those that were held count again.
func counted(begun, again int) string {
	if again == 0 {
		return strconv.Itoa(begun)
	}
	return fmt.Sprintf("%d and %d more for the seconds that they are held", begun, again)
}

func printCoverage(w io.Writer, c *bundle.Coverage) {
	if c == nil {
		return
	}
	fmt.Fprintf(w, "\nconformal: the true class was possible in %d of %d held-out trials, %.3f, 95 %% interval [%.3f, %.3f]; at least %.3f asked for\n%d trials were decided, %d of them rightly; in the others no control\n",
		c.Covered, c.Trials, float64(c.Covered)/float64(c.Trials), c.Low, c.High, c.Asked, c.Decided, c.Right)
}
