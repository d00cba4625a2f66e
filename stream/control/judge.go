package control

import (
	"errors"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// judge holds the rules of the package and nothing else: no clock, no goroutine, no lock. Times are the receiver's
// steady clock and never go back between calls.
type judge struct {
	session, decoder                 string
	watchdog, maxValid, maxSampleAge time.Duration // maxSampleAge 0: no limit
	latch                            bool
	stops                            bool          // a safe state has to be confirmed
	deadMan                          time.Duration // longest time between two calls of hold; 0: there is no such switch

	nonce func() string // a new one, that nobody can guess

	n Counters

	run      int64 // that is followed; 0 before the first message
	newest   int64 // the newest seen: run, but where Rearm went back to an older one
	seq      uint64
	beatSeq  uint64
	waits    uint64 // the newest command of which the decoder has said that it waits behind it
	followed bool   // run was seen to begin, so that numbers missing before its first command are gaps
	ended    bool
	transit  transit
	speaks   bool          // a heartbeat of run spoke of nonces
	deaf     bool          // run has sent none back for too long, though its heartbeats are even
	spoke    time.Duration // when run was last heard of, in time or late
	elder    elder

	pace      pace
	gripped   bool          // the dead man's switch is held
	grip      time.Duration // when hold was last called
	emergency bool          // latched by an emergency stop
	struck    time.Duration // when the newest message or call of one came, where emergency

	heard  time.Duration // when something last fed the watchdog
	silent bool          // the watchdog has fired, or nothing was ever heard

	active   bool
	held     held
	reason   Reason
	entered  Reason // reason when the safe state began
	stopping bool   // the stop is not confirmed yet
	latched  bool
	entries  uint64 // safe states so far, the start included: each one is one stop
}

// held is the command that is being acted on.
type held struct {
	cmd     bus.Command
	arrival time.Duration
	delay   time.Duration
	excess  time.Duration
	allowed time.Duration // largest age
}

// elder is a run that is not followed because it is older than the newest, and alone to be alive.
type elder struct {
	run     int64
	beatSeq uint64
	cmdSeq  uint64 // the newest command that it spoke of
	heard   time.Duration
	transit transit
}

// elderSilence is how long nothing must have been heard of the run that is followed before an older one counts as alone.
const elderSilence = 2 * time.Second

// expires is the last moment at which h may be acted on.
func (h *held) expires() time.Duration { return h.arrival - h.excess + h.allowed }

// start is the first safe state.
func (j *judge) start() {
	j.silent, j.reason, j.entered, j.stopping, j.entries = true, ReasonNever, ReasonNever, j.stops, 1
}

// deadline is the moment behind which advance has something to do.
func (j *judge) deadline() (at time.Duration, ok bool) {
	switch {
	case j.active && j.deadMan > 0:
		return min(j.held.expires(), j.heard+j.watchdog, j.grip+j.deadMan), true
	case j.active:
		return min(j.held.expires(), j.heard+j.watchdog), true
	case !j.silent:
		return j.heard + j.watchdog, true
	default:
		return 0, false
	}
}

// advance lets time pass: dead man's switch, expiry and watchdog.
func (j *judge) advance(now time.Duration) {
	if j.gripped && now > j.grip+j.deadMan {
		j.release()
	}
	if j.elder.transit.proven() && now > j.elder.heard+j.watchdog {
		j.elder.transit.doubt()
	}
	barks := j.heard + j.watchdog
	if j.active && now > j.held.expires() && j.held.expires() <= barks {
		j.safe(ReasonExpired)
	}
	if !j.silent && now > barks {
		j.silent = true
		j.transit.doubt()
		switch {
		case j.active:
			j.safe(ReasonWatchdog)
		case j.reason == ReasonExpired, j.reason == ReasonShadow, j.reason == ReasonWaiting: // what is to be seen: not only the command, the decoder is gone
			j.reason = ReasonWatchdog
		}
	}
	j.deaf = !j.ended && j.transit.deaf(now)
}

// safe enters the safe state, or does nothing in it: only acting can end.
func (j *judge) safe(why Reason) {
	if !j.active {
		return
	}
	j.active, j.held, j.reason, j.entered = false, held{}, why, why
	j.stopping = j.stops
	j.latched = j.latch
	j.entries++
	j.n.SafeEntries++
}

// confirm ends the wait for the stop of the safe state number entry.
func (j *judge) confirm(entry uint64) {
	if entry == j.entries {
		j.stopping = false
	}
}

// lookFirst is how long behind the newest stop nobody can have looked and pressed: who re-arms then means an older one.
const lookFirst = 500 * time.Millisecond

// fresh says whether an emergency stop came just now.
func (j *judge) fresh(now time.Duration) bool { return j.emergency && now-j.struck < lookFirst }

// rearm lifts the latch, and goes back to an older run that is shown as alone to be alive: an operator who sees the actuator says
// that it is the decoder, whose clock was set back.
func (j *judge) rearm(now time.Duration) error {
	j.advance(now)
	if j.stopping {
		return errors.New("control: cannot re-arm: the stop has not been confirmed yet; see that the actuator stands still and try again")
	}
	if j.fresh(now) {
		return errors.New("cannot re-arm: a stop came just now, which nobody can have looked at yet: look whether all may move, and press again")
	}
	shown := j.why()
	j.latched, j.emergency = false, false
	if e := j.elder; shown == ReasonOlderRun {
		j.run, j.seq, j.beatSeq, j.waits, j.followed, j.ended, j.transit = e.run, e.cmdSeq, e.beatSeq, 0, false, false, e.transit
		j.spoke, j.elder, j.reason = e.heard, elder{}, ReasonRestarted
		j.hear(e.heard)
	}
	return nil
}

// emergencyStop enters the safe state and latches it. Where nothing is acted on, the actuator is stopped all the same:
// whoever asks may see what we do not.
func (j *judge) emergencyStop(now time.Duration) {
	j.advance(now)
	if !j.emergency {
		j.n.EmergencyStops++
	}
	j.emergency, j.struck = true, now
	if j.active {
		j.safe(ReasonEmergency)
	} else if j.stops && (!j.stopping || j.entered != ReasonEmergency) { // also where another stop is being confirmed: it may have been carried out just before
		j.entered, j.stopping = ReasonEmergency, true
		j.entries++
	}
	j.latched = true
}

// hold is told that the dead man's switch is held at now.
func (j *judge) hold(now time.Duration) {
	j.advance(now)
	j.gripped, j.grip = true, now
}

// release is told that it is not.
func (j *judge) release() {
	j.gripped = false
	j.safe(ReasonReleased)
}

// slack says whether the dead man's switch keeps everything from being acted on.
func (j *judge) slack() bool { return j.deadMan > 0 && !j.gripped }

// unlink is told that the connection broke.
func (j *judge) unlink(now time.Duration) {
	j.advance(now)
	j.transit.doubt()
	j.elder.transit.doubt()
	j.safe(ReasonLink)
	if j.run != 0 && !j.ended {
		j.reason = ReasonLink
	}
}

// stop ends acting for good.
func (j *judge) stop(now time.Duration) {
	j.advance(now)
	j.safe(ReasonStopped)
	j.reason = ReasonStopped
}

// current is what to do now.
func (j *judge) current(now time.Duration) (Action, bool) {
	j.advance(now)
	if !j.active {
		return Action{Reason: j.why(), Latched: j.latched, Waits: j.stopping, Fresh: j.fresh(now)}, false
	}
	return Action{Command: j.held.cmd, Age: j.held.excess + now - j.held.arrival}, true
}

// why is the reason to show: what an operator has to do something about comes first.
func (j *judge) why() Reason {
	switch {
	case j.reason == ReasonStopped:
		return ReasonStopped
	case j.emergency:
		return ReasonEmergency
	case j.slack():
		return ReasonReleased
	case j.elder.transit.proven():
		return ReasonOlderRun
	case j.deaf && j.speaks:
		return ReasonUnanswered
	case j.deaf:
		return ReasonOldDecoder
	default:
		return j.reason
	}
}

// follow follows run where it is newer than all that were seen. It reports false for an older one.
func (j *judge) follow(now time.Duration, run int64) bool {
	switch {
	case run == j.run:
	case run <= j.newest:
		return false
	default:
		j.followed = j.run != 0
		j.safe(ReasonRestarted)
		j.run, j.newest, j.seq, j.beatSeq, j.waits, j.ended, j.transit, j.speaks = run, run, 0, 0, 0, false, transit{}, false
	}
	j.spoke, j.elder = now, elder{}
	return true
}

// older takes a heartbeat of a run that is not followed. It proves to be alone to be alive as the followed one proves its base.
func (j *judge) older(now, arrival time.Duration, s *bus.Status) {
	e := &j.elder
	switch {
	case j.active || !j.ended && now-j.spoke < elderSilence || s.State == bus.StateEnded:
		*e = elder{}
		return
	case e.run != 0 && s.Run != e.run && now <= e.heard+j.watchdog && s.Run < e.run:
		return // of two, the newer
	case s.Run != e.run:
		*e = elder{run: s.Run}
	case s.Seq <= e.beatSeq:
		return
	case now > e.heard+j.watchdog:
		e.transit.doubt()
	}
	e.beatSeq, e.cmdSeq, e.heard = s.Seq, max(e.cmdSeq, s.CmdSeq), arrival
	e.transit.beat(arrival, s.TPublish)
	e.transit.echo(arrival, s.Nonces)
	if e.transit.excess(delayOf(arrival, s.TPublish))+now-arrival > j.watchdog {
		e.transit.doubt()
	}
}

// beat takes a heartbeat that arrived at arrival <= now, and reports whether it was taken. Those of other decoders share the subject and
// are not counted.
func (j *judge) beat(now, arrival time.Duration, s bus.Status) (taken bool) {
	j.advance(now)
	if s.Session != j.session || s.Decoder != j.decoder {
		return false
	}
	if !possibleStatus(&s) {
		j.n.HeartbeatsRefused++
		return false
	}
	if ok := j.follow(now, s.Run); !ok || s.Seq <= j.beatSeq {
		if !ok {
			j.older(now, arrival, &s)
		}
		j.n.HeartbeatsRefused++
		return false
	}
	j.n.Heartbeats++
	j.beatSeq, j.speaks = s.Seq, j.speaks || s.Nonces != nil
	j.transit.beat(arrival, s.TPublish)
	j.transit.echo(arrival, s.Nonces)
	j.refreshHeld()
	if age := j.transit.excess(delayOf(arrival, s.TPublish)) + now - arrival; age > j.watchdog {
		j.transit.doubt() // it says that the decoder was alive then, not that it is
	} else {
		j.hear(arrival)
	}
	if s.Shadow {
		j.shade()
	}
	switch s.State {
	case bus.StateWaiting: // the session that is paused goes on to send heartbeats: nothing else would end what is valid for seconds
		j.waits = max(j.waits, s.CmdSeq)
		if j.active && j.held.cmd.Seq <= j.waits { // the newest heartbeat may be older than the newest command
			j.safe(ReasonWaiting)
		}
	case bus.StateEnded:
		j.ended = true
		j.safe(ReasonEnded)
		j.reason = ReasonEnded
	}
	j.advance(now) // a lower base may have aged the held command beyond its limit
	return true
}

// challenge is the nonce that the decoder of s, a heartbeat that was taken at now, is to send back; "" where none is needed.
func (j *judge) challenge(now time.Duration, s *bus.Status) string {
	switch {
	case s.Session != j.session || s.Decoder != j.decoder || s.State == bus.StateEnded:
		return ""
	case s.Run == j.run && !j.ended:
		return j.transit.challenge(now, j.nonce)
	case s.Run == j.elder.run:
		return j.elder.transit.challenge(now, j.nonce)
	default:
		return ""
	}
}

// command takes a command that arrived at arrival <= now.
func (j *judge) command(now, arrival time.Duration, c bus.Command) Verdict {
	j.advance(now)
	v := j.weigh(now, arrival, c)
	j.n.count(v)
	j.advance(now)
	return v
}

func (j *judge) weigh(now, arrival time.Duration, c bus.Command) Verdict {
	if c.Session != j.session || c.Decoder != j.decoder {
		return RefusedForeign
	}
	if !j.possibleCommand(&c) {
		return RefusedMalformed
	}
	if !j.follow(now, c.Run) || j.ended {
		if c.Run == j.elder.run {
			j.elder.cmdSeq = max(j.elder.cmdSeq, c.Seq)
			j.elder.transit.command(arrival, c.TPublish)
		}
		return RefusedOldRun
	}
	if c.Seq <= j.seq {
		return RefusedDuplicate
	}
	if j.seq > 0 || j.followed {
		j.n.Gaps += c.Seq - j.seq - 1
	}
	j.seq = c.Seq
	j.transit.command(arrival, c.TPublish)
	j.refreshHeld()
	if c.State != bus.Actuate { // it feeds no watchdog, and how old it is does not matter: an old one makes safe as well
		j.shade()
		return RefusedShadow
	}
	if !j.transit.proven() {
		return RefusedUnproven
	}
	if c.Seq <= j.waits { // its heartbeat was faster
		return RefusedExpired
	}
	h := held{cmd: c, arrival: arrival, delay: delayOf(arrival, c.TPublish), allowed: milliseconds(c.ValidForMS)}
	h.excess = j.transit.excess(h.delay)
	if j.maxSampleAge > 0 {
		left := j.maxSampleAge.Seconds()*1e3 - c.AgeMS // as floats: age_ms may be larger than any Duration
		if left < 0 {
			return RefusedExpired
		}
		h.allowed = min(h.allowed, milliseconds(left))
	}
	if now > h.expires() {
		return RefusedExpired
	}
	j.hear(arrival)
	if j.stopping || j.latched || j.slack() {
		return RefusedBlocked
	}
	if v := j.pace.weigh(arrival, &c); v != "" {
		return v
	}
	j.pace.take(arrival, &c)
	j.active, j.held, j.reason = true, h, ReasonNone
	return Accepted
}

// shade is told that the decoder is in shadow. What was acted on until now ends too: the decoder has taken its word back.
func (j *judge) shade() {
	j.safe(ReasonShadow)
	j.reason = ReasonShadow
}

// refreshHeld ages the held command by what a lower base says. A base that rises makes nothing younger.
func (j *judge) refreshHeld() {
	if j.active {
		j.held.excess = max(j.held.excess, j.transit.excess(j.held.delay))
	}
}

// hear feeds the watchdog.
func (j *judge) hear(arrival time.Duration) { j.heard, j.silent = max(j.heard, arrival), false }

// possibleCommand says whether c can be a command of any sender.
func (j *judge) possibleCommand(c *bus.Command) bool {
	return c.Validate() == nil && c.TPublish > 0 && c.TPublish >= c.Run && c.AgeMS >= 0 &&
		c.ValidForMS <= j.maxValid.Seconds()*1e3 && c.Confidence >= 0 && c.Confidence <= 1
}

// possibleStatus says whether s can be a heartbeat of any sender. Its names have been compared before.
func possibleStatus(s *bus.Status) bool {
	switch s.State {
	case bus.StateWaiting, bus.StateDecoding, bus.StateEnded:
	default:
		return false
	}
	return s.V == bus.Version && s.Run > 0 && s.Seq > 0 && s.TPublish > 0 && s.TPublish >= s.Run
}

// milliseconds rounds down: a limit is never stretched.
func milliseconds(ms float64) time.Duration { return time.Duration(ms * 1e6) }
