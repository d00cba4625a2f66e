package signal

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// ErrLost says that what a live source reads has gone, and that nothing can take its place: what comes is over, and nobody said that it is
// complete. What was sent before has been handed out.
var ErrLost = errors.New("the stream is lost")

// LinkState says how a live source stands to its device.
type LinkState string

// The states of a link. A link that is lost and comes back is recovered until its first second of data is over, then
// connected.
const (
	LinkResolving LinkState = "resolving" // nothing has been found yet
	LinkConnected LinkState = "connected" // data comes
	LinkStalled   LinkState = "stalled"   // the peer is there, but no data has come for longer than it should
	LinkLost      LinkState = "lost"      // the peer is gone, it is being looked for, and what came before has been handed out
	LinkRecovered LinkState = "recovered" // data comes again after a loss; what came before has nothing to do with it
)

// Health is what a live source knows of itself. Figures that are not known yet are NaN.
type Health struct {
	State  LinkState `json:"state"`
	Since  time.Time `json:"since"`  // when State was entered
	Detail string    `json:"detail"` // one line: what was found, why it was lost

	Samples    uint64  `json:"samples"`      // of each channel, handed out
	Lost       uint64  `json:"lost"`         // samples known to be missing: counters, drops that the sender told of
	Suspected  uint64  `json:"suspected"`    // samples missing by the clock
	Dropped    uint64  `json:"dropped"`      // samples thrown away here because nobody took them in time
	Jumps      uint64  `json:"jumps"`        // places where the clock or the counter jumped: each began a new run
	Unstamped  uint64  `json:"unstamped"`    // samples whose stamps were no times; those in front of the first stamp of a connection are left out
	Recoveries uint64  `json:"recoveries"`   // times that the link was lost and came back
	Losses     uint64  `json:"losses"`       // times that the link was lost, each counted when what came before has been handed out, also where it is back by then
	RateHz     float64 `json:"rate_hz"`      // effective rate, measured
	OffsetS    float64 `json:"offset_s"`     // what is added to the source's stamps to get local time
	OffsetErrS float64 `json:"offset_err_s"` // bound of its error
	DriftPPM   float64 `json:"drift_ppm"`    // of the source's clock against ours; above 0 it runs fast
	JitterS    float64 `json:"jitter_s"`     // root mean square of the stamps about the fitted line
	AgeS       float64 `json:"age_s"`        // now less the corrected time of the newest sample that was handed out
	DelayS     float64 `json:"delay_s"`      // delay of the device from the configuration, already taken off the stamps
	// StampsOffS is by how much the stamps of a connection were found to lie ahead of the clock that the source tells of, below 0 for
	// behind, so that arrival counts instead; 0 where they are believed.
	StampsOffS float64 `json:"stamps_off_s"`

	// When and why the link was lost the newest of these times.
	LostAt  time.Time `json:"-"`
	LostWhy string    `json:"-"`
}

// Marks is what a live source knows of the stream of marks beside its samples.
type Marks struct {
	State      LinkState // "" where there is no such stream
	Since      time.Time
	Detail     string
	N          uint64  // marks that came
	Late       uint64  // of these, whose sample had been handed out: see Chunk.Late
	TooLate    uint64  // of these, by more than MaxLate: nothing that decides now sees them
	LagS       float64 // by how much the latest was late, in seconds
	Lost       uint64  // thrown away, because too many waited for their samples
	Waiting    uint64  // for samples that have not come
	NotUTF8    uint64  // whose texts were not UTF-8, and are read as Latin-1
	StampsOffS float64 // as in Health
	Over       string  // why no more can come: their stream is lost, and none can take its place; "" where it is there, or may come back
}

// Apart is "3 s ahead of" or "3 s behind", for stamps that are off by so much.
func Apart(off float64) string {
	if off < 0 {
		return fmt.Sprintf("%.3g s behind", -off)
	}
	return fmt.Sprintf("%.3g s ahead of", off)
}

// figure is a number that may be unknown: NaN here, null in JSON, which has no NaN.
type figure float64

// MarshalJSON writes null for what is not finite.
func (f figure) MarshalJSON() ([]byte, error) {
	if v := float64(f); math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(f))
}

// plainHealth has no methods of its own; healthJSON is what of it is written otherwise.
type (
	plainHealth Health
	healthJSON  struct {
		*plainHealth
		RateHz     *figure `json:"rate_hz"`
		OffsetS    *figure `json:"offset_s"`
		OffsetErrS *figure `json:"offset_err_s"`
		DriftPPM   *figure `json:"drift_ppm"`
		JitterS    *figure `json:"jitter_s"`
		AgeS       *figure `json:"age_s"`
		DelayS     *figure `json:"delay_s"`
	}
)

func (h *Health) json() healthJSON {
	f := func(v *float64) *figure { return (*figure)(v) }
	return healthJSON{(*plainHealth)(h), f(&h.RateHz), f(&h.OffsetS), f(&h.OffsetErrS), f(&h.DriftPPM), f(&h.JitterS), f(&h.AgeS), f(&h.DelayS)}
}

// MarshalJSON writes figures that are not known as null.
func (h Health) MarshalJSON() ([]byte, error) { return json.Marshal(h.json()) }

// UnmarshalJSON reads null as NaN.
func (h *Health) UnmarshalJSON(b []byte) error {
	out := h.json()
	if err := json.Unmarshal(b, &out); err != nil {
		return err
	}
	// null has set a pointer to nil instead of asking the figure
	for _, p := range []struct {
		read  *figure
		field *float64
	}{
		{out.RateHz, &h.RateHz},
		{out.OffsetS, &h.OffsetS},
		{out.OffsetErrS, &h.OffsetErrS},
		{out.DriftPPM, &h.DriftPPM},
		{out.JitterS, &h.JitterS},
		{out.AgeS, &h.AgeS},
		{out.DelayS, &h.DelayS},
	} {
		if p.read == nil {
			*p.field = math.NaN()
		}
	}
	return nil
}

// LiveSource is a source that measures now. Its methods Arrived and Health are for any goroutine.
type LiveSource interface {
	Source
	// Arrived is when the newest chunk that Next returned reached this machine.
	Arrived() time.Time
	Health() Health
}
