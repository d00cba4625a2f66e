package fif

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// channel is a channel that is ready to be read.
type channel struct {
	signal.Channel
	gain float64 // of the stored number
}

// kinds of channels. What is not here is signal.Misc.
var kinds = map[int32]signal.Kind{
	2: signal.EEG, 3: signal.Trigger, 202: signal.EOG, 302: signal.EMG, 402: signal.ECG,
	802: signal.SEEG, 803: signal.SEEG, 902: signal.ECoG,
}

// unitNames are handed out as they are, all but the volt (FIFF_UNIT_… of the specification, and the pixel of MNE-Python).
var unitNames = map[int32]signal.Unit{
	-1: signal.NoUnit, 0: signal.NoUnit, 1: "m", 2: "kg", 3: "s", 4: "A", 5: "K", 6: "mol", 7: "rad", 8: "sr", 9: "cd", 10: "mol/m³", 101: "Hz", 102: "N",
	103: "Pa", 104: "J", 105: "W", 106: "C", 108: "F", 109: "Ω", 110: "S", 111: "Wb", 112: "T", 113: "H", 114: "°C", 115: "lm", 116: "lx", 117: "V/m²", 118: "s²",
	201: "T/m", 202: "Am", 203: "Am/m²", 204: "Am/m³", 210: "px",
}

const (
	unitNone     = -1
	unitUnitless = 0
	unitVolt     = 107
)

// channels names and scales the channels, in the order of the file.
func (c *content) channels(s *source) ([]channel, error) {
	labels := make([]string, len(c.chans))
	for i, t := range c.chans {
		labels[i] = t.name
	}
	if len(c.longNames) > 0 {
		copy(labels, c.longNames)
	}
	bad := map[string]bool{}
	if c.bad != "" {
		for _, l := range labels {
			bad[l] = false
		}
	}
	for name := range c.bad.all {
		if _, there := bad[name]; there { // the list may be longer than that of the channels
			bad[name] = true
		}
	}
	chans := make([]channel, len(c.chans))
	for i, e := range montage.Assign(labels) {
		t := c.chans[i]
		if e.Note != "" {
			s.deviateOnce(t.at+80, "name of channel", "names differ and are not empty", fmt.Sprintf("%q: %s", e.Original, e.Note), fmt.Sprintf("the name %q", e.Name))
		}
		kind := kinds[t.kind]
		if kind == "" {
			kind = signal.Misc
		}
		unit, gain := t.scaling(s, kind)
		if gain == 0 || gain-gain != 0 { // the difference to itself is 0 only for finite numbers
			return nil, s.errorf(t.at+12, "range", "range %g times calibration %g of channel %q cannot be computed with, must be finite and not 0", t.scale, t.cal, e.Name)
		}
		chans[i] = channel{signal.Channel{Name: e.Name, Original: e.Original, Kind: kind, Unit: unit, Bad: bad[labels[i]]}, gain}
		if kind == signal.EEG || kind == signal.SEEG || kind == signal.ECoG {
			chans[i].Pos = t.position(s, e.Name, kind)
		}
	}
	return chans, nil
}

// scaling is the unit in which samples are handed out, and what a stored number is multiplied with.
func (t channelTag) scaling(s *source, kind signal.Kind) (signal.Unit, float64) {
	gain := t.scale * t.cal
	if t.multiplier != 0 {
		gain *= math.Pow10(int(t.multiplier))
	}
	voltage := kind != signal.Misc
	switch {
	case kind == signal.Trigger: // codes: MNE writes V for them all the same
		return signal.NoUnit, gain
	case t.unit == unitVolt:
		return signal.Microvolt, gain * 1e6
	case voltage && (t.unit == unitNone || t.unit == unitUnitless):
		s.deviateOnce(t.at+72, "unit", "V for a channel that measures a voltage", fmt.Sprintf("none for %q", t.name), "V")
		return signal.Microvolt, gain * 1e6
	}
	unit, known := unitNames[t.unit]
	if !known {
		unit = signal.Unit(fmt.Sprintf("unit %d", t.unit))
	}
	if voltage {
		s.deviateOnce(t.at+72, "unit", "V for a channel that measures a voltage", fmt.Sprintf("%s for %q", unit, t.name), "nothing: the samples of this channel are in that unit, and are not µV")
	}
	return unit, gain
}

// Electrodes lie between these distances from the origin of the head frame, in metres; those inside the head may lie nearer.
const nearest, farthest = 0.02, 0.25

// position is where an electrode is: as the file says, or, where it says nothing that can be, that of the name on a
// spherical head.
func (t channelTag) position(s *source, name string, kind signal.Kind) *signal.Position {
	r := math.Sqrt(t.loc[0]*t.loc[0] + t.loc[1]*t.loc[1] + t.loc[2]*t.loc[2])
	switch {
	case r == 0 || math.IsNaN(r): // as MNE writes what it does not know
		return montage.Place(name)
	case r <= farthest && (r >= nearest || kind != signal.EEG):
		p := signal.Position(t.loc)
		return &p
	}
	assumed := "that of the name on a spherical head"
	if montage.Place(name) == nil {
		assumed = "none"
	}
	s.deviateOnce(t.at+24, "location", fmt.Sprintf("metres from between the ears, %g to %g for an electrode", nearest, farthest),
		fmt.Sprintf("%.4g m for %q", r, t.name), assumed)
	return montage.Place(name)
}

// notes says which projections were not applied.
func (c *content) notes(s *source) {
	var open []string
	for _, p := range c.projections {
		if !p.active {
			open = append(open, fmt.Sprintf("%q", p.name))
		}
	}
	if len(open) > 0 {
		s.deviate(c.projections[0].at, "projections", "projections in the file are applied to its samples", fmt.Sprintf("%d that are not: %s", len(open), strings.Join(open, ", ")), "nothing: the samples are handed out without them, as MNE does until apply_proj")
	}
}

// electrodes says what the electrodes were measured against, "" where the file does not say.
func (c *content) electrodes() string {
	if slices.ContainsFunc(c.projections, func(p projection) bool { return p.active && p.kind == projAverageRef }) {
		return "average"
	}
	return ""
}
