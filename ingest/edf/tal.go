package edf

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// seconds is a time as an annotation writes it: the whole part and the decimals apart, so that differences of long times
// keep all digits ("4.2" − "0.1" is 4.1).
type seconds struct {
	nano  int64   // in 1e-9 s, where exact
	value float64 // in s, also for what has more digits
	exact bool
}

// minus is s − t in seconds, rounded once where both are exact.
func (s seconds) minus(t seconds) float64 {
	switch {
	case t.value == 0:
		return s.value
	case s.exact && t.exact:
		return float64(s.nano-t.nano) / 1e9
	}
	return s.value - t.value
}

// parseSeconds reads [+-]digits[.digits].
func parseSeconds(b []byte) (seconds, error) {
	digits := b
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		digits = b[1:]
	}
	whole, frac, _ := bytes.Cut(digits, []byte{'.'})
	for _, part := range [][]byte{whole, frac} {
		for _, d := range part {
			if d < '0' || d > '9' {
				return seconds{}, fmt.Errorf("%q is not a time in seconds", clip(b))
			}
		}
	}
	if len(whole)+len(frac) == 0 {
		return seconds{}, fmt.Errorf("%q is not a time in seconds", clip(b))
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.Abs(v) > maxSeconds {
		return seconds{}, fmt.Errorf("%q is beyond %g seconds", clip(b), float64(maxSeconds))
	}
	s := seconds{value: v}
	if len(frac) <= 9 && len(whole) <= 9 { // 18 digits fit into 64 bits
		n, err := strconv.ParseInt(string(append(append(append(make([]byte, 0, 20), whole...), frac...), "000000000"[len(frac):]...)), 10, 64)
		if err == nil {
			if b[0] == '-' {
				n = -n
			}
			s.nano, s.exact = n, true
		}
	}
	return s, nil
}

// maxSeconds is beyond every recording, about thirty years, and small enough to be counted in nanoseconds and samples.
const maxSeconds = 1e9

// clip keeps messages short.
func clip(b []byte) []byte {
	if len(b) > 40 {
		return append(append([]byte{}, b[:40]...), "…"...)
	}
	return b
}

// tal is one time-stamped annotation list (EDF+ section 2.2.2): an onset, maybe a duration, and texts that share them.
type tal struct {
	onset    seconds
	duration float64
	texts    [][]byte // may be empty ones
	flaws    []string // what breaks the rules but could be read
}

// The bytes that part a list. It ends with a NUL.
const (
	talText     = 0x14 // behind onset and duration, and behind every text
	talDuration = 0x15 // in front of the duration
)

// parseTAL reads a list, given without the NUL at its end.
func parseTAL(b []byte) (tal, error) {
	head, texts, found := bytes.Cut(b, []byte{talText})
	if !found {
		return tal{}, fmt.Errorf("%q has no byte 20 behind the onset", clip(b))
	}
	var t tal
	onset, duration, hasDuration := bytes.Cut(head, []byte{talDuration})
	var err error
	if t.onset, err = t.lenient("onset", onset); err != nil {
		return tal{}, err
	}
	if len(onset) > 0 && onset[0] != '+' && onset[0] != '-' {
		t.flaws = append(t.flaws, "the onset has no sign")
	}
	if hasDuration {
		d, err := t.lenient("duration", duration)
		switch {
		case err != nil:
			t.flaws = append(t.flaws, fmt.Sprintf("the duration %v", err))
		case d.value < 0:
			t.flaws = append(t.flaws, fmt.Sprintf("the duration %q is below 0", clip(duration)))
		default:
			t.duration = d.value
		}
	}
	if n := len(texts); n == 0 || texts[n-1] != talText {
		t.flaws = append(t.flaws, "no byte 20 behind the last text")
	} else {
		texts = texts[:n-1]
	}
	t.texts = bytes.Split(texts, []byte{talText})
	return t, nil
}

// lenient also reads a comma as decimal separator and spaces around.
func (t *tal) lenient(what string, b []byte) (seconds, error) {
	s, err := parseSeconds(b)
	if err == nil {
		return s, nil
	}
	c := bytes.ReplaceAll(bytes.TrimSpace(b), []byte{','}, []byte{'.'})
	if s, again := parseSeconds(c); again == nil {
		t.flaws = append(t.flaws, fmt.Sprintf("the %s is written %q", what, clip(b)))
		return s, nil
	}
	return seconds{}, err
}
