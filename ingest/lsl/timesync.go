package lsl

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/clock"
)

// As liblsl does it; the first wave is quicker, since somebody waits for it.
const (
	probes     = 8
	probeEvery = 64 * time.Millisecond
	probeWait  = 128 * time.Millisecond
	probeFirst = 10 * time.Millisecond
	syncEvery  = 2 * time.Second
)

// timeSync follows how the clock of an outlet stands to ours, by asking its service port.
type timeSync struct {
	held float64 // s, for which an outlet may hold samples back
	uid  string  // of the outlet

	mu     sync.Mutex
	offset clock.Offset
	// guess stands in where the outlet does not answer: the newest sample of the first chunk was measured when it arrived.
	guess    float64
	guessed  bool
	believed bool    // a stamp of the connection was
	off      float64 // s, by which the stamps are ahead of the clock, below 0 for behind; 0 where they are believed
	told     bool    // that they are off
}

// run asks until ctx is done. first is closed behind the first wave.
func (t *timeSync) run(ctx context.Context, at netip.AddrPort, first chan<- struct{}) {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", at.String()) // only the outlet's answers arrive
	if err != nil {
		close(first)
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		if stop() {
			_ = conn.Close()
		}
	}()
	every := probeFirst
	for wave := 1; ctx.Err() == nil; wave++ {
		began := time.Now()
		got := askTime(conn, wave, every)
		t.mu.Lock()
		t.offset.Add(got)
		t.mu.Unlock()
		if wave == 1 {
			close(first)
			every = probeEvery
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(began.Add(syncEvery))):
		}
	}
}

// askTime sends one wave of probes and collects the answers.
func askTime(conn net.Conn, wave int, every time.Duration) []clock.Probe {
	var got []clock.Probe
	buf := make([]byte, 1024)
	id := strconv.Itoa(wave)
	for k := range probes {
		question := fmt.Appendf(nil, "LSL:timedata\r\n%s %s\r\n", id, number(LocalClock()))
		_, _ = conn.Write(question) // nobody may be there; the next may get through
		until := time.Now().Add(every)
		if k == probes-1 {
			until = time.Now().Add(probeWait)
		}
		for len(got) < probes {
			if err := conn.SetReadDeadline(until); err != nil {
				return got
			}
			n, err := conn.Read(buf)
			now := LocalClock()
			if err != nil {
				if time.Now().Before(until) { // refused: wait all the same, somebody may come
					time.Sleep(time.Until(until))
				}
				break
			}
			if p, ok := parseTime(string(buf[:n]), id); ok {
				p.Returned = now
				got = append(got, p)
			}
		}
	}
	return got
}

// parseTime reads the answer to a probe: wave, t0, t1, t2.
func parseTime(s, wave string) (p clock.Probe, ok bool) {
	f := strings.Fields(s)
	if len(f) != 4 || f[0] != wave {
		return p, false
	}
	for k, v := range []*float64{&p.Sent, &p.Received, &p.Answered} {
		var err error
		if *v, err = strconv.ParseFloat(f[k+1], 64); err != nil || *v-*v != 0 {
			return p, false
		}
	}
	return p, true
}

// maxAhead is how far in front of its arrival a sample may seem to be measured, in s: by more than any clock is off within a
// connection whose difference has just been measured.
const maxAhead = 1.0

// maxDelay is how long before its arrival the first sample of a connection can have been measured, in s: no device is later.
const maxDelay = 10.0

// local is a stamp of the outlet on our clock. arrived is when its sample came, with others behind it that were measured within
// length seconds. Samples that would be measured long after they came, or long before, show that the stamps are not of the clock that
// the outlet tells of, or that this was set since it was asked: while that is so, samples are taken to be measured when the first
// chunk of them arrived, as where the outlet tells of no clock: its newest sample, since what waited with it, because somebody stood still,
// was measured before.
func (t *timeSync) local(stamp, length, arrived float64) float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	off := 0.0
	if t.offset.Known() {
		local := stamp + t.offset.At(stamp+t.offset.At(arrived))
		ahead, behind := maxAhead, maxDelay
		switch {
		case t.guessed: // or times would go to and fro where stamps are off by about as much
			ahead, behind = maxAhead/2, maxDelay/2
		case t.believed:
			behind += t.held
		}
		off = local - arrived
		if off < -length {
			off += length
		} else {
			off = max(off, 0)
		}
		if -behind <= off && off <= ahead {
			t.guessed, t.believed, t.off = false, true, 0
			return local
		}
	}
	if t.off == 0 {
		t.off = off
	}
	if !t.guessed {
		t.guess, t.guessed = arrived-(stamp+length), true
	}
	return stamp + t.guess
}

// again forgets what was taken for the clock of the stamps: they jumped. Otherwise all that follows would be as much too old, or too
// young, as they did.
func (t *timeSync) again() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.guessed, t.off = false, 0
}

// mark is local for a single mark. A clock that was set forward shows by a mark of which the guess says that it is still to come.
func (t *timeSync) mark(stamp, arrived float64) float64 {
	t.mu.Lock()
	ahead := t.guessed && stamp+t.guess > arrived+maxAhead/2
	t.mu.Unlock()
	if ahead {
		t.again()
	}
	return t.local(stamp, 0, arrived)
}

// tellOff is by how much the stamps lie ahead of the clock, below 0 for behind, 0 where they are believed; tell holds once for a
// connection.
func (t *timeSync) tellOff() (off float64, tell bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	tell = t.off != 0 && !t.told
	t.told = t.told || tell
	return t.off, tell
}

// figures are offset, bound of its error and drift in ppm, NaN where unknown.
func (t *timeSync) figures(now float64) (offset, bound, ppm float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.offset.At(now), t.offset.Err(), t.offset.DriftPPM()
}

func (t *timeSync) known() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.offset.Known()
}
