package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
)

// The network of the test: the broker and a decoder in a namespace of their own, the controller outside, a pair of virtual
// cables between them (addresses of RFC 2544, set aside for tests).
const (
	space             = "gyrus-soak"
	outside, inside   = "gyrus-soak0", "gyrus-soak1"
	outsideIP, nsAddr = "198.18.255.1", "198.18.255.2"
	cut               = 10 * time.Second
)

func ip(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// cutNetwork pulls the cable between the broker and the controller for 10 s.
func cutNetwork(ctx context.Context, r *rig) (o outcome, err error) {
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
			return outcome{Skipped: "no network namespace can be made here: " + err.Error()}, nil
		}
	}
	defer func() { err = errors.Join(err, ip("netns", "del", space)) }()
	const port = "4222"
	tmp, err := os.MkdirTemp("", "gyrus-soak-")
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	dir := filepath.Join(tmp, "operator")
	if err := bus.InitOperator(dir, bus.InitOptions{Names: []string{nsAddr}}); err != nil {
		return o, err
	}
	in := []string{"ip", "netns", "exec", space}
	broker, err := start(ctx, in, "broker", nsAddr, port, dir)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, broker.kill()) }()
	url := "tls://" + nsAddr + ":" + port
	stream := fmt.Sprintf("gyrus-soak-net-%d", os.Getpid())
	outlet, err := start(ctx, in, "outlet", stream)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, outlet.kill()) }()
	decoder, err := start(ctx, in, "decoder", "-dir", dir, url, stream)
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
	own := &rig{grace: r.grace}
	rec, err := control.New(b, control.Options{Session: soakSession, Decoder: soakDecoder, Watchdog: watchdog, OnSafe: func(control.Reason) error { return nil }, OnCommand: own.weigh})
	if err != nil {
		return o, err
	}
	own.rec = rec
	o, err = own.struck(ctx, func() error { return ip("link", "set", outside, "down") }, func() error {
		time.Sleep(cut)
		return ip("link", "set", outside, "up")
	})
	n := rec.Counters()
	o.Notes = fmt.Sprintf("10 s without a network; %d commands expired on arrival, %d unproven", n.Expired, n.Unproven)
	return o, errors.Join(err, rec.Close(), b.Close())
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

// asRole connects to a guarded server.
func asRole(url, dir string, role bus.Role) (bus.Options, error) {
	op, err := bus.ReadOperator(dir)
	if err != nil {
		return bus.Options{}, err
	}
	return bus.Options{URL: url, Credentials: op.Seed(role), CA: op.CA(), Timeout: 20}, nil
}
