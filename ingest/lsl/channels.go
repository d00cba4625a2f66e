package lsl

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

func voltage(k signal.Kind) bool { return k != signal.Misc && k != signal.Trigger }

// channels is what a stream's description says of its channels, and how the samples of each come to its unit. unit is
// taken for voltages where the description has none; "" takes µV. What is missing or odd is listed.
func channels(s *StreamInfo, unit string) (info *signal.Info, scale []units.Scale, dev []signal.Deviation, err error) {
	var listed []*Element
	if list := s.Desc.Child("channels"); list != nil {
		for _, c := range list.Children {
			if c.Name == "channel" {
				listed = append(listed, c)
			}
		}
	}
	note := func(where, rule, found, assumed string) {
		dev = append(dev, signal.Deviation{Where: where, Rule: rule, Found: found, Assumed: assumed})
	}
	if len(listed) != s.Channels {
		note("desc/channels", "one <channel> for each channel", fmt.Sprintf("%d for %d channels", len(listed), s.Channels), "channels without a description: the stream's type, and numbers for names")
		listed = make([]*Element, s.Channels) // which of them has which would be a guess
	}
	labels := make([]string, s.Channels)
	for i, c := range listed {
		labels[i] = c.Value("label")
	}
	def := units.Parse(string(signal.Microvolt))
	if unit != "" {
		if def = units.Parse(unit); !def.Voltage {
			return nil, nil, nil, fmt.Errorf("unit is %q, must be a voltage such as uV, mV or V", unit)
		}
	}
	info = &signal.Info{Rate: s.Rate, Channels: make([]signal.Channel, s.Channels), Reference: s.Desc.Child("reference").Value("label")}
	if strings.EqualFold(info.Reference, "unknown") {
		info.Reference = ""
	}
	scale = make([]units.Scale, s.Channels)
	bare := 0
	places := positions(listed, note)
	for i, e := range montage.Assign(labels) {
		c := listed[i]
		where := fmt.Sprintf("channel %d (%s)", i+1, e.Name)
		if e.Note != "" && c != nil {
			note(where, "labels differ and are not empty", fmt.Sprintf("%q: %s", e.Original, e.Note), fmt.Sprintf("the name %q", e.Name))
		}
		kind, told := montage.OfType(c.Value("type"))
		if !told {
			if kind = e.Kind; kind == signal.Misc {
				if of, ok := montage.OfType(s.Type); ok {
					kind = of
				}
			}
		}
		said := c.Value("unit")
		scale[i] = units.Parse(said)
		switch {
		case scale[i].Voltage || !voltage(kind):
		case said == "" || strings.EqualFold(said, "unknown"):
			scale[i] = def
			bare++
		default:
			note(where, "a voltage for "+strings.ToUpper(string(kind)), fmt.Sprintf("%q", said), "nothing: the samples of this channel are in that unit, and may not be µV")
		}
		ch := signal.Channel{Name: e.Name, Original: e.Original, Kind: kind, Unit: scale[i].Unit}
		if ch.Pos = places[i]; ch.Pos == nil && kind == signal.EEG {
			ch.Pos = montage.Place(e.Name)
		}
		info.Channels[i] = ch
	}
	if bare > 0 && unit == "" {
		note("desc/channels/channel/unit", "the unit of every channel", fmt.Sprintf("none for %d of %d channels", bare, s.Channels), string(signal.Microvolt)+", as is usual with LSL; the option unit says otherwise")
	}
	return info, scale, dev, info.Validate()
}

// positions reads desc/channels/channel/location, which the conventions of XDF have in millimetres with X to the right,
// Y to the front and Z up. Some write metres or centimetres: a head has a radius of 4 to 20 cm.
func positions(listed []*Element, note func(where, rule, found, assumed string)) []*signal.Position {
	out := make([]*signal.Position, len(listed))
	var farthest float64
	for i, c := range listed {
		loc := c.Child("location")
		if loc == nil {
			continue
		}
		var p signal.Position
		good := true
		for k, axis := range [...]string{"X", "Y", "Z"} {
			v, err := strconv.ParseFloat(loc.Value(axis), 64)
			good = good && err == nil
			p[k] = v
		}
		if good && p.Finite() {
			out[i] = &p
			farthest = max(farthest, math.Sqrt(p[0]*p[0]+p[1]*p[1]+p[2]*p[2]))
		}
	}
	var scale float64
	switch {
	case farthest == 0:
		return make([]*signal.Position, len(listed))
	case 40 <= farthest && farthest <= 200:
		scale = 1e-3
	case 4 <= farthest && farthest <= 20:
		scale = 1e-2
	case 0.04 <= farthest && farthest <= 0.2:
		scale = 1
	default:
		note("desc/channels/channel/location", "millimetres, on a head", fmt.Sprintf("the farthest electrode is at %g", farthest), "the usual places of the names")
		return make([]*signal.Position, len(listed))
	}
	for _, p := range out {
		if p != nil {
			for k := range p {
				p[k] *= scale
			}
		}
	}
	return out
}

// Describe is the description of channels for StreamInfo.Desc, as channels reads it: names, units, types, and positions in
// millimetres where they were measured. A place that an electrode has by its name alone is left to whoever reads the name: written,
// it would pass for a measured one.
func Describe(info *signal.Info) *Element {
	desc := &Element{Name: "desc"}
	if info.Reference != "" {
		desc.Add("reference", "").Add("label", info.Reference)
	}
	list := desc.Add("channels", "")
	for _, c := range info.Channels {
		ch := list.Add("channel", "")
		ch.Add("label", c.Name)
		unit := string(c.Unit)
		if c.Unit == signal.Microvolt {
			unit = "microvolts"
		}
		ch.Add("unit", unit)
		ch.Add("type", strings.ToUpper(string(c.Kind)))
		if c.Kind != signal.EEG && c.Pos != nil || montage.Measured(c.Name, c.Pos) {
			loc := ch.Add("location", "")
			for k, axis := range [...]string{"X", "Y", "Z"} {
				loc.Add(axis, strconv.FormatFloat(1e3*c.Pos[k], 'g', 8, 64))
			}
		}
	}
	return desc
}
