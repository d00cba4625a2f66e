package signal

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Kind says what a channel measures.
type Kind string

// The kinds of channel that gyrus tells apart.
const (
	EEG     Kind = "eeg"
	EOG     Kind = "eog"
	ECG     Kind = "ecg"
	EMG     Kind = "emg"
	SEEG    Kind = "seeg"
	ECoG    Kind = "ecog"
	Trigger Kind = "trigger"
	Misc    Kind = "misc"
)

// Kinds is all of them.
var Kinds = []Kind{EEG, EOG, ECG, EMG, SEEG, ECoG, Trigger, Misc}

// Unit is the physical unit of a channel's samples.
type Unit string

// Voltages are always Microvolt inside gyrus: readers convert once. The other units are kept as the source names them.
const (
	Microvolt Unit = "µV"
	NoUnit    Unit = ""
)

// Position is a point in metres in the head frame of MNE and BIDS "CapTrak": x to the right ear, y to the nose, z up.
type Position [3]float64

// Finite says that no coordinate is NaN or infinite.
func (p Position) Finite() bool { return p[0]-p[0] == 0 && p[1]-p[1] == 0 && p[2]-p[2] == 0 }

// Channel describes one signal.
type Channel struct {
	Name     string    `json:"name"`          // MNE spelling: "FC5", "Fp1", "FCz"
	Original string    `json:"original"`      // as the source writes it: "Fc5."
	Kind     Kind      `json:"kind"`          // what it measures
	Unit     Unit      `json:"unit"`          // of the samples as handed out, after conversion
	Pos      *Position `json:"pos,omitempty"` // nil where unknown
	Bad      bool      `json:"bad,omitempty"` // the source says that it is not to be used; its samples are handed out all the same
}

// Info describes a stream of samples: what the columns are and how fast they come.
type Info struct {
	Rate     float64   `json:"rate_hz"` // samples per second of every channel
	Channels []Channel `json:"channels"`
	// Reference is the electrode that all were measured against, "" where unknown.
	Reference string `json:"reference,omitempty"`
}

// Validate reports the first thing in i that no stream can have.
func (i *Info) Validate() error {
	if !(i.Rate > 0) || math.IsInf(i.Rate, 0) { // also catches NaN
		return fmt.Errorf("sampling rate is %g Hz, must be above 0 and finite", i.Rate)
	}
	if len(i.Channels) == 0 {
		return errors.New("no channels, must have at least one")
	}
	seen := make(map[string]int, len(i.Channels))
	for k, c := range i.Channels {
		if c.Name == "" {
			return fmt.Errorf("channel %d has no name", k)
		}
		if first, dup := seen[c.Name]; dup {
			return fmt.Errorf("channels %d and %d are both named %q, names must differ", first, k, c.Name)
		}
		seen[c.Name] = k
	}
	return nil
}

// Index is the position of the channel called name, or -1.
func (i *Info) Index(name string) int {
	for k, c := range i.Channels {
		if c.Name == name {
			return k
		}
	}
	return -1
}

// Names lists the channels' names in order.
func (i *Info) Names() []string {
	names := make([]string, len(i.Channels))
	for k, c := range i.Channels {
		names[k] = c.Name
	}
	return names
}

// Samples is seconds counted in samples, by rounding. All conversions go through it, so that all round alike.
func (i *Info) Samples(seconds float64) int64 { return int64(math.Round(seconds * i.Rate)) }

// Pick is i with only the channels at the given positions.
func (i *Info) Pick(idx []int) *Info {
	out := *i
	out.Channels = make([]Channel, len(idx))
	for k, ch := range idx {
		out.Channels[k] = i.Channels[ch]
	}
	return &out
}

// String is a line for people: `64 channels at 160 Hz (FC5, FC3, FC1, …)`.
func (i *Info) String() string {
	names := i.Names()
	if len(names) > 4 {
		names = append(names[:3:3], "…")
	}
	return fmt.Sprintf("%d channels at %g Hz (%s)", len(i.Channels), i.Rate, strings.Join(names, ", "))
}
