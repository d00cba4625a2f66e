// Package cli is the command line: one file to a command.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
	"github.com/gyrus-bci/gyrus/ingest"
	_ "github.com/gyrus-bci/gyrus/ingest/all" // every format
	"github.com/gyrus-bci/gyrus/ingest/electrodes"
	"github.com/gyrus-bci/gyrus/ingest/reading"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/units"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/pipeline"

	_ "github.com/gyrus-bci/gyrus/decoders/all"   // every decoder
	_ "github.com/gyrus-bci/gyrus/features/all"   // every feature step
	_ "github.com/gyrus-bci/gyrus/preprocess/all" // every preprocessing step
)

// Version is set by the linker: make build.
var Version = "unknown"

// The exit codes, beside 129, 130 and 143 for SIGHUP, SIGINT and SIGTERM where nothing else was amiss.
const (
	exitDone       = 0
	exitFailed     = 1
	exitUsage      = 2
	exitRefused    = 3
	exitIncomplete = 4
)

// usageError is a command that cannot be understood: exit code 2.
type usageError struct{ error }

// refusal is data that is not used: exit code 3.
type refusal struct{ error }

// incomplete is a result with something missing: exit code 4.
type incomplete struct{ error }

// stopped is an end by a signal: exit code 128 + its number.
type stopped struct{ sig syscall.Signal }

func (s stopped) Error() string { return "stopped by " + s.sig.String() }

// sameSignal is how far two signals are apart that are two: timeout sends one to the process and the same to its group, and a terminal
// and whoever started the process may both pass one on.
const sameSignal = 300 * time.Millisecond

// Main runs the command line of this process and exits.
func Main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	sigs := make(chan os.Signal, 1)
	signal.Notify(sigs, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // a terminal that closes ends it as the others do; nohup lets it run on
		signal.Notify(sigs, syscall.SIGHUP)
	}
	go func() {
		sig, _ := (<-sigs).(syscall.Signal)
		cancel(stopped{sig})
		time.Sleep(sameSignal)
		signal.Stop(sigs) // a second one ends the process at once
	}()
	os.Exit(Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Run runs one command and returns its exit code. Results go to out, everything else to errs.
func Run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	told := &aside{w: errs}
	defer told.close()
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	result := &output{w: out}
	root.SetOut(result)
	root.SetErr(told)
	err := kernel.Check() // of the environment: before the first network is made
	if err != nil {
		err = usageError{err}
	} else {
		err = root.ExecuteContext(ctx)
	}
	var sig stopped
	ended := errors.As(context.Cause(ctx), &sig)
	if ended {
		err = amiss(err) // what is incomplete, or failed, is so whoever ended it
	}
	if err == nil && result.err != nil {
		err = fmt.Errorf("writing the result: %w", result.err)
	}
	switch {
	case ended && err == nil:
		err = sig
	case ended:
		fmt.Fprintf(told, "gyrus: %s\n", plainly(sig.Error()))
	}
	if err != nil {
		fmt.Fprintf(told, "gyrus: %s\n", plainly(err.Error()))
	}
	return exitCode(err)
}

// joined is the type of errors.Join: of several failures, each stands for itself.
var joined = reflect.TypeOf(errors.Join(io.EOF))

// amiss is err without what only says that it was told to stop: of several failures those that do not.
func amiss(err error) error {
	var within error
	switch e := err.(type) { //nolint:errorlint // taken apart level by level
	case usageError:
		within = e.error
	case refusal:
		within = e.error
	case incomplete:
		within = e.error
	default:
		if reflect.TypeOf(err) == joined {
			var left []error
			for _, part := range err.(interface{ Unwrap() []error }).Unwrap() { //nolint:forcetypeassert // it is of that type
				left = append(left, amiss(part))
			}
			return errors.Join(left...)
		}
		if sig := (stopped{}); errors.As(err, &sig) || errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	}
	if amiss(within) == nil {
		return nil
	}
	return err
}

