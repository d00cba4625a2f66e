package lsl

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/clock"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func next(t testing.TB, n *Inlet) signal.Chunk {
	t.Helper()
	c, err := n.Next(within(t, 10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckEvents(); err != nil {
		t.Fatal(err)
	}
	return c
}

func ready(t testing.TB, o *Outlet) {
	t.Helper()
	if err := o.WaitReaders(within(t, 10*time.Second), 1); err != nil {
		t.Fatal(err)
	}
}

// until asks for chunks until there are samples up to end.
func until(t testing.TB, n *Inlet, end int64) (all []signal.Chunk) {
	t.Helper()
	for {
		c := next(t, n)
		all = append(all, c.Clone())
		if c.End() >= end {
			return all
		}
	}
}

func pushRun(t testing.TB, o *Outlet, first, n int, begin float64) {
	t.Helper()
	ch := o.Info().Channels
	x := make([]float32, 0, n*ch)
	for k := range n {
		for c := range ch {
			x = append(x, float32(first+k+1000*c))
		}
	}
	if err := PushChunk(o, x, begin+float64(first+n-1)/o.Info().Rate); err != nil {
		t.Fatal(err)
	}
}

// TestRecovery: an outlet is closed and another one with the same source_id comes: a new run, counted.
func TestRecovery(t *testing.T) {
	o := outlet(t, eeg(2), OutletOptions{})
	n := open(t, InletOptions{SourceID: "amp-1"})
	ready(t, o)
	pushRun(t, o, 0, 25, LocalClock())
	if c := next(t, n); c.Start != 0 || c.Len() != 25 || c.Anew {
		t.Fatalf("first chunk: %d samples from %d, anew: %v", c.Len(), c.Start, c.Anew)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	for n.Health().State != signal.LinkLost {
		time.Sleep(time.Millisecond)
	}
	if h := n.Health(); !strings.Contains(h.Detail, "amp-1") {
		t.Errorf("lost: %+v", h)
	}
	o = outlet(t, eeg(2), OutletOptions{})
	ready(t, o)
	pushRun(t, o, 0, 10, LocalClock())
	c := next(t, n)
	if c.Start != 0 || c.Len() != 10 || !c.Anew || c.X[1][0] != 1000 {
		t.Errorf("behind the loss: %d samples from %d, anew: %v", c.Len(), c.Start, c.Anew)
	}
	if age := time.Since(time.Unix(0, c.Time)); age < -time.Second || age > 5*time.Second {
		t.Errorf("behind the loss samples are %s old", age)
	}
	h := n.Health()
	if h.Recoveries != 1 || h.State != signal.LinkRecovered || h.Samples != 35 {
		t.Errorf("health: %+v", h)
	}
	n.mu.Lock()
	n.resumed = n.resumed.Add(-2 * time.Second)
	n.mu.Unlock()
	if h := n.Health(); h.State != signal.LinkConnected && h.State != signal.LinkStalled {
		t.Errorf("two seconds behind the recovery: %+v", h)
	}
}

// breakLink closes the connection of n to o, and waits until both have seen it.
func breakLink(t *testing.T, o *Outlet, n *Inlet) {
	t.Helper()
	n.data.mu.Lock()
	broken := n.data.recv
	n.data.mu.Unlock()
	if err := broken.Close(); err != nil {
		t.Fatal(err)
	}
	seen := func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		return !n.gone.at.IsZero() || n.health.State == signal.LinkLost // told of behind what waits
	}
	for o.Readers() > 0 || !seen() {
		time.Sleep(time.Millisecond)
	}
}

// TestSamplesDroppedAroundABrokenLink: what was thrown away here, before the link broke and behind it, is not counted as lost with it too.
func TestSamplesDroppedAroundABrokenLink(t *testing.T) {
	o := outlet(t, eeg(2), OutletOptions{})
	n := open(t, InletOptions{BufferS: 0.8}) // 200 samples
	ready(t, o)
	begin := LocalClock() - 3 // no stamp lies ahead
	pushRun(t, o, 0, 25, begin)
	next(t, n)
	push := func(from, to int) {
		t.Helper()
		for k := from; k < to; k += 50 {
			pushRun(t, o, k, 50, begin)
			if err := o.Flush(t.Context()); err != nil { // so that the outlet drops nothing
				t.Fatal(err)
			}
		}
	}
	push(25, 325)
	waits := func(dropped uint64) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); n.Health().Dropped < dropped; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d dropped, want %d", n.Health().Dropped, dropped)
			}
		}
	}
	waits(100)
	breakLink(t, o, n)
	pushRun(t, o, 325, 50, begin) // to nobody
	ready(t, o)
	push(375, 725)
	waits(450)
	if c := next(t, n); !c.Anew || c.X[0][0] != 525 {
		t.Errorf("behind the loss comes sample %g, anew: %t", c.X[0][0], c.Anew)
	}
	const off = 5 // samples, by which the clock may be measured otherwise
	if h := n.Health(); h.Dropped != 450 || h.Suspected < 50-off || h.Suspected > 50+off || h.Lost > 0 || h.Recoveries != 1 {
		t.Errorf("%d dropped, %d suspected, %d lost, %d recoveries, want 450, 50 more or less, none and 1", h.Dropped, h.Suspected, h.Lost, h.Recoveries)
	}
}

// TestSamplesLostWithTheLink: what an outlet sends while the link to it is broken is missing, and counted; another one that comes in its place
// has sent nothing that could be.
func TestSamplesLostWithTheLink(t *testing.T) {
	o := outlet(t, eeg(2), OutletOptions{})
	n := open(t, InletOptions{})
	ready(t, o)
	begin := LocalClock()
	pushRun(t, o, 0, 25, begin)
	next(t, n)
	breakLink(t, o, n)
	pushRun(t, o, 25, 50, begin) // to nobody
	ready(t, o)
	pushRun(t, o, 75, 10, begin)
	if c := next(t, n); !c.Anew || c.X[0][0] != 75 {
		t.Errorf("behind the loss comes sample %g, anew: %t", c.X[0][0], c.Anew)
	}
	const off = 5 // samples, by which the clock may be measured otherwise
	h := n.Health()
	if h.Recoveries != 1 || h.Suspected < 50-off || h.Suspected > 50+off || h.Lost+h.Dropped > 0 {
		t.Errorf("health: %+v", h)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	o = outlet(t, eeg(2), OutletOptions{})
	ready(t, o)
	pushRun(t, o, 0, 10, LocalClock()+1)
	next(t, n)
	if again := n.Health(); again.Recoveries != 2 || again.Suspected != h.Suspected {
		t.Errorf("behind another outlet: %+v", again)
	}
}

// TestLossBehindTheLastSample: a stream is lost when everything that it sent has been handed out, what was held back for its stamps too, and
// not before: who is told of the loss may end the recording.
func TestLossBehindTheLastSample(t *testing.T) {
	o := outlet(t, eeg(2), OutletOptions{})
	n := open(t, InletOptions{})
	ready(t, o)
	const whole, late = 100, 10
	begin := LocalClock()
	pushRun(t, o, 0, whole, begin)
	pushRun(t, o, whole, late, begin+0.1) // odd: are samples missing, or was the sender busy?
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if h := n.Health(); h.State == signal.LinkLost {
			t.Fatalf("it is lost (%s) before any of its samples was handed out", h.Detail)
		}
	}
	for got := 0; got < whole+late; {
		if h := n.Health(); h.State == signal.LinkLost {
			t.Fatalf("it is lost behind %d of %d samples", got, whole+late)
		}
		c := next(t, n)
		got += c.Len()
	}
	if h := n.Health(); h.State != signal.LinkLost || !strings.Contains(h.Detail, "amp-1") || h.Samples != whole+late {
		t.Errorf("behind the last sample: %+v", h)
	}
}

