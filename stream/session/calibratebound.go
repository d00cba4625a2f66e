package session

import (
	"cmp"
	"errors"
	"fmt"
)

// eventBytes is more than an event takes but for its label.
const eventBytes = 128

// bytes is about what the capture takes.
func (r *capture) bytes() int64 {
	n := int64(len(r.spans)) * 16
	for _, x := range r.x {
		n += 8 * int64(len(x))
	}
	return n + r.words
}

// full says why nothing more can be kept, "" where it can.
func (c *calibrator) full() string {
	looking := c.check.done != nil
	if most := cmp.Or(c.capture.most, 8*maxCapture); (c.opt.Cues == cuesMarkers || looking) && !c.ended && c.capture.bytes() > most {
		if looking { // the cues that come behind it bound what is kept, but not how long it takes
			return fmt.Sprintf("whether the rest is enough was not known within %.0f min (%s), and %.1f MB of samples are as much as is kept: take fewer channels, a lower rate or a faster machine",
				float64(c.capture.end)/c.info.Rate/60, c.progress(), float64(most)/1e6)
		}
		what, look := "the cues of the source have not come", "look whether the labels in classes are those that it sends"
		if c.enough() {
			what, look = "not enough rest has come", "look how long the events of rest last that it sends"
		}
		return fmt.Sprintf("%s within %.0f min of it (%s), and %.1f MB of samples are as much as is kept: %s, and begin when they are about to come",
			what, float64(c.capture.end)/c.info.Rate/60, c.progress(), float64(most)/1e6, look)
	}
	return ""
}

// fill gives the calibration up where its cues, or the look at its rest, do not come to an end: nothing else would bound what it keeps.
func (e *engine) fill(why string) error {
	e.detail = why
	e.note(why)
	return errors.Join(e.giveUp(refused, why), e.failed)
}

// judgeWait is what somebody says of a calibration that waits for cues of the source, or for rest behind the last of them: the source may
// show no more.
func (e *engine) judgeWait(v verdict) error {
	if v == accepted {
		return errors.New("there is no model to accept: " + e.cal.waitsFor())
	}
	what := "cues of the source were"
	if e.cal.enough() && len(e.cal.opt.RestEvents) > 0 {
		what = "more rest was"
	}
	return e.giveUp(v, "an operator said so, while "+what+" waited for ("+e.cal.progress()+")")
}

// giveUp ends a calibration, or a round of it, that has no model and is still being recorded.
func (e *engine) giveUp(v verdict, why string) error {
	e.cal.abandon()
	e.cal.result.Why = why
	err := e.judged(v)
	e.cal.capture = capture{info: e.cal.info}
	return err
}
