package bus_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
)

// wantSamples compares all but Info, samples by their bits.
func wantSamples(t testing.TB, want, got signal.Chunk) {
	t.Helper()
	if got.Start != want.Start || got.Time != want.Time || got.Len() != want.Len() || len(got.X) != len(want.X) {
		t.Fatalf("%d channels from sample %d, %d ns, %d long; want %d, %d, %d, %d",
			len(got.X), got.Start, got.Time, got.Len(), len(want.X), want.Start, want.Time, want.Len())
	}
	for ch, x := range want.X {
		for k := range x {
			if a, b := math.Float64bits(x[k]), math.Float64bits(got.X[ch][k]); a != b {
				t.Fatalf("channel %d, sample %d: bits %x, want %x", ch, k, b, a)
			}
		}
	}
	if diff := cmp.Diff(want.Events, got.Events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func rawWriter(t testing.TB, b *bus.Bus, stream string, i *signal.Info) *bus.RawWriter {
	t.Helper()
	w, err := bus.NewRawWriter(b, "s1", stream, i, bus.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() }) // where the link is gone by then, it fails
	return w
}

func rawReader(t testing.TB, b *bus.Bus, stream string) *bus.RawReader {
	t.Helper()
	r, err := b.SubscribeRaw("s1", stream)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("close the reader: %v", err)
		}
	})
	return r
}

func writeAll(t testing.TB, w *bus.RawWriter, chunks []signal.Chunk) {
	t.Helper()
	for _, c := range chunks {
		if err := w.Write(c); err != nil {
			t.Fatal(err)
		}
	}
}

// end closes w. Close waits a quarter of a second for the server, and a machine that does other work beside may take
// longer: the end comes then all the same, and who reads to the end sees it.
func end(t testing.TB, w *bus.RawWriter) {
	t.Helper()
	if err := w.Close(); err != nil && !errors.Is(err, nats.ErrTimeout) {
		t.Fatal(err)
	}
}

// readAll reads to the end and checks that each chunk alone is whole.
func readAll(t testing.TB, r *bus.RawReader) []signal.Chunk {
	t.Helper()
	ctx := within(t)
	var out []signal.Chunk
	for {
		c, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("after %d chunks: %v (%+v)", len(out), err, r.Stats())
		}
		if err := c.CheckEvents(); err != nil {
			t.Fatal(err)
		}
		out = append(out, c) // its memory is its own, see RawReader
	}
}

// join puts chunks that follow each other together. It fails where one does not follow, in sample or in time.
func join(t testing.TB, chunks []signal.Chunk) signal.Chunk {
	t.Helper()
	out := chunks[0].Clone()
	for _, c := range chunks[1:] {
		if c.Start != out.End() || c.Time != out.TimeAt(c.Start) {
			t.Fatalf("chunk at sample %d, %d ns, follows sample %d, %d ns", c.Start, c.Time, out.End(), out.TimeAt(c.Start))
		}
		for ch := range out.X {
			out.X[ch] = append(out.X[ch], c.X[ch]...)
		}
		out.Events = append(out.Events, c.Events...)
	}
	return out
}

