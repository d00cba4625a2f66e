package bus

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/ingest/arrowipc"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// patience is that of helper_test.go.
const patience = 4 * time.Minute

func openBus(t testing.TB, url string) *Bus {
	t.Helper()
	b, err := Open(context.Background(), Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil && !errors.Is(err, nats.ErrTimeout) { // of a busy machine
			t.Errorf("close the bus: %v", err)
		}
	})
	return b
}

func twoChannels() *signal.Info {
	return &signal.Info{Rate: 100, Channels: []signal.Channel{
		{Name: "C3", Original: "C3", Kind: signal.EEG, Unit: signal.Microvolt}, {Name: "C4", Original: "C4", Kind: signal.EEG, Unit: signal.Microvolt},
	}}
}

// ramp is n samples from start, each its own number, with an event at the second.
func ramp(i *signal.Info, start int64, n int) signal.Chunk {
	c := signal.NewChunk(i, start, n)
	c.Time = 1e18 + start*1e7
	for ch := range c.X {
		for k := range c.X[ch] {
			c.X[ch][k] = float64(start + int64(k))
		}
	}
	if n > 1 {
		c.Events = []signal.Event{{Sample: start + 1, Onset: 0.5, Duration: 0.25, Label: "cue"}}
	}
	return c
}

// TestSlowReaderLosesTheOldest fills a small queue: what is left is the newest, the rest is counted.
func TestSlowReaderLosesTheOldest(t *testing.T) {
	for _, tc := range []struct {
		name        string
		msgs, bytes int
	}{
		{"by number", 10, 1 << 30},
		{"by size", 1 << 30, 20_000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := openBus(t, "")
			i := twoChannels()
			r, err := b.subscribeRaw("s1", "eeg", newRawQueue(tc.msgs, tc.bytes))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = r.Close() }()
			w, err := NewRawWriter(b, "s1", "eeg", i, Clock{})
			if err != nil {
				t.Fatal(err)
			}
			const chunks = 200
			for k := range int64(chunks) {
				if err := w.Write(ramp(i, 10*k, 10)); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil && !errors.Is(err, nats.ErrTimeout) {
				t.Fatal(err)
			}
			for end := time.Now().Add(patience); r.subs[0].sub != nil; time.Sleep(time.Millisecond) {
				if n, err := r.subs[0].sub.Delivered(); err == nil && n >= chunks+2 {
					if msgs, _, err := r.subs[0].sub.Pending(); err == nil && msgs == 0 {
						break
					}
				}
				if time.Now().After(end) {
					t.Fatal("the messages do not come")
				}
			}
			st := r.Stats()
			if st.Dropped == 0 || st.Waiting == 0 || st.Waiting > min(tc.msgs, tc.bytes/600+2) {
				t.Fatalf("stats %+v: nothing dropped, or more kept than allowed", st)
			}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			var got []signal.Chunk
			for {
				c, err := r.Next(ctx)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, c)
			}
			// The schema and the end are never dropped, so all the rest are chunks.
			if len(got) != st.Waiting-2 || uint64(len(got))+st.Dropped != chunks {
				t.Errorf("%d chunks of %d, %d dropped, %d were waiting", len(got), chunks, st.Dropped, st.Waiting)
			}
			for k, c := range got {
				if want := int64(10 * (chunks - len(got) + k)); c.Start != want {
					t.Errorf("chunk %d begins at sample %d, want %d: the newest must be left", k, c.Start, want)
				}
			}
			if st := r.Stats(); st.Lost != st.Dropped {
				t.Errorf("stats %+v: all that is lost was dropped here", st)
			}
		})
	}
}

