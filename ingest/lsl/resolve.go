package lsl

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ResolveOptions say what to look for; the zero value lists everything.
type ResolveOptions struct {
	Config *Config // nil takes Environment
	// Predicate is XPath 1.0 on the description with <info> as the context node, such as
	// type='EEG' and count(desc/channels/channel)>=8.
	Predicate string
	// Wait is how long to look; 0 means 1 s. With Least > 0 it is over as soon as so many were found, and settle to see
	// whether there are more.
	Wait  time.Duration
	Least int
}

const (
	// waveEvery is how often the question is asked again: a datagram may be lost.
	waveEvery = 500 * time.Millisecond
	settle    = 250 * time.Millisecond
	// maxFound bounds what is kept of answers.
	maxFound = 4096
)

// Resolve asks the network for streams. It returns what answered, sorted by name; none is no error.
func Resolve(ctx context.Context, opt ResolveOptions) ([]StreamInfo, error) {
	cfg, err := configOf(opt.Config)
	if err != nil {
		return nil, err
	}
	if err := CheckPredicate(opt.Predicate); err != nil {
		return nil, err
	}
	if strings.ContainsAny(opt.Predicate, "\r\n") {
		return nil, errors.New("the predicate must be on one line")
	}
	wait := cmp.Or(opt.Wait, time.Second)
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()

	at := netip.IPv4Unspecified()
	if cfg.Scope == Machine && len(cfg.Peers)+len(cfg.Groups) == 0 {
		at = loopback
	}
	cfg.Listen = at
	conn, err := listenUDP(cfg) // in the range that firewalls are told to let through
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends the reading
	defer func() {
		if stop() {
			_ = conn.Close()
		}
	}()

	predicate := "session_id='" + cfg.SessionID + "'"
	if opt.Predicate != "" {
		predicate += " and (" + opt.Predicate + ")"
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	id := strconv.FormatUint(binary.LittleEndian.Uint64(b[:]), 10)
	question := fmt.Appendf(nil, "LSL:shortinfo\r\n%s\r\n%d %s\r\n", predicate, portOf(conn.LocalAddr()), id)
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		ask(ctx, conn, cfg, question)
	}()
	found, err := collect(conn, id, opt.Least)
	cancel()
	<-asked
	return found, err
}

// ask sends the question to everybody, again and again until ctx is done.
func ask(ctx context.Context, conn *net.UDPConn, cfg Config, question []byte) {
	peers := lookUp(ctx, cfg.Peers)
	send := func(to netip.Addr, port uint16) {
		_, _ = conn.WriteToUDPAddrPort(question, netip.AddrPortFrom(to, port)) // asked again soon
	}
	ticker := time.NewTicker(waveEvery)
	defer ticker.Stop()
	for {
		send(loopback, cfg.DiscoveryPort)
		for _, p := range append([]netip.Addr{loopback}, peers...) {
			for k := range cfg.PortRange {
				send(p, cfg.BasePort+k)
			}
		}
		if cfg.Scope > Machine || len(cfg.Groups) > 0 {
			for _, i := range interfaces() {
				if through(conn, i, scopes[cfg.Scope].ttl) != nil {
					continue // cannot send to groups
				}
				for _, g := range cfg.targets() {
					if !g.IsLoopback() {
						send(g, cfg.DiscoveryPort)
					}
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// lookUp is the addresses of machines given by name or address. One that is not known is left out: it may be switched off.
func lookUp(ctx context.Context, names []string) []netip.Addr {
	var all []netip.Addr
	for _, name := range names {
		if a, err := netip.ParseAddr(name); err == nil {
			all = append(all, a)
			continue
		}
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", name)
		if err == nil && len(addrs) > 0 {
			all = append(all, addrs[0].Unmap())
		}
	}
	return slices.DeleteFunc(all, func(a netip.Addr) bool { return !a.Is4() || a == loopback })
}

// collect reads answers until conn is closed, or least streams are there and no more come.
func collect(conn *net.UDPConn, id string, least int) ([]StreamInfo, error) {
	byUID := map[string]*StreamInfo{}
	buf := make([]byte, maxDatagram)
	settling := false
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			continue // a question to a port where nobody is came back
		}
		info, err := parseReply(buf[:n], id)
		if err != nil {
			continue // not for us, or from a program that does not speak LSL
		}
		info.Addr = from.Addr().Unmap()
		if old := byUID[info.UID]; old == nil && len(byUID) < maxFound {
			byUID[info.UID] = info
		} else if old != nil && info.Addr.IsLoopback() && !old.Addr.IsLoopback() {
			old.Addr = info.Addr // the shorter way
		}
		if least > 0 && len(byUID) >= least && !settling {
			settling = true
			if err := conn.SetReadDeadline(time.Now().Add(settle)); err != nil {
				return nil, err
			}
		}
	}
	out := make([]StreamInfo, 0, len(byUID))
	for _, i := range byUID {
		out = append(out, *i)
	}
	slices.SortFunc(out, func(a, b StreamInfo) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.CreatedAt, b.CreatedAt), strings.Compare(a.UID, b.UID))
	})
	return out, nil
}

// parseReply reads an answer: the identifier of the question, then a description.
func parseReply(data []byte, id string) (*StreamInfo, error) {
	first, doc, ok := bytes.Cut(data, []byte("\n"))
	if !ok || strings.TrimSpace(string(first)) != id {
		return nil, errors.New("the answer is for another question")
	}
	return parseInfo(doc)
}
