package fif

import (
	"encoding/binary"
	"math"
	"strings"
	"time"
)

// content is what is collected of the tags of a file.
type content struct {
	count       int64 // of channels, as the file says
	rate        float64
	rateAt      int64
	date        time.Time // zero where unknown
	chans       []channelTag
	longNames   []string // one for each channel, or none
	raw         map[int32]*buffers
	rawAt       map[int32]int64 // of the block
	bad         names
	projections []projection
	refs        []fileRef
	annotations annotations
	events      *eventList  // nil where the file has none
	noEvents    error       // why the list cannot be read
	people      [][2]string // what may say who was recorded, or by whom
	other       string      // what a file without raw data holds instead
}

// channelTag is a channel as the file describes it.
type channelTag struct {
	at               int64
	kind             int32
	scale, cal       float64 // scale is called range in the format
	loc              [3]float64
	unit, multiplier int32
	name             string
}

// projection is a projection that was, or was not, applied to the samples.
type projection struct {
	at     int64
	kind   int32
	active bool
	name   string
}

// fileRef is a reference to another part of a recording that is split into several files.
type fileRef struct {
	at   int64
	role int32
	name string
}

const (
	projAverageRef = 10 // the kind of a projection

	// What another file is to a part of a recording.
	rolePrevious = 1
	roleNext     = 2
)

// rawBlocks are the blocks that hold samples, the first that has some counts.
var rawBlocks = []int32{blockRaw, blockContinuous, blockShielded}

