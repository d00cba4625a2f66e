package lsl

import (
	"context"
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

// host answers queries by UDP for all outlets of this process that have one configuration.
type host struct {
	key string
	cfg Config
	// users counts the outlets that hold it.
	users int

	port      uint16 // of the service socket
	service   *net.UDPConn
	discovery *net.UDPConn // nil where the port is taken by a program that does not share it
	wg        sync.WaitGroup

	mu      sync.Mutex
	outlets map[*Outlet]struct{}
	limit   *limiter // of answers
	relays  *limiter // of queries that are handed on
}

var (
	hostsMu sync.Mutex
	hosts   = map[string]*host{}
)

// configOf is c, or that of the environment, checked.
func configOf(c *Config) (Config, error) {
	if c != nil {
		return *c, c.check()
	}
	return Environment()
}

// acquire is the host for a configuration. It must be released.
func acquire(cfg Config) (*host, error) {
	key := fmt.Sprint(cfg)
	hostsMu.Lock()
	defer hostsMu.Unlock()
	if h := hosts[key]; h != nil {
		h.users++
		return h, nil
	}
	h := &host{key: key, cfg: cfg, users: 1, outlets: map[*Outlet]struct{}{}, limit: newLimiter(500, 1000), relays: newLimiter(20, 20)}
	service, err := listenUDP(cfg)
	if err != nil {
		return nil, err
	}
	h.service, h.port = service, portOf(service.LocalAddr())
	// Without the discovery port the outlets are still found by whoever asks the service ports, as gyrus always does.
	if conn, err := listenDiscovery(cfg); err == nil {
		h.discovery = conn
		h.wg.Go(func() { h.answer(conn, false) })
	}
	h.wg.Go(func() { h.answer(service, true) })
	hosts[key] = h
	return h, nil
}

func (h *host) release() error {
	hostsMu.Lock()
	defer hostsMu.Unlock()
	if h.users--; h.users > 0 {
		return nil
	}
	delete(hosts, h.key)
	err := h.service.Close()
	if h.discovery != nil {
		err = errors.Join(err, h.discovery.Close())
	}
	h.wg.Wait()
	return err
}

func (h *host) add(o *Outlet) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.outlets[o] = struct{}{}
}

func (h *host) remove(o *Outlet) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.outlets, o)
}

// list is the outlets, in an order that stays.
func (h *host) list() []*Outlet {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*Outlet, 0, len(h.outlets))
	for o := range h.outlets {
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b *Outlet) int { return strings.Compare(a.info.UID, b.info.UID) })
	return all
}

// maxDatagram is more than UDP can carry over IPv4.
const maxDatagram = 1 << 16

// answer answers what comes to conn until it is closed.
func (h *host) answer(conn *net.UDPConn, service bool) {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		arrived := time.Now()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // an earlier answer came back, as Windows reports it here
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		method, rest, _ := strings.Cut(string(buf[:n]), "\n")
		switch strings.TrimSpace(method) {
		case "LSL:timedata":
			if service && h.limit.take(from.Addr(), arrived) {
				h.tellTime(conn, rest, from, arrived)
			}
		case "LSL:shortinfo":
			q, err := parseQuery(rest)
			if err != nil {
				continue
			}
			for _, o := range h.list() {
				if yes, err := o.doc.matches(q.predicate); err == nil && yes && h.limit.take(from.Addr(), arrived) {
					reply := append([]byte(q.id+"\r\n"), o.short...)
					_, _ = conn.WriteToUDPAddrPort(reply, netip.AddrPortFrom(from.Addr(), q.port)) // who asks asks again
				}
			}
			if !service && from.Addr().IsLoopback() && h.relays.take(from.Addr(), arrived) {
				h.relay(buf[:n])
			}
		}
	}
}

