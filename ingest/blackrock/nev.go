package blackrock

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

const (
	headerNEV   = 336
	extended    = 32
	maxPacket   = 1 << 16
	chunkBytes  = 1 << 18 // that are read at once
	disorder    = 0.05    // s by which a packet may be earlier than the one before: spikes are written when their waveform is complete
	restart     = "critical load restart"
	overflow    = 21516 // a factor of 152592.547 nV, of analog inputs, in 16 bits as some versions wrote it
	overflown   = 152592.547
	lastSpike   = 0x7fff // numbers of channels
	idComment   = 0xffff
	idVideo     = 0xfffe
	idTracking  = 0xfffd
	idButton    = 0xfffc
	idConfigure = 0xfffb
)

// others are packets that are counted only.
var others = map[uint16]string{idVideo: "video synchronisation", idTracking: "tracking", idButton: "button", idConfigure: "configuration"}

// nev is a file of events.
type nev struct {
	src        *flatfile.Source
	version    string
	bytes      int64 // of the headers
	packet     int64
	stamp      int64 // bytes of a time stamp
	resolution uint64
	origin     time.Time
	texts      []signal.Text
	labels     map[uint16]string
	factors    map[uint16]uint16 // nV

	packets []packet
	eras    int      // how often the clock began
	labelOf []string // of the events

	names  map[uint32]uint32 // places in labelOf of labels that come again and again
	counts map[uint16]int64  // packets that are not read
	analog int64
}

// packet is one event.
type packet struct {
	stamp uint64
	era   int32
	label uint32 // place in labelOf
}

// readNEV reads headers and packets.
func readNEV(src *flatfile.Source) (*nev, error) {
	b, err := src.Bytes(0, headerNEV, "header")
	if err != nil {
		return nil, err
	}
	n := &nev{
		src: src, version: fmt.Sprintf("%d.%d", b[8], b[9]), bytes: int64(le.Uint32(b[12:])), packet: int64(le.Uint32(b[16:])), stamp: 4,
		resolution: uint64(le.Uint32(b[20:])), labels: map[uint16]string{}, factors: map[uint16]uint16{}, names: map[uint32]uint32{}, counts: map[uint16]int64{},
	}
	if id := string(b[:8]); id != events21 && id != events30 {
		return nil, src.Errorf(0, "file type", "is %q, must be %s or %s", id, events21, events30)
	}
	switch {
	case b[8] == 3:
		n.stamp = 8
	case b[8] != 2 || b[9] < 1:
		return nil, src.Errorf(8, "file spec", "is %s, must be 2.1 to 3.x: others are not known here", n.version)
	}
	count := int64(le.Uint32(b[332:]))
	least := n.stamp + 8 // with the text of a comment
	switch {
	case count > (src.Size-headerNEV)/extended:
		return nil, src.Errorf(332, "number of extended headers", "is %d, the file has room for %d", count, (src.Size-headerNEV)/extended)
	case n.bytes < headerNEV+extended*count || n.bytes > src.Size:
		return nil, src.Errorf(12, "bytes in headers", "is %d, must be from %d, which %d extended headers need, to %d, the size of the file", n.bytes, headerNEV+extended*count, count, src.Size)
	case n.packet < least || n.packet > maxPacket:
		return nil, src.Errorf(16, "bytes in data packets", "is %d, must be from %d to %d", n.packet, least, maxPacket)
	case n.resolution == 0:
		return nil, src.Errorf(20, "time resolution of time stamps", "is 0, must be at least 1 (of a second)")
	}
	n.origin = origin(src, b[28:44], 28)
	n.text("application", text(b[44:76]), false)
	n.text("comment", text(b[76:332]), true)
	ext, err := src.Bytes(headerNEV, extended*count, "extended headers")
	if err != nil {
		return nil, err
	}
	n.extended(ext)
	return n, n.read()
}

func (n *nev) text(field, text string, personal bool) {
	if text != "" {
		n.texts = append(n.texts, signal.Text{Field: "NEV " + field, Text: text, Personal: personal})
	}
}

