package dashboard

import (
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// TestFullQueueGivesWayAtItsBegin: a browser that does not read loses the oldest messages and sees how many.
func TestFullQueueGivesWayAtItsBegin(t *testing.T) {
	c := &client{out: make(chan []byte, 4)}
	for k := range 10 {
		c.send("n", k)
	}
	var got []string
	for range 4 {
		got = append(got, strings.TrimSpace(strings.TrimPrefix(string(<-c.out), "event: n\ndata: ")))
	}
	if strings.Join(got, "") != "6789" || c.dropped.Load() != 6 {
		t.Errorf("there are %v, %d dropped", got, c.dropped.Load())
	}
}

// TestSessionNeverWaits: with a hub at which nobody works everything that the session calls returns.
func TestSessionNeverWaits(t *testing.T) {
	h := newHub()
	s := &Server{hub: h, session: &Session{Clock: bus.NewClock()}}
	h.viewers.Store(1)
	c := noise(20, 250)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 10 * inQueue {
			s.Chunk(c)
			s.Decision(bus.Command{}, time.Now())
			s.Look(bus.Telemetry{})
			s.Cue(bus.Cue{})
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("the session waits for the page")
	}
	if want := uint64(2*10*inQueue - inQueue); h.dropped.Load() != want {
		t.Errorf("%d dropped, want %d", h.dropped.Load(), want)
	}
}

// TestChunksAreCopied: the memory of a chunk is the source's.
func TestChunksAreCopied(t *testing.T) {
	h := newHub()
	s := &Server{hub: h}
	c := noise(4, 250)
	s.Chunk(c)
	if len(h.in) != 0 {
		t.Error("a chunk is copied although nobody looks on")
	}
	h.viewers.Store(1)
	s.Chunk(c)
	want := c.X[0][0]
	c.X[0][0] = 1e9
	if got := (<-h.in).chunk.X[0][0]; got != want {
		t.Errorf("the copy holds %g, want %g", got, want)
	}
}

func TestTraceMessages(t *testing.T) {
	h := newHub()
	c := noise(400, 250)
	h.columns = columnsOf(250, c.Slice(0, 100), c.Slice(200, 300))
	list := h.traceMessages(view{first: 1, count: 16})
	if len(list) != 2 || list[0].First != 0 || list[1].First != 50 || list[0].Begin != 1 || len(list[0].Lo) != 1 || len(list[0].Lo[0]) != 25 {
		t.Errorf("%+v", list)
	}
	if f, n := (view{first: 500, count: 16}).of(2); f != 1 || n != 1 {
		t.Errorf("channels from 500 of 2 are %d, %d", f, n)
	}
}
