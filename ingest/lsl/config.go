package lsl

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Scope says how far queries for streams travel.
type Scope int

// The scopes, each with all of the ones before it. Site is liblsl's default.
const (
	Machine Scope = iota
	Link
	Site
	Organization
	Global
)

var scopes = [...]struct {
	name string
	ttl  int
	to   []string
}{
	Machine:      {"machine", 0, []string{"127.0.0.1", "::1"}},
	Link:         {"link", 1, []string{"255.255.255.255", "224.0.0.1", "224.0.0.183", "ff02:113d:6fdd:2c17:a643:ffe2:1bd1:3cd2"}},
	Site:         {"site", 24, []string{"239.255.172.215", "ff05:113d:6fdd:2c17:a643:ffe2:1bd1:3cd2"}},
	Organization: {"organization", 32, []string{"ff08:113d:6fdd:2c17:a643:ffe2:1bd1:3cd2"}},
	Global:       {"global", 255, []string{"ff0e:113d:6fdd:2c17:a643:ffe2:1bd1:3cd2"}},
}

// ParseScope is the scope called name.
func ParseScope(name string) (Scope, error) {
	var known []string
	for s, x := range scopes {
		if x.name == name {
			return Scope(s), nil
		}
		known = append(known, x.name)
	}
	return 0, fmt.Errorf("%q is no scope, must be one of %s", name, strings.Join(known, ", "))
}

// String is its name.
func (s Scope) String() string { return scopes[s].name }

// Config says how this program takes part in the network. DefaultConfig has what is usual.
type Config struct {
	// Listen is the address on which outlets listen. The default, 127.0.0.1, keeps them on this machine: LSL has no
	// passwords and no encryption. 0.0.0.0 offers them on every interface, as liblsl does.
	Listen netip.Addr
	// Scope, Groups and Peers say where queries for streams go: to the addresses of the scope, to more groups, and to each
	// port of machines that are known by name or address. The ports of this machine are always asked.
	Scope  Scope
	Groups []netip.Addr
	Peers  []string

	// IPv6 offers and looks for streams over IPv6 as well as over IPv4. Outlets then listen on ::1 where Listen is 127.0.0.1, on
	// :: where it is 0.0.0.0, and over IPv4 alone where it is any other address.
	IPv6 bool

	DiscoveryPort uint16 // UDP, where queries are sent: 16571
	BasePort      uint16 // the first of the ports that outlets take: 16572
	PortRange     uint16 // how many there are: 32
	SessionID     string // only streams of the same session see each other: "default"
}

// DefaultConfig is liblsl's, but for Listen.
func DefaultConfig() Config {
	return Config{
		Listen: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Scope: Site,
		DiscoveryPort: 16571, BasePort: 16572, PortRange: 32, SessionID: "default",
	}
}

// check reports what cannot be.
func (c *Config) check() error {
	switch {
	case !c.Listen.Is4():
		return fmt.Errorf("the address to listen on is %s, must be one of IPv4", c.Listen)
	case c.Scope < Machine || c.Scope > Global:
		return fmt.Errorf("scope is %d, must be %d to %d", c.Scope, Machine, Global)
	case c.DiscoveryPort == 0 || c.BasePort == 0:
		return errors.New("the discovery port and the base port must not be 0")
	case c.PortRange == 0 || int(c.BasePort)+int(c.PortRange) > 1<<16:
		return fmt.Errorf("ports %d to %d, must be at least one and at most 65535", c.BasePort, int(c.BasePort)+int(c.PortRange)-1)
	case c.SessionID == "" || strings.ContainsAny(c.SessionID, "'\"\r\n"):
		return fmt.Errorf("session ID is %q, must not be empty nor hold quotes", c.SessionID)
	}
	return nil
}

// targets are the addresses of one family that queries go to on the discovery port, this machine first.
func (c *Config) targets(f family) []netip.Addr {
	var all []netip.Addr
	for _, s := range scopes[:c.Scope+1] {
		for _, a := range s.to {
			all = append(all, netip.MustParseAddr(a))
		}
	}
	return slices.DeleteFunc(append(all, c.Groups...), func(a netip.Addr) bool { return familyOf(a) != f })
}

// MulticastGroups are the groups that queries are sent to over IPv4, but for the one of all hosts.
func (c *Config) MulticastGroups() []netip.Addr {
	return slices.DeleteFunc(c.targets(v4), func(a netip.Addr) bool { return !a.IsMulticast() || a == netip.AddrFrom4([4]byte{224, 0, 0, 1}) })
}

