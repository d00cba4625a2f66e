package record

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/arrowfile"
	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/xdf"
)

// Irregular records one stream of texts or numbers that come when they come, beside no signal. As XDF it is one file, with the stream and
// the log of the recording, as Arrow a recording of events alone, which takes texts, and NAME.log.arrow. It is for one goroutine.
type Irregular struct {
	sink  irregularSink
	next  time.Time // of the flush
	stats Stats
	err   error // what ended the writing
}

// irregularSink is a format of such recordings.
type irregularSink interface {
	texts(at int64, values []string) error
	numbers(at int64, values []float64) error
	log(e Entry) error
	flush() error
	close() error // also after an error
	lacks() int64 // samples that were taken and are not in the file, behind close
	written() int64
}

// IrregularOptions describe a stream that is recorded by an Irregular.
type IrregularOptions struct {
	Path, Name, Type string
	Format           string // of XDF: "string", "float32", …
	Labels           []string
}

// Check says why the stream cannot be recorded: numbers at irregular times have no place in Arrow.
func (o *IrregularOptions) Check() error {
	if _, is := files(o.Path); is || o.Format == "string" {
		return Check(o.Path)
	}
	return fmt.Errorf("record: %s: numbers at irregular times are recorded alone as .xdf, or in any format as the marks of a signal (lsl://?name=EEG&markers=name='%s')", o.Path, o.Name)
}

// CreateIrregular begins a recording. No file is left behind where it fails.
func CreateIrregular(o IrregularOptions) (*Irregular, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	names, is := files(o.Path)
	r := &Irregular{next: time.Now().Add(flushEvery)}
	create := func(name string) (file, error) {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil {
			r.stats.Files = append(r.stats.Files, name)
		}
		return f, err
	}
	var err error
	if is {
		r.sink, err = newIrregularXDF(create, o)
	} else {
		r.stats.Files = append(r.stats.Files, names.samples)
		r.sink, err = newIrregularArrow(create, names)
	}
	if err != nil {
		if r.sink != nil {
			err = errors.Join(err, r.sink.close())
		}
		for _, name := range r.stats.Files {
			_ = os.Remove(name) // it may not be there
		}
		return nil, fmt.Errorf("record: %w", err)
	}
	return r, nil
}

// Texts writes one sample of a stream of texts, measured at at, in nanoseconds since 1970. After an error nothing more is written.
func (r *Irregular) Texts(at int64, values []string) error {
	return r.sample(func() error { return r.sink.texts(at, values) })
}

// Numbers is Texts for a stream of numbers.
func (r *Irregular) Numbers(at int64, values []float64) error {
	return r.sample(func() error { return r.sink.numbers(at, values) })
}

func (r *Irregular) sample(write func() error) error {
	if r.err == nil {
		r.err = write()
	}
	if r.err != nil {
		r.stats.Dropped++
		return r.err
	}
	r.stats.Events++
	return nil
}

// Log writes e.
func (r *Irregular) Log(e Entry) error {
	if r.err == nil {
		r.err = r.sink.log(e)
	}
	if r.err != nil {
		r.stats.DroppedEntries++
		return r.err
	}
	r.stats.Entries++
	return nil
}

// Flush hands what came to the system, where that is due: it is to be called a few times a second.
func (r *Irregular) Flush() error {
	if now := time.Now(); r.err == nil && now.After(r.next) {
		r.next = now.Add(flushEvery)
		r.err = r.sink.flush()
	}
	return r.err
}

// Close ends the recording. It returns its first error, and an IncompleteError where something is missing.
func (r *Irregular) Close() (Stats, error) {
	err := together(r.err, r.sink.close())
	lacks := r.sink.lacks()
	r.stats.Events -= lacks
	r.stats.Dropped += lacks
	if err != nil {
		r.stats.Error = err.Error()
		err = together(fmt.Errorf("record: %w", err), &IncompleteError{r.stats.Dropped, 0, r.stats.DroppedEntries, "nothing more could be written"})
	}
	r.stats.Bytes = r.sink.written()
	return r.stats, err
}

// irregularXDF is one file of XDF. Each chunk is written as it comes.
type irregularXDF struct {
	file       *counted
	w          *xdf.Writer
	data, logs uint32
	next       time.Time // of the offsets
	one        [1]float64
}

// newIrregularXDF makes the file. What was made is in the sink, also where an error is returned.
func newIrregularXDF(create func(string) (file, error), o IrregularOptions) (irregularSink, error) {
	f, err := create(o.Path)
	if err != nil {
		return nil, err
	}
	s := &irregularXDF{file: &counted{file: f}}
	host, _ := os.Hostname() // for people
	h := xdf.StreamHeader{Name: o.Name, Type: o.Type, Format: o.Format, SourceID: o.Name, Hostname: host}
	for _, l := range o.Labels {
		h.Channels = append(h.Channels, signal.Channel{Name: l, Original: l})
	}
	if s.w, err = xdf.NewWriter(s.file, time.Now()); err != nil {
		return s, err
	}
	if s.data, err = s.w.AddStream(h); err != nil {
		return s, err
	}
	if s.logs, err = s.w.AddStream(xdf.JournalHeader(strings.TrimSuffix(filepath.Base(o.Path), filepath.Ext(o.Path))+"-log", xdf.JournalLog, host)); err != nil {
		return s, err
	}
	return s, s.flush()
}

