package bus

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Phase says what a session is doing.
type Phase string

// The phases of a session.
const (
	PhaseResolving   Phase = "resolving"   // it waits for its streams
	PhaseCalibrating Phase = "calibrating" // cues are shown, what is measured will be learned from
	PhaseTraining    Phase = "training"    // the model is being trained
	PhaseAsking      Phase = "asking"      // somebody has to accept or refuse the model
	PhaseDecoding    Phase = "decoding"    // commands come
	PhasePaused      Phase = "paused"      // everything runs, but no command is sent
	PhaseEnded       Phase = "ended"       // the last message of the session
)

// Telemetry says how a session and its streams are, as JSON on gyrus.<session>.telemetry.<decoder>, twice a second and at each
// change. It is for looking at, never for acting on: that is what the heartbeat is for. Figures that are not known are
// left out.
type Telemetry struct {
	V        int    `json:"v"`
	Session  string `json:"session"`
	Decoder  string `json:"decoder"`
	Run      int64  `json:"run"`
	Seq      uint64 `json:"seq"`          // of these messages, from 1
	TPublish int64  `json:"t_publish_ns"` // what it says is not older
	Phase    Phase  `json:"phase"`
	Shadow   bool   `json:"shadow,omitempty"`  // commands are not to be acted on
	Detail   string `json:"detail,omitempty"`  // one line: what it waits for, what was refused
	HeldBy   string `json:"held_by,omitempty"` // one line: by what commands are held back, in whatever phase
	Bundle   string `json:"bundle,omitempty"`  // SHA-256 of the model that decides
	Before   string `json:"before,omitempty"`  // of the one that rollback leads to
	Pending  string `json:"pending,omitempty"`

	Streams []StreamHealth `json:"streams"`
	Stages  []StageLatency `json:"stages,omitempty"`

	Samples    int64   `json:"samples"`     // taken in
	Gaps       int64   `json:"gaps"`        // no window reaches over one
	Restarts   int64   `json:"restarts"`    // times that the source began anew, nor over one of these
	Windows    int64   `json:"windows"`     // decided on
	Rejected   int64   `json:"rejected"`    // of these: a check refused them
	Skipped    int64   `json:"skipped"`     // samples left out because they were too old
	Sent       int64   `json:"sent"`        // commands
	SentShadow int64   `json:"sent_shadow"` // of these: in shadow
	NotSent    int64   `json:"not_sent"`    // lost because there was no link
	Expired    int64   `json:"expired"`     // held back because their newest sample was too old
	Held       int64   `json:"held"`        // held back because the session was paused
	Refused    int64   `json:"refused"`     // commands that break the schema: not sent
	Failed     int64   `json:"failed"`      // windows that the model could not decode
	DecodedS   float64 `json:"decoded_s"`   // time of decoding, but for what a check refused
	// Decisions is what the section decide has decided, nil where there is none: every window is a decision then, and none begins.
	Decisions  *Decisions `json:"decisions,omitempty"`
	Score      *Scored    `json:"score,omitempty"`      // of the model that was trained in this session
	Adaptation string     `json:"adaptation,omitempty"` // state of what learns from feedback
}

// Decisions is what a section decide has decided so far, rightly or not. Where nothing was meant, Begun and Again by FreeS is the rate of false
// decisions, as it is asked for at training and measured there (decoders.FalseDecisions).
type Decisions struct {
	Begun    int64   `json:"begun"`         // behind a gap, and behind windows that a check refused, one begins anew
	Again    int64   `json:"held_again"`    // one more for each further second that one went on into
	FreeS    float64 `json:"free_s"`        // time in which one could begin: none went on
	DecidedS float64 `json:"in_decision_s"` // time in which one stood
}

// Scored is what cross-validation says of a model. The balanced accuracy is that of the decoder alone, which has to say something of
// every trial.
type Scored struct {
	Trials           int     `json:"trials"`
	BalancedAccuracy float64 `json:"balanced_accuracy"`
	CILow            float64 `json:"ci_low"` // 95 % interval
	CIHigh           float64 `json:"ci_high"`
	Chance           float64 `json:"chance"`
	// Decide is what comes out behind the section decide, which may be silent; nil where there is none.
	Decide *DecideScore `json:"decide,omitempty"`
}

// DecideScore is what a section decide makes of trials that nothing had learned from. Trials of a class that stands for rest do not
// count.
type DecideScore struct {
	Trials      int     `json:"trials"`
	Right       int     `json:"right"`       // decided for their class
	Wrong       int     `json:"wrong"`       // for another
	Undecided   int     `json:"undecided"`   // not at all
	Rightly     float64 `json:"rightly"`     // Right / Trials, 0 to 1
	RightlyLow  float64 `json:"rightly_low"` // exact binomial interval, 95 %
	RightlyHigh float64 `json:"rightly_high"`
	// Rest is what it makes of rest, nil where no threshold is set from rest.
	Rest *RestScore `json:"rest,omitempty"`
}