// TestLossThatIsOverBeforeItIsTold: a stream that is lost and back before anybody has taken the samples of before is told of as lost behind
// those, once, with the time of the loss.
func TestLossThatIsOverBeforeItIsTold(t *testing.T) {
	o := outlet(t, eeg(2), OutletOptions{})
	n := open(t, InletOptions{})
	ready(t, o)
	recovered := func(k uint64) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); n.Health().Recoveries < k; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("not recovered: %+v", n.Health())
			}
		}
	}
	var closed [3]time.Time
	for k := range 3 {
		pushRun(t, o, 0, 10+k, LocalClock())
		if err := o.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		recovered(uint64(k))
		if closed[k] = time.Now(); k == 2 {
			break
		}
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		o = outlet(t, eeg(2), OutletOptions{})
		ready(t, o)
	}
	for k := range 3 {
		c := next(t, n)
		if c.Len() != 10+k || c.Anew != (k > 0) {
			t.Fatalf("connection %d: %d samples, anew: %v", k, c.Len(), c.Anew)
		}
		h := n.Health()
		if h.Losses != uint64(k) || k > 0 && (h.LostAt.Before(closed[k-1]) || h.LostAt.After(closed[k]) || !strings.Contains(h.LostWhy, "amp-1")) {
			t.Errorf("behind the first samples of connection %d: %d losses, the newest %v, %q; closed %v", k, h.Losses, h.LostAt, h.LostWhy, closed)
		}
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	for n.Health().State != signal.LinkLost {
		time.Sleep(time.Millisecond)
	}
	if h := n.Health(); h.Losses != 3 || h.LostAt.Before(closed[2]) {
		t.Errorf("one that lasts: %+v", h)
	}
}

// TestMarksWithoutSourceID: marks whose stream ends, and that no other could be known to continue, are lost; the samples go on, and another
// stream of the same name is not read in their place.
func TestMarksWithoutSourceID(t *testing.T) {
	o := outlet(t, eeg(2), OutletOptions{})
	cues := StreamInfo{Name: "cues", Type: "Markers", Channels: 1, Format: String}
	marks := outlet(t, cues, OutletOptions{})
	n := open(t, InletOptions{Name: "amp", Markers: "type='Markers'"})
	ready(t, o)
	ready(t, marks)
	if err := marks.Close(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); n.Marks().Over == ""; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the marks are %+v", n.Marks())
		}
	}
	if m := n.Marks(); m.State != signal.LinkLost || !strings.Contains(m.Over, "no source_id") || m.Detail != m.Over {
		t.Errorf("the marks are %+v", m)
	}
	other := outlet(t, cues, OutletOptions{})
	pushRun(t, o, 0, 50, LocalClock())
	until(t, n, 50)
	if err := other.WaitReaders(within(t, 1500*time.Millisecond), 1); err == nil {
		t.Error("another stream of marks is read in their place")
	}
	pushRun(t, o, 50, 50, LocalClock())
	until(t, n, 100)
	if h := n.Health(); h.State != signal.LinkConnected || h.Losses != 0 || n.Marks().State != signal.LinkLost {
		t.Errorf("the samples are %+v, the marks %+v", h, n.Marks())
	}
}

// TestRecoveryWhileNobodyCanBeAsked: where this machine cannot ask for the lost stream, as where all its ports are taken, it says so,
// tries again, and finds the stream when it can.
func TestRecoveryWhileNobodyCanBeAsked(t *testing.T) {
	outlet(t, eeg(2), OutletOptions{})
	good := loop(t)
	lost := eeg(2)
	var said []string
	l := &link{cfg: *good, buffer: 100, accept: func(StreamInfo) error { return nil }}
	l.cfg.PortRange = 0 // nothing can be asked with it
	l.state = func(s signal.LinkState, detail string) {
		if said = append(said, string(s)+": "+detail); len(said) == 3 {
			l.cfg = *good
		}
	}
	recv, err := l.recover(within(t, 10*time.Second), &lost)
	if err != nil {
		t.Fatal(err)
	}
	if err := recv.Close(); err != nil {
		t.Error(err)
	}
	if len(said) != 3 || !strings.HasPrefix(said[2], `lost: cannot look for source_id "amp-1", and tries again: `) {
		t.Errorf("said %q", said)
	}
	l.cfg.PortRange = 0
	ctx, cancel := context.WithCancel(t.Context())
	l.state = func(signal.LinkState, string) { cancel() }
	if _, err := l.recover(ctx, &lost); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestNotTheSame: what comes in place of a lost stream is refused where it is another one, and what has no source_id does
// not come back.
func TestNotTheSame(t *testing.T) {
	for what, change := range map[string]func(*StreamInfo){
		"rate":   func(i *StreamInfo) { i.Rate = 500 },
		"labels": func(i *StreamInfo) { i.Desc.Child("channels").Children[0].Child("label").Text = "Oz" },
		"unit":   func(i *StreamInfo) { i.Desc.Child("channels").Children[0].Child("unit").Text = "mV" },
	} {
		cfg := loop(t)
		cfg.SessionID += what
		o := outlet(t, eeg(2), OutletOptions{Config: cfg})
		n := open(t, InletOptions{Config: cfg})
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		i := eeg(2)
		change(&i)
		outlet(t, i, OutletOptions{Config: cfg})
		if _, err := n.Next(within(t, 10*time.Second)); !errors.Is(err, signal.ErrLost) || !strings.Contains(err.Error(), "came back as another") {
			t.Errorf("%s: %v, want ErrLost", what, err)
		}
	}
	i := eeg(2)
	i.SourceID = ""
	o := outlet(t, i, OutletOptions{})
	n := open(t, InletOptions{})
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Next(within(t, 10*time.Second)); !errors.Is(err, signal.ErrLost) || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "no source_id") {
		t.Errorf("without source_id: %v, want ErrLost", err)
	}
	if s := n.Health().State; s != signal.LinkLost {
		t.Errorf("state %s, want lost", s)
	}
}

