package record

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

const (
	// flushEvery bounds what a kill costs, with the chunk at hand and a busy machine to a second.
	flushEvery = 500 * time.Millisecond
	syncEvery  = 5 * time.Second
	// queueBytes is how much may wait for the disk: a quarter of a minute of 512 channels at 2 kHz.
	queueBytes = 128 << 20
)

// Options say what to record.
type Options struct {
	// Path is the name of the recording: with the ending .xdf one file of that format, with .arrow or none several of
	// Arrow, see the package comment. The ending of another format of recordings is refused: see EndingError. No file of the recording may be there.
	Path string
	// Info describes the samples.
	Info *signal.Info
	// Outputs names what a decision has one score, or value, for: classes or quantities. nil where nothing is decoded.
	Outputs []string
	// About goes into NAME.json, or into the header of the XDF stream of decisions: anything that JSON can hold.
	About any
	// OnError, if not nil, is told once, from the goroutine that writes, when nothing more can be written.
	OnError func(error)
	// OnInstant, if not nil, is told once, from the same goroutine, of the first event whose duration is not written, and of the first whose
	// channels are not, because XDF has no place for them: of an event that is both, only what is first is in it.
	OnInstant func(signal.Event)
}

// Decision is what a session decided from one window.
type Decision struct {
	Start, End int64     // samples of the window, [Start, End), counted as in the chunks
	TSample    int64     // when its newest sample was measured, nanoseconds since 1970
	TArrived   int64     // when the chunk that completed it arrived
	TDecided   int64     // when the decision was there
	Kind       string    // of the command: class, continuous or none
	Label      string    // of the command, "" for no control
	Confidence float64   // 0 to 1
	Values     []float64 // the score of each class, or the value of each quantity; empty for a rejected window
	Rejected   string    // why the window was not decoded, "" where it was
	Model      string    // SHA-256 of the bundle, "" where there is none
	Fate       Fate      // of its command
	Seq        uint64    // of its command, 0 where none was sent
}

// Clock is what is known of the clock of a stream at one moment.
type Clock struct {
	Time   int64 // nanoseconds since 1970
	Stream string
	signal.Health
}

// Stats counts what a Recorder did.
type Stats struct {
	Files     []string `json:"files"`
	Samples   int64    `json:"samples"` // of each channel, written
	Events    int64    `json:"events"`
	Instants  int64    `json:"events_without_duration"` // of these: they last, and XDF has no place for that
	OfAll     int64    `json:"events_without_channels"` // of these: they are of some channels, and XDF has no place for that
	Decisions int64    `json:"decisions"`
	Entries   int64    `json:"log_entries"`
	Bytes     int64    `json:"bytes"`
	// Dropped counts samples of each channel that were not written because the disk was slower than the stream or took
	// nothing more, DroppedDecisions decisions, and DroppedEntries lines of the log.
	Dropped          int64  `json:"dropped"`
	DroppedDecisions int64  `json:"dropped_decisions"`
	DroppedEntries   int64  `json:"dropped_log_entries"`
	Restarts         int64  `json:"restarts"` // the source began anew: a gap, and samples are counted on
	Error            string `json:"error,omitempty"`
}

// sink is a format of recordings. Calls come from one goroutine.
type sink interface {
	samples(c signal.Chunk) error // behind what was there before
	decision(d Decision) error
	clock(c Clock) error
	log(e Entry) error
	// unwritten is what was taken and is not in the file: all of it is lost where nothing more can be written.
	unwritten() Stats
	flush() error
	sync() error
	close() error // also after an error
	written() int64
}

// Recorder records one stream and what was decided from it. Its methods are for one goroutine, but for Stats and Clock, and
// none waits for the disk.
type Recorder struct {
	sink sink
	xdf  bool
	opt  Options
	rate float64

	splice  Splice
	pending []signal.Event

	mu    sync.Mutex
	cond  *sync.Cond
	queue []any
	bytes int64
	end   bool
	stats Stats
	done  chan struct{}
	err   error
}

// fileNames are those of a recording; all but samples are "" where it is one file of XDF.
type fileNames struct{ samples, decisions, clock, log, about string }

// arrowExt is the ending of a recording in files of Arrow, in any case.
const arrowExt = ".arrow"

// files is what a recording called path consists of.
func files(path string) (names fileNames, xdf bool) {
	if strings.HasSuffix(strings.ToLower(path), ".xdf") {
		return fileNames{samples: path}, true
	}
	base, samples := path, path+arrowExt
	if n := len(path) - len(arrowExt); n >= 0 && strings.EqualFold(path[n:], arrowExt) {
		base, samples = path[:n], path
	}
	return fileNames{samples, base + ".decisions.arrow", base + ".clock.arrow", base + ".log.arrow", base + ".json"}, false
}

