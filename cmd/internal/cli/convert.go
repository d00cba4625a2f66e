package cli

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// convertJSON is what gyrus convert --json prints.
type convertJSON struct {
	Input      string             `json:"input"`
	Output     string             `json:"output"`
	Beside     []string           `json:"beside"`  // files beside it that belong to it
	Removed    []string           `json:"removed"` // files beside it that belonged to what was replaced
	From       string             `json:"from"`
	To         string             `json:"to"`
	Losses     []signal.Deviation `json:"losses"`     // what the format written cannot hold
	Deviations []signal.Deviation `json:"deviations"` // where the input breaks the specification of its format
	Notes      []signal.Deviation `json:"notes"`      // what is assumed where that leaves it open, or has more than is read
	Personal   []ingest.Personal  `json:"personal"`   // with --anonymise: what may say who was recorded, and what was done about it
}

// hiding is what is to be hidden about who was recorded.
type hiding struct {
	anonymise bool
	texts     bool     // of events that somebody may have typed
	keep      []string // labels of events that are none of those
	days      int      // how much earlier dates are written; 0 leaves them out
	seed      string
}

// check refuses what does nothing, or not what was meant.
func (h hiding) check(cmd *cobra.Command, bids bool) error {
	shifts, seeded := cmd.Flags().Changed(shiftFlag), cmd.Flags().Changed(seedFlag)
	for _, f := range []struct {
		name  string
		given bool
	}{{"drop-texts", h.texts}, {keepFlag, len(h.keep) > 0}, {shiftFlag, shifts}, {seedFlag, seeded}} {
		if f.given && !h.anonymise {
			return usageError{fmt.Errorf("--%s does nothing without --anonymise", f.name)}
		}
	}
	switch {
	case shifts && seeded:
		return usageError{fmt.Errorf("--%s is a shift for all and --%s one for each subject: give one of them", shiftFlag, seedFlag)}
	case shifts && h.days <= 0:
		return usageError{fmt.Errorf("--%s is %d, must be the number of days that dates are written earlier, above 0", shiftFlag, h.days)}
	case seeded && h.seed == "":
		return usageError{fmt.Errorf("--%s is empty, must be a text that nobody can guess", seedFlag)}
	case seeded && !bids:
		return usageError{fmt.Errorf("--%s is only for --bids, where recordings have subjects: give --%s", seedFlag, shiftFlag)}
	}
	return nil
}

// The flags for dates.
const shiftFlag, seedFlag = "shift-dates", "shift-dates-seed"

const keepFlag = "keep-events"

// Shifts from a seed lie between 40000 days and ten years more: what was recorded before 2035 is in 1925 or earlier then.
const seededFrom, seededSpan = 40000, 3653

// of is what is hidden of a recording of a subject. The shift follows from the seed and the label of the subject alone, so that
// what is added to a tree later is shifted by as much.
func (h hiding) of(subject string) ingest.Hiding {
	out := ingest.Hiding{DropTexts: h.texts, Keep: h.keep, ShiftDays: h.days}
	if h.seed != "" {
		mac := hmac.New(sha256.New, []byte(h.seed))
		mac.Write([]byte(subject))
		out.ShiftDays = seededFrom + int(binary.BigEndian.Uint64(mac.Sum(nil))%seededSpan)
	}
	return out
}

// anonymised is rec with what was found and done, or rec itself where nothing is to be hidden.
func (h hiding) anonymised(rec *signal.Recording, path, subject string) (*signal.Recording, []ingest.Personal, error) {
	if !h.anonymise {
		return rec, []ingest.Personal{}, nil
	}
	out, found, err := ingest.Anonymise(rec, h.of(subject))
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("%s: --%s: %w", path, shiftFlag, err)}
	}
	return out, append([]ingest.Personal{}, found...), nil
}

// print is v for people.
func (v convertJSON) print(cmd *cobra.Command) {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s  %s, from %s (%s)\n%d deviations of the input, %d losses\n", v.Output, v.To, v.Input, v.From, len(v.Deviations), len(v.Losses))
	for _, name := range v.Beside {
		fmt.Fprintf(out, "  with %s, which belongs to it\n", name)
	}
	printRemoved(out, v.Removed)
	for _, d := range v.Deviations {
		fmt.Fprintf(out, "  input: %s\n", deviationLine(d))
	}
	for _, d := range v.Notes {
		fmt.Fprintf(out, "  input, no breach, but to know: %s\n", deviationLine(d))
	}
	for _, d := range v.Losses {
		fmt.Fprintf(out, "  loss: %s\n", deviationLine(d))
	}
	for _, p := range v.Personal {
		fmt.Fprintf(out, "  personal: %s: %q; %s\n", p.Where, p.Found, p.Done)
	}
}

// printRemoved names files that went with what was replaced.
func printRemoved(out io.Writer, names []string) {
	for _, name := range names {
		fmt.Fprintf(out, "  removed %s, which belonged to what was replaced\n", name)
	}
}

// writeError sorts an error of writing a recording into the exit codes.
func writeError(err error) error {
	var loss *ingest.LossError
	var beside *ingest.BesideError
	switch {
	case errors.As(err, &loss):
		return refusal{err}
	case errors.As(err, &beside):
		return usageError{err}
	}
	return err
}

