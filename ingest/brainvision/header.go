package brainvision

import (
	"bytes"
	"cmp"
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
	references    bool      // that of one channel is not that of another
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
	if n := c.lines[channelInfos]; int64(n) < channels && channels > 2*int64(n)+1024 {
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
	if err := h.channels(src, int(channels), c.lines[userInfos]); err != nil {
		return nil, err
	}
	if c.lines[coordinates] == 0 {
		return h, nil
	}
	return h, walk(src, func(l line, section string) {
		if l.found && section == coordinates {
			h.position(src, l)
		}
	})
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

// ofSensor says whether a unit is that of such a quantity.
func ofSensor(unit signal.Unit) bool { return quantities[strings.TrimLeft(string(unit), "uµμ")] }

// channels reads names, references, resolutions and units, and kinds where there are lines with such.
func (h *header) channels(src *flatfile.Source, n, kinds int) error {
	labels, at := make([]string, n), make([]int32, n) // a header has at most headerBytes
	h.gains, h.units = make([]float64, n), make([]string, n)
	var first error
	described := 0
	read := func(l line) error {
		i, err := numbered(l.key, "Ch", n)
		if err != nil {
			return src.Errorf(l.at, "Channel Infos", "%w", err)
		}
		if h.gains[i] != 0 {
			return src.Errorf(l.at, "Channel Infos", "%s comes a second time", l.key)
		}
		rest := l.value
		labels[i], at[i] = string(field(&rest)), int32(l.at)
		if ref := bytes.TrimSpace(field(&rest)); described == 0 {
			h.info.Reference = string(ref)
		} else if string(ref) != h.info.Reference {
			h.info.Reference, h.references = "", true
		}
		described++
		gain := 1.0
		if r := string(bytes.TrimSpace(field(&rest))); r != "" {
			if gain, err = strconv.ParseFloat(r, 64); err != nil || gain-gain != 0 || gain == 0 {
				return src.Errorf(l.at, "resolution", "of channel %q is %q, must be a number other than 0", labels[i], r)
			}
		}
		h.units[i] = "µV"
		if unit := bytes.TrimSpace(field(&rest)); len(unit) > 0 {
			h.units[i] = string(unit)
		}
		scale := units.Parse(h.units[i])
		if s := scale.Standard; s != "" {
			src.Deviate(l.at, "unit", "is written "+s, fmt.Sprintf("%q", h.units[i]), s)
		}
		h.gains[i] = scale.Apply(gain)
		return nil
	}
	err := walk(src, func(l line, section string) {
		if l.found && section == channelInfos && first == nil {
			first = read(l)
		}
	})
	if err = cmp.Or(first, err); err != nil {
		return err
	}
	for i := range labels {
		if h.gains[i] == 0 {
			src.DeviateOften(0, "Channel Infos", "every channel is described", func() string { return fmt.Sprintf("no Ch%d", i+1) }, "it has resolution 1 and is in µV")
			h.gains[i], h.units[i] = 1, "µV"
		}
	}
	h.info.Channels = src.Channels(labels, func(i int) int64 { return int64(at[i]) })
	if kinds > 0 {
		err := walk(src, func(l line, section string) {
			if k, ok := kindOf(l); ok && section == userInfos {
				if i, err := numbered(l.key, kindKey, n); err == nil {
					h.info.Channels[i].Kind, h.info.Channels[i].Pos = k, nil // a name that does not tell the kind tells no place
				}
			}
		})
		if err != nil {
			return err
		}
	}
	for i := range h.info.Channels {
		ch := &h.info.Channels[i]
		scale := units.Parse(h.units[i])
		if ch.Unit = scale.Unit; h.units[i] == noUnit {
			ch.Unit, h.units[i] = signal.NoUnit, ""
		}
		if !scale.Voltage && ch.Kind != signal.Misc && ch.Kind != signal.Trigger {
			rule, found := "a unit of voltage for "+strings.ToUpper(string(ch.Kind)), fmt.Sprintf("%q for %q", ch.Unit, ch.Original)
			if !ofSensor(ch.Unit) {
				src.Deviate(int64(at[i]), "unit", rule, found, "nothing: the samples of this channel are in that unit, and may not be µV")
				continue
			}
			src.Deviate(int64(at[i]), "unit of another quantity", rule, found, "the channel is of kind misc, and its samples are in that unit")
			ch.Kind, ch.Pos = signal.Misc, nil
		}
	}
	return nil
}

// numbered is the place of "Ch12" among n, counted from 0.
func numbered(key []byte, prefix string, n int) (int, error) {
	if len(key) > len(prefix) && strings.EqualFold(string(key[:len(prefix)]), prefix) {
		if v, err := strconv.Atoi(string(key[len(prefix):])); err == nil && v >= 1 && v <= n {
			return v - 1, nil
		}
	}
	return 0, fmt.Errorf("%.40q is no entry, must be %s1 to %s%d", key, prefix, prefix, n)
}

// electrode says whether channels of a kind have a place on or in the head.
func electrode(kind signal.Kind) bool {
	return kind == signal.EEG || kind == signal.SEEG || kind == signal.ECoG
}

// position reads a line of the coordinates.
func (h *header) position(src *flatfile.Source, l line) {
	i, err := numbered(l.key, "Ch", len(h.gains))
	var v [3]float64
	rest := l.value
	for k := 0; k < 3 && err == nil; k++ {
		v[k], err = strconv.ParseFloat(string(bytes.TrimSpace(field(&rest))), 64)
	}
	if err != nil {
		src.DeviateOften(l.at, "Coordinates", "radius, theta and phi of a channel", func() string { return fmt.Sprintf("%.60q", l.text) }, "the line is passed over")
		return
	}
	ch := &h.info.Channels[i]
	if v[0] == 0 || !electrode(ch.Kind) {
		return // radius 0 means that the place is not known
	}
	r := v[0] / 1000
	if v[0] != 1 && !(r >= montage.Nearest && r <= montage.Farthest) || v[1]-v[1] != 0 || v[2]-v[2] != 0 {
		src.Deviate(l.at, "Coordinates", fmt.Sprintf("a radius of 1, or of %g to %g mm", 1000*montage.Nearest, 1000*montage.Farthest), fmt.Sprintf("%.4g for %q", v[0], ch.Original), "the place of its name, if it has one")
		return
	}
	u := montage.Spherical(v[1], v[2])
	pos := signal.Position{r * u[0], r * u[1], r * u[2]}
	if v[0] == 1 { // an idealised head
		pos = montage.OnSphere(u)
	}
	ch.Pos = &pos
}
