package pipeline

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

// front takes chunks to windows: the steps on samples, the segmenters, the checks. At a gap it flushes and starts anew.
type front struct {
	steps  []preprocess.Processor
	segs   []preprocess.Segmenter // the first cuts the windows to train on
	checks []preprocess.Checker
	names  []string // of steps, then of segs, then of checks, for messages
	where  []Step   // the same, as they stand in the file
	file   string   // which, for messages

	calibrated bool // what learns among steps has learned
	checked    int  // so many checks, from the first, have learned where they learn

	in      *signal.Info    // what comes in
	beyond  *signal.Info    // what the bridge has made of the first stream, nil without one
	out     *signal.Info    // of the windows
	length  int             // samples of a window
	started bool            // a chunk has come
	at      int64           // the sample that continues the stream; meaningless until started
	running bool            // the steps have seen samples since they were started
	from    int64           // the first of these
	next    int64           // the sample that continues what they have seen; both are meaningless until running
	recalls bool            // one of segs cuts windows around events that come late
	late    []signal.Event  // that came late, of samples that the steps have not handed on yet
	flowed  bool            // samples have come out of the steps since they were started
	done    int64           // the sample that continues these; meaningless until flowed
	newest  preprocess.Miss // of the Unseen of stats
	ready   []signal.Window // what one Push completes
	own     int             // so many of them, from the first, are in memory of their own
	use     []bool          // the channels that must be finite
	lost    []lostTrack     // of the channels that come in
	still   []stillTrack    // of the same
	view    [][]float64     // the part of a chunk that is finite
	labels  []string        // of the events that the first of segs cuts windows around
	stats   Stats
	stage   func(Stage) // nil, or told behind each stage
}

// Stats counts what a pipeline has seen since Start.
type Stats struct {
	Samples int64 `json:"samples"` // taken in
	Gaps    int64 `json:"gaps"`    // where the stream breaks off: jumps in the sample number, and samples that are not finite
	Lost    int64 `json:"lost"`    // samples that the jumps lack
	// NotFinite counts the samples among those taken in that are NaN or infinite in a channel that is used: they count as lost.
	// Channels says in which.
	NotFinite int64       `json:"not_finite"`
	Channels  []NotFinite `json:"not_finite_channels,omitempty"`
	// Flat names the channels of voltages among those that are used whose samples have all been the same, of a second or more.
	Flat []string `json:"flat_channels,omitempty"`
	// Restarts counts how often the source began anew.
	Restarts int64 `json:"restarts"`
	Windows  int64 `json:"windows"` // completed
	// Rejected counts the windows among them that a check refused.
	Rejected int64             `json:"rejected"`
	Misses   []preprocess.Miss `json:"-"` // events that got no window
	// Unseen counts those among them that a recording of the stream may have a window of: they came so late that their samples were gone.
	Unseen int64 `json:"-"`
	// Crossing says how a stream that has not the channels of training was taken, as Pipeline.Crossing does.
	Crossing string `json:"crossing,omitempty"`
}

// start prepares for a stream described by in and says how windows will look.
func (f *front) start(in *signal.Info) (out *signal.Info, length int, err error) {
	f.in, f.started, f.running, f.stats = in, false, false, Stats{}
	f.lost, f.still, f.labels = make([]lostTrack, len(in.Channels)), make([]stillTrack, len(in.Channels)), nil
	if out, length, err = f.restart(); err != nil {
		return nil, 0, err
	}
	f.use = used(f.steps, in)
	if s, ok := f.segs[0].(interface{ EventLabels() []string }); ok {
		f.labels = s.EventLabels()
	}
	f.recalls = slices.ContainsFunc(f.segs, func(s preprocess.Segmenter) bool { _, ok := s.(preprocess.Recaller); return ok })
	return out, length, nil
}

// restart clears every step.
func (f *front) restart() (out *signal.Info, length int, err error) {
	info, bridge := f.in, f.bridge()
	f.late, f.flowed = f.late[:0], false
	for i, s := range f.steps {
		if info, err = s.Start(info); err != nil {
			return nil, 0, f.fail(i, err)
		}
		if err := info.Validate(); err != nil {
			return nil, 0, f.fail(i, fmt.Errorf("what comes out: %w", err))
		}
		if i == bridge {
			if info, err = f.hold(info); err != nil {
				return nil, 0, f.fail(i, err)
			}
		}
	}
	for i, s := range f.segs {
		n, err := s.Start(info)
		if err != nil {
			return nil, 0, f.fail(len(f.steps)+i, err)
		}
		if i > 0 && n != length {
			return nil, 0, f.fail(len(f.steps)+i, fmt.Errorf("windows of %d samples, those of %s have %d: both must be equally long", n, f.names[len(f.steps)], length))
		}
		length = n
	}
	for i, c := range f.checks {
		if err := c.Start(info, length); err != nil {
			return nil, 0, f.fail(len(f.steps)+len(f.segs)+i, err)
		}
	}
	f.length, f.out = length, info
	return info, length, nil
}

