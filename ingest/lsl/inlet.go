package lsl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/clock"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// bufferBytes bounds what waits here, whatever BufferS says.
const bufferBytes = 256 << 20

// holdTime is how long samples whose stamps are odd wait for more, where nothing comes.
const holdTime = 250 * time.Millisecond

// InletOptions say which stream to read and how; the zero value of each asks for the default.
type InletOptions struct {
	Config *Config // nil takes Environment

	Name, Type, SourceID string        // "" is any
	Predicate            string        // XPath, beside these
	Wait                 time.Duration // for the stream to appear; 0 waits as long as the context lasts

	// Markers is the predicate of a stream of marks, or its bare name, which become the events of the chunks: "" for none. Samples then wait
	// up to MarkersWait, 5 ms unless it is set, so that marks which belong to them can arrive.
	Markers     string
	MarkersWait time.Duration
	// MarkersDelayS is taken off the stamps of the marks: they come of another program, and need not be late as the samples are.
	MarkersDelayS float64

	BufferS   float64       // that may wait here, and at the outlet; 0 means 60. More lose the oldest, and are counted
	MaxChunk  int           // samples in one chunk; 0 means 4096
	Stall     time.Duration // without data, until the link counts as stalled; 0 means 1 s
	Watchdog  time.Duration // without data, until the outlet is asked whether it is there; 0 means 15 s
	DelayS    float64       // of the device, taken off the stamps of the samples
	Unit      string        // of voltages whose unit the stream does not tell: "uV", "mV", "V"; "" takes µV and lists it
	Counter   string        // name of a channel that counts samples
	Modulus   int64         // at which it starts again; 0 means 256
	HalfTimeS float64       // of the fit through the stamps; 0 means 90
}

// Inlet is a stream of samples as a source. It finds the stream again when it is lost, corrects its clock, and says where
// samples are missing: a gap is a jump of Chunk.Start; a new sender, or one whose clock jumped, begins anew.
//
// Times are on this machine's clock: the sender's stamps, put on a line against jitter, plus the measured difference of
// the two clocks, less DelayS or MarkersDelayS. Samples are handed out as they come, in one chunk per read of the socket at best.
type Inlet struct {
	opt   InletOptions
	info  *signal.Info
	scale []units.Scale
	dev   []signal.Deviation
	full  StreamInfo

	data, marks *link
	cancel      context.CancelFunc
	wg          sync.WaitGroup
	wake        chan struct{} // holds one token when there is something new
	done        chan struct{} // closed by Close
	free        chan []byte   // blocks that are used again

	// of Next alone
	work    fifo
	tracker *clock.Tracker
	counter int       // channel, -1 for none
	begun   bool      // the tracker knows of a connection
	sync    *timeSync // of the connection of the newest sample handed out
	start   int64
	buf     signal.Buffer
	block   []byte // that the newest sample handed out was in
	events  []signal.Event
	late    []signal.Event

	mu      sync.Mutex
	in      fifo   // what came and nobody has taken
	untaken bool   // some of what came has not been handed out
	gone    gone   // what the end of the connection is held back as until it is
	over    []gone // losses that were over before what came in front of them had been handed out, oldest first
	err     error
	health  signal.Health
	since   time.Time // last data
	arrived time.Time
	resumed time.Time // when the first data came after a loss
	newest  float64   // corrected time of the newest sample handed out
	pending []mark
	marked  signal.Marks
	nowMark *timeSync // of the newest connection of the marks
	now     *timeSync // of the newest connection
	fresh   *timeSync // the same until the first samples of it are here
}

// gone is a loss that is not told yet; the zero value is none.
type gone struct {
	at     time.Time
	detail string
	next   *timeSync // of the connection behind it, nil before there is one
}

// mark is an event before it has found its sample.
type mark struct {
	at    float64 // corrected, on our clock
	label string
}

