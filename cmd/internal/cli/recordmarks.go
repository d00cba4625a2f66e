package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/lsl"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/record"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// moments is what is recorded of an lsl.Irregular.
type moments interface {
	Stream() lsl.StreamInfo
	Labels() []string
	Next(ctx context.Context) ([]lsl.Moment, error)
	Marks() signal.Marks
	Close() error
}

// markSource is a stream of marks, or of numbers at irregular times, that is recorded beside no signal.
type markSource struct {
	name, path string
	moments
	out    *record.Irregular
	state  signal.LinkState // that was told of
	losses uint64
	failed bool // it was told that nothing more can be written
	mended bool // it was told that some texts are not UTF-8
}

// openMarks is openSource for such a stream.
func openMarks(ctx context.Context, name string) (*lsl.Irregular, error) {
	opt, err := lslOptions(name)
	if err != nil {
		return nil, err
	}
	return lsl.OpenIrregular(ctx, opt)
}

// irregularAs says how is is recorded at path.
func irregularAs(path string, is *lsl.StreamInfo) record.IrregularOptions {
	o := record.IrregularOptions{Path: path, Name: is.Name, Type: is.Type, Format: is.Format.String()}
	if is.Format == lsl.Int64 { // each digit, which the file is not written with otherwise
		o.Format = lsl.String.String()
	}
	return o
}

// create begins the files.
func (s *markSource) create() (err error) {
	is := s.Stream()
	o := irregularAs(s.path, &is)
	o.Labels = s.Labels()
	s.out, err = record.CreateIrregular(o)
	return err
}

// follow records until the stream is lost for good or ctx is done, and tells of its states. Where ctx ends it, what has come by then is
// recorded too, but what comes behind is not waited for.
func (s *markSource) follow(ctx context.Context, tell func(string)) {
	for ctx.Err() == nil {
		if over := s.take(ctx, watchEvery, tell); over {
			return
		}
	}
	s.take(context.WithoutCancel(ctx), atEnd, tell)
}

// take records what has come, or what comes first within wait, and says whether nothing more can come.
func (s *markSource) take(ctx context.Context, wait time.Duration, tell func(string)) (over bool) {
	next, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	all, err := s.Next(next)
	over = err != nil && next.Err() == nil
	for _, m := range all {
		if m.Texts != nil {
			s.check(s.out.Texts(m.Time, m.Texts), tell)
		} else {
			s.check(s.out.Numbers(m.Time, m.Numbers), tell)
		}
	}
	s.look(tell)
	s.check(s.out.Flush(), tell)
	return over
}

// check tells once that nothing more can be written.
func (s *markSource) check(err error, tell func(string)) {
	if err != nil && !s.failed {
		s.failed = true
		tell(fmt.Sprintf("%s: %v; nothing more is recorded", s.name, err))
	}
}

// look tells of a new state of the stream.
func (s *markSource) look(tell func(string)) {
	m := s.Marks()
	if m.NotUTF8 > 0 && !s.mended {
		s.mended = true
		tell(fmt.Sprintf("MARKS of %s: %s", s.name, session.NotUTF8))
	}
	if m.State == s.state {
		return
	}
	if m.State == signal.LinkLost {
		s.losses++
	}
	s.check(s.out.Log(record.Entry{
		Time: m.Since.UnixNano(), Kind: record.KindStream, Detail: record.Detail{Stream: s.name, From: string(s.state), To: string(m.State), Why: m.Detail},
	}), tell)
	s.state = m.State
	tell(fmt.Sprintf("%s: %s: %s", s.name, m.State, m.Detail))
}

// end closes the file and sums up.
func (s *markSource) end() (recordedStream, error) {
	st, err := s.out.Close()
	m := s.Marks()
	return recordedStream{
		Source: s.name, Stats: st, State: string(m.State), Detail: m.Detail, Losses: s.losses,
		Marks: &session.Marks{Came: m.N, Lost: m.Lost, NotUTF8: m.NotUTF8, StampsOffS: m.StampsOffS},
	}, err
}

// openedAlone is what is recorded of a source that is no signal. why is what Open said; path its file.
func openedAlone(ctx context.Context, name, path string, why *lsl.NoSignalError) (*markSource, error) {
	if o := irregularAs(path, &why.Stream); o.Check() != nil {
		return nil, refusal{o.Check()}
	}
	in, err := openMarks(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &markSource{name: name, path: path, moments: in}, nil
}

// noSignal makes it a refusal that what was found is no signal.
func noSignal(err error) error {
	var no *lsl.NoSignalError
	if errors.As(err, &no) {
		return refusal{err}
	}
	return err
}

// stopAfter is ctx that ends after so many seconds, 0 for never.
func stopAfter(ctx context.Context, seconds float64) (context.Context, context.CancelFunc) {
	if seconds == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Duration(seconds*float64(time.Second)))
}
