// Package doctor looks at what keeps a live session from working: interfaces, multicast, ports, firewalls, the clock, and
// which streams can be seen. It changes nothing and needs no privileges; what it cannot read it says.
package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// State is how a finding is to be taken.
type State string

// The states.
const (
	OK      State = "ok"
	Note    State = "note"    // worth knowing, or not readable
	Problem State = "problem" // keeps something from working
)

// Finding is one thing that was looked at.
type Finding struct {
	Check  string `json:"check"` // interfaces, multicast, ports, listens, firewall, clock, streams, reads, expected, bus, writes
	State  State  `json:"state"`
	What   string `json:"what"`
	Remedy string `json:"remedy,omitempty"` // of a problem
}

// Probe looks at one thing. A new one is a file with such a function, and a line in Run.
type Probe func(ctx context.Context, o *Options) []Finding

// Interface is a network interface that is up.
type Interface struct {
	Name      string
	Multicast bool
	Loopback  bool
	Addr      netip.Addr // of IPv4; the zero Addr where it has none
	Broadcast bool
}

// Network is the machine's network; a test puts another in its place.
type Network interface {
	Interfaces() ([]Interface, error)
	// Echo sends a datagram to a group on one interface and waits to hear it. errSilent: it was sent, and nothing came.
	Echo(ctx context.Context, i Interface, group netip.AddrPort) error
	// Free says why a port cannot be listened on; nil where it can.
	Free(network, address string) error
	// Reach says why a TCP server takes no connection within a second; nil where it does.
	Reach(ctx context.Context, address string) error
	// Greeting is the first line that a TCP server sends of its own accord.
	Greeting(ctx context.Context, address string) (string, error)
}

// Stream is one that answers.
type Stream struct {
	Name, Type, Host string
	Channels         int
	Rate             float64
	Odd              string // what is wrong with an answer that cannot be read; "" of one that can
}

// Hint is why a stream that is there may not be listed, and what to do about it.
type Hint struct{ What, Remedy string }

// Expectation is a stream that a session waits for.
type Expectation struct {
	Name string // what the session file asks for
	// Look looks for it. An error says that it was not found, and what was seen instead.
	Look func(ctx context.Context) (Expected, error)
	// Remedy is what to do where it is not found; "" is about an amplifier's program.
	Remedy string
}

// Expected is a stream that was looked for and found.
type Expected struct {
	What    string   // the stream; "" where it could not be looked for, which Notes say
	Fits    string   // what was held against it, "" where there is nothing to hold against it
	Differs []string // what keeps the session from working with it
	Remedy  string   // of Differs
	Notes   []string // worth knowing
}

// Options say what to look at.
type Options struct {
	Network Network // nil: that of this machine
	// Streams lists the streams on the network; nil where there is no way to.
	Streams func(ctx context.Context) ([]Stream, error)
	// Hints say what keeps streams from being listed that are there; nil where nobody knows.
	Hints func(ctx context.Context) ([]Hint, error)
	// Expected are the streams that a session waits for.
	Expected []Expectation
	// Bus tries the server that a session names; nil where it names none. BusFine is what there is to say where that works.
	Bus     func(ctx context.Context) error
	BusName string
	BusFine string
	// LSL is where streams are looked for and offered; the zero value asks for liblsl's defaults.
	LSL LSL
	// Listens are what the session will listen on; nil without a session: then the usual port of NATS is looked at.
	Listens []Listen
	// Peers are the servers that the bus of the session links to.
	Peers []Peer
	// Writes are the files that the session will write, and Reads those that it begins with.
	Writes, Reads []File
}

// LSL says how the programs of this machine take part in the lab streaming layer (lsl.Config).
type LSL struct {
	Discovery   int // UDP, where streams are asked for
	First, Last int // TCP, where outlets answer
	Groups      []netip.Addr
	Session     string // of which streams are listed
	IPv6        bool
	// Err says why the configuration cannot be read, nil where it can.
	Err error
}

// Listen is an address that a session will listen on.
type Listen struct {
	What    string // the bus
	Address string // host:port
	Key     string // of the session file, with another port
}

// Peer is a server that the one inside a session links to.
type Peer struct {
	What    string // a server of its cluster
	Address string // host:port
	Remedy  string // where it cannot be reached
}

