package cli

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/lsl"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// waitingSource is a source in which chunks of one sample wait. It hands out none where ctx is over, and behind the last of them it waits,
// or goes on where it is endless.
type waitingSource struct {
	info    *signal.Info
	waits   int64
	endless bool
	next    int64
	arrived time.Time
}

func (s *waitingSource) Info() *signal.Info { return s.info }

func (s *waitingSource) Next(ctx context.Context) (signal.Chunk, error) {
	if err := ctx.Err(); err != nil {
		return signal.Chunk{}, err
	}
	if s.next == s.waits {
		if !s.endless {
			<-ctx.Done()
			return signal.Chunk{}, ctx.Err()
		}
		s.waits++
		s.arrived = time.Now()
	}
	c := signal.NewChunk(s.info, s.next, 1)
	s.next++
	return c, nil
}

func (s *waitingSource) Arrived() time.Time { return s.arrived }
func (s *waitingSource) Close() error       { return nil }

// TestRecordTakesWhatHasCome: what waits when a recording is told to end, or its time is over, is recorded; what comes behind is not waited for.
func TestRecordTakesWhatHasCome(t *testing.T) {
	info := &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "C3", Kind: signal.EEG, Unit: signal.Microvolt}}}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	over, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for name, tc := range map[string]struct {
		ctx     context.Context //nolint:containedctx // how it ends
		endless bool
		want    int64
	}{
		"interrupted":              {canceled, false, 5},
		"its time is over":         {over, false, 5},
		"more comes all the while": {canceled, true, 6},
	} {
		s := &recordSource{name: "lsl://", Source: &waitingSource{info: info, waits: 5, endless: tc.endless, arrived: time.Now()}}
		var err error
		if s.rec, err = record.Create(record.Options{Path: filepath.Join(t.TempDir(), "a.arrow"), Info: info}); err != nil {
			t.Fatal(err)
		}
		s.good = pipeline.NewFiniteWatch(info)
		began := time.Now()
		s.follow(tc.ctx, func(string) {}, func(int64) {})
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: it took %v", name, took)
		}
		if st, err := s.rec.Close(); err != nil || st.Samples != tc.want {
			t.Errorf("%s: %d samples are recorded, want %d: %v", name, st.Samples, tc.want, err)
		}
	}
}

// endlessMarks is a stream of marks in which something new has come each time that somebody looks.
type endlessMarks struct {
	n     int
	ended func() // called at the third look
}

func (s *endlessMarks) Stream() lsl.StreamInfo {
	return lsl.StreamInfo{Name: "cues", Format: lsl.String}
}
func (s *endlessMarks) Labels() []string    { return []string{"1"} }
func (s *endlessMarks) Marks() signal.Marks { return signal.Marks{State: signal.LinkConnected} }
func (s *endlessMarks) Close() error        { return nil }

func (s *endlessMarks) Next(context.Context) ([]lsl.Moment, error) {
	if s.n++; s.n == 3 {
		s.ended()
	}
	if s.n > 1000 {
		return nil, signal.ErrLost
	}
	return []lsl.Moment{{Time: int64(s.n), Texts: []string{"a"}}}, nil
}

// TestRecordOfMarksEnds: marks that come all the while do not keep a recording from its end; what waits then is recorded.
func TestRecordOfMarksEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := &markSource{name: "lsl://", path: filepath.Join(t.TempDir(), "a.xdf"), moments: &endlessMarks{ended: cancel}}
	if err := s.create(); err != nil {
		t.Fatal(err)
	}
	s.follow(ctx, func(string) {})
	if st, err := s.out.Close(); err != nil || st.Events != 4 {
		t.Errorf("%d marks are recorded, want the 3 of before and the one that waited: %v", st.Events, err)
	}
}
