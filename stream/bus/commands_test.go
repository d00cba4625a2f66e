package bus_test

import (
	"encoding/json"
	"errors"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

type arrived[T any] struct {
	v  T
	at time.Time
}

// commands subscribes and hands on through a channel with room for all.
func commands(t testing.TB, b *bus.Bus, decoder string) (<-chan arrived[bus.Command], *bus.Subscription) {
	t.Helper()
	ch := make(chan arrived[bus.Command], 10000)
	s, err := b.SubscribeCommands("s1", decoder, func(c bus.Command, at time.Time) { ch <- arrived[bus.Command]{c, at} })
	if err != nil {
		t.Fatal(err)
	}
	return ch, s
}

func newWriter(t testing.TB, b *bus.Bus) *bus.CommandWriter {
	t.Helper()
	w, err := bus.NewCommandWriter(b, "s1", "lda", 200*time.Millisecond, bus.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() }) // where the link is gone by then, it fails
	return w
}

func TestCommandArrives(t *testing.T) {
	b := open(t, "")
	ch, _ := commands(t, open(t, b.URL()), "lda")
	all, _ := commands(t, b, "*")
	clock := bus.NewClock()
	before := clock.Now()
	w, err := bus.NewCommandWriter(b, "s1", "lda", 200*time.Millisecond, clock)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	sample := clock.Now() - 40e6
	sent := []bus.Command{
		{TSample: sample, Kind: bus.KindClass, Label: "fists", Confidence: 0.75, Scores: []bus.Score{{Label: "feet", P: 0.25}, {Label: "fists", P: 0.75}}},
		{TSample: sample, Kind: bus.KindContinuous, Value: []float64{-0.1, 1e300}, ValidForMS: 50},
		{TSample: sample, Kind: bus.KindNone},
	}
	for k, c := range sent {
		if err := w.Publish(c); err != nil {
			t.Fatal(err)
		}
		got := receive(t, "the command", ch)
		if dup := receive(t, "the command at *", all); !cmp.Equal(dup.v, got.v) {
			t.Errorf("two subscribers got %+v and %+v", got.v, dup.v)
		}
		want := c
		want.V, want.Session, want.Decoder, want.Run, want.Seq = 1, "s1", "lda", w.Run(), uint64(k+1)
		if c.ValidForMS == 0 {
			want.ValidForMS = 200
		}
		want.State = bus.Actuate
		want.TPublish, want.AgeMS = got.v.TPublish, float64(got.v.TPublish-sample)/1e6
		if diff := cmp.Diff(want, got.v); diff != "" {
			t.Errorf("command %d (-want +got):\n%s", k, diff)
		}
		if got.v.TPublish < before || got.v.TPublish > clock.At(got.at) {
			t.Errorf("published at %d, after %d and before the arrival at %d", got.v.TPublish, before, clock.At(got.at))
		}
	}
	if w.Run() < before {
		t.Errorf("run is %d, must be the time of its start, after %d", w.Run(), before)
	}
	if st := w.Stats(); st.Sent != 3 || st.NotSent != 0 || st.Refused != 0 {
		t.Errorf("stats %+v, want three sent", st)
	}
}