// TestChunksLieInTheMessage: with the headers that a RawWriter sends, the samples are aligned and nothing is copied.
func TestChunksLieInTheMessage(t *testing.T) {
	b := openBus(t, "")
	i := twoChannels()
	msgs := make(chan *nats.Msg, 10)
	if _, err := b.nc.ChanSubscribe("gyrus.s1.raw.eeg", msgs); err != nil {
		t.Fatal(err)
	}
	w, err := NewRawWriter(b, "s1", "eeg", i, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	want := ramp(i, 0, 25)
	if err := w.Write(want); err != nil {
		t.Fatal(err)
	}
	head, data := (<-msgs).Data, (<-msgs).Data
	m, err := arrowipc.Parse(head)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := m.Schema()
	if err != nil {
		t.Fatal(err)
	}
	if m, err = arrowipc.Parse(data); err != nil {
		t.Fatal(err)
	}
	for _, shift := range []int{0, 3} { // and of a sender with other headers: a copy, but the same numbers
		if shift > 0 {
			moved := make([]byte, len(m.Body)+shift)
			m.Body = moved[shift : shift+copy(moved[shift:], m.Body)]
		}
		rec, err := m.Batch(schema)
		if err != nil {
			t.Fatal(err)
		}
		got, err := signal.FromRecord(rec, i)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("shift %d (-want +got):\n%s", shift, diff)
		}
		lo, x := uintptr(unsafe.Pointer(&m.Body[0])), uintptr(unsafe.Pointer(&got.X[1][0]))
		if inside := x >= lo && x < lo+uintptr(len(m.Body)); inside != (shift == 0) {
			t.Errorf("shift %d: samples in the message: %v", shift, inside)
		}
	}
}

// wire is the messages of a stream of one chunk, without a network.
func wire(t testing.TB, c signal.Chunk) (schema, batch []byte) {
	t.Helper()
	enc, head, err := arrowipc.NewEncoder(signal.Schema(c.Info))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first message of an encoder is cut apart, the second is not
		data, err := enc.Encode(c.RecordWith(signal.Schema(c.Info)))
		if err != nil {
			t.Fatal(err)
		}
		if batch != nil && !bytes.Equal(batch, data) {
			t.Fatal("the first message of an encoder differs from the second")
		}
		batch = bytes.Clone(data)
	}
	return head, batch
}

// TestEveryDamagedByte changes each byte of both messages to several values: nothing may panic, and a chunk that still
// comes out must be whole.
func TestEveryDamagedByte(t *testing.T) {
	i := twoChannels()
	schema, batch := wire(t, ramp(i, 5, 9))
	for _, msg := range [][]byte{schema, batch} {
		damaged := bytes.Clone(msg)
		for k := range msg {
			for _, v := range []byte{0, 1, 0x7F, 0x80, 0xFF, msg[k] + 1, msg[k] ^ 0x10} {
				damaged[k] = v
				tryMessage(t, damaged, schema)
			}
			damaged[k] = msg[k]
			tryMessage(t, msg[:k], schema)
		}
	}
}

// tryMessage reads data as a schema and as a batch of the schema in good.
func tryMessage(t testing.TB, data, good []byte) {
	r, err := newRawMsg(&nats.Msg{Data: data}, time.Time{})
	if err != nil || r.Kind == arrowipc.EndKind {
		return
	}
	if r.Kind == arrowipc.SchemaKind {
		if s, err := r.read(); err == nil && s.info.Validate() != nil {
			t.Fatalf("a schema that no stream can have came out: %v", s.info)
		}
		return
	}
	m, err := arrowipc.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := m.Schema()
	if err != nil {
		t.Fatal(err)
	}
	info, err := signal.InfoFromSchema(schema)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := r.Batch(schema)
	if err != nil {
		return
	}
	c, err := signal.FromRecord(rec, info)
	if err != nil {
		return
	}
	sum := 0.0
	for _, x := range c.X {
		if len(x) != c.Len() || 8*len(x) > len(data) {
			t.Fatalf("a channel of %d samples, the chunk has %d, the message %d bytes", len(x), c.Len(), len(data))
		}
		for _, v := range x {
			sum += v // touches the memory
		}
	}
	if err := c.CheckEvents(); err != nil && !math.IsNaN(sum) {
		t.Fatal(err)
	}
}
