package lsl

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

const (
	protocolVersion = 110

	// maxChannels is far above what devices have; it bounds what a header from the network makes us allocate.
	maxChannels = 1 << 16

	minRate, maxRate = 1e-4, 1e9 // Hz; a sample every three hours, a thousand in a microsecond
)

// StreamInfo describes a stream: the part before UID is chosen by who makes it, the rest by the outlet.
type StreamInfo struct {
	Name     string  `json:"name"`
	Type     string  `json:"type"` // "EEG", "Markers"
	Channels int     `json:"channels"`
	Rate     float64 `json:"rate_hz"` // 0 for samples at irregular times
	Format   Format  `json:"-"`
	SourceID string  `json:"source_id"` // names the device, the same after a restart; "" means that a lost stream cannot be found again
	// Desc is the element <desc>: the channels and whatever else; nil where there is none, or where it was not asked for.
	Desc *Element `json:"-"`

	UID       string     `json:"uid"`        // of this outlet, new each time
	SessionID string     `json:"session_id"` // "default" unless the laboratory sets one
	Hostname  string     `json:"hostname"`
	CreatedAt float64    `json:"created_at_s"` // on the sender's clock
	Version   int        `json:"version"`      // of the protocol that made the description, 110 for 1.10
	Addr      netip.Addr `json:"address"`      // where it answered from; the zero Addr for one of our own
	DataPort  uint16     `json:"data_port"`    // TCP
	TimePort  uint16     `json:"service_port"` // UDP
	// The same over IPv6; 0 where it is not offered over IPv6.
	DataPort6 uint16 `json:"data_port_ipv6,omitempty"`
	TimePort6 uint16 `json:"service_port_ipv6,omitempty"`
}

// Validate reports the first thing that no stream can have.
func (i *StreamInfo) Validate() error {
	switch {
	case i.Name == "":
		return errors.New("the stream has no name")
	case i.Channels < 1 || i.Channels > maxChannels:
		return fmt.Errorf("stream %q has %d channels, must be 1 to %d", i.Name, i.Channels, maxChannels)
	case i.Rate != 0 && !(minRate <= i.Rate && i.Rate <= maxRate):
		return fmt.Errorf("stream %q has a rate of %g Hz, must be 0 (irregular) or %g to %g", i.Name, i.Rate, minRate, maxRate)
	case !i.Format.valid():
		return fmt.Errorf("stream %q has the %s, must be one of those of LSL", i.Name, i.Format)
	}
	return nil
}

// String is a line for people.
func (i *StreamInfo) String() string {
	rate := "irregular"
	if i.Rate > 0 {
		rate = fmt.Sprintf("%g Hz", i.Rate)
	}
	s := fmt.Sprintf("%q (type %q, %d × %s, %s", i.Name, i.Type, i.Channels, i.Format, rate)
	if i.SourceID != "" {
		s += fmt.Sprintf(", source_id %q", i.SourceID)
	}
	if i.Addr.IsValid() {
		s += ", at " + i.Endpoint().String()
	}
	return s + ")"
}

// Endpoint is where the samples are, over the family of addresses over which it answered.
func (i *StreamInfo) Endpoint() netip.AddrPort {
	if familyOf(i.Addr) == v6 {
		return netip.AddrPortFrom(i.Addr, i.DataPort6)
	}
	return netip.AddrPortFrom(i.Addr, i.DataPort)
}

// timeEndpoint is where questions for the time go.
func (i *StreamInfo) timeEndpoint() netip.AddrPort {
	if familyOf(i.Addr) == v6 {
		return netip.AddrPortFrom(i.Addr, i.TimePort6)
	}
	return netip.AddrPortFrom(i.Addr, i.TimePort)
}

// number is v as liblsl writes it: C's %#.16g.
func number(v float64) string { return fmt.Sprintf("%#.16g", v) }