// fail is an error in the definition of a step.
func (f *front) fail(i int, err error) error {
	return &SpecError{File: f.file, Line: f.where[i].line, Step: f.names[i], Err: err}
}

// push takes one chunk. The windows are valid until the next call.
func (f *front) push(c signal.Chunk) ([]signal.Window, error) {
	f.ready, f.own = f.ready[:0], 0
	if len(c.X) != len(f.in.Channels) {
		return nil, fmt.Errorf("a chunk with %d channels, the stream began with %d", len(c.X), len(f.in.Channels))
	}
	if len(c.Late) > 0 {
		f.recall(c)
		c.Late = nil
	}
	if c.Len() == 0 && len(c.Events) == 0 && !c.Anew {
		return f.ready, nil
	}
	switch {
	case f.started && c.Anew:
		f.stats.Restarts++
		if err := f.anew(); err != nil {
			return nil, err
		}
	case f.started && c.Start < f.at:
		return nil, fmt.Errorf("sample %d comes again: the stream was at %d already; a source that begins anew must say so", c.Start, f.at)
	case f.started && c.Start > f.at:
		f.stats.Lost += c.Start - f.at
		if err := f.breakOff(); err != nil {
			return nil, err
		}
	}
	f.started, f.at = true, c.End()
	f.stats.Samples += int64(c.Len())
	for ch, x := range c.X {
		if f.use[ch] {
			f.still[ch].see(x)
		}
	}
	if finite(c.X, f.use) {
		if err := f.good(c); err != nil {
			return nil, err
		}
		return f.ready, nil
	}
	err := pieces(c, f.use, func(from, to int64, isLost bool) error {
		if isLost {
			return f.bad(c, from, to)
		}
		g := c
		g.Start, g.Time, g.Events, g.Anew = from, c.TimeAt(from), signal.EventsIn(c.Events, from, to), false
		f.view = f.view[:0]
		for _, x := range c.X {
			f.view = append(f.view, x[from-c.Start:to-c.Start])
		}
		g.X = f.view
		return f.good(g)
	})
	return f.ready, err
}

// good takes samples that are all finite and continue the stream.
func (f *front) good(c signal.Chunk) error {
	if !f.running {
		f.from = c.Start
	}
	f.running, f.next = true, c.End()
	return f.through(0, c)
}

// bad takes the samples [from, to) of c, which are lost, because they are not finite: the stream breaks off before them.
func (f *front) bad(c signal.Chunk, from, to int64) error {
	if err := f.breakOff(); err != nil {
		return err
	}
	f.stats.NotFinite += to - from
	count(f.lost, c, from, to, f.use)
	f.stats.Misses = append(f.stats.Misses, misses(c, from, to, f.use, f.labels)...)
	return nil
}

// breakOff is a gap, unless the steps have just begun anew.
func (f *front) breakOff() error {
	if !f.running {
		return nil
	}
	f.stats.Gaps++
	return f.anew()
}

// counted is what f has seen since it was started.
func (f *front) counted() Stats {
	s := f.stats
	s.Channels = append(slices.Clip(s.Channels), report(f.lost, f.in)...)
	s.Flat = flat(f.still, f.in)
	return s
}

// anew takes out what the steps hold back, and starts every step again.
func (f *front) anew() error {
	if !f.running {
		return nil
	}
	f.running = false
	if err := f.finish(); err != nil {
		return err
	}
	if _, _, err := f.restart(); err != nil {
		return fmt.Errorf("behind sample %d, where the stream breaks off: %w", f.next, err)
	}
	return nil
}

// flush ends the stream. The windows are valid until the next call.
func (f *front) flush() ([]signal.Window, error) {
	f.ready, f.own = f.ready[:0], 0
	f.started = false
	if !f.running {
		return nil, nil
	}
	f.running = false
	err := f.finish()
	return f.ready, err
}

