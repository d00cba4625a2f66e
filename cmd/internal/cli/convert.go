package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// convertJSON is what gyrus convert --json prints.
type convertJSON struct {
	Input      string             `json:"input"`
	Output     string             `json:"output"`
	From       string             `json:"from"`
	To         string             `json:"to"`
	Losses     []signal.Deviation `json:"losses"`     // what the format written cannot hold
	Deviations []signal.Deviation `json:"deviations"` // where the input breaks the specification of its format
	Personal   []ingest.Personal  `json:"personal"`   // with --anonymise: what may say who was recorded, and what was done about it
}

// hiding is what is to be hidden about who was recorded.
type hiding struct {
	anonymise bool
	texts     bool // of events that somebody may have typed
}

// print is v for people.
func (v convertJSON) print(cmd *cobra.Command) {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s  %s, from %s (%s)\n%d deviations of the input, %d losses\n", v.Output, v.To, v.Input, v.From, len(v.Deviations), len(v.Losses))
	for _, d := range v.Deviations {
		fmt.Fprintf(out, "  input: %s\n", deviationLine(d))
	}
	for _, d := range v.Losses {
		fmt.Fprintf(out, "  loss: %s\n", deviationLine(d))
	}
	for _, p := range v.Personal {
		fmt.Fprintf(out, "  personal: %s: %q; %s\n", p.Where, p.Found, p.Done)
	}
}

func newConvert() *cobra.Command {
	var to string
	var hide hiding
	var tree treeFlags
	cmd := &cobra.Command{
		Use: "convert IN OUT | --bids IN... DIR", Short: "a recording in another format, or many as a BIDS tree, with a list of what that cannot hold",
		Args: func(cmd *cobra.Command, args []string) error {
			if tree.bids {
				return cobra.MinimumNArgs(2)(cmd, args)
			}
			return cobra.ExactArgs(2)(cmd, args)
		},
		Long: `Convert reads a recording of any format that gyrus knows and writes it in another. The ending of OUT says in which, or --to.

What the format written cannot hold is listed, each with what was written instead, and so is every place where the input breaks
the specification of its own format. With --strict either of them is refused and nothing is written.

With --bids all recordings are written into one tree of the Brain Imaging Data Structure, DIR, which may be there already: all of
them appear, or none. An input that is a BIDS tree itself stands for all recordings in it. Names come from the names of the inputs
where these are of BIDS, from --dataset where the data set is known to gyrus, and from --subject, --session, --task, --acq and
--run. A file that is EDF, BDF, BrainVision or EEGLAB already is copied as it is, unless --to or --anonymise say otherwise; others
become EDF+, BDF+ or BrainVision, whichever is the first that loses nothing. Events are written in seconds, as exact as they are.`,
		Example: `  gyrus convert run1.xdf run1.edf
  gyrus convert S001R06.edf S001R06.arrow --json | jq .losses
  gyrus convert --bids --dataset eegmmidb --task imagery --line-freq 60 S001R04.edf S001R08.edf study/
  gyrus convert night.edf night.bdf --anonymise --drop-texts
  gyrus convert --bids --subject 07 --task rest --anonymise monday.xdf study/`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if hide.texts && !hide.anonymise {
				return usageError{errors.New("--drop-texts does nothing without --anonymise")}
			}
			if tree.bids {
				return tree.run(cmd, args, to, hide)
			}
			if err := tree.unused(cmd); err != nil {
				return err
			}
			w, err := ingest.WriterFor(to, args[1])
			if err != nil {
				return usageError{err}
			}
			if err := checkOutput(args[1], args[:1]); err != nil {
				return err
			}
			how, err := readingOf(cmd)
			if err != nil {
				return err
			}
			rec, err := how.open(args[0])
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, rec.Close()) }()
			written, personal := rec, []ingest.Personal{}
			if hide.anonymise {
				written, personal = ingest.Anonymise(rec, hide.texts)
			}
			losses, err := ingest.WriteFile(args[1], w, written, how.Strict)
			var loss *ingest.LossError
			if errors.As(err, &loss) {
				return refusal{err}
			}
			if err != nil {
				return err
			}
			v := convertJSON{
				Input: args[0], Output: args[1], From: rec.Format, To: w.Name,
				Losses: append([]signal.Deviation{}, losses...), Deviations: append([]signal.Deviation{}, rec.Deviations...),
				Personal: append([]ingest.Personal{}, personal...),
			}
			if wantsJSON(cmd) {
				return printJSON(cmd, v)
			}
			v.print(cmd)
			return nil
		},
	}
	var names []string
	for _, w := range ingest.Writers() {
		names = append(names, w.Name)
	}
	cmd.Flags().StringVar(&to, "to", "", "the format to write: "+strings.Join(names, ", ")+" (default: by the ending of OUT; with --bids, what loses nothing)")
	cmd.Flags().BoolVar(&hide.anonymise, "anonymise", false, "leave out names, codes, dates and times, and list them; events are kept, and those that somebody may have typed listed")
	cmd.Flags().BoolVar(&hide.texts, "drop-texts", false, "with --anonymise: take the text out of events that somebody may have typed; their time stays. Of a BIDS tree, only onset, duration, label and value of events are written then")
	addReading(cmd)
	tree.add(cmd)
	return cmd
}
