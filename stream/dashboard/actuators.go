package dashboard

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// maxActuators is how many controllers a page shows; one more takes the place of the one that has been silent for longest.
const maxActuators = 8

// actuators are what controllers say that they move. A controller is forgotten when it says that it has ended; one that is
// silent stays, with the time since it was heard.
type actuators struct {
	mu      sync.Mutex
	all     map[string]heard
	changed bool // since the last look
}

// heard is what a controller said, and when that came.
type heard struct {
	bus.Actuator
	at time.Time
}

// actuatorsMessage is what every controller moves: the ones heard last come first, others by their names.
type actuatorsMessage struct {
	Actuators []actuatorMessage `json:"actuators"`
}

type actuatorMessage struct {
	bus.Actuator
	AgeMS float64 `json:"age_ms"` // since it came
}

// take keeps what a controller says.
func (s *actuators) take(a bus.Actuator, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.all[a.Controller]
	switch {
	case a.State == bus.ActuatorEnded:
		delete(s.all, a.Controller)
		s.changed = s.changed || known
		return
	case s.all == nil:
		s.all = map[string]heard{}
	case !known && len(s.all) >= maxActuators:
		delete(s.all, s.sorted()[len(s.all)-1].Controller)
	}
	s.all[a.Controller] = heard{a, at}
	s.changed = true
}

// actuatorSilent is longer than controllers are silent that have nothing new to say.
const actuatorSilent = 2500 * time.Millisecond

// sorted are those that are not silent by their names, then the silent ones, the most silent last.
func (s *actuators) sorted() []heard {
	var list []heard
	newest := time.Time{}
	for _, h := range s.all {
		list = append(list, h)
		if h.at.After(newest) {
			newest = h.at
		}
	}
	silent := func(h heard) time.Duration { return max(0, newest.Sub(h.at)-actuatorSilent) }
	slices.SortFunc(list, func(a, b heard) int {
		return cmp.Or(cmp.Compare(silent(a), silent(b)), cmp.Compare(a.Controller, b.Controller))
	})
	return list
}

// due says whether something has changed since it was asked last.
func (s *actuators) due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := s.changed
	s.changed = false
	return changed
}

// list is what there is now.
func (s *actuators) list(now time.Time) actuatorsMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := actuatorsMessage{Actuators: []actuatorMessage{}}
	for _, h := range s.sorted() {
		m.Actuators = append(m.Actuators, actuatorMessage{h.Actuator, max(0, now.Sub(h.at).Seconds()*1e3)})
	}
	return m
}