// The addresses of LSL (liblsl, api_config.cpp): where it asks for streams, and where outlets answer.
const (
	lslPort  = 16571
	lslFirst = 16572
	lslLast  = 16603
	natsPort = 4222

	lslSession = "default"
)

var lslGroups = []netip.Addr{netip.AddrFrom4([4]byte{224, 0, 0, 183}), netip.AddrFrom4([4]byte{239, 255, 172, 215})}

// needs are the ports of LSL that a firewall must let through.
func (l *LSL) needs() string {
	return fmt.Sprintf("UDP %d, %d to %d and TCP %[2]d to %[3]d", l.Discovery, l.First, l.Last)
}

// errSilent is a datagram that was sent and not heard.
var errSilent = errors.New("nothing was heard")

// Run asks all probes and returns what they found, in order.
func Run(ctx context.Context, o Options) []Finding {
	if o.Network == nil {
		o.Network = machine{}
	}
	if o.LSL.Discovery == 0 {
		o.LSL.Discovery, o.LSL.First, o.LSL.Last, o.LSL.Groups, o.LSL.Session = lslPort, lslFirst, lslLast, lslGroups, lslSession
	}
	var all []Finding
	for _, p := range []Probe{interfaces, multicast, ports, listens, firewall, clock, streams, reads, expected, session, peers, writes} {
		all = append(all, p(ctx, &o)...)
	}
	return all
}

func interfaces(_ context.Context, o *Options) []Finding {
	list, err := o.Network.Interfaces()
	if err != nil {
		return []Finding{{"interfaces", Problem, "cannot be listed: " + err.Error(), "look at them with the system's own tools (ip addr, ifconfig, ipconfig)"}}
	}
	var out []Finding
	groups, casts := 0, 0
	for _, i := range list {
		what := fmt.Sprintf("%s: %s", i.Name, i.Addr)
		switch {
		case !i.Addr.IsValid():
			out = append(out, Finding{"interfaces", Note, i.Name + ": no IPv4 address", ""})
			continue
		case i.Loopback:
			what += ", this machine only"
		case !i.Multicast && i.Broadcast:
			casts++
			out = append(out, Finding{"interfaces", Note, what + ", no multicast: streams are asked for by broadcast there", ""})
			continue
		case !i.Multicast:
			out = append(out, Finding{"interfaces", Note, what + ", no multicast and no broadcast: streams are found there by name only", ""})
			continue
		default:
			groups++
			what += ", multicast"
		}
		out = append(out, Finding{"interfaces", OK, what, ""})
	}
	const byName = "name the other machines in KnownPeers, section [lab] of the file that LSLAPICFG names"
	switch {
	case groups > 0:
	case casts > 0:
		out = append(out, Finding{"interfaces", Note, "none reaches other machines with multicast: their streams are asked for by broadcast, which routers do not hand on", "for streams behind a router " + byName + "; or switch multicast on: ip link set dev INTERFACE multicast on"})
	default:
		out = append(out, Finding{"interfaces", Note, "none reaches other machines with multicast or broadcast: their streams are found by name only, those of this machine always", byName + ", or connect this machine to their network"})
	}
	return out
}

// multicast joins the groups of LSL on every interface and listens for itself.
func multicast(ctx context.Context, o *Options) []Finding {
	list, err := o.Network.Interfaces()
	if err != nil {
		return nil // said by interfaces
	}
	type try struct {
		i     Interface
		group netip.Addr
	}
	var tries []try
	for _, i := range list {
		if i.Multicast && !i.Loopback && i.Addr.IsValid() {
			for _, g := range o.LSL.Groups {
				tries = append(tries, try{i, g})
			}
		}
	}
	out := make([]Finding, len(tries))
	var wait sync.WaitGroup
	for k, t := range tries {
		wait.Go(func() {
			err := o.Network.Echo(ctx, t.i, netip.AddrPortFrom(t.group, uint16(o.LSL.Discovery)))
			out[k] = echoFinding(&o.LSL, t.i, t.group, err)
		})
	}
	wait.Wait()
	return out
}

