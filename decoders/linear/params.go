package linear

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Shrinkage says how far a covariance is drawn towards a multiple of the identity. In JSON and YAML it is the word
// "auto" or a number from 0 (not at all) to 1 (wholly). The zero value is the number 0.
type Shrinkage struct {
	Auto  bool    // from the data (Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4)
	Value float64 // where Auto is false
}

// UnmarshalJSON accepts "auto" and numbers from 0 to 1.
func (s *Shrinkage) UnmarshalJSON(data []byte) error {
	var word string
	var value float64
	text := strings.TrimSpace(string(data))
	switch {
	case json.Unmarshal(data, &word) == nil && word == "auto":
		*s = Shrinkage{Auto: true}
		return nil
	case text != "null" && json.Unmarshal(data, &value) == nil && value >= 0 && value <= 1:
		*s = Shrinkage{Value: value}
		return nil
	}
	return fmt.Errorf(`key "shrinkage": is %s, must be "auto" or a number from 0 to 1`, text)
}

// MarshalJSON writes what UnmarshalJSON reads.
func (s Shrinkage) MarshalJSON() ([]byte, error) {
	if s.Auto {
		return []byte(`"auto"`), nil
	}
	return json.Marshal(s.Value)
}

// JSONSchema describes the values for editors (JSON Schema 2020-12).
func (Shrinkage) JSONSchema() map[string]any {
	return map[string]any{"oneOf": []any{
		map[string]any{"const": "auto"},
		map[string]any{"type": "number", "minimum": 0, "maximum": 1},
	}}
}

// String is as in a pipeline file.
func (s Shrinkage) String() string {
	if s.Auto {
		return "auto"
	}
	return fmt.Sprintf("%g", s.Value)
}

// check catches what was set without UnmarshalJSON.
func (s Shrinkage) check() error {
	if !s.Auto && !(s.Value >= 0 && s.Value <= 1) { // also catches NaN
		return fmt.Errorf(`shrinkage is %g, must be "auto" or a number from 0 to 1`, s.Value)
	}
	return nil
}

// Priors says how probable each class is before a row has been seen.
type Priors string

// The priors that exist.
const (
	Empirical Priors = "empirical" // as frequent as in the training rows
	Equal     Priors = "equal"     // all the same
)

// UnmarshalJSON accepts the names above.
func (p *Priors) UnmarshalJSON(data []byte) error {
	var word string
	if err := json.Unmarshal(data, &word); err != nil || Priors(word).check() != nil {
		return fmt.Errorf(`key "priors": is %s, must be "empirical" or "equal"`, strings.TrimSpace(string(data)))
	}
	*p = Priors(word)
	return nil
}

// JSONSchema describes the values for editors (JSON Schema 2020-12).
func (Priors) JSONSchema() map[string]any {
	return map[string]any{"enum": []any{string(Empirical), string(Equal)}}
}

func (p Priors) check() error {
	if p != Empirical && p != Equal {
		return fmt.Errorf(`priors is %q, must be "empirical" or "equal"`, string(p))
	}
	return nil
}

// of is the probability of each class.
func (p Priors) of(counts []int) []float64 {
	n := 0
	for _, c := range counts {
		n += c
	}
	prior := make([]float64, len(counts))
	for k, c := range counts {
		if prior[k] = float64(c) / float64(n); p == Equal {
			prior[k] = 1 / float64(len(counts))
		}
	}
	return prior
}