// Open finds the stream and connects to it. The error says what was seen where it is not found.
func Open(ctx context.Context, opt InletOptions) (*Inlet, error) {
	cfg, err := opt.prepare()
	if err != nil {
		return nil, err
	}
	d, err := opt.describe(ctx, cfg)
	if err != nil {
		return nil, err
	}
	full := d.Stream
	n := &Inlet{opt: opt, full: full, info: d.Info, scale: d.scale, dev: d.Deviations, counter: -1, wake: make(chan struct{}, 1), done: make(chan struct{}), free: make(chan []byte, 16)}
	topt := clock.Options{Rate: full.Rate, HalfTimeS: opt.HalfTimeS}
	if opt.Counter != "" {
		if n.counter = n.info.Index(opt.Counter); n.counter < 0 {
			return nil, fmt.Errorf("%s has no channel %q to count samples, it has %s", full.String(), opt.Counter, strings.Join(n.info.Names(), ", "))
		}
		topt.Modulus = opt.Modulus
	}
	if n.tracker, err = clock.NewTracker(topt); err != nil {
		return nil, err
	}
	now := time.Now()
	n.health = signal.Health{State: signal.LinkConnected, Since: now, Detail: full.String(), DelayS: opt.DelayS}
	n.since = now
	fits := float64(bufferBytes / max(1, full.Channels*full.Format.Size()))
	buffer := int(min(max(1, math.Round(opt.BufferS*full.Rate)), max(1, fits)))
	n.data = &link{
		cfg: cfg, watchdog: opt.Watchdog, buffer: buffer, held: opt.BufferS, accept: n.same, state: n.enter,
		samples: func(s *Samples, ts *timeSync) { n.take(s, ts, buffer) }, block: n.newBlock,
	}
	recv, err := n.data.open(ctx, full)
	if err != nil {
		return nil, err
	}
	var marks *Receiver
	if opt.Markers != "" {
		if marks, err = n.openMarks(ctx, cfg); err != nil {
			return nil, errors.Join(fmt.Errorf("markers: %w", err), recv.Close())
		}
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	n.cancel = cancel
	n.wg.Go(func() { n.fail(n.data.run(run, recv)) })
	if marks != nil {
		n.wg.Go(func() {
			if err := n.marks.run(run, marks); !errors.Is(err, ErrClosed) {
				n.marksOver() // the samples go on
			}
		})
	}
	return n, nil
}

// prepare fills in and checks the options, and returns the configuration.
func (o *InletOptions) prepare() (Config, error) {
	cfg, err := configOf(o.Config)
	if err != nil {
		return cfg, err
	}
	return cfg, o.defaults()
}

// defaults fills in and checks the options.
func (o *InletOptions) defaults() error {
	o.MarkersWait = cmp.Or(o.MarkersWait, 5*time.Millisecond)
	o.BufferS = cmp.Or(o.BufferS, 60)
	o.MaxChunk = cmp.Or(o.MaxChunk, 4096)
	o.Stall = cmp.Or(o.Stall, time.Second)
	o.Watchdog = cmp.Or(o.Watchdog, 15*time.Second)
	o.Modulus = cmp.Or(o.Modulus, 256)
	for _, d := range []struct {
		name  string
		value float64
		least float64
		most  float64
	}{
		{"buffer_s", o.BufferS, 0.1, 86400},
		{"max_chunk", float64(o.MaxChunk), 1, 1 << 20},
		{"stall_s", o.Stall.Seconds(), 0.01, 3600},
		{"watchdog_s", o.Watchdog.Seconds(), 0.1, 3600},
		{"markers_wait_s", o.MarkersWait.Seconds(), 0, 10},
		{"wait_s", o.Wait.Seconds(), 0, 86400},
		{"delay_s", o.DelayS, -maxDelay, maxDelay},
		{"markers_delay_s", o.MarkersDelayS, -maxDelay, maxDelay},
		{"counter_modulus", float64(o.Modulus), 2, math.MaxInt32 + 1},
		{"half_time_s", o.HalfTimeS, 0, 86400},
	} {
		if !(d.least <= d.value && d.value <= d.most) {
			return fmt.Errorf("%s is %g, must be %g to %g", d.name, d.value, d.least, d.most)
		}
	}
	if o.Markers != "" && !strings.ContainsAny(o.Markers, `=<>!'"()[]/@*|`) { // no condition, so that it would match nothing: the name
		o.Markers = Named(o.Markers)
	}
	for _, p := range []string{o.Predicate, o.Markers} {
		if err := CheckPredicate(p); err != nil {
			return err
		}
	}
	return nil
}

// predicate is all that was asked for in one.
func (o *InletOptions) predicate() string {
	var all []string
	for _, f := range [][2]string{{"name", o.Name}, {"type", o.Type}, {"source_id", o.SourceID}} {
		if f[1] != "" {
			all = append(all, f[0]+"="+literal(f[1]))
		}
	}
	if o.Predicate != "" {
		all = append(all, "("+o.Predicate+")")
	}
	if len(all) == 0 { // any signal: marks are no answer
		return "nominal_srate>0 and not(channel_format='string')"
	}
	return strings.Join(all, " and ")
}

// openMarks connects to the stream of marks.
func (n *Inlet) openMarks(ctx context.Context, cfg Config) (*Receiver, error) {
	found, err := findMarks(ctx, cfg, n.opt.Markers, n.opt.Wait, n.full.UID)
	if err != nil {
		return nil, err
	}
	n.marks = &link{
		cfg: cfg, watchdog: n.opt.Watchdog, buffer: maxMarks, held: n.opt.BufferS,
		accept: func(StreamInfo) error { return nil }, state: n.enterMarks, samples: n.takeMarks,
		back: func(full StreamInfo) { n.enterMarks(signal.LinkConnected, full.String()) }, // the next mark may be long in coming
	}
	n.marked = signal.Marks{State: signal.LinkConnected, Since: time.Now(), Detail: found.String()}
	return n.marks.open(ctx, found)
}

// same says what speaks against full in place of the stream that was opened.
func (n *Inlet) same(full StreamInfo) error {
	if full.Rate != n.full.Rate {
		return fmt.Errorf("its rate is %g Hz, was %g Hz", full.Rate, n.full.Rate)
	}
	info, scale, _, err := channels(&full, n.opt.Unit)
	if err != nil {
		return err
	}
	for ch, c := range info.Channels {
		if was := n.info.Channels[ch]; c.Name != was.Name || c.Unit != was.Unit || scale[ch] != n.scale[ch] {
			return fmt.Errorf("channel %d is %s in %s, was %s in %s", ch+1, c.Name, c.Unit, was.Name, was.Unit)
		}
	}
	return nil
}

// enter changes the state of the link. That it is lost is not told before everything that came has been handed out: who hears of it
// may end what is being recorded, which would then lack the end.
func (n *Inlet) enter(s signal.LinkState, detail string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	if s != signal.LinkLost || !n.untaken {
		n.set(s, detail, now)
		return
	}
	if n.gone.at.IsZero() {
		n.gone.at = now
	}
	n.gone.detail = detail
	n.notify() // samples that are held back need wait for no more
}

// handedOut tells of a loss once nothing is left of what came before it; called by Next with n.mu held.
func (n *Inlet) handedOut() {
	if n.untaken = n.in.len()+n.work.len() > 0; !n.untaken && !n.gone.at.IsZero() {
		n.set(signal.LinkLost, n.gone.detail, n.gone.at)
		n.gone = gone{}
	}
}

// enterMarks changes the state of the link to the marks.
func (n *Inlet) enterMarks(s signal.LinkState, detail string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.marked.State != s {
		n.marked.State, n.marked.Since = s, time.Now()
	}
	n.marked.Detail = detail
}

// marksOver keeps why the marks were lost: no other stream can take the place of theirs.
func (n *Inlet) marksOver() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.marked.Over = n.marked.Detail
}

