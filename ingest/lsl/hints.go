package lsl

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Hint says why a stream that is there may not be seen, and what to do about it.
type Hint struct{ What, Remedy string }

// String is for people.
func (h Hint) String() string { return h.What + ": " + h.Remedy }

// where is what the remedies have in common.
const where = "section [lab] of the file that LSLAPICFG names"

// Hints looks for what the configuration hides from Resolve: known peers without an address, and streams of other sessions. It takes
// as long as Resolve with these options.
func Hints(ctx context.Context, opt ResolveOptions) ([]Hint, error) {
	cfg, err := configOf(opt.Config)
	if err != nil {
		return nil, err
	}
	var looking sync.WaitGroup
	unknown := make([]*Hint, len(cfg.Peers))
	within, cancel := context.WithTimeout(ctx, cmp.Or(opt.Wait, time.Second))
	defer cancel()
	for k, peer := range cfg.Peers {
		looking.Go(func() { unknown[k] = cfg.unknown(within, peer) })
	}
	found, err := Resolve(ctx, ResolveOptions{Config: &cfg, Wait: opt.Wait, others: true})
	looking.Wait()
	if err != nil {
		return nil, err
	}
	var all []Hint
	for _, h := range unknown {
		if h != nil {
			all = append(all, *h)
		}
	}
	if len(found) == 0 {
		return all, nil
	}
	count := map[string]int{}
	for _, i := range found {
		count[i.SessionID]++
	}
	const most = 8
	var sessions []string
	for _, name := range slices.Sorted(maps.Keys(count)) {
		if len(sessions) == most {
			sessions = append(sessions, fmt.Sprintf("those of %d more", len(count)-most))
			break
		}
		sessions = append(sessions, fmt.Sprintf("%d of %q", count[name], name))
	}
	return append(all, Hint{
		fmt.Sprintf("streams of other sessions of LSL answer (%s), and only those of %q are looked for", strings.Join(sessions, ", "), cfg.SessionID),
		"where one of them is meant, give its session as SessionID, " + where,
	}), nil
}

// unknown says why a known peer cannot be asked, nil where it can.
func (c *Config) unknown(ctx context.Context, peer string) *Hint {
	if a, err := netip.ParseAddr(peer); err == nil {
		if familyOf(a) == v6 && !c.IPv6 {
			return &Hint{fmt.Sprintf("the known peer %s is not asked, as IPv6 is off", peer), "set IPv6 = allow, section [ports] of the file that LSLAPICFG names, or give its address of IPv4"}
		}
		return nil
	}
	var why error
	for _, f := range c.families() {
		_, err := lookUp(ctx, peer, f)
		if err == nil {
			return nil
		}
		why = cmp.Or(why, err)
	}
	return &Hint{fmt.Sprintf("the known peer %q is not asked, as its name has no address (%v)", peer, why), "mend the name, or give the address of the machine in KnownPeers, " + where}
}
