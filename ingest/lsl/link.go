package lsl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// errEnded is the end of a connection between two samples. It is no io.EOF, by which a source says that it has no more: a program that was
// killed ends its connections too.
var errEnded = errors.New("the connection ended")

// link keeps the connection to one stream, over losses of it. Its owner gets the samples.
type link struct {
	cfg      Config
	watchdog time.Duration
	buffer   int
	held     float64 // s, for which the outlet may hold samples back
	// accept says what speaks against a stream that came in place of the lost one.
	accept func(full StreamInfo) error
	// samples gets what comes, on the link's goroutine; sync is another one for each connection.
	samples func(s *Samples, sync *timeSync)
	state   func(s signal.LinkState, detail string)
	back    func(full StreamInfo) // told of a connection in place of a lost one, before it brings anything; nil where nobody asks
	block   func() []byte         // see Receiver.block

	mu   sync.Mutex
	info StreamInfo
	recv *Receiver
}

// find is the one stream that matches a predicate. It waits for it as long as ctx lasts, but at most wait if that is
// above 0.
func find(ctx context.Context, cfg Config, what, predicate string, wait time.Duration) (StreamInfo, error) {
	none := StreamInfo{}
	if wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
	}
	began := time.Now()
	for {
		found, err := Resolve(ctx, ResolveOptions{Config: &cfg, Predicate: predicate, Wait: 5 * time.Second, Least: 1})
		switch {
		case err != nil:
			return none, err
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return none, fmt.Errorf("%d %s match %s: %s; name the one that is meant, by its source_id", len(found), what, predicate, list3(found))
		case errors.Is(ctx.Err(), context.Canceled):
			return none, context.Cause(ctx)
		case ctx.Err() != nil:
			saw, err := sawWhat(context.WithoutCancel(ctx), &cfg)
			if err != nil {
				return none, err
			}
			return none, fmt.Errorf("no %s matches %s within %.1f s; %s: %w", strings.TrimSuffix(what, "s"), predicate, time.Since(began).Seconds(), saw, context.Cause(ctx))
		}
	}
}

// sawWhat says what is there in the place of what was looked for.
func sawWhat(ctx context.Context, cfg *Config) (string, error) {
	opt := ResolveOptions{Config: cfg, Wait: 700 * time.Millisecond}
	var hints []Hint
	var failed error
	var asking sync.WaitGroup
	asking.Go(func() { hints, failed = Hints(ctx, opt) })
	var all []string
	seen, err := Resolve(ctx, ResolveOptions{Config: cfg, Wait: opt.Wait, Odd: func(a OddAnswer) { all = append(all, a.String()) }})
	asking.Wait()
	if err := errors.Join(err, failed); err != nil {
		return "", err
	}
	if len(all) > 8 {
		all = append(all[:8:8], fmt.Sprintf("and %d more", len(all)-8))
	}
	switch {
	case len(seen) > 0:
		all = append(all, "seen were "+list3(seen))
	case len(all) == 0:
		all = append(all, fmt.Sprintf("no stream of LSL was seen at all in the session %q: is the sender running, in the same network and session, and not behind a firewall that keeps UDP port %d and ports %d to %d back?",
			cfg.SessionID, cfg.DiscoveryPort, cfg.BasePort, int(cfg.BasePort)+int(cfg.PortRange)-1))
	}
	for _, h := range hints {
		all = append(all, h.String())
	}
	return strings.Join(all, "; "), nil
}

// list3 names streams, not too many.
func list3(all []StreamInfo) string {
	var b strings.Builder
	for k := range all {
		if k == 8 {
			fmt.Fprintf(&b, " and %d more", len(all)-k)
			break
		}
		if k > 0 {
			b.WriteString(", ")
		}
		b.WriteString(all[k].String())
	}
	return b.String()
}

// literal is s as a string of XPath 1.0, which knows no escapes.
func literal(s string) string {
	if !strings.Contains(s, "'") {
		return "'" + s + "'"
	}
	if !strings.Contains(s, `"`) {
		return `"` + s + `"`
	}
	return "concat('" + strings.ReplaceAll(s, "'", `',"'",'`) + "')"
}

// again is the predicate of the stream that continues i, as liblsl asks for it. The rate is left out: it may have been
// measured anew.
func again(i *StreamInfo) string {
	return fmt.Sprintf("channel_count='%d' and name=%s and type=%s and source_id=%s and channel_format='%s'",
		i.Channels, literal(i.Name), literal(i.Type), literal(i.SourceID), i.Format)
}

// open connects to the stream.
func (l *link) open(ctx context.Context, info StreamInfo) (*Receiver, error) {
	recv, err := Connect(ctx, info, l.buffer)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.info, l.recv, recv.block = info, recv, l.block
	return recv, nil
}

