package adapt

import (
	"fmt"
	"math"
)

// maxSnapshots are kept.
const maxSnapshots = 8

func (h *Head) snapshot() snapshot {
	s := snapshot{m: h.m.clone(), hash: h.m.hash(), made: h.learned, rate: math.NaN()}
	if h.hits[1] >= fallSpan {
		s.rate = float64(h.hits[0]+1) / float64(h.hits[1]+2)
	}
	return s
}

func (h *Head) restore(s snapshot) { h.m, h.learned = s.m.clone(), s.made }

// Freeze stops learning at once. Who decides goes on deciding.
func (h *Head) Freeze(why string) { h.state, h.why = Frozen, why }

// Thaw ends Freeze. What the monitors remember is forgotten, or they would freeze it again.
func (h *Head) Thaw() {
	if h.state != Frozen {
		return
	}
	h.state, h.why, h.recent, h.right = Shadow, "", nil, nil
	if h.decides {
		h.state = Live
	}
}

// Snapshots lists the hashes of the snapshots that can be rolled back to, newest first.
func (h *Head) Snapshots() []string {
	list := make([]string, 0, len(h.snaps))
	for i := len(h.snaps) - 1; i >= 0; i-- {
		list = append(list, h.snaps[i].hash)
	}
	return list
}

// Rollback restores a snapshot, 0 is the newest, bit for bit, and freezes. Later ones are forgotten.
func (h *Head) Rollback(back int) error {
	if back < 0 || back >= len(h.snaps) {
		return fmt.Errorf("adapt: rollback by %d snapshots, there are %d", back, len(h.snaps))
	}
	h.snaps = h.snaps[:len(h.snaps)-back]
	h.restore(h.snaps[len(h.snaps)-1])
	h.since = 0
	h.Freeze("rolled back to snapshot " + h.snaps[len(h.snaps)-1].hash)
	return nil
}

// Reset gives the decisions back to the running decoder, forgets all that was learned, and freezes.
func (h *Head) Reset() {
	h.restore(h.source)
	h.snaps, h.since, h.contest, h.hits, h.decides = []snapshot{h.source}, 0, contest{}, [2]int{}, false
	h.Freeze("reset")
}
