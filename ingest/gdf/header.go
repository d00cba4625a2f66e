package gdf

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

const (
	fixedBytes   = 256
	channelBytes = 256
	maxChannels  = 1 << 16
)

// header is the fixed and the variable header.
type header struct {
	version  float64
	begin    time.Time
	bytes    int64 // of all headers: where the records begin
	records  int64 // as the header says, below 0 where it does not
	duration float64
	all      int64     // channels
	channels []channel // without those that have no samples
	record   int64     // bytes of a record
}

// channel is one of the variable header.
type channel struct {
	label        string
	index        int64
	at           int64 // of its samples in a record
	perRecord    int64
	typ          flatfile.Type
	gain, offset float64
	unit         signal.Unit
	dim          string // as the file has it, in words
	unitAt       int64
	voltage      bool
	unscaled     bool // the header does not say what the stored numbers stand for
}

var types = map[uint32]flatfile.Type{
	1: flatfile.Int8, 2: flatfile.Uint8, 3: flatfile.Int16, 4: flatfile.Uint16, 5: flatfile.Int32, 6: flatfile.Uint32, 7: flatfile.Int64, 8: flatfile.Uint64,
	16: flatfile.Float32, 17: flatfile.Float64, 255 + 24: flatfile.Int24, 511 + 24: flatfile.Uint24,
}

func readHeader(src *flatfile.Source) (*header, error) {
	b, err := src.Bytes(0, fixedBytes, "fixed header")
	if err != nil {
		return nil, err
	}
	h := &header{}
	if h.version, err = strconv.ParseFloat(strings.TrimSpace(string(b[4:8])), 64); err != nil || !(h.version >= 1 && h.version < 3) {
		return nil, src.Errorf(0, "version", "is %q, must be GDF 1.00 to GDF 2.99", b[:8])
	}
	le := binary.LittleEndian
	channels := int64(le.Uint16(b[252:]))
	if h.version < 1.9 {
		channels = int64(le.Uint32(b[252:]))
		h.bytes = int64(le.Uint64(b[184:]))
		h.begin = h.oldDate(src, b[168:184])
	} else {
		h.bytes = 256 * int64(le.Uint16(b[184:]))
		h.begin = date(le.Uint64(b[168:]))
	}
	h.records = int64(le.Uint64(b[236:]))
	if channels < 1 || channels > maxChannels {
		return nil, src.Errorf(252, "number of channels", "is %d, must be from 1 to %d", channels, maxChannels)
	}
	if least := fixedBytes + channelBytes*channels; h.bytes < least || h.bytes > src.Size {
		return nil, src.Errorf(184, "length of header", "is %d bytes, must be at least %d for %d channels and at most the %d of the file", h.bytes, least, channels, src.Size)
	}
	h.all = channels
	num, den := le.Uint32(b[244:]), le.Uint32(b[248:])
	h.duration = float64(num) / float64(den)
	if num == 0 && den != 0 {
		if d := math.Float64frombits(le.Uint64(b[244:])); d > 1e-9 && d < 1e9 {
			src.Deviate(244, "duration of a data record", "is a fraction of two whole numbers", fmt.Sprintf("the float64 %g", d), "that, in seconds")
			h.duration = d
		} else {
			src.Deviate(244, "duration of a data record", "is above 0", "0", "1 s")
			h.duration = 1
		}
	}
	if den == 0 {
		return nil, src.Errorf(248, "duration of a data record", "is %d/%d s, must be a fraction", num, den)
	}
	vars, err := src.Bytes(fixedBytes, channelBytes*channels, "variable header")
	if err != nil {
		return nil, err
	}
	return h, h.variable(src, vars, channels)
}

// oldDate reads YYYYMMDDhhmmsscc.
func (h *header) oldDate(src *flatfile.Source, b []byte) time.Time {
	text := strings.TrimRight(string(b), " \x00")
	if text == "" {
		return time.Time{}
	}
	if len(text) == 14 {
		text += "00"
	}
	if len(text) == 16 {
		if t, err := time.Parse("20060102150405.00", text[:14]+"."+text[14:]); err == nil {
			return t
		}
	}
	src.Deviate(168, "startdate", "is YYYYMMDDhhmmsscc", fmt.Sprintf("%q", text), "the time is not known")
	return time.Time{}
}