// TestGaps: what is missing shows as a jump of Start, counted for what it is.
func TestGaps(t *testing.T) {
	o := outlet(t, eeg(2), OutletOptions{})
	n := open(t, InletOptions{BufferS: 8}) // 2000 samples
	ready(t, o)
	begin := LocalClock()
	for k := 0; k < 1500; k += 25 {
		pushRun(t, o, k, 25, begin)
	}
	until(t, n, 1500)
	for k := 1600; k < 2200; k += 25 { // 100 samples are never sent
		pushRun(t, o, k, 25, begin)
	}
	chunks := until(t, n, 2200)
	if c := chunks[0]; c.Start != 1600 || c.X[0][0] != 1600 || c.Anew {
		t.Errorf("behind the gap: sample %g is number %d", c.X[0][0], c.Start)
	}
	if h := n.Health(); h.Suspected != 100 || h.Lost+h.Dropped+h.Jumps != 0 {
		t.Errorf("health: %+v", h)
	}
	// Nobody calls Next while more comes than fits: the oldest are lost here, and known.
	for k := 2200; k < 8200; k += 50 {
		pushRun(t, o, k, 50, begin)
		if err := o.Flush(t.Context()); err != nil { // so that the outlet drops nothing
			t.Fatal(err)
		}
	}
	for n.Health().Dropped < 4000 {
		time.Sleep(time.Millisecond)
	}
	chunks = until(t, n, 8200)
	if c := chunks[0]; c.Start != 6200 || c.X[0][0] != 6200 {
		t.Errorf("behind the overflow: sample %g is number %d", c.X[0][0], c.Start)
	}
	if h := n.Health(); h.Dropped != 4000 || h.Lost != 0 || h.Suspected != 100 {
		t.Errorf("health: %+v", h)
	}
	pushRun(t, o, 8200-5000, 500, begin) // the sender's clock goes back by 20 s
	if c := next(t, n); !c.Anew || c.Start != 0 || n.Health().Jumps != 1 {
		t.Errorf("behind the jump: %d samples from %d, anew: %v; %+v", c.Len(), c.Start, c.Anew, n.Health())
	}
}

// TestForeignStampsJump: where samples count as of when they arrive, since the stamps are not of the clock that the outlet tells of,
// they go on to do so behind every jump of these stamps.
func TestForeignStampsJump(t *testing.T) {
	o := outlet(t, eeg(2), OutletOptions{})
	marks := outlet(t, StreamInfo{Name: "cues", Type: "Markers", Channels: 1, Format: String, SourceID: "cues-1"}, OutletOptions{})
	n := open(t, InletOptions{Name: "amp", Markers: "type='Markers'"})
	ready(t, o)
	ready(t, marks)
	at, begin := 0.0, LocalClock() // what is added to our clock
	pushed := 0
	push := func(chunks int) (last signal.Chunk) { // of 0.1 s, as they come from a device
		t.Helper()
		for range chunks {
			due := begin + float64(pushed+25)/250
			time.Sleep(time.Duration((due - LocalClock()) * 1e9))
			if late := LocalClock() - due; late > 0.25 { // no device sends like that, and what counts as of when it arrives is as late
				t.Skipf("this machine stood still for %.2f s", late)
			}
			pushRun(t, o, pushed, 25, begin+at)
			pushed += 25
			last = next(t, n).Clone()
		}
		return last
	}
	for _, jump := range []float64{1.7e9, -3, -40, 20, 60} {
		at += jump
		chunks := 10
		if jump > 0 { // a gap is told from a jump only by what follows
			chunks = 30
		}
		c := push(chunks)
		if off := float64(Wall(LocalClock())-c.TimeAt(c.End()-1)) / 1e9; off < -0.5 || off > 0.7 {
			t.Errorf("behind a jump by %g s samples that have just come are %.3f s old", jump, off)
		}
		if err := Push(marks, []string{"a"}, LocalClock()+at); err != nil {
			t.Fatal(err)
		}
		was := n.Marks().N
		for end := time.Now().Add(10 * time.Second); n.Marks().N == was && time.Now().Before(end); time.Sleep(time.Millisecond) {
		}
		push(4)
		if m := n.Marks(); m.TooLate > 0 || m.LagS > 0.7 || m.Waiting > 0 {
			t.Errorf("behind a jump by %g s: marks %+v", jump, m)
		}
	}
	if h := n.Health(); h.Jumps != 4 {
		t.Errorf("%d jumps, want 4: %+v", h.Jumps, h)
	}
}

// TestForeignStampsBehindAStandstill: where samples count as of when they arrive and nobody took any for three seconds, those that waited
// are as old as that, and neither they nor what comes behind them count as measured when it is still to come.
func TestForeignStampsBehindAStandstill(t *testing.T) {
	const ahead, rate = 1.7e9, 250.0
	o := outlet(t, eeg(2), OutletOptions{})
	n := open(t, InletOptions{Name: "amp"})
	ready(t, o)
	begin, pushed := LocalClock()-3, 0
	push := func(samples int) {
		t.Helper()
		time.Sleep(time.Duration((begin + float64(pushed+samples)/rate - LocalClock()) * 1e9))
		pushRun(t, o, pushed, samples, begin+ahead)
		pushed += samples
	}
	push(3 * rate)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		n.mu.Lock()
		came := n.in.len()
		n.mu.Unlock()
		if came == 3*rate {
			break
		}
	}
	for got := int64(0); got < 4*rate; {
		if got == int64(pushed) {
			push(rate / 10)
		}
		c := next(t, n)
		got = c.End()
		measured := Wall(begin + float64(got)/rate) // as the device did
		if off := time.Duration(c.TimeAt(got-1) - measured); off < -250*time.Millisecond || off > 500*time.Millisecond {
			t.Fatalf("sample %d counts as measured %v behind when it was", got-1, off)
		}
	}
}

// TestCounterChannel: a channel that counts to 10 tells a loss of one sample, at once.
func TestCounterChannel(t *testing.T) {
	i := eeg(2)
	o := outlet(t, i, OutletOptions{})
	n := open(t, InletOptions{Counter: "Ch2", Modulus: 10})
	ready(t, o)
	begin := LocalClock()
	push := func(k int) {
		if err := Push(o, []float32{float32(k), float32(k % 10)}, begin+float64(k)/250); err != nil {
			t.Fatal(err)
		}
	}
	for k := range 100 {
		push(k)
	}
	push(101)
	all := until(t, n, 102)
	if c := all[len(all)-1]; c.Start != 101 || c.X[0][0] != 101 {
		t.Errorf("sample %g is number %d", c.X[0][0], c.Start)
	}
	if h := n.Health(); h.Lost != 1 || h.Suspected != 0 {
		t.Errorf("health: %+v", h)
	}
	if _, err := Open(t.Context(), InletOptions{Config: loop(t), Counter: "Cz"}); err == nil || !strings.Contains(err.Error(), "Ch1, Ch2") {
		t.Errorf("a counter that is no channel: %v", err)
	}
}

