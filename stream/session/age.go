package session

import (
	"fmt"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Age bounds how old the samples may be that a session acts on. The age of a chunk counts from the corrected time of its
// newest sample until the session takes it in.
type Age struct {
	MaxMS  float64 `json:"max_ms" doc:"samples older than this are too old, in milliseconds, at most an hour; 0 for no bound"`
	Policy string  `json:"policy" doc:"what becomes of samples that are too old: skip (leave them out, up to the latest: a gap), all (take them in, but hold back their commands) or fail (end the session)"`
}

// The policies.
const (
	ageSkip = "skip"
	ageAll  = "all"
	ageFail = "fail"
)

// AgeDefaults keep a session within a second of now.
func AgeDefaults() Age { return Age{MaxMS: 1000, Policy: ageSkip} }

// Check reports the first value that is out of its range.
func (a Age) Check() error {
	if !(0 <= a.MaxMS && a.MaxMS <= 3_600_000) {
		return fmt.Errorf("max_ms is %g, must be 0 to 3600000", a.MaxMS)
	}
	if a.Policy != ageSkip && a.Policy != ageAll && a.Policy != ageFail {
		return &registry.UnknownError{What: "policy", Name: a.Policy, Known: []string{ageSkip, ageAll, ageFail}}
	}
	return nil
}

// StaleError is a session that ended because its samples were too old.
type StaleError struct {
	Age, Max time.Duration
	Sample   int64
}

// Error is one line.
func (e *StaleError) Error() string {
	return fmt.Sprintf("sample %d is %.3f s old, age.max_ms allows %.3f s: the session cannot keep up, or the clock of the source is behind ours; use age: {policy: skip}, a faster pipeline, or set the clocks",
		e.Sample, e.Age.Seconds(), e.Max.Seconds())
}

// lead is by how much the clock of a source is ahead of ours, as far as its samples show: one that seems to be measured after
// it was taken in shows that it is ahead by at least so much, and all others are older by that than they seem. It is forgotten
// slowly, in case the clocks drift apart, and at once where the source begins anew.
type lead struct {
	by time.Duration
	at time.Time
}

// leadDrift is how fast a lead is forgotten: more than the clocks of two machines drift.
const leadDrift = 200e-6

// age is that of a sample which seems to be so old.
func (l *lead) age(seems time.Duration, now time.Time, anew bool) time.Duration {
	if anew {
		l.by = 0
	} else if l.by > 0 {
		l.by -= time.Duration(leadDrift * float64(now.Sub(l.at)))
	}
	l.at = now
	l.by = max(0, l.by, -seems)
	return seems + l.by
}

// ageGate applies an Age to chunk after chunk.
type ageGate struct {
	opt     Age
	skipped int64 // samples
	before  int64 // samples that were skipped in earlier stretches
	gaps    int64 // stretches that were skipped
	events  int64 // in them
	anew    bool  // what was skipped began anew
	inside  bool  // the chunk before was skipped
	least   time.Duration
	taken   bool // a chunk was young enough, ever
}

// pass says whether c is taken in, and whether its commands may be sent. It marks c where what it follows began anew.
func (g *ageGate) pass(c *signal.Chunk, age time.Duration) (take, send bool, err error) {
	limit := ms(g.opt.MaxMS)
	if g.least == 0 || age < g.least {
		g.least = age
	}
	if limit == 0 || age <= limit {
		c.Anew = c.Anew || g.anew
		g.anew, g.inside, g.taken = false, false, true
		return true, true, nil
	}
	switch g.opt.Policy {
	case ageFail:
		return false, false, &StaleError{age, limit, c.End() - 1}
	case ageAll:
		return true, false, nil
	}
	if !g.inside {
		g.gaps++
		g.before = g.skipped
	}
	g.inside, g.anew = true, g.anew || c.Anew
	g.skipped += int64(c.Len())
	g.events += int64(len(c.Late) + len(c.Events))
	return false, false, nil
}

// behind says why nothing was ever young enough, "" where something was.
func (g *ageGate) behind() string {
	if g.taken || g.skipped == 0 {
		return ""
	}
	return fmt.Sprintf("every sample was older than age.max_ms, the youngest by %.3f s: the clock of the source is behind ours, or what it sends was held up; set the clocks, or raise age.max_ms",
		(g.least - ms(g.opt.MaxMS)).Seconds())
}
