package csp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Method says how more than two classes are told apart.
type Method string

// The methods that exist. The zero value is OneVersusRest.
const (
	OneVersusRest        Method = "ovr"
	JointDiagonalisation Method = "ajd"
)

// CovEst says how the covariance of several windows is estimated.
type CovEst string

// The estimates that exist. The zero value is PerWindow.
const (
	PerWindow CovEst = "epoch"
	Joined    CovEst = "concat"
)

// Regularise says how the amount of shrinkage is taken from the data.
type Regularise string

// The kinds of regularisation that exist. The zero value is Unregularised.
const (
	Unregularised Regularise = "none"
	LedoitWolf    Regularise = "ledoit_wolf"
	OAS           Regularise = "oas"
)

var (
	methods        = []Method{OneVersusRest, JointDiagonalisation}
	covEsts        = []CovEst{PerWindow, Joined}
	regularisation = []Regularise{Unregularised, LedoitWolf, OAS}
)

// automatic says whether the amount of shrinkage comes from the data.
func (r Regularise) automatic() bool { return r == LedoitWolf || r == OAS }

// UnmarshalJSON accepts the names above.
func (m *Method) UnmarshalJSON(data []byte) error { return oneOf(m, data, "method", methods) }

// UnmarshalJSON accepts the names above.
func (e *CovEst) UnmarshalJSON(data []byte) error { return oneOf(e, data, "cov_est", covEsts) }

// UnmarshalJSON accepts the names above.
func (r *Regularise) UnmarshalJSON(data []byte) error {
	return oneOf(r, data, "regularise", regularisation)
}

// JSONSchema describes the values for editors (JSON Schema 2020-12).
func (Method) JSONSchema() map[string]any { return enum(methods) }

// JSONSchema describes the values for editors (JSON Schema 2020-12).
func (CovEst) JSONSchema() map[string]any { return enum(covEsts) }

// JSONSchema describes the values for editors (JSON Schema 2020-12).
func (Regularise) JSONSchema() map[string]any { return enum(regularisation) }

func oneOf[T ~string](dst *T, data []byte, key string, known []T) error {
	var word string
	if err := json.Unmarshal(data, &word); err != nil || !slices.Contains(known, T(word)) {
		return fmt.Errorf("key %q: is %s, must be %s", key, strings.TrimSpace(string(data)), list(known))
	}
	*dst = T(word)
	return nil
}

func enum[T ~string](known []T) map[string]any {
	values := make([]any, len(known))
	for i, v := range known {
		values[i] = string(v)
	}
	return map[string]any{"enum": values}
}

// list is for messages: `"none", "ledoit_wolf" or "oas"`.
func list[T ~string](known []T) string {
	quoted := make([]string, len(known))
	for i, v := range known {
		quoted[i] = strconv.Quote(string(v))
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

// known catches what was set without UnmarshalJSON; empty is the first.
func known[T ~string](v T, key string, all []T) error {
	if v != "" && !slices.Contains(all, v) {
		return fmt.Errorf("%s is %q, must be %s", key, string(v), list(all))
	}
	return nil
}

func (c *CSP) checkParams() error {
	for _, err := range []error{
		known(c.Method, "method", methods), known(c.CovEst, "cov_est", covEsts), known(c.Regularise, "regularise", regularisation),
	} {
		if err != nil {
			return err
		}
	}
	switch {
	case !(c.Shrinkage >= 0 && c.Shrinkage < 1): // also catches NaN
		return fmt.Errorf("shrinkage is %g, must be at least 0 and below 1 (at 1 nothing of the data would be left)", c.Shrinkage)
	case c.Shrinkage > 0 && c.Regularise.automatic():
		return fmt.Errorf("shrinkage is %g and regularise is %q, which takes the shrinkage from the data; set one of them", c.Shrinkage, string(c.Regularise))
	case c.Components < 1:
		return fmt.Errorf("components is %d, must be at least 1", c.Components)
	}
	return nil
}
