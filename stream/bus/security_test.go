package bus_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
)

// logged is a log that the test reads while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *logged) says(t *testing.T, parts ...string) {
	t.Helper()
	for _, p := range parts {
		eventually(t, fmt.Sprintf("the log to say %q; it says %s", p, l), func() bool { return strings.Contains(l.String(), p) })
	}
}

// operator makes an operator's directory whose servers listen on free ports of the loopback interface.
func operator(t *testing.T, change func(*bus.BrokerConfig)) *bus.Operator {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "op")
	if err := bus.InitOperator(dir, bus.InitOptions{Names: []string{"lab.example.org", "192.0.2.7"}}); err != nil {
		t.Fatal(err)
	}
	op, err := bus.ReadOperator(dir)
	if err != nil {
		t.Fatal(err)
	}
	op.Config.Listen, op.Config.Audit.Dir = "127.0.0.1:0", ""
	if change != nil {
		change(&op.Config)
	}
	return op
}

// broker starts one and ends it with the test.
func broker(t *testing.T, op *bus.Operator, log *slog.Logger) *bus.Broker {
	t.Helper()
	b, err := bus.StartBroker(bus.BrokerOptions{Operator: op, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close the broker: %v", err)
		}
	})
	return b
}

// options are those of a client with a role.
func options(op *bus.Operator, url string, role bus.Role) bus.Options {
	return bus.Options{URL: url, Credentials: op.Seed(role), CA: op.CA(), Timeout: patience.Seconds()}
}

func as(t *testing.T, op *bus.Operator, url string, role bus.Role, log *slog.Logger) *bus.Bus {
	t.Helper()
	o := options(op, url, role)
	o.Log = log
	return openWith(t, o)
}

// openWith opens a client and closes it with the test.
func openWith(t *testing.T, o bus.Options) *bus.Bus {
	t.Helper()
	b, err := bus.Open(context.Background(), o)
	if err != nil {
		t.Fatalf("%s: %v", o.Credentials, err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil && !errors.Is(err, nats.ErrTimeout) {
			t.Errorf("%s: %v", o.Credentials, err)
		}
	})
	return b
}

// plainAs is a client without any of ours, with the key of a role, as an attacker who has it would write one.
func plainAs(t *testing.T, op *bus.Operator, url string, role bus.Role, more ...nats.Option) (nc *nats.Conn, refused *atomic.Uint64) {
	t.Helper()
	return plainWith(t, op, url, op.Seed(role), more...)
}

// plainWith is plainAs with the key in a file.
func plainWith(t *testing.T, op *bus.Operator, url, seed string, more ...nats.Option) (nc *nats.Conn, refused *atomic.Uint64) {
	t.Helper()
	key, err := nats.NkeyOptionFromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	refused = new(atomic.Uint64)
	closed := make(chan struct{})
	nc, err = nats.Connect(url, append([]nats.Option{
		key, nats.RootCAs(op.CA()), nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				refused.Add(1)
			}
		}),
	}, more...)...)
	if err != nil {
		t.Fatalf("%s: %v", seed, err)
	}
	t.Cleanup(func() { nc.Close(); <-closed })
	return nc, refused
}

// publicKey is that of a role.
func publicKey(t *testing.T, op *bus.Operator, role bus.Role) string {
	t.Helper()
	return publicOf(t, op.Seed(role))
}