// TestMarks become events at their samples.
func TestMarks(t *testing.T) {
	o := outlet(t, eeg(2), OutletOptions{})
	marks := outlet(t, StreamInfo{Name: "cues", Type: "Markers", Channels: 1, Format: String, SourceID: "cues-1"}, OutletOptions{})
	n := open(t, InletOptions{Name: "amp", Markers: "type='Markers'", MarkersWait: 100 * time.Millisecond})
	ready(t, o)
	ready(t, marks)
	begin := LocalClock()
	for _, m := range []struct {
		label string
		at    float64
	}{{"left", 10.2}, {"right", 60}, {"early", -2}} {
		if err := Push(marks, []string{m.label}, begin+m.at/250); err != nil {
			t.Fatal(err)
		}
	}
	pushRun(t, o, 0, 50, begin)
	got, late := map[string]signal.Event{}, map[string]signal.Event{}
	add := func(c signal.Chunk) {
		for _, e := range c.Events {
			got[e.Label] = e
		}
		for _, e := range c.Late {
			late[e.Label] = e
		}
	}
	for _, c := range until(t, n, 50) {
		add(c)
	}
	pushRun(t, o, 50, 50, begin)
	for _, c := range until(t, n, 100) {
		add(c)
	}
	if len(got) != 2 || got["left"].Sample != 10 || math.Abs(got["left"].Onset-10.2/250) > 1e-3 || got["right"].Sample != 60 {
		t.Errorf("events: %+v", got)
	}
	if len(late) != 1 || late["early"].Sample != -2 || math.Abs(late["early"].Onset+2./250) > 1e-3 { // before the first sample
		t.Errorf("late events: %+v", late)
	}
	if m := n.Marks(); m.Late != 1 || m.N != 3 || m.State != signal.LinkConnected {
		t.Errorf("the marks: %+v, want 3, 1 of them late", m)
	}
	if _, err := Open(within(t, 5*time.Second), InletOptions{Config: loop(t), Name: "cues"}); err == nil || !strings.Contains(err.Error(), "cannot be read as a signal") {
		t.Errorf("marks as a signal: %v", err)
	}
	if err := marks.Close(); err != nil {
		t.Fatal(err)
	}
	becomes := func(s signal.LinkState) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); n.Marks().State != s; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the stream of marks is %+v, want %s", n.Marks(), s)
			}
		}
	}
	becomes(signal.LinkLost)
	outlet(t, StreamInfo{Name: "cues", Type: "Markers", Channels: 1, Format: String, SourceID: "cues-1"}, OutletOptions{})
	becomes(signal.LinkConnected) // though no mark comes
	if m := n.Marks(); m.N != 3 || !strings.Contains(m.Detail, "cues-1") {
		t.Errorf("the marks: %+v", m)
	}
}

// TestTextsThatAreNotUTF8 are read as Latin-1, as marks and alone, which is said once and counted: files that have texts take nothing else.
func TestTextsThatAreNotUTF8(t *testing.T) {
	o := outlet(t, eeg(2), OutletOptions{})
	marks := outlet(t, StreamInfo{Name: "cues", Type: "Markers", Channels: 2, Format: String, SourceID: "cues-1"}, OutletOptions{})
	n := open(t, InletOptions{Name: "amp", Markers: "type='Markers'", MarkersWait: 100 * time.Millisecond})
	alone, err := OpenIrregular(within(t, 10*time.Second), InletOptions{Config: loop(t), Name: "cues"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := alone.Close(); err != nil {
			t.Error(err)
		}
	}()
	ready(t, o)
	if err := marks.WaitReaders(within(t, 10*time.Second), 2); err != nil {
		t.Fatal(err)
	}
	begin := LocalClock()
	for k, m := range [][]string{{"\xff\xfe", "\xf6ffnen"}, {"öffnen", "a"}, {"a", "\xe4"}} {
		if err := Push(marks, m, begin+float64(10*k+10)/250); err != nil {
			t.Fatal(err)
		}
	}
	pushRun(t, o, 0, 50, begin)
	var labels []string
	for _, c := range until(t, n, 50) {
		for _, e := range c.Events {
			labels = append(labels, e.Label)
		}
	}
	want := []string{"ÿþ,öffnen", "öffnen,a", "a,ä"}
	if !slices.Equal(labels, want) {
		t.Errorf("marks: %q, want %q", labels, want)
	}
	labels = nil
	for len(labels) < len(want) {
		all, err := alone.Next(within(t, 10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			labels = append(labels, strings.Join(m.Texts, ","))
		}
	}
	if !slices.Equal(labels, want) {
		t.Errorf("alone: %q, want %q", labels, want)
	}
	for _, m := range []signal.Marks{n.Marks(), alone.Marks()} {
		if m.NotUTF8 != 2 || strings.Count(m.Detail, "are not UTF-8, and read as Latin-1") != 1 {
			t.Errorf("%+v", m)
		}
	}
}

// TestLateMarks point back to the samples where they were, however late they come.
func TestLateMarks(t *testing.T) {
	o := outlet(t, eeg(2), OutletOptions{})
	marks := outlet(t, StreamInfo{Name: "cues", Type: "Markers", Channels: 1, Format: String, SourceID: "cues-1"}, OutletOptions{})
	n := open(t, InletOptions{Name: "amp", Markers: "type='Markers'", MarkersWait: 50 * time.Millisecond})
	ready(t, o)
	ready(t, marks)
	begin := LocalClock() - 2
	pushRun(t, o, 0, 500, begin)
	for _, c := range until(t, n, 500) {
		if len(c.Events)+len(c.Late) != 0 {
			t.Errorf("events %v, %v before there are any", c.Events, c.Late)
		}
	}
	for _, m := range []struct {
		label string
		at    float64
	}{{"half a second", 400.2}, {"two seconds", 10}, {"on time", 510}} {
		if err := Push(marks, []string{m.label}, begin+m.at/250); err != nil {
			t.Fatal(err)
		}
	}
	pushRun(t, o, 500, 50, begin)
	var late, events []signal.Event
	for _, c := range until(t, n, 550) {
		if err := c.CheckEvents(); err != nil {
			t.Error(err)
		}
		late, events = append(late, c.Late...), append(events, c.Events...)
	}
	if len(late) != 2 || late[0].Label != "two seconds" || late[0].Sample != 10 || late[1].Sample != 400 || math.Abs(late[1].Onset-400.2/250) > 1e-3 || len(events) != 1 || events[0].Sample != 510 {
		t.Errorf("late %+v, on time %+v", late, events)
	}
	if m := n.Marks(); m.N != 3 || m.Late != 2 || m.TooLate != 1 || m.Lost+m.Waiting != 0 || math.Abs(m.LagS-490./250) > 0.01 {
		t.Errorf("marks: %+v", m)
	}
	if err := Push(marks, []string{"behind the end"}, begin+560./250); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); n.Marks().Waiting != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("a mark that waits for its sample: %+v", n.Marks())
		}
	}
}

