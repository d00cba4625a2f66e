// Package paritytest compares numbers with those of other programs, and reports how close they come: benchmarks/parity
// gathers the reports into docs/parity.md.
package paritytest

import (
	"encoding/json"
	"math"
	"testing"
)

// Prefix begins the line of a report in the log of a test.
const Prefix = "parity: "

// Report is one comparison.
type Report struct {
	What string  `json:"what"` // "Butterworth, 4th order, 8–30 Hz: coefficients"
	Peer string  `json:"peer"` // "SciPy 1.17.1"
	Data string  `json:"data"` // what it was compared on: "golden/sig", "generated", "EEGMMIDB S001"
	Err  float64 `json:"error"`
	Tol  float64 `json:"tolerance"`
	Note string  `json:"note,omitempty"` // why the programs are apart, where they are
}

// Within fails the test where got is farther from want than tol, relative to the largest magnitude in want, and reports
// how far it is. Both must be of one length, and a value that is not finite is infinitely far.
func Within(t testing.TB, what, peer, data string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, %s has %d", what, len(got), peer, len(want))
		return
	}
	scale, worst := 0.0, 0.0
	for _, w := range want {
		scale = max(scale, math.Abs(w))
	}
	for i := range got {
		d := math.Abs(got[i] - want[i])
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		worst = max(worst, d)
	}
	if scale > 0 {
		worst /= scale
	}
	Error(t, Report{What: what, Peer: peer, Data: data, Err: worst, Tol: tol})
}

// Error reports an error that was measured in another way, and fails the test where it is above the tolerance.
func Error(t testing.TB, r Report) {
	t.Helper()
	if !(r.Err <= r.Tol) {
		t.Errorf("%s: differs from %s by %.3g on %s, want at most %.3g", r.What, r.Peer, r.Err, r.Data, r.Tol)
		return // JSON has no infinity
	}
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(Prefix + string(line))
}