// element is i as the protocol's document. full has the description, too.
func (i *StreamInfo) element(full bool) *Element {
	e := &Element{Name: "info"}
	port := func(p uint16) string { return strconv.Itoa(int(p)) }
	for _, f := range [...][2]string{
		{"name", i.Name},
		{"type", i.Type},
		{"channel_count", strconv.Itoa(i.Channels)},
		{"channel_format", i.Format.String()},
		{"source_id", i.SourceID},
		{"nominal_srate", number(i.Rate)},
		{"version", number(float64(i.Version) / 100)},
		{"created_at", number(i.CreatedAt)},
		{"uid", i.UID},
		{"session_id", i.SessionID},
		{"hostname", i.Hostname},
		{"v4address", ""},
		{"v4data_port", port(i.DataPort)},
		{"v4service_port", port(i.TimePort)},
		{"v6address", ""},
		{"v6data_port", port(i.DataPort6)},
		{"v6service_port", port(i.TimePort6)},
	} {
		e.Add(f[0], f[1])
	}
	desc := &Element{Name: "desc"}
	if full && i.Desc != nil {
		desc.Children, desc.Text = i.Desc.Children, i.Desc.Text
	}
	e.Children = append(e.Children, desc)
	return e
}

// document is i as the bytes that travel.
func (i *StreamInfo) document(full bool) []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\"?>\n<info>\n")
	for _, c := range i.element(full).Children {
		// pugixml writes a text that was set to "" as <name></name>, an element without one as <name />
		if c.Name != "desc" && c.Text == "" {
			fmt.Fprintf(&b, "\t<%s></%s>\n", c.Name, c.Name)
			continue
		}
		c.write(&b, 1)
	}
	b.WriteString("</info>\n")
	return b.Bytes()
}

// parseInfo reads what document writes, from whoever wrote it. Addr is left to the caller.
func parseInfo(data []byte) (*StreamInfo, error) {
	e, err := parseElement(data)
	if err != nil {
		return nil, err
	}
	if e.Name != "info" {
		return nil, fmt.Errorf("the description is a <%.40s>, must be an <info>", e.Name)
	}
	p := infoParser{e: e}
	i := &StreamInfo{
		Name: p.text("name"), Type: p.text("type"), Channels: int(p.whole("channel_count", maxChannels)), Rate: p.number("nominal_srate"),
		SourceID: p.text("source_id"), UID: p.text("uid"), SessionID: p.text("session_id"), Hostname: p.text("hostname"),
		CreatedAt: p.number("created_at"), DataPort: uint16(p.whole("v4data_port", math.MaxUint16)), TimePort: uint16(p.whole("v4service_port", math.MaxUint16)),
		DataPort6: p.port6("v6data_port"), TimePort6: p.port6("v6service_port"),
		Version: int(math.Round(100 * p.number("version"))), Desc: e.Child("desc"),
	}
	if p.err == nil {
		i.Format, p.err = ParseFormat(p.text("channel_format"))
	}
	switch {
	case p.err != nil && i.Name != "":
		return nil, fmt.Errorf("stream %.40q: %w", i.Name, p.err)
	case p.err != nil:
		return nil, p.err
	case i.UID == "":
		return nil, fmt.Errorf("stream %q has no uid", i.Name)
	case i.Version < 1 || i.Version > 10_000:
		return nil, fmt.Errorf("stream %q has version %g, must be like 1.1", i.Name, float64(i.Version)/100)
	}
	return i, i.Validate()
}

type infoParser struct {
	e   *Element
	err error // the first
}

func (p *infoParser) text(name string) string {
	c := p.e.Child(name)
	if c == nil {
		if p.err == nil {
			p.err = fmt.Errorf("the description has no <%s>", name)
		}
		return ""
	}
	return c.Text
}

// port6 is a port of IPv6, 0 where there is none: who speaks IPv4 alone may leave it out.
func (p *infoParser) port6(name string) uint16 {
	c := p.e.Child(name)
	if c == nil {
		return 0
	}
	v, err := strconv.ParseUint(strings.TrimSpace(c.Text), 10, 16)
	if err != nil {
		return 0
	}
	return uint16(v)
}

func (p *infoParser) number(name string) float64 {
	s := strings.TrimSpace(p.text(name))
	v, err := strconv.ParseFloat(s, 64)
	if p.err == nil && (err != nil || v-v != 0) { // the difference to itself is 0 only for finite numbers
		p.err = fmt.Errorf("<%s> is %.40q, must be a number", name, s)
	}
	return v
}

func (p *infoParser) whole(name string, most int64) int64 {
	s := strings.TrimSpace(p.text(name))
	v, err := strconv.ParseInt(s, 10, 64)
	if p.err == nil && (err != nil || v < 0 || v > most) {
		p.err = fmt.Errorf("<%s> is %.40q, must be a whole number from 0 to %d", name, s, most)
	}
	return v
}

// hostname is the name of this machine, "" where it has none.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}
