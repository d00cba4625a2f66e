package bus_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
)

var keep = flag.String("keep", "", "file to keep the Arrow stream of TestRawIsOneArrowStream in")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen. It is long because other work may hold the cores: a controller is
// in its safe state behind each quarter of a second in which the decoder does not get one, and moves again when the decoder has proven itself anew.
const patience = 4 * time.Minute

// open makes a bus with a server of its own, or on the server at url.
func open(t testing.TB, url string) *bus.Bus {
	t.Helper()
	b, err := bus.Open(context.Background(), bus.Options{URL: url, Timeout: patience.Seconds()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil && !errors.Is(err, nats.ErrTimeout) { // of a busy machine, see end
			t.Errorf("close the bus: %v", err)
		}
	})
	return b
}

// plainClient is a client without any of ours.
func plainClient(t testing.TB, url string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	nc.SetClosedHandler(func(*nats.Conn) { close(closed) })
	t.Cleanup(func() { nc.Close(); <-closed })
	return nc
}

// startServer is a NATS server apart from any bus; port -1 takes a free one.
func startServer(t testing.TB, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		t.Fatalf("no server on port %d", port)
	}
	return s
}

func stopServer(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// eventually waits until ok says so.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited %s for: %s", patience, what)
		}
		time.Sleep(time.Millisecond) // between two looks
	}
}

func receive[T any](t testing.TB, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("waited %s for: %s", patience, what)
		panic("unreachable")
	}
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func info(chs int) *signal.Info {
	i := &signal.Info{Rate: 160, Reference: "A1"}
	for ch := range chs {
		i.Channels = append(i.Channels, signal.Channel{
			Name: fmt.Sprintf("E%d", ch), Original: fmt.Sprintf("e%d.", ch), Kind: signal.EEG, Unit: signal.Microvolt, Pos: &signal.Position{0, float64(ch), 0.1},
		})
	}
	return i
}

// noise is n samples of any bits, with events, two of them at one sample.
func noise(i *signal.Info, n int, seed uint64) signal.Chunk {
	rng := rand.New(rand.NewPCG(seed, 2))
	c := signal.NewChunk(i, 100, n)
	c.Time = 1_700_000_000_123_456_789
	for _, x := range c.X {
		for t := range x {
			x[t] = math.Float64frombits(rng.Uint64())
		}
	}
	for s := c.Start + 3; s < c.End(); s += 1 + rng.Int64N(40) {
		c.Events = append(c.Events, signal.Event{Sample: s, Onset: float64(s) / 160, Duration: rng.Float64(), Label: fmt.Sprintf("T%d", s%3)})
		if s%2 == 0 {
			c.Events = append(c.Events, signal.Event{Sample: s, Label: "größer", Channels: signal.ChannelsOf("C3", fmt.Sprint("größer, \"", s%4))})
		}
	}
	return c
}

// cut is c in chunks of 0 to most samples.
func cut(c signal.Chunk, most int, seed uint64) []signal.Chunk {
	rng := rand.New(rand.NewPCG(seed, 3))
	var out []signal.Chunk
	for at := c.Start; at < c.End(); {
		to := min(c.End(), at+rng.Int64N(int64(most)+1))
		out = append(out, c.Slice(at, to))
		at = to
	}
	return out
}