// RestScore is how many decisions began at rest that the threshold had not been set with.
type RestScore struct {
	AskedPerMin float64 `json:"asked_per_min"`               // at most
	Decisions   int     `json:"decisions"`                   // each of them false
	Again       int     `json:"held_again,omitempty"`        // one more for each further second that a decision goes on into
	DecidedS    float64 `json:"in_decision_s,omitempty"`     // time of the rest in which one stands
	Share       float64 `json:"in_decision_share,omitempty"` // of all of it
	Minutes     float64 `json:"minutes"`                     // of rest in which one could begin
	PerMin      float64 `json:"per_min"`                     // Decisions and Again by Minutes
	PerMinLow   float64 `json:"per_min_low"`                 // exact Poisson interval, 95 %
	PerMinHigh  float64 `json:"per_min_high"`
}

// StreamHealth is the state of one stream.
type StreamHealth struct {
	Name    string `json:"name"`
	State   string `json:"state"`            // resolving, connected, stalled, lost or recovered
	Since   int64  `json:"since_ns"`         // when the state was entered
	Detail  string `json:"detail,omitempty"` // why
	Changes uint64 `json:"changes"`          // of the state so far
	// Transitions are the newest changes, at most 16.
	Transitions []Transition `json:"transitions,omitempty"`
	Stalls      uint64       `json:"stalls"`
	Losses      uint64       `json:"losses"`
	Samples     uint64       `json:"samples"`   // of each channel
	Lost        uint64       `json:"lost"`      // samples known to be missing
	Suspected   uint64       `json:"suspected"` // missing by the clock
	Unstamped   uint64       `json:"unstamped"` // whose stamps were no times; those in front of the first one are left out
	Dropped     uint64       `json:"dropped"`   // thrown away here because nobody took them in time
	// NotFinite counts samples that are NaN or infinite in some channel, whether that is used or not; Detail says in which, while they come.
	NotFinite uint64   `json:"not_finite"`
	AgeMS     *float64 `json:"age_ms,omitempty"`
	RateHz    *float64 `json:"rate_hz,omitempty"` // measured
	OffsetMS  *float64 `json:"offset_ms,omitempty"`
	DriftPPM  *float64 `json:"drift_ppm,omitempty"`
	JitterMS  *float64 `json:"jitter_ms,omitempty"`
}

// Transition is one change of a stream's state.
type Transition struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Time   int64  `json:"t_ns"`
	Reason string `json:"reason,omitempty"`
}

// StageLatency is how long one stage took, over the whole session so far.
type StageLatency struct {
	Stage string  `json:"stage"`
	N     uint64  `json:"n"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p999_ms"`
	Max   float64 `json:"max_ms"`
}

// Validate reports the first field that breaks the schema.
func (t *Telemetry) Validate() error {
	if err := checkNumbered(t.V, t.Session, t.Decoder, t.Run, t.Seq); err != nil {
		return err
	}
	switch t.Phase {
	case PhaseResolving, PhaseCalibrating, PhaseTraining, PhaseAsking, PhaseDecoding, PhasePaused, PhaseEnded:
		return nil
	default:
		return fmt.Errorf("phase is %q, must be resolving, calibrating, training, asking, decoding, paused or ended", t.Phase)
	}
}

// CueKind says what a Cue asks for.
type CueKind string

// The kinds of cue.
const (
	CueShow CueKind = "cue"  // imagine Class now
	CueRest CueKind = "rest" // rest
	CueDone CueKind = "done" // no cue follows
)

// Cue is what a person is shown during calibration, as JSON on gyrus.<session>.telemetry.<decoder>.cue when it is to be shown.
type Cue struct {
	V        int     `json:"v"`
	Session  string  `json:"session"`
	Decoder  string  `json:"decoder"`
	Run      int64   `json:"run"`
	Seq      uint64  `json:"seq"` // of cues, from 1
	TPublish int64   `json:"t_publish_ns"`
	Kind     CueKind `json:"kind"`
	Label    string  `json:"label,omitempty"` // of the event that is recorded
	Class    string  `json:"class,omitempty"` // what to imagine
	LengthMS float64 `json:"length_ms"`       // how long
	Trial    int     `json:"trial"`           // from 1
	Trials   int     `json:"trials"`
}