// relay hands a query on to the service ports of this machine. A datagram to the discovery port of 127.0.0.1 reaches only
// one of the sockets that share it; the others would not be found where there is no multicast. Their answers go to
// whoever asked, since that is on this machine too.
func (h *host) relay(query []byte) {
	for p := range h.cfg.PortRange {
		if port := h.cfg.BasePort + p; port != h.port {
			_, _ = h.service.WriteToUDPAddrPort(query, netip.AddrPortFrom(loopback, port)) // mostly nobody is there
		}
	}
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// query asks for the streams of which a predicate is true.
type query struct {
	predicate string
	port      uint16 // where the answer goes, on the machine that asks
	id        string // comes back with the answer
}

// parseQuery reads what stands below LSL:shortinfo.
func parseQuery(s string) (query, error) {
	predicate, rest, ok := strings.Cut(s, "\n")
	if !ok {
		return query{}, errors.New("the query has no line with a return port")
	}
	rest, _, _ = strings.Cut(rest, "\n")
	f := strings.Fields(rest)
	if len(f) < 2 {
		return query{}, fmt.Errorf("the query's last line is %.40q, must be a port and an identifier", rest)
	}
	port, err := strconv.ParseUint(f[0], 10, 16)
	if err != nil || port < 1024 { // system services live below
		return query{}, fmt.Errorf("the return port is %.40q, must be 1024 to 65535", f[0])
	}
	if len(f[1]) > 64 || len(predicate) > maxQuery {
		return query{}, errors.New("the query or its identifier is too long")
	}
	return query{predicate: strings.TrimSpace(predicate), port: uint16(port), id: f[1]}, nil
}

// tellTime answers a probe of the clock. The answer is as long as the question and goes where that came from.
func (h *host) tellTime(conn *net.UDPConn, s string, to netip.AddrPort, arrived time.Time) {
	f := strings.Fields(s)
	if len(f) < 2 || len(f[0]) > 32 || len(f[1]) > 32 || to.Port() < 1024 {
		return
	}
	reply := fmt.Appendf(nil, " %s %s %s ", f[0], f[1], number(clockOf(arrived)))
	reply = append(reply, number(LocalClock())...)
	_, _ = conn.WriteToUDPAddrPort(reply, to) // a lost one is as good as one lost on the way
}

// limiter allows so many takes a second to each address, and a burst.
type limiter struct {
	perSecond, burst float64

	mu sync.Mutex
	by map[netip.Addr]*bucket
}

type bucket struct {
	level float64
	at    time.Time
}

func newLimiter(perSecond, burst float64) *limiter {
	return &limiter{perSecond: perSecond, burst: burst, by: map[netip.Addr]*bucket{}}
}

// take says whether one more is allowed now.
func (l *limiter) take(from netip.Addr, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.by[from]
	if b == nil {
		if len(l.by) >= 1024 { // somebody invents addresses: forget all, who is honest has credit again
			clear(l.by)
		}
		b = &bucket{l.burst, now}
		l.by[from] = b
	}
	b.level = min(l.burst, b.level+l.perSecond*now.Sub(b.at).Seconds())
	b.at = now
	if b.level < 1 {
		return false
	}
	b.level--
	return true
}

// listenTCP takes the first free port for samples.
func listenTCP(c Config) (net.Listener, error) {
	return firstFree(c, func(lc *net.ListenConfig, addr string) (net.Listener, error) {
		return lc.Listen(context.Background(), "tcp4", addr)
	})
}

// listenUDP takes the first free port for questions.
func listenUDP(c Config) (*net.UDPConn, error) {
	return firstFree(c, func(lc *net.ListenConfig, addr string) (*net.UDPConn, error) {
		return packets(lc.ListenPacket(context.Background(), "udp4", addr))
	})
}

func packets(conn net.PacketConn, err error) (*net.UDPConn, error) {
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil // that is what udp4 makes
}

// firstFree listens on the first port of the range that is free, or on any.
func firstFree[C any](c Config, listen func(lc *net.ListenConfig, addr string) (C, error)) (C, error) {
	lc := new(net.ListenConfig)
	for p := range c.PortRange {
		if conn, err := listen(lc, netip.AddrPortFrom(c.Listen, c.BasePort+p).String()); err == nil {
			return conn, nil
		}
	}
	return listen(lc, netip.AddrPortFrom(c.Listen, 0).String())
}

// listenDiscovery shares the discovery port with the other programs of this machine.
func listenDiscovery(c Config) (*net.UDPConn, error) {
	at := c.Listen
	if !at.IsLoopback() { // what is sent to a group does not arrive at a socket that is bound to an address
		at = netip.IPv4Unspecified()
	}
	lc := net.ListenConfig{Control: shared}
	conn, err := packets(lc.ListenPacket(context.Background(), "udp4", netip.AddrPortFrom(at, c.DiscoveryPort).String()))
	if err != nil || c.Listen.IsLoopback() {
		return conn, err
	}
	for _, i := range interfaces() {
		if !c.Listen.IsUnspecified() && c.Listen != i {
			continue
		}
		for _, g := range c.targets() {
			if g.IsMulticast() {
				_ = join(conn, g, i) // an interface that cannot is as if it were not there
			}
		}
	}
	return conn, nil
}

// interfaces are the addresses of this machine's interfaces that are up and know multicast.
func interfaces() []netip.Addr {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagMulticast == 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
				out = append(out, p.Addr())
				break
			}
		}
	}
	return out
}

func portOf(a net.Addr) uint16 {
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return 0
	}
	return p.Port()
}