func TestPublishRefuses(t *testing.T) {
	b := open(t, "")
	ch, _ := commands(t, b, "lda")
	w := newWriter(t, b)
	for _, tc := range []struct {
		want string
		c    bus.Command
	}{
		{"value 1 is NaN", bus.Command{Kind: bus.KindContinuous, Value: []float64{0, math.NaN()}}},
		{"value 0 is +Inf", bus.Command{Kind: bus.KindContinuous, Value: []float64{math.Inf(1)}}},
		{"value is empty", bus.Command{Kind: bus.KindContinuous}},
		{"label is empty", bus.Command{Kind: bus.KindClass}},
		{`label "up" is not among the scores`, bus.Command{Kind: bus.KindClass, Label: "up", Scores: []bus.Score{{Label: "down", P: 1}}}},
		{`score of "a" is NaN`, bus.Command{Kind: bus.KindNone, Scores: []bus.Score{{Label: "a", P: math.NaN()}}}},
		{`score of "a" is 1.5`, bus.Command{Kind: bus.KindNone, Scores: []bus.Score{{Label: "a", P: 1.5}}}},
		{"confidence is -1", bus.Command{Kind: bus.KindNone, Confidence: -1}},
		{"valid_for_ms is -1", bus.Command{Kind: bus.KindNone, ValidForMS: -1}},
		{`kind is ""`, bus.Command{}},
		{"at most 65536", bus.Command{Kind: bus.KindClass, Label: strings.Repeat("x", 70000)}},
	} {
		err := w.Publish(tc.c)
		wantError(t, err, tc.want)
		if errors.Is(err, bus.ErrNotSent) {
			t.Errorf("%v is ErrNotSent, which is about the link", err)
		}
	}
	if err := w.Publish(bus.Command{Kind: bus.KindNone}); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, "the good command", ch); got.v.Seq != 1 {
		t.Errorf("seq is %d, must be 1: what was refused has no number", got.v.Seq)
	}
	if st := w.Stats(); st.Refused != 11 || st.Sent != 1 || st.LastError == "" {
		t.Errorf("stats %+v, want 11 refused and one sent", st)
	}
	if _, err := bus.NewCommandWriter(b, "a.b", "lda", time.Second, bus.Clock{}); err == nil {
		t.Error("a session with a dot was accepted")
	}
	if _, err := bus.NewCommandWriter(b, "s1", "*", time.Second, bus.Clock{}); err == nil {
		t.Error("the decoder * was accepted for publishing")
	}
	if _, err := bus.NewCommandWriter(b, "s1", "lda", 0, bus.Clock{}); err == nil {
		t.Error("commands valid for 0 s were accepted")
	}
}

func TestHeartbeats(t *testing.T) {
	b := open(t, "")
	ch := make(chan arrived[bus.Status], 1000)
	sub, err := b.SubscribeStatus("s1", func(s bus.Status, at time.Time) { ch <- arrived[bus.Status]{s, at} })
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, b)
	var beats []arrived[bus.Status]
	for len(beats) < 9 {
		beats = append(beats, receive(t, "a heartbeat", ch))
		if len(beats) == 4 {
			if err := w.Publish(bus.Command{Kind: bus.KindNone}); err != nil {
				t.Fatal(err)
			}
		}
	}
	decoding := false
	for k, s := range beats {
		want := bus.Status{V: 1, Session: "s1", Decoder: "lda", Run: w.Run(), Seq: uint64(k + 1), TPublish: s.v.TPublish, State: bus.StateWaiting, Nonces: []string{}}
		decoding = decoding || k >= 4 && s.v.State == bus.StateDecoding // at 4, or later where the machine is busy
		if decoding {
			want.CmdSeq, want.State = 1, bus.StateDecoding
		}
		if diff := cmp.Diff(want, s.v); diff != "" {
			t.Errorf("heartbeat %d (-want +got):\n%s", k, diff)
		}
	}
	if !decoding {
		t.Error("no heartbeat says that the decoder decodes")
	}
	// One each HeartbeatInterval, and one at the change of state: of eight intervals seven are that long, less the lateness
	// of the first tick, and longer on a busy machine.
	if d := time.Duration(beats[8].v.TPublish - beats[0].v.TPublish); d < 6*bus.HeartbeatInterval {
		t.Errorf("eight intervals took %s, must be about %s", d, 7*bus.HeartbeatInterval)
	}
	if err := w.SetState(bus.StateWaiting); err != nil {
		t.Fatal(err)
	}
	eventually(t, "state waiting again", func() bool { return receive(t, "a heartbeat", ch).v.State == bus.StateWaiting })
	wantError(t, w.SetState(bus.StateEnded), "Close sends")
	for range 2 {
		if err := w.Close(); err != nil && !errors.Is(err, nats.ErrTimeout) { // of a busy machine, see end
			t.Fatal(err)
		}
	}
	eventually(t, "the end", func() bool { return receive(t, "the last heartbeat", ch).v.State == bus.StateEnded })
	for name, err := range map[string]error{"Publish": w.Publish(bus.Command{Kind: bus.KindNone}), "SetState": w.SetState(bus.StateWaiting)} {
		if !errors.Is(err, bus.ErrClosed) || !errors.Is(err, bus.ErrNotSent) {
			t.Errorf("%s after Close: %v, want ErrClosed and ErrNotSent", name, err)
		}
	}
	if err := sub.Close(); err != nil {
		t.Fatal(err)
	}
	if len(ch) > 0 {
		t.Errorf("a heartbeat followed the last: %+v", <-ch)
	}
	if got, st := sub.Stats(), w.Stats(); got.Received != st.Heartbeats || got.Malformed+got.Dropped != 0 {
		t.Errorf("received %+v, sent %+v", got, st)
	}
}