func echoFinding(l *LSL, i Interface, group netip.Addr, err error) Finding {
	where := fmt.Sprintf("group %s port %d on %s", group, l.Discovery, i.Name)
	open := fmt.Sprintf("let %s through on %s (ufw allow %d:%d/udp; Windows: allow the program in private networks)", l.needs(), i.Name, min(l.Discovery, l.First), max(l.Discovery, l.Last))
	switch {
	case err == nil:
		return Finding{"multicast", OK, where + ": we hear ourselves", ""}
	case errors.Is(err, errSilent):
		return Finding{"multicast", Problem, where + ": multicast is blocked: what we sent did not come back, so that streams of LSL are not found", "a firewall on this machine drops it: " + open + "; or name the other machine as a known peer"}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EPERM):
		return Finding{"multicast", Problem, where + ": multicast is blocked: sending is forbidden: " + err.Error(), "a firewall rule or a policy on this machine refuses it: " + open}
	case errors.Is(err, syscall.ENOBUFS):
		return Finding{"multicast", Problem, where + ": multicast is blocked: the system lets no program join another group: " + err.Error(), "raise the limit: sysctl -w net.ipv4.igmp_max_memberships=20"}
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return Finding{"multicast", Problem, where + ": multicast is blocked: there is no route: " + err.Error(), "add one: ip route add 224.0.0.0/4 dev " + i.Name}
	default:
		return Finding{"multicast", Problem, where + ": multicast does not work: " + err.Error(), open}
	}
}

// ports looks at those of LSL, over IPv6 as well where that is asked for.
func ports(_ context.Context, o *Options) []Finding {
	l := &o.LSL
	if l.Err != nil {
		return []Finding{{"ports", Problem, "those of LSL are not known: " + l.Err.Error(), "mend the file that LSLAPICFG names, or unset the variable"}}
	}
	out := family(o, "4", "0.0.0.0", "")
	if l.IPv6 {
		out = append(out, family(o, "6", "::", " over IPv6")...)
		out = append(out, Finding{"multicast", Note, "groups of IPv6 are not tried by doctor: streams of other machines are asked for over both", ""})
	}
	return out
}

// family looks at the ports of LSL over one family of addresses, whose unspecified address is any.
func family(o *Options, version, unspecified, over string) []Finding {
	l := &o.LSL
	at := func(port int) string { return net.JoinHostPort(unspecified, strconv.Itoa(port)) }
	var out []Finding
	var taken []string
	for p := l.First; p <= l.Last; p++ {
		switch err := o.Network.Free("tcp"+version, at(p)); {
		case noFamily(err):
			return []Finding{{"ports", Problem, "IPv" + version + " is asked for by the configuration of LSL, and this machine has none: " + err.Error(), "switch it on, or set [ports] IPv6 = disable in the file that LSLAPICFG names"}}
		case err != nil:
			taken = append(taken, fmt.Sprintf("%d%s", p, by("tcp", p)))
		}
	}
	n := l.Last - l.First + 1
	switch {
	case len(taken) == 0:
		out = append(out, Finding{"ports", OK, fmt.Sprintf("TCP %d to %d are free for outlets of LSL%s", l.First, l.Last, over), ""})
	case len(taken) == n:
		out = append(out, Finding{"ports", Problem, fmt.Sprintf("all of TCP %d to %d are taken%s: %s", l.First, l.Last, over, strings.Join(taken, ", ")), "end outlets of LSL that nobody needs: others do not find those outside this range"})
	default:
		out = append(out, Finding{"ports", OK, fmt.Sprintf("TCP %d to %d%s: %d of %d are free; taken: %s (outlets of LSL, as a rule)", l.First, l.Last, over, n-len(taken), n, strings.Join(taken, ", ")), ""})
	}
	if err := o.Network.Free("udp"+version, at(l.Discovery)); err != nil {
		out = append(out, Finding{"ports", Note, fmt.Sprintf("UDP %d is in use%s%s, as by a program with outlets of LSL, which share it", l.Discovery, over, by("udp", l.Discovery)), ""})
	} else {
		out = append(out, Finding{"ports", OK, fmt.Sprintf("UDP %d is free%s: no other program here answers there for streams of LSL", l.Discovery, over), ""})
	}
	return out
}

// noFamily says whether err is that there are no addresses of the kind. Windows has numbers of its own (WSAEAFNOSUPPORT,
// WSAEADDRNOTAVAIL).
func noFamily(err error) bool {
	for _, n := range []syscall.Errno{syscall.EAFNOSUPPORT, syscall.EADDRNOTAVAIL, 10047, 10049} {
		if errors.Is(err, n) {
			return true
		}
	}
	return false
}

