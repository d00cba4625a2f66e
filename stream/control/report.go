package control

import (
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// How often a Reporter says what it sees.
const (
	reportPeriod = 50 * time.Millisecond
	reportQuiet  = time.Second // while nothing changes
)

// Report is f as pages are told of it, without whose it is.
func Report(f Frame) bus.Actuator {
	a := bus.Actuator{Kind: f.Simulator, State: bus.ActuatorState(f.State), Reason: string(f.Reason), Latched: f.Latched, Label: f.Label}
	f.View.Report(&a)
	return a
}

// Reporter tells pages what a simulator does, from a goroutine of its own, so that a link that stalls does not hold up a
// control loop. It sends the newest frame, 20 times a second while something changes and once a second while nothing does.
type Reporter struct {
	send             func(bus.Actuator) error
	session, decoder string
	name             string

	newest atomic.Pointer[Frame]
	stop   chan struct{}
	done   chan struct{}
	once   sync.Once

	sent, lost atomic.Uint64
}

// NewReporter sends by send, which is (*bus.Bus).SendActuator, what a controller does that follows a decoder; name tells it from
// others (Receiver.Name). The caller must Close it before the bus.
func NewReporter(send func(bus.Actuator) error, session, decoder, name string) *Reporter {
	r := &Reporter{send: send, session: session, decoder: decoder, name: name, stop: make(chan struct{}), done: make(chan struct{})}
	go r.run()
	return r
}

// Step hands over what there is to see, for LoopOptions.OnStep. It never blocks.
func (r *Reporter) Step(f Frame) { r.newest.Store(&f) }

// Close says that the controller has ended, and waits for that for a second at most.
func (r *Reporter) Close() {
	r.once.Do(func() { close(r.stop) })
	select {
	case <-r.done:
	case <-time.After(time.Second):
	}
}

// Stats count the messages so far.
func (r *Reporter) Stats() SentStats { return SentStats{Sent: r.sent.Load(), NotSent: r.lost.Load()} }

func (r *Reporter) run() {
	defer close(r.done)
	tick := time.NewTicker(reportPeriod)
	defer tick.Stop()
	var seq uint64
	var last bus.Actuator
	var told time.Time
	tell := func(now time.Time, ended bool) {
		f := r.newest.Load()
		if f == nil {
			return
		}
		a := Report(*f)
		if ended {
			a.State, a.Reason, a.Label = bus.ActuatorEnded, "", ""
		}
		if reflect.DeepEqual(a, last) && now.Sub(told) < reportQuiet {
			return
		}
		last, told = a, now
		seq++
		a.Session, a.Decoder, a.Controller, a.Seq = r.session, r.decoder, r.name, seq
		if r.send(a) != nil {
			r.lost.Add(1)
			return
		}
		r.sent.Add(1)
	}
	for {
		select {
		case now := <-tick.C:
			tell(now, false)
		case <-r.stop:
			tell(time.Now(), true)
			return
		}
	}
}
