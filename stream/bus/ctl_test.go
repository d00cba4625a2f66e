package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
)

// listening is a decoder with the verbs add, slow and fail.
func listening(t *testing.T, b *bus.Bus, decoder string) (*bus.Ctl, *atomic.Int64) {
	t.Helper()
	var done atomic.Int64
	c, err := bus.NewCtl(b, "s1", decoder, 7, bus.NewClock(), func(bus.Request, bus.Reply) { done.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	c.Handle(
		bus.Verb{Name: "join", Args: []string{"word", "[more]"}, Doc: "joins words", Do: func(_ context.Context, args []string) (any, error) {
			return map[string]string{"joined": strings.Join(args, "+")}, nil
		}},
		bus.Verb{Name: "fail", Doc: "fails", Do: func(context.Context, []string) (any, error) { return nil, errors.New("the model has 8 channels") }},
		bus.Verb{Name: "urgent", Urgent: true, Doc: "is done at once", Do: func(context.Context, []string) (any, error) { return nil, nil }},
		bus.Verb{Name: "wait", Doc: "waits for the end", Do: func(ctx context.Context, _ []string) (any, error) { <-ctx.Done(); return nil, ctx.Err() }},
	)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, &done
}

// TestCtl: what is asked is done by the decoder that is named, once, and what cannot be done is answered with the reason.
func TestCtl(t *testing.T) {
	server := open(t, "")
	c, told := listening(t, server, "lda")
	other, _ := listening(t, server, "svm")
	op := open(t, server.URL())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	r, err := op.Ask(ctx, "s1", "lda", "join", "a", "b")
	if err != nil || !r.OK || r.Decoder != "lda" || r.Run != 7 || string(r.Result) != `{"joined":"a+b"}` {
		t.Errorf("join a b: %+v, %v", r, err)
	}
	if r, err = op.Ask(ctx, "s1", "svm", "join", "a"); err != nil || r.Decoder != "svm" || string(r.Result) != `{"joined":"a"}` {
		t.Errorf("join a: %+v, %v", r, err)
	}
	r, err = op.Ask(ctx, "s1", "lda", "verbs")
	var names []string
	for _, v := range r.Verbs {
		names = append(names, v.Verb)
	}
	if want := []string{"verbs", "join", "fail", "urgent", "wait"}; err != nil || !slices.Equal(names, want) || !slices.Equal(r.Verbs[1].Args, []string{"word", "[more]"}) {
		t.Errorf("verbs: %v, %v, want %v", r.Verbs, err, want)
	}
	for _, tc := range []struct {
		verb string
		args []string
		want string
		list int
	}{
		{"jion", nil, `unknown verb "jion": did you mean "join"?`, 5},
		{"join", nil, "join takes word [more], got 0 arguments", 1},
		{"join", []string{"a", "b", "c"}, "got 3 arguments", 1},
		{"fail", []string{"x"}, "fail takes no arguments", 1},
		{"fail", nil, "the model has 8 channels", 0},
	} {
		var refused *bus.RefusedError
		r, err := op.Ask(ctx, "s1", "lda", tc.verb, tc.args...)
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), tc.want) || len(r.Verbs) != tc.list || r.OK {
			t.Errorf("%s %v: %v with %d verbs, want %q with %d", tc.verb, tc.args, err, len(r.Verbs), tc.want, tc.list)
		}
	}
	eventually(t, "seven requests told", func() bool { return told.Load() == 7 })
	if s := c.Stats(); s != (bus.CtlStats{Requests: 7, Refused: 4, Failed: 1}) {
		t.Errorf("lda counted %+v", s)
	}
	if s := other.Stats(); s != (bus.CtlStats{Requests: 1}) {
		t.Errorf("svm counted %+v", s)
	}
}

// TestCtlUnasked: nobody there, another name, and an answer that does not come in time are told apart.
func TestCtlUnasked(t *testing.T) {
	b := open(t, "")
	if _, err := b.Ask(t.Context(), "s1", "lda", "pause"); err == nil || !strings.Contains(err.Error(), "nobody listens on gyrus.s1.ctl") {
		t.Errorf("without a session: %v", err)
	}
	listening(t, b, "lda")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.Ask(ctx, "s1", "svm", "pause"); err == nil || !strings.Contains(err.Error(), `is the decoder called "svm"?`) {
		t.Errorf("another decoder: %v", err)
	}
	if _, err := b.Ask(t.Context(), "s1", "lda", "a.b"); err == nil || !strings.Contains(err.Error(), "must be a token") {
		t.Errorf("an impossible verb: %v", err)
	}
}