// finish takes out what the steps hold back and asks for the events that are left.
func (f *front) finish() error {
	for i, s := range f.steps {
		c, err := s.Flush()
		if err != nil {
			return fmt.Errorf("%s: %w", f.names[i], err)
		}
		if c.Len() > 0 {
			if err := f.through(i+1, c); err != nil {
				return err
			}
		}
	}
	for _, e := range f.late {
		f.unseen(e, "it came late, and the stream ended or broke off before its sample was preprocessed")
	}
	for i, s := range f.segs {
		if misses := s.End(); i == 0 { // a window that slides waits for nothing
			f.stats.Misses = append(f.stats.Misses, misses...)
		}
	}
	return nil
}

// through takes a chunk from step i to the end. Windows that two segmenters cut alike are kept once: the one with the
// event.
func (f *front) through(i int, c signal.Chunk) error {
	var err error
	for ; i < len(f.steps); i++ {
		if c, err = f.steps[i].Process(c); err != nil {
			return fmt.Errorf("%s: sample %d: %w", f.names[i], f.next, err)
		}
		if c.Len() == 0 && len(c.Events) == 0 {
			return nil
		}
	}
	if f.stage != nil {
		f.stage(Preprocessed)
		defer f.stage(Windowed)
	}
	f.keep()
	c = f.joined(c)
	from := len(f.ready)
	for k, s := range f.segs {
		ws, err := s.Push(c)
		if err != nil {
			return fmt.Errorf("%s: sample %d: %w", f.names[len(f.steps)+k], f.next, err)
		}
		f.completed(k, ws)
	}
	f.check(from)
	return nil
}

// completed notes windows of segmenter k.
func (f *front) completed(k int, ws []signal.Window) {
	f.ready = append(f.ready, ws...)
	for i := len(f.ready) - len(ws); k > 0 && i < len(f.ready); i++ {
		f.ready[i].Slides = true
	}
}

// check puts the windows that are ready from number from on in order, and says which must not be used. Those that two segmenters cut
// alike are kept once.
func (f *front) check(from int) {
	fresh := f.ready[from:]
	if len(f.segs) > 1 {
		slices.SortStableFunc(fresh, func(a, b signal.Window) int { return cmp.Compare(a.End(), b.End()) })
		for i := range fresh { // the one with the event comes first
			if i > 0 && fresh[i].Event == nil && fresh[i-1].End() == fresh[i].End() {
				fresh[i-1].Slides = true
			}
		}
		fresh = slices.CompactFunc(fresh, func(a, b signal.Window) bool { return a.End() == b.End() && (a.Event == nil || b.Event == nil) })
	}
	f.ready = f.ready[:from+len(fresh)]
	f.stats.Windows += int64(len(fresh))
	for i := range fresh {
		if fresh[i].Rejected = f.why(fresh[i]); fresh[i].Rejected != "" {
			f.stats.Rejected++
		}
	}
}

// keep gives the windows that are ready memory of their own: the segmenters are about to use theirs again, which happens
// only where the stream breaks off.
func (f *front) keep() {
	for i := f.own; i < len(f.ready); i++ {
		f.ready[i] = f.ready[i].Clone()
	}
	f.own = len(f.ready)
}

// why says why w must not be used, "" where it is good. Checks that have not learned yet are left out.
func (f *front) why(w signal.Window) string {
	for i, c := range f.checks {
		if _, learns := c.(preprocess.CheckFitter); learns && i >= f.checked {
			continue
		}
		if why := c.Check(w); why != "" {
			return f.names[len(f.steps)+len(f.segs)+i] + ": " + why
		}
	}
	return ""
}

// learns says whether a step on samples has to be calibrated.
func (f *front) learns() bool {
	return slices.ContainsFunc(f.steps, func(s preprocess.Processor) bool { _, ok := s.(preprocess.Calibrator); return ok })
}

// calibrate lets the steps learn from runs, stretches without a gap of what comes in: each sees what the steps before
// it, already calibrated, make of them, without the samples that are not finite in a channel that those use. A step that
// looks for bad channels sees these as well.
func (f *front) calibrate(source []signal.Chunk) error {
	runs := slices.Clone(source)
	for i, s := range f.steps {
		c, learns := s.(preprocess.Calibrator)
		if _, looks := s.(preprocess.Ignorer); learns && !looks && len(source) > 0 {
			use := used(f.steps[:i], source[0].Info)
			if slices.ContainsFunc(source, func(c signal.Chunk) bool { return !finite(c.X, use) }) {
				var err error
				if runs, err = f.again(i, parts(source, use)); err != nil {
					return err
				}
				if len(runs) == 0 {
					return fmt.Errorf("%s: nothing to learn from: %s", f.names[i], nowhere(source, use))
				}
			}
		}
		info := f.in
		if len(runs) > 0 {
			info = runs[0].Info
		}
		if _, err := s.Start(info); err != nil {
			return fmt.Errorf("%s: %w", f.names[i], err)
		}
		if learns {
			if err := c.Calibrate(runs); err != nil {
				return fmt.Errorf("%s: %w", f.names[i], err)
			}
		}
		var err error
		if runs, err = every(s, runs); err != nil {
			return fmt.Errorf("%s: %w", f.names[i], err)
		}
	}
	f.calibrated = true
	return nil
}