// Validate reports the first field that breaks the schema.
func (c *Cue) Validate() error {
	if err := checkNumbered(c.V, c.Session, c.Decoder, c.Run, c.Seq); err != nil {
		return err
	}
	if !(c.LengthMS >= 0) {
		return fmt.Errorf("length_ms is %g, must be at least 0", c.LengthMS)
	}
	switch c.Kind {
	case CueShow:
		if c.Class == "" {
			return errors.New(`kind is "cue" but class is empty`)
		}
	case CueRest, CueDone:
	default:
		return fmt.Errorf("kind is %q, must be cue, rest or done", c.Kind)
	}
	return nil
}

// TelemetrySubject is where a session says how it is.
func TelemetrySubject(session, decoder string) string {
	return "gyrus." + session + ".telemetry." + decoder
}

// CueSubject is where the cues of a calibration are.
func CueSubject(session, decoder string) string { return TelemetrySubject(session, decoder) + ".cue" }

// ParseTelemetry decodes and validates.
func ParseTelemetry(data []byte) (Telemetry, error) { return parse[Telemetry]("telemetry", data) }

// ParseCue decodes and validates.
func ParseCue(data []byte) (Cue, error) { return parse[Cue]("cue", data) }

// TelemetryWriter publishes the telemetry and the cues of one decoder. All methods may be called from any goroutine.
type TelemetryWriter struct {
	bus              *Bus
	session, decoder string
	run              int64
	clock            Clock
	commands         *CommandWriter // says whether they are in shadow

	mu      sync.Mutex
	seq     uint64
	cues    uint64
	notSent uint64
}

// NewTelemetryWriter writes beside w: same session, decoder, run and clock.
func NewTelemetryWriter(w *CommandWriter) *TelemetryWriter {
	return &TelemetryWriter{bus: w.bus, session: w.session, decoder: w.decoder, run: w.run, clock: w.clock, commands: w}
}

// Write sends t now or never; it fills in who says it, when, where t does not say that, and whether commands are in shadow. Without a
// link it is lost and counted.
func (w *TelemetryWriter) Write(t Telemetry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seq++
	t.V, t.Session, t.Decoder, t.Run, t.Seq, t.TPublish = Version, w.session, w.decoder, w.run, w.seq, cmp.Or(t.TPublish, w.clock.Now())
	t.Shadow = w.commands.Intent() == Shadow
	return w.send(TelemetrySubject(w.session, w.decoder), &t)
}

// Cue sends c now or never and returns the time that it bears.
func (w *TelemetryWriter) Cue(c Cue) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cues++
	c.V, c.Session, c.Decoder, c.Run, c.Seq, c.TPublish = Version, w.session, w.decoder, w.run, w.cues, w.clock.Now()
	return c.TPublish, w.send(CueSubject(w.session, w.decoder), &c)
}

// send is called with w.mu held.
func (w *TelemetryWriter) send(subject string, v interface{ Validate() error }) error {
	data, err := encode(v)
	if err != nil {
		return fmt.Errorf("bus: %s: %w", subject, err)
	}
	if err = w.bus.publish(&nats.Msg{Subject: subject, Data: data}); err != nil {
		w.notSent++
	}
	return err
}

// NotSent counts messages that were lost.
func (w *TelemetryWriter) NotSent() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.notSent
}

// SubscribeTelemetry is SubscribeCommands for the telemetry of one decoder, or of all with "*".
func (b *Bus) SubscribeTelemetry(session, decoder string, fn func(Telemetry, time.Time)) (*Subscription, error) {
	if err := checkNames(session, decoder); err != nil {
		return nil, err
	}
	return b.settled(subscribe(b, TelemetrySubject(session, decoder), ParseTelemetry, func(t Telemetry) string { return TelemetrySubject(t.Session, t.Decoder) }, func(t Telemetry, at time.Time) {
		b.hear(t.Session, t.Decoder, heard{t.Run, t.TPublish, at})
		fn(t, at)
	}))
}

// SubscribeCues is SubscribeCommands for the cues of one decoder, or of all with "*".
func (b *Bus) SubscribeCues(session, decoder string, fn func(Cue, time.Time)) (*Subscription, error) {
	if err := checkNames(session, decoder); err != nil {
		return nil, err
	}
	return b.settled(subscribe(b, CueSubject(session, decoder), ParseCue, func(c Cue) string { return CueSubject(c.Session, c.Decoder) }, fn))
}

// checkNames takes "*" for any decoder.
func checkNames(session, decoder string) error {
	err := CheckToken("session", session)
	if decoder != "*" {
		err = errors.Join(err, CheckToken("decoder", decoder))
	}
	if err != nil {
		return fmt.Errorf("bus: %w", err)
	}
	return nil
}
