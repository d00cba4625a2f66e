package blackrock

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

const (
	deviceRate  = 30000         // Hz, of which the period is a multiple
	nanoseconds = 1_000_000_000 // the resolution of stamps by PTP
	header21    = 32            // bytes, before the numbers of the electrodes
	header22    = 314           // bytes, before the descriptions of the channels
	channel22   = 66            // bytes of one of these
)

// nsx is the header of a file with samples.
type nsx struct {
	version    string
	bytes      int64 // where the samples, or the first block of them, begin
	resolution uint64
	stamp      int64 // bytes of a time stamp, 0 where there are none
	ptp        bool  // every sample has its own stamp
	origin     time.Time
	info       *signal.Info
	lay        flatfile.Layout
	stored     []signal.Stored // of each channel
	texts      []signal.Text
}

// reader is samples that are known as integers.
type reader struct {
	*flatfile.Reader

	stored []signal.Stored
}

// Stored is how the file keeps the samples of each channel.
func (r reader) Stored() []signal.Stored { return slices.Clone(r.stored) }

// asTheyAre is stored numbers without a scale.
var asTheyAre = signal.Stored{DigMin: math.MinInt16, DigMax: math.MaxInt16, PhysMin: math.MinInt16, PhysMax: math.MaxInt16}

// rateOf makes a rate of the period, in 1/30,000 s.
func rateOf(src *flatfile.Source, period uint32, at int64) (float64, error) {
	if period == 0 {
		return 0, src.Errorf(at, "period", "is 0, must be at least 1 (of 1/30000 s)")
	}
	return deviceRate / float64(period), nil
}

// multiplexed lays out n channels of int16, behind front bytes of each record.
func (h *nsx) multiplexed(n, front int64) {
	h.lay.Record, h.lay.PerRecord = front+2*n, 1
	for i := range h.lay.Columns {
		c := &h.lay.Columns[i]
		c.At, c.Step, c.Type = front+2*int64(i), 2, flatfile.Int16
	}
}

// read21 reads a header of version 2.1, which knows no scales: they are those of the .nev.
func read21(src *flatfile.Source, events *nev) (*nsx, error) {
	b, err := src.Bytes(0, header21, "header")
	if err != nil {
		return nil, err
	}
	n := int64(le.Uint32(b[28:]))
	if n == 0 || n > (src.Size-header21)/4 {
		return nil, src.Errorf(28, "channel count", "is %d, must be at least 1 and at most the %d that the file has room for", n, (src.Size-header21)/4)
	}
	ids, err := src.Bytes(header21, 4*n, "channel ID")
	if err != nil {
		return nil, err
	}
	h := &nsx{version: "2.1", bytes: header21 + 4*n, resolution: deviceRate, info: &signal.Info{}}
	if h.info.Rate, err = rateOf(src, le.Uint32(b[24:]), 24); err != nil {
		return nil, err
	}
	h.text("label", "", text(b[8:24]), false)
	if events != nil {
		h.origin = events.origin
	}
	labels := make([]string, n)
	for i := range labels {
		id := le.Uint32(ids[4*i:])
		labels[i] = fmt.Sprintf("chan%d", id)
		if id > 128 {
			labels[i] = fmt.Sprintf("ainp%d", id-128)
		}
		if events != nil && id <= math.MaxUint16 && events.labels[uint16(id)] != "" {
			labels[i] = events.labels[uint16(id)]
		}
	}
	at := func(i int) int64 { return header21 + 4*int64(i) }
	h.info.Channels = src.Channels(labels, at)
	h.lay.Columns, h.stored = make([]flatfile.Column, n), make([]signal.Stored, n)
	for i := range labels {
		c := &h.lay.Columns[i]
		factor := events.factor(le.Uint32(ids[4*i:]))
		c.Gain, h.info.Channels[i].Unit = factor/1000, signal.Microvolt
		h.stored[i] = signal.Stored{DigMin: -1000, DigMax: 1000, PhysMin: -factor, PhysMax: factor, Unit: "uV"}
		if factor == 0 {
			c.Gain, h.info.Channels[i].Unit, h.stored[i] = 1, signal.NoUnit, asTheyAre
			src.Deviate(at(i), "channel ID", "the .nev beside the file has the factor from stored numbers to nV", "none for "+labels[i], "stored numbers are handed out, without a unit")
		}
	}
	h.multiplexed(n, 0)
	return h, nil
}