func (s *irregularXDF) stamps(at int64) []float64 {
	s.one[0] = seconds(at)
	return s.one[:]
}

func (s *irregularXDF) texts(at int64, values []string) error {
	return s.w.Texts(s.data, s.stamps(at), [][]string{values})
}

func (s *irregularXDF) numbers(at int64, values []float64) error {
	x := make([][]float64, len(values))
	for k := range values {
		x[k] = values[k : k+1]
	}
	return s.w.Samples(s.data, s.stamps(at), x)
}

func (s *irregularXDF) log(e Entry) error { return logText(s.w, s.logs, e) }

// flush hands what was written to the disk every few seconds, with the offsets of both streams, which are 0: their stamps are on this
// machine's clock.
func (s *irregularXDF) flush() error {
	now := time.Now()
	if now.Before(s.next) {
		return nil
	}
	s.next = now.Add(offsetsEvery)
	return errors.Join(s.offsets(now), s.file.Sync())
}

func (s *irregularXDF) offsets(now time.Time) error {
	at := seconds(now.UnixNano())
	return errors.Join(s.w.ClockOffset(s.data, at, 0), s.w.ClockOffset(s.logs, at, 0))
}

func (s *irregularXDF) close() error {
	var err error
	if s.w != nil {
		err = errors.Join(s.offsets(time.Now()), s.w.Close())
	}
	return errors.Join(err, s.file.Sync(), s.file.Close())
}

func (s *irregularXDF) lacks() int64 { return 0 } // each is written as it comes

func (s *irregularXDF) written() int64 { return s.file.n }

// irregularArrow is a recording of events alone, which lie in the head of its file: that is written anew, as a whole, where some have come.
type irregularArrow struct {
	path    string
	events  []signal.Event // the onset is seconds behind begin
	begin   int64          // of the first that came
	n       int            // of them that are in the file
	size    int64
	logFile *counted
	logs    *table
}

// newIrregularArrow makes the files. What was made is in the sink, also where an error is returned.
func newIrregularArrow(create func(string) (file, error), names fileNames) (irregularSink, error) {
	f, err := create(names.log)
	if err != nil {
		return nil, err
	}
	s := &irregularArrow{path: names.samples, logFile: &counted{file: f}}
	if s.logs, err = newTable(s.logFile, logSchema); err != nil {
		return s, err
	}
	return s, s.write()
}

func (s *irregularArrow) texts(at int64, values []string) error {
	if len(s.events) == 0 {
		s.begin = at
	}
	s.events = append(s.events, signal.Event{Onset: float64(at-s.begin) / 1e9, Label: strings.Join(values, ",")})
	return nil
}

func (s *irregularArrow) numbers(int64, []float64) error {
	return errors.New("numbers at irregular times have no place in Arrow") // which Check says before
}

func (s *irregularArrow) log(e Entry) error {
	row, err := logRow(e)
	if err != nil {
		return err
	}
	return s.logs.add(row...)
}

func (s *irregularArrow) flush() error {
	if err := s.logs.flush(); err != nil || s.n == len(s.events) {
		return err
	}
	return s.write()
}

// write writes all events, from the first on in time.
func (s *irregularArrow) write() error {
	events := slices.Clone(s.events)
	slices.SortStableFunc(events, func(a, b signal.Event) int { return cmp.Compare(a.Onset, b.Onset) })
	rec := &signal.Recording{Name: s.path, Info: &signal.Info{}, Data: signal.Memory{}}
	if len(events) > 0 {
		first := events[0].Onset
		for i := range events {
			events[i].Onset -= first
		}
		rec.Events, rec.Begin = events, time.Unix(0, s.begin+int64(first*1e9)).UTC()
	}
	if err := atomicfile.Write(s.path, func(w io.Writer) error { return arrowfile.Write(w, rec) }); err != nil {
		return err
	}
	s.n = len(s.events)
	st, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	s.size = st.Size()
	return nil
}

func (s *irregularArrow) close() error {
	var err error
	if s.logs != nil {
		err = errors.Join(s.flush(), s.logs.close())
	}
	return errors.Join(err, s.logFile.Sync(), s.logFile.Close())
}

func (s *irregularArrow) lacks() int64 { return int64(len(s.events) - s.n) }

func (s *irregularArrow) written() int64 { return s.size + s.logFile.n }
