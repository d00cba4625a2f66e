package lsl

import (
	"context"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// port is the first of 40 ports below the ephemeral ones that this test process uses and, by chance, no other one does.
func port() uint16 { return uint16(20_000 + os.Getpid()%300*40) }

// loop is a configuration on this machine alone.
func loop(t testing.TB) *Config {
	t.Helper()
	c := DefaultConfig()
	c.Scope = Machine
	c.DiscoveryPort, c.BasePort, c.PortRange = port(), port()+1, 32
	c.SessionID = fmt.Sprint(t.Name(), os.Getpid())
	return &c
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func eeg(channels int) StreamInfo {
	info := &signal.Info{Rate: 250}
	for k := range channels {
		info.Channels = append(info.Channels, signal.Channel{Name: fmt.Sprintf("Ch%d", k+1), Kind: signal.EEG, Unit: signal.Microvolt})
	}
	return StreamInfo{Name: "amp", Type: "EEG", Channels: channels, Rate: 250, Format: Float32, SourceID: "amp-1", Desc: Describe(info)}
}

func outlet(t testing.TB, info StreamInfo, opt OutletOptions) *Outlet {
	t.Helper()
	if opt.Config == nil {
		opt.Config = loop(t)
	}
	o, err := NewOutlet(info, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

func open(t testing.TB, opt InletOptions) *Inlet {
	t.Helper()
	if opt.Config == nil {
		opt.Config = loop(t)
	}
	n, err := Open(within(t, 10*time.Second), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func TestInletReadsOutlet(t *testing.T) {
	o := outlet(t, eeg(3), OutletOptions{})
	n := open(t, InletOptions{Name: "amp"})
	if err := o.WaitReaders(within(t, time.Second), 1); err != nil {
		t.Fatal(err)
	}
	begin := LocalClock()
	for k := range 10 {
		x := make([]float32, 0, 75)
		for s := range 25 {
			x = append(x, float32(k*25+s), 1, -2)
		}
		if err := PushChunk(o, x, begin+float64(k*25+24)/250); err != nil {
			t.Fatal(err)
		}
	}
	next := int64(0)
	for next < 250 {
		c, err := n.Next(within(t, 5*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if c.Start != next || c.Anew {
			t.Fatalf("chunk starts at %d (anew: %v), want %d", c.Start, c.Anew, next)
		}
		for k, v := range c.X[0] {
			if want := float64(c.Start + int64(k)); v != want {
				t.Fatalf("sample %d is %g", c.Start+int64(k), v)
			}
		}
		if got, want := c.Time, Wall(begin+float64(c.Start)/250); math.Abs(float64(got-want)) > 1e6 {
			t.Errorf("sample %d: %d ns from its true time", c.Start, got-want)
		}
		next = c.End()
	}
	h := n.Health()
	t.Logf("%+v", h)
	if h.State != signal.LinkConnected || h.Samples != 250 || h.Lost+h.Suspected+h.Dropped+h.Jumps+h.Recoveries != 0 {
		t.Errorf("health: %+v", h)
	}
}