// listen is where outlets listen over a family of addresses, the zero Addr for nowhere.
func (c *Config) listen(f family) netip.Addr {
	switch {
	case f == v4:
		return c.Listen
	case c.IPv6 && c.Listen.IsLoopback():
		return netip.IPv6Loopback()
	case c.IPv6 && c.Listen.IsUnspecified():
		return netip.IPv6Unspecified()
	}
	return netip.Addr{}
}

// family is one of the two of addresses, by its name in those of networks: tcp4, udp6.
type family string

const (
	v4 family = "4"
	v6 family = "6"
)

func familyOf(a netip.Addr) family {
	if a.Unmap().Is4() {
		return v4
	}
	return v6
}

// families are those in use.
func (c *Config) families() []family {
	if c.IPv6 {
		return []family{v4, v6}
	}
	return []family{v4}
}

// Environment is the configuration for this process: the file that the variable LSLAPICFG names, or the default.
func Environment() (Config, error) {
	name := os.Getenv("LSLAPICFG")
	if name == "" {
		return DefaultConfig(), nil
	}
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return Config{}, fmt.Errorf("LSLAPICFG: %w", err)
	}
	c, err := ParseConfig(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return Config{}, fmt.Errorf("LSLAPICFG: %s: %w", name, err)
	}
	return c, nil
}

// ParseConfig reads a configuration file of liblsl (lsl_api.cfg) over the defaults. Keys that have no meaning here, such as
// [tuning], are passed over: the file is shared with programs that know them.
func ParseConfig(r io.Reader) (Config, error) {
	c := DefaultConfig()
	section := ""
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == ';' { // liblsl knows no comments behind a value
			continue
		}
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			section = strings.ToLower(strings.TrimSpace(line[1 : len(line)-1]))
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return c, fmt.Errorf("line %d is %q, must be [section] or key = value", n, line)
		}
		if err := c.set(section+"."+strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)); err != nil {
			return c, fmt.Errorf("line %d: %s: %w", n, strings.TrimSpace(key), err)
		}
	}
	if err := lines.Err(); err != nil {
		return c, err
	}
	if !c.IPv6 {
		c.Groups = slices.DeleteFunc(c.Groups, func(g netip.Addr) bool { return familyOf(g) == v6 })
	}
	return c, c.check()
}

func (c *Config) set(key, value string) (err error) {
	port := func(dst *uint16) {
		var v uint64
		if v, err = strconv.ParseUint(value, 10, 16); err != nil {
			err = fmt.Errorf("is %q, must be a port", value)
		}
		*dst = uint16(v)
	}
	addr := func() (a netip.Addr) {
		if a, err = netip.ParseAddr(value); err != nil {
			err = fmt.Errorf("is %q, must be an address", value)
		}
		return a
	}
	switch key {
	case "ports.multicastport":
		port(&c.DiscoveryPort)
	case "ports.baseport":
		port(&c.BasePort)
	case "ports.portrange":
		port(&c.PortRange)
	case "ports.ipv6":
		switch strings.ToLower(value) {
		case "disable":
			c.IPv6 = false
		case "allow", "force": // IPv4 is used beside it all the same
			c.IPv6 = true
		default:
			err = fmt.Errorf("is %q, must be disable, allow or force", value)
		}
	case "multicast.resolvescope":
		c.Scope, err = ParseScope(strings.ToLower(value))
	case "multicast.listenaddress":
		if value != "" {
			c.Listen = addr()
		}
	case "multicast.addressesoverride", "multicast.customaddresses":
		for _, a := range list(value) {
			value = a
			if g := addr(); err != nil {
				return err
			} else if !slices.Contains(c.Groups, g) {
				c.Groups = append(c.Groups, g)
			}
		}
		if strings.HasSuffix(key, "override") {
			c.Scope = Machine
		}
	case "lab.knownpeers":
		c.Peers = list(value)
	case "lab.sessionid":
		if value != "" {
			c.SessionID = value
		}
	}
	return err
}

// list is {a, b} or a, b.
func list(s string) []string {
	var all []string
	for _, v := range strings.Split(strings.Trim(s, "{} "), ",") {
		if v = strings.TrimSpace(v); v != "" {
			all = append(all, v)
		}
	}
	return all
}
