package control

import (
	"slices"
	"time"
)

// What it takes to prove a base, and how fast it may rise; see rules 4 and 5 of the package.
const (
	proofBeats = 4
	proofSpan  = 250 * time.Millisecond
	proofFall  = 20 * time.Millisecond
	relaxation = 500e-6 // 500 ppm

	// echoWait is how long a decoder may take to send a nonce back, and the time between two nonces. It bounds how long what cannot
	// be seen, a delay that never changes, may be.
	echoWait = 500 * time.Millisecond

	// deafAfter is how long a decoder whose heartbeats are even may send no nonce back before it is said of it: four nonces.
	deafAfter = 4 * echoWait
)

// transit tells how much longer than the fastest message of its run a message was on its way (rules 4 and 5). Delays
// are the receiver's steady clock minus the sender's clock: only their differences mean anything.
type transit struct {
	known  bool
	base   time.Duration // the smallest delay
	raised time.Duration // arrival up to which base has risen

	even         bool          // a window was good: the base is proven
	evenAt       time.Duration // since when
	alive        bool          // the nonce came back: it is no recording
	nonce        string        // that was sent and did not come back, "" where none was
	asked        time.Duration // when it was sent
	beats        int           // in the window; 0: the next heartbeat starts one
	firstArrival time.Duration // of the window
	firstPublish int64
	anchor       time.Duration // the delay below which the window must not fall by more than proofFall
}

// doubt takes the proof back. What is known about the base stays: it can only be too low, which is the safe side.
func (t *transit) doubt() { t.even, t.alive, t.nonce, t.beats = false, false, "", 0 }

// proven says whether it can be told how old a message is.
func (t *transit) proven() bool { return t.even && t.alive }

// deaf says whether all but the nonce has been there for so long that none will come.
func (t *transit) deaf(now time.Duration) bool {
	return t.even && !t.alive && now-t.evenAt >= deafAfter
}

// challenge is a nonce that the decoder is to send back, "" where none is needed now.
func (t *transit) challenge(now time.Duration, nonce func() string) string {
	if t.alive || t.nonce != "" && now-t.asked <= echoWait {
		return ""
	}
	t.nonce, t.asked = nonce(), now
	return t.nonce
}

// echo looks among the nonces of a heartbeat for the one that was sent.
func (t *transit) echo(arrival time.Duration, nonces []string) {
	if t.nonce != "" && arrival-t.asked <= echoWait && slices.Contains(nonces, t.nonce) {
		t.alive, t.nonce = true, ""
	}
}

// excess is how much longer than the fastest message one with the given delay was on its way, at least 0.
func (t *transit) excess(delay time.Duration) time.Duration {
	if !t.known {
		return 0
	}
	return max(0, delay-t.base)
}

// beat learns from a heartbeat.
func (t *transit) beat(arrival time.Duration, publish int64) {
	delay := delayOf(arrival, publish)
	if !t.known {
		t.known, t.base, t.raised = true, delay, arrival
	} else if arrival > t.raised {
		t.base += time.Duration(relaxation * float64(arrival-t.raised))
		t.raised = arrival
	}
	t.base = min(t.base, delay)

	if t.beats == 0 || delay < t.anchor-proofFall {
		t.even = false
		t.window(arrival, publish, delay)
		return
	}
	t.beats++
	if t.beats >= proofBeats && arrival-t.firstArrival >= proofSpan && publish-t.firstPublish >= int64(proofSpan) {
		if !t.even {
			t.even, t.evenAt = true, arrival
		}
		t.window(arrival, publish, t.base) // not delay: one late heartbeat must not make the next one look like a fall
	}
}

// window starts one with the given heartbeat.
func (t *transit) window(arrival time.Duration, publish int64, anchor time.Duration) {
	t.beats, t.firstArrival, t.firstPublish, t.anchor = 1, arrival, publish, anchor
}

// command learns from a command: one that was faster than every heartbeat shows that the base is too high. It proves
// nothing.
func (t *transit) command(arrival time.Duration, publish int64) {
	delay := delayOf(arrival, publish)
	if !t.known || delay >= t.base {
		return
	}
	t.base = delay
	if delay < t.anchor-proofFall {
		t.doubt()
	}
}

func delayOf(arrival time.Duration, publish int64) time.Duration {
	return arrival - time.Duration(publish)
}