// TestDelays: what is taken off the samples moves marks against them by as much, and what is taken off the marks back.
func TestDelays(t *testing.T) {
	for _, tc := range []struct{ samples, marks, want float64 }{{0, 0, 100}, {0.06, 0, 115}, {0.06, 0.06, 100}, {0, 0.02, 95}, {-0.1, 0, 75}} {
		o := outlet(t, eeg(2), OutletOptions{})
		marks := outlet(t, StreamInfo{Name: "cues", Type: "Markers", Channels: 1, Format: String, SourceID: "cues-1"}, OutletOptions{})
		n := open(t, InletOptions{Name: "amp", Markers: "type='Markers'", MarkersWait: 100 * time.Millisecond, DelayS: tc.samples, MarkersDelayS: tc.marks})
		ready(t, o)
		ready(t, marks)
		begin := LocalClock() - 0.8
		if err := Push(marks, []string{"x"}, begin+100./250); err != nil {
			t.Fatal(err)
		}
		pushRun(t, o, 0, 200, begin)
		var got []signal.Event
		for _, c := range until(t, n, 200) {
			got = append(got, c.Events...)
		}
		if len(got) != 1 || float64(got[0].Sample) != tc.want || math.Abs(got[0].Onset-tc.want/250) > 1e-3 {
			t.Errorf("delays of %g s and %g s: %+v, want sample %g", tc.samples, tc.marks, got, tc.want)
		}
		for _, o := range []*Outlet{o, marks} {
			if err := o.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestMarksOfAnotherClock count as of when they arrive, and that is said.
func TestMarksOfAnotherClock(t *testing.T) {
	o := outlet(t, eeg(2), OutletOptions{})
	marks := outlet(t, StreamInfo{Name: "cues", Type: "Markers", Channels: 1, Format: String, SourceID: "cues-1"}, OutletOptions{})
	n := open(t, InletOptions{Name: "amp", Markers: "type='Markers'", MarkersWait: 50 * time.Millisecond})
	ready(t, o)
	ready(t, marks)
	begin := LocalClock()
	if err := Push(marks, []string{"a"}, begin-3600); err != nil { // an hour behind
		t.Fatal(err)
	}
	for n.Marks().N < 1 {
		time.Sleep(time.Millisecond)
	}
	seen := LocalClock()
	pushRun(t, o, 0, 2500, begin-5)
	var got []signal.Event
	for _, c := range until(t, n, 2500) {
		got = append(got, c.Events...)
	}
	if len(got) != 1 || got[0].Onset < 5 || got[0].Onset > 5+seen-begin {
		t.Errorf("%+v, want a at 5 s to %g s", got, 5+seen-begin)
	}
	if m := n.Marks(); math.Abs(m.StampsOffS+3600) > 1 || m.Late != 0 || !strings.Contains(m.Detail, "its stamps lie 3.6e+03 s behind the clock that it tells of: marks are taken to be of when they arrive") {
		t.Errorf("marks: %+v", m)
	}
}

// TestMarksOfNumbers are their text.
func TestMarksOfNumbers(t *testing.T) {
	for f, want := range map[Format]string{Float32: "1.5,-2", Float64: "1.5,-2", Int64: "1,-2", Int32: "1,-2", Int16: "1,-2", Int8: "1,-2", String: "a,b"} {
		s := Samples{shape: shape{f, 2, littleEndian}, at: []int{0}}
		switch f {
		case Float32:
			s.buf = appendValues(nil, []float32{1.5, -2})
		case Float64:
			s.buf = appendValues(nil, []float64{1.5, -2})
		case Int64:
			s.buf = appendValues(nil, []int64{1, -2})
		case Int32:
			s.buf = appendValues(nil, []int32{1, -2})
		case Int16:
			s.buf = appendValues(nil, []int16{1, -2})
		case Int8:
			s.buf = appendValues(nil, []int8{1, -2})
		default:
			s.buf = appendValues(nil, []string{"a", "b"})
		}
		if got, _ := s.labels(); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v, want %s", f, got, want)
		}
	}
}

func TestOpenSaysWhatWasSeen(t *testing.T) {
	cfg := loop(t)
	_, err := Open(t.Context(), InletOptions{Config: cfg, Name: "amp", Wait: 50 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "no stream of LSL was seen at all") || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nothing there: %v", err)
	}
	outlet(t, eeg(2), OutletOptions{})
	_, err = Open(t.Context(), InletOptions{Config: cfg, Name: "cap", Wait: 50 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), `seen were "amp" (type "EEG", 2 × float32, 250 Hz, source_id "amp-1"`) {
		t.Errorf("another one there: %v", err)
	}
	i := eeg(2)
	i.SourceID = "amp-2"
	outlet(t, i, OutletOptions{})
	_, err = Open(within(t, 5*time.Second), InletOptions{Config: cfg, Name: "amp"})
	if err == nil || !strings.Contains(err.Error(), "2 streams match") || !strings.Contains(err.Error(), "amp-2") {
		t.Errorf("two there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = Open(ctx, InletOptions{Config: cfg, Name: "cap"}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestEightOutlets of one process, and of names that need care, are all found and told apart.
func TestEightOutlets(t *testing.T) {
	names := []string{"a", "b", "it's", `say "x"`, `both ' and "`, "<&>", "µV €", "h"}
	for _, name := range names {
		i := eeg(1)
		i.Name, i.SourceID = name, name
		outlet(t, i, OutletOptions{})
	}
	cfg := loop(t)
	found, err := Resolve(t.Context(), ResolveOptions{Config: cfg, Least: len(names)})
	if err != nil || len(found) != len(names) {
		t.Fatalf("found %v, %v", namesOf(found), err)
	}
	for _, name := range names {
		found, err := Resolve(t.Context(), ResolveOptions{Config: cfg, Predicate: "name=" + literal(name), Least: 1})
		if err != nil || len(found) != 1 || found[0].Name != name {
			t.Errorf("%s: found %v, %v", name, namesOf(found), err)
		}
	}
	other := *cfg
	other.SessionID = "another laboratory"
	if found, err := Resolve(t.Context(), ResolveOptions{Config: &other, Wait: 300 * time.Millisecond}); err != nil || len(found) != 0 {
		t.Errorf("another session sees %v, %v", namesOf(found), err)
	}
}

// fake is an outlet that behaves as answer says, whatever is asked.
func fake(t *testing.T, answer func(c net.Conn)) StreamInfo {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(c)
			for {
				if line, err := r.ReadString('\n'); err != nil || line == "\r\n" || strings.HasPrefix(line, "LSL:fullinfo") {
					break
				}
			}
			answer(c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-done })
	i := eeg(2)
	i.UID, i.Version, i.Addr, i.DataPort = "u", 110, netip.MustParseAddr("127.0.0.1"), portOf(ln.Addr())
	return i
}

// TestMalformedPeers end in an error that says why, and soon.
func TestMalformedPeers(t *testing.T) {
	ok := "LSL/110 200 OK\r\nUID: u\r\nByte-Order: 1234\r\nSuppress-Subnormals: 0\r\nData-Protocol-Version: 110\r\n\r\n"
	good := ok + string(patterns(Float32, 2))
	for _, tc := range []struct{ what, answer, want string }{
		{"closes at once", "", "EOF"},
		{"another protocol", "HTTP/1.1 200 OK\r\n\r\n", "must begin with LSL/"},
		{"no status", "LSL/110 fine\r\n\r\n", "must have a number"},
		{"stale", "LSL/110 404 Not found", "is gone"},
		{"moved", "LSL/110 301 Moved\r\n", "is gone"},
		{"refuses", "LSL/110 505 Version not supported", "refuses: 505 Version not supported"},
		{"another uid", strings.Replace(ok, "UID: u", "UID: v", 1), "another one, v"},
		{"protocol 1.00", strings.Replace(ok, "Version: 110", "Version: 100", 1), "only 110 is understood"},
		{"a strange byte order", strings.Replace(ok, "1234", "3412", 1), "byte order"},
		{"endless headers", "LSL/110 200 OK\r\n" + strings.Repeat("a: b\r\n", 1000), "header lines"},
		{"an endless line", "LSL/110 200 OK\r\n" + strings.Repeat("a", 1<<20), "longer than"},
		{"patterns that are cut", good[:len(good)-1], "test patterns"},
		{"other patterns", good[:len(good)-1] + "x", "understand the format differently"},
		{"byte order that does not fit", strings.Replace(good, "1234", "4321", 1), "understand the format differently"},
		{"a bad tag", good + "\x03", "must be 01 or 02"},
		{"ends within a sample", good + "\x01\x00", "within a sample"},
		{"ends between samples", good + string(appendValues([]byte{1}, []float32{1, 2})), "EOF"},
	} {
		i := fake(t, func(c net.Conn) { _, _ = io.WriteString(c, tc.answer) })
		r, err := Connect(t.Context(), i, 100)
		for err == nil {
			_, err = r.Read()
		}
		if !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.what, err, tc.want)
		}
		if r != nil {
			_ = r.Close()
		}
	}
	text := fake(t, func(c net.Conn) {
		_, _ = io.WriteString(c, ok+string(patterns(String, 2))+"\x01\x08\xff\xff\xff\xff\xff\xff\xff\x7f")
	})
	text.Format = String
	r, err := Connect(t.Context(), text, 100)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(); err == nil || !strings.Contains(err.Error(), "at most") || len(r.buf) > readLen {
		t.Errorf("a string of 2^63 bytes: %v, buffer %d", err, len(r.buf))
	}
	_ = r.Close()

	hang := make(chan struct{})
	silent := fake(t, func(net.Conn) { <-hang })
	for what, ask := range map[string]func(context.Context) error{
		"samples":     func(ctx context.Context) error { _, err := Connect(ctx, silent, 100); return err },
		"description": func(ctx context.Context) error { _, err := FullInfo(ctx, silent); return err },
	} {
		if err := ask(within(t, 50*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "did not answer") {
			t.Errorf("a peer that says nothing when asked for its %s: %v", what, err)
		}
	}
	close(hang)
	for what, doc := range map[string]string{"no XML": "hello", "nothing": "", "too long": "<info>" + strings.Repeat("x", maxXML), "another stream": string((&StreamInfo{Name: "x", Channels: 1, Format: 1, UID: "v", Version: 110}).document(true))} {
		if got, err := FullInfo(t.Context(), fake(t, func(c net.Conn) { _, _ = io.WriteString(c, doc) })); err == nil {
			t.Errorf("description: %s: %+v", what, got)
		}
	}
}

// TestStampsThatAreNoTimes: samples before the first stamp of a connection have no time and are left out, later ones are where
// the others say, and all are counted. A stream without any is an error.
func TestStampsThatAreNoTimes(t *testing.T) {
	head := "LSL/110 200 OK\r\nUID: u\r\nByte-Order: 1234\r\nSuppress-Subnormals: 0\r\nData-Protocol-Version: 110\r\n\r\n" + string(patterns(Float32, 2))
	one := func(v float32, stamp ...float64) string {
		b := []byte{1}
		if len(stamp) > 0 {
			b = binary.LittleEndian.AppendUint64([]byte{2}, math.Float64bits(stamp[0]))
		}
		return string(appendValues(b, []float32{v, v}))
	}
	nan := math.NaN()
	body := one(0) + one(1, nan) + one(2) + one(3, 100) + one(4) + one(5, math.Inf(1)) + one(6, 1e300) + one(7, 1.76e12) + one(8, -nan) + one(9, 100.024)
	r, err := Connect(t.Context(), fake(t, func(c net.Conn) { _, _ = io.WriteString(c, head+body) }), 100)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	var values []float32
	var stamps []float64
	var sent []bool
	unstamped := 0
	for {
		s, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		values, stamps, sent, unstamped = AppendValues(values, s), append(stamps, s.Stamps...), append(sent, s.Sent...), unstamped+s.Unstamped
	}
	if len(stamps) != 7 || len(values) != 14 || values[0] != 3 || values[13] != 9 || unstamped != 3+4 {
		t.Fatalf("%d samples, values %v, %d without a time; want 7, from 3 to 9, 7", len(stamps), values, unstamped)
	}
	for k, want := range []float64{100, 100.004, 100.008, 100.012, 100.016, 100.020, 100.024} {
		if math.Abs(stamps[k]-want) > 1e-9 || sent[k] != (k == 0 || k == 6) {
			t.Errorf("sample %d at %g, sent %t; want %g", k, stamps[k], sent[k], want)
		}
	}

	endless := fake(t, func(c net.Conn) {
		_, _ = io.WriteString(c, head)
		for {
			if _, err := io.WriteString(c, strings.Repeat(one(1, nan), 100)); err != nil {
				return
			}
		}
	})
	none, err := Connect(t.Context(), endless, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = none.Close() }()
	for err == nil {
		var s *Samples
		if s, err = none.Read(); s != nil && s.Len() > 0 {
			t.Fatalf("%d samples without a time", s.Len())
		}
	}
	if !strings.Contains(err.Error(), "has a stamp that is a time in seconds") {
		t.Errorf("a stream without times: %v", err)
	}
}

// TestStampsAhead: stamps that are not of the clock that the outlet tells of do not make samples younger than they are.
func TestStampsAhead(t *testing.T) {
	var ts timeSync
	now := LocalClock()
	ts.offset.Add([]clock.Probe{{Sent: now, Received: now + 50, Answered: now + 50, Returned: now + 1e-4}}) // its clock is 50 s ahead
	if got := ts.local(now+50, 0, now+0.01); math.Abs(got-now) > 1e-3 {
		t.Errorf("a good stamp is %g s off", got-now)
	}
	for k := range 5 { // as by time.time() where the clock counts from the start of the machine
		at := now + float64(k)
		if got := ts.local(1.7e9+at, 0, at+0.01); math.Abs(got-(at+0.01)) > 1e-3 {
			t.Errorf("stamp %d, 1.7e9 s ahead, is taken for %g s after its arrival", k, got-at)
		}
		if off, tell := ts.tellOff(); off < 1e9 || tell != (k == 0) {
			t.Errorf("stamp %d tells of %g s: %v", k, off, tell)
		}
	}
	for _, off := range []float64{1e11, -1e11, 2e10, -5e9} { // an outlet that tells any time makes nothing young or old
		var lie timeSync
		lie.offset.Add([]clock.Probe{{Sent: now, Received: now - off, Answered: now - off, Returned: now + 1e-4}})
		if got := lie.local(now, 0, now+0.01); math.Abs(got-now) > 0.1 {
			t.Errorf("a clock that is said to be %g s off: a sample is taken for %g s after its arrival", off, got-now)
		}
	}
	if got := ts.local(now+60, 0, now+10.01); math.Abs(got-now-10) > 1e-3 {
		t.Errorf("a good stamp behind them is %g s off", got-now-10)
	}
}

// TestStampsBehind: the first samples of a connection that lie further behind than any device is late are not of the clock that the
// outlet tells of; those behind good ones may have been held up on the way. What counts is the newest sample of a chunk.
func TestStampsBehind(t *testing.T) {
	now := LocalClock()
	same := []clock.Probe{{Sent: now, Received: now, Answered: now, Returned: now + 1e-4}}
	for _, tc := range []struct {
		name           string
		behind, length float64
		believed       bool
	}{
		{"a slow device", 5, 0, true},
		{"a long chunk", 14, 12, true},
		{"half a minute behind", 30, 0, false},
		{"half a minute behind, in a long chunk", 42, 12, false},
		{"from 0", now, 0, false},
		{"eleven days", 1e6 - 1, 0, false},
	} {
		ts := timeSync{held: 60}
		ts.offset.Add(same)
		for k := range 40 {
			at := now + float64(k)
			got := ts.local(at-tc.behind, tc.length, at)
			want := at - tc.behind
			if !tc.believed { // the newest of the chunk was measured when it came
				want = at - tc.length
			}
			if math.Abs(got-want) > 1e-3 {
				t.Errorf("%s: after %d s a sample is taken for %g s before its arrival", tc.name, k, at-got)
				break
			}
			off, tell := ts.tellOff()
			if tell != (!tc.believed && k == 0) || (off == 0) != tc.believed || !tc.believed && math.Abs(off-(tc.length-tc.behind)) > 1e-3 {
				t.Errorf("%s: after %d s it tells of %g s: %v", tc.name, k, off, tell)
			}
		}
	}
	ts := timeSync{held: 60}
	ts.offset.Add(same)
	for _, behind := range []float64{0.05, 45, 0.05} { // the network was down
		if got := ts.local(now-behind, 0, now); math.Abs(got-(now-behind)) > 1e-3 {
			t.Errorf("a sample that was held up for %g s is taken for %g s before its arrival", behind, now-got)
		}
	}
	if got := ts.local(now-100, 0, now); math.Abs(got-now) > 1e-3 {
		t.Errorf("a sample 100 s before its arrival, of which buffers explain 70, is taken for %g s before it", now-got)
	}
}

// TestStampsAboutAsFarAhead: where stamps are ahead by about what is believed, times do not go to and fro with each delay on the
// way, and it is told once.
func TestStampsAboutAsFarAhead(t *testing.T) {
	var ts timeSync
	now := LocalClock()
	ts.offset.Add([]clock.Probe{{Sent: now, Received: now, Answered: now, Returned: now + 1e-4}})
	last, told := math.Inf(-1), 0
	for k := range 100 {
		at := now + 0.1*float64(k)
		late := 0.005 + 0.002*float64(k%2) // the way takes 5 ms, then 7
		got := ts.local(at+maxAhead+0.006, 0, at+late)
		if k > 0 && math.Abs(got-last-0.1) > 0.01 {
			t.Fatalf("chunk %d is taken for %g s behind the one before, want 0.1", k, got-last)
		}
		last = got
		if _, tell := ts.tellOff(); tell {
			told++
		}
	}
	for k := range 6 { // a clock that is set to and fro
		ts.local(now+20+float64(k%2)*30, 0, now+20)
		if _, tell := ts.tellOff(); tell {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}

// TestWatchdog: silence alone does not end a connection while the outlet answers; where it does not, it is lost.
func TestWatchdog(t *testing.T) {
	o := outlet(t, eeg(2), OutletOptions{})
	n := open(t, InletOptions{Watchdog: 100 * time.Millisecond, Stall: 50 * time.Millisecond})
	ready(t, o)
	pushRun(t, o, 0, 5, LocalClock())
	next(t, n)
	for n.Health().State != signal.LinkStalled {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(time.Second) // several questions
	if s := o.Stats(); len(s.Readers) != 1 || s.Left.Sent != 0 {
		t.Errorf("a quiet outlet that answers has lost its reader: %+v", s)
	}
	pushRun(t, o, 250, 5, LocalClock())
	next(t, n)
	if h := n.Health(); h.Recoveries != 0 || h.State == signal.LinkLost {
		t.Errorf("health: %+v", h)
	}
	o.host.remove(o) // it answers no more
	for n.Health().State != signal.LinkLost {
		time.Sleep(time.Millisecond)
	}
	if h := n.Health(); !strings.Contains(h.Detail, "does not answer") {
		t.Errorf("health: %+v", h)
	}
	for o.Readers() > 0 { // the old connection
		time.Sleep(time.Millisecond)
	}
	o.host.add(o)
	ready(t, o)
	pushRun(t, o, 0, 5, LocalClock())
	if c := next(t, n); !c.Anew {
		t.Error("behind the loss nothing begins anew")
	}
}

func TestInletCloses(t *testing.T) {
	outlet(t, eeg(2), OutletOptions{})
	n := open(t, InletOptions{})
	done := make(chan error, 1)
	go func() {
		_, err := n.Next(context.Background())
		done <- err
	}()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("Next behind Close: %v, want ErrClosed", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(t, InletOptions{}).Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Next with a context that is done: %v", err)
	}
}

func TestChannels(t *testing.T) {
	pos := &signal.Position{0.01, 0.07, -0.02}
	in := &signal.Info{Rate: 100, Reference: "Cz", Channels: []signal.Channel{
		{Name: "Fp1", Original: "Fp1", Kind: signal.EEG, Unit: signal.Microvolt, Pos: pos},
		{Name: "EOG", Original: "EOG", Kind: signal.EOG, Unit: signal.Microvolt},
		{Name: "force", Original: "force", Kind: signal.Misc, Unit: "N"},
		{Name: "trigger", Original: "trigger", Kind: signal.Trigger, Unit: signal.NoUnit},
	}}
	s := StreamInfo{Name: "x", Type: "EEG", Channels: 4, Rate: 100, Format: Float32, Desc: Describe(in)}
	got, scale, dev, err := channels(&s, "")
	if err != nil || len(dev) != 0 {
		t.Fatalf("%v, deviations %+v", err, dev)
	}
	if p := got.Channels[0].Pos; p == nil || math.Abs(p[1]-0.07) > 1e-9 {
		t.Errorf("position %v, want %v", p, pos)
	}
	got.Channels[0].Pos = pos
	for k := range in.Channels {
		if got.Channels[k] != in.Channels[k] || scale[k].Mul != 1 || scale[k].Div != 1 {
			t.Errorf("channel %d: %+v, want %+v", k, got.Channels[k], in.Channels[k])
		}
	}
	if got.Reference != "Cz" {
		t.Errorf("reference %q", got.Reference)
	}
	named := &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "Cz", Original: "Cz", Kind: signal.EEG, Unit: signal.Microvolt, Pos: montage.Place("Cz")}}}
	s = StreamInfo{Name: "x", Type: "EEG", Channels: 1, Rate: 100, Format: Float32, Desc: Describe(named)}
	if got, _, _, err = channels(&s, ""); err != nil || got.Channels[0].Pos == nil || *got.Channels[0].Pos != *montage.Place("Cz") {
		t.Errorf("%+v, %v, want the place of the name, to the bit", got, err)
	}
	if loc := s.Desc.Child("channels").Child("channel").Child("location"); loc != nil {
		t.Errorf("a place that is known from the name alone is written as if it were measured: %+v", loc)
	}

	desc := &Element{Name: "desc"}
	list := desc.Add("channels", "")
	for _, c := range [][3]string{{"C3", "volts", "EEG"}, {"C4", "millivolts", ""}, {"C3", "µV", "eeg"}, {"x", "", "EEG"}, {"y", "%", "EEG"}} {
		e := list.Add("channel", "")
		e.Add("label", c[0])
		e.Add("unit", c[1])
		e.Add("type", c[2])
		loc := e.Add("location", "")
		loc.Add("X", "1000000")
		loc.Add("Y", "0")
		loc.Add("Z", "0")
	}
	s.Channels, s.Desc = 5, desc
	got, scale, dev, err = channels(&s, "mV")
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range []float64{1e6, 1e3, 1, 1e3, 1} {
		if scale[k].Apply(1) != want {
			t.Errorf("channel %d is multiplied by %g, want %g", k, scale[k].Apply(1), want)
		}
	}
	if got.Channels[0].Name != "C3-1" || got.Channels[2].Name != "C3-2" || got.Channels[1].Pos == nil || got.Channels[3].Pos != nil {
		t.Errorf("%+v", got.Channels)
	}
	text := fmt.Sprint(dev)
	for _, want := range []string{"C3-2", `"%"`, "farthest electrode"} {
		if !strings.Contains(text, want) {
			t.Errorf("deviations %s have no %s", text, want)
		}
	}
	if strings.Contains(text, "none for") {
		t.Errorf("the unit was given, and is listed as missing: %s", text)
	}
	if _, _, _, err := channels(&s, "apples"); err == nil {
		t.Error("apples are taken for a unit of voltage")
	}
	s.Desc = nil
	got, _, dev, err = channels(&s, "")
	if err != nil || got.Channels[0].Name != "channel 1" || got.Channels[4].Kind != signal.EEG || len(dev) != 2 {
		t.Errorf("without a description: %+v, %v, %+v", got, err, dev)
	}
}

func TestConfigFile(t *testing.T) {
	c, err := ParseConfig(strings.NewReader("; a comment\n[ports]\nMulticastPort = 20000\nBasePort=20001\nPortRange = 8\nAllowRandomPorts = 1\n[multicast]\nResolveScope = link\nListenAddress = 0.0.0.0\nAddressesOverride = {239.1.2.3, FF02::1}\n[lab]\nKnownPeers = {amp.lab, 10.0.0.7}\nSessionID = lab 3\n[tuning]\nWhatever = 5\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.DiscoveryPort != 20000 || c.BasePort != 20001 || c.PortRange != 8 || c.Scope != Machine || !c.Listen.IsUnspecified() || fmt.Sprint(c.Groups, c.Peers) != "[239.1.2.3] [amp.lab 10.0.0.7]" || c.SessionID != "lab 3" {
		t.Errorf("%+v", c)
	}
	if d, err := ParseConfig(strings.NewReader("")); err != nil || fmt.Sprint(d) != fmt.Sprint(DefaultConfig()) || d.Scope != Site || !d.Listen.IsLoopback() {
		t.Errorf("an empty file: %+v, %v", d, err)
	}
	for _, bad := range []string{"[ports]\nBasePort = x", "[ports]\nMulticastPort = 70000", "[ports]\nPortRange = 0", "[multicast]\nResolveScope = moon", "[multicast]\nListenAddress = here", "[multicast]\nListenAddress = ::1", "hello", "[lab]\nSessionID = a'b"} {
		if c, err := ParseConfig(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: %+v, want an error", bad, c)
		}
	}
}

func TestDriver(t *testing.T) {
	q, err := url.ParseQuery("name=EEG&type=EEG&source_id=7&predicate=" + url.QueryEscape("count(desc/channels/channel)>2") + "&markers=" + url.QueryEscape("name='Cues'") + "&timeout_s=2.5&stall_s=0.5&watchdog_s=3&delay_s=0.06&buffer_s=10&unit=mV&counter=n&counter_modulus=128&markers_wait_s=0.02")
	if err != nil {
		t.Fatal(err)
	}
	o, err := ParseOptions(q)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := o.predicate(), "name='EEG' and type='EEG' and source_id='7' and (count(desc/channels/channel)>2)"; got != want {
		t.Errorf("predicate %s, want %s", got, want)
	}
	if o.Wait != 2500*time.Millisecond || o.Stall != 500*time.Millisecond || o.Watchdog != 3*time.Second || o.DelayS != 0.06 || o.Modulus != 128 || o.Unit != "mV" || o.Markers != "name='Cues'" {
		t.Errorf("%+v", o)
	}
	var unknown *registry.UnknownError
	if _, err := ingest.Dial(t.Context(), "lsl://?nam=EEG"); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "name") {
		t.Errorf("nam: %v", err)
	}
	for _, bad := range []string{"lsl://host?name=x", "lsl:///path", "lsl://?name=a&name=b", "lsl://?timeout_s=x", "lsl://?delay_s=100", "lsl://?predicate=((", "lsl://?counter_modulus=1", "lsl://?stall_s=-1", "lsl://?%zz"} {
		if _, err := ingest.Dial(t.Context(), bad); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func FuzzInfo(f *testing.F) {
	i := eeg(2)
	i.UID, i.Version = "u", 110
	f.Add(i.document(true))
	f.Add([]byte("<?xml version=\"1.0\"?><info><name>&#60;</name></info>"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		if got, err := parseInfo(b); err == nil {
			_, _, _, _ = channels(got, "")
			_ = got.document(true)
		}
	})
}

func FuzzPredicate(f *testing.F) {
	for _, q := range []string{"name='amp'", "count(desc/channels/channel)>=2", "//*[//*]", "starts-with(name,'a') or not(type='b')", "desc//channel[position()=2]/label", "sum(//X)>1", "concat(1,2)", "-name", "name|type", "@x"} {
		f.Add(q)
	}
	i := eeg(8)
	i.UID, i.Version = "u", 110
	d := document{i.element(true)}
	f.Fuzz(func(_ *testing.T, q string) { _, _ = d.matches(q) })
}

func FuzzQuery(f *testing.F) {
	f.Add("name='x'\r\n16573 123\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		if q, err := parseQuery(s); err == nil && (q.port < 1024 || q.id == "" || len(q.predicate) > maxQuery) {
			t.Errorf("%q: %+v", s, q)
		}
	})
}

func FuzzReply(f *testing.F) {
	i := eeg(1)
	i.UID, i.Version = "u", 110
	f.Add(append([]byte("7\r\n"), i.document(false)...), " 1 2.5 3.5 4.5")
	f.Fuzz(func(_ *testing.T, b []byte, s string) {
		_, _ = parseReply(b, "7")
		_, _ = parseTime(s, "1")
	})
}

func FuzzRequest(f *testing.F) {
	f.Add(ask110("u", "4321", "1e5"))
	f.Fuzz(func(t *testing.T, s string) {
		r := bufio.NewReader(strings.NewReader(s))
		line, err := readLine(r)
		if err != nil {
			return
		}
		h, err := readHeaders(r)
		if err != nil {
			return
		}
		if len(h) > maxHeader {
			t.Errorf("%d headers", len(h))
		}
		_, _ = parseFeed(line, h)
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add("LSL/110 200 OK\r\nUID: u\r\nByte-Order: 1234\r\nData-Protocol-Version: 110\r\n\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := readAnswer(bufio.NewReader(strings.NewReader(s))); err == nil && a.status == 200 && a.order != littleEndian && a.order != bigEndian {
			t.Errorf("%q: %+v", s, a)
		}
	})
}

func FuzzConfig(f *testing.F) {
	f.Add("[ports]\nBasePort = 1\n[lab]\nKnownPeers={a,b}")
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := ParseConfig(strings.NewReader(s)); err == nil && c.check() != nil {
			t.Errorf("%q: %+v", s, c)
		}
	})
}
