package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// replayJSON is what gyrus replay --json prints.
type replayJSON struct {
	Recording string `json:"recording"`
	Model     string `json:"model"`
	SHA256    string `json:"model_sha256"`
	SameModel bool   `json:"same_model"` // all recorded decisions are of this one
	Recorded  int    `json:"recorded"`   // decisions
	Replayed  int    `json:"replayed"`
	record.Comparison
}

func newReplay() *cobra.Command {
	var model string
	var all bool
	cmd := &cobra.Command{
		Use: "replay RECORDING.arrow", Short: "run a recorded session again, and show where another model decides differently", Args: cobra.ExactArgs(1),
		Long: `Replay runs the samples of a recorded session through its model again, in the batches and with the times that were
recorded, and holds the decisions against those of the session. With the model of the session each must be the same to the
last bit: otherwise the command fails. With --model another one is laid beside what was decided then.

A session that learned from feedback, or whose model was swapped, decides differently by right: that is then said.`,
		Example: "  gyrus replay run1.arrow\n  gyrus replay run1.arrow --model better.gyrus",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			r, err := record.Open(args[0])
			if err != nil {
				return notThere(err)
			}
			defer func() { err = errors.Join(err, r.Close()) }()
			deviations(cmd, []*signal.Recording{{Name: r.Samples.Name, Deviations: append(r.Samples.Deviations, r.Deviations...)}})
			var about struct {
				Bundle string          `json:"bundle"`
				SHA256 string          `json:"model_sha256"`
				Adapt  json.RawMessage `json:"adapt"`
			}
			if r.About != nil {
				if err := json.Unmarshal(r.About, &about); err != nil {
					return refusal{fmt.Errorf("%s: the description beside it: %w", args[0], err)}
				}
			}
			if model == "" {
				if model = about.Bundle; model == "" {
					return usageError{fmt.Errorf("%s: the recording does not name its model: say which with --model", args[0])}
				}
				if !filepath.IsAbs(model) {
					model = filepath.Join(filepath.Dir(args[0]), model)
				}
			}
			b, p, err := loadModel(model, pipeline.All)
			if err != nil {
				return err
			}
			if err := p.Causal(); err != nil {
				return refusal{fmt.Errorf("%s: %w", model, err)}
			}
			replayed, err := record.Replay(cmd.Context(), r.Samples, p)
			if err != nil {
				return err
			}
			record.Align(replayed, p.Outputs(), r.Outputs)
			res := replayJSON{
				Recording: args[0], Model: model, SHA256: b.SHA256, SameModel: len(r.Decisions) > 0, Recorded: len(r.Decisions), Replayed: len(replayed),
				Comparison: record.Compare(r.Decisions, replayed),
			}
			for _, d := range r.Decisions {
				res.SameModel = res.SameModel && d.Model == res.SHA256
			}
			if res.SameModel && (res.Exact != res.Windows || len(res.Differences) > 0) {
				err = errors.New("the model is that of the session, and its decisions are not the same to the last bit")
				if string(about.Adapt) != "" && string(about.Adapt) != "null" {
					err = nil
					note(cmd, "the session learned from feedback: decisions of the head that it learned are not replayed")
				}
			}
			if wantsJSON(cmd) {
				return errors.Join(err, printJSON(cmd, res))
			}
			printReplay(cmd, res, r.Samples.Info.Rate, all)
			return err
		},
	}
	cmd.Flags().StringVar(&model, "model", "", "bundle to run; without it the one of the session")
	cmd.Flags().BoolVar(&all, "all", false, "list all differences, not only the first 20")
	return cmd
}

func printReplay(cmd *cobra.Command, res replayJSON, rate float64, all bool) {
	w := cmd.OutOrStdout()
	share := 0.0
	if res.Windows > 0 {
		share = 100 * float64(res.Same) / float64(res.Windows)
	}
	fmt.Fprintf(w, "%d decisions recorded, %d replayed with %s\n%d windows in both: %d the same to the last bit, %d the same decision (%.1f %%), %d differ or are in one only\n",
		res.Recorded, res.Replayed, res.Model, res.Windows, res.Exact, res.Same, share, len(res.Differences))
	if len(res.Differences) == 0 {
		return
	}
	rows := [][]string{{"window ends (s)", "recorded", "", "replayed", ""}}
	cell := func(d *record.Decision) (string, string) {
		switch {
		case d == nil:
			return "no window", ""
		case d.Rejected != "":
			return "rejected", d.Rejected
		case d.Kind == "continuous":
			return "value", fmt.Sprintf("%.4g", d.Values)
		case d.Label == "":
			return "no control", fmt.Sprintf("%.3f", d.Confidence)
		}
		return d.Label, fmt.Sprintf("%.3f", d.Confidence)
	}
	for i, d := range res.Differences {
		if i == 20 && !all {
			break
		}
		end := d.Replayed
		if end == nil {
			end = d.Recorded
		}
		a, ac := cell(d.Recorded)
		b, bc := cell(d.Replayed)
		rows = append(rows, []string{fmt.Sprintf("%.3f", float64(end.End)/rate), a, ac, b, bc})
	}
	fmt.Fprintln(w)
	columns(w, rows)
	if n := len(res.Differences) - 20; n > 0 && !all {
		fmt.Fprintf(w, "and %d more: --all lists them\n", n)
	}
}
