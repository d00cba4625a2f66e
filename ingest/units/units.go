// Package units reads the names that sources give to units of voltage.
package units

import (
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Scale says how samples come to the unit in which they are handed out: times Mul, by Div. One of the two is 1, so that a
// power of ten is exact.
type Scale struct {
	Unit     signal.Unit // signal.Microvolt for a voltage, otherwise as the source names it
	Mul, Div float64
	Voltage  bool   // the name is one of a voltage
	Standard string // how the International System writes it ("mV") where the source does so otherwise, "" where it does not
}

// prefixes are those that voltages of recordings have.
var prefixes = []struct {
	symbol, word string
	mul, div     float64
}{
	{"n", "nano", 1, 1e3},
	{"u", "micro", 1, 1},
	{"m", "milli", 1e3, 1},
	{"", "", 1e6, 1},
}

// micro writes the sign U+00B5 and the Greek letter U+03BC alike.
var micro = strings.NewReplacer("\u00b5", "u", "\u03bc", "u")

// Parse reads uV, µV (with either of the two signs for micro), mV, V and nV, the same with a small v, and the words
// "microvolts", "microV", "Volt" and so on. The sign of the prefix must be right: "MV" is no voltage that anybody measures on a
// head, and is not known here. Spaces around are passed over.
func Parse(name string) Scale {
	s := strings.TrimSpace(name)
	if s == "\u00b5V" || s == "\u03bcV" { // as nearly all are written: without a copy
		s = "uV"
	} else {
		s = micro.Replace(s)
	}
	word := strings.TrimSuffix(strings.ToLower(s), "s")
	for _, p := range prefixes {
		out := Scale{Unit: signal.Microvolt, Mul: p.mul, Div: p.div, Voltage: true}
		switch {
		case s == p.symbol+"V":
			return out
		case s == p.symbol+"v" || word == p.word+"volt" || word == p.word+"v":
			out.Standard = p.symbol + "V"
			return out
		}
	}
	return Scale{Unit: signal.Unit(name), Mul: 1, Div: 1}
}

// to is by what to scale samples that were converted from s, and should have been from other.
func (s Scale) to(other Scale) Scale {
	return Scale{Unit: other.Unit, Mul: other.Mul * s.Div, Div: other.Div * s.Mul}
}

// Apply is x in the unit that is handed out.
func (s Scale) Apply(x float64) float64 { return x * s.Mul / s.Div }
