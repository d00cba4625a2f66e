package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
)

// The network of the test: a decoder and its outlet in a namespace of their own, the controller outside, the broker with one or the
// other, a pair of virtual cables between them (addresses of RFC 2544, set aside for tests).
const (
	space             = "gyrus-soak"
	outside, inside   = "gyrus-soak0", "gyrus-soak1"
	outsideIP, nsAddr = "198.18.255.1", "198.18.255.2"
	cut               = 10 * time.Second
	heardFor          = 4 * time.Second // a controller says that no stop came where it has heard all since 1.5 s before the break
)

func ip(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// cutNetwork pulls a cable for 10 s: the controller's, or, where far, the decoder's, with the broker on the other side. Then the decoder
// does not hear whether a stop comes; the controller heard all, and says that none did.
func cutNetwork(ctx context.Context, r *rig, far bool) (o outcome, err error) {
	if _, err := exec.LookPath("ip"); err != nil {
		return outcome{Skipped: "the program ip is not there (package iproute2)"}, nil
	}
	if os.Geteuid() != 0 {
		return outcome{Skipped: "cutting a network takes root"}, nil
	}
	for i, args := range [][]string{
		{"netns", "add", space},
		{"link", "add", outside, "type", "veth", "peer", "name", inside, "netns", space},
		{"addr", "add", outsideIP + "/30", "dev", outside},
		{"link", "set", outside, "up"},
		{"netns", "exec", space, "ip", "addr", "add", nsAddr + "/30", "dev", inside},
		{"netns", "exec", space, "ip", "link", "set", inside, "up"},
		{"netns", "exec", space, "ip", "link", "set", "lo", "up"},
	} {
		if err := ip(args...); err != nil {
			if i > 0 {
				_ = ip("netns", "del", space) // takes the cables with it
			}
			return outcome{Skipped: fmt.Sprintf("no network namespace can be made here: %v; where a run was killed before, remove what it left: ip link del %s; ip netns del %s", err, outside, space)}, nil
		}
	}
	defer func() { err = errors.Join(err, ip("link", "del", outside), ip("netns", "del", space)) }() // the cables are gone at once, the other a moment later
	const port = "4222"
	tmp, err := os.MkdirTemp("", "gyrus-soak-")
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	dir := filepath.Join(tmp, "operator")
	if err := bus.InitOperator(dir, bus.InitOptions{Names: []string{nsAddr, outsideIP}}); err != nil {
		return o, err
	}
	in := []string{"ip", "netns", "exec", space}
	host, by := nsAddr, in
	if far {
		host, by = outsideIP, nil
	}
	broker, err := start(ctx, by, "broker", host, port, dir)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, broker.kill()) }()
	url := "tls://" + host + ":" + port
	stream := fmt.Sprintf("gyrus-soak-net-%d", os.Getpid())
	outlet, err := start(ctx, in, "outlet", stream)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, outlet.kill()) }()
	decoder, err := start(ctx, in, "decoder", "-dir", dir, "-folder", tmp, url, stream)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, decoder.kill()) }()
	opt, err := asRole(url, dir, bus.RoleController)
	if err != nil {
		return o, err
	}
	b, err := bus.Open(ctx, opt)
	if err != nil {
		return o, err
	}
	own := &rig{grace: r.grace, b: b}
	defer func() { err = errors.Join(err, own.close()) }()
	if own.rec, err = control.New(b, control.Options{Session: soakSession, Decoder: soakDecoder, Watchdog: watchdog, OnSafe: func(control.Reason) error { return nil }, OnCommand: own.weigh}); err != nil {
		return o, err
	}
	if _, err := own.runs(decoder); err != nil {
		return o, err
	}
	if opt, err = asRole(url, dir, bus.RoleOperator); err != nil {
		return o, err
	}
	if err := own.lookOn(ctx, opt); err != nil {
		return o, err
	}
	if err := errors.Join(own.back(ctx), pause(ctx, heardFor)); err != nil {
		return o, err
	}
	o, err = own.struck(ctx, func() error { return ip("link", "set", outside, "down") }, func() error {
		if err := pause(ctx, cut); err != nil {
			return err
		}
		return ip("link", "set", outside, "up")
	})
	n := own.rec.Counters()
	o.Notes = fmt.Sprintf("10 s without a network; %d commands expired on arrival, %d unproven", n.Expired, n.Unproven)
	own.mu.Lock()
	o.Moved = own.moved
	if far && o.Wrong == "" && !slices.ContainsFunc(own.shown, func(s string) bool { return strings.HasPrefix(s, askedOthers) }) {
		o.Wrong = fmt.Sprintf("the decoder heard nothing for 10 s and did not ask whether a stop came: it showed %q", own.shown)
	}
	own.mu.Unlock()
	o.add(own.persons)
	return o, err
}

// guardedBroker is a server off loopback, with the certificate and the keys of an operator's directory.
func guardedBroker(ctx context.Context, host, port, dir string) error {
	op, err := bus.ReadOperator(dir)
	if err != nil {
		return err
	}
	b, err := bus.StartBroker(bus.BrokerOptions{Listen: net.JoinHostPort(host, port), Operator: op})
	if err != nil {
		return err
	}
	if err := say(map[string]string{"listen": host}); err != nil {
		return err
	}
	<-ctx.Done()
	return b.Close()
}

// askedOthers is how a decoder begins to say that it waits for the word of controllers.
const askedOthers = "controllers are asked whether an emergency stop came"

// asRole connects to a guarded server.
func asRole(url, dir string, role bus.Role) (bus.Options, error) {
	op, err := bus.ReadOperator(dir)
	if err != nil {
		return bus.Options{}, err
	}
	return bus.Options{URL: url, Credentials: op.Seed(role), CA: op.CA(), Timeout: 20}, nil
}