// run reads until ctx is done or the stream is lost for good, which is its error.
func (l *link) run(ctx context.Context, recv *Receiver) error {
	for {
		err := l.read(ctx, recv)
		if ctx.Err() != nil {
			return ErrClosed
		}
		l.mu.Lock()
		info := l.info
		l.mu.Unlock()
		if info.SourceID == "" {
			err = fmt.Errorf("%w; it has no source_id, by which another one could be known to be the same: none is read in its place", err)
			l.state(signal.LinkLost, err.Error())
			return fmt.Errorf("%s: %w: %w", info.String(), signal.ErrLost, err)
		}
		l.state(signal.LinkLost, fmt.Sprintf("%v; looking for source_id %q", err, info.SourceID))
		if recv, err = l.recover(ctx, &info); err != nil {
			return err
		}
	}
}

// recover finds the stream again, or the one in its place.
func (l *link) recover(ctx context.Context, lost *StreamInfo) (*Receiver, error) {
	wait := time.Second
	asked := true // the state says that it is being looked for
	for {
		found, err := Resolve(ctx, ResolveOptions{Config: &l.cfg, Predicate: again(lost), Wait: wait, Least: 1})
		wait = 5 * time.Second
		if ctx.Err() != nil {
			return nil, ErrClosed
		}
		switch {
		case err != nil: // this machine cannot ask now: its ports are taken, or its network is down
			l.state(signal.LinkLost, fmt.Sprintf("cannot look for source_id %q, and tries again: %v", lost.SourceID, err))
		case len(found) == 0:
			if !asked {
				l.state(signal.LinkLost, fmt.Sprintf("looking for source_id %q", lost.SourceID))
			}
			asked = true
			continue
		case len(found) == 1:
			recv, err := l.reopen(ctx, found[0], lost)
			if recv != nil && l.back != nil {
				l.back(recv.info)
			}
			if recv != nil || errors.Is(err, signal.ErrLost) {
				return recv, err
			}
			l.state(signal.LinkLost, err.Error())
		default:
			l.state(signal.LinkLost, fmt.Sprintf("%d streams say that they are the lost one: %s", len(found), list3(found)))
		}
		asked = false
		select { // not at once again
		case <-ctx.Done():
			return nil, ErrClosed
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (l *link) reopen(ctx context.Context, found StreamInfo, lost *StreamInfo) (*Receiver, error) {
	full, err := FullInfo(ctx, found)
	if err != nil {
		return nil, err
	}
	if err := l.accept(full); err != nil {
		return nil, fmt.Errorf("%w: %s came back as another: %w", signal.ErrLost, lost.String(), err)
	}
	return l.open(ctx, full)
}

// read hands on what comes over one connection until it ends.
func (l *link) read(ctx context.Context, recv *Receiver) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()

	ts := &timeSync{held: l.held, uid: recv.info.UID}
	first := make(chan struct{})
	wg.Go(func() { ts.run(ctx, recv.info.timeEndpoint(), first) })
	dog := newWatchdog(l.watchdog)
	wg.Go(func() {
		dog.watch(ctx, func() bool { return l.stillThere(ctx, &recv.info) })
		_ = recv.Close() // also where ctx is done
	})
	select {
	case <-first: // the first samples need to know what the clock is
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		s, err := recv.Read()
		if err != nil {
			_ = recv.Close()
			if dog.bitten() {
				return fmt.Errorf("no data for %g s, and the outlet does not answer", l.watchdog.Seconds())
			}
			if errors.Is(err, io.EOF) {
				return errEnded
			}
			return fmt.Errorf("%w: %w", errEnded, err)
		}
		dog.feed()
		l.samples(s, ts)
	}
}

// stillThere says whether an outlet answers, although it sends nothing.
func (l *link) stillThere(ctx context.Context, i *StreamInfo) bool {
	found, err := Resolve(ctx, ResolveOptions{Config: &l.cfg, Predicate: "uid=" + literal(i.UID), Wait: 2 * time.Second, Least: 1})
	return err == nil && len(found) > 0
}

// watchdog asks whether the peer is there when nothing has come for a while.
type watchdog struct {
	after time.Duration

	mu   sync.Mutex
	fed  time.Time
	bite bool
}

func newWatchdog(after time.Duration) *watchdog { return &watchdog{after: after, fed: time.Now()} }

func (w *watchdog) feed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fed = time.Now()
}

func (w *watchdog) bitten() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bite
}

// watch returns when ctx is done, or nothing has come for too long and alive says that nobody is there.
func (w *watchdog) watch(ctx context.Context, alive func() bool) {
	for {
		w.mu.Lock()
		left := time.Until(w.fed.Add(w.after))
		w.mu.Unlock()
		if left <= 0 {
			if ok := alive(); ctx.Err() != nil {
				return
			} else if !ok {
				w.mu.Lock()
				w.bite = true
				w.mu.Unlock()
				return
			}
			left = w.after
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(left):
		}
	}
}