// collect walks through the file.
func collect(s *source) (*content, error) {
	c := &content{raw: map[int32]*buffers{}, rawAt: map[int32]int64{}}
	err := s.walk(func(t tag, in block) error {
		if what := otherFiles[in.kind]; what != "" && c.other == "" {
			c.other = what
		}
		if field := personal[in.kind][t.kind]; field != "" {
			return c.person(s, t, field)
		}
		switch in.kind {
		case blockInfo:
			return c.info(s, t)
		case blockChannel:
			if t.kind == tagLongName {
				name, err := s.text(t, "name of channel")
				c.longNames = append(c.longNames, name)
				return err
			}
		case blockRaw, blockContinuous, blockShielded:
			at, seen := c.rawAt[in.kind]
			if !seen {
				c.raw[in.kind], c.rawAt[in.kind], at = &buffers{}, in.at, in.at
			}
			if at != in.at {
				if t.kind == tagBuffer {
					s.deviateOnce(in.at, "raw data", "one block of raw data", "another one", "only the first is read")
				}
				return nil
			}
			return c.raw[in.kind].add(s, t, c.count)
		case blockBad:
			if t.kind == tagNames {
				names, err := s.names(t, "bad channels")
				c.bad = names
				return err
			}
		case blockProjItem:
			return c.projection(s, t, in)
		case blockReference:
			return c.reference(s, t, in)
		case blockAnnotations:
			c.annotations.add(s, t)
		case blockEvents:
			if t.kind == tagEventList && c.events == nil {
				c.events, c.noEvents = readEvents(s, t)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.annotations.check(s)
	return c, nil
}

// info takes in a tag of the measurement info.
func (c *content) info(s *source, t tag) error {
	switch t.kind {
	case tagNumChannels:
		n, err := s.integer(t, "number of channels")
		if err != nil {
			return err
		}
		if c.count != 0 {
			return s.errorf(t.at, "number of channels", "comes a second time: a file describes one measurement")
		}
		if n < 1 || int64(n) > s.size/bytesOfChannel {
			return s.errorf(t.data(), "number of channels", "is %d, must be at least 1 and no more than the file has room for", n)
		}
		c.count = int64(n)
	case tagRate:
		rate, err := s.float(t, "sampling frequency")
		if err != nil {
			return err
		}
		if !(rate > 0) || math.IsInf(rate, 0) { // also catches NaN
			return s.errorf(t.data(), "sampling frequency", "is %g Hz, must be above 0 and finite", rate)
		}
		c.rate, c.rateAt = rate, t.data()
	case tagDate:
		date, err := readDate(s, t)
		c.date = date
		return err
	case tagChannel:
		ch, err := readChannel(s, t)
		if c.chans == nil { // as many as the file says, and has room for
			c.chans = make([]channelTag, 0, min(max(0, c.count), s.size/(bytesOfTag+bytesOfChannel)))
		}
		c.chans = append(c.chans, ch)
		return err
	}
	return nil
}

// readDate reads seconds and microseconds since 1970; the second number may be missing, and both may be floating-point.
func readDate(s *source, t tag) (time.Time, error) {
	var v []float64
	var err error
	if t.typ == typeFloat || t.typ == typeDouble {
		v, err = s.floats(t, "date")
	} else {
		var whole []int32
		whole, err = s.ints(t, "date")
		for _, n := range whole {
			v = append(v, float64(n))
		}
	}
	if err != nil {
		return time.Time{}, err
	}
	if len(v) == 1 {
		v = append(v, 0)
	}
	if len(v) != 2 {
		return time.Time{}, s.errorf(t.at, "date", "%d numbers, must be seconds and microseconds", len(v))
	}
	if !(math.Abs(v[0]) < 1e11 && math.Abs(v[1]) < 1e11) { // also catches NaN
		return time.Time{}, s.errorf(t.data(), "date", "is %g s and %g µs since 1970, which is no date", v[0], v[1])
	}
	seconds := math.Floor(v[0])
	return time.Unix(int64(seconds), int64(math.Round((v[0]-seconds)*1e9+v[1]*1e3))).UTC(), nil
}

func readChannel(s *source, t tag) (channelTag, error) {
	if t.size != bytesOfChannel {
		return channelTag{}, s.errorf(t.at+8, "channel", "has %d bytes, must have %d", t.size, bytesOfChannel)
	}
	b, err := s.bytes(t, "channel")
	if err != nil {
		return channelTag{}, err
	}
	integer := func(at int) int32 { return int32(binary.BigEndian.Uint32(b[at:])) }
	name := b[80:]
	if i := strings.IndexByte(string(name), 0); i >= 0 {
		name = name[:i]
	}
	return channelTag{
		at: t.data(), kind: integer(8), scale: float32At(b[12:]), cal: float32At(b[16:]),
		loc:  [3]float64{float32At(b[24:]), float32At(b[28:]), float32At(b[32:])},
		unit: integer(72), multiplier: integer(76), name: s.decode(name),
	}, nil
}

func (c *content) projection(s *source, t tag, in block) error {
	if n := len(c.projections); n == 0 || c.projections[n-1].at != in.at {
		c.projections = append(c.projections, projection{at: in.at})
	}
	p := &c.projections[len(c.projections)-1]
	switch t.kind {
	case tagProjKind:
		v, err := s.integer(t, "kind of projection")
		p.kind = v
		return err
	case tagProjActive:
		v, err := s.integer(t, "projection applied")
		p.active = v != 0
		return err
	case tagProjName:
		name, err := s.text(t, "name of projection")
		p.name = name
		return err
	}
	return nil
}

func (c *content) reference(s *source, t tag, in block) error {
	if n := len(c.refs); n == 0 || c.refs[n-1].at != in.at {
		c.refs = append(c.refs, fileRef{at: in.at})
	}
	r := &c.refs[len(c.refs)-1]
	switch t.kind {
	case tagRefRole:
		v, err := s.integer(t, "role of the other file")
		r.role = v
		return err
	case tagRefName:
		name, err := s.text(t, "name of the other file")
		r.name = name
		return err
	}
	return nil
}

// samples is the index of the raw data, in a file whose description is complete.
func (c *content) samples(s *source) (*buffers, error) {
	raw := c.firstRaw(s)
	switch {
	case raw == nil && c.other != "":
		return nil, s.errorf(0, "raw data", "there is none, the file holds %s: open the continuous recording it was made from", c.other)
	case raw == nil && c.events != nil:
		return nil, s.errorf(c.events.at, "events", "the file holds %d events and no samples: open the recording beside it (such as %s), it is read with it", len(c.events.list), recordingBeside(s.name))
	case raw == nil && c.noEvents != nil:
		return nil, c.noEvents
	case c.count == 0:
		return nil, s.missing("measurement info", "there is none: the file describes no channels")
	case c.count != int64(len(c.chans)):
		return nil, s.missing("number of channels", "is %d, but %d channels are described", c.count, len(c.chans))
	case c.rate == 0:
		return nil, s.missing("sampling frequency", "there is none")
	case len(c.longNames) > 0 && len(c.longNames) != len(c.chans):
		return nil, s.missing("names of channels", "there are %d long names for %d channels", len(c.longNames), len(c.chans))
	case raw == nil:
		return nil, s.missing("raw data", "there is none")
	}
	return raw, nil
}

// firstRaw is the index of the block of raw data that counts, nil where there is no sample.
func (c *content) firstRaw(s *source) *buffers {
	for _, kind := range rawBlocks {
		b := c.raw[kind]
		if b == nil || b.list.Len() == 0 {
			continue
		}
		if kind == blockShielded {
			s.deviate(c.rawAt[kind], "raw data", "magnetic channels as they were measured", "a recording with internal active shielding, which MaxFilter must take out", "nothing: electric channels are not concerned, magnetic ones hold the shielding's field")
		}
		return b
	}
	return nil
}

// recordingBeside is what the recording of a file of events is usually called.
func recordingBeside(events string) string {
	for _, end := range []string{"-eve.fif", "_eve.fif"} {
		if stem, cut := strings.CutSuffix(events, end); cut {
			return strings.TrimSuffix(stem, "_raw") + "_raw.fif"
		}
	}
	return "s1_raw.fif for s1-eve.fif"
}