// missingFrom is an error where channels or events are not in what was written at path: by its losses, or because they could not be read
// from the input, which has these deviations.
func missingFrom(path string, losses, deviations []signal.Deviation) error {
	for _, l := range losses {
		if l.Missing {
			return incomplete{fmt.Errorf("%s is written, but not all of the recording is in it: %s; another format may hold it", path, deviationLine(l))}
		}
	}
	for _, d := range deviations {
		if d.Missing {
			return incomplete{fmt.Errorf("%s is written, but not all of the input is in it, because it cannot be read: %s", path, deviationLine(d))}
		}
	}
	return nil
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
the specification of its own format. With --strict either of them is refused and nothing is written. The exit code is 4 where
channels or events are not in what was written, also where they could not be read.

Some formats need files beside OUT: BrainVision for samples and markers, Arrow and Parquet one for each other sampling rate
(run1.2.parquet beside run1.parquet). They are named. One that is there already is replaced only where it belongs to the OUT
that is replaced. Arrow is written as the stream of Arrow IPC, which pyarrow.ipc.open_stream(OUT) opens; feather.read_table and
ipc.open_file want the form of a file, and refuse it.

With --bids all recordings are written into one tree of the Brain Imaging Data Structure, DIR, which may be there already: all of
them appear, or none. An input that is a BIDS tree itself stands for all recordings in it, and eegmmidb:S001-S003:R04,R08 for those
of a data set that gyrus knows: subject, session, run and task are what the set has. Otherwise names come from the names of the
inputs where these are of BIDS, from --dataset, and from --subject, --session, --task, --acq and --run, which go before. A file that is EDF, BDF, BrainVision or EEGLAB already is copied as it is, unless --to or --anonymise say otherwise; others
become EDF+, BDF+ or BrainVision, whichever is the first that loses nothing. Events are written in seconds, as exact as they are.
Files of a BIDS tree that are not handed on, such as stimuli, photos and sessions.tsv, are named, all of them with --json (not_handed_on);
as with any loss of what is neither channels nor events the exit code is 0, and --strict refuses it, but for code/ and stimuli/. README, CHANGES,
LICENSE and CITATION are handed on where DIR has none. Where DIR has another README or another description that of DIR stays: a loss.

--anonymise leaves out what the header says about people, and whatever else has a word of that; every label of an event that is kept is
listed. What was typed by hand may name anybody: --drop-texts takes it out, and --keep-events keeps labels that you know. Of a BIDS tree only the
fields and columns that BIDS defines are written, without descriptions and other prose; each other text that is kept is listed,
and left out with --drop-texts.

--anonymise leaves dates out. With --shift-dates DAYS they are written that many days earlier, all by as much, so that the times
between recordings stay; with --shift-dates-seed TEXT each subject gets a shift of its own, from the text and the label. BIDS
recommends dates of 1925 or earlier, which nobody takes for true ones. EDF and BDF hold no year before 1985: there the begin is
unknown, a loss that is listed. --bids writes BrainVision instead where that loses less; in scans.tsv the date is in any case.`,
		Example: `  gyrus convert run1.xdf run1.edf
  gyrus convert S001R06.edf S001R06.arrow --json | jq .losses
  gyrus convert --bids --dataset eegmmidb --task imagery --line-freq 60 S001R04.edf S001R08.edf study/
  gyrus convert --bids eegmmidb:S001-S003:R04,R08 study/
  gyrus convert night.edf night.bdf --anonymise --drop-texts
  gyrus convert --bids --subject 07 --task rest --anonymise monday.xdf study/`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := hide.check(cmd, tree.bids); err != nil {
				return err
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
			in, err := resolveOne(args[0])
			if err != nil {
				return err
			}
			if err := checkOutput(args[1], []string{in}); err != nil {
				return err
			}
			how, err := readingOf(cmd)
			if err != nil {
				return err
			}
			rec, err := how.open(in)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, rec.Close()) }()
			written, personal, err := hide.anonymised(rec, in, "")
			if err != nil {
				return err
			}
			made, err := ingest.WriteFile(args[1], w, written, how.Strict, in)
			if err != nil {
				return writeError(err)
			}
			v := convertJSON{
				Input: in, Output: args[1], Beside: append([]string{}, made.Beside...), Removed: append([]string{}, made.Removed...), From: rec.Format, To: w.Name,
				Losses: append([]signal.Deviation{}, made.Losses...), Deviations: append([]signal.Deviation{}, rec.Deviations...), Notes: append([]signal.Deviation{}, rec.Notes...),
				Personal: personal,
			}
			if wantsJSON(cmd) {
				err = printJSON(cmd, v)
			} else {
				v.print(cmd)
			}
			return errors.Join(err, missingFrom(v.Output, v.Losses, v.Deviations))
		},
	}
	var names []string
	for _, w := range ingest.Writers() {
		names = append(names, w.Name)
	}
	cmd.Flags().StringVar(&to, "to", "", "the format to write: "+strings.Join(names, ", ")+" (default: by the ending of OUT; with --bids, what loses nothing)")
	cmd.Flags().BoolVar(&hide.anonymise, "anonymise", false, "leave out names, codes, dates and times, and list them; events are kept, but for texts that have a word of the header's texts about people, and those that somebody may have typed are listed")
	cmd.Flags().IntVar(&hide.days, shiftFlag, 0, "with --anonymise: write dates this many days earlier instead of leaving them out; the time of day stays")
	cmd.Flags().StringVar(&hide.seed, seedFlag, "", "with --anonymise --bids: write the dates of each subject earlier by between 40000 and 43652 days, which follow from this text and the subject; who knows the text knows the true dates")
	cmd.Flags().BoolVar(&hide.texts, "drop-texts", false, "with --anonymise: take the text out of all events but codes, numbers of at most five digits and words of tasks, because somebody may have typed it; their time stays. Of a BIDS tree, only onset, duration, label and value of events are written then, and no text of sidecars but codes")
	cmd.Flags().StringSliceVar(&hide.keep, keepFlag, nil, "with --anonymise: labels of events that are kept whatever they say, such as blink,swallow")
	addReading(cmd)
	tree.add(cmd)
	return cmd
}
