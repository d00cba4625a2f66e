package lsl

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ResolveOptions say what to look for; the zero value lists everything.
type ResolveOptions struct {
	Config *Config // nil takes Environment
	// Predicate is XPath 1.0 on the description with <info> as the context node, such as
	// type='EEG' and count(desc/channels/channel)>=8.
	Predicate string
	// Wait is how long to look; 0 means 1 s. With Least > 0 it is over as soon as so many were found, and settle to see
	// whether there are more.
	Wait  time.Duration
	Least int
	// Odd, if not nil, is told of answers that cannot be read, of each once, by one goroutine at a time: a stream is there, and its program
	// describes it wrongly.
	Odd func(OddAnswer)

	others bool // look for streams of all sessions but the configured one
}

// OddAnswer is an answer that cannot be read, from whom it came, and what is wrong with it.
type OddAnswer struct {
	From netip.AddrPort
	Err  error
}

// String is for people.
func (a OddAnswer) String() string {
	return fmt.Sprintf("an answer came from %s that cannot be read: %v: its program must be mended", a.From, a.Err)
}

const (
	// waveEvery is how often the question is asked again: a datagram may be lost.
	waveEvery = 500 * time.Millisecond
	settle    = 250 * time.Millisecond
	// maxFound bounds what is kept of answers.
	maxFound = 4096
	// maxOdd bounds those that are told of and cannot be read.
	maxOdd = 64
)

