package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// reading is how a command treats recordings that are not as they should be.
type reading struct {
	strict bool
	units  units.Policy
}

const (
	strictFlag  = "strict"
	policyFlag  = "units-policy"
	policyEnv   = "GYRUS_UNITS_POLICY"
	policyUsage = "where a unit is unknown or the amplitudes tell that it is wrong: warn, error, or assume:uV (mV, V, nV) (environment: " + policyEnv + ")"
)

// addReading gives a command the flags.
func addReading(cmd *cobra.Command) {
	cmd.Flags().Bool(strictFlag, false, "refuse recordings that break the specification of their format")
	cmd.Flags().String(policyFlag, "warn", policyUsage)
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
	return r, nil
}

// open opens a file of any registered format and looks at its units.
func (r reading) open(path string) (*signal.Recording, error) {
	rec, err := openRecording(path)
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
