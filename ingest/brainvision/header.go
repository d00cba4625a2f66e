package brainvision

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// maxChannels is more than any amplifier has.
const maxChannels = 1 << 16

// header is what the header says.
type header struct {
	info          *signal.Info
	gains         []float64 // of a stored number, to the channel's unit
	units         []string  // of the channels, as they are written
	data, markers entry
	points        int64 // samples of each channel, 0 where the header does not say
	pointsAt      int64
	vectorised    bool
	text          *textLayout // nil for binary samples
	typ           flatfile.Type
	big           bool
}

var types = map[string]flatfile.Type{
	"INT_16": flatfile.Int16, "UINT_16": flatfile.Uint16, "INT_32": flatfile.Int32,
	"IEEE_FLOAT_32": flatfile.Float32, "IEEE_FLOAT_64": flatfile.Float64,
}

func readHeader(src *flatfile.Source, c *ini) (*header, error) {
	const common = "common infos"
	h := &header{info: &signal.Info{}, data: c.get(common, "DataFile"), markers: c.get(common, "MarkerFile")}
	channels, err := whole(src, c.get(common, "NumberOfChannels"), 1, maxChannels)
	if err != nil {
		return nil, err
	}
	if n := len(c.sections["channel infos"]); int64(n) < channels && channels > 2*int64(n)+1024 {
		return nil, src.Errorf(c.get(common, "NumberOfChannels").at, "NumberOfChannels", "is %d, but %d channels are described", channels, n)
	}
	if domain := c.get(common, "DataType"); domain.value != "" && !strings.EqualFold(domain.value, "TIMEDOMAIN") {
		return nil, src.Errorf(domain.at, "DataType", "%q cannot be read, must be TIMEDOMAIN: export the recording, not its spectra", domain.value)
	}
	interval := c.get(common, "SamplingInterval")
	us, err := strconv.ParseFloat(strings.Replace(interval.value, ",", ".", 1), 64)
	if err != nil || !(us > 0) || math.IsInf(us, 0) || math.IsInf(1e6/us, 0) {
		return nil, src.Errorf(interval.at, "SamplingInterval", "is %q, must be microseconds above 0", interval.value)
	}
	if strings.Contains(interval.value, ",") {
		src.Deviate(interval.at, "SamplingInterval", "has a point before its decimals", strconv.Quote(interval.value), fmt.Sprintf("%g µs, which is a rate of %g Hz", us, 1e6/us))
	}
	h.info.Rate = 1e6 / us
	if points := c.get(common, "DataPoints"); points.value != "" {
		if h.points, err = whole(src, points, 1, math.MaxInt64); err != nil {
			return nil, err
		}
		h.pointsAt = points.at
	}
	switch order := c.get(common, "DataOrientation"); strings.ToUpper(order.value) {
	case "MULTIPLEXED":
	case "VECTORIZED":
		h.vectorised = true
	default:
		return nil, src.Errorf(order.at, "DataOrientation", "is %q, must be MULTIPLEXED or VECTORIZED", order.value)
	}
	if err := h.format(src, c); err != nil {
		return nil, err
	}
	if err := h.channels(src, c, int(channels)); err != nil {
		return nil, err
	}
	h.positions(src, c)
	return h, nil
}

// format reads how the samples are written.
func (h *header) format(src *flatfile.Source, c *ini) error {
	kind := c.get("common infos", "DataFormat")
	switch strings.ToUpper(kind.value) {
	case "ASCII":
		const section = "ascii infos"
		t := &textLayout{decimal: '.'}
		h.text = t
		if d := c.get(section, "DecimalSymbol").value; d == "," {
			t.decimal = ','
		}
		for key, to := range map[string]*int64{"SkipLines": &t.skipLines, "SkipColumns": &t.skipColumns} {
			if e := c.get(section, key); e.value != "" {
				v, err := whole(src, e, 0, maxChannels)
				if err != nil {
					return err
				}
				*to = v
			}
		}
		return nil
	case "BINARY":
	default:
		return src.Errorf(kind.at, "DataFormat", "is %q, must be BINARY or ASCII", kind.value)
	}
	e := c.get("binary infos", "BinaryFormat")
	typ, known := types[strings.ToUpper(e.value)]
	if !known {
		return src.Errorf(e.at, "BinaryFormat", "is %q, must be INT_16, UINT_16, INT_32, IEEE_FLOAT_32 or IEEE_FLOAT_64", e.value)
	}
	h.typ, h.big = typ, strings.EqualFold(c.get("binary infos", "UseBigEndianOrder").value, "YES")
	return nil
}

// whole is an entry that must be a whole number.
func whole(src *flatfile.Source, e entry, least, most int64) (int64, error) {
	if e.value == "" {
		return 0, src.Errorf(e.at, e.key, "is missing")
	}
	v, err := strconv.ParseInt(e.value, 10, 64)
	if err != nil || v < least || v > most {
		return 0, src.Errorf(e.at, e.key, "is %q, must be a whole number from %d to %d", e.value, least, most)
	}
	return v, nil
}

// quantities are units, without micro in front, that sensors at the inputs of an amplifier have: what is measured there is no
// voltage, whatever the input is called. ARU and BS are the arbitrary units of respiration belts and skin conductance.
var quantities = map[string]bool{"S": true, "C": true, "°C": true, "K": true, "ARU": true, "BS": true, "g": true, "N": true, "Pa": true, "%": true}

