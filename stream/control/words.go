package control

import (
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// Reason says why nothing may be acted on.
type Reason string

// The reasons. The empty one means that there is a command to act on.
const (
	ReasonNone      Reason = ""
	ReasonNever     Reason = "never"     // no command has been accepted yet
	ReasonExpired   Reason = "expired"   // the newest command is older than it is valid for
	ReasonWatchdog  Reason = "watchdog"  // neither a heartbeat nor an acceptable command came for too long
	ReasonEnded     Reason = "ended"     // the decoder said that its stream is over
	ReasonWaiting   Reason = "waiting"   // the decoder said that it waits: it was paused, or its stream stalls
	ReasonRestarted Reason = "restarted" // another run of the decoder is followed
	ReasonOlderRun  Reason = "older_run" // only an older run is alive: the decoder's clock was set back; Rearm follows it
	ReasonShadow    Reason = "shadow"    // the decoder says that its commands are not to be acted on

	// The heartbeats are as they should be, and for 2 s none has sent a nonce back: nothing can be proven fresh.
	ReasonOldDecoder Reason = "old_decoder" // they do not speak of nonces: the decoder is of a version before them, older than the controller; update both together
	ReasonUnanswered Reason = "unanswered"  // they do: it is a recording, or what the controller asks for does not reach the decoder
	ReasonLink       Reason = "link"        // the connection to the bus broke
	ReasonReleased   Reason = "released"    // the dead man's switch is not held
	ReasonEmergency  Reason = "emergency"   // an emergency stop, latched until an operator re-arms
	ReasonStopped    Reason = "stopped"     // the receiver was closed
)

// Words are what a person can do about r, "" where that is nothing, or is said by the state itself.
func (r Reason) Words() string {
	switch r {
	case ReasonShadow:
		return "to look on: gyrus ctl SESSION actuate ends it"
	case ReasonOlderRun:
		return "the decoder's clock was set back: re-arm to follow it"
	case ReasonOldDecoder:
		return "the decoder is older than this controller, and cannot show that it is no recording: update both together"
	case ReasonUnanswered:
		return "heartbeats come, and none sends back what this controller asks for: a recording is played, or the server does not let controllers answer heartbeats"
	default:
		return ""
	}
}

// Verdict is what became of one received command.
type Verdict string

// The verdicts. Each received command gets exactly one, and each has its counter.
const (
	Accepted         Verdict = "accepted"  // it is the newest now
	RefusedExpired   Verdict = "expired"   // too old on arrival, or its sample was, or the decoder has said since that it waits
	RefusedUnproven  Verdict = "unproven"  // it cannot be told how old it is: too few heartbeats since the start or a silence, or none has sent the nonce back, as none of a recording does
	RefusedOldRun    Verdict = "old_run"   // of a run that is older than the newest, or that has ended
	RefusedDuplicate Verdict = "duplicate" // its number, or a later one, was there before
	RefusedShadow    Verdict = "shadow"    // the decoder says that it is not to be acted on
	RefusedMalformed Verdict = "malformed" // a field that no command can have
	RefusedForeign   Verdict = "foreign"   // of another session or decoder
	RefusedBlocked   Verdict = "blocked"   // good, but the stop is not confirmed yet, the safe state is latched, or the dead man's switch is not held
	RefusedRate      Verdict = "rate"      // good, but it came too soon behind the one before: Limits.Commands
	RefusedChange    Verdict = "change"    // good, but the class changed too soon: Limits.ClassChanges
)

// Action is what a controller is to do at one moment.
type Action struct {
	Command bus.Command   // the command to act on; the zero value in the safe state. Its slices are shared: only read them
	Age     time.Duration // of the command, counted from its publication
	Reason  Reason        // why there is none
	Latched bool          // the safe state stays until Rearm
	Waits   bool          // the stop is not confirmed yet: the actuator may still be moving
	Fresh   bool          // an emergency stop came just now: Rearm fails until there was time to look
}

// Counters say what happened to everything that was received. Received is the sum of the eleven verdicts.
type Counters struct {
	Received  uint64 `json:"received"` // commands
	Accepted  uint64 `json:"accepted"`
	Expired   uint64 `json:"expired"`
	Unproven  uint64 `json:"unproven"`
	OldRun    uint64 `json:"old_run"`
	Duplicate uint64 `json:"duplicate"`
	Shadow    uint64 `json:"shadow"`
	Malformed uint64 `json:"malformed"`
	Foreign   uint64 `json:"foreign"`
	Blocked   uint64 `json:"blocked"`
	Rate      uint64 `json:"rate"`
	Change    uint64 `json:"change"`

	Dropped           uint64 `json:"dropped"`            // messages that the bus lost because this process was too slow; commands among them are gaps
	Gaps              uint64 `json:"gaps"`               // numbers that had not come when a later one did
	Heartbeats        uint64 `json:"heartbeats"`         // that were taken
	HeartbeatsRefused uint64 `json:"heartbeats_refused"` // malformed (of any decoder of the session), out of order, or of an older run
	SafeEntries       uint64 `json:"safe_entries"`       // times that acting ended; the start is not one
	StopRetries       uint64 `json:"stop_retries"`       // calls of OnSafe that failed
	EmergencyStops    uint64 `json:"emergency_stops"`    // while none was latched
	Slewed            uint64 `json:"slewed"`             // commands whose value was not acted on in full at once: Limits.ChangePerS, ChangePerCommand
}

// count books one command.
func (n *Counters) count(v Verdict) {
	n.Received++
	switch v {
	case Accepted:
		n.Accepted++
	case RefusedExpired:
		n.Expired++
	case RefusedUnproven:
		n.Unproven++
	case RefusedOldRun:
		n.OldRun++
	case RefusedDuplicate:
		n.Duplicate++
	case RefusedShadow:
		n.Shadow++
	case RefusedMalformed:
		n.Malformed++
	case RefusedForeign:
		n.Foreign++
	case RefusedBlocked:
		n.Blocked++
	case RefusedRate:
		n.Rate++
	case RefusedChange:
		n.Change++
	default:
		panic("control: no counter for the verdict " + string(v))
	}
}
