package lsl

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestLastOf(t *testing.T) {
	for in, want := range map[string]string{"10.77.0.1/24": "10.77.0.255", "10.77.0.1/16": "10.77.255.255", "192.168.7.9/30": "192.168.7.11", "1.2.3.4/0": "255.255.255.255"} {
		if got := lastOf(netip.MustParsePrefix(in)).String(); got != want {
			t.Errorf("of %s: %s, want %s", in, got, want)
		}
	}
}

// TestBroadcast: a stream on another machine is found where the network knows no multicast: by the broadcast that takes the default
// route, and where there is no route by the broadcasts of the networks. The machines are network namespaces.
func TestBroadcast(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Listen, cfg.SessionID = netip.IPv4Unspecified(), "broadcast"
	sh := func(script string) {
		t.Helper()
		if out, err := exec.Command("sh", "-ec", script).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", script, err, out)
		}
	}
	const far = "GYRUS_BROADCAST_FAR" // how to set up the machine with the stream
	const near = "GYRUS_BROADCAST_NEAR"
	machine := func(env ...string) *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestBroadcast$")
		cmd.Env, cmd.Stderr = append(os.Environ(), env...), os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
		return cmd
	}
	if script := os.Getenv(far); script != "" {
		in := bufio.NewReader(os.Stdin)
		if _, err := in.ReadString('\n'); err != nil { // the cable is there
			t.Fatal(err)
		}
		sh(script)
		outlet(t, eeg(3), OutletOptions{Config: &cfg})
		fmt.Println("OFFERED")
		_, _ = io.Copy(io.Discard, in) // until nobody asks any more
		return
	}
	if script := os.Getenv(near); script != "" {
		other := machine(near+"=", far+"="+os.Getenv("GYRUS_BROADCAST_THERE"))
		in, err := other.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := other.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = other.Wait() }()
		defer func() { _ = in.Close() }()
		sh(fmt.Sprintf("ip link set lo up; ip link add veth7 type veth peer name veth8; ip link set veth8 netns %d; %s", other.Process.Pid, script))
		if _, err := fmt.Fprintln(in); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "OFFERED\n" {
			t.Fatalf("%q, %v", line, err)
		}
		found, err := Resolve(t.Context(), ResolveOptions{Config: &cfg, Wait: 3 * time.Second, Least: 1})
		for _, f := range found {
			fmt.Printf("FOUND %s at %s\n", f.Name, f.Addr)
		}
		if err != nil {
			t.Error(err)
		}
		return
	}

	if os.Getuid() != 0 {
		t.Skip("only root can make a network namespace")
	}
	if out, err := exec.Command("unshare", "-n", "ip", "link", "add", "veth7", "type", "veth", "peer", "name", "veth8").CombinedOutput(); err != nil {
		t.Skipf("cannot make a network namespace with an interface: %v: %s", err, out)
	}
	for name, tc := range map[string]struct{ here, there string }{
		"default route": { // the networks are of different sizes, so that the broadcast of one is none of the other
			"ip addr add 10.77.0.1/24 dev veth7; ip link set veth7 up multicast off; ip route add default via 10.77.0.2",
			"ip link set lo up; ip addr add 10.77.0.2/16 dev veth8; ip link set veth8 up multicast off; ip route add default via 10.77.0.1",
		},
		"no route": {
			"ip addr add 10.77.0.1/24 dev veth7; ip link set veth7 up multicast off",
			"ip link set lo up; ip addr add 10.77.0.2/24 dev veth8; ip link set veth8 up multicast off",
		},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := machine(near+"="+tc.here, "GYRUS_BROADCAST_THERE="+tc.there).Output()
			if err != nil || strings.Count(string(out), "FOUND") != 1 || !strings.Contains(string(out), "FOUND amp at 10.77.0.2\n") {
				t.Errorf("want the stream amp at 10.77.0.2: %v: %s", err, out)
			}
		})
	}
}
