package session

import (
	"fmt"
	"time"
)

// SeldomEvery is the least time between two lines about the same thing that goes wrong again and again.
const SeldomEvery = 10 * time.Second

// Seldom tells of what goes wrong again and again: at once, and then at most every SeldomEvery with how often it was. The zero
// value has told of nothing. It is for one goroutine.
type Seldom struct {
	told time.Time
	left int64
}

// Line counts what one line tells of, n times at now, and is that line: "" where it is left out.
func (s *Seldom) Line(now time.Time, n int64, text string) string {
	s.left += n
	if !s.told.IsZero() && now.Sub(s.told) < SeldomEvery {
		return ""
	}
	if s.left > 1 && !s.told.IsZero() {
		text = fmt.Sprintf("%s (%d times in %.0f s)", text, s.left, now.Sub(s.told).Seconds())
	}
	s.told, s.left = now, 0
	return text
}

// tellSeldom writes text for people, and nothing where it was told a moment ago.
func (e *engine) tellSeldom(s *Seldom, text string) {
	if line := s.Line(time.Now(), 1, text); line != "" {
		e.note(line)
	}
}