// Resolve asks the network for streams. It returns what answered, sorted by name; none is no error.
func Resolve(ctx context.Context, opt ResolveOptions) ([]StreamInfo, error) {
	cfg, err := configOf(opt.Config)
	if err != nil {
		return nil, err
	}
	if err := CheckPredicate(opt.Predicate); err != nil {
		return nil, err
	}
	if strings.ContainsAny(opt.Predicate, "\r\n") {
		return nil, errors.New("the predicate must be on one line")
	}
	wait := cmp.Or(opt.Wait, time.Second)
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()

	var conns []*net.UDPConn
	defer func() {
		for _, conn := range conns {
			_ = conn.Close() // most often closed already
		}
	}()
	var using []family
	for _, f := range cfg.families() {
		at := f.unspecified()
		if cfg.Scope == Machine && len(cfg.Peers)+len(cfg.Groups) == 0 {
			at = f.loopback()
		}
		conn, err := listenUDP(cfg, at) // in the range that firewalls are told to let through
		if err != nil && f == v6 {
			continue // this machine has no IPv6
		}
		if err != nil {
			return nil, err
		}
		conns, using = append(conns, conn), append(using, f)
	}

	is := "="
	if opt.others {
		is = "!="
	}
	predicate := "session_id" + is + "'" + cfg.SessionID + "'"
	if opt.Predicate != "" {
		predicate += " and (" + opt.Predicate + ")"
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	id := strconv.FormatUint(binary.LittleEndian.Uint64(b[:]), 10)
	c := collector{least: opt.Least, id: id, byUID: map[string]*StreamInfo{}, enough: cancel, odd: opt.Odd, told: map[string]bool{}}
	var wg sync.WaitGroup
	for k, conn := range conns {
		question := fmt.Appendf(nil, "LSL:shortinfo\r\n%s\r\n%d %s\r\n", predicate, portOf(conn.LocalAddr()), id)
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends the reading
		defer stop()
		wg.Go(func() { ask(ctx, conn, cfg, using[k], question) })
		wg.Go(func() { c.read(conn) })
	}
	wg.Wait()
	return c.found(), nil
}

// ask sends the question to everybody over one family of addresses, again and again until ctx is done.
func ask(ctx context.Context, conn *net.UDPConn, cfg Config, f family, question []byte) {
	var peers []netip.Addr
	named := make(chan netip.Addr)
	var looking sync.WaitGroup
	defer looking.Wait() // it ends with ctx
	for _, name := range cfg.Peers {
		if a, err := netip.ParseAddr(name); err == nil {
			if a = a.Unmap(); familyOf(a) == f && a != f.loopback() {
				peers = append(peers, a)
			}
			continue
		}
		looking.Go(func() { // a name server may need longer than there is time: others are asked meanwhile
			a, err := lookUp(ctx, name, f)
			if err != nil || a == f.loopback() {
				return // it may be switched off; Hints tells of it
			}
			select {
			case named <- a:
			case <-ctx.Done():
			}
		})
	}
	send := func(to netip.Addr, port uint16) {
		_, _ = conn.WriteToUDPAddrPort(question, netip.AddrPortFrom(to, port)) // asked again soon
	}
	ticker := time.NewTicker(waveEvery)
	defer ticker.Stop()
	for {
		send(f.loopback(), cfg.DiscoveryPort)
		for _, p := range append([]netip.Addr{f.loopback()}, peers...) {
			for k := range cfg.PortRange {
				send(p, cfg.BasePort+k)
			}
		}
		targets := cfg.targets(f)
		groups := slices.DeleteFunc(slices.Clone(targets), func(a netip.Addr) bool { return !a.IsMulticast() })
		if len(groups) > 0 {
			for _, i := range interfaces(f) {
				if through(conn, i, scopes[cfg.Scope].ttl) != nil {
					continue // cannot send to groups
				}
				for _, g := range groups {
					send(g, cfg.DiscoveryPort)
				}
			}
		}
		for _, to := range targets { // what is no group takes the way that the routes say, over interfaces without multicast, too
			if !to.IsMulticast() && !to.IsLoopback() {
				send(to, cfg.DiscoveryPort)
			}
			if to == limited {
				for _, b := range broadcasts() {
					send(b, cfg.DiscoveryPort)
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case a := <-named:
			peers = append(peers, a)
		case <-ticker.C:
		}
	}
}

// lookUp is the address of one family of a machine that is given by name.
func lookUp(ctx context.Context, name string, f family) (netip.Addr, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip"+string(f), name)
	if err != nil {
		return netip.Addr{}, err
	}
	return addrs[0].Unmap(), nil // no error comes without one
}

// collector gathers the answers that come by all ways.
type collector struct {
	id     string
	least  int
	enough func() // ends the search

	mu       sync.Mutex
	byUID    map[string]*StreamInfo
	settling *time.Timer // until there may be more, where least streams are there
	odd      func(OddAnswer)
	told     map[string]bool // what odd was told
}

// read takes the answers that come to conn until it is closed.
func (c *collector) read(conn *net.UDPConn) {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // a question to a port where nobody is came back
		}
		info, err := parseReply(buf[:n], c.id)
		if err != nil {
			if !errors.Is(err, errOther) {
				c.tell(OddAnswer{netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err})
			}
			continue
		}
		info.Addr = from.Addr().Unmap()
		c.add(info)
	}
}

// tell tells of an answer that cannot be read. The question is asked again and again, and answered as often.
func (c *collector) tell(a OddAnswer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if text := a.String(); c.odd != nil && !c.told[text] && len(c.told) < maxOdd {
		c.told[text] = true
		c.odd(a)
	}
}

// add keeps a stream, by the shortest way to it: on this machine, or else over IPv4.
func (c *collector) add(info *StreamInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	way := func(i *StreamInfo) int {
		switch local, f := i.Addr.IsLoopback(), familyOf(i.Addr); {
		case i.Endpoint().Port() == 0: // it answers there, but has no samples there
			return 4
		case local && f == v4:
			return 0
		case local:
			return 1
		case f == v4:
			return 2
		default:
			return 3
		}
	}
	if old := c.byUID[info.UID]; old == nil && len(c.byUID) < maxFound {
		c.byUID[info.UID] = info
	} else if old != nil && way(info) < way(old) {
		old.Addr = info.Addr
	}
	if c.least > 0 && len(c.byUID) >= c.least && c.settling == nil {
		c.settling = time.AfterFunc(settle, c.enough)
	}
}

// found is what was gathered, sorted.
func (c *collector) found() []StreamInfo {
	if c.settling != nil {
		c.settling.Stop()
	}
	out := make([]StreamInfo, 0, len(c.byUID))
	for _, i := range c.byUID {
		out = append(out, *i)
	}
	slices.SortFunc(out, func(a, b StreamInfo) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.CreatedAt, b.CreatedAt), strings.Compare(a.UID, b.UID))
	})
	return out
}

// errOther is an answer that is not for us, or from a program that does not speak LSL.
var errOther = errors.New("the answer is for another question")

// parseReply reads an answer: the identifier of the question, then a description.
func parseReply(data []byte, id string) (*StreamInfo, error) {
	first, doc, ok := bytes.Cut(data, []byte("\n"))
	if !ok || strings.TrimSpace(string(first)) != id {
		return nil, errOther
	}
	return parseInfo(doc)
}