// listens tries what the session will listen on, or without one the usual port of NATS.
func listens(ctx context.Context, o *Options) []Finding {
	if o.Listens == nil {
		return usual(ctx, o)
	}
	var out []Finding
	for k, l := range o.Listens {
		_, text, err := net.SplitHostPort(l.Address)
		port, e := strconv.Atoi(text)
		if err = errors.Join(err, e); err != nil {
			out = append(out, Finding{"ports", Problem, fmt.Sprintf("%s of the session is to listen on %q: %v", l.What, l.Address, err), "give host:port: " + l.Key})
			continue
		}
		same := slices.IndexFunc(o.Listens[:k], func(m Listen) bool { return collide(l.Address, m.Address) })
		switch err := o.Network.Free("tcp", l.Address); {
		case port == 0: // any that is free
		case same >= 0:
			out = append(out, Finding{"ports", Problem, fmt.Sprintf("TCP %s is for %s of the session, and for %s of it too (%s): the session would not start", l.Address, l.What, o.Listens[same].What, o.Listens[same].Address), "give another port: " + l.Key})
		case err == nil:
			out = append(out, Finding{"ports", OK, fmt.Sprintf("TCP %s is free for %s of the session", l.Address, l.What), ""})
		default:
			who := by("tcp", port)
			if hello, err := o.Network.Greeting(ctx, l.Address); err == nil && strings.HasPrefix(hello, "INFO ") {
				who += ", where a NATS server answers"
			}
			out = append(out, Finding{"ports", Problem, fmt.Sprintf("TCP %s, for %s of the session, cannot be listened on (%v)%s: the session would not start, or runs already", l.Address, l.What, err, who), "end what holds it, or give another port: " + l.Key})
		}
	}
	return out
}

// collide says whether nobody can listen on both addresses: the port is the same, and the host is, or one of them is all hosts.
func collide(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a) // what is no address is told of where it stands
	hostB, portB, _ := net.SplitHostPort(b)
	all := func(host string) bool {
		ip, err := netip.ParseAddr(host)
		return host == "" || err == nil && ip.IsUnspecified()
	}
	return portA == portB && portA != "" && (hostA == hostB || all(hostA) || all(hostB))
}

// usual looks at the usual port of NATS.
func usual(ctx context.Context, o *Options) []Finding {
	at := fmt.Sprintf("127.0.0.1:%d", natsPort)
	if err := o.Network.Free("tcp4", at); err == nil {
		return []Finding{{"ports", OK, fmt.Sprintf("TCP %d is free for a NATS server", natsPort), ""}}
	}
	hello, err := o.Network.Greeting(ctx, at)
	if err == nil && strings.HasPrefix(hello, "INFO ") {
		return []Finding{{"ports", OK, fmt.Sprintf("TCP %d: a NATS server answers%s", natsPort, by("tcp", natsPort)), ""}}
	}
	return []Finding{{"ports", Problem, fmt.Sprintf("TCP %d is taken%s by something that is no NATS server", natsPort, by("tcp", natsPort)), "end it, or give the session another port: bus: {port: 4333}"}}
}

// by names the program that holds a port, where the system tells.
func by(network string, port int) string {
	if who := holder(network, port); who != "" {
		return " by " + who
	}
	return ""
}

// clock compares the two clocks of this machine, and asks whether the wall clock is kept by NTP.
func clock(_ context.Context, _ *Options) []Finding {
	begin := time.Now()
	wall := begin.Round(0) // without the monotonic reading
	finest := time.Hour
	for last := begin; time.Since(begin) < 200*time.Millisecond; {
		now := time.Now()
		if step := now.Sub(last); step > 0 {
			finest = min(finest, step)
			last = now
		}
	}
	end := time.Now()
	off := end.Round(0).Sub(wall) - end.Sub(begin)
	out := []Finding{{"clock", OK, fmt.Sprintf("resolution %s; in %s the wall clock left the steady one by %s", finest, end.Sub(begin).Round(time.Millisecond), off), ""}}
	if off.Abs() > 5*time.Millisecond {
		out[0].State, out[0].Remedy = Problem, "something sets the clock: let one program alone (chrony, ntpd, timesyncd, the host of a virtual machine) keep it, by slewing"
	}
	if finest > time.Millisecond {
		out[0].State, out[0].Remedy = Problem, "a clock this coarse cannot stamp samples: choose another clock source of the system"
	}
	return append(out, synced())
}