// read22 reads a header of version 2.2 or later.
func read22(src *flatfile.Source) (*nsx, error) {
	b, err := src.Bytes(0, header22, "header")
	if err != nil {
		return nil, err
	}
	h := &nsx{version: fmt.Sprintf("%d.%d", b[8], b[9]), bytes: int64(le.Uint32(b[10:])), resolution: uint64(le.Uint32(b[290:])), stamp: 4, info: &signal.Info{}}
	switch {
	case b[8] == 3:
		h.stamp = 8
	case b[8] != 2 || b[9] < 2:
		return nil, src.Errorf(8, "file spec", "is %s, must be 2.2 to 3.x: newer files are not known here", h.version)
	}
	n := int64(le.Uint32(b[310:]))
	least := header22 + channel22*n
	switch {
	case n == 0 || n > (src.Size-header22)/channel22:
		return nil, src.Errorf(310, "channel count", "is %d, must be at least 1 and at most the %d that the file has room for", n, (src.Size-header22)/channel22)
	case h.bytes < least || h.bytes > src.Size:
		return nil, src.Errorf(10, "bytes in headers", "is %d, must be from %d, which %d channels need, to %d, the size of the file", h.bytes, least, n, src.Size)
	case h.resolution == 0:
		return nil, src.Errorf(290, "time resolution of time stamps", "is 0, must be at least 1 (of a second)")
	}
	if h.bytes > least {
		src.Deviate(10, "bytes in headers", "is what the channels need", fmt.Sprintf("%d, not %d", h.bytes, least), "what lies in between is passed over")
	}
	if h.info.Rate, err = rateOf(src, le.Uint32(b[286:]), 286); err != nil {
		return nil, err
	}
	h.origin = origin(src, b[294:310], 294)
	h.text("label", "", text(b[14:30]), false)
	h.text("comment", "", text(b[30:286]), true)
	c, err := src.Bytes(header22, channel22*n, "extended headers")
	if err != nil {
		return nil, err
	}
	if err := h.channels(src, c, n); err != nil {
		return nil, err
	}
	h.multiplexed(n, 0)
	if h.stamp == 8 && h.resolution == nanoseconds {
		first, err := src.Bytes(h.bytes, min(13, src.Size-h.bytes), "data header")
		if err != nil {
			return nil, err
		}
		if len(first) == 13 && first[0] == 1 && le.Uint32(first[9:]) == 1 {
			h.ptp = true
			h.multiplexed(n, 13)
		}
	}
	return h, nil
}

func (h *nsx) text(field, channel, text string, personal bool) {
	if text != "" {
		h.texts = append(h.texts, signal.Text{Field: field, Channel: channel, Text: text, Personal: personal})
	}
}

// channels reads the extended headers in b.
func (h *nsx) channels(src *flatfile.Source, b []byte, n int64) error {
	labels := make([]string, n)
	at := func(i int) int64 { return header22 + channel22*int64(i) }
	for i := range labels {
		c := b[channel22*i:][:channel22]
		if string(c[:2]) != "CC" {
			return src.Errorf(at(i), "type of extended header", "is %q, must be \"CC\"", c[:2])
		}
		labels[i] = text(c[4:20])
	}
	h.info.Channels = src.Channels(labels, at)
	h.lay.Columns, h.stored = make([]flatfile.Column, n), make([]signal.Stored, n)
	for i := range labels {
		c, channel := b[channel22*i:][:channel22], &h.info.Channels[i]
		var limit [4]float64 // digital and analog, each the least and the most
		for k := range limit {
			limit[k] = float64(int16(le.Uint16(c[22+2*k:])))
		}
		unit := units.Parse(text(c[30:46]))
		channel.Unit = unit.Unit
		if unit.Standard != "" {
			src.Deviate(at(i)+30, "units", "is written as the International System does", fmt.Sprintf("%q", text(c[30:46])), unit.Standard)
		}
		col := &h.lay.Columns[i]
		if limit[1] == limit[0] || limit[3] == limit[2] {
			col.Gain, channel.Unit, h.stored[i] = 1, signal.NoUnit, asTheyAre
			src.Deviate(at(i)+22, "min and max digital and analog value", "differ", fmt.Sprintf("%v for %q", limit, labels[i]), "stored numbers are handed out, without a unit")
		} else {
			h.stored[i] = signal.Stored{DigMin: int64(limit[0]), DigMax: int64(limit[1]), PhysMin: limit[2], PhysMax: limit[3], Unit: text(c[30:46])}
			steps := limit[1] - limit[0]
			col.Gain = unit.Apply((limit[3] - limit[2]) / steps)
			col.Offset = unit.Apply((limit[2]*limit[1] - limit[3]*limit[0]) / steps) // products of 16 bits are exact: 0 stays 0
		}
		if !unit.Voltage && channel.Kind == signal.EEG {
			src.Deviate(at(i)+30, "units", "a voltage (uV, mV, V, nV) for EEG", fmt.Sprintf("%q for %q", text(c[30:46]), labels[i]), "the samples are in that unit")
		}
		for _, f := range []struct {
			field string
			at    int
		}{{"high frequency corner", 46}, {"low frequency corner", 56}} {
			if corner, typ := le.Uint32(c[f.at:]), le.Uint16(c[f.at+8:]); typ != 0 {
				kind := map[uint16]string{1: "Butterworth", 2: "Chebyshev"}[typ]
				if kind == "" {
					kind = fmt.Sprintf("type %d", typ)
				}
				h.text(f.field, channel.Name, fmt.Sprintf("%g Hz, order %d, %s", float64(corner)/1000, le.Uint32(c[f.at+4:]), kind), false)
			}
		}
	}
	return nil
}

// begin is when sample 0 was measured.
func (h *nsx) begin(src *flatfile.Source, c *clock) time.Time {
	if h.origin.IsZero() || h.stamp == 0 {
		return h.origin
	}
	first := c.seconds(c.eras[0][0].stamp)
	if first > longestSession {
		src.Deviate(h.bytes+1, "time stamp", "counts from the time origin in the header", fmt.Sprintf("%.0f s at the first sample", first), "it counts from elsewhere, and the recording began at the time origin")
		return h.origin
	}
	return h.origin.Add(time.Duration(math.Round(first * 1e9)))
}

// longestSession is how long, in seconds, stamps may have run before a file begins to count from its time origin: 100 days.
const longestSession = 100 * 86400

// plural is "1 block", "2 blocks".
func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, strings.TrimSuffix(what, "s"))
}
