package stream_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"go.uber.org/goleak"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// randomSizes cuts into chunks of 1 to 97 samples.
func randomSizes(seed uint64) func() int {
	rng := rand.New(rand.NewPCG(seed, 1))
	return func() int { return 1 + rng.IntN(97) }
}

// liveEqualsOffline decodes rec from the file, in random chunks, through a queue, and through NATS in random chunks: the
// same bits every time.
func liveEqualsOffline(t *testing.T, p *pipeline.Pipeline, rec *signal.Recording) {
	want, stats := decode(t, ingest.Play(rec, ingest.PlayOptions{}), p, stream.Options{})
	if len(want) < 1000 || stats.Windows != int64(len(want)) {
		t.Fatalf("%d predictions from %d windows, want over a thousand, one each", len(want), stats.Windows)
	}
	cued := 0
	for _, a := range want {
		if a.truth != "" {
			cued++
		}
	}
	if cued < 14 {
		t.Fatalf("%d cued windows, want those of all trials", cued)
	}
	for seed := range uint64(3) {
		got, _ := decode(t, ingest.Play(rec, ingest.PlayOptions{Sizes: randomSizes(seed)}), p, stream.Options{})
		sameBits(t, "random chunks", got, want)
	}
	got, _ := decode(t, ingest.Play(rec, ingest.PlayOptions{Sizes: randomSizes(7)}), p, stream.Options{Queue: 4})
	sameBits(t, "through a queue", got, want)

	got = throughNATS(t, p, ingest.Play(rec, ingest.PlayOptions{Sizes: randomSizes(9)}))
	sameBits(t, "through NATS", got, want)
}

// throughNATS decodes what comes out of a bus that src is published on.
func throughNATS(t *testing.T, p *pipeline.Pipeline, src signal.Source) []answer {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	r, err := b.SubscribeRaw("test", "eeg")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	sent := make(chan error, 1)
	go func() {
		sent <- func() error {
			w, err := bus.NewRawWriter(b, "test", "eeg", src.Info(), bus.NewClock())
			if err != nil {
				return err
			}
			for {
				c, err := src.Next(context.Background())
				if errors.Is(err, io.EOF) {
					return w.Close()
				}
				if err != nil {
					return err
				}
				if err := w.Write(c); err != nil {
					return err
				}
			}
		}()
	}()
	if err := r.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, _ := decode(t, r, p, stream.Options{})
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if s := r.Stats(); s.Lost != 0 || s.Malformed != 0 {
		t.Fatalf("the bus lost something: %+v", s)
	}
	return got
}

func TestLiveEqualsOfflineSimulated(t *testing.T) {
	liveEqualsOffline(t, trainedOn(t, simulated(t, 0), simulated(t, 1)), simulated(t, 2))
}

func TestLiveEqualsOfflineReal(t *testing.T) {
	liveEqualsOffline(t, trainedOn(t, recorded(t, "R06"), recorded(t, "R10")), recorded(t, "R14"))
}

// gappy is rec without the samples [from, to).
func gappy(rec *signal.Recording, from, to int64) *signal.Recording {
	g := *rec
	g.Spans = []signal.Span{{Start: 0, Len: from}, {Start: to, Len: rec.Len - to}}
	return &g
}