// publicOf is the public key of a seed in a file.
func publicOf(t *testing.T, file string) string {
	t.Helper()
	seed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := nkeys.FromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestRoles is the table of docs/security.md, written out: what each role may do with each subject, asked of a running
// server by a client that has the key and none of our code. What is not in the table is refused.
func TestRoles(t *testing.T) {
	op := operator(t, nil)
	b := broker(t, op, nil)
	// Answers to requests and to stops go to inboxes of their own: who writes the one may not write the other.
	box := func(r bus.Role, kind string) string { return "_INBOX." + publicKey(t, op, r) + "." + kind + ".1" }
	asked, stopped, decStopped, held := box(bus.RoleOperator, "ctl"), box(bus.RoleOperator, "stop"), box(bus.RoleDecoder, "stop"), box(bus.RoleDecoder, "held")
	subjects := []string{
		"gyrus.s1.cmd.lda", "gyrus.s1.status", "gyrus.s1.raw.eeg", "gyrus.s1.raw.eeg.schema", "gyrus.s1.feedback.lda", "gyrus.s1.actuator.lda", "gyrus.s1.ctl", "gyrus.s1.stop",
		"gyrus.s1.telemetry.lda", "gyrus.s1.telemetry.lda.cue", asked, stopped, decStopped, held, box(bus.RoleDecoder, "ctl"), box(bus.RoleOperator, "held"), box(bus.RoleOperator, "x"),
		"_INBOX." + publicKey(t, op, bus.RoleOperator) + ".1", box(bus.RoleViewer, "ctl"), box(bus.RoleController, "stop"), "_INBOX.x.1", "_INBOX.>", "gyrus.s1.cmd.lda.more", "gyrus.s1.other", "gyrus.>", ">", "gyrus.*.>",
		"gyrus.*.*.*", "*.*.*.*", "audit.gyrus.s1.cmd.lda", "$JS.API.INFO", "$SYS.REQ.SERVER.PING", "anything",
	}
	raw := []string{"gyrus.s1.raw.eeg", "gyrus.s1.raw.eeg.schema"}
	with := func(more ...string) []string { return append(slices.Clone(raw), more...) }
	allowed := map[bus.Role]struct{ publish, subscribe []string }{
		bus.RoleDecoder: {
			with("gyrus.s1.cmd.lda", "gyrus.s1.status", "gyrus.s1.stop", "gyrus.s1.telemetry.lda", "gyrus.s1.telemetry.lda.cue", asked, held),
			with("gyrus.s1.status", "gyrus.s1.feedback.lda", "gyrus.s1.actuator.lda", "gyrus.s1.ctl", "gyrus.s1.stop", decStopped, held),
		},
		bus.RoleSource:     {raw, nil},
		bus.RoleController: {[]string{"gyrus.s1.feedback.lda", "gyrus.s1.actuator.lda", stopped, decStopped, held}, []string{"gyrus.s1.cmd.lda", "gyrus.s1.status", "gyrus.s1.stop"}},
		bus.RoleViewer:     {nil, with("gyrus.s1.cmd.lda", "gyrus.s1.status", "gyrus.s1.feedback.lda", "gyrus.s1.actuator.lda", "gyrus.s1.telemetry.lda", "gyrus.s1.telemetry.lda.cue", "gyrus.s1.stop")},
		bus.RoleOperator:   {[]string{"gyrus.s1.ctl", "gyrus.s1.stop"}, []string{"gyrus.s1.cmd.lda", "gyrus.s1.status", "gyrus.s1.feedback.lda", "gyrus.s1.actuator.lda", "gyrus.s1.telemetry.lda", "gyrus.s1.telemetry.lda.cue", "gyrus.s1.stop", asked, stopped}},
		bus.RoleAuditor:    {nil, []string{"gyrus.s1.cmd.lda", "gyrus.s1.feedback.lda", "gyrus.s1.ctl", "gyrus.s1.stop"}},
	}
	if len(allowed) != len(bus.Roles()) {
		t.Fatalf("the table has %d roles, there are %v", len(allowed), bus.Roles())
	}
	for role, may := range allowed {
		t.Run(string(role), func(t *testing.T) {
			nc, refused := plainAs(t, op, b.URL(), role)
			mayOnly(t, nc, refused, may.publish, may.subscribe, subjects)
		})
	}
}

// mayOnly tries every subject: the client may do what is listed, and nothing else with any of subjects.
func mayOnly(t *testing.T, nc *nats.Conn, refused *atomic.Uint64, publish, subscribe, subjects []string) {
	t.Helper()
	try := func(what, subject string, do func() error, want bool) {
		t.Helper()
		before := refused.Load()
		if err := errors.Join(do(), nc.FlushTimeout(patience)); err != nil {
			t.Fatalf("%s %s: %v", what, subject, err)
		}
		// The refusal, if any, came before the answer to the flush; its handler runs on a goroutine of its own.
		if want {
			if err := nc.LastError(); err != nil && strings.Contains(err.Error(), `"`+subject+`"`) {
				t.Errorf("may not %s %s, must", what, subject)
			}
			return
		}
		eventually(t, "the refusal of "+what+" "+subject, func() bool { return refused.Load() > before })
	}
	for _, s := range publish {
		try("publish", s, func() error { return nc.Publish(s, nil) }, true)
	}
	for _, s := range subscribe {
		try("subscribe", s, func() error { _, err := nc.Subscribe(s, func(*nats.Msg) {}); return err }, true)
	}
	for _, s := range subjects {
		if !slices.Contains(publish, s) && !strings.ContainsAny(s, "*>") {
			try("publish", s, func() error { return nc.Publish(s, nil) }, false)
		}
		if !slices.Contains(subscribe, s) {
			try("subscribe", s, func() error { _, err := nc.Subscribe(s, func(*nats.Msg) {}); return err }, false)
		}
	}
}

// valid is the JSON of a command that its receiver would act on, were it not for where it comes from.
func valid(t *testing.T, run int64, seq uint64) []byte {
	t.Helper()
	now := time.Now().UnixNano()
	data, err := json.Marshal(bus.Command{
		V: 1, Session: "s1", Decoder: "lda", Run: run, Seq: seq, TSample: now, TPublish: now, ValidForMS: 1000, State: bus.Actuate, Kind: bus.KindClass, Label: "left",
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// follower is a controller that counts what it would have done.
type follower struct {
	*control.Receiver
	accepted atomic.Uint64
	newest   atomic.Uint64 // Seq of the newest accepted command

	mu     sync.Mutex
	since  time.Time
	oldest int64 // smallest t_publish_ns of the accepted commands that arrived since
}

// from looks for the oldest command among those that arrive from at on. One that came before may still be on its way to be counted.
func (f *follower) from(at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.since, f.oldest = at, 1<<62
}

func (f *follower) eldest() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.oldest
}

func follow(t *testing.T, b *bus.Bus) *follower {
	t.Helper()
	f := new(follower)
	f.from(time.Time{})
	rec, err := control.New(b, control.Options{Session: "s1", Decoder: "lda", OnCommand: func(c bus.Command, arrival time.Time, v control.Verdict) {
		if v != control.Accepted {
			b.LogRefused(string(v), slog.Uint64("seq", c.Seq), slog.Int64("run", c.Run))
			return
		}
		f.accepted.Add(1)
		f.newest.Store(c.Seq)
		f.mu.Lock()
		defer f.mu.Unlock()
		if !arrival.Before(f.since) {
			f.oldest = min(f.oldest, c.TPublish)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	})
	f.Receiver = rec
	return f
}

// decode publishes commands every 10 ms until the test ends or stop is called.
func decode(t *testing.T, b *bus.Bus) (w *bus.CommandWriter, stop func()) {
	t.Helper()
	w, err := bus.NewCommandWriter(b, "s1", "lda", time.Second, bus.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	clock := bus.NewClock()
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = w.Publish(bus.Command{TSample: clock.Now(), Kind: bus.KindClass, Label: "left"}) // counted in Stats
			case <-quit:
				return
			}
		}
	}()
	stop = sync.OnceFunc(func() {
		close(quit)
		<-done
		_ = w.Close() // without a link the end cannot be sent
	})
	t.Cleanup(stop)
	return w, stop
}

// TestViewerCannotCommand: a client with the viewer's key that publishes a command is refused, logged and counted, and
// the controller never sees it.
func TestViewerCannotCommand(t *testing.T) {
	var log logged
	op := operator(t, nil)
	b := broker(t, op, log.logger())
	f := follow(t, as(t, op, b.URL(), bus.RoleController, nil))
	decode(t, as(t, op, b.URL(), bus.RoleDecoder, nil))
	eventually(t, "the controller to move", func() bool { return f.accepted.Load() > 10 })

	before := b.Stats().Errors
	for _, role := range []bus.Role{bus.RoleViewer, bus.RoleController, bus.RoleSource, bus.RoleOperator, bus.RoleAuditor} {
		nc, refused := plainAs(t, op, b.URL(), role)
		const run = int64(1) << 62 // newer than any: if it came through, the controller would follow it
		for seq := range uint64(10) {
			if err := nc.Publish("gyrus.s1.cmd.lda", valid(t, run, seq+1)); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, string(role)+" to be told", func() bool { return refused.Load() == 10 })
		// Our own client does not even begin.
		if _, err := bus.NewCommandWriter(as(t, op, b.URL(), role, nil), "s1", "lda", time.Second, bus.Clock{}); err == nil {
			t.Errorf("%s begins to decode", role)
		} else {
			wantError(t, err, "role", "gyrus.s1.status")
		}
	}
	log.says(t, "Publish Violation", "gyrus.s1.cmd.lda")
	if n := b.Stats().Errors - before; n < 50 {
		t.Errorf("the server counts %d refusals, want 50 or more", n)
	}
	if n := f.Counters(); n.OldRun+n.Malformed+n.Foreign > 0 || f.newest.Load() > 1<<40 {
		t.Errorf("the controller saw something: %+v", n)
	}
	if a, ok := f.Current(); !ok {
		t.Errorf("the controller stands: %s", a.Reason)
	}
}

// TestBadCredentials: no key, an unknown key, another operator's server, a key that others may read.
func TestBadCredentials(t *testing.T) {
	var log logged
	op, stranger := operator(t, nil), operator(t, nil)
	b := broker(t, op, log.logger())
	for name, tc := range map[string]struct {
		o    bus.Options
		want []string
	}{
		"no key":               {bus.Options{URL: b.URL(), CA: op.CA()}, []string{"refuses this client", "give credentials"}},
		"a key of others":      {bus.Options{URL: b.URL(), CA: op.CA(), Credentials: stranger.Seed(bus.RoleDecoder)}, []string{"refuses this client", "not among the keys"}},
		"password":             {bus.Options{URL: strings.Replace(b.URL(), "://", "://me:secret@", 1), CA: op.CA()}, []string{"refuses this client"}},
		"another authority":    {options(stranger, b.URL(), bus.RoleDecoder), []string{"not to be trusted", "ca.crt"}},
		"system's authority":   {bus.Options{URL: b.URL(), Credentials: op.Seed(bus.RoleViewer)}, []string{"not to be trusted", "ca.crt"}},
		"no file":              {bus.Options{URL: b.URL(), CA: op.CA(), Credentials: "none.nk"}, []string{"none.nk"}},
		"no certificate":       {bus.Options{URL: b.URL(), CA: op.Seed(bus.RoleViewer), Credentials: op.Seed(bus.RoleViewer)}, []string{"holds no PEM certificate"}},
		"no seed":              {bus.Options{URL: b.URL(), CA: op.CA(), Credentials: filepath.Join(op.Dir, "server.crt")}, []string{"holds no NKey seed"}},
		"a server without TLS": {bus.Options{URL: open(t, "").URL(), CA: op.CA()}, []string{"has no TLS"}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.o.Timeout = 2
			_, err := bus.Open(context.Background(), tc.o)
			wantError(t, err, tc.want...)
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "SU") {
				t.Errorf("%q shows a secret", err)
			}
		})
	}
	log.says(t, "authentication error")
	if st := b.Stats(); st.Errors < 3 {
		t.Errorf("the server counts %d refusals, want 3 or more", st.Errors)
	}
	if strings.Contains(log.String(), "secret") {
		t.Errorf("the log shows the password: %s", log.String())
	}
	if runtime.GOOS != "windows" {
		if err := os.Chmod(op.Seed(bus.RoleViewer), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := bus.Open(context.Background(), options(op, b.URL(), bus.RoleViewer))
		wantError(t, err, "others may read it", "chmod 600")
	}
}

// TestKeyTakenOut: a key that is no longer in broker.yaml is refused.
func TestKeyTakenOut(t *testing.T) {
	op := operator(t, func(c *bus.BrokerConfig) { delete(c.Keys, bus.RoleController) })
	b := broker(t, op, nil)
	_, err := bus.Open(context.Background(), options(op, b.URL(), bus.RoleController))
	wantError(t, err, "not among the keys")
	as(t, op, b.URL(), bus.RoleViewer, nil)
}

// TestPlainTextToTLS: whoever speaks plain text to the port gets nothing but the greeting, and is logged.
func TestPlainTextToTLS(t *testing.T) {
	var log logged
	op := operator(t, nil)
	b := broker(t, op, log.logger())
	u, err := url.Parse(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	f := follow(t, as(t, op, b.URL(), bus.RoleController, nil))
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	cmd := valid(t, 1<<62, 1)
	if _, err := fmt.Fprintf(c, "CONNECT {\"verbose\":true}\r\nPUB gyrus.s1.cmd.lda %d\r\n%s\r\nPING\r\n", len(cmd), cmd); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for in := bufio.NewScanner(c); in.Scan(); {
		if text := in.Text(); strings.HasPrefix(text, "+OK") || strings.HasPrefix(text, "PONG") {
			t.Errorf("the server answers %q", text)
		}
	}
	log.says(t, "TLS handshake error")
	if n := f.Counters(); n.Received != 0 {
		t.Errorf("the controller received %d commands", n.Received)
	}
	// An old version of TLS neither.
	old, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = old.Close() }()
	if _, err := bufio.NewReader(old).ReadString('\n'); err != nil { // the greeting
		t.Fatal(err)
	}
	err = tls.Client(old, &tls.Config{MaxVersion: tls.VersionTLS12, InsecureSkipVerify: true}).Handshake() // the test is about the other side
	wantError(t, err, "version")
}

// TestBadMessages: a megabyte, more than that, and what is no command, from a client with the decoder's key: refused,
// logged, counted, and the controller goes on with what is good.
func TestBadMessages(t *testing.T) {
	var log, serverSays logged
	op := operator(t, nil)
	b := broker(t, op, serverSays.logger())
	f := follow(t, as(t, op, b.URL(), bus.RoleController, log.logger()))
	decode(t, as(t, op, b.URL(), bus.RoleDecoder, nil))
	eventually(t, "the controller to move", func() bool { return f.accepted.Load() > 10 })
	nc, _ := plainAs(t, op, b.URL(), bus.RoleDecoder)
	bad := map[string][]byte{
		"1 MB":            bytes.Repeat([]byte("x"), 1_000_000),
		"1 MB of JSON":    []byte(`{"v":1,"label":"` + strings.Repeat("x", 1_000_000) + `"}`),
		"empty":           {},
		"no JSON":         []byte("left"),
		"half":            valid(t, 1<<62, 1)[:60],
		"binary":          {0xff, 0, 0xfe, 1},
		"another session": bytes.Replace(valid(t, 1<<62, 1), []byte(`"s1"`), []byte(`"s2"`), 1),
		"another version": bytes.Replace(valid(t, 1<<62, 1), []byte(`"v":1`), []byte(`"v":2`), 1),
		"deep":            []byte(strings.Repeat("[", 60_000)),
		"a huge number":   []byte(`{"v":1,"session":"s1","decoder":"lda","run":1e400,"seq":1}`),
		"NaN":             []byte(`{"v":1,"session":"s1","decoder":"lda","run":1,"seq":1,"valid_for_ms":NaN}`),
	}
	for name, data := range bad {
		if err := nc.Publish("gyrus.s1.cmd.lda", data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := nc.Publish("gyrus.s1.status", data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	eventually(t, "all of them to be counted", func() bool {
		n := f.Counters()
		return n.Malformed == uint64(len(bad)) && n.HeartbeatsRefused == uint64(len(bad))
	})
	log.says(t, "why=malformed", "gyrus.s1.")
	was := f.accepted.Load()
	eventually(t, "the controller to go on", func() bool { return f.accepted.Load() > was+10 })

	// More than the server takes: it ends the connection.
	if err := nc.Publish("gyrus.s1.cmd.lda", make([]byte, 2<<20)); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("the client sends 2 MiB: %v", err)
	}
	raw := rawClient(t, op, b.URL(), bus.RoleDecoder)
	if _, err := fmt.Fprintf(raw, "PUB gyrus.s1.cmd.lda %d\r\n", 2<<20); err != nil {
		t.Fatal(err)
	}
	_ = raw.SetReadDeadline(time.Now().Add(patience))
	said, _ := io.ReadAll(raw) // to the end of the connection
	if !strings.Contains(string(said), "Maximum Payload") {
		t.Errorf("the server says %q to 2 MiB", said)
	}
	serverSays.says(t, "maximum payload")
	if n := f.Counters(); n.Malformed != uint64(len(bad)) {
		t.Errorf("%d malformed, want %d", n.Malformed, len(bad))
	}
}

// rawClient is a connection that has proven itself and says what the test writes.
func rawClient(t *testing.T, op *bus.Operator, at string, role bus.Role) net.Conn {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = plain.Close() })
	greeting, err := bufio.NewReader(plain).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var info struct {
		Nonce string `json:"nonce"`
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(greeting, "INFO ")), &info); err != nil {
		t.Fatal(err)
	}
	seed, err := os.ReadFile(op.Seed(role))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := nkeys.FromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := pair.Sign([]byte(info.Nonce))
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Client(plain, &tls.Config{InsecureSkipVerify: true}) // the attacker does not care whom it attacks
	hello, err := json.Marshal(map[string]any{"verbose": false, "nkey": publicKey(t, op, role), "sig": sig})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(c, "CONNECT %s\r\nPING\r\n", hello); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	for {
		text, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("%s: %v", role, err)
		}
		if strings.HasPrefix(text, "PONG") {
			return c
		}
	}
}

