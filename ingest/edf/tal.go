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
	nano     int64   // in 1e-9 s, where exact
	value    float64 // in s, also for what has more digits
	exact    bool
	decimals int // behind the point
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

// problem is what is wrong with a list, in words only for those who ask: a file may have one in two bytes. The zero value is none.
type problem struct {
	format string // with one place for text
	text   []byte
}

// The problems of times and lists.
const (
	notTime  = "%q is not a time in seconds"
	tooLarge = "%q is beyond 1e+09 seconds"
	noText   = "%q has no byte 20 behind the onset"
)

func (p problem) String() string { return fmt.Sprintf(p.format, clip(p.text)) }

// parseSeconds reads [+-]digits[.digits].
func parseSeconds(b []byte) (seconds, problem) {
	digits := b
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		digits = b[1:]
	}
	whole, frac, _ := bytes.Cut(digits, []byte{'.'})
	for _, part := range [][]byte{whole, frac} {
		for _, d := range part {
			if d < '0' || d > '9' {
				return seconds{}, problem{notTime, b}
			}
		}
	}
	if len(whole)+len(frac) == 0 {
		return seconds{}, problem{notTime, b}
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.Abs(v) > maxSeconds {
		return seconds{}, problem{tooLarge, b}
	}
	s := seconds{value: v, decimals: len(frac)}
	if len(frac) <= 9 && len(whole) <= 9 { // 18 digits fit into 64 bits
		n, err := strconv.ParseInt(string(append(append(append(make([]byte, 0, 20), whole...), frac...), "000000000"[len(frac):]...)), 10, 64)
		if err == nil {
			if b[0] == '-' {
				n = -n
			}
			s.nano, s.exact = n, true
		}
	}
	return s, problem{}
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
	texts    []byte // with a byte 20 between them; each may be empty
}

// The bytes that part a list. It ends with a NUL.
const (
	talText     = 0x14 // behind onset and duration, and behind every text
	talDuration = 0x15 // in front of the duration
)

// parseTAL reads a list, given without the NUL at its end. It tells flaw what breaks the rules but can be read; with a problem
// nothing can.
func parseTAL(b []byte, flaw func(found func() string)) (t tal, wrong problem) {
	head, texts, found := bytes.Cut(b, []byte{talText})
	if !found {
		return tal{}, problem{noText, b}
	}
	onset, duration, hasDuration := bytes.Cut(head, []byte{talDuration})
	if t.onset, wrong = lenient("onset", onset, flaw); wrong.format != "" {
		return tal{}, wrong
	}
	if len(onset) > 0 && onset[0] != '+' && onset[0] != '-' {
		flaw(func() string { return "the onset has no sign" })
	}
	if hasDuration {
		d, wrong := lenient("duration", duration, flaw)
		switch {
		case wrong.format != "":
			flaw(func() string { return "the duration " + wrong.String() })
		case d.value < 0:
			flaw(func() string { return fmt.Sprintf("the duration %q is below 0", clip(duration)) })
		default:
			t.duration = d.value
		}
	}
	var ended bool
	if t.texts, ended = bytes.CutSuffix(texts, []byte{talText}); !ended {
		flaw(func() string { return "no byte 20 behind the last text" })
	}
	return t, problem{}
}

// lenient also reads a comma as decimal separator and spaces around.
func lenient(what string, b []byte, flaw func(found func() string)) (seconds, problem) {
	s, wrong := parseSeconds(b)
	if wrong.format == "" {
		return s, problem{}
	}
	c := bytes.TrimSpace(b)
	if bytes.IndexByte(c, ',') >= 0 {
		c = bytes.ReplaceAll(c, []byte{','}, []byte{'.'})
	}
	s, again := parseSeconds(c)
	if again.format != "" {
		return seconds{}, wrong
	}
	flaw(func() string { return fmt.Sprintf("the %s is written %q", what, clip(b)) })
	return s, problem{}
}
