package xdf

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// describe reads the description of the channels, and counts those of EEG. The rate is the caller's.
func (s *stream) describe(src *source) *signal.Info {
	list := s.info.desc.at("channels")
	var described []node
	if n := list.count("channel"); n == s.info.channels {
		described = list.all("channel")
	} else {
		found, assumed := fmt.Sprintf("%d of %d", n, s.info.channels), "none of the descriptions is used: channels are numbered"
		if n == 0 {
			assumed = "channels are numbered, of the kind of the stream; their unit is not known, and may not be µV"
		}
		s.deviate(src, "channels", "every channel is described", found, assumed)
		described = make([]node, s.info.channels)
	}
	labels := make([]string, s.info.channels)
	for i, d := range described {
		if labels[i] = d.get("label"); labels[i] == "" && !d.there() {
			labels[i] = fmt.Sprintf("channel %d", i+1)
		}
	}
	info := &signal.Info{Reference: s.info.desc.get("reference", "label"), Channels: make([]signal.Channel, s.info.channels)}
	if strings.EqualFold(info.Reference, "unknown") {
		info.Reference = ""
	}
	s.units = make([]string, s.info.channels)
	for i, e := range montage.Assign(labels) {
		if kind := "label" + e.Note; e.Note != "" && !src.again(flaw{s, kind, ""}) {
			s.deviate(src, kind, "labels differ and are not empty", fmt.Sprintf("%q: %s", e.Original, e.Note), fmt.Sprintf("the name %q", e.Name))
		}
		c := signal.Channel{Name: e.Name, Original: e.Original, Kind: s.kindOf(described[i], e.Kind)}
		s.units[i] = described[i].get("unit")
		c.Unit = units.Parse(s.units[i]).Unit
		if c.Unit != signal.Microvolt && c.Kind != signal.Misc && c.Kind != signal.Trigger && described[i].there() && !src.again(flaw{s, "unit", ""}) {
			s.deviate(src, "unit", "a unit of voltage for "+strings.ToUpper(string(c.Kind)), fmt.Sprintf("%q for %q", c.Unit, e.Original),
				"nothing: the samples of this channel are in the unit as it is written, and may not be µV")
		}
		if c.Pos = position(described[i]); c.Pos == nil && c.Kind == signal.EEG {
			c.Pos = montage.Place(c.Name) // the file has none: that of the name on a spherical head
		}
		info.Channels[i] = c
		if c.Kind == signal.EEG {
			s.eegs++
		}
	}
	return info
}

// kindOf is the kind by the type of the channel, where that tells one, else by its label, else, where the channel has no type, by that of the stream.
func (s *stream) kindOf(d node, byLabel signal.Kind) signal.Kind {
	typ := d.get("type")
	if kind, told := montage.OfType(typ); told {
		return kind
	}
	if byLabel != signal.Misc || typ != "" {
		return byLabel
	}
	if kind, told := montage.OfType(s.info.kind); told {
		return kind
	}
	return signal.Misc
}

// position is where the electrode is, nil where the file does not say: millimetres, x to the right ear, y to the nose, z up.
func position(d node) *signal.Position {
	loc := d.at("location")
	if !loc.there() {
		return nil
	}
	var p signal.Position
	for k, axis := range []string{"X", "Y", "Z"} {
		v, err := strconv.ParseFloat(loc.get(axis), 64)
		if err != nil || math.Abs(v) > 1000 {
			return nil
		}
		p[k] = v / 1000
	}
	if !p.Finite() || p == (signal.Position{}) {
		return nil
	}
	return &p
}