// TestReplayedCommands: whoever has recorded commands and has even the decoder's key cannot make a controller act on them
// again: those of the running run are old numbers, those of a run before are of an old run, and a controller that has just begun,
// which knows of no run, acts on none, whether they come alone in a burst, or with the heartbeats and at their own pace: no
// recording sends its nonce back. All is logged and counted.
func TestReplayedCommands(t *testing.T) {
	var log logged
	op := operator(t, nil)
	b := broker(t, op, nil)
	recorder := as(t, op, b.URL(), bus.RoleViewer, nil)
	type taped struct {
		at      time.Time
		subject string
		data    []byte
	}
	var mu sync.Mutex
	var tape [][]byte
	var all []taped // the whole session
	listener, _ := plainAs(t, op, b.URL(), bus.RoleViewer)
	for _, subject := range []string{"gyrus.s1.status", "gyrus.s1.cmd.lda"} {
		if _, err := listener.Subscribe(subject, func(m *nats.Msg) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, taped{time.Now(), m.Subject, m.Data})
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := listener.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	sub, err := recorder.SubscribeCommands("s1", "lda", func(c bus.Command, _ time.Time) {
		data, err := json.Marshal(c)
		if err != nil {
			panic(err)
		}
		mu.Lock()
		defer mu.Unlock()
		tape = append(tape, data)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	decoder := as(t, op, b.URL(), bus.RoleDecoder, nil)
	_, stop := decode(t, decoder)
	f := follow(t, as(t, op, b.URL(), bus.RoleController, log.logger()))
	eventually(t, "the controller to move", func() bool { return f.accepted.Load() > 60 })
	stop()
	mu.Lock()
	old, session := slices.Clone(tape), slices.Clone(all)
	mu.Unlock()
	if len(old) < 60 {
		t.Fatalf("recorded %d commands", len(old))
	}
	old = old[len(old)-60:] // a burst that the client's limit lets through
	eventually(t, "the controller to stand", func() bool { _, ok := f.Current(); return !ok })
	before := f.accepted.Load()

	nc, _ := plainAs(t, op, b.URL(), bus.RoleDecoder)
	replay := func() {
		t.Helper()
		was := f.Counters().Received
		for _, data := range old {
			if err := nc.Publish("gyrus.s1.cmd.lda", data); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "all replayed commands to be judged", func() bool { return f.Counters().Received-was >= uint64(len(old)) })
	}
	replay() // while nothing decodes
	if n := f.Counters(); f.accepted.Load() != before {
		t.Errorf("acts on %d replayed commands: %+v", f.accepted.Load()-before, n)
	}
	if _, ok := f.Current(); ok {
		t.Error("the controller moves")
	}
	_, stopNew := decode(t, decoder) // a new run
	eventually(t, "the controller to move again", func() bool { return f.accepted.Load() > before+20 })
	n := f.Counters()
	begin := time.Now().UnixNano()
	f.from(time.Unix(0, begin))
	if err := f.Rearm(); err != nil { // an operator who re-arms lets in none of them
		t.Fatal(err)
	}
	replay() // while another run decodes
	if got := f.Counters().OldRun - n.OldRun; got != uint64(len(old)) {
		t.Errorf("%d of %d counted as of an old run", got, len(old))
	}
	was := f.accepted.Load()
	eventually(t, "the controller to go on", func() bool { return f.accepted.Load() > was+10 })
	if at := f.eldest(); at < begin-int64(time.Second) {
		t.Errorf("acted on a command of %s before the replay", time.Duration(begin-at))
	}
	log.says(t, "msg=refused", "why=old_run")

	// And a controller that has just begun, which knows of no run: the tape comes in a burst and is old.
	late := follow(t, as(t, op, b.URL(), bus.RoleController, log.logger()))
	replay()
	if late.eldest() < begin-int64(time.Second) {
		t.Error("a controller that has just begun acts on the tape")
	}

	// With the heartbeats, its own stamps and its own pace, when nothing decodes. Whoever plays it even has the controller's nonces.
	stopNew()
	fresh := follow(t, as(t, op, b.URL(), bus.RoleController, log.logger()))
	key := nc.Opts.Nkey
	asked := make(chan string, 100)
	if _, err := nc.Subscribe("_INBOX."+key+".held.tape", func(m *nats.Msg) { asked <- string(m.Data) }); err != nil {
		t.Fatal(err)
	}
	played, began := uint64(0), time.Now()
	for _, m := range session {
		<-time.After(m.at.Sub(session[0].at) - time.Since(began))
		reply := ""
		if m.subject == "gyrus.s1.status" {
			reply = "_INBOX." + key + ".held.tape"
		} else {
			played++
		}
		if err := nc.PublishMsg(&nats.Msg{Subject: m.subject, Reply: reply, Data: m.data}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the replayed session to be judged", func() bool { return fresh.Counters().Received >= played })
	if n := fresh.Counters(); n.Accepted != 0 || n.Unproven+n.OldRun != played || n.Unproven < 60 || n.Heartbeats < 5 {
		t.Errorf("a controller that has just begun, of a session of %d commands that is replayed at its own pace: %+v", played, n)
	}
	if len(asked) == 0 {
		t.Error("it did not ask the recording for a nonce")
	}
	log.says(t, "msg=refused", "why=unproven")
}

// TestSlowViewer: a viewer that stops reading is cut off; meanwhile the controller has every command, and none comes late.
func TestSlowViewer(t *testing.T) {
	op := operator(t, nil)
	b := broker(t, op, nil)
	decoder := as(t, op, b.URL(), bus.RoleDecoder, nil)
	controller := as(t, op, b.URL(), bus.RoleController, nil)
	var slowest atomic.Int64
	var seen atomic.Uint64
	clock := bus.NewClock()
	sub, err := controller.SubscribeCommands("s1", "lda", func(c bus.Command, at time.Time) {
		seen.Add(1)
		if late := clock.At(at) - c.TPublish; late > slowest.Load() {
			slowest.Store(late)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	viewer := rawClient(t, op, b.URL(), bus.RoleViewer)
	if _, err := fmt.Fprint(viewer, "SUB gyrus.*.raw.* 1\r\nSUB gyrus.*.cmd.* 2\r\n"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "three clients", func() bool { return b.Stats().Clients == 3 })

	w, err := bus.NewCommandWriter(decoder, "s1", "lda", time.Second, clock)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	samples, err := bus.NewRawWriter(decoder, "s1", "eeg", info(64), clock)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = samples.Close() }()
	sent := uint64(0)
	for begin := time.Now(); b.Stats().SlowClients == 0; {
		if time.Since(begin) > patience {
			t.Fatal("the viewer that does not read is never cut off")
		}
		if err := samples.Write(noise(info(64), 256, sent)); err != nil {
			t.Fatal(err)
		}
		if err := w.Publish(bus.Command{TSample: clock.Now(), Kind: bus.KindClass, Label: "left"}); err != nil {
			t.Fatal(err)
		}
		sent++
		time.Sleep(2 * time.Millisecond) // 64 MB/s
	}
	eventually(t, "every command", func() bool { return seen.Load() == sent })
	worst := time.Duration(slowest.Load())
	t.Logf("the viewer was cut off after %d commands; the latest command was %s on its way", sent, worst)
	if worst > 200*time.Millisecond { // without a slow viewer a busy machine makes tens of ms; a viewer that holds up makes 250 ms and more
		t.Errorf("a command was %s on its way while a viewer did not read", worst)
	}
}

// TestWebSocket: off by default; from an allowed page with the viewer's key it opens, from another page or with another
// role's key not.
func TestWebSocket(t *testing.T) {
	plain := broker(t, operator(t, nil), nil)
	if u := plain.WebSocketURL(); u != "" {
		t.Errorf("a listener for browsers at %s that nobody asked for", u)
	}
	var log logged
	op := operator(t, func(c *bus.BrokerConfig) {
		c.WebSocket = bus.WebSocketConfig{Listen: "127.0.0.1:0", Origins: []string{"https://lab.example.org"}}
	})
	b := broker(t, op, log.logger())
	dial := func(role bus.Role, origin string) error {
		key, err := nats.NkeyOptionFromSeed(op.Seed(role))
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan struct{})
		nc, err := nats.Connect(b.WebSocketURL(), key, nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }),
			nats.WebSocketConnectionHeaders(http.Header{"Origin": {origin}}))
		if err != nil {
			return err
		}
		nc.Close()
		<-closed
		return nil
	}
	if err := dial(bus.RoleViewer, "https://lab.example.org"); err != nil {
		t.Errorf("the viewer from the allowed page: %v", err)
	}
	if err := dial(bus.RoleViewer, "https://evil.example.org"); err == nil {
		t.Error("a page that is not allowed connects")
	}
	for _, role := range bus.Roles() {
		if err := dial(role, "https://lab.example.org"); (err == nil) != (role == bus.RoleViewer) {
			t.Errorf("%s through a browser: %v", role, err)
		}
	}
	log.says(t, "origin")
	for name, tc := range map[string]struct {
		ws   bus.WebSocketConfig
		want string
	}{
		"any page":   {bus.WebSocketConfig{Listen: "127.0.0.1:0"}, "origins is empty"},
		"no page":    {bus.WebSocketConfig{Listen: "127.0.0.1:0", Origins: []string{"*"}}, "scheme and host"},
		"no address": {bus.WebSocketConfig{Listen: "lab", Origins: []string{"https://a.org"}}, "address and a port"},
	} {
		op := operator(t, func(c *bus.BrokerConfig) { c.WebSocket = tc.ws })
		_, err := bus.StartBroker(bus.BrokerOptions{Operator: op})
		if err == nil {
			t.Fatalf("%s: starts", name)
		}
		wantError(t, err, tc.want)
	}
	// Off loopback it speaks TLS.
	op = operator(t, func(c *bus.BrokerConfig) {
		c.WebSocket = bus.WebSocketConfig{Listen: "0.0.0.0:0", Origins: []string{"https://lab.example.org"}}
	})
	if u := broker(t, op, nil).WebSocketURL(); !strings.HasPrefix(u, "wss://") {
		t.Errorf("off loopback browsers connect to %s", u)
	}
}

// TestOperatorStops: the operator's stop reaches a controller, its answer comes back, and a viewer may not stop.
func TestOperatorStops(t *testing.T) {
	op := operator(t, nil)
	b := broker(t, op, nil)
	f := follow(t, as(t, op, b.URL(), bus.RoleController, nil))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	stood, err := as(t, op, b.URL(), bus.RoleOperator, nil).SendStop(ctx, "s1", bus.Stop{}, 1)
	if err != nil || len(stood) != 1 {
		t.Fatalf("%+v, %v", stood, err)
	}
	if a, ok := f.Current(); ok || !a.Latched {
		t.Errorf("%+v", a)
	}
	// A decoder that begins behind the stop asks, and the roles let it have the controller's answer.
	w, err := bus.NewCommandWriter(as(t, op, b.URL(), bus.RoleDecoder, nil), "s1", "lda", time.Second, bus.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan bus.StopAnswer, 100)
	asks, err := w.AskStopped(func(a bus.StopAnswer, _ time.Time) {
		select {
		case said <- a:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if a := <-said; a.Controller != stood[0].Controller || !(a.SinceMS >= 0) {
		t.Errorf("%+v says so, %+v stood", a, stood)
	}
	if err := errors.Join(asks.Close(), w.Close()); err != nil && !errors.Is(err, nats.ErrTimeout) { // of a busy machine
		t.Error(err)
	}
	nc, refused := plainAs(t, op, b.URL(), bus.RoleViewer)
	if err := errors.Join(nc.Publish(bus.StopSubject("s1"), nil), nc.Flush()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the refusal of a viewer's stop", func() bool { return refused.Load() > 0 })
}