// EndingError is a recording that was to be called like one of another format.
type EndingError struct {
	Path, Ending string
	Writes       bool // that format can be written, but not as samples come
}

// Error is one line.
func (e *EndingError) Error() string {
	text := fmt.Sprintf("record: %s: the ending is %s, must be .arrow, .xdf or none", e.Path, e.Ending)
	if !e.Writes {
		return text
	}
	base := strings.TrimSuffix(e.Path, e.Ending)
	return text + fmt.Sprintf(": record to %s.arrow, and then: gyrus convert %[1]s.arrow %s", base, e.Path)
}

// Ending refuses a name with the ending of a format of recordings that is not written live: the error is an EndingError. Other dots are of
// names (S01.run2).
func Ending(path string) error {
	lower := strings.ToLower(path)
	ending := func(all []string) string {
		for _, e := range all {
			if strings.HasSuffix(lower, e) && e != ".arrow" && e != ".xdf" {
				return path[len(path)-len(e):]
			}
		}
		return ""
	}
	for _, w := range ingest.Writers() {
		if e := ending(w.Ext); e != "" {
			return &EndingError{path, e, true}
		}
	}
	for _, f := range ingest.Formats() {
		if e := ending(f.Ext); e != "" {
			return &EndingError{path, e, false}
		}
	}
	return nil
}

// Named says why path is no name of a recording: that of a folder would make files that are hidden in it.
func Named(path string) error {
	names, _ := files(path)
	file := filepath.Base(names.samples)
	if strings.Trim(strings.TrimSuffix(file, filepath.Ext(file)), ".") != "" {
		return nil
	}
	return fmt.Errorf("record: %q is no name of a recording: give it one, such as %s", path, filepath.Join(filepath.Dir(names.samples), "run1.arrow"))
}

// Check says why a recording called path cannot be begun: it has the ending of another format, a file of it is there, or there is no folder for
// it that takes files. It is asked before somebody waits for a stream; Create asks again.
func Check(path string) error {
	if err := cmp.Or(Ending(path), Named(path)); err != nil {
		return err
	}
	names, _ := files(path)
	for _, name := range []string{names.samples, names.decisions, names.clock, names.log, names.about} {
		if name == "" {
			continue
		}
		if _, err := os.Lstat(name); err == nil {
			return fmt.Errorf("record: %s is there already; a recording never replaces another: choose another name, or move that one away", name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("record: %w", err)
		}
	}
	if st, err := os.Stat(filepath.Dir(path)); err != nil || !st.IsDir() {
		return fmt.Errorf("record: %s: there is no folder %s: make it, or choose another name", path, filepath.Dir(path))
	}
	if err := atomicfile.Takes(filepath.Dir(path)); err != nil {
		return fmt.Errorf("record: %s: %w", path, err)
	}
	return nil
}

// Create begins a recording. No file is left behind where it fails.
func Create(opt Options) (*Recorder, error) {
	return createIn(opt, func(name string) (file, error) { return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) })
}

// createIn is Create with files that open makes.
func createIn(opt Options, open func(name string) (file, error)) (*Recorder, error) {
	if opt.Info == nil {
		return nil, errors.New("record: nothing says what the samples are")
	}
	if err := opt.Info.Validate(); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	names, xdf := files(opt.Path)
	r := &Recorder{xdf: xdf, opt: opt, rate: opt.Info.Rate, done: make(chan struct{})}
	r.cond = sync.NewCond(&r.mu)
	if err := Check(opt.Path); err != nil {
		return nil, err
	}
	var made []string
	create := func(name string) (file, error) {
		f, err := open(name)
		if err == nil {
			made = append(made, name)
		}
		return f, err
	}
	var err error
	if xdf {
		r.sink, err = newXDF(create, names.samples, opt)
	} else {
		r.sink, err = newArrow(create, names, opt)
	}
	if about := names.about; err == nil && about != "" {
		var text []byte
		if text, err = json.MarshalIndent(opt.About, "", "  "); err == nil {
			err = atomicfile.Write(about, func(w io.Writer) error {
				_, err := w.Write(append(text, '\n'))
				return err
			})
			made = append(made, about)
		}
	}
	if err != nil {
		if r.sink != nil {
			err = errors.Join(err, r.sink.close())
		}
		for _, name := range made {
			err = errors.Join(err, os.Remove(name))
		}
		return nil, fmt.Errorf("record: %w", err)
	}
	r.stats.Files = made
	go r.write()
	return r, nil
}