func (n *Inlet) set(s signal.LinkState, detail string, at time.Time) {
	if n.health.State != s {
		n.health.State, n.health.Since = s, at
		if s == signal.LinkLost {
			n.overUpTo(len(n.over)) // all before are behind us
			n.count(at, detail)
		}
	}
	n.health.Detail = detail
}

// count counts a loss behind everything that came before it.
func (n *Inlet) count(at time.Time, why string) {
	n.health.Losses++
	n.health.LostAt, n.health.LostWhy = at, why
}

// overUpTo counts the first k losses that were over before anybody could be told.
func (n *Inlet) overUpTo(k int) {
	for _, g := range n.over[:k] {
		n.count(g.at, g.detail)
	}
	n.over = n.over[k:]
}

// fail ends the inlet. What came before is still handed out.
func (n *Inlet) fail(err error) {
	n.mu.Lock()
	if n.err == nil {
		n.err = err
	}
	n.mu.Unlock()
	n.notify()
}

func (n *Inlet) notify() {
	select {
	case n.wake <- struct{}{}:
	default: // a token is there
	}
}

// take keeps what came, on the link's goroutine.
func (n *Inlet) take(s *Samples, ts *timeSync, most int) {
	at := clockOf(s.Arrived)
	n.mu.Lock()
	if n.now != ts {
		if n.now != nil {
			n.health.Recoveries++
			n.resumed = s.Arrived
			if !n.gone.at.IsZero() { // samples of before it wait still
				n.gone.next = ts
				n.over = append(n.over, n.gone)
			}
			n.data.mu.Lock()
			n.set(signal.LinkRecovered, n.data.info.String(), s.Arrived)
			n.data.mu.Unlock()
		}
		if !ts.known() {
			n.health.Detail += "; its clock does not answer: samples are taken to be measured when they arrive, by the newest of the first chunk"
		}
	}
	n.since, n.gone = s.Arrived, gone{}
	if s.Unstamped > 0 {
		if n.health.Unstamped == 0 {
			n.health.Detail += "; some of its stamps are no times in seconds"
		}
		n.health.Unstamped += uint64(s.Unstamped)
	}
	if n.now != ts {
		n.now, n.fresh = ts, ts
	}
	if s.Len() > 0 {
		n.in.push(s, piece{arrived: at, sync: n.fresh})
		n.fresh, n.untaken = nil, true
	}
	if over := n.in.len() - most; over > 0 {
		n.health.Dropped += uint64(over)
		n.in.drop(over)
	}
	n.mu.Unlock()
	n.notify()
}

