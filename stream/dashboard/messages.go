package dashboard

import (
	"math"
	"strconv"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// The messages to a browser. docs/dashboard.md describes them for whoever builds another page.

// stateMessage is how the session is: twice a second, and at each change.
type stateMessage struct {
	Telemetry *bus.Telemetry `json:"telemetry"`              // nil before the first
	Run       string         `json:"run,omitempty"`          // of the telemetry: JavaScript rounds a number as long as that
	Published string         `json:"t_publish_ns,omitempty"` // of the telemetry
	Cue       *bus.Cue       `json:"cue,omitempty"`
	Age       histogram      `json:"age"`     // of the newest sample, at each decision
	Latency   histogram      `json:"latency"` // from the arrival of a chunk to the decision
	Viewers   int32          `json:"viewers"`
	Dropped   uint64         `json:"dropped"`      // chunks and decisions that the page's side was too slow for
	Lost      uint64         `json:"browser_lost"` // messages that this browser was too slow for
}

func (h *hub) state(c *client) stateMessage {
	s := stateMessage{
		Telemetry: h.look.Load(), Cue: h.cue.Load(), Age: h.age, Latency: h.latency,
		Viewers: h.viewers.Load(), Dropped: h.dropped.Load(), Lost: c.dropped.Load(),
	}
	if s.Telemetry != nil {
		s.Run, s.Published = strconv.FormatInt(s.Telemetry.Run, 10), strconv.FormatInt(s.Telemetry.TPublish, 10)
	}
	return s
}

func (h *hub) sendState(c *client) { c.send("state", h.state(c)) }

type decisionsMessage struct {
	Decisions []decision `json:"decisions"`
}

// tenths are numbers in tenths of a unit, null where they are unknown: short in JSON.
type tenths []float64

// MarshalJSON rounds.
func (t tenths) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 5*len(t)+2), '[')
	for i, v := range t {
		if i > 0 {
			b = append(b, ',')
		}
		if v = math.Round(10 * v); !known(v) || math.Abs(v) > 1<<53 {
			b = append(b, "null"...)
			continue
		}
		b = strconv.AppendInt(b, int64(v), 10)
	}
	return append(b, ']'), nil
}

// tracesMessage is a stretch of columns without a gap.
type tracesMessage struct {
	Epoch  int64    `json:"epoch"`
	First  int64    `json:"first"`   // bin of the first column
	Begin  int      `json:"channel"` // the first channel
	Lo     []tenths `json:"lo"`      // [channels][columns]
	Hi     []tenths `json:"hi"`
	Events []mark   `json:"events,omitempty"`
}

// traceMessages are the columns since the last messages: more than one where there are gaps.
func (h *hub) traceMessages(v view) []tracesMessage {
	var list []tracesMessage
	for from := 0; from < len(h.columns); {
		to := from + 1
		for to < len(h.columns) && h.columns[to].epoch == h.columns[from].epoch && h.columns[to].bin == h.columns[to-1].bin+1 {
			to++
		}
		first, n := v.of(len(h.columns[from].lo))
		m := tracesMessage{Epoch: h.columns[from].epoch, First: h.columns[from].bin, Begin: first, Lo: make([]tenths, n), Hi: make([]tenths, n)}
		for ch := range n {
			m.Lo[ch], m.Hi[ch] = make(tenths, to-from), make(tenths, to-from)
			for k, col := range h.columns[from:to] {
				m.Lo[ch][k], m.Hi[ch][k] = col.lo[first+ch], col.hi[first+ch]
			}
		}
		list = append(list, m)
		from = to
	}
	if len(list) > 0 {
		list[0].Events = h.events
	}
	return list
}

// of are the channels of the view among n.
func (v view) of(n int) (first, count int) {
	first = min(v.first, max(0, n-1))
	return first, min(v.count, n-first)
}

// spectraMessage holds spectra in dB of 1 µV²/Hz.
type spectraMessage struct {
	StepHz float64  `json:"step_hz"` // value k is at k times this
	Begin  int      `json:"channel"`
	DB     []tenths `json:"db"` // [channels][bins]
}

func (h *hub) spectraMessage(v view) spectraMessage {
	s := h.spectra
	first, n := v.of(s.channels)
	m := spectraMessage{StepHz: s.plan.Freq(1), Begin: first, DB: make([]tenths, n)}
	for i := range n {
		m.DB[i] = make(tenths, s.shown)
		for k := range m.DB[i] {
			m.DB[i][k] = decibel(h.psd[first+i][k])
		}
	}
	return m
}

// scalpMessage is a map of the power in a band, in dB of 1 µV².
type scalpMessage struct {
	Band   string `json:"band"`
	Size   int    `json:"size"`   // of the grid
	Grid   tenths `json:"grid"`   // [size·size], row by row from the nose, null outside the head
	Values tenths `json:"values"` // of the channels that have a place, in order
	Why    string `json:"why,omitempty"`
}

func (h *hub) scalpMessage(v view) scalpMessage {
	m := scalpMessage{Band: v.band, Size: gridSize}
	for _, b := range bands {
		if b.Name != v.band {
			continue
		}
		values := make([]float64, len(h.scalp.channels))
		for i, ch := range h.scalp.channels {
			values[i] = h.spectra.bandDB(h.psd[ch], b)
		}
		m.Values = values
		grid, err := h.scalp.interpolate(values)
		if m.Grid = grid; err != nil {
			m.Why = err.Error()
		}
	}
	return m
}
