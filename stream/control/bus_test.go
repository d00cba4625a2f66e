package control

import (
	"context"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/bus/bustest"
)

// A bus is a Link: no adapter is needed.
var _ Link[*bus.Subscription] = (*bus.Bus)(nil)

// margin is how much later than valid_for_ms after the last good moment a cursor may still move.
const margin = 50 * ms

// outageLength is how long the broker is away: 2 s, and the 10 s of the requirement with GYRUS_SLOW=1 (make test-slow).
func outageLength() time.Duration {
	if os.Getenv("GYRUS_SLOW") == "1" {
		return 10 * time.Second
	}
	return 2 * time.Second
}

// TestDecoderKilled kills a decoder process with SIGKILL while the cursor moves.
func TestDecoderKilled(t *testing.T) {
	t.Parallel()
	b := bustest.Open(t, bus.Options{})
	d := drive(t, b)
	for round := range 3 { // a new process is a new run
		decoder := startDecoder(t, b.URL())
		d.wait(t, true)
		killed := time.Now()
		if err := decoder.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		stood := d.wait(t, false).Sub(killed)
		stopped := d.stop(t, round+1).Sub(killed) // number 0 is that of the start
		t.Logf("round %d: after SIGKILL the cursor stood at %v, OnSafe was called at %v; allowed %v", round, stood, stopped, decoderValid+margin)
		if stood > decoderValid+margin || stopped > decoderValid+margin || stopped < 0 {
			t.Errorf("the cursor stood %v after the kill, OnSafe came at %v; want at most %v", stood, stopped, decoderValid+margin)
		}
	}
	n := d.Counters()
	if n.SafeEntries != 3 || n.Accepted == 0 || n.Malformed+n.Foreign+n.Duplicate != 0 {
		t.Errorf("counters %+v", n)
	}
}

// TestDecoderKilledHand kills the decoder while the hand holds a cup: the grip stays until a new decoder opens it.
func TestDecoderKilledHand(t *testing.T) {
	t.Parallel()
	b := bustest.Open(t, bus.Options{})
	d := driveHand(t, b, Limits{Commands: 40})
	decoder := startDecoder(t, b.URL())
	view := func() *HandView { return d.shown().View.(*HandView) }
	d.wait(t, true)
	for end := time.Now().Add(10 * time.Second); view().Grip < 8; <-time.After(10 * ms) {
		if time.Now().After(end) {
			t.Fatalf("the hand does not close: %+v", view())
		}
	}
	killed := time.Now()
	if err := decoder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	stood := d.wait(t, false).Sub(killed)
	stopped := d.stop(t, 1).Sub(killed)
	t.Logf("after SIGKILL the hand was safe at %v, OnSafe was called at %v; allowed %v", stood, stopped, decoderValid+margin)
	if stood > decoderValid+margin || stopped > decoderValid+margin || stopped < 0 {
		t.Errorf("safe %v after the kill, OnSafe came at %v; want at most %v", stood, stopped, decoderValid+margin)
	}
	before := view()
	<-time.After(500 * ms)
	after := view()
	if after.Object != ObjectHeld || !slices.Equal(before.Joints, after.Joints) {
		t.Errorf("the cup is %s, joints %v before and %v behind; want it held and nothing moved", after.Object, before.Joints, after.Joints)
	}
	startDecoder(t, b.URL())
	d.wait(t, true)
	d.check(t)
	if n := d.Counters(); n.SafeEntries != 1 || n.Rate == 0 {
		t.Errorf("counters %+v, want one safe entry, and commands that came faster than 40 a second held back", n)
	}
}

// TestDecoderEnds: a decoder that ends in order says so, and the cursor stands at once.
func TestDecoderEnds(t *testing.T) {
	t.Parallel()
	b := bustest.Open(t, bus.Options{})
	d := drive(t, b)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- publish(ctx, b, &d.clock) }()
	d.wait(t, true)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	d.wait(t, false)
	if a, ok := d.Receiver.Current(); ok || a.Reason != ReasonEnded {
		t.Errorf("reason %q, want %q", a.Reason, ReasonEnded)
	}
	d.check(t)
}

