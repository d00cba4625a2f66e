package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// fixJSON is what gyrus fix --json prints.
type fixJSON struct {
	Input     string             `json:"input"`
	Output    string             `json:"output"`   // "" where there was nothing to fix
	Beside    []string           `json:"beside"`   // files beside it that belong to it
	Removed   []string           `json:"removed"`  // files beside it that belonged to what was replaced
	Format    string             `json:"format"`   // of the copy
	Mended    []signal.Deviation `json:"mended"`   // damage that was undone
	Repaired  []signal.Deviation `json:"repaired"` // deviations of the input that the copy does not have; it has what was assumed
	Losses    []signal.Deviation `json:"losses"`   // what the format of the copy cannot hold
	Remaining []signal.Deviation `json:"remaining"`
}

func newFix() *cobra.Command {
	cmd := &cobra.Command{
		Use: "fix IN OUT", Short: "a repaired copy of a recording that breaks the specification of its format", Args: cobra.ExactArgs(2),
		Long: `Fix writes a copy of IN that keeps to the specification, with what was assumed when IN was read in place of what is wrong, and
says what was changed. Damage that keeps a file from being read is undone where the file itself proves what it was: the line
endings that a transfer in text mode put into EDF or BDF; a count of records that is larger than what is there. Otherwise the
file is refused and the reason given. Without those line endings the file is what it was, byte for byte, and is written so where OUT
is of its format: what breaks the specification in it remains, is listed, and can be repaired by another fix of OUT.

A copy of XDF as XDF has all chunks of IN as they are, and with them every sample, stamp and event, but for what no reader can
use: damaged bytes, samples whose time is not known, chunks without a stream. Footers and clock offsets (of 0) that are not there are
added. It is refused where that would change nothing. Other copies are written anew: samples are those of IN, and events too but
for times between samples, which are listed where they were moved, as a loss.

Nothing is written where IN is clean. The exit code is 4 where the copy still deviates, or lacks channels or events that its
format has no place for.`,
		Example: "  gyrus fix night.edf night-fixed.edf",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			w, err := ingest.WriterFor("", args[1])
			if err != nil {
				return usageError{err}
			}
			if err := checkOutput(args[1], args[:1]); err != nil {
				return err
			}
			v := fixJSON{Input: args[0], Beside: []string{}, Removed: []string{}, Mended: []signal.Deviation{}, Repaired: []signal.Deviation{}, Losses: []signal.Deviation{}, Remaining: []signal.Deviation{}}
			how, err := readingOf(cmd)
			if err != nil {
				return err
			}
			rec, err := how.open(args[0])
			var format *ingest.FormatError
			var whole ingest.File // IN as it was before the damage, where OUT is of its format
			if errors.As(err, &format) {
				var mended *ingest.Mended
				if mended, err = ingest.MendFile(args[0]); err != nil {
					return refusal{err}
				}
				rec, v.Mended = mended.Recording, append(v.Mended, mended.Done...)
				if _, err = how.Apply(rec); err != nil {
					err = errors.Join(err, rec.Close())
				}
				if slices.ContainsFunc(w.Ext, func(e string) bool { return slices.Contains(mended.Ext, e) }) {
					whole = mended.Whole
				}
			}
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, rec.Close()) }()
			samples, err := signal.CheckSamples(rec.Data)
			if err != nil {
				return err
			}
			v.Repaired = append(append(v.Repaired, rec.Deviations...), samples...)
			var unread []signal.Deviation // where the copy is not made of the file itself
			if len(v.Mended)+len(v.Repaired) > 0 {
				own := false
				switch {
				case units.Rescaled(rec):
				case whole != nil:
					own = true
					if err := ingest.RestoreFile(args[1], whole, args[0]); err != nil {
						return writeError(err)
					}
				case len(v.Mended) == 0:
					var places int
					if places, own, err = ingest.RepairFile(args[1], w, args[0]); err != nil {
						return writeError(err)
					}
					if own && places == 0 {
						return refusal{fmt.Errorf("%s: none of its %d deviations can be put right without changing samples, times or events, and nothing was written: %s",
							args[0], len(v.Repaired), deviationLine(v.Repaired[0]))}
					}
				}
				if !own {
					unread = rec.Deviations
					made, err := ingest.WriteFile(args[1], w, rec, false, args[0])
					if err != nil {
						return writeError(err)
					}
					v.Beside, v.Removed, v.Losses = append(v.Beside, made.Beside...), append(v.Removed, made.Removed...), append(v.Losses, made.Losses...)
				}
				again, err := opener{}.open(args[1])
				if err != nil {
					return fmt.Errorf("the copy cannot be read again: %w", err)
				}
				v.Output, v.Format = args[1], again.Format
				samples, err := signal.CheckSamples(again.Data)
				if err := errors.Join(err, again.Close()); err != nil {
					return err
				}
				v.Remaining = append(append(v.Remaining, again.Deviations...), samples...)
				v.Repaired = slices.DeleteFunc(v.Repaired, func(d signal.Deviation) bool { // what a copy has as it was is not repaired
					return slices.ContainsFunc(v.Remaining, func(r signal.Deviation) bool { return r.Rule == d.Rule && r.Found == d.Found })
				})
			}
			if wantsJSON(cmd) {
				err = printJSON(cmd, v)
			} else {
				printFix(cmd, v)
			}
			if err == nil && len(v.Remaining) > 0 {
				err = incomplete{fmt.Errorf("%d deviations remain in %s", len(v.Remaining), v.Output)}
			}
			return errors.Join(err, missingFrom(v.Output, v.Losses, unread))
		},
	}
	addLenient(cmd)
	return cmd
}

func printFix(cmd *cobra.Command, v fixJSON) {
	w := cmd.OutOrStdout()
	if v.Output == "" {
		fmt.Fprintf(w, "%s  clean: nothing to fix, and nothing was written\n", v.Input)
		return
	}
	fmt.Fprintf(w, "%s  %s, from %s\n", v.Output, v.Format, v.Input)
	for _, name := range v.Beside {
		fmt.Fprintf(w, "  with %s, which belongs to it\n", name)
	}
	printRemoved(w, v.Removed)
	for _, part := range []struct {
		name string
		list []signal.Deviation
	}{{"mended", v.Mended}, {"repaired", v.Repaired}, {"loss", v.Losses}, {"remains", v.Remaining}} {
		for _, d := range part.list {
			fmt.Fprintf(w, "  %s: %s\n", part.name, deviationLine(d))
		}
	}
}