func TestRawIsBitIdentical(t *testing.T) {
	b := open(t, "")
	receiver := open(t, b.URL())
	for _, tc := range []struct {
		name           string
		chs, n, most   int
		sent, received int // messages, where it can be told
	}{
		{"one sample each", 3, 50, 1, 50, 50},
		{"random lengths", 64, 3000, 97, -1, -1},
		{"longer than a message", 64, 6000, 6000, -1, -1},
		{"one chunk", 5, 200, 0, 1, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stream := strings.ReplaceAll(tc.name, " ", "-")
			i := info(tc.chs)
			whole := noise(i, tc.n, 7)
			chunks := []signal.Chunk{whole}
			if tc.most > 0 {
				chunks = cut(whole, tc.most, 8)
			}
			r := rawReader(t, receiver, stream)
			w := rawWriter(t, b, stream, i)
			begin := time.Now()
			writeAll(t, w, chunks)
			end(t, w)
			if err := r.Ready(within(t)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(i, r.Info()); diff != "" {
				t.Errorf("info (-want +got):\n%s", diff)
			}
			got := readAll(t, r)
			wantSamples(t, whole, join(t, got))
			for _, c := range got {
				if c.Info != r.Info() {
					t.Fatal("a chunk has an Info of its own")
				}
			}
			ws, rs := w.Stats(), r.Stats()
			if rs.Chunks != ws.Messages || rs.Samples != uint64(tc.n) || ws.Samples != uint64(tc.n) || rs.Lost+rs.Dropped+rs.Jumps+rs.Malformed+rs.Restarts+rs.Stale != 0 {
				t.Errorf("sent %+v, received %+v", ws, rs)
			}
			if tc.sent >= 0 && ws.Messages != uint64(tc.sent) {
				t.Errorf("%d messages, want %d", ws.Messages, tc.sent)
			}
			if a := r.Arrived(); a.Before(begin) || a.After(time.Now()) {
				t.Errorf("the last chunk arrived %s, must be between %s and now", a, begin)
			}
			if _, err := r.Next(within(t)); !errors.Is(err, io.EOF) {
				t.Errorf("Next after the end: %v, want EOF again", err)
			}
		})
	}
}

// capture keeps the messages of a stream as a client without our code gets them.
func capture(t testing.TB, b *bus.Bus, write func(w *bus.RawWriter), i *signal.Info) []*nats.Msg {
	t.Helper()
	nc := plainClient(t, b.URL())
	ch := make(chan *nats.Msg, 10000)
	if _, err := nc.ChanSubscribe(bus.RawSubject("s1", "eeg"), ch); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	w := rawWriter(t, b, "eeg", i)
	write(w)
	end(t, w)
	var msgs []*nats.Msg
	for {
		m := receive(t, "a message", ch)
		msgs = append(msgs, m)
		if len(m.Data) == 8 { // the end
			return msgs
		}
	}
}