// exitCode sorts an error into the documented codes.
func exitCode(err error) int {
	var (
		sig     stopped
		usage   usageError
		spec    *pipeline.SpecError
		refused refusal
		format  *ingest.FormatError
		input   *pipeline.InputError
		model   *bundle.ReadError
		missing incomplete
		wrong   *units.Error
		strict  *reading.StrictError
		places  *electrodes.JoinError
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &sig):
		return 128 + int(sig.sig)
	case errors.As(err, &model): // also where its definition is at fault, which the user did not write
		return exitRefused
	case errors.As(err, &usage), errors.As(err, &spec):
		return exitUsage
	case errors.As(err, &refused), errors.As(err, &format), errors.As(err, &input), errors.As(err, &wrong), errors.As(err, &strict), errors.As(err, &places):
		return exitRefused
	case errors.As(err, &missing):
		return exitIncomplete
	default:
		return exitFailed
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "gyrus",
		Short: "EEG to decoded commands, live and offline, with the numbers to trust it",
		Long: `gyrus reads EEG from a file or a stream, trains decoders, and turns signals into commands within milliseconds.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage,
3 data refused, 4 finished but incomplete, 129, 130 and 143 stopped by a signal with nothing amiss.`,
		Example: `  gyrus demo
  gyrus info S001R06.edf
  gyrus train csp-lda S001R06.edf S001R10.edf --events T1=fists,T2=feet -o model.gyrus
  gyrus eval model.gyrus S001R14.edf`,
		SilenceUsage: true, SilenceErrors: true, Version: Version,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.PersistentFlags().Bool("json", false, "print the result as JSON")
	root.AddCommand(
		withRecordings(newInfo(), takesOne),
		withRecordings(newValidate(), takesAll),
		withRecordings(newFix(), takesOne),
		withRecordings(newConvert(), takesItself),
		withRecordings(newPlot(), takesAll),
		newData(),
		withRecordings(newTrain(), takesButFirst),
		withRecordings(newEval(), takesButFirst),
		withRecordings(newDecode(), takesDecoded),
		withRecordings(newPlay(), takesOne),
		newStreams(),
		newRecord(),
		newReplay(),
		newLive(),
		newCtl(),
		newControl(),
		newBus(),
		newDoctor(),
		newDemo(),
		newModels(),
		newSchema(),
		newDocs(),
		newVersion(),
	)
	wrapArgs(root)
	return root
}

// wrapArgs makes a wrong number of arguments, and an unknown command, wrong usage.
func wrapArgs(cmd *cobra.Command) {
	check := cmd.Args
	if check == nil {
		check = cobra.ArbitraryArgs
	}
	cmd.Args = func(c *cobra.Command, args []string) error {
		err := check(c, args)
		if err == nil {
			return nil
		}
		if c.HasSubCommands() && len(args) > 0 {
			var known []string
			for _, sub := range c.Commands() {
				if sub.IsAvailableCommand() {
					known = append(known, sub.Name())
				}
			}
			return usageError{&registry.UnknownError{What: "command", Name: args[0], Known: known}}
		}
		return usageError{fmt.Errorf("%w; usage: %s", err, c.UseLine())}
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

// wantsJSON says whether --json was given.
func wantsJSON(cmd *cobra.Command) bool {
	on, err := cmd.Flags().GetBool("json")
	return err == nil && on
}

// printJSON writes v to standard output.
func printJSON(cmd *cobra.Command, v any) error {
	enc := json.NewEncoder(plainJSON{cmd.OutOrStdout()})
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// note writes a line for people to standard error.
func note(cmd *cobra.Command, format string, args ...any) {
	fmt.Fprintln(cmd.ErrOrStderr(), plainly(fmt.Sprintf(format, args...)))
}

// noteLine is note of a line that may be empty: nothing is written then.
func noteLine(cmd *cobra.Command, line string) {
	if line != "" {
		note(cmd, "%s", line)
	}
}

// notThere makes a file that does not exist wrong usage: nothing was read that could be refused.
func notThere(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return usageError{err}
	}
	return err
}

// columns prints lines of cells, in which nothing acts on a terminal, each column as wide as its widest cell, the first aligned left, the others right.
func columns(w io.Writer, rows [][]string) {
	var width []int
	for n, r := range rows {
		cells := make([]string, len(r))
		for i, c := range r {
			if i == len(width) {
				width = append(width, 0)
			}
			cells[i] = inline(c)
			width[i] = max(width[i], len([]rune(cells[i])))
		}
		rows[n] = cells
	}
	for _, r := range rows {
		var b strings.Builder
		for i, c := range r {
			pad := strings.Repeat(" ", width[i]-len([]rune(c)))
			if i == 0 {
				b.WriteString(c + pad)
			} else {
				b.WriteString("  " + pad + c)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}
