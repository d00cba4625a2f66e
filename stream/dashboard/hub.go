package dashboard

import (
	"encoding/json"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
)

// How much waits where, and how often what is shown.
const (
	inQueue      = 256 // chunks and decisions that wait for the hub; more are dropped
	outQueue     = 32  // messages that wait for a browser; the oldest give way
	tracesEvery  = 50 * time.Millisecond
	spectraEvery = 500 * time.Millisecond
	keptColumns  = 2048 // between two messages; more are dropped
	keptEvents   = 64
	keptChoices  = 300 // decisions that a browser is shown when it comes
)

// decision is one decision as the page shows it.
type decision struct {
	T          int64           `json:"t_ns"` // when it was made
	Kind       bus.CommandKind `json:"kind"`
	Label      string          `json:"label,omitempty"`
	Confidence float64         `json:"confidence"`
	Scores     []bus.Score     `json:"scores,omitempty"`
	Value      []float64       `json:"value,omitempty"`
	AgeMS      float64         `json:"age_ms"`     // of its newest sample
	LatencyMS  float64         `json:"latency_ms"` // since the chunk that completed its window arrived
}

// arrived is what the session hands to the hub.
type arrived struct {
	chunk    *signal.Chunk
	decision *decision
}

// hub takes what the session hands over and passes it on to browsers. What the session calls never waits.
type hub struct {
	in      chan arrived
	viewers atomic.Int32
	dropped atomic.Uint64 // chunks and decisions that the hub did not take in time
	look    atomic.Pointer[bus.Telemetry]
	cue     atomic.Pointer[bus.Cue]
	wake    chan struct{} // a look or a cue has changed

	actuators actuators

	mu      sync.Mutex
	clients map[*client]bool
	came    int // browsers so far
	about   *about
	ended   bool

	// What follows belongs to the goroutine of run.
	traces   *decimator
	columns  []column
	events   []mark
	spectra  *spectra
	psd      [][]float64
	scalp    *scalp
	choices  []decision // the newest
	fresh    []decision // since the last message
	age      histogram
	latency  histogram
	spectrum time.Time // of the newest
}

// about describes the session and its stream.
type about struct {
	Run      string         `json:"run"` // of the decoder, a text as in stateMessage; "" before there is a session
	Session  string         `json:"session"`
	Decoder  string         `json:"decoder"`
	Version  string         `json:"version"`
	Rate     float64        `json:"rate_hz"` // 0: there is no stream yet
	ColumnS  float64        `json:"column_s"`
	Bands    []Band         `json:"bands"`
	Edges    []float64      `json:"histogram_edges_ms"`
	Channels []aboutChannel `json:"channels"`
	NoMap    string         `json:"no_map,omitempty"` // why there is no scalp map
	Spectra  int            `json:"spectra_channels"` // of the first so many
	Verbs    []bus.VerbInfo `json:"verbs"`
	Need     int            `json:"controllers"` // that must confirm a stop
	ViewOnly bool           `json:"view_only"`   // this browser's buttons would do nothing
}

// nothing is what there is to describe before there is a session. A browser that saw another run of the decoder must learn at once that
// what it shows is not of this one.
func nothing() *about {
	return &about{Bands: []Band{}, Edges: edgesMS, Channels: []aboutChannel{}, Verbs: []bus.VerbInfo{}}
}

// to is what a browser is told of a.
func (a *about) to(v view) *about {
	if !v.only {
		return a
	}
	b := *a
	b.ViewOnly, b.Verbs = true, []bus.VerbInfo{}
	return &b
}

type aboutChannel struct {
	Name string      `json:"name"`
	Kind signal.Kind `json:"kind"`
	Unit signal.Unit `json:"unit"`
	At   *[2]float64 `json:"at,omitempty"` // on the scalp map, x to the right ear, y to the nose; 1 is the circle
}

// mark is an event at a column.
type mark struct {
	Epoch int64  `json:"epoch"`
	Bin   int64  `json:"bin"`
	Label string `json:"label"`
}

// client is one browser.
type client struct {
	view    view
	came    int           // number of its coming
	gone    chan struct{} // closed when another takes its place
	out     chan []byte
	greeted bool // it has been shown the decisions of before; of the goroutine of run
	dropped atomic.Uint64
}

// view is what a browser wants to see.
type view struct {
	first, count int // channels
	band         string
	only         bool // no buttons
}

func newHub() *hub {
	return &hub{in: make(chan arrived, inQueue), wake: make(chan struct{}, 1), about: nothing(), clients: map[*client]bool{}, age: newHistogram(), latency: newHistogram()}
}

// give hands over what came, or drops it.
func (h *hub) give(a arrived) {
	select {
	case h.in <- a:
	default:
		h.dropped.Add(1)
	}
}