// Chunk records c, of which it keeps a copy. The first one begins at sample 0 of the recording. A source that begins anew goes
// on behind what was there, as far behind as the clock says: see Splice.
func (r *Recorder) Chunk(c signal.Chunk) {
	kind := r.splice.Take(c)
	if c.Len() == 0 {
		return
	}
	if kind == KindAnew {
		r.mu.Lock()
		r.stats.Restarts++
		r.mu.Unlock()
	}
	copied := c.Clone()
	copied.Start += r.splice.Shift()
	if kind != "" {
		r.put(Entry{Time: c.Time, Sample: copied.Start, Kind: kind, Detail: Detail{SourceSample: &c.Start}}, 200)
	}
	for _, events := range [][]signal.Event{copied.Late, copied.Events} {
		for i := range events {
			events[i] = r.splice.Place(events[i], r.rate)
		}
	}
	for _, e := range copied.Late {
		r.put(Entry{Time: c.Time, Sample: copied.Start, Kind: KindLate, Detail: Detail{Event: e.Label, EventSample: &e.Sample}}, 200)
	}
	for len(r.pending) > 0 && r.pending[0].Sample < copied.End() {
		events := &copied.Events
		if r.pending[0].Sample < copied.Start {
			events = &copied.Late
		}
		*events = inserted(*events, r.pending[0])
		r.pending = r.pending[1:]
	}
	r.put(copied, int64(8*len(c.X)*c.Len()))
}

// inserted is the sorted list with e behind those at the same sample.
func inserted(events []signal.Event, e signal.Event) []signal.Event {
	i, _ := slices.BinarySearchFunc(events, e.Sample, func(have signal.Event, at int64) int {
		if have.Sample <= at {
			return -1
		}
		return 1
	})
	return slices.Insert(events, i, e)
}

// Event records an event that is not in the chunks, such as a cue of the session's own, at a sample counted as in the newest
// chunk, which may have been recorded already.
func (r *Recorder) Event(e signal.Event) {
	r.pending = append(r.pending, r.splice.Place(e, r.rate))
	slices.SortStableFunc(r.pending, func(a, b signal.Event) int { return cmp.Compare(a.Sample, b.Sample) })
}

// Decision records d, whose samples are counted as in the newest chunk.
func (r *Recorder) Decision(d Decision) {
	d.Start, d.End = d.Start+r.splice.Shift(), d.End+r.splice.Shift()
	d.Values = append([]float64(nil), d.Values...)
	r.put(d, int64(200+8*len(d.Values)))
}

// Log records e, whose sample is counted as in the newest chunk.
func (r *Recorder) Log(e Entry) {
	e.Sample += r.splice.Shift() // 0 before the first samples
	r.put(e, 500)
}

// Clock records what is known of a clock.
func (r *Recorder) Clock(c Clock) { r.put(c, 200) }

// put hands item to the goroutine that writes, or drops it.
func (r *Recorder) put(item any, size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end {
		return
	}
	if r.err != nil || r.bytes+size > queueBytes {
		r.drop(item)
		return
	}
	r.queue, r.bytes = append(r.queue, item), r.bytes+size
	r.cond.Signal()
}

// drop counts what is not written; called with r.mu held.
func (r *Recorder) drop(item any) {
	switch item := item.(type) {
	case signal.Chunk:
		r.stats.Dropped += int64(item.Len())
	case Decision:
		r.stats.DroppedDecisions++
	case Entry:
		r.stats.DroppedEntries++
	}
}

// write is the goroutine that writes, until Close.
func (r *Recorder) write() {
	defer close(r.done)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	stop := make(chan struct{})
	defer close(stop)
	go func() { // wakes the loop below, which waits for items
		for {
			select {
			case <-tick.C:
				r.cond.Signal()
			case <-stop:
				return
			}
		}
	}()
	flushed, synced := time.Now(), time.Now()
	for {
		r.mu.Lock()
		for len(r.queue) == 0 && !r.end && time.Since(flushed) < flushEvery {
			r.cond.Wait()
		}
		items, end := r.queue, r.end
		r.queue, r.bytes = nil, 0
		r.mu.Unlock()
		var err error
		for len(items) > 0 && err == nil {
			if err = r.one(items[0]); err == nil {
				items = items[1:]
			}
		}
		if err == nil && time.Since(flushed) >= flushEvery || end {
			err = errors.Join(err, r.sink.flush())
			flushed = time.Now()
		}
		if err == nil && time.Since(synced) >= syncEvery {
			err = r.sink.sync()
			synced = time.Now()
		}
		if err != nil {
			r.fail(err, items)
		}
		if end {
			return
		}
	}
}