// Info describes the samples.
func (n *Inlet) Info() *signal.Info { return n.info }

// Stream is what is read, as it was found first.
func (n *Inlet) Stream() StreamInfo { return n.full }

// Deviations lists what the stream's description does not say, or says oddly, and what was assumed.
func (n *Inlet) Deviations() []signal.Deviation { return n.dev }

// Marks is how the stream of marks is, and how many of them came when their sample had been handed out: they are in Chunk.Late.
func (n *Inlet) Marks() signal.Marks {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := n.marked
	m.Waiting = uint64(len(n.pending))
	return m
}

// Next returns what has come since the last call, at most MaxChunk samples and never over a gap. It blocks until there is
// something. While the link is lost it waits for it: Health tells. The error wraps signal.ErrLost where that is no use.
func (n *Inlet) Next(ctx context.Context) (signal.Chunk, error) {
	for {
		if r, ok := n.tracker.Take(n.opt.MaxChunk); ok {
			return n.chunk(ctx, r)
		}
		if err := ctx.Err(); err != nil {
			return signal.Chunk{}, err
		}
		if n.fetch() {
			continue
		}
		n.mu.Lock()
		err, left, over := n.err, n.in.len(), n.err != nil || !n.gone.at.IsZero()
		n.mu.Unlock()
		if over && left == 0 && n.tracker.Held() > 0 {
			n.tracker.Settle() // nothing more comes
			continue
		}
		if err != nil && left == 0 {
			return signal.Chunk{}, err
		}
		if err != nil {
			continue
		}
		if n.tracker.Held() > 0 {
			n.hold(ctx)
			continue
		}
		select {
		case <-n.wake:
		case <-ctx.Done():
			return signal.Chunk{}, ctx.Err()
		}
	}
}

// hold waits for what tells what the samples mean that are held back, or decides without it.
func (n *Inlet) hold(ctx context.Context) {
	timer := time.NewTimer(holdTime)
	defer timer.Stop()
	select {
	case <-n.wake:
	case <-ctx.Done():
	case <-timer.C:
		n.tracker.Settle()
	}
}

// fetch takes what has come and shows it to the tracker. It says whether there was anything.
func (n *Inlet) fetch() bool {
	n.mu.Lock()
	if n.in.len() == 0 {
		n.mu.Unlock()
		return false
	}
	pieces, meta := n.work.move(&n.in)
	n.mu.Unlock()

	for _, p := range pieces {
		if p.sync != nil {
			if n.begun {
				n.tracker.Restart()
			}
			n.begun = true
		}
		if p.lost > 0 {
			n.tracker.Missing(p.lost)
		}
		for k := range meta[:p.n] {
			m := &meta[k]
			if n.counter < 0 {
				n.tracker.Add(m.stamp, p.arrived, m.sent)
				continue
			}
			var v [1]float64
			decodeTile(v[:], p.block, []int{int(m.at)}, n.counter*n.full.Format.Size(), n.full.Format, one)
			n.tracker.AddCounted(m.stamp, p.arrived, m.sent, int64(v[0]))
		}
		meta = meta[p.n:]
	}
	return true
}

