package lsl

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
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

	sides []*side
	wg    sync.WaitGroup

	mu      sync.Mutex
	outlets map[*Outlet]struct{}
	answers *limiter // to queries
	work    *limiter // moves of predicates
	times   *limiter // to probes of the clock
	relays  *limiter // of queries that are handed on
	asked   asked
}

// side is the sockets of a host over one family of addresses.
type side struct {
	family    family
	port      uint16 // of the service socket
	service   *net.UDPConn
	discovery *net.UDPConn // nil where the port is taken by a program that does not share it
}

// What an address may cause, a second. A program that looks for streams asks in waves, 0.5 s apart, and one wave comes by
// several ways, of which one is answered: a few programs on one machine need no more. An answer is longer than its
// question, and goes to whatever address the question names: so much, and no more, can be turned on a stranger. What a
// probe of the clock gets is no longer than the probe.
const (
	answersPerSecond, answersBurst = 16, 64 // for each outlet
	timesPerSecond                 = 500
	// Whether it is answered or not, looking at a question is work. It is paid for behind it, so that one question that asks for
	// the most stays possible.
	workPerSecond, workBurst = maxMoves, 4 * maxMoves
	// maxWaiting is how many questions wait while one is looked at; who asks asks again.
	maxWaiting = 64
)

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
	h := &host{key: key, cfg: cfg, users: 1, outlets: map[*Outlet]struct{}{}, answers: newLimiter(answersPerSecond, answersBurst), work: newLimiter(workPerSecond, workBurst), times: newLimiter(timesPerSecond, 2*timesPerSecond), relays: newLimiter(20, 20)}
	for _, f := range cfg.families() {
		at := cfg.listen(f)
		if !at.IsValid() {
			continue
		}
		service, err := listenUDP(cfg, at)
		if err != nil && f == v6 {
			continue // this machine has no IPv6
		}
		if err != nil {
			return nil, err
		}
		s := &side{family: f, service: service, port: portOf(service.LocalAddr())}
		// Without the discovery port the outlets are still found by whoever asks the service ports, as gyrus always does.
		if conn, err := listenDiscovery(cfg, at); err == nil {
			s.discovery = conn
			h.wg.Go(func() { h.answer(s, conn) })
		}
		h.wg.Go(func() { h.answer(s, service) })
		h.sides = append(h.sides, s)
	}
	hosts[key] = h
	return h, nil
}

// port is that of the service socket over a family, 0 for none.
func (h *host) port(f family) uint16 {
	for _, s := range h.sides {
		if s.family == f {
			return s.port
		}
	}
	return 0
}

func (h *host) release() error {
	hostsMu.Lock()
	defer hostsMu.Unlock()
	if h.users--; h.users > 0 {
		return nil
	}
	delete(hosts, h.key)
	var err error
	for _, s := range h.sides {
		err = errors.Join(err, s.service.Close())
		if s.discovery != nil {
			err = errors.Join(err, s.discovery.Close())
		}
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

// answer answers what comes to conn, which is one of s, until it is closed.
func (h *host) answer(s *side, conn *net.UDPConn) {
	service := conn == s.service
	buf := make([]byte, maxDatagram)
	waiting := make(chan asking, maxWaiting) // so that probes of the clock wait for no predicate
	h.wg.Go(func() {
		for a := range waiting {
			h.tellInfo(conn, a)
		}
	})
	defer close(waiting)
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
			if service && h.times.take(from.Addr(), arrived, 1) {
				h.tellTime(conn, rest, from, arrived)
			}
		case "LSL:shortinfo":
			q, err := parseQuery(rest)
			if err != nil {
				continue
			}
			if h.asked.first(question{netip.AddrPortFrom(from.Addr(), q.port), q.id, maphash.String(seed, q.predicate)}, arrived) { // one wave comes by several ways
				select {
				case waiting <- asking{q, from.Addr(), arrived}:
				default:
				}
			}
			if !service && from.Addr().IsLoopback() && h.relays.take(from.Addr(), arrived, 1) {
				h.relay(s, buf[:n])
			}
		}
	}
}

// asking is a query, who asks and since when.
type asking struct {
	query
	from    netip.Addr
	arrived time.Time
}