// extended reads the headers of b.
func (n *nev) extended(b []byte) {
	continued := ""
	for ; len(b) > 0; b = b[extended:] {
		id := le.Uint16(b[8:])
		switch string(b[:8]) {
		case "NEUEVWAV":
			n.factors[id] = le.Uint16(b[12:])
		case "NEUEVLBL":
			n.labels[id] = text(b[10:26])
		case "ARRAYNME":
			n.text("electrode array", text(b[8:32]), false)
		case "ECOMMENT", "CCOMMENT": // one text in pieces
			piece, _, _ := bytes.Cut(b[8:32], []byte{0})
			continued += string(piece)
		case "MAPFILE\x00":
			n.text("map file", text(b[8:32]), false)
		}
	}
	n.text("extra comment", text([]byte(continued)), true)
}

// factor is nV to a stored number of a channel, 0 where it is not known.
func (n *nev) factor(id uint32) float64 {
	if n == nil || id > lastSpike {
		return 0
	}
	f := n.factors[uint16(id)]
	if f == overflow {
		n.src.Deviate(headerNEV, "digitization factor", "is in nV", fmt.Sprintf("%d, which is what 16 bits leave of %g", f, overflown), fmt.Sprintf("%g nV", overflown))
		return overflown
	}
	return float64(f)
}