// variable reads the channels: their fields lie one kind behind the other, each for all channels.
func (h *header) variable(src *flatfile.Source, b []byte, n int64) error {
	le := binary.LittleEndian
	place := func(before, width, i int64) int64 { return before*n + width*i } // of a field that others lie in front of
	old := h.version < 1.9
	h.channels = make([]channel, 0, n)
	for i := range n {
		c := channel{index: i, at: h.record, unitAt: fixedBytes + place(96, 8, i)}
		c.label, _ = src.Text(cut(b[place(0, 16, i):][:16]))
		dim, _ := src.Text(cut(b[place(96, 8, i):][:8]))
		f := func(before int64) float64 { return math.Float64frombits(le.Uint64(b[place(before, 8, i):])) }
		pmin, pmax, dmin, dmax := f(104), f(112), f(120), f(128)
		scale := units.Parse(dim)
		if old {
			dmin, dmax = float64(int64(le.Uint64(b[place(120, 8, i):]))), float64(int64(le.Uint64(b[place(128, 8, i):])))
		} else {
			dim, _ = src.Text(cut(b[place(96, 6, i):][:6]))
			at := place(102, 2, i)
			c.unitAt = fixedBytes + at
			dim = dimensionOf(le.Uint16(b[at:]), dim)
			scale = units.Parse(dim)
		}
		c.perRecord = int64(le.Uint32(b[place(216, 4, i):]))
		typ, known := types[le.Uint32(b[place(220, 4, i):])]
		if !known {
			return src.Errorf(fixedBytes+place(220, 4, i), "type of data", "of channel %q is %d, must be 1 to 8, 16, 17, 279 or 535", c.label, le.Uint32(b[place(220, 4, i):]))
		}
		c.typ, c.unit, c.dim, c.voltage = typ, scale.Unit, dim, scale.Voltage
		c.gain, c.offset = 1, 0
		if dmax != dmin {
			c.gain = (pmax - pmin) / (dmax - dmin)
			c.offset = pmin - float64(dmin*c.gain)
		} else {
			src.Deviate(fixedBytes+place(120, 8, i), "digital minimum", "is below the digital maximum", fmt.Sprintf("both are %g for %q", dmin, c.label), "stored numbers are in the unit as they are")
		}
		if c.unscaled = pmin == pmax && dmin != dmax; c.unscaled { // mostly nothing was connected, and the others are as good as ever
			src.Deviate(fixedBytes+place(112, 8, i), "physical maximum", "differs from the physical minimum", fmt.Sprintf("both are %g for %q; the physical dimension is %q", pmax, c.label, dim),
				"the numbers that are stored, without a unit; write the true range into both fields to have their values")
			c.gain, c.offset, scale, c.unit, c.dim = 1, 0, units.Parse(""), signal.NoUnit, ""
		}
		c.gain, c.offset = scale.Apply(c.gain), scale.Apply(c.offset)
		if c.gain == 0 || c.gain-c.gain != 0 || c.offset-c.offset != 0 {
			return src.Errorf(fixedBytes+place(104, 8, i), "physical minimum", "of channel %q: physical %g to %g for digital %g to %g cannot be computed with", c.label, pmin, pmax, dmin, dmax)
		}
		if c.perRecord == 0 {
			src.Omit(fixedBytes+place(216, 4, i), "samples per record", "is above 0", fmt.Sprintf("0 for %q: a sparse channel", c.label), "the channel is left out")
			continue
		}
		h.record += c.perRecord * typ.Width()
		if h.record > src.Size {
			return src.Errorf(fixedBytes+place(216, 4, i), "samples per record", "a record has more than %d bytes, more than the file", h.record)
		}
		h.channels = append(h.channels, c)
	}
	if len(h.channels) == 0 {
		return src.Errorf(fixedBytes+place(216, 4, 0), "samples per record", "no channel has samples")
	}
	return nil
}

// cut is text up to the first NUL, without spaces behind.
func cut(b []byte) []byte {
	for i, v := range b {
		if v == 0 {
			b = b[:i]
			break
		}
	}
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// prefixes are the decimal factors of physical dimension codes (ISO/IEEE 11073-10101, table A.6.1): the lower five bits.
var prefixes = map[uint16]string{
	0: "", 1: "da", 2: "h", 3: "k", 4: "M", 5: "G", 6: "T", 7: "P", 8: "E", 9: "Z", 10: "Y",
	16: "d", 17: "c", 18: "m", 19: "µ", 20: "n", 21: "p", 22: "f", 23: "a", 24: "z", 25: "y",
}

// symbols are the units of the codes that recordings have (the same, table A.6.3, as units.csv and the program physicalunits of BioSig give it): the
// upper eleven bits. 65344 and 65504 are BioSig's own, from before the tesla had a code.
var symbols = map[uint16]string{
	512: "", 544: "%", 576: "‰", 608: "ppm", 736: "°", 768: "rad", 1280: "m", 1600: "l", 1728: "g", 2176: "s", 2208: "min", 2240: "h", 2496: "Hz", 2528: "1/min",
	2720: "bpm", 2784: "breaths/min", 2816: "m/s", 3040: "l/s", 3072: "l/min", 3776: "N", 3840: "Pa", 3872: "mmHg", 3904: "cmH2O", 3936: "bar", 3968: "J",
	4032: "W", 4160: "A", 4192: "C", 4224: "A/m", 4256: "V", 4288: "Ω", 4320: "Ωm", 4352: "F", 4384: "K", 4416: "°F", 4480: "cd", 4544: "mol", 4704: "mol/l",
	6048: "°C", 6432: "B", 6624: "m/s²", 6656: "rad/s²", 8192: "T", 8256: "V/s", 8288: "S", 65344: "mol/l mm", 65504: "T",
}

// dimensionOf is the code of a physical dimension in words, or the obsolete text beside it where there is none.
func dimensionOf(code uint16, text string) string {
	if code == 0 {
		return text
	}
	prefix, known := prefixes[code&0x1f]
	symbol, also := symbols[code&^0x1f]
	if !known || !also {
		return fmt.Sprintf("unit %d", code)
	}
	return prefix + symbol
}

// describe names the channels of a group.
func (h *header) describe(src *flatfile.Source, g []channel) *signal.Info {
	labels := make([]string, len(g))
	for i, c := range g {
		labels[i] = c.label
	}
	info := &signal.Info{Rate: float64(g[0].perRecord) / h.duration, Channels: src.Channels(labels, func(i int) int64 { return fixedBytes + 16*g[i].index })}
	for i := range info.Channels {
		ch := &info.Channels[i]
		ch.Unit = g[i].unit
		if !g[i].voltage && !g[i].unscaled && ch.Kind != signal.Misc && ch.Kind != signal.Trigger {
			src.Deviate(g[i].unitAt, "physical dimension", "a unit of voltage for "+strings.ToUpper(string(ch.Kind)), fmt.Sprintf("%q for %q", ch.Unit, ch.Original),
				"nothing: the samples of this channel are in that unit, and may not be µV")
		}
	}
	return info
}
