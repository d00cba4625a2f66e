package lsl

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// over6 is a configuration on this machine alone that uses IPv6, too.
func over6(t *testing.T) *Config {
	t.Helper()
	conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Skipf("this machine has no IPv6: %v", err)
	}
	_ = conn.Close()
	cfg := loop(t)
	cfg.IPv6 = true
	return cfg
}

// TestIPv6: an outlet that is offered over both is found once, over IPv4; its discovery port and its service port answer over
// IPv6, and so do description, samples and time.
func TestIPv6(t *testing.T) {
	cfg := over6(t)
	o := outlet(t, eeg(3), OutletOptions{Config: cfg})
	found, err := Resolve(t.Context(), ResolveOptions{Config: cfg, Least: 1, Wait: 5 * time.Second})
	if err != nil || len(found) != 1 || !found[0].Addr.Is4() || found[0].DataPort6 == 0 || found[0].TimePort6 == 0 {
		t.Fatalf("found %+v, %v", found, err)
	}

	conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Fatal(err)
	}
	c := collector{id: "7", byUID: map[string]*StreamInfo{}}
	ended := make(chan struct{})
	go func() { defer close(ended); c.read(conn) }()
	predicate := "session_id='" + cfg.SessionID + "'"
	for _, port := range []uint16{cfg.DiscoveryPort, found[0].TimePort6} {
		clear(c.byUID)
		for began := time.Now(); ; {
			q := "LSL:shortinfo\r\n" + predicate + "\r\n" + strings.TrimPrefix(conn.LocalAddr().String(), "[::1]:") + " 7\r\n"
			if _, err := conn.WriteToUDPAddrPort([]byte(q), netip.AddrPortFrom(netip.IPv6Loopback(), port)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond)
			c.mu.Lock()
			n := len(c.byUID)
			c.mu.Unlock()
			if n == 1 {
				break
			}
			if time.Since(began) > 5*time.Second {
				t.Fatalf("no answer from port %d", port)
			}
		}
	}
	_ = conn.Close()
	<-ended
	all := c.found()
	if len(all) != 1 || all[0].Addr != netip.IPv6Loopback() || all[0].UID != o.Info().UID {
		t.Fatalf("over IPv6 %+v is found", all)
	}

	full, err := FullInfo(t.Context(), all[0])
	if err != nil || full.Desc == nil {
		t.Fatalf("description: %v", err)
	}
	r, err := Connect(t.Context(), full, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	ready(t, o)
	if err := Push(o, []float32{1, 2, 3}, 5); err != nil {
		t.Fatal(err)
	}
	s, err := r.Read()
	if err != nil || !slices.Equal(AppendValues[float32](nil, s), []float32{1, 2, 3}) {
		t.Fatalf("%v, %v", s, err)
	}
	var ts timeSync
	first := make(chan struct{})
	ctx := within(t, 5*time.Second)
	go ts.run(ctx, full.timeEndpoint(), first)
	<-first
	if offset, _, _ := ts.figures(LocalClock()); !ts.known() || !(-0.1 < offset && offset < 0.1) {
		t.Errorf("the clock of the same machine is %g s off", offset)
	}
}

// TestShortestWay: of the addresses from which a stream answers the nearest one is taken, of two as near the one of IPv4, and
// never one over whose family it has no samples.
func TestShortestWay(t *testing.T) {
	for _, tc := range []struct {
		port4, port6 uint16
		from         string
		want         string
	}{
		{16572, 16572, "192.0.2.1 127.0.0.1 ::1", "127.0.0.1"},
		{16572, 16572, "::1 127.0.0.1", "127.0.0.1"},
		{16572, 16572, "2001:db8::1 192.0.2.1", "192.0.2.1"},
		{16572, 16572, "192.0.2.1 2001:db8::1 ::1", "::1"},
		{16572, 0, "::1 192.0.2.1", "192.0.2.1"},
		{0, 16572, "127.0.0.1 fe80::1%lo", "fe80::1%lo"}, // liblsl with IPv6=force
	} {
		for k := range 2 {
			addrs := strings.Fields(tc.from)
			if k == 1 {
				slices.Reverse(addrs)
			}
			c := collector{byUID: map[string]*StreamInfo{}}
			for _, a := range addrs {
				c.add(&StreamInfo{UID: "u", DataPort: tc.port4, DataPort6: tc.port6, Addr: netip.MustParseAddr(a)})
			}
			if got := c.found()[0].Addr.String(); got != tc.want {
				t.Errorf("ports %d and %d, answers from %v: %s is taken, want %s", tc.port4, tc.port6, addrs, got, tc.want)
			}
		}
	}
}

// TestIPv6IsOff: without being asked for, nothing listens on IPv6.
func TestIPv6IsOff(t *testing.T) {
	o := outlet(t, eeg(3), OutletOptions{})
	if i := o.Info(); i.DataPort6 != 0 || i.TimePort6 != 0 || len(o.lns) != 1 || len(o.host.sides) != 1 {
		t.Errorf("%+v", i)
	}
	for value, want := range map[string]bool{"disable": false, "allow": true, "Force": true} {
		cfg, err := ParseConfig(strings.NewReader("[multicast]\nAddressesOverride = {ff02::1, 239.1.2.3}\n[ports]\nIPv6 = " + value + "\n"))
		if err != nil || cfg.IPv6 != want || slices.Contains(cfg.Groups, netip.MustParseAddr("ff02::1")) != want || len(cfg.targets(v4)) != 2 {
			t.Errorf("IPv6 = %s: %+v, %v", value, cfg, err)
		}
	}
	if _, err := ParseConfig(strings.NewReader("[ports]\nIPv6 = yes\n")); err == nil || !strings.Contains(err.Error(), "disable, allow or force") {
		t.Errorf("IPv6 = yes: %v", err)
	}
	c := over6(t)
	c.Listen = netip.MustParseAddr("192.0.2.1")
	if at := c.listen(v6); at.IsValid() {
		t.Errorf("beside one address of IPv4 it listens on %s", at)
	}
}
