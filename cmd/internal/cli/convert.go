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
}

func newConvert() *cobra.Command {
	var to string
	var strict bool
	cmd := &cobra.Command{
		Use: "convert IN OUT", Short: "a recording in another format, with a list of what that format cannot hold", Args: cobra.ExactArgs(2),
		Long: `Convert reads a recording of any format that gyrus knows and writes it in another. The ending of OUT says in which, or --to.

What the format written cannot hold is listed, each with what was written instead, and so is every place where the input breaks
the specification of its own format. With --strict either of them is refused and nothing is written.`,
		Example: "  gyrus convert run1.xdf run1.edf\n  gyrus convert S001R06.edf S001R06.arrow --json | jq .losses",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			w, err := ingest.WriterFor(to, args[1])
			if err != nil {
				return usageError{err}
			}
			if err := checkOutput(args[1], args[:1]); err != nil {
				return err
			}
			rec, err := openRecording(args[0])
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, rec.Close()) }()
			if strict && len(rec.Deviations) > 0 {
				return refusal{deviates(args[0], rec)}
			}
			losses, err := ingest.WriteFile(args[1], w, rec, strict)
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
			}
			if wantsJSON(cmd) {
				return printJSON(cmd, v)
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%s  %s, from %s (%s)\n%d deviations of the input, %d losses\n", v.Output, v.To, v.Input, v.From, len(v.Deviations), len(v.Losses))
			for _, d := range v.Deviations {
				fmt.Fprintf(out, "  input: %s\n", deviationLine(d))
			}
			for _, d := range v.Losses {
				fmt.Fprintf(out, "  loss: %s\n", deviationLine(d))
			}
			return nil
		},
	}
	var names []string
	for _, w := range ingest.Writers() {
		names = append(names, w.Name)
	}
	cmd.Flags().StringVar(&to, "to", "", "the format to write: "+strings.Join(names, ", ")+" (default: by the ending of OUT)")
	cmd.Flags().BoolVar(&strict, "strict", false, "refuse what breaks the specification of its format, and what cannot be written whole")
	return cmd
}

// deviationLine is a deviation for people.
func deviationLine(d signal.Deviation) string {
	return fmt.Sprintf("%s: %s; found %s; %s", d.Where, d.Rule, d.Found, d.Assumed)
}

// deviates refuses a recording for its deviations.
func deviates(path string, rec *signal.Recording) error {
	more := ""
	if n := len(rec.Deviations) - 1; n > 0 {
		more = fmt.Sprintf("; and %d more, see gyrus validate %s", n, path)
	}
	return fmt.Errorf("%s breaks the specification of %s, which --strict refuses: %s%s", path, rec.Format, deviationLine(rec.Deviations[0]), more)
}