// chunk makes the next r.N samples one.
func (n *Inlet) chunk(ctx context.Context, r clock.Run) (signal.Chunk, error) {
	if r.Anew {
		n.start = 0
	}
	n.start += r.Lost
	c := n.buf.Chunk(n.info, n.start, r.N)
	arrived := 0.0 // of the last sample
	length := float64(r.N-1) / n.info.Rate
	before := n.sync
	var begins *timeSync // the connection whose first samples these are
	var skipped int64    // thrown away here before these, and counted there
	n.work.take(r.N, func(k int, p *piece, meta []sample) {
		n.use(p.block)
		if p.sync != nil {
			n.sync, begins, skipped = p.sync, p.sync, p.skipped
		}
		decode(c.X, k, p.block, meta, n.full.Format, n.scale)
		arrived = p.arrived
	})
	n.start = c.End()
	if r.Anew { // the clock of the stamps jumped, and that of the marks is likely to be the same
		n.sync.again()
	}
	local := n.sync.local(r.Time, length, arrived) - n.opt.DelayS
	c.Time, c.Anew = Wall(local), r.Anew
	if n.marks != nil {
		n.waitForMarks(ctx, arrived)
		c.Late, c.Events = n.marksIn(c, local)
	}
	offset, bound, ppm := n.sync.figures(LocalClock())
	off, tell := n.sync.tellOff()

	n.mu.Lock()
	defer n.mu.Unlock()
	if r.Anew && n.nowMark != nil {
		n.nowMark.again()
	}
	h := &n.health
	if h.StampsOffS = off; tell {
		h.Detail += fmt.Sprintf("; its stamps lie %s the clock that it tells of: samples are taken to be measured when they arrive", signal.Apart(off))
	}
	h.Samples += uint64(r.N)
	if begins != nil {
		n.overUpTo(1 + slices.IndexFunc(n.over, func(g gone) bool { return g.next == begins }))
		if before != nil && before != begins && begins.uid != "" && begins.uid == before.uid { // the link broke, and the outlet went on without us
			h.Suspected += uint64(max(0, math.Round((local-n.newest)*n.info.Rate)-1-float64(skipped)))
		}
	}
	n.handedOut()
	switch {
	case r.Told: // thrown away here, and counted there
	case r.Known:
		h.Lost += uint64(r.Lost)
	default:
		h.Suspected += uint64(r.Lost)
	}
	h.Jumps = uint64(n.tracker.Jumps)
	h.RateHz, h.JitterS = n.tracker.RateHz(), n.tracker.JitterS()
	h.OffsetS, h.OffsetErrS, h.DriftPPM = offset, bound, ppm
	n.newest = local + length
	n.arrived = clockAt.Add(time.Duration((arrived - clockBase) * 1e9))
	return c, nil
}

// use notes that the samples in block are next. When they are in another one than those before, nobody needs that any more: the
// link reads into the newest block alone.
func (n *Inlet) use(block []byte) {
	if len(n.block) == readLen && &n.block[0] != &block[0] {
		select {
		case n.free <- n.block:
		default:
		}
	}
	n.block = block
}

// newBlock is memory to read into.
func (n *Inlet) newBlock() []byte {
	select {
	case b := <-n.free:
		return b
	default:
		return make([]byte, readLen)
	}
}

// waitForMarks waits until marks for samples that arrived then can be here.
func (n *Inlet) waitForMarks(ctx context.Context, arrived float64) {
	left := time.Duration((arrived-LocalClock())*1e9) + n.opt.MarkersWait
	if left <= 0 {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-n.done:
	case <-ctx.Done(): // the samples are handed out all the same: they have been taken
	}
}

// Arrived is when the newest chunk that Next returned reached this machine.
func (n *Inlet) Arrived() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.arrived
}

// Health is how the stream is.
func (n *Inlet) Health() signal.Health {
	now := time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.health
	if h.Samples == 0 {
		h.RateHz, h.OffsetS, h.OffsetErrS, h.DriftPPM, h.JitterS, h.AgeS = math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()
	} else {
		h.AgeS = clockOf(now) - n.newest
	}
	if h.State == signal.LinkRecovered && now.Sub(n.resumed) > time.Second {
		n.set(signal.LinkConnected, h.Detail, n.resumed.Add(time.Second))
		h.State, h.Since = n.health.State, n.health.Since
	}
	if quiet := now.Sub(n.since); quiet > n.opt.Stall && (h.State == signal.LinkConnected || h.State == signal.LinkRecovered) {
		h.State, h.Since = signal.LinkStalled, n.since.Add(n.opt.Stall)
		h.Detail = fmt.Sprintf("no data for %.1f s from %s", quiet.Seconds(), h.Detail)
	}
	return h
}

// Close ends the connection. Next returns ErrClosed behind it.
func (n *Inlet) Close() error {
	select {
	case <-n.done:
		return nil
	default:
	}
	close(n.done)
	n.cancel()
	n.wg.Wait()
	n.fail(ErrClosed)
	return nil
}