// TestGap: no window reaches over a gap, what lies behind it is decoded as if the stream had begun there, and the events
// that lose their window are told.
func TestGap(t *testing.T) {
	p := trainedOn(t, simulated(t, 0), simulated(t, 1))
	rec := simulated(t, 2)
	cue := rec.Events[len(rec.Events)-1] // the last cue of the run
	for _, e := range rec.Events {
		if e.Label != "T0" && e.Sample > rec.Len/2 {
			cue = e
			break
		}
	}
	from, to := cue.Sample+100, cue.Sample+160 // in the middle of its window
	g := gappy(rec, from, to)
	whole, _ := decode(t, ingest.Play(g, ingest.PlayOptions{}), p, stream.Options{})
	got, stats := decode(t, ingest.Play(g, ingest.PlayOptions{Sizes: randomSizes(3)}), p, stream.Options{})
	sameBits(t, "random chunks", got, whole)
	if stats.Gaps != 1 || stats.Lost != to-from {
		t.Errorf("%d gaps of %d samples, want 1 of %d", stats.Gaps, stats.Lost, to-from)
	}
	if len(stats.Misses) != 1 || stats.Misses[0].Event.Sample != cue.Sample {
		t.Errorf("misses %v, want the cue at sample %d", stats.Misses, cue.Sample)
	}
	var before, behind []answer
	for _, a := range got {
		switch {
		case a.end <= from:
			before = append(before, a)
		case a.start >= to:
			behind = append(behind, a)
		default:
			t.Fatalf("window [%d, %d) reaches over the gap [%d, %d)", a.start, a.end, from, to)
		}
	}
	head := *rec
	head.Spans = []signal.Span{{Start: 0, Len: from}}
	alone, _ := decode(t, ingest.Play(&head, ingest.PlayOptions{}), p, stream.Options{})
	sameBits(t, "before the gap", before, alone)
	tail := *rec
	tail.Spans = []signal.Span{{Start: to, Len: rec.Len - to}}
	alone, _ = decode(t, ingest.Play(&tail, ingest.PlayOptions{}), p, stream.Options{})
	sameBits(t, "behind the gap", behind, alone)
}

// steps is a source that hands out one chunk for each value it is sent.
type steps struct {
	info *signal.Info
	feed chan signal.Chunk
}

func (s *steps) Info() *signal.Info { return s.info }
func (s *steps) Close() error       { return nil }
func (s *steps) Next(ctx context.Context) (signal.Chunk, error) {
	select {
	case c, ok := <-s.feed:
		if !ok {
			return signal.Chunk{}, io.EOF
		}
		return c, nil
	case <-ctx.Done():
		return signal.Chunk{}, ctx.Err()
	}
}

// TestDropOldest: a pipeline that is held up loses chunks, and knows which.
func TestDropOldest(t *testing.T) {
	p := trainedOn(t, simulated(t, 0), simulated(t, 1))
	src := &steps{info: p.Input(), feed: make(chan signal.Chunk)}
	const n = 20
	held, fed := make(chan struct{}), make(chan struct{})
	first := true
	go func() {
		for i := range n {
			src.feed <- signal.NewChunk(src.info, int64(10*i), 10)
			if i == 0 {
				<-held
			}
		}
		close(src.feed)
		close(fed)
	}()
	var seen []int64
	stats, err := stream.Run(t.Context(), src, p, stream.SinkFunc(func(context.Context, *pipeline.Prediction) error { return nil }), stream.Options{
		Queue: 3, Full: stream.DropOldest,
		OnChunk: func(c signal.Chunk) {
			seen = append(seen, c.Start)
			if first { // nothing is taken out of the queue until all others are in it
				first = false
				close(held)
				<-fed
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if stats.Dropped == 0 || int64(len(seen))+stats.Dropped != n || seen[len(seen)-1] != 10*(n-1) {
		t.Errorf("%d chunks seen and %d dropped of %d, the last at %d: want all accounted for and the newest kept", len(seen), stats.Dropped, n, seen[len(seen)-1])
	}
	if stats.Gaps == 0 || stats.Lost != 10*stats.Dropped {
		t.Errorf("%d gaps, %d samples lost, want the dropped chunks to show as a gap", stats.Gaps, stats.Lost)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	p := trainedOn(t, simulated(t, 0), simulated(t, 1))
	for _, queue := range []int{0, 2} {
		ctx, cancel := context.WithCancel(t.Context())
		src := &steps{info: p.Input(), feed: make(chan signal.Chunk, 1)}
		src.feed <- signal.NewChunk(src.info, 0, 10)
		_, err := stream.Run(ctx, src, p, nil, stream.Options{Queue: queue, OnChunk: func(signal.Chunk) { cancel() }})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("queue %d: got %v, want context.Canceled", queue, err)
		}
	}
}

// TestSinkError: what a sink refuses ends the run and is told with its place.
func TestSinkError(t *testing.T) {
	p := trainedOn(t, simulated(t, 0), simulated(t, 1))
	full := errors.New("disk full")
	_, err := stream.Run(t.Context(), ingest.Play(simulated(t, 2), ingest.PlayOptions{}), p,
		stream.SinkFunc(func(context.Context, *pipeline.Prediction) error { return full }), stream.Options{Queue: 2})
	if !errors.Is(err, full) {
		t.Errorf("got %v, want the sink's error", err)
	}
}
