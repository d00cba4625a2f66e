package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// reading is how a command treats recordings that are not as they should be.
type reading struct {
	strict  bool
	units   units.Policy
	mapping string // a file that says what the columns of a table are; "" takes the one beside it, if there is one
}

const (
	strictFlag  = "strict"
	mappingFlag = "mapping"
	policyFlag  = "units-policy"
	policyEnv   = "GYRUS_UNITS_POLICY"
	policyUsage = "where a unit is unknown or the amplitudes tell that it is wrong: warn, error, or assume:uV (mV, V, nV) (environment: " + policyEnv + ")"
)

// addReading gives a command the flags.
func addReading(cmd *cobra.Command) {
	cmd.Flags().Bool(strictFlag, false, "refuse recordings that break the specification of their format")
	cmd.Flags().String(policyFlag, "warn", policyUsage)
	cmd.Flags().String(mappingFlag, "", "of a table (CSV): the file that says what its columns are (default: FILE.gyrus.yaml beside it); see gyrus info --mapping-template")
}

// readingOf is what the flags and the environment say.
func readingOf(cmd *cobra.Command) (reading, error) {
	var r reading
	policy, from := "warn", ""
	if env := os.Getenv(policyEnv); env != "" {
		policy, from = env, policyEnv+": "
	}
	if f := cmd.Flags().Lookup(policyFlag); f != nil && f.Changed {
		policy, from = f.Value.String(), "--"+policyFlag+": "
	}
	var err error
	if r.units, err = units.ParsePolicy(policy); err != nil {
		return r, usageError{fmt.Errorf("%s%w", from, err)}
	}
	if f := cmd.Flags().Lookup(strictFlag); f != nil {
		r.strict = f.Value.String() == "true"
	}
	if f := cmd.Flags().Lookup(mappingFlag); f != nil {
		r.mapping = f.Value.String()
		if f.Changed && r.mapping == "" {
			return r, usageError{errors.New("--mapping is empty: name a file, or leave it out")}
		}
	}
	return r, nil
}

// open opens a file of any registered format and looks at its units.
func (r reading) open(path string) (*signal.Recording, error) {
	rec, err := r.read(path)
	if err != nil {
		return nil, err
	}
	err = units.Apply(rec, r.units)
	var wrong *units.Error
	if errors.As(err, &wrong) {
		err = refusal{err}
	}
	if err == nil && r.strict && len(rec.Deviations) > 0 {
		err = refusal{deviates(path, rec)}
	}
	if err != nil {
		return nil, errors.Join(err, rec.Close())
	}
	return rec, nil
}

// read opens a file of any registered format, a table by the mapping.
func (r reading) read(path string) (*signal.Recording, error) {
	if r.mapping == "" {
		return openRecording(path)
	}
	name := filepath.ToSlash(path)
	sidecar, err := ingest.Sidecar(name)
	if err != nil {
		return nil, usageError{fmt.Errorf("--mapping has no effect on %w", err)}
	}
	if _, err := os.Stat(r.mapping); err != nil {
		return nil, usageError{fmt.Errorf("--mapping: %w", err)}
	}
	mapping := filepath.ToSlash(r.mapping)
	rec, err := ingest.Open(withFile{name: sidecar, path: mapping}, name)
	var format *ingest.FormatError
	if errors.As(err, &format) && format.File == sidecar {
		format.File = mapping
	}
	if err != nil {
		return nil, notThere(err)
	}
	for i, p := range rec.Parts {
		if p == sidecar {
			rec.Parts[i] = mapping
		}
	}
	return rec, nil
}

// withFile opens paths as they are, but for one, in whose place there is another.
type withFile struct {
	pathFS

	name, path string
}

// Open opens name.
func (f withFile) Open(name string) (fs.File, error) {
	if name == f.name {
		name = f.path
	}
	return f.pathFS.Open(name)
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