// TestBrokerStopped stops the broker and starts it again on the same port. Decoder and controller have a connection each,
// and the decoder goes on publishing all the time.
func TestBrokerStopped(t *testing.T) {
	t.Parallel()
	broker, err := bus.Open(t.Context(), bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // of the second broker, behind its clients
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(broker.URL())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	d := drive(t, bustest.Open(t, bus.Options{URL: broker.URL()}))
	hand := driveHand(t, bustest.Open(t, bus.Options{URL: broker.URL()}), Limits{Commands: 30})
	hand.clock = d.clock
	decode(t, bustest.Open(t, bus.Options{URL: broker.URL()}), d)
	d.wait(t, true)
	hand.wait(t, true)

	stopped := time.Now()
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	stood := max(d.wait(t, false).Sub(stopped), hand.wait(t, false).Sub(stopped))
	t.Logf("after the broker's end cursor and hand stood at %v; allowed %v", stood, decoderValid+margin)
	if stood > decoderValid+margin {
		t.Errorf("they stood after %v, want at most %v", stood, decoderValid+margin)
	}
	<-time.After(outageLength() - time.Since(stopped))

	restarted := time.Now()
	if broker, err = bus.Open(t.Context(), bus.Options{Port: port}); err != nil {
		t.Fatal(err)
	}
	recovered := d.wait(t, true).Sub(restarted)
	t.Logf("after the broker's restart the cursor moved at %v, the hand at %v", recovered, hand.wait(t, true).Sub(restarted))
	d.checkNothingFromBefore(t, restarted)
	hand.checkNothingFromBefore(t, restarted)
}

// TestLinkStalls is the outage that the decoder does not notice at once: bytes are stuck on their way and come later. For
// 700 ms the connection survives and everything comes in one burst; after 2 s the client has given it up, and what was
// stuck still reaches the broker.
func TestLinkStalls(t *testing.T) {
	t.Parallel()
	for _, stall := range []time.Duration{700 * ms, outageLength()} {
		t.Run(stall.String(), func(t *testing.T) {
			t.Parallel()
			broker := bustest.Open(t, bus.Options{})
			d := drive(t, broker)
			p := newProxy(t, broker.URL())
			decode(t, bustest.Open(t, bus.Options{URL: p.url()}), d)
			d.wait(t, true)

			p.stall()
			begin := time.Now()
			stood := d.wait(t, false).Sub(begin)
			t.Logf("after the stall began the cursor stood at %v; allowed %v", stood, decoderValid+margin)
			if stood > decoderValid+margin {
				t.Errorf("the cursor stood after %v, want at most %v", stood, decoderValid+margin)
			}
			<-time.After(stall - time.Since(begin))
			healed := time.Now()
			p.heal()
			d.wait(t, true)
			t.Logf("after the link healed the cursor moved at %v", d.wait(t, true).Sub(healed))
			// After 10 s the broker too has given the connection up, so that what was stuck has nowhere to go.
			if late := d.checkNothingFromBefore(t, healed); late == 0 && stall < 3*time.Second {
				t.Error("not one late command arrived: the test showed nothing")
			}
		})
	}
}

// decode runs a decoder in this process until the test ends.
func decode(t *testing.T, b *bus.Bus, d *driver) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- publish(ctx, b, &d.clock) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// checkNothingFromBefore looks at a second of movement after the given end of an outage. It returns how many commands
// from before the end arrived after it.
func (d *driver) checkNothingFromBefore(t *testing.T, end time.Time) (late int) {
	t.Helper()
	<-time.After(time.Second)
	after := 0
	for _, a := range d.check(t) {
		if a.now.Before(end) {
			continue
		}
		after++
		if a.cmd.TPublish < d.clock.At(end) {
			t.Errorf("command %d was published %v before the end of the outage and acted on %v behind it",
				a.cmd.Seq, time.Duration(d.clock.At(end)-a.cmd.TPublish), a.now.Sub(end))
		}
	}
	if after < 50 {
		t.Errorf("%d turns with a command in the second after the outage, want about 100", after)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	verdicts := map[Verdict]int{}
	for _, c := range d.came {
		if c.at.After(end) && c.cmd.TPublish < d.clock.At(end) {
			late++
			verdicts[c.v]++
		}
	}
	t.Logf("%d commands from before the end came behind it: %v", late, verdicts)
	if verdicts[Accepted] != 0 {
		t.Errorf("%d of them were accepted", verdicts[Accepted])
	}
	return late
}

// proxy is a TCP link to a server that can stall: what is under way then waits, and goes on when it heals.
type proxy struct {
	l      net.Listener
	target string

	mu    sync.Mutex
	open  chan struct{} // closed while bytes may pass
	conns []net.Conn
	ended bool
	wg    sync.WaitGroup
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l: l, target: u.Host, open: make(chan struct{})}
	close(p.open)
	p.wg.Go(p.accept)
	t.Cleanup(p.end)
	return p
}

func (p *proxy) url() string { return "nats://" + p.l.Addr().String() }

func (p *proxy) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = make(chan struct{})
}

func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}

func (p *proxy) end() {
	p.heal()
	_ = p.l.Close() // what a broken link says at its end is of no interest, here and below
	p.mu.Lock()
	p.ended = true
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

func (p *proxy) accept() {
	for {
		in, err := p.l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		if p.ended {
			p.mu.Unlock()
			_ = in.Close()
			_ = out.Close()
			return
		}
		p.conns = append(p.conns, in, out)
		p.mu.Unlock()
		p.wg.Go(func() { p.copy(out, in) })
		p.wg.Go(func() { p.copy(in, out) })
	}
}

// copy passes bytes on while the link is open; the end of one side reaches the other behind the bytes before it.
func (p *proxy) copy(dst, src net.Conn) {
	defer func() { _ = dst.Close() }()
	buf := make([]byte, 4096)
	for {
		n, err := src.Read(buf)
		p.mu.Lock()
		open := p.open
		p.mu.Unlock()
		<-open
		if _, werr := dst.Write(buf[:n]); werr != nil || err != nil {
			return
		}
	}
}
