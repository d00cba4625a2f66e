package linear

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
)

// Kernel is the similarity of two rows that a support vector machine works with.
type Kernel string

// The kernels that exist.
const (
	Linear Kernel = "linear" // xᵀy
	RBF    Kernel = "rbf"    // exp(−γ·|x−y|²)
)

// UnmarshalJSON accepts the names above.
func (k *Kernel) UnmarshalJSON(data []byte) error {
	var word string
	if err := json.Unmarshal(data, &word); err != nil || Kernel(word).check() != nil {
		return fmt.Errorf(`key "kernel": is %s, must be "linear" or "rbf"`, strings.TrimSpace(string(data)))
	}
	*k = Kernel(word)
	return nil
}

// JSONSchema describes the values for editors (JSON Schema 2020-12).
func (Kernel) JSONSchema() map[string]any {
	return map[string]any{"enum": []any{string(Linear), string(RBF)}}
}

func (k Kernel) check() error {
	if k != Linear && k != RBF {
		return fmt.Errorf(`kernel is %q, must be "linear" or "rbf"`, string(k))
	}
	return nil
}

// The rules for γ.
const (
	GammaScale = "scale" // 1 / (features · variance of all numbers in the training rows)
	GammaAuto  = "auto"  // 1 / features
)

// Gamma is γ of the kernel "rbf": a rule, or a number where Rule is "". In JSON and YAML it is the word or the number.
type Gamma struct {
	Rule  string
	Value float64
}

// UnmarshalJSON accepts "scale", "auto" and numbers above 0.
func (g *Gamma) UnmarshalJSON(data []byte) error {
	var word string
	var value float64
	text := strings.TrimSpace(string(data))
	switch {
	case json.Unmarshal(data, &word) == nil && (word == GammaScale || word == GammaAuto):
		*g = Gamma{Rule: word}
		return nil
	case text != "null" && json.Unmarshal(data, &value) == nil && value > 0:
		*g = Gamma{Value: value}
		return nil
	}
	return fmt.Errorf(`key "gamma": is %s, must be "scale", "auto" or a number above 0`, text)
}

// MarshalJSON writes what UnmarshalJSON reads.
func (g Gamma) MarshalJSON() ([]byte, error) {
	if g.Rule != "" {
		return json.Marshal(g.Rule)
	}
	return json.Marshal(g.Value)
}

// JSONSchema describes the values for editors (JSON Schema 2020-12).
func (Gamma) JSONSchema() map[string]any {
	return map[string]any{"oneOf": []any{
		map[string]any{"enum": []any{GammaScale, GammaAuto}},
		map[string]any{"type": "number", "exclusiveMinimum": 0},
	}}
}

// of is γ for the training rows.
func (g Gamma) of(x [][]float64) (float64, error) {
	p := float64(len(x[0]))
	switch g.Rule {
	case "":
		if !(g.Value > 0) || math.IsInf(g.Value, 0) {
			return 0, fmt.Errorf(`gamma is %g, must be "scale", "auto" or a number above 0`, g.Value)
		}
		return g.Value, nil
	case GammaAuto:
		return 1 / p, nil
	case GammaScale:
		mean, power, n := 0.0, 0.0, p*float64(len(x))
		for _, row := range x {
			for _, v := range row {
				mean += v / n
			}
		}
		for _, row := range x {
			for _, v := range row {
				power += (v - mean) * (v - mean) / n
			}
		}
		if power == 0 {
			return 0, errors.New("all features of all training rows are the same number; check the features")
		}
		if math.IsInf(power, 0) {
			return 0, errors.New("the features are too large to square in a float64; scale them down")
		}
		return 1 / (p * power), nil
	}
	return 0, fmt.Errorf(`gamma is %q, must be "scale", "auto" or a number above 0`, g.Rule)
}