// tellInfo answers a query for each outlet of which it is true.
func (h *host) tellInfo(conn *net.UDPConn, a asking) {
	outlets := h.list()
	for _, o := range outlets {
		yes, err := h.ask(o.doc, a.predicate, a.from)
		if err == nil && yes && h.answers.take(a.from, a.arrived, float64(len(outlets))) {
			reply := append([]byte(a.id+"\r\n"), o.short...)
			_, _ = conn.WriteToUDPAddrPort(reply, netip.AddrPortFrom(a.from, a.port)) // who asks asks again
		}
	}
}

var errWork = errors.New("this address has asked for more than is looked at")

// ask says whether a predicate from an address is true of d, at the cost of what the address may ask for.
func (h *host) ask(d document, predicate string, from netip.Addr) (bool, error) {
	from = from.Unmap()
	if !h.work.take(from, time.Now(), 1) {
		return false, errWork
	}
	yes, spent, err := d.ask(predicate)
	h.work.charge(from, float64(spent))
	return yes, err
}

// relay hands a query on to the service ports of this machine. A datagram to the discovery port of 127.0.0.1 reaches only
// one of the sockets that share it; the others would not be found where there is no multicast. Their answers go to
// whoever asked, since that is on this machine too.
func (h *host) relay(s *side, query []byte) {
	for p := range h.cfg.PortRange {
		if port := h.cfg.BasePort + p; port != s.port {
			_, _ = s.service.WriteToUDPAddrPort(query, netip.AddrPortFrom(s.family.loopback(), port)) // mostly nobody is there
		}
	}
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func (f family) loopback() netip.Addr {
	if f == v6 {
		return netip.IPv6Loopback()
	}
	return loopback
}

func (f family) unspecified() netip.Addr {
	if f == v6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

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

// limiter allows so many takes a second to each address, and a burst. It knows maxAddresses; all others share the credit
// of one, so that whoever invents addresses gets no more by it, and spends nobody's but theirs.
type limiter struct {
	perSecond, burst float64

	mu     sync.Mutex
	by     map[netip.Addr]*bucket
	others bucket
	swept  time.Time // when those that have all their credit were last forgotten
}

type bucket struct {
	level float64
	at    time.Time
}

const maxAddresses = 1024

func newLimiter(perSecond, burst float64) *limiter {
	return &limiter{perSecond: perSecond, burst: burst, by: map[netip.Addr]*bucket{}, others: bucket{level: burst}}
}

// take says whether one more is allowed now; of what is allowed, scale times the credit is.
func (l *limiter) take(from netip.Addr, now time.Time, scale float64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.by[from]
	if b == nil {
		b = l.newcomer(from, now, scale)
	}
	b.level = min(l.burst*scale, b.level+l.perSecond*scale*now.Sub(b.at).Seconds())
	b.at = now
	if b.level < 1 {
		return false
	}
	b.level--
	return true
}

// charge takes what something has cost that take has allowed; the credit may fall below 0.
func (l *limiter) charge(from netip.Addr, cost float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.by[from]; b != nil {
		b.level -= cost
		return
	}
	l.others.level -= cost
}

// newcomer is the credit of an address that has none yet.
func (l *limiter) newcomer(from netip.Addr, now time.Time, scale float64) *bucket {
	if len(l.by) >= maxAddresses && now.Sub(l.swept) > time.Second {
		l.swept = now
		for a, b := range l.by { // whoever would have all credit back is forgotten without a difference
			if l.perSecond*now.Sub(b.at).Seconds() >= l.burst {
				delete(l.by, a)
			}
		}
	}
	if len(l.by) >= maxAddresses {
		return &l.others
	}
	b := &bucket{l.burst * scale, now}
	l.by[from] = b
	return b
}

// asked remembers the questions of the last sameWave.
type asked struct {
	mu   sync.Mutex
	at   map[question]time.Time
	last time.Time // when the old ones were forgotten
}

type question struct {
	from      netip.AddrPort // where the answer goes
	id        string
	predicate uint64 // hash of it
}

var seed = maphash.MakeSeed()

// sameWave is how far apart copies of one question arrive that were sent together, by different ways; the next wave comes
// 0.5 s later.
const (
	sameWave     = 100 * time.Millisecond
	maxQuestions = 4096
)

// first says whether a question is no copy of one that has just come.
func (a *asked) first(q question, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.at == nil || now.Sub(a.last) > sameWave && len(a.at) > maxQuestions/2 || len(a.at) >= maxQuestions {
		old := a.at
		a.at, a.last = map[question]time.Time{}, now
		for q, t := range old {
			if now.Sub(t) < sameWave && len(a.at) < maxQuestions/2 {
				a.at[q] = t
			}
		}
	}
	t, known := a.at[q]
	if known && now.Sub(t) < sameWave {
		return false
	}
	a.at[q] = now
	return true
}

// listenTCP takes the first free port for samples.
func listenTCP(c Config, at netip.Addr) (net.Listener, error) {
	return firstFree(c, at, func(lc *net.ListenConfig, addr string) (net.Listener, error) {
		return lc.Listen(context.Background(), "tcp"+string(familyOf(at)), addr)
	})
}

// listenUDP takes the first free port for questions.
func listenUDP(c Config, at netip.Addr) (*net.UDPConn, error) {
	return firstFree(c, at, func(lc *net.ListenConfig, addr string) (*net.UDPConn, error) {
		return packets(lc.ListenPacket(context.Background(), "udp"+string(familyOf(at)), addr))
	})
}

func packets(conn net.PacketConn, err error) (*net.UDPConn, error) {
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil // that is what udp4 and udp6 make
}

// firstFree listens on the first port of the range that is free, or on any.
func firstFree[C any](c Config, at netip.Addr, listen func(lc *net.ListenConfig, addr string) (C, error)) (C, error) {
	lc := new(net.ListenConfig)
	for p := range c.PortRange {
		if conn, err := listen(lc, netip.AddrPortFrom(at, c.BasePort+p).String()); err == nil {
			return conn, nil
		}
	}
	return listen(lc, netip.AddrPortFrom(at, 0).String())
}

// listenDiscovery shares the discovery port with the other programs of this machine.
func listenDiscovery(c Config, listen netip.Addr) (*net.UDPConn, error) {
	f, at := familyOf(listen), listen
	if !at.IsLoopback() { // what is sent to a group does not arrive at a socket that is bound to an address
		at = f.unspecified()
	}
	lc := net.ListenConfig{Control: shared}
	conn, err := packets(lc.ListenPacket(context.Background(), "udp"+string(f), netip.AddrPortFrom(at, c.DiscoveryPort).String()))
	if err != nil || listen.IsLoopback() {
		return conn, err
	}
	for _, i := range interfaces(f) {
		if !listen.IsUnspecified() && listen != i.addr {
			continue
		}
		for _, g := range c.targets(f) {
			if g.IsMulticast() {
				_ = join(conn, g, i) // an interface that cannot is as if it were not there
			}
		}
	}
	return conn, nil
}

// iface is an interface of this machine: IPv4 knows it by its address, IPv6 by its number.
type iface struct {
	addr  netip.Addr
	index int
}

// interfaces are those of this machine that are up, know multicast and have an address of a family.
func interfaces(f family) []iface {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var out []iface
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagMulticast == 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && familyOf(p.Addr()) == f {
				out = append(out, iface{p.Addr(), i.Index})
				break
			}
		}
	}
	return out
}

// limited is the broadcast to the network that the default route leads to. A machine without a route has none.
var limited = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// broadcasts are the addresses by which all machines of each network are reached that this one is in, whether its interface knows
// multicast or not.
func broadcasts() (out []netip.Addr) {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagBroadcast == 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err != nil || !p.Addr().Is4() || p.Bits() > 30 { // a network of two machines or one has no broadcast
				continue
			}
			if b := lastOf(p); !slices.Contains(out, b) {
				out = append(out, b)
			}
		}
	}
	return out
}

// lastOf is the last address of a network of IPv4.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])|math.MaxUint32>>p.Bits())
	return netip.AddrFrom4(b)
}

func portOf(a net.Addr) uint16 {
	p, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return 0
	}
	return p.Port()
}
