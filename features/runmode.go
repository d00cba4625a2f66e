package features

import (
	"encoding/json"
	"fmt"
	"strings"
)

// RunMode says which reference an Aligner or RowAligner maps a new run by. A training run is always mapped by the mean of
// all its own windows.
type RunMode string

// The modes. Results of one are not comparable with those of another: OfRun has seen the windows that come later.
const (
	// Incremental follows the run: it begins at the training reference and takes in each window before that is mapped.
	Incremental RunMode = "incremental"
	// OfRun is the mean of all windows of the new run, labels not looked at: the published offline form (transductive).
	// It needs the whole run before its first window is mapped, which a live session does not have.
	OfRun RunMode = "run"
	// Fixed is the training reference throughout.
	Fixed RunMode = "fixed"
)

// RunModes lists them.
func RunModes() []RunMode { return []RunMode{Incremental, OfRun, Fixed} }

// Check reports a mode that does not exist.
func (m RunMode) Check() error {
	for _, known := range RunModes() {
		if m == known {
			return nil
		}
	}
	return fmt.Errorf(`mode is %q, must be "incremental", "run" or "fixed"`, string(m))
}

// UnmarshalJSON accepts the modes that exist.
func (m *RunMode) UnmarshalJSON(data []byte) error {
	var word string
	if err := json.Unmarshal(data, &word); err != nil || RunMode(word).Check() != nil {
		return fmt.Errorf(`key "mode": is %s, must be "incremental", "run" or "fixed"`, strings.TrimSpace(string(data)))
	}
	*m = RunMode(word)
	return nil
}

// JSONSchema describes the values for editors (JSON Schema 2020-12).
func (RunMode) JSONSchema() map[string]any {
	return map[string]any{"enum": []any{string(Incremental), string(OfRun), string(Fixed)}}
}

// WholeRun is an Aligner or RowAligner that may need all windows of a new run before it maps the first one.
type WholeRun interface {
	// NeedsRun says that it does: its mode is OfRun. It then has SetRun.
	NeedsRun() bool
}

// RunSetter is a WholeRun Aligner: SetRun takes the windows of the run that comes, which Map then maps by their mean, until
// the next SetRun.
type RunSetter interface {
	SetRun(x [][][]float64) error
}

// RowRunSetter is the same of a RowAligner.
type RowRunSetter interface {
	SetRun(x [][]float64) error
}
