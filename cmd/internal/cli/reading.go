package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/electrodes"
	"github.com/gyrus-bci/gyrus/ingest/reading"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// opener opens recordings as the flags say.
type opener struct {
	reading.Options
	joined func(*electrodes.Joined) // told what became of a file of electrodes; may be nil
}

const (
	strictFlag     = "strict"
	policyFlag     = "units-policy"
	policyEnv      = "GYRUS_UNITS_POLICY"
	policyUsage    = "where a unit is unknown or the amplitudes tell that it is wrong: warn, error, or assume:uV (mV, V, nV) (environment: " + policyEnv + ")"
	electrodesFlag = "electrodes"
	encodingFlag   = "header-encoding"
	mappingFlag    = "mapping"
	journalsFlag   = "journals"
)

// addReading gives a command the flags.
func addReading(cmd *cobra.Command) {
	cmd.Flags().Bool(strictFlag, false, "refuse recordings that break the specification of their format")
	cmd.Flags().String(electrodesFlag, "", "file that says where the electrodes are ("+strings.Join(electrodes.Endings(), " ")+"), joined by name")
	addLenient(cmd)
}

// addLenient gives a command the flags about what is in a file itself.
func addLenient(cmd *cobra.Command) {
	cmd.Flags().Bool(journalsFlag, false, "take what a recorder wrote about itself (in XDF: streams of the types Clock, Log and Decisions, in JSON) for events too")
	cmd.Flags().String(policyFlag, "warn", policyUsage)
	cmd.Flags().String(encodingFlag, "auto", "of letters in headers, and in all of a table, that are no US-ASCII: auto (UTF-8, or Latin-1 where it is not that), latin-1 or windows-1252")
	cmd.Flags().String(mappingFlag, "", "of a table (CSV): the file that says what its columns are (default: FILE.gyrus.yaml beside it); see gyrus info --mapping-template")
}

// readingOf is what the flags and the environment say.
func readingOf(cmd *cobra.Command) (opener, error) {
	r := opener{joined: func(j *electrodes.Joined) { note(cmd, "%s", j) }}
	text := func(flag string) (value string, given bool) {
		if f := cmd.Flags().Lookup(flag); f != nil {
			return f.Value.String(), f.Changed
		}
		return "", false
	}
	policy, from := os.Getenv(policyEnv), policyEnv+": "
	if value, given := text(policyFlag); given {
		policy, from = value, "--"+policyFlag+": "
	}
	p := reading.Parameters{Policy: policy}
	if err := p.CheckWords(); err != nil {
		return r, usageError{fmt.Errorf("%s%w", from, err)}
	}
	strict, _ := text(strictFlag)
	p.Strict = strict == "true"
	p.Encoding, _ = text(encodingFlag)
	if err := p.CheckWords(); err != nil {
		return r, usageError{fmt.Errorf("--%s: %w", encodingFlag, err)}
	}
	file, _ := text(electrodesFlag)
	p.Electrodes = filepath.ToSlash(file)
	mapping, given := text(mappingFlag)
	if given && mapping == "" {
		return r, usageError{errors.New("--mapping is empty: name a file, or leave it out")}
	}
	p.Mapping = filepath.ToSlash(mapping)
	var err error
	r.Options, err = p.Options(ingest.Paths{})
	journals, _ := text(journalsFlag)
	r.Journals = journals == "true"
	var format *ingest.FormatError
	if err != nil && !errors.As(err, &format) { // not there, or of no known ending
		err = usageError{fmt.Errorf("--%s: %w", electrodesFlag, err)}
	}
	return r, err
}

// open opens a file of any registered format and looks at its units.
func (r opener) open(path string) (*signal.Recording, error) {
	rec, joined, err := openRecording(r.Options, path)
	if err == nil && joined != nil && r.joined != nil {
		r.joined(joined)
	}
	return rec, err
}

// deviationLine is a deviation for people.
func deviationLine(d signal.Deviation) string { return reading.Line(d) }