// channels reads names, references, resolutions and units.
func (h *header) channels(src *flatfile.Source, c *ini, n int) error {
	labels, at, scales := make([]string, n), make([]int64, n), make([]units.Scale, n)
	h.gains, h.units = make([]float64, n), make([]string, n)
	references, seen := map[string]int{}, make([]bool, n)
	for _, e := range c.sections["channel infos"] {
		i, err := numbered(e.key, "Ch", n)
		if err != nil {
			return src.Errorf(e.at, "Channel Infos", "%w", err)
		}
		if seen[i] {
			return src.Errorf(e.at, "Channel Infos", "%s comes a second time", e.key)
		}
		f := append(fields(e.value), "", "", "", "")
		labels[i], at[i], seen[i] = f[0], e.at, true
		references[strings.TrimSpace(f[1])]++
		gain := 1.0
		if r := strings.TrimSpace(f[2]); r != "" {
			if gain, err = strconv.ParseFloat(r, 64); err != nil || gain-gain != 0 || gain == 0 {
				return src.Errorf(e.at, "resolution", "of channel %q is %q, must be a number other than 0", f[0], r)
			}
		}
		unit := strings.TrimSpace(f[3])
		if unit == "" {
			unit = "µV"
		}
		h.units[i] = unit
		scales[i] = units.Parse(unit)
		if unit == noUnit {
			scales[i].Unit, h.units[i] = signal.NoUnit, ""
		}
		if s := scales[i].Standard; s != "" {
			src.Deviate(e.at, "unit", "is written "+s, fmt.Sprintf("%q", unit), s)
		}
		h.gains[i] = scales[i].Apply(gain)
	}
	for i := range labels {
		if !seen[i] {
			src.Deviate(0, "Channel Infos", "every channel is described", fmt.Sprintf("no Ch%d", i+1), "it has resolution 1 and is in µV")
			scales[i], h.gains[i], h.units[i] = units.Parse("µV"), 1, "µV"
		}
	}
	h.info.Channels = src.Channels(labels, func(i int) int64 { return at[i] })
	for i := range h.info.Channels {
		ch := &h.info.Channels[i]
		ch.Unit = scales[i].Unit
		if !scales[i].Voltage && ch.Kind != signal.Misc && ch.Kind != signal.Trigger {
			rule, found := "a unit of voltage for "+strings.ToUpper(string(ch.Kind)), fmt.Sprintf("%q for %q", ch.Unit, ch.Original)
			if !quantities[strings.TrimLeft(string(ch.Unit), "uµμ")] {
				src.Deviate(at[i], "unit", rule, found, "nothing: the samples of this channel are in that unit, and may not be µV")
				continue
			}
			src.Deviate(at[i], "unit of another quantity", rule, found, "the channel is of kind misc, and its samples are in that unit")
			ch.Kind, ch.Pos = signal.Misc, nil
		}
	}
	if len(references) == 1 {
		for r := range references {
			h.info.Reference = r
		}
	}
	return nil
}

// numbered is the place of "Ch12" among n, counted from 0.
func numbered(key, prefix string, n int) (int, error) {
	if len(key) > len(prefix) && strings.EqualFold(key[:len(prefix)], prefix) {
		if v, err := strconv.Atoi(key[len(prefix):]); err == nil && v >= 1 && v <= n {
			return v - 1, nil
		}
	}
	return 0, fmt.Errorf("%.40q is no entry, must be %s1 to %s%d", key, prefix, prefix, n)
}

// positions reads the coordinates.
func (h *header) positions(src *flatfile.Source, c *ini) {
	for _, e := range c.sections["coordinates"] {
		i, err := numbered(e.key, "Ch", len(h.gains))
		f := strings.Split(e.value, ",")
		var v [3]float64
		for k := 0; k < 3 && k < len(f) && err == nil; k++ {
			v[k], err = strconv.ParseFloat(strings.TrimSpace(f[k]), 64)
		}
		if err != nil || len(f) < 3 {
			src.Deviate(e.at, "Coordinates", "radius, theta and phi of a channel", fmt.Sprintf("%.60q", e.key+"="+e.value), "the line is passed over")
			continue
		}
		ch := &h.info.Channels[i]
		if v[0] == 0 || ch.Kind != signal.EEG && ch.Kind != signal.SEEG && ch.Kind != signal.ECoG {
			continue // radius 0 means that the place is not known
		}
		r := v[0] / 1000
		if v[0] != 1 && !(r >= montage.Nearest && r <= montage.Farthest) || v[1]-v[1] != 0 || v[2]-v[2] != 0 {
			src.Deviate(e.at, "Coordinates", fmt.Sprintf("a radius of 1, or of %g to %g mm", 1000*montage.Nearest, 1000*montage.Farthest), fmt.Sprintf("%.4g for %q", v[0], ch.Original), "the place of its name, if it has one")
			continue
		}
		u := montage.Spherical(v[1], v[2])
		pos := signal.Position{r * u[0], r * u[1], r * u[2]}
		if v[0] == 1 { // an idealised head
			pos = montage.OnSphere(u)
		}
		ch.Pos = &pos
	}
}
