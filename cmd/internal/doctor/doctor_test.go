package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// fake is a machine with one interface to others.
type fake struct {
	echo     error
	taken    map[string]bool
	noIPv6   bool
	greeting string
}

func (f fake) Interfaces() ([]Interface, error) {
	return []Interface{
		{"lo", false, true, netip.MustParseAddr("127.0.0.1"), false},
		{"eth7", true, false, netip.MustParseAddr("192.0.2.7"), true},
		{"tun0", false, false, netip.MustParseAddr("192.0.2.9"), false},
	}, nil
}

func (f fake) Echo(_ context.Context, i Interface, group netip.AddrPort) error {
	if i.Name != "eth7" || group.Port() != 16571 {
		panic(fmt.Sprint("asked on ", i.Name, group))
	}
	return f.echo
}

func (f fake) Free(network, address string) error {
	if f.noIPv6 && network == "tcp6" {
		return os.NewSyscallError("socket", syscall.EAFNOSUPPORT)
	}
	if f.taken[address] {
		return syscall.EADDRINUSE
	}
	return nil
}

func (f fake) Greeting(context.Context, string) (string, error) { return f.greeting, nil }

func (f fake) Reach(_ context.Context, address string) error {
	if address == away {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// away is where nobody answers.
const away = "192.0.2.8:6222"

// find is the first finding of a check that says all of these.
func find(t *testing.T, all []Finding, check string, parts ...string) Finding {
	t.Helper()
next:
	for _, f := range all {
		if f.Check != check {
			continue
		}
		for _, p := range parts {
			if !strings.Contains(f.What+" "+f.Remedy, p) {
				continue next
			}
		}
		return f
	}
	t.Fatalf("no finding of %s says %q: %+v", check, parts, all)
	return Finding{}
}

// TestBlockedMulticast: a datagram that does not come back is diagnosed by name: what, where, and the remedy.
func TestBlockedMulticast(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want []string
	}{
		"dropped":   {fmt.Errorf("%w within 300ms", errSilent), []string{"multicast is blocked", "firewall", "ufw allow 16571:16603/udp"}},
		"forbidden": {&fs.PathError{Op: "sendto", Err: syscall.EPERM}, []string{"multicast is blocked", "forbidden"}},
		"no route":  {os.NewSyscallError("sendto", syscall.ENETUNREACH), []string{"multicast is blocked", "no route", "ip route add 224.0.0.0/4 dev eth7"}},
		"no groups": {os.NewSyscallError("setsockopt", syscall.ENOBUFS), []string{"multicast is blocked", "igmp_max_memberships"}},
		"other":     {errors.New("odd"), []string{"multicast does not work", "odd"}},
	} {
		t.Run(name, func(t *testing.T) {
			all := Run(t.Context(), Options{Network: fake{echo: tc.err}})
			for _, group := range []string{"224.0.0.183", "239.255.172.215"} {
				f := find(t, all, "multicast", append(tc.want, group, "16571", "eth7")...)
				if f.State != Problem || f.Remedy == "" {
					t.Errorf("%+v: want a problem with its remedy", f)
				}
			}
			if Healthy(all) {
				t.Error("passes for healthy")
			}
		})
	}
}

func TestHealthy(t *testing.T) {
	all := Run(t.Context(), Options{Network: fake{}, Streams: func(context.Context) ([]Stream, error) { return nil, nil }})
	for _, f := range all {
		if f.State == Problem && f.Check != "clock" { // which is that of this machine
			t.Errorf("%+v", f)
		}
		if (f.State == Problem) != (f.Remedy != "") {
			t.Errorf("%+v: a problem must have a remedy, others none", f)
		}
	}
	if f := find(t, all, "multicast", "we hear ourselves", "239.255.172.215"); f.State != OK {
		t.Errorf("%+v", f)
	}
	find(t, all, "interfaces", "tun0", "no multicast")
	find(t, all, "clock", "resolution")
	find(t, all, "streams", "no stream of LSL answers")
}

// bare is a machine with no interface that knows multicast.
type bare struct {
	fake
	broadcast bool
}

func (b bare) Interfaces() ([]Interface, error) {
	return []Interface{{"veth7", false, false, netip.MustParseAddr("10.77.0.1"), b.broadcast}}, nil
}

// TestNoMulticast: without it broadcasts find streams, and where there are none either a remedy is told.
func TestNoMulticast(t *testing.T) {
	for broadcast, want := range map[bool][2]string{
		true:  {"streams are asked for by broadcast there", "asked for by broadcast, which routers do not hand on"},
		false: {"found there by name only", "none reaches other machines with multicast or broadcast"},
	} {
		all := Run(t.Context(), Options{Network: bare{broadcast: broadcast}})
		find(t, all, "interfaces", "veth7", want[0])
		if f := find(t, all, "interfaces", want[1]); f.State != Note || !strings.Contains(f.Remedy, "KnownPeers") {
			t.Errorf("%+v, want a note with a remedy", f)
		}
	}
}

func TestPorts(t *testing.T) {
	full := map[string]bool{"127.0.0.1:4222": true, "0.0.0.0:16571": true}
	for p := 16572; p <= 16603; p++ {
		full[fmt.Sprintf("0.0.0.0:%d", p)] = true
	}
	all := Run(t.Context(), Options{Network: fake{taken: full, greeting: "SSH-2.0\r\n"}})
	if f := find(t, all, "ports", "all of TCP 16572 to 16603 are taken"); f.State != Problem {
		t.Errorf("%+v", f)
	}
	if f := find(t, all, "ports", "4222", "no NATS server"); f.State != Problem {
		t.Errorf("%+v", f)
	}
	find(t, all, "ports", "UDP 16571 is in use")
	all = Run(t.Context(), Options{Network: fake{taken: map[string]bool{"127.0.0.1:4222": true, "0.0.0.0:16573": true}, greeting: "INFO {}\r\n"}})
	if f := find(t, all, "ports", "4222", "a NATS server answers"); f.State != OK {
		t.Errorf("%+v", f)
	}
	find(t, all, "ports", "31 of 32 are free", "16573")
}

// TestPlacesOfLSL: ports and groups are those of the configuration, over IPv6 as well where that is asked for.
func TestPlacesOfLSL(t *testing.T) {
	o := Options{Network: fake{taken: map[string]bool{"[::]:20002": true, "[::]:16571": true}}, LSL: LSL{
		Discovery: 16571, First: 20001, Last: 20003, Groups: []netip.Addr{netip.MustParseAddr("239.1.2.3")}, IPv6: true,
	}}
	all := Run(t.Context(), o)
	find(t, all, "multicast", "group 239.1.2.3 port 16571", "we hear ourselves")
	find(t, all, "ports", "TCP 20001 to 20003 are free for outlets of LSL")
	find(t, all, "ports", "TCP 20001 to 20003 over IPv6: 2 of 3 are free", "20002")
	find(t, all, "ports", "UDP 16571 is free: ")
	find(t, all, "ports", "UDP 16571 is in use over IPv6")
	o.Network = fake{noIPv6: true}
	if f := find(t, Run(t.Context(), o), "ports", "this machine has none", "IPv6 = disable"); f.State != Problem {
		t.Errorf("%+v", f)
	}
	o.LSL.IPv6 = false
	for _, f := range Run(t.Context(), o) {
		if f.Check != "clock" && f.State == Problem {
			t.Errorf("without IPv6: %+v", f)
		}
	}
}

// TestListens: what the session will listen on takes the place of the usual port, and what holds it is a problem.
func TestListens(t *testing.T) {
	all := Run(t.Context(), Options{Network: fake{taken: map[string]bool{"127.0.0.1:4222": true, "127.0.0.1:4500": true}, greeting: "INFO {}\r\n"}, Listens: []Listen{
		{"the bus", "127.0.0.1:4500", "bus: {port: 4333}"}, {"the page", "127.0.0.1:8080", "dashboard"}, {"the metrics", "127.0.0.1", "metrics"},
	}})
	if f := find(t, all, "ports", "127.0.0.1:4500, for the bus", "a NATS server answers", "bus: {port: 4333}"); f.State != Problem {
		t.Errorf("%+v", f)
	}
	if f := find(t, all, "ports", "127.0.0.1:8080 is free for the page"); f.State != OK {
		t.Errorf("%+v", f)
	}
	if f := find(t, all, "ports", "the metrics", "missing port"); f.State != Problem {
		t.Errorf("%+v", f)
	}
	for _, f := range all {
		if f.Check == "ports" && strings.Contains(f.What, "4222") {
			t.Errorf("%+v: the session does not listen there", f)
		}
	}
}

// TestPeers: servers that the bus links to take connections, or are a problem with its remedy.
func TestPeers(t *testing.T) {
	all := Run(t.Context(), Options{Network: fake{}, Peers: []Peer{{"a server of the cluster", away, "start it"}, {"the middle", "192.0.2.9:7422", "start that"}}})
	if f := find(t, all, "bus", "a server of the cluster cannot be reached at "+away, "start it"); f.State != Problem {
		t.Errorf("%+v", f)
	}
	if f := find(t, all, "bus", "the middle takes connections at 192.0.2.9:7422"); f.State != OK || f.Remedy != "" {
		t.Errorf("%+v", f)
	}
}

func TestStreams(t *testing.T) {
	o := Options{
		Network: fake{}, Streams: func(context.Context) ([]Stream, error) {
			return []Stream{{Name: "Cues", Type: "Markers", Host: "lab", Channels: 1}, {Odd: "an answer came from there"}}, nil
		},
		BusName: "the server", Bus: func(context.Context) error { return errors.New("no answer") },
	}
	all := Run(t.Context(), o)
	find(t, all, "streams", `"Cues"`, "Markers", "irregular times")
	if f := find(t, all, "streams", "an answer came from there"); f.State != Note || f.Remedy == "" {
		t.Errorf("%+v", f)
	}
	if f := find(t, all, "bus", "no answer"); f.State != Problem {
		t.Errorf("%+v", f)
	}
}

// TestExpected: each stream that the session waits for is found, or found and not what it must be, or not found.
func TestExpected(t *testing.T) {
	look := func(e Expected, err error) func(context.Context) (Expected, error) {
		return func(context.Context) (Expected, error) { return e, err }
	}
	all := Run(t.Context(), Options{Network: fake{}, Expected: []Expectation{
		{"amp one", look(Expected{What: `"Amp"`, Fits: "as m.gyrus expects it", Notes: []string{"its unit is not told"}}, nil), ""},
		{"amp two", look(Expected{What: `"Amp2"`, Differs: []string{"its rate is 500 Hz", "it has no channel Cz"}, Remedy: "train on it"}, nil), ""},
		{"amp three", look(Expected{}, errors.New("seen were others")), ""},
		{"a file", look(Expected{}, errors.New("no such file")), "name another"},
	}})
	for _, want := range []struct {
		state State
		parts []string
	}{
		{OK, []string{"amp one", `found is "Amp", as m.gyrus expects it`}},
		{Note, []string{"its unit is not told"}},
		{Problem, []string{"amp two", `found is "Amp2", but its rate is 500 Hz; it has no channel Cz`, "train on it"}},
		{Problem, []string{"amp three", "not found: seen were others", "start the amplifier"}},
		{Problem, []string{"a file", "not found: no such file", "name another"}},
	} {
		if f := find(t, all, "expected", want.parts...); f.State != want.state || (f.State == Problem) != (f.Remedy != "") {
			t.Errorf("%+v, want %s", f, want.state)
		}
	}
	if Healthy(all) {
		t.Error("passes for healthy")
	}
}

// TestFirewalls: the words are those that the systems' programs print.
func TestFirewalls(t *testing.T) {
	files := map[string]string{"/etc/ufw/ufw.conf": "# x\nENABLED=yes\nLOGLEVEL=low\n", "/proc/net/ip_tables_names": "filter\nnat\n"}
	read := func(name string) ([]byte, error) {
		if s, ok := files[name]; ok {
			return []byte(s), nil
		}
		return nil, fs.ErrNotExist
	}
	said := map[string]string{
		"systemctl is-active firewalld": "active\n",
		"nft list ruleset":              "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n}\n",
	}
	got := strings.Join(linuxFirewalls(read, func(args ...string) string { return said[strings.Join(args, " ")] }), "\n")
	for _, want := range []string{"ufw is enabled", "firewalld is active", "drops what none", "iptables is in use (filter, nat)"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
	files, said = map[string]string{"/etc/ufw/ufw.conf": "ENABLED=no\n", "/proc/net/ip_tables_names": ""}, map[string]string{"systemctl is-active firewalld": "inactive\n"}
	if got := linuxFirewalls(read, func(args ...string) string { return said[strings.Join(args, " ")] }); len(got) > 0 {
		t.Errorf("sees %v where there is none", got)
	}
	if len(darwinFirewall("Firewall is enabled. (State = 1)\n")) != 1 || len(darwinFirewall("Firewall is disabled. (State = 0)\n")) != 0 {
		t.Error("macOS")
	}
	if len(windowsFirewall("\r\nPublic Profile Settings:\r\n-----\r\nState                                 ON\r\nOk.\r\n")) != 1 ||
		len(windowsFirewall("State                                 OFF\r\n")) != 0 {
		t.Error("Windows")
	}
}

// TestEcho is the real one: on this machine, and in a network namespace where multicast has no way out.
func TestEcho(t *testing.T) {
	if os.Getenv("GYRUS_DOCTOR_CHILD") == "1" {
		all := Run(t.Context(), Options{})
		data, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("FINDINGS " + string(data))
		return
	}
	list, err := machine{}.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	tried := false
	for _, i := range list {
		if !i.Multicast || i.Loopback || !i.Addr.IsValid() {
			continue
		}
		tried = true
		for _, g := range lslGroups {
			t.Logf("%s on %s: %v", g, i.Name, machine{}.Echo(t.Context(), i, netip.AddrPortFrom(g, lslPort)))
		}
	}
	if !tried {
		t.Log("no interface with multicast here")
	}
	if os.Getuid() != 0 {
		t.Skip("only root can make a network namespace")
	}
	for name, tc := range map[string]struct {
		script string
		state  State
		want   string
	}{
		"open":      {"ip link add veth7 type veth peer name veth8 && ip addr add 192.0.2.7/24 dev veth7 && ip link set veth7 up && ip link set veth8 up", OK, "we hear ourselves"},
		"no groups": {"ip link add veth7 type veth peer name veth8 && ip addr add 192.0.2.7/24 dev veth7 && ip link set veth7 up && ip link set veth8 up && echo 0 > /proc/sys/net/ipv4/igmp_max_memberships", Problem, "multicast is blocked: the system lets no program join"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("unshare", "-n", "sh", "-c", "ip link set lo up && "+tc.script+" && exec \"$0\" -test.run '^TestEcho$' -test.v", os.Args[0])
			cmd.Env = append(os.Environ(), "GYRUS_DOCTOR_CHILD=1")
			out, err := cmd.CombinedOutput()
			if err != nil {
				if !strings.Contains(string(out), "TestEcho") {
					t.Skipf("cannot make a network namespace with an interface: %v: %s", err, out)
				}
				t.Fatalf("%v: %s", err, out)
			}
			_, rest, _ := strings.Cut(string(out), "FINDINGS ")
			line, _, _ := strings.Cut(rest, "\n")
			var all []Finding
			if err := json.Unmarshal([]byte(line), &all); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			for _, g := range lslGroups {
				if f := find(t, all, "multicast", "veth7", g.String()); f.State != tc.state || !strings.Contains(f.What, tc.want) {
					t.Errorf("%+v, want %s: %s", f, tc.state, tc.want)
				}
			}
		})
	}
}