func (r *Recorder) one(item any) error {
	var err error
	switch item := item.(type) {
	case signal.Chunk:
		if err = r.sink.samples(item); err == nil {
			r.mu.Lock()
			r.stats.Samples += int64(item.Len())
			r.stats.Events += int64(len(item.Late) + len(item.Events))
			r.mu.Unlock()
			r.instants(item)
		}
	case Decision:
		if err = r.sink.decision(item); err == nil {
			r.mu.Lock()
			r.stats.Decisions++
			r.mu.Unlock()
		}
	case Entry:
		if err = r.sink.log(item); err == nil {
			r.mu.Lock()
			r.stats.Entries++
			r.mu.Unlock()
		}
	case Clock:
		err = r.sink.clock(item)
	}
	return err
}

// instants counts the events of c whose duration or channels are not in the file.
func (r *Recorder) instants(c signal.Chunk) {
	if !r.xdf {
		return
	}
	for _, events := range [][]signal.Event{c.Late, c.Events} {
		for _, e := range events {
			lasts, some := e.Duration != 0, !e.Channels.IsZero()
			if !lasts && !some {
				continue
			}
			r.mu.Lock()
			firstLasts, firstSome := lasts && r.stats.Instants == 0, some && r.stats.OfAll == 0
			if lasts {
				r.stats.Instants++
			}
			if some {
				r.stats.OfAll++
			}
			r.mu.Unlock()
			if !firstLasts {
				e.Duration = 0
			}
			if !firstSome {
				e.Channels = signal.Channels{}
			}
			if (firstLasts || firstSome) && r.opt.OnInstant != nil {
				r.opt.OnInstant(e)
			}
		}
	}
}

// fail ends the writing. What had been taken and was not written is counted as dropped from here on.
func (r *Recorder) fail(err error, items []any) {
	r.mu.Lock()
	first := r.err == nil
	if first {
		r.err = fmt.Errorf("record: %w; nothing more is recorded", together(err))
		r.stats.Error = r.err.Error()
		lost := r.sink.unwritten()
		r.stats.Samples, r.stats.Dropped = r.stats.Samples-lost.Samples, r.stats.Dropped+lost.Samples
		r.stats.Decisions, r.stats.DroppedDecisions = r.stats.Decisions-lost.Decisions, r.stats.DroppedDecisions+lost.Decisions
		r.stats.Entries, r.stats.DroppedEntries = r.stats.Entries-lost.Entries, r.stats.DroppedEntries+lost.Entries
		r.stats.Events -= lost.Events
	}
	for _, item := range append(items, r.queue...) {
		r.drop(item)
	}
	r.queue, r.bytes = nil, 0
	err = r.err
	r.mu.Unlock()
	if first && r.opt.OnError != nil {
		r.opt.OnError(err)
	}
}

// Stats is what was done so far. It is for any goroutine.
func (r *Recorder) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Files = append([]string(nil), s.Files...)
	return s
}

// IncompleteError is a recording in which something is missing that was there.
type IncompleteError struct {
	Samples, Decisions, Entries int64
	Why                         string
}

// Error is one line.
func (e *IncompleteError) Error() string {
	return fmt.Sprintf("record: %d samples, %d decisions and %d lines of the log are missing in the recording: %s", e.Samples, e.Decisions, e.Entries, e.Why)
}

// together is errors.Join that reads as one line, each thing once: all files of a recording are often on the disk that is full.
func together(errs ...error) error {
	all := errors.Join(errs...)
	if all == nil {
		return nil
	}
	return &inOneLine{all}
}

type inOneLine struct{ error }

// Error is the lines, with semicolons between.
func (e *inOneLine) Error() string {
	var lines []string
	for _, l := range strings.Split(e.error.Error(), "\n") {
		if !slices.Contains(lines, l) {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "; ")
}

// Unwrap is all of them.
func (e *inOneLine) Unwrap() error { return e.error }

// Close writes what is left and closes the files. It returns the first error of the recording, and an IncompleteError where
// something is missing.
func (r *Recorder) Close() (Stats, error) {
	r.mu.Lock()
	again := r.end
	r.end = true
	r.cond.Signal()
	r.mu.Unlock()
	<-r.done
	if again {
		return r.Stats(), nil
	}
	r.mu.Lock()
	err := r.err
	r.mu.Unlock()
	err = together(err, r.sink.close())
	r.mu.Lock()
	r.stats.Bytes = r.sink.written()
	r.mu.Unlock()
	s := r.Stats()
	if s.Dropped+s.DroppedDecisions+s.DroppedEntries > 0 {
		why := "the disk was slower than the stream"
		if err != nil {
			why = "nothing more could be written"
		}
		err = together(err, &IncompleteError{s.Dropped, s.DroppedDecisions, s.DroppedEntries, why})
	}
	return s, err
}