func streams(ctx context.Context, o *Options) []Finding {
	if o.Streams == nil {
		return []Finding{{"streams", Note, "cannot be listed by this program", ""}}
	}
	var hints []Hint
	var failed error
	var asking sync.WaitGroup
	if o.Hints != nil {
		asking.Go(func() { hints, failed = o.Hints(ctx) })
	}
	list, err := o.Streams(ctx)
	asking.Wait()
	if err := errors.Join(err, failed); err != nil {
		return []Finding{{"streams", Problem, "cannot be listed: " + err.Error(), "see multicast and ports above"}}
	}
	var out []Finding
	for _, s := range list {
		if s.Odd != "" {
			out = append(out, Finding{"streams", Note, s.Odd, "mend the program that sends from there, or end it"})
			continue
		}
		out = append(out, Finding{"streams", OK, fmt.Sprintf("%q, type %q, %d channels, %s, on %s", s.Name, s.Type, s.Channels, hz(s.Rate), s.Host), ""})
	}
	if len(list) == 0 {
		out = append(out, Finding{"streams", Note, fmt.Sprintf("no stream of LSL answers in the session %q", o.LSL.Session), ""})
	}
	for _, h := range hints {
		out = append(out, Finding{"streams", Note, h.What, h.Remedy})
	}
	return out
}

func hz(rate float64) string {
	if rate == 0 {
		return "at irregular times"
	}
	return fmt.Sprintf("%g Hz", rate)
}

// expected looks for each stream that the session waits for.
func expected(ctx context.Context, o *Options) []Finding {
	var out []Finding
	for _, e := range o.Expected {
		got, err := e.Look(ctx)
		switch {
		case err != nil:
			remedy := cmp.Or(e.Remedy, "start the amplifier's program, or mend what the session file asks for; where it runs on another machine see multicast and firewall, there too")
			out = append(out, Finding{"expected", Problem, fmt.Sprintf("the session waits for %s, which is not found: %s", e.Name, err), remedy})
		case len(got.Differs) > 0:
			out = append(out, Finding{"expected", Problem, fmt.Sprintf("the session waits for %s; found is %s, but %s", e.Name, got.What, strings.Join(got.Differs, "; ")), got.Remedy})
		case got.What != "":
			what := fmt.Sprintf("the session waits for %s; found is %s", e.Name, got.What)
			if got.Fits != "" {
				what += ", " + got.Fits
			}
			out = append(out, Finding{"expected", OK, what, ""})
		}
		for _, n := range got.Notes {
			out = append(out, Finding{"expected", Note, n, ""})
		}
	}
	return out
}

func session(ctx context.Context, o *Options) []Finding {
	if o.Bus == nil {
		return nil
	}
	if err := o.Bus(ctx); err != nil {
		return []Finding{{"bus", Problem, o.BusName + ": " + err.Error(), "gyrus bus check tries the same, role by role"}}
	}
	return []Finding{{"bus", OK, o.BusName + " " + cmp.Or(o.BusFine, "answers"), ""}}
}

// peers tries the servers that the bus of the session links to, all at once. Those of a cluster say nothing before TLS is agreed on, so that
// a connection is all that is asked for.
func peers(ctx context.Context, o *Options) []Finding {
	out := make([]Finding, len(o.Peers))
	var wait sync.WaitGroup
	for k, p := range o.Peers {
		wait.Go(func() {
			out[k] = Finding{"bus", OK, fmt.Sprintf("%s takes connections at %s", p.What, p.Address), ""}
			if err := o.Network.Reach(ctx, p.Address); err != nil {
				out[k] = Finding{"bus", Problem, fmt.Sprintf("%s cannot be reached at %s: %v", p.What, p.Address, err), p.Remedy}
			}
		})
	}
	wait.Wait()
	return out
}

// Healthy says whether no finding is a problem.
func Healthy(all []Finding) bool {
	return !slices.ContainsFunc(all, func(f Finding) bool { return f.State == Problem })
}

// addrOf is the address of IPv4 in a, the zero Addr where there is none.
func addrOf(a net.Addr) netip.Addr {
	n, ok := a.(*net.IPNet)
	if !ok {
		return netip.Addr{}
	}
	ip, ok := netip.AddrFromSlice(n.IP)
	if !ok || !ip.Unmap().Is4() {
		return netip.Addr{}
	}
	return ip.Unmap()
}