// TestCtlHostile: what breaks the schema is answered and counted, what comes twice is not done twice, and no answer goes
// where only decoders may write.
func TestCtlHostile(t *testing.T) {
	b := open(t, "")
	c, told := listening(t, b, "lda")
	nc := plainClient(t, b.URL())
	ask := func(data string) bus.Reply {
		t.Helper()
		m, err := nc.Request(bus.CtlSubject("s1"), []byte(data), patience)
		if err != nil {
			t.Fatal(err)
		}
		r, err := bus.ParseReply(m.Data)
		if err != nil {
			t.Fatalf("%s: %v", m.Data, err)
		}
		return r
	}
	for _, tc := range []struct{ data, want string }{
		{`nonsense`, "request:"},
		{`{"v":2,"session":"s1","decoder":"lda","id":"1","verb":"fail"}`, "v is 2"},
		{`{"v":1,"session":"s2","decoder":"lda","id":"1","verb":"fail"}`, "belongs to gyrus.s2.ctl"},
		{`{"v":1,"session":"s1","decoder":"lda","verb":"fail"}`, "id has 0 bytes"},
		{`{"v":1,"session":"s1","decoder":"lda","id":"1","verb":"fail","args":["` + strings.Repeat("x", 5000) + `"]}`, "arg 0 has 5000 bytes"},
		{`{"v":1,"session":"s1","decoder":"lda","id":"1","verb":"` + strings.Repeat("x", 70000) + `"}`, "must be at most 65536"},
	} {
		if r := ask(tc.data); r.OK || !strings.Contains(r.Error, tc.want) {
			t.Errorf("%.80s: %+v, want %q", tc.data, r, tc.want)
		}
	}
	const once = `{"v":1,"session":"s1","decoder":"lda","id":"9","verb":"join","args":["a"]}`
	if r := ask(once); !r.OK {
		t.Errorf("the first time: %+v", r)
	}
	if r := ask(once); r.OK || !strings.Contains(r.Error, "nothing is done twice") {
		t.Errorf("the second time: %+v", r)
	}
	got := make(chan *nats.Msg, 1)
	if _, err := nc.ChanSubscribe(bus.CommandSubject("s1", "lda"), got); err != nil {
		t.Fatal(err)
	}
	if err := nc.PublishRequest(bus.CtlSubject("s1"), bus.CommandSubject("s1", "lda"), []byte(strings.Replace(once, `"9"`, `"10"`, 1))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the request to be done", func() bool { return told.Load() == 3 })
	if r := ask(strings.Replace(once, `"9"`, `"11"`, 1)); !r.OK {
		t.Errorf("behind it: %+v", r)
	}
	select {
	case m := <-got:
		t.Errorf("a reply came as a command: %s", m.Data)
	default:
	}
	if s := c.Stats(); s.Malformed != 6 || s.Refused != 1 || s.Requests != 4 {
		t.Errorf("counted %+v", s)
	}
}

// TestCtlFresh: what lets something move is done only where the request proves, on the decoder's clock, that it is of now;
// what makes safe is done always.
func TestCtlFresh(t *testing.T) {
	b := open(t, "")
	clock := bus.NewClock()
	w, err := bus.NewCommandWriter(b, "s1", "lda", time.Second, clock)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	c, err := bus.NewCtl(b, "s1", "lda", w.Run(), clock, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	var moved, stood atomic.Int64
	c.Handle(
		bus.Verb{Name: "go", Fresh: true, Do: func(context.Context, []string) (any, error) { moved.Add(1); return nil, nil }},
		bus.Verb{Name: "halt", Do: func(context.Context, []string) (any, error) { stood.Add(1); return nil, nil }},
	)
	nc := plainClient(t, b.URL())
	ask := func(verb string, sent int64) bus.Reply {
		data, err := json.Marshal(bus.Request{V: 1, Session: "s1", Decoder: "lda", ID: fmt.Sprint(verb, sent), Verb: verb, Sent: sent, Run: w.Run()})
		if err != nil {
			t.Fatal(err)
		}
		m, err := nc.Request(bus.CtlSubject("s1"), data, patience)
		if err != nil {
			t.Fatal(err)
		}
		r, err := bus.ParseReply(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	now := clock.Now()
	for _, tc := range []struct {
		sent int64
		want string
	}{{0, "when it was sent"}, {now - int64(time.Minute), "was sent 60.0 s ago"}, {now + int64(time.Hour), "was sent -3600.0 s ago"}, {-1, "s ago"}} {
		if r := ask("go", tc.sent); r.OK || !strings.Contains(r.Error, tc.want) {
			t.Errorf("sent at %d: %+v, want %q", tc.sent, r, tc.want)
		}
		if r := ask("halt", tc.sent); !r.OK {
			t.Errorf("halt, sent at %d: %+v", tc.sent, r)
		}
	}
	if r := ask("go", now); !r.OK || moved.Load() != 1 || stood.Load() != 4 {
		t.Errorf("sent now: %+v; %d moves, %d halts", r, moved.Load(), stood.Load())
	}
	other := open(t, b.URL()) // as gyrus ctl does it
	if _, err := other.Ask(t.Context(), "s1", "lda", "go"); err != nil || moved.Load() != 2 {
		t.Errorf("asked with the time of a heartbeat: %v, %d moves", err, moved.Load())
	}
	for _, q := range []struct { // the page of this process
		sent, run int64
		want      string
	}{
		{0, w.Run(), "when it was sent"},
		{clock.Now() - int64(8*time.Second), w.Run(), "was sent 8.0 s ago"},
		{clock.Now(), w.Run() - 1, "to run"},
		{clock.Now(), w.Run(), ""},
	} {
		if r := c.Call(t.Context(), bus.Request{Verb: "go", Sent: q.sent, Run: q.run}); r.OK != (q.want == "") || !strings.Contains(r.Error, q.want) {
			t.Errorf("from here, sent at %d to run %d: %+v", q.sent, q.run, r)
		}
	}
	if moved.Load() != 3 {
		t.Errorf("%d moves", moved.Load())
	}
}

// TestCtlFreshIsTheDecodersWord: whether a verb lets something move is known to the decoder alone. Whoever asks is told, and asks
// again with the time, which three answers tell; people are told of the last request only, and what makes safe waits for no heartbeat.
func TestCtlFreshIsTheDecodersWord(t *testing.T) {
	b := open(t, "")
	clock := bus.NewClock()
	w, err := bus.NewCommandWriter(b, "s1", "lda", time.Second, clock)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	told := make(chan string, 10)
	c, err := bus.NewCtl(b, "s1", "lda", w.Run(), clock, func(q bus.Request, r bus.Reply) { told <- fmt.Sprintf("%s %t", q.Verb, r.OK) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	nothing := func(context.Context, []string) (any, error) { return nil, nil }
	c.Handle(bus.Verb{Name: "lift", Fresh: true, Do: nothing}, bus.Verb{Name: "lower", Do: nothing})
	nc := plainClient(t, b.URL())
	wire, err := nc.SubscribeSync(bus.CtlSubject("s1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for verb, sent := range map[string][]bool{"lower": {false}, "lift": {false, false, false, true}} { // whether each request says when
		if r, err := b.Ask(t.Context(), "s1", "lda", verb); err != nil || !r.OK {
			t.Fatalf("%s: %+v, %v", verb, r, err)
		}
		for i, want := range sent {
			m, err := wire.NextMsg(patience)
			if err != nil {
				t.Fatal(err)
			}
			if q, err := bus.ParseRequest(m.Data); err != nil || q.Verb != verb || (q.Sent != 0) != want {
				t.Errorf("request %d for %s: %s, %v; says when: want %t", i, verb, m.Data, err, want)
			}
		}
		if got := <-told; got != verb+" true" || len(told) > 0 {
			t.Errorf("people are told %q and %d more", got, len(told))
		}
	}
	if m, err := wire.NextMsg(50 * time.Millisecond); err == nil {
		t.Errorf("one more request: %s", m.Data)
	}
	if s := c.Stats(); s.Refused != 0 || s.Requests != 5 {
		t.Errorf("%+v", s)
	}
	for _, v := range c.Verbs() {
		if v.Fresh != (v.Verb == "lift") {
			t.Errorf("listed: %+v", v)
		}
	}
}

// TestAskedBeforeTheDecoderStoodStill: a request that waits in a buffer because the decoder stands still says when it was asked for, not
// when the decoder went on, and is refused where that is long ago; what was heard of the decoder before is not behind it.
func TestAskedBeforeTheDecoderStoodStill(t *testing.T) {
	b := open(t, "")
	clock := bus.NewClock()
	frozen, goOn := make(chan struct{}), make(chan struct{})
	c, err := bus.NewCtl(b, "s1", "lda", 7, clock, func(q bus.Request, _ bus.Reply) {
		if q.Verb == "freeze" { // is unknown, and answered where requests are taken
			frozen <- struct{}{}
			<-goOn
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	type times struct{ seen, sent int64 }
	got := make(chan times, 1)
	c.Handle(bus.Verb{Name: "go", Fresh: true, Do: func(ctx context.Context, _ []string) (any, error) {
		got <- times{bus.SeenAt(ctx), bus.SentAt(ctx)}
		return nil, nil
	}})
	nc := plainClient(t, b.URL())
	if err := nc.Publish(bus.CtlSubject("s1"), []byte(`{"v":1,"session":"s1","decoder":"lda","id":"1","verb":"freeze"}`)); err != nil {
		t.Fatal(err)
	}
	<-frozen
	other := open(t, b.URL())
	asked := time.Now()
	answered := make(chan error, 1)
	go func() { _, err := other.AskAt(within(t), bus.Asked{At: asked}, "s1", "lda", "go"); answered <- err }()
	time.Sleep(300 * time.Millisecond)
	close(goOn)
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	if at := <-got; at.sent > clock.At(asked) || at.sent < clock.At(asked)-int64(2*time.Second) || at.seen != 0 {
		t.Errorf("says %+v, asked at %d, went on at %d", at, clock.At(asked), clock.Now())
	}
	if _, err := other.AskAt(within(t), bus.Asked{At: time.Now().Add(-5 * time.Second)}, "s1", "lda", "go"); err == nil || !strings.Contains(err.Error(), "s ago by the decoder's clock") || len(got) > 0 {
		t.Errorf("asked 5 s before: %v", err)
	}
	for range 100 { // in turn, however the messages travel
		r, err := other.Ask(within(t), "s1", "lda", "verbs")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Ask(within(t), "s1", "lda", "go"); err != nil {
			t.Fatal(err)
		}
		if at := <-got; at.sent < r.TPublish || at.sent > clock.Now() || at.seen != 0 {
			t.Fatalf("says %+v, behind an answer of %d", at, r.TPublish)
		}
	}
}

// TestAskSaysWhatWasSeen: a request says in t_seen_ns what whoever asks was shown, never what this program has heard meanwhile. A refusal
// for what they were not shown says up to when its words tell it; what lies ahead of the decoder's clock is of another run, and refused.
func TestAskSaysWhatWasSeen(t *testing.T) {
	b := open(t, "")
	clock := bus.NewClock()
	c, err := bus.NewCtl(b, "s1", "lda", 7, clock, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	var says int64
	c.Handle(bus.Verb{Name: "lift", Fresh: true, Do: func(ctx context.Context, _ []string) (any, error) {
		if bus.SeenAt(ctx) == 0 {
			says = clock.Now()
			return nil, fmt.Errorf("wrapped: %w", &bus.UnseenError{Seen: says, Err: errors.New("the arm jams")})
		}
		return bus.SeenAt(ctx), nil
	}})
	var refused *bus.RefusedError
	r, err := b.Ask(within(t), "s1", "lda", "lift")
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "the arm jams") || r.Seen != says || says == 0 {
		t.Fatalf("shown nothing: %+v, %v; want t_seen_ns %d", r, err, says)
	}
	if r, err := b.AskAt(within(t), bus.Asked{At: time.Now(), Seen: r.Seen}, "s1", "lda", "lift"); err != nil || string(r.Result) != strconv.FormatInt(says, 10) {
		t.Errorf("shown that: %s, %v", r.Result, err)
	}
	if _, err := b.AskAt(within(t), bus.Asked{At: time.Now(), Seen: clock.Now() + int64(time.Hour)}, "s1", "lda", "lift"); !errors.As(err, &refused) || !strings.Contains(err.Error(), "how the decoder will be in 3") {
		t.Errorf("shown the future: %v", err)
	}
}

// TestAskOverASlowWay: where a message takes 0.4 s there and back, a request that must come within 2 s of when it was asked for is in time,
// with the opening of the link; the questions for the decoder's time are as many as there is time for.
func TestAskOverASlowWay(t *testing.T) {
	b := open(t, "")
	c, told := listening(t, b, "lda")
	c.Handle(bus.Verb{Name: "go", Fresh: true, Do: func(context.Context, []string) (any, error) { return nil, nil }})
	url := far(t, b.URL(), 200*time.Millisecond)
	var wrong []error
	for range 5 { // a busy machine may hold up one
		asked := time.Now()
		other, err := bus.Open(t.Context(), bus.Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		_, err = other.AskAt(within(t), bus.Asked{At: asked}, "s1", "lda", "go")
		took := time.Since(asked)
		_ = other.Close()
		if err == nil {
			t.Logf("done after %s, %d refused before", took, len(wrong))
			if took < 1200*time.Millisecond {
				t.Errorf("done after %s: the way is not as slow as that", took)
			}
			return
		}
		wrong = append(wrong, err)
	}
	t.Errorf("refused each time: %v; %d told", errors.Join(wrong...), told.Load())
}

// far is an address that leads to a server, each way as late as that.
func far(t *testing.T, to string, late time.Duration) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	type piece struct {
		data []byte
		due  time.Time
	}
	var all sync.WaitGroup
	pipe := func(to, from net.Conn) {
		pieces := make(chan piece, 1024)
		all.Go(func() {
			defer close(pieces)
			for {
				buf := make([]byte, 64<<10)
				n, err := from.Read(buf)
				if err != nil {
					return
				}
				pieces <- piece{buf[:n], time.Now().Add(late)}
			}
		})
		all.Go(func() {
			defer func() { _, _ = to.Close(), from.Close() }()
			for p := range pieces {
				time.Sleep(time.Until(p.due))
				if _, err := to.Write(p.data); err != nil {
					_ = from.Close() // ends the reader, and so this loop
				}
			}
		})
	}
	all.Go(func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", strings.TrimPrefix(to, "nats://"))
			if err != nil {
				_ = here.Close()
				continue
			}
			pipe(there, here)
			pipe(here, there)
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return "nats://" + l.Addr().String()
}

// TestAnsweredAndGone: whoever was answered has lost nothing when the server goes away at once, as that of a session does which was asked
// to end; whoever sent something since may have.
func TestAnsweredAndGone(t *testing.T) {
	for _, more := range []bool{false, true} {
		b := open(t, "")
		c, err := bus.NewCtl(b, "s1", "lda", 1, bus.Clock{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		c.Handle(bus.Verb{Name: "end", Do: func(context.Context, []string) (any, error) { return nil, nil }})
		url, hang := wire(t, b.URL())
		asks, err := bus.Open(t.Context(), bus.Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		if r, err := asks.Ask(t.Context(), "s1", "lda", "end"); err != nil || !r.OK {
			t.Fatalf("%+v, %v", r, err)
		}
		hang()
		if more {
			w, err := bus.NewCommandWriter(asks, "s1", "other", time.Second, bus.Clock{})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Publish(bus.Command{Kind: bus.KindNone}); err != nil {
				t.Fatal(err)
			}
		}
		if err := asks.Close(); (err != nil) != more {
			t.Errorf("something sent behind the answer: %t, the error is %v", more, err)
		}
	}
}

// TestEndedAndGone: whoever has sent the end of a stream, and knows that it came, has lost nothing when the session ends with it and takes
// its server along.
func TestEndedAndGone(t *testing.T) {
	b := open(t, "")
	url, hang := wire(t, b.URL())
	sends, err := bus.Open(t.Context(), bus.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	i := info(2)
	w := rawWriter(t, sends, "eeg", i)
	writeAll(t, w, []signal.Chunk{noise(i, 30, 3)})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	hang()
	if err := sends.Close(); err != nil {
		t.Error(err)
	}
}

// wire is an address that leads to a server, until hang is called: then nothing comes through any more, in either direction.
func wire(t *testing.T, to string) (url string, hang func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	there, err := net.Dial("tcp", strings.TrimPrefix(to, "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	var hangs atomic.Bool
	pipe := func(to, from net.Conn) {
		buf := make([]byte, 64<<10)
		for {
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			if hangs.Load() {
				continue
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
	}
	go func() {
		here, err := l.Accept()
		if err != nil {
			return
		}
		t.Cleanup(func() { _ = here.Close() })
		go pipe(here, there)
		pipe(there, here)
	}()
	t.Cleanup(func() { _, _ = l.Close(), there.Close() })
	return "nats://" + l.Addr().String(), func() { hangs.Store(true) }
}

// TestCtlBusy: verbs that take long keep others from being asked at some point, and closing ends them.
func TestCtlBusy(t *testing.T) {
	b := open(t, "")
	c, _ := listening(t, b, "lda")
	nc := plainClient(t, b.URL())
	replies := make(chan *nats.Msg, 20)
	inbox := nc.NewRespInbox()
	if _, err := nc.ChanSubscribe(inbox, replies); err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		req, err := json.Marshal(bus.Request{V: 1, Session: "s1", Decoder: "lda", ID: string(rune('a' + i)), Verb: "wait"})
		if err != nil {
			t.Fatal(err)
		}
		if err := nc.PublishRequest(bus.CtlSubject("s1"), inbox, req); err != nil {
			t.Fatal(err)
		}
	}
	next := func() bus.Reply {
		select {
		case m := <-replies:
			r, err := bus.ParseReply(m.Data)
			if err != nil {
				t.Fatal(err)
			}
			return r
		case <-time.After(patience):
			t.Fatal("no reply")
			return bus.Reply{}
		}
	}
	if r := next(); r.ID != "i" || !strings.Contains(r.Error, "8 requests are at work") {
		t.Errorf("the ninth: %+v", r)
	}
	// What is urgent is done all the same.
	req, err := json.Marshal(bus.Request{V: 1, Session: "s1", Decoder: "lda", ID: "now", Verb: "urgent"})
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.PublishRequest(bus.CtlSubject("s1"), inbox, req); err != nil {
		t.Fatal(err)
	}
	if r := next(); r.ID != "now" || !r.OK {
		t.Errorf("what is urgent: %+v", r)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		if r := next(); r.OK || !strings.Contains(r.Error, "canceled") {
			t.Errorf("ended: %+v", r)
		}
	}
}

// TestCtlCall: who is in the same process asks without the bus, and gets what the bus would have answered.
func TestCtlCall(t *testing.T) {
	b := open(t, "")
	c, told := listening(t, b, "lda")
	if r := c.Call(t.Context(), bus.Request{Verb: "join", Args: []string{"a", "b"}}); !r.OK || string(r.Result) != `{"joined":"a+b"}` || r.Decoder != "lda" || r.Run != 7 || r.ID == "" {
		t.Errorf("join a b: %+v", r)
	}
	for want, ask := range map[string][]string{
		"the model has 8 channels": {"fail"}, `unknown verb "jion"`: {"jion"}, "takes word [more]": {"join"}, "verb is": {"a b"}, "must be at most 16": append([]string{"join"}, make([]string, 17)...),
	} {
		if r := c.Call(t.Context(), bus.Request{Verb: ask[0], Args: ask[1:]}); r.OK || !strings.Contains(r.Error, want) {
			t.Errorf("%v: %+v, want %q", ask, r, want)
		}
	}
	if got := told.Load(); got != 6 {
		t.Errorf("%d requests were told, want 6", got)
	}
	if r := c.Call(t.Context(), bus.Request{Verb: "verbs"}); !r.OK || len(r.Verbs) != 5 || len(c.Verbs()) != 5 {
		t.Errorf("verbs: %+v", r)
	}
	if st := c.Stats(); st.Requests != 5 || st.Failed != 1 || st.Refused != 2 { // two break the schema and never get so far
		t.Errorf("%+v", st)
	}
	ctx, cancel := context.WithCancel(t.Context())
	waits := make(chan bus.Reply, 2)
	go func() { waits <- c.Call(ctx, bus.Request{Verb: "wait"}) }()
	cancel()
	if r := <-waits; r.OK {
		t.Errorf("a call whose context ended: %+v", r)
	}
	go func() { waits <- c.Call(t.Context(), bus.Request{Verb: "wait"}) }()
	for end := time.Now().Add(patience); c.Stats().Requests < 7 && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	if err := c.Close(); err != nil { // ends it, and waits
		t.Error(err)
	}
	if r := <-waits; r.OK {
		t.Errorf("a call when the decoder ends: %+v", r)
	}
	if r := c.Call(t.Context(), bus.Request{Verb: "join", Args: []string{"a"}}); r.OK || !strings.Contains(r.Error, "has ended") {
		t.Errorf("a call behind the end: %+v", r)
	}
}

// TestCtlFreshIsOfThisRun: a request that was meant for the decoder before it was started again does nothing, though it is of now.
func TestCtlFreshIsOfThisRun(t *testing.T) {
	b := open(t, "")
	c, _ := listening(t, b, "lda") // run 7
	var moved atomic.Int64
	c.Handle(bus.Verb{Name: "go", Fresh: true, Do: func(context.Context, []string) (any, error) { moved.Add(1); return nil, nil }})
	for run, want := range map[int64]string{0: "to run 0 of the decoder, this is run 7", 6: "to run 6", 8: "to run 8"} {
		if r := request(t, b, bus.Request{ID: strconv.FormatInt(run, 10), Verb: "go", Sent: time.Now().UnixNano(), Run: run}); r.OK || !strings.Contains(r.Error, want) {
			t.Errorf("run %d: %+v", run, r)
		}
	}
	if r := request(t, b, bus.Request{ID: "ours", Verb: "go", Sent: time.Now().UnixNano(), Run: 7}); !r.OK || moved.Load() != 1 {
		t.Errorf("%+v, %d moves", r, moved.Load())
	}
}

// TestCtlFreshIsDoneOnce: what lets something move is not done again, however many other requests came in between, nor where it says
// that it is of a later time; a verb is told when it was asked for.
func TestCtlFreshIsDoneOnce(t *testing.T) {
	b := open(t, "")
	c, _ := listening(t, b, "lda")
	done := make(chan int64, 10)
	c.Handle(bus.Verb{Name: "go", Fresh: true, Do: func(ctx context.Context, _ []string) (any, error) { done <- bus.SentAt(ctx); return nil, nil }})
	once := bus.Request{ID: "once", Verb: "go", Sent: time.Now().UnixNano(), Run: 7}
	if r := request(t, b, once); !r.OK {
		t.Fatalf("%+v", r)
	}
	if sent := <-done; sent != once.Sent {
		t.Errorf("told %d, sent at %d", sent, once.Sent)
	}
	for i := range 1030 { // refused for their arguments, and quickly
		c.Call(t.Context(), bus.Request{Verb: "fail", Args: []string{strconv.Itoa(i)}})
	}
	if r := request(t, b, once); r.OK || len(done) != 0 {
		t.Errorf("again: %+v, done %d times more", r, len(done))
	}
	if r := request(t, b, bus.Request{ID: "later", Verb: "go", Sent: time.Now().Add(time.Second).UnixNano(), Run: 7}); r.OK || !strings.Contains(r.Error, "was sent -1.0 s ago") {
		t.Errorf("of a second later: %+v", r)
	}
}

// request sends q as a client of another make does.
func request(t *testing.T, b *bus.Bus, q bus.Request) bus.Reply {
	t.Helper()
	q.V, q.Session, q.Decoder = bus.Version, "s1", "lda"
	data, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	m, err := plainClient(t, b.URL()).Request(bus.CtlSubject("s1"), data, patience)
	if err != nil {
		t.Fatal(err)
	}
	r, err := bus.ParseReply(m.Data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCtlCallOfOneWhoHasGone: what lets something move is not begun for somebody in this process who does not wait for it any more, nor
// twice for one request; what makes safe is done.
func TestCtlCallOfOneWhoHasGone(t *testing.T) {
	b := open(t, "")
	c, told := listening(t, b, "lda") // run 7
	var moved atomic.Int64
	c.Handle(bus.Verb{Name: "go", Fresh: true, Do: func(context.Context, []string) (any, error) { moved.Add(1); return nil, nil }})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	q := bus.Request{ID: "x", Verb: "go", Sent: time.Now().UnixNano(), Run: 7}
	if r := c.Call(gone, q); r.OK || !strings.Contains(r.Error, "whoever asked for it has gone: nothing was done") || moved.Load() != 0 {
		t.Errorf("%+v, %d moves", r, moved.Load())
	}
	if r := c.Call(gone, bus.Request{Verb: "urgent"}); !r.OK {
		t.Errorf("what makes safe: %+v", r)
	}
	q.ID = "y"
	if r := c.Call(t.Context(), q); !r.OK || r.ID != "y" || moved.Load() != 1 {
		t.Errorf("%+v, %d moves", r, moved.Load())
	}
	if r := c.Call(t.Context(), q); r.OK || !strings.Contains(r.Error, "nothing is done twice") || moved.Load() != 1 {
		t.Errorf("again: %+v, %d moves", r, moved.Load())
	}
	if s := c.Stats(); s.Refused != 2 || told.Load() != 4 {
		t.Errorf("%+v, %d told", s, told.Load())
	}
}