// TestChangeOfStateIsToldAtOnce looks at the order of the messages: the heartbeat that says "decoding" stands between the
// command that caused it and the next, whatever the time.
func TestChangeOfStateIsToldAtOnce(t *testing.T) {
	b := open(t, "")
	nc := plainClient(t, b.URL())
	msgs := make(chan *nats.Msg, 1000)
	if _, err := nc.ChanSubscribe("gyrus.s1.>", msgs); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, b)
	for round := range uint64(5) {
		for range 2 {
			if err := w.Publish(bus.Command{Kind: bus.KindNone}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.SetState(bus.StateWaiting); err != nil {
			t.Fatal(err)
		}
		next := func() *nats.Msg { return receive(t, "a message", msgs) }
		m := next()
		for m.Subject != "gyrus.s1.cmd.lda" {
			m = next()
		}
		status, err := bus.ParseStatus(next().Data)
		if err != nil {
			t.Fatalf("behind the first command: %v, want a heartbeat", err)
		}
		if status.State != bus.StateDecoding || status.CmdSeq != 2*round+1 {
			t.Errorf("the heartbeat behind command %d is %+v, must say decoding", 2*round+1, status)
		}
		for m = next(); m.Subject != "gyrus.s1.cmd.lda"; m = next() {
		}
		for m = next(); !strings.Contains(string(m.Data), "waiting"); m = next() {
			if m.Subject != "gyrus.s1.status" {
				t.Fatalf("a message on %s before the heartbeat of SetState", m.Subject)
			}
		}
	}
	if st := w.Stats(); st.Sent != 10 || st.LastError != "" {
		t.Errorf("stats %+v, want ten sent", st)
	}
}

// In shadow each command says so and is valid for no time at all, which controllers that know no state refuse as well; a heartbeat
// says it at once, before any command. What c says itself does not count.
func TestShadow(t *testing.T) {
	b := open(t, "")
	ch, _ := commands(t, b, "lda")
	status := make(chan bus.Status, 1000)
	if _, err := b.SubscribeStatus("s1", func(s bus.Status, _ time.Time) { status <- s }); err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, b)
	for _, on := range []bool{false, true, true, false} {
		if err := w.SetShadow(on); err != nil {
			t.Fatal(err)
		}
		state, valid := bus.Actuate, 200.0
		if on {
			state, valid = bus.Shadow, 0
		}
		if w.Intent() != state {
			t.Errorf("the writer is in %s, want %s", w.Intent(), state)
		}
		for s := range status { // at most those of before the change
			if s.Shadow == on {
				break
			}
		}
		for _, c := range []bus.Command{{}, {State: bus.Shadow, ValidForMS: 500}, {State: bus.Actuate, ValidForMS: 500}} {
			want := valid
			if c.ValidForMS != 0 && !on {
				want = 500
			}
			c.Kind = bus.KindNone
			if err := w.Publish(c); err != nil {
				t.Fatal(err)
			}
			if got := receive(t, "the command", ch); got.v.State != state || got.v.ValidForMS != want {
				t.Errorf("in shadow %t: %+v", on, got.v)
			}
		}
	}
	if st := w.Stats(); st.Sent != 12 || st.Shadow != 6 {
		t.Errorf("%+v, want 12 sent, 6 of them in shadow", st)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.SetShadow(true); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("behind the end: %v", err)
	}
}

func TestLabelWithoutScores(t *testing.T) {
	b := open(t, "")
	ch, _ := commands(t, b, "lda")
	if err := newWriter(t, b).Publish(bus.Command{Kind: bus.KindClass, Label: "fists"}); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, "the command", ch); got.v.Label != "fists" || got.v.Scores != nil {
		t.Errorf("got %+v, want the label and no scores", got.v)
	}
}