// changed lets browsers know of a new look at once.
func (h *hub) changed() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// run works until done is closed. refresh is called when the session has changed.
func (h *hub) run(done <-chan struct{}, refresh func()) {
	tick := time.NewTicker(tracesEvery)
	defer tick.Stop()
	for {
		select {
		case a := <-h.in:
			h.take(a)
		case <-h.wake:
			refresh()
			h.each(h.greet)
		case now := <-tick.C:
			h.show(now)
		case <-done:
			return
		}
	}
}

// greet sends how the session is, and to a browser that has just come the decisions of before.
func (h *hub) greet(c *client) {
	if !c.greeted && len(h.choices) > 0 {
		c.send("decisions", decisionsMessage{h.choices})
	}
	if !c.greeted {
		c.send("actuators", h.actuators.list(time.Now()))
	}
	c.greeted = true
	h.sendState(c)
}

// take works on what the session has handed over.
func (h *hub) take(a arrived) {
	if d := a.decision; d != nil {
		h.age.add(d.AgeMS)
		h.latency.add(d.LatencyMS)
		h.fresh = append(h.fresh, *d)
		if h.choices = append(h.choices, *d); len(h.choices) > keptChoices {
			h.choices = slices.Delete(h.choices, 0, 1)
		}
		if len(h.fresh) > keptChoices {
			h.fresh = slices.Delete(h.fresh, 0, 1)
		}
	}
	if a.chunk == nil {
		return
	}
	c := *a.chunk
	if h.traces == nil {
		h.traces, h.spectra = newDecimator(c.Info.Rate), newSpectra(c.Info)
		h.scalp, _ = newScalp(c.Info, h.spectra.channels) // about says why there is none
	}
	h.traces.add(c, func(col column) {
		if h.columns = append(h.columns, col); len(h.columns) > keptColumns {
			h.columns = slices.Delete(h.columns, 0, 1)
			h.dropped.Add(1)
		}
	})
	for _, events := range [][]signal.Event{c.Late, c.Events} {
		for _, e := range events {
			if len(h.events) < keptEvents {
				h.events = append(h.events, mark{h.traces.epoch, floorDiv(e.Sample, h.traces.per), e.Label})
			}
		}
	}
	h.spectra.add(c)
}

// show sends what is new.
func (h *hub) show(now time.Time) {
	if h.viewers.Load() == 0 {
		h.columns, h.events, h.fresh = nil, nil, nil
		return
	}
	slow := now.Sub(h.spectrum) >= spectraEvery
	if slow {
		h.spectrum = now
		if h.psd = nil; h.spectra != nil {
			h.psd = h.spectra.estimate()
		}
	}
	moved := h.actuators.due()
	actuators := h.actuators.list(now)
	h.each(func(c *client) {
		for _, m := range h.traceMessages(c.view) {
			c.send("traces", m)
		}
		if len(h.fresh) > 0 {
			c.send("decisions", decisionsMessage{h.fresh})
		}
		if moved || slow && len(actuators.Actuators) > 0 {
			c.send("actuators", actuators)
		}
		if slow {
			h.sendState(c)
			if h.psd != nil {
				c.send("spectra", h.spectraMessage(c.view))
				if h.scalp != nil {
					c.send("scalp", h.scalpMessage(c.view))
				}
			}
		}
	})
	h.columns, h.events, h.fresh = h.columns[:0], nil, nil
}

// each calls fn for every browser.
func (h *hub) each(fn func(*client)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.clients {
		fn(c)
	}
}

// join adds a browser, or says that there are too many. Who may press buttons always finds a place among those who only look on: the
// one of these that came last gives way.
func (h *hub) join(v view) (*client, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return nil, false
	}
	if len(h.clients) >= maxViewers {
		var last *client
		for c := range h.clients {
			if c.view.only && (last == nil || c.came > last.came) {
				last = c
			}
		}
		if v.only || last == nil {
			return nil, false
		}
		h.remove(last)
		close(last.gone)
	}
	h.came++
	c := &client{view: v, came: h.came, gone: make(chan struct{}), out: make(chan []byte, outQueue)}
	c.send("hello", h.about.to(v))
	h.clients[c] = true
	h.viewers.Add(1)
	h.changed()
	return c, true
}

// leave is the reverse of join.
func (h *hub) leave(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.clients[c] {
		h.remove(c)
	}
}

// remove is called with h.mu held.
func (h *hub) remove(c *client) {
	delete(h.clients, c)
	h.viewers.Add(-1)
}

// describe lets browsers know what session and stream there are.
func (h *hub) describe(a *about) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.about = a
	for c := range h.clients {
		c.send("hello", a.to(c.view))
	}
}

// send puts a message into the queue; the oldest gives way.
func (c *client) send(event string, v any) {
	data, err := json.Marshal(v)
	if err != nil { // a number that JSON does not have, which the messages' types rule out
		c.dropped.Add(1)
		return
	}
	msg := slices.Concat([]byte("event: "+event+"\ndata: "), data, []byte("\n\n"))
	for {
		select {
		case c.out <- msg:
			return
		default:
		}
		select {
		case <-c.out:
			c.dropped.Add(1)
		default:
		}
	}
}

// known is whether v is a number.
func known(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