func TestRawIsOneArrowStream(t *testing.T) {
	b := open(t, "")
	i := info(4)
	whole := noise(i, 500, 1)
	msgs := capture(t, b, func(w *bus.RawWriter) { writeAll(t, w, cut(whole, 40, 2)) }, i)
	var all bytes.Buffer
	for _, m := range msgs {
		all.Write(m.Data)
	}
	if *keep != "" {
		if err := os.WriteFile(*keep, all.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := ipc.NewReader(&all) // Arrow's own
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	got, err := signal.InfoFromSchema(r.Schema())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(i, got); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
	var chunks []signal.Chunk
	for r.Next() {
		c, err := signal.FromRecord(r.Record(), i)
		if err != nil {
			t.Fatal(err)
		}
		chunks = append(chunks, c.Clone())
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	if len(chunks) != len(msgs)-2 {
		t.Errorf("%d record batches in %d messages, want all but the first and the last", len(chunks), len(msgs))
	}
	wantSamples(t, whole, join(t, chunks))
	if all.Len() != 0 {
		t.Errorf("%d bytes behind the end", all.Len())
	}
}

// send publishes captured messages on another stream.
func send(t testing.TB, nc *nats.Conn, stream string, msgs ...*nats.Msg) {
	t.Helper()
	for _, m := range msgs {
		if err := nc.PublishMsg(&nats.Msg{Subject: bus.RawSubject("s1", stream), Header: m.Header, Data: m.Data}); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

func TestReadsPyarrow(t *testing.T) {
	data, err := os.ReadFile("testdata/pyarrow.arrows")
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, "")
	r := rawReader(t, b, "py")
	nc := plainClient(t, b.URL())
	for len(data) > 0 { // one encapsulated message after the other: header, body
		n := int(data[4]) | int(data[5])<<8 | int(data[6])<<16
		if end := bytes.Index(data[8+n:], []byte{0xFF, 0xFF, 0xFF, 0xFF}); end >= 0 { // samples hold no such bytes
			n += end
		}
		send(t, nc, "py", &nats.Msg{Data: data[:8+n]})
		data = data[8+n:]
	}
	if err := r.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	i := &signal.Info{Rate: 160, Reference: "A1", Channels: []signal.Channel{
		{Name: "FC5", Original: "Fc5.", Kind: signal.EEG, Unit: signal.Microvolt, Pos: &signal.Position{-0.07, 0.03, 0.05}},
		{Name: "Resp", Original: "Resp", Kind: signal.Misc, Unit: "kΩ"},
	}}
	if diff := cmp.Diff(i, r.Info()); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
	const t0, step = 1_700_000_000_000_000_000, 6_250_000
	want := []signal.Chunk{
		{Info: i, Start: 0, Time: t0, X: [][]float64{{0.5, -1.5, math.NaN()}, {1, 2, math.Inf(1)}}, Events: []signal.Event{
			{Sample: 1, Onset: 0.00625, Duration: 4.1, Label: "T1"}, {Sample: 1, Onset: 0.0063, Label: "größer"},
		}},
		{Info: i, Start: 7, Time: t0 + 7*step, X: [][]float64{{3.25}, {4}}},
		{Info: i, Start: 8, Time: t0 + 8*step, X: [][]float64{{5, 6}, {7, 8}}, Events: []signal.Event{{Sample: 9, Onset: 0.05625, Label: "T2"}}},
	}
	got := readAll(t, r)
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b float64) bool { return a == b || a != a && b != b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if st := r.Stats(); st.Jumps != 1 || st.Missing != 4 || st.Lost != 0 || st.Malformed != 0 {
		t.Errorf("stats %+v, want one jump over four samples", st)
	}
}

func TestLateJoiner(t *testing.T) {
	b := open(t, "")
	i := info(2)
	w := rawWriter(t, b, "eeg", i)
	chunks := cut(noise(i, 400, 3), 20, 4)
	writeAll(t, w, chunks[:5])
	r, err := b.Raw(within(t), "s1", "eeg") // by the same connection: the server sees it behind the five chunks
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if diff := cmp.Diff(i, r.Info()); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
	writeAll(t, w, chunks[5:])
	end(t, w)
	wantSamples(t, join(t, chunks[5:]), join(t, readAll(t, r)))
	if st := r.Stats(); st.Lost != 0 || st.Jumps != 0 {
		t.Errorf("stats %+v: what was sent before the subscription is not lost", st)
	}
}

// TestJoinerKeepsWhatCameBeforeTheSchema: a subscriber who joins in the middle gets samples first and learns the schema later.
func TestJoinerKeepsWhatCameBeforeTheSchema(t *testing.T) {
	b := open(t, "")
	i := info(2)
	whole := noise(i, 60, 3)
	msgs := capture(t, b, func(w *bus.RawWriter) { writeAll(t, w, cut(whole, 10, 4)) }, i)
	r := rawReader(t, b, "copy")
	nc := plainClient(t, b.URL())
	send(t, nc, "copy", msgs[1:]...)
	eventually(t, "the samples", func() bool { return r.Stats().Waiting == len(msgs)-1 })
	if r.Info() != nil {
		t.Fatal("the stream is described, by what?")
	}
	send(t, nc, "copy.schema", msgs[0])
	if err := r.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	if got := join(t, readAll(t, r)); got.Len() != 60 {
		t.Errorf("%d samples, want 60", got.Len())
	}
}

func TestLostMessagesAreCounted(t *testing.T) {
	b := open(t, "")
	i := info(2)
	c := noise(i, 100, 3)
	c.Events = nil
	msgs := capture(t, b, func(w *bus.RawWriter) {
		for k := int64(0); k < 10; k++ {
			if k != 6 { // a gap in the recording itself
				writeAll(t, w, []signal.Chunk{c.Slice(c.Start+10*k, c.Start+10*k+10)})
			}
		}
	}, i)
	r := rawReader(t, b, "copy")
	send(t, plainClient(t, b.URL()), "copy", slices.Delete(msgs, 3, 5)...) // the chunks 2 and 3
	var starts []int64
	for _, c := range readAll(t, r) {
		starts = append(starts, c.Start-100)
	}
	if want := []int64{0, 10, 40, 50, 70, 80, 90}; !slices.Equal(starts, want) {
		t.Errorf("chunks at %v, want %v", starts, want)
	}
	if st := r.Stats(); st.Lost != 2 || st.Jumps != 2 || st.Missing != 30 {
		t.Errorf("stats %+v, want two messages lost, two jumps, 30 samples missing", st)
	}
}

// wantAnew checks that the chunks at the given places, and no others, begin anew.
func wantAnew(t testing.TB, chunks []signal.Chunk, at ...int) {
	t.Helper()
	var got []int
	for k, c := range chunks {
		if c.Anew {
			got = append(got, k)
		}
	}
	if !slices.Equal(got, at) {
		t.Errorf("chunks %v of %d begin anew, want %v", got, len(chunks), at)
	}
}

// TestAnewTravels: a source that begins anew while it is being sent is one for the receivers.
func TestAnewTravels(t *testing.T) {
	b := open(t, "")
	i := info(2)
	r := rawReader(t, b, "eeg")
	w := rawWriter(t, b, "eeg", i)
	c := noise(i, 30, 3)
	anew := c
	anew.Anew = true
	writeAll(t, w, []signal.Chunk{anew, c.Slice(100, 100)}) // the first of all begins nothing anew
	long := noise(i, 20000, 4)                              // several messages, the first of which begins anew
	long.Anew = true
	writeAll(t, w, []signal.Chunk{long, anew})
	end(t, w)
	got := readAll(t, r)
	last := len(got) - 1
	if last < 3 {
		t.Fatalf("%d chunks, want at least four", len(got))
	}
	wantAnew(t, got, 1, last)
	wantSamples(t, c, got[0])
	wantSamples(t, long, join(t, got[1:last]))
	wantSamples(t, c, got[last])
	if st := r.Stats(); st.Restarts != 2 || st.Lost+st.Jumps+st.Stale+st.Malformed != 0 {
		t.Errorf("stats %+v, want two restarts and nothing lost", st)
	}
	if msgs := capture(t, b, func(w *bus.RawWriter) { writeAll(t, w, []signal.Chunk{anew}) }, i); len(msgs) != 3 {
		t.Errorf("%d messages, want schema, samples and end: the first chunk of all needs no new run", len(msgs))
	}
}

func TestSenderRestarts(t *testing.T) {
	b := open(t, "")
	i := info(2)
	c := noise(i, 30, 3)
	once := func(w *bus.RawWriter) {
		writeAll(t, w, []signal.Chunk{c.Slice(c.Start, c.Start+20), c.Slice(c.Start+20, c.End())})
	}
	first := capture(t, b, once, i)
	second := capture(t, b, once, i)
	third := capture(t, b, once, i)
	other := capture(t, b, func(w *bus.RawWriter) { writeAll(t, w, []signal.Chunk{noise(info(3), 5, 1)}) }, info(3))
	nc := plainClient(t, b.URL())

	t.Run("the same stream", func(t *testing.T) { // the first died without an end
		r := rawReader(t, b, "same")
		send(t, nc, "same", slices.Concat(first[:3], second[:2], first[1:], second[2:])...)
		got := readAll(t, r)
		if len(got) != 4 || got[2].Start != c.Start || got[3].Start != c.Start+20 {
			t.Errorf("%d chunks, want two of each sender", len(got))
		}
		wantAnew(t, got, 2)
		if st := r.Stats(); st.Restarts != 1 || st.Stale != 3 || st.Jumps != 0 || st.Lost != 0 {
			t.Errorf("stats %+v, want one restart, and the three messages of the first sender ignored that came late", st)
		}
	})
	t.Run("its beginning missed", func(t *testing.T) {
		r := rawReader(t, b, "missed")
		send(t, nc, "missed", first[:3]...)
		send(t, nc, "missed", second[2:]...)
		eventually(t, "the messages", func() bool { return r.Stats().Waiting == 5 }) // or the schema overtakes, and makes the first sender an old one
		send(t, nc, "missed.schema", second[0])
		got := readAll(t, r)
		if len(got) != 3 || got[2].Start != c.Start+20 {
			t.Errorf("%d chunks, want two of the first and the last of the second", len(got))
		}
		wantAnew(t, got, 2) // although its sample numbers count on
		if st := r.Stats(); st.Restarts != 1 || st.Lost != 2 || st.Jumps != 0 {
			t.Errorf("stats %+v, want one restart, the schema and a chunk lost, no jump", st)
		}
	})
	t.Run("its schema overtakes", func(t *testing.T) { // it is repeated on a subject of its own
		r := rawReader(t, b, "overtaken")
		send(t, nc, "overtaken.schema", second[0])
		if err := r.Ready(within(t)); err != nil {
			t.Fatal(err)
		}
		send(t, nc, "overtaken", slices.Concat(first[:3], second)...)
		got := readAll(t, r)
		if len(got) != 4 {
			t.Errorf("%d chunks, want two of each sender", len(got))
		}
		wantAnew(t, got, 2)
		if st := r.Stats(); st.Restarts != 1 || st.Stale+st.Lost+st.Jumps != 0 {
			t.Errorf("stats %+v, want one restart and nothing lost", st)
		}
	})
	t.Run("its schema overtakes one of another stream", func(t *testing.T) {
		r := rawReader(t, b, "otherbefore")
		send(t, nc, "otherbefore.schema", other[0])
		if err := r.Ready(within(t)); err != nil {
			t.Fatal(err)
		}
		send(t, nc, "otherbefore", slices.Concat(first, other)...)
		if got := readAll(t, r); len(got) != 1 || len(got[0].X) != 3 {
			t.Errorf("%d chunks, want the one of the stream that Info tells of", len(got))
		}
		if st := r.Stats(); st.Restarts != 0 || st.Stale != uint64(len(first)) || st.Lost != 0 {
			t.Errorf("stats %+v, want the %d messages of the first sender ignored", st, len(first))
		}
	})
	t.Run("nothing read before", func(t *testing.T) {
		r := rawReader(t, b, "fresh")
		send(t, nc, "fresh", slices.Concat(first[:1], second)...)
		wantAnew(t, readAll(t, r))
		if st := r.Stats(); st.Restarts != 0 {
			t.Errorf("stats %+v: for this reader the stream begins here", st)
		}
	})
	t.Run("one that sent nothing in between", func(t *testing.T) {
		r := rawReader(t, b, "empty")
		send(t, nc, "empty", slices.Concat(first[:3], second[:1], third)...)
		wantAnew(t, readAll(t, r), 2)
		if st := r.Stats(); st.Restarts != 1 || st.Lost != 0 {
			t.Errorf("stats %+v, want one restart", st)
		}
	})
	t.Run("the first chunk cannot be read", func(t *testing.T) {
		r := rawReader(t, b, "broken")
		broken := *second[1]
		broken.Data = slices.Concat(broken.Data[:len(broken.Data)-8], make([]byte, 8))
		copy(broken.Data[32:], bytes.Repeat([]byte{0xFF}, 16))
		send(t, nc, "broken", slices.Concat(first[:3], second[:1], []*nats.Msg{&broken}, second[2:])...)
		got := readAll(t, r)
		if len(got) != 3 {
			t.Fatalf("%d chunks, want three: %+v", len(got), r.Stats())
		}
		wantAnew(t, got, 2)
	})
	t.Run("senders without headers", func(t *testing.T) {
		r := rawReader(t, b, "plain")
		for _, m := range slices.Concat(first[:3], second) {
			send(t, nc, "plain", &nats.Msg{Data: m.Data})
		}
		wantAnew(t, readAll(t, r), 2)
		if st := r.Stats(); st.Restarts != 1 || st.Jumps != 0 {
			t.Errorf("stats %+v, want one restart, known from the schema", st)
		}
	})
	t.Run("another stream", func(t *testing.T) {
		r := rawReader(t, b, "other")
		send(t, nc, "other", slices.Concat(first[:3], other)...)
		ctx := within(t)
		for range 2 {
			if _, err := r.Next(ctx); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // and again
			_, err := r.Next(ctx)
			wantError(t, err, "restarted with another stream", "3 channels", "2 channels", "new session")
		}
	})
}

func TestGarbageIsCounted(t *testing.T) {
	b := open(t, "")
	i := info(2)
	msgs := capture(t, b, func(w *bus.RawWriter) { writeAll(t, w, []signal.Chunk{noise(i, 20, 1)}) }, i)
	r := rawReader(t, b, "copy")
	nc := plainClient(t, b.URL())
	batch := msgs[1]
	short := *batch
	short.Data = batch.Data[:len(batch.Data)-8]
	unnumbered := *batch
	unnumbered.Header = nats.Header{"Gyrus-Run": {"x"}}
	bad := []*nats.Msg{{}, {Data: []byte("hello, world")}, {Data: bytes.Repeat([]byte{0xFF}, 1<<20)}, &short, &unnumbered}
	send(t, nc, "copy", append(bad, msgs...)...)
	send(t, nc, "copy.schema", &nats.Msg{Data: []byte("hello")}, batch)
	if got := readAll(t, r); len(got) != 1 || got[0].Len() != 20 {
		t.Errorf("%d chunks, want the one of 20 samples", len(got))
	}
	eventually(t, "all to be counted", func() bool { return r.Stats().Malformed == uint64(len(bad))+2 })
	if st := r.Stats(); !strings.Contains(st.LastError, "gyrus.s1.raw.copy") {
		t.Errorf("last error %q does not name the subject", st.LastError)
	}
}

func TestNextEnds(t *testing.T) {
	b := open(t, "")
	other := open(t, b.URL())
	i := info(1)
	start := func(t *testing.T, stream string) (*bus.RawReader, func(ctx context.Context) <-chan error) {
		r := rawReader(t, other, stream)
		rawWriter(t, b, stream, i)
		if err := r.Ready(within(t)); err != nil {
			t.Fatal(err)
		}
		return r, func(ctx context.Context) <-chan error {
			ch := make(chan error, 1)
			go func() { _, err := r.Next(ctx); ch <- err }()
			return ch
		}
	}
	t.Run("context", func(t *testing.T) {
		_, next := start(t, "a")
		ctx, cancel := context.WithCancel(context.Background())
		ch := next(ctx)
		cancel()
		if err := receive(t, "Next", ch); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want Canceled", err)
		}
	})
	t.Run("reader", func(t *testing.T) {
		r, next := start(t, "b")
		ch := next(context.Background())
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err := receive(t, "Next", ch); !errors.Is(err, bus.ErrClosed) {
			t.Errorf("error %v, want ErrClosed", err)
		}
	})
	t.Run("bus", func(t *testing.T) {
		_, next := start(t, "c")
		ch := next(context.Background())
		if err := other.Close(); err != nil {
			t.Error(err)
		}
		if err := receive(t, "Next", ch); !errors.Is(err, bus.ErrClosed) {
			t.Errorf("error %v, want ErrClosed", err)
		}
		if _, err := other.SubscribeRaw("s1", "c"); !errors.Is(err, bus.ErrClosed) {
			t.Errorf("SubscribeRaw: %v, want ErrClosed", err)
		}
	})
}

func TestRawWithoutASender(t *testing.T) {
	b := open(t, "")
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := b.Raw(ctx, "s1", "eeg")
	wantError(t, err, "gyrus.s1.raw.eeg", "is a sender running", b.URL())
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want DeadlineExceeded inside", err)
	}
	if _, err := b.Raw(ctx, "s1", "*"); err == nil {
		t.Error("the stream * was accepted")
	}
}

func TestRawWriterRefuses(t *testing.T) {
	b := open(t, "")
	volts := info(1)
	volts.Channels[0].Unit = "V"
	_, err := bus.NewRawWriter(b, "s1", "eeg", volts, bus.Clock{})
	wantError(t, err, `unit is "V"`, "gyrus.s1.raw.eeg")
	if _, err := bus.NewRawWriter(b, "s1", "e.g", info(1), bus.Clock{}); err == nil {
		t.Error("a stream with a dot was accepted")
	}
	i := info(2)
	w := rawWriter(t, b, "eeg", i)
	good := noise(i, 10, 1)
	same := good
	same.Info = info(2) // equal, at another address
	writeAll(t, w, []signal.Chunk{good, same, same, signal.NewChunk(i, 0, 0)})
	other := noise(info(3), 10, 1)
	ragged := good
	ragged.X = [][]float64{good.X[0], good.X[1][:9]}
	narrow := good
	narrow.X = good.X[:1]
	outside := good
	outside.Events = []signal.Event{{Sample: 3}}
	latin := good
	latin.Events = []signal.Event{{Sample: good.Start, Label: "gr\xf6\xdfer"}}
	long := good
	long.Events = []signal.Event{{Sample: good.Start, Label: strings.Repeat("x", 2<<20)}}
	for _, tc := range []struct {
		want string
		c    signal.Chunk
	}{
		{"of a stream of 3 channels", other},
		{"channel 1 has 9 samples", ragged},
		{"has 1 channels", narrow},
		{"event 0", outside},
		{"not UTF-8", latin},
		{"does not fit", long},
	} {
		err := w.Write(tc.c)
		wantError(t, err, tc.want, "gyrus.s1.raw.eeg")
		if errors.Is(err, bus.ErrNotSent) {
			t.Errorf("%v is ErrNotSent, which is about the link", err)
		}
	}
	if st := w.Stats(); st.NotSent != 0 || st.Messages < 3 {
		t.Errorf("stats %+v", st)
	}
	for range 2 {
		end(t, w)
	}
	if err := w.Write(good); !errors.Is(err, bus.ErrClosed) || !errors.Is(err, bus.ErrNotSent) {
		t.Errorf("Write after Close: %v, want ErrClosed and ErrNotSent", err)
	}
}

func TestRawWithoutALink(t *testing.T) {
	s := startServer(t, -1)
	b := open(t, s.ClientURL())
	i := info(2)
	w := rawWriter(t, b, "eeg", i)
	down := make(chan bool, 10)
	b.OnLink(func(up bool) { down <- up })
	stopServer(s)
	receive(t, "the loss of the link", down)
	if err := w.Write(noise(i, 10, 1)); !errors.Is(err, bus.ErrNotSent) {
		t.Errorf("error %v, want ErrNotSent", err)
	}
	if st := w.Stats(); st.NotSent != 1 || st.SamplesNotSent != 10 || st.LastError == "" {
		t.Errorf("stats %+v, want one message of 10 samples not sent", st)
	}
	if _, err := bus.NewRawWriter(b, "s1", "other", i, bus.Clock{}); !errors.Is(err, bus.ErrNotSent) {
		t.Errorf("NewRawWriter: %v, want ErrNotSent", err)
	}
	if err := w.Close(); !errors.Is(err, bus.ErrNotSent) {
		t.Errorf("Close: %v, want ErrNotSent", err)
	}
}