func TestRival(t *testing.T) {
	b := open(t, "")
	elsewhere := open(t, b.URL())
	writer := func(on *bus.Bus, decoder string) *bus.CommandWriter {
		w, err := bus.NewCommandWriter(on, "s1", decoder, time.Second, bus.Clock{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = w.Close() })
		return w
	}
	first := writer(b, "lda")
	rivals := make(chan int64, 100)
	first.OnRival(func(run int64) { rivals <- run })
	other := writer(elsewhere, "csp")
	older := bus.Status{V: 1, Session: "s1", Decoder: "lda", Run: first.Run() - 1, Seq: 1, State: bus.StateEnded}
	publish := func(s bus.Status) {
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		nc := plainClient(t, b.URL())
		if err := errors.Join(nc.Publish("gyrus.s1.status", data), nc.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	publish(older)
	second := writer(elsewhere, "lda")
	if run := receive(t, "the rival", rivals); run != second.Run() {
		t.Errorf("rival is run %d, want %d: not the writer itself, an older run, or another decoder", run, second.Run())
	}
	// Who asks late is told too, once; and each newer run is told once, however many heartbeats it sends.
	late := make(chan int64, 100)
	first.OnRival(func(run int64) { late <- run })
	if len(late) != 1 || <-late != second.Run() {
		t.Error("OnRival did not tell of the rival that is known")
	}
	third := older
	third.Run = second.Run() + 1
	for range 3 {
		third.Seq++
		publish(third)
	}
	if run := receive(t, "the second rival", late); run != third.Run {
		t.Errorf("rival is run %d, want %d", run, third.Run)
	}
	beats := second.Stats().Heartbeats
	eventually(t, "more heartbeats of the second writer", func() bool { return second.Stats().Heartbeats > beats+1 })
	first.OnRival(nil)
	if len(late)+len(rivals) > 0 {
		t.Error("a rival was told of twice")
	}
	st := first.Stats()
	if st.Rivals != 2 || !strings.Contains(st.LastError, "decoder lda of session s1 was started again") {
		t.Errorf("stats %+v, want two rivals and a word about them", st)
	}
	if st := second.Stats(); st.Rivals != 1 {
		t.Errorf("second writer: %+v, want one rival, the third", st)
	}
	if st := other.Stats(); st.Rivals != 0 {
		t.Errorf("another decoder: %+v, want no rival", st)
	}
}

// TestWriterWithoutALink begins a run while the server is away: it must not wait, and hear rivals when the link is back.
func TestWriterWithoutALink(t *testing.T) {
	s := startServer(t, -1)
	port := s.Addr().(*net.TCPAddr).Port
	b := open(t, s.ClientURL())
	links := make(chan bool, 10)
	b.OnLink(func(up bool) { links <- up })
	stopServer(s)
	receive(t, "the loss of the link", links)
	begin := time.Now()
	first := newWriter(t, b)
	if d := time.Since(begin); d > time.Second { // it does not ask the server
		t.Errorf("NewCommandWriter blocked for %s", d)
	}
	eventually(t, "a heartbeat that is lost", func() bool { return first.Stats().HeartbeatsNotSent > 0 })
	s = startServer(t, port)
	t.Cleanup(func() { stopServer(s) })
	receive(t, "the link", links)
	newWriter(t, b)
	eventually(t, "the rival", func() bool { return first.Stats().Rivals == 1 })
	if err := b.Close(); err != nil { // before the server
		t.Error(err)
	}
}

func TestMalformedIsCountedAndNotDelivered(t *testing.T) {
	b := open(t, "")
	ch, sub := commands(t, b, "*")
	status := make(chan bus.Status, 100)
	statusSub, err := b.SubscribeStatus("s1", func(s bus.Status, _ time.Time) { status <- s })
	if err != nil {
		t.Fatal(err)
	}
	nc := plainClient(t, b.URL())
	good := bus.Command{V: 1, Session: "s1", Decoder: "lda", Run: 5, Seq: 1, TPublish: 5, ValidForMS: 100, State: bus.Actuate, Kind: bus.KindNone}
	with := func(change func(*bus.Command)) string {
		c := good
		change(&c)
		data, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	bad := []string{
		"", "{", "null", "[]", `"text"`, "\xff\xfe", `{"v":1}`,
		strings.Repeat("x", 1<<20),                         // 1 MB
		`{"v":1,"session":"` + strings.Repeat("s", 1<<19),  // and of JSON
		with(func(c *bus.Command) { c.V = 2 }),             // later version
		with(func(c *bus.Command) { c.Session = "s2" }),    // another session than the subject's
		with(func(c *bus.Command) { c.Decoder = "other" }), // another decoder
		with(func(c *bus.Command) { c.Seq = 0 }),
		with(func(c *bus.Command) { c.Run = 0 }),
		with(func(c *bus.Command) { c.ValidForMS = 0 }),
		with(func(c *bus.Command) { c.Kind = "halt" }),
		with(func(c *bus.Command) { c.State = "live" }),
		with(func(c *bus.Command) { c.State, c.ValidForMS = bus.Shadow, -1 }),
		strings.Replace(with(func(*bus.Command) {}), `"state":"actuate",`, "", 1), // nobody said that it may be acted on
		strings.Replace(with(func(*bus.Command) {}), `"valid_for_ms":100`, `"valid_for_ms":NaN`, 1),
		strings.Replace(with(func(*bus.Command) {}), `"valid_for_ms":100`, `"valid_for_ms":1e999`, 1),
		strings.Replace(with(func(*bus.Command) {}), `"seq":1`, `"seq":-1`, 1),
		with(func(*bus.Command) {}) + "{}",
	}
	for _, s := range bad {
		if err := errors.Join(nc.Publish("gyrus.s1.cmd.lda", []byte(s)), nc.Publish("gyrus.s1.status", []byte(s))); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(
		nc.Publish("gyrus.s1.cmd.lda", []byte(with(func(*bus.Command) {}))),
		nc.Publish("gyrus.s1.status", []byte(`{"v":1,"session":"s1","decoder":"lda","run":5,"seq":1,"state":"asleep"}`)),
		nc.Publish("gyrus.s1.status", []byte(`{"v":1,"session":"s1","decoder":"lda","run":5,"seq":1,"state":"waiting"}`)),
	); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, "the good command", ch); !cmp.Equal(got.v, good) {
		t.Errorf("got %+v, want %+v", got.v, good)
	}
	if got := receive(t, "the good heartbeat", status); got.State != bus.StateWaiting {
		t.Errorf("got %+v, want the one that waits", got)
	}
	if st := sub.Stats(); st.Malformed != uint64(len(bad)) || st.Received != 1 || !strings.Contains(st.LastError, "gyrus.s1.cmd.lda") {
		t.Errorf("commands: %+v, want %d malformed and one received", st, len(bad))
	}
	if st := statusSub.Stats(); st.Malformed != uint64(len(bad))+1 || st.Received != 1 {
		t.Errorf("heartbeats: %+v, want %d malformed and one received", st, len(bad)+1)
	}
	if _, err := b.SubscribeCommands("s1", "a.*", nil); err == nil {
		t.Error("the decoder a.* was accepted")
	}
	if _, err := b.SubscribeStatus(">", nil); err == nil {
		t.Error("the session > was accepted")
	}
}

func TestBlockedCallbackIsCounted(t *testing.T) {
	b := open(t, "")
	enter, leave := make(chan struct{}, 1000), make(chan struct{})
	sub, err := b.SubscribeCommands("s1", "lda", func(bus.Command, time.Time) { enter <- struct{}{}; <-leave })
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, b)
	for range 500 {
		if err := w.Publish(bus.Command{Kind: bus.KindNone}); err != nil {
			t.Fatal(err)
		}
	}
	receive(t, "the first command", enter)
	eventually(t, "a count of what was dropped", func() bool { st := sub.Stats(); return st.Received+st.Dropped >= 500-64 && st.Dropped > 0 })
	eventually(t, "the alarm", func() bool { return b.Stats().Slow > 0 })
	close(leave)
	if err := sub.Close(); err != nil {
		t.Fatal(err)
	}
	if got := sub.Stats().Dropped; got < 400 {
		t.Errorf("%d dropped after Close, must be kept", got)
	}
}

// TestRestartDeliversNothingOld stops the server, publishes into the void, and starts it again on the same port.
func TestRestartDeliversNothingOld(t *testing.T) {
	s := startServer(t, -1)
	port := s.Addr().(*net.TCPAddr).Port
	url := s.ClientURL()
	sender, receiver := open(t, url), open(t, url)
	ch, _ := commands(t, receiver, "lda")
	w := newWriter(t, sender)
	links := make(chan bool, 100)
	stop := sender.OnLink(func(up bool) { links <- up })
	muted := sender.OnLink(func(bool) { t.Error("called after stop") })
	muted()

	if err := w.Publish(bus.Command{Kind: bus.KindNone}); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, "the first command", ch); got.v.Seq != 1 {
		t.Fatalf("seq %d, want 1", got.v.Seq)
	}
	stopServer(s)
	// At once, while the client may not have noticed, and again when it has.
	var lost uint64
	publish := func() {
		begin := time.Now()
		err := w.Publish(bus.Command{Kind: bus.KindNone})
		if d := time.Since(begin); d > time.Second { // it may block for 250 ms, and the machine may be busy
			t.Errorf("Publish blocked for %s", d)
		}
		if err != nil {
			if !errors.Is(err, bus.ErrNotSent) {
				t.Errorf("error %v, want ErrNotSent", err)
			}
			lost++
		}
	}
	for range 50 {
		publish()
	}
	if up := receive(t, "the loss of the link", links); up {
		t.Error("told that the link is up, want down")
	}
	early := lost
	for range 50 {
		publish()
	}
	if lost != early+50 {
		t.Errorf("%d of 50 commands failed without a link, want all", lost-early)
	}
	if sender.Connected() || sender.Stats().Connected {
		t.Error("says it is connected")
	}
	if st := w.Stats(); st.NotSent != lost || st.Sent != 101-lost {
		t.Errorf("stats %+v, want %d not sent", st, lost)
	}

	begin := time.Now()
	s = startServer(t, port)
	t.Cleanup(func() { stopServer(s) })
	if up := receive(t, "the link", links); !up {
		t.Error("told that the link is down, want up")
	}
	t.Logf("link back %s after the server, %d of 100 commands failed", time.Since(begin).Round(time.Millisecond), lost)
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("the link took %s to come back", d)
	}
	eventually(t, "the receiver's link", receiver.Connected)
	// The receiver subscribes anew by itself; a command that comes before that is lost like any other.
	var got arrived[bus.Command]
	eventually(t, "a new command", func() bool {
		if err := w.Publish(bus.Command{Kind: bus.KindNone}); err != nil {
			return false
		}
		select {
		case got = <-ch:
			return true
		case <-time.After(50 * time.Millisecond):
			return false
		}
	})
	if got.v.Seq <= 101 {
		t.Errorf("the command %d of before the restart was delivered after it", got.v.Seq)
	}
	if got.v.Run != w.Run() {
		t.Errorf("run changed from %d to %d", w.Run(), got.v.Run)
	}
	st := sender.Stats()
	if st.Disconnects != 1 || st.Reconnects != 1 || !st.Connected {
		t.Errorf("stats %+v, want one loss and one recovery", st)
	}
	stop()
	for _, end := range []func() error{w.Close, sender.Close, receiver.Close} { // before the server
		if err := end(); err != nil {
			t.Error(err)
		}
	}
}

func TestClosedBus(t *testing.T) {
	b := open(t, "")
	w := newWriter(t, b)
	_, sub := commands(t, b, "lda")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Publish(bus.Command{Kind: bus.KindNone}); !errors.Is(err, bus.ErrNotSent) || !errors.Is(err, bus.ErrClosed) {
		t.Errorf("Publish: %v, want ErrNotSent and ErrClosed", err)
	}
	if err := w.Close(); !errors.Is(err, bus.ErrNotSent) {
		t.Errorf("Close of the writer: %v, want ErrNotSent", err)
	}
	for range 2 {
		if err := sub.Close(); err != nil {
			t.Errorf("Close of the subscription: %v", err)
		}
	}
	if _, err := b.SubscribeCommands("s1", "lda", nil); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("SubscribeCommands: %v, want ErrClosed", err)
	}
	if _, err := bus.NewCommandWriter(b, "s1", "lda", time.Second, bus.Clock{}); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("NewCommandWriter: %v, want ErrClosed", err)
	}
}