// read follows the packets through the file.
func (n *nev) read() error {
	total := (n.src.Size - n.bytes) / n.packet
	if rest := n.src.Size - n.bytes - total*n.packet; rest > 0 {
		n.src.Deviate(n.bytes+total*n.packet, "data packets", "the file ends with a whole packet", plural(rest, "byte")+" more: the file was cut", "they are left out")
	}
	per := max(1, chunkBytes/n.packet)
	buf := make([]byte, min(per, total)*n.packet)
	n.eras, n.packets = 1, make([]packet, 0, total)
	newest, restarted := uint64(0), false
	for k := int64(0); k < total; k += per {
		m := min(per, total-k)
		at := n.bytes + k*n.packet
		if err := n.src.Read(buf[:m*n.packet], at, "data packets"); err != nil {
			return err
		}
		for b := buf[:m*n.packet]; len(b) > 0; b, at = b[n.packet:], at+n.packet {
			stamp := uint64(le.Uint32(b))
			if n.stamp == 8 {
				stamp = le.Uint64(b)
			}
			label, restarts, is := n.label(b[n.stamp:n.packet])
			if !is {
				continue
			}
			if stamp < newest && (restarted || restarts || float64(newest-stamp) > disorder*float64(n.resolution)) {
				n.eras++
				newest = stamp
			}
			newest, restarted = max(newest, stamp), restarts
			n.packets = append(n.packets, packet{stamp, int32(n.eras - 1), label})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(n.counts)) {
		name := others[id]
		if name == "" {
			name = "unknown kind"
		}
		list := n.src.Omit
		if id == idConfigure { // what the device was set to is no event
			list = n.src.Deviate
		}
		list(n.bytes, fmt.Sprintf("packet ID %d", id), "packets of spikes, digital and serial input, and comments are read", plural(n.counts[id], "packet")+" ("+name+")", "left out")
	}
	if n.analog > 0 {
		n.src.Omit(n.bytes, "packet insertion reason", "packets of digital and serial input are read", plural(n.analog, "packet")+" of analog inputs or periodic sampling", "left out")
	}
	return nil
}

// label is that of the event of a packet, from its ID on; is says whether it makes one, and restarts that the device began anew.
func (n *nev) label(b []byte) (label uint32, restarts, is bool) {
	id := le.Uint16(b)
	switch {
	case id == 0:
		reason, value := b[2], le.Uint16(b[4:])
		switch {
		case reason&1 == 0:
			n.analog++
			return 0, false, false
		case reason&0x80 != 0:
			return n.name(1<<16|uint32(value), func() string { return "serial/" + strconv.Itoa(int(value)) }), false, true
		}
		return n.name(uint32(value), func() string { return "digital/" + strconv.Itoa(int(value)) }), false, true
	case id <= lastSpike:
		return n.name(uint32(id)<<17|uint32(b[2]), func() string { return n.spike(id, b[2]) }), false, true
	case id == idComment:
		comment := text(b[8:])
		if b[2] == 1 {
			comment = wide(b[8:])
		}
		return n.add("comment/" + comment), comment == restart, true
	}
	n.counts[id]++
	return 0, false, false
}

// add keeps a label.
func (n *nev) add(label string) uint32 {
	if len(n.labelOf) == cap(n.labelOf) {
		n.labelOf = slices.Grow(n.labelOf, max(64, len(n.labelOf))) // doubled: append would copy a long list five times
	}
	n.labelOf = append(n.labelOf, label)
	return uint32(len(n.labelOf) - 1)
}

// name keeps a label once.
func (n *nev) name(key uint32, label func() string) uint32 {
	at, known := n.names[key]
	if !known {
		at = n.add(label())
		n.names[key] = at
	}
	return at
}

// numbered is the label of an electrode that has no other.
var numbered = regexp.MustCompile(`^(?:elec|chan|ch)?-?[0-9]{0,5}$`)

// coined are the labels of events that nobody has typed: inputs, and spikes of electrodes that have a number alone, or are channels of info.
func (n *nev) coined(info *signal.Info) []string {
	var all []string
	for key, at := range n.names {
		name := n.labels[uint16(key>>17)]
		if key>>17 == 0 || numbered.MatchString(name) || slices.ContainsFunc(info.Channels, func(c signal.Channel) bool { return c.Original == name }) {
			all = append(all, n.labelOf[at])
		}
	}
	slices.Sort(all)
	return all
}

// spike is the label of a spike of a unit: 0 has not been sorted, 255 is noise.
func (n *nev) spike(id uint16, unit byte) string {
	channel := n.labels[id]
	if channel == "" {
		channel = strconv.Itoa(int(id))
	}
	switch unit {
	case 0:
		return "spike/" + channel + "/unsorted"
	case 255:
		return "spike/" + channel + "/noise"
	}
	return "spike/" + channel + "/" + strconv.Itoa(int(unit))
}

// joined is the events at the samples of c.
func (n *nev) joined(src *flatfile.Source, c *clock) []signal.Event {
	shift := len(c.eras) - n.eras
	if shift != 0 && len(n.packets) > 0 {
		src.Add("eras", signal.Deviation{
			Where: n.src.Name, Rule: "the clock begins as often as in the samples", Found: fmt.Sprintf("%d times, and %d times in the samples", n.eras, len(c.eras)),
			Assumed: "the last one is the same in both, and so on back; what comes before the first of the samples is taken to be of that",
		})
	}
	events := make([]signal.Event, len(n.packets))
	for i, p := range n.packets {
		sample, onset := c.at(c.convert(p.stamp, n.resolution), c.eras[max(0, int(p.era)+shift)])
		events[i] = signal.Event{Sample: sample, Onset: onset, Label: n.labelOf[p.label]}
	}
	slices.SortStableFunc(events, func(a, b signal.Event) int {
		return cmp.Or(cmp.Compare(a.Sample, b.Sample), cmp.Compare(a.Onset, b.Onset))
	})
	return events
}

// alone is the events of a file without samples: their onset counts from the time origin, or from the first one where stamps
// count from elsewhere. Where the clock was set, they go on behind the last one.
func (n *nev) alone() []signal.Event {
	c := &clock{resolution: n.resolution}
	first := make([]uint64, n.eras)
	base := make([]float64, n.eras)
	events := make([]signal.Event, len(n.packets))
	last, era := 0.0, int32(0)
	for i, p := range n.packets {
		switch {
		case i == 0 && c.seconds(p.stamp) > longestSession:
			first[0] = p.stamp
			n.src.Deviate(n.bytes, "time stamp", "counts from the time origin in the header", fmt.Sprintf("%.0f s at the first packet", c.seconds(p.stamp)), "it counts from elsewhere, and the first packet came at the time origin")
		case p.era > era:
			era, first[p.era], base[p.era] = p.era, p.stamp, last
			n.src.Deviate(n.bytes+int64(i)*n.packet, "time stamp", "grows steadily", fmt.Sprintf("%d behind the others", p.stamp), "the clock was set there, for an unknown time: onsets go on behind the last event")
		}
		onset := base[p.era] + c.since(p.stamp, first[p.era])
		events[i] = signal.Event{Onset: onset, Label: n.labelOf[p.label]}
		last = max(last, onset)
	}
	slices.SortStableFunc(events, func(a, b signal.Event) int { return cmp.Compare(a.Onset, b.Onset) })
	return events
}