// again takes runs through the first n steps.
func (f *front) again(n int, runs []signal.Chunk) ([]signal.Chunk, error) {
	var err error
	for i, s := range f.steps[:n] {
		if runs, err = every(s, runs); err != nil {
			return nil, fmt.Errorf("%s: %w", f.names[i], err)
		}
	}
	return runs, nil
}

// nowhere says why no sample of runs is left.
func nowhere(runs []signal.Chunk, use []bool) string {
	var s Stats
	lost := make([]lostTrack, len(use))
	for _, c := range runs {
		s.NotFinite += int64(c.Len())
		count(lost, c, c.Start, c.End(), use)
	}
	s.Channels = report(lost, runs[0].Info)
	return s.Spoilt()
}

// every takes every one of runs through a step. Those of which nothing comes out are left out.
func every(s preprocess.Processor, runs []signal.Chunk) ([]signal.Chunk, error) {
	var out []signal.Chunk
	for _, c := range runs {
		y, err := whole(s, c)
		if err != nil {
			return nil, err
		}
		if y.Len() > 0 {
			out = append(out, y)
		}
	}
	return out, nil
}

// whole takes one stretch through one step, in memory of its own.
func whole(s preprocess.Processor, c signal.Chunk) (signal.Chunk, error) {
	info, err := s.Start(c.Info)
	if err != nil {
		return signal.Chunk{}, err
	}
	head, err := s.Process(c)
	if err != nil {
		return signal.Chunk{}, err
	}
	if head.Len() > 0 {
		head = head.Clone()
	}
	tail, err := s.Flush()
	if err != nil || tail.Len() == 0 {
		return head, err
	}
	if head.Len() == 0 {
		return tail.Clone(), nil
	}
	both := signal.NewChunk(info, head.Start, head.Len()+tail.Len())
	both.Time, both.Events = head.Time, slices.Concat(head.Events, tail.Events)
	for ch := range both.X {
		copy(both.X[ch], head.X[ch])
		copy(both.X[ch][head.Len():], tail.X[ch])
	}
	return both, nil
}

// parts lists the steps and checks that learn: "preprocess.0.", "reject.1.".
func (f *front) parts() []part {
	var list []part
	for i, s := range f.steps {
		if st, ok := s.(signal.Stateful); ok {
			list = append(list, part{fmt.Sprintf("preprocess.%d.", i), f.names[i], st})
		}
	}
	for i, c := range f.checks {
		if st, ok := c.(signal.Stateful); ok {
			list = append(list, part{fmt.Sprintf("reject.%d.", i), f.names[len(f.steps)+len(f.segs)+i], st})
		}
	}
	return list
}

// restore puts back what the steps and checks have learned. What a step hands on may depend on it, so each is started
// twice: to take its state, and to say with it what comes out.
func (f *front) restore(state func(prefix string) signal.State) error {
	info := f.in
	var err error
	for i, s := range f.steps {
		at := info
		if info, err = s.Start(at); err != nil {
			return fmt.Errorf("%s: %w", f.names[i], err)
		}
		if st, ok := s.(signal.Stateful); ok {
			if err := st.SetState(state(fmt.Sprintf("preprocess.%d.", i))); err != nil {
				return fmt.Errorf("%s: %w", f.names[i], err)
			}
			if info, err = s.Start(at); err != nil {
				return fmt.Errorf("%s: %w", f.names[i], err)
			}
		}
	}
	f.calibrated = true
	if _, _, err := f.restart(); err != nil {
		return err
	}
	for i, c := range f.checks {
		if st, ok := c.(signal.Stateful); ok {
			if err := st.SetState(state(fmt.Sprintf("reject.%d.", i))); err != nil {
				return fmt.Errorf("%s: %w", f.names[len(f.steps)+len(f.segs)+i], err)
			}
		}
	}
	f.checked = len(f.checks)
	return nil
}
