package bus

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestSettings pins every setting by its value: each is there because the library's default would be a trap. The table
// is the one of docs/protocol.md, with the numbers written out, so that a change of a constant shows here too.
func TestSettings(t *testing.T) {
	b := openBus(t, "")
	there := openBus(t, b.URL()) // the client of a server elsewhere has the same
	inside := serverOptions("robot", "127.0.0.1", -1)
	running, err := b.broker.server.Varz(nil) // what the server in b says of itself
	if err != nil {
		t.Fatal(err)
	}
	sub, err := b.SubscribeCommands("s1", "lda", func(Command, time.Time) {})
	if err != nil {
		t.Fatal(err)
	}
	msgs, bytes, err := sub.sub.PendingLimits()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := b.SubscribeRaw("s1", "eeg")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	rawMsgs, rawBytes, err := raw.subs[0].sub.PendingLimits()
	if err != nil {
		t.Fatal(err)
	}

	type row struct {
		trap, setting string
		got, want     any
	}
	rows := []row{
		{"a backlog is worked off before anybody looks at an age", "pending messages", msgs, 64},
		{"a limit in bytes would stop before the limit in messages", "pending bytes", bytes, -1},
		{"samples may wait where commands may not", "raw pending messages", rawMsgs, 65536},
		{"samples may wait where commands may not", "raw pending bytes", rawBytes, 64 << 20},
		{"the host process is killed by the server's signal handler", "server NoSigs", inside.NoSigs, true},
		{"the server writes into the host's terminal", "server NoLog", inside.NoLog, true},
		{"an account that nobody asked for", "server NoSystemAccount", inside.NoSystemAccount, true},
		{"a listener that others reach", "server Host", inside.Host, "127.0.0.1"},
		{"a listener at a port that is taken", "server Port", inside.Port, -1},
		{"a dead client is noticed after 6 min", "server PingInterval", inside.PingInterval, time.Second},
		{"a dead client is noticed after 6 min", "server MaxPingsOut", inside.MaxPingsOut, 2},
		{"the first ping of a link comes early, and counts as one that is unanswered", "server DisableShortFirstPing", inside.DisableShortFirstPing, true},
		{"a chunk does not fit", "server MaxPayload", inside.MaxPayload, int32(1 << 20)},
		{"the server queues for a client that is slow", "server MaxPending", inside.MaxPending, int64(32 << 20)},
		{"the server waits 10 s for a client that is stalled", "server WriteDeadline", inside.WriteDeadline, 250 * time.Millisecond},
		{"whoever reads slowly holds up whoever publishes", "server NoFastProducerStall", inside.NoFastProducerStall, true},
		{"a durable replay drives an actuator", "server JetStream", inside.JetStream, false},
		{"a directory nobody chose", "server StoreDir", inside.StoreDir, ""},

		{"options that are made and not used", "running PingInterval", running.PingInterval, time.Second},
		{"options that are made and not used", "running MaxPingsOut", running.MaxPingsOut, 2},
		{"options that are made and not used", "running MaxPayload", running.MaxPayload, 1 << 20},
		{"options that are made and not used", "running MaxPending", running.MaxPending, int64(32 << 20)},
		{"options that are made and not used", "running WriteDeadline", running.WriteDeadline, 250 * time.Millisecond},
		{"a listener that others reach", "running Host", running.Host, "127.0.0.1"},
		{"a listener without authorisation of its own", "running websocket port", running.Websocket.Port, 0},
		{"a second listener", "running monitor ports", running.HTTPPort + running.HTTPSPort, 0},
		{"a second listener", "running cluster, gateway, leaf and MQTT ports", running.Cluster.Port + running.Gateway.Port + running.LeafNode.Port + running.MQTT.Port, 0},
		{"a durable replay drives an actuator", "running JetStream", b.broker.server.JetStreamEnabled(), false},
	}
	for name, of := range map[string]*Bus{"own server: ": b, "server elsewhere: ": there} {
		c := of.nc.Opts
		for _, r := range []row{
			{"commands of before a break are delivered after it", "ReconnectBufSize", c.ReconnectBufSize, -1},
			{"a dead link is noticed after 6 min", "PingInterval", c.PingInterval, 300 * time.Millisecond},
			{"a dead link is noticed after 6 min", "MaxPingsOut", c.MaxPingsOut, 2},
			{"the client gives up after two minutes", "AllowReconnect", c.AllowReconnect, true},
			{"the client gives up after two minutes", "MaxReconnect", c.MaxReconnect, -1},
			{"the link is back and the client waits for 2 s", "ReconnectWait", c.ReconnectWait, 100 * time.Millisecond},
			{"many clients knock at once", "ReconnectJitter", c.ReconnectJitter, 50 * time.Millisecond},
			{"many clients knock at once", "ReconnectJitterTLS", c.ReconnectJitterTLS, 100 * time.Millisecond},
			{"two refusals of the credentials end the client for good", "IgnoreAuthErrorAbort", c.IgnoreAuthErrorAbort, true},
			{"the client follows a server to addresses that nobody gave, in plain text and without a key", "IgnoreDiscoveredServers", c.IgnoreDiscoveredServers, true},
			{"publishing blocks for a minute", "FlusherTimeout", c.FlusherTimeout, 250 * time.Millisecond},
			{"a write that fails is forgotten and the link kept", "ReconnectOnFlusherError", c.ReconnectOnFlusherError, true},
			{"Open waits for ever for one of several servers", "Timeout", c.Timeout, 2 * time.Second},
			{"Open returns without a server, and publishing fails later", "RetryOnFailedConnect", c.RetryOnFailedConnect, false},
			{"a writer does not hear who has its name on the same connection", "NoEcho", c.NoEcho, false},
			{"the server's lists show nobody", "Name", c.Name, "gyrus"},
			{"slow subscriptions and refused permissions vanish", "ErrorHandler", c.AsyncErrorCB != nil, true},
			{"a lost link goes unnoticed", "DisconnectErrHandler", c.DisconnectedErrCB != nil, true},
			{"a link that is back goes unnoticed", "ReconnectHandler", c.ReconnectedCB != nil, true},
			{"why the link does not come back goes unnoticed", "ReconnectErrHandler", c.ReconnectErrCB != nil, true},
			{"the end of the client goes unnoticed", "ClosedHandler", c.ClosedCB != nil, true},
		} {
			r.setting = name + r.setting
			rows = append(rows, r)
		}
	}
	for _, r := range rows {
		if !reflect.DeepEqual(r.got, r.want) {
			t.Errorf("%s is %v, must be %v; the trap: %s", r.setting, r.got, r.want, r.trap)
		}
	}
}

// TestHandlersCount: the handlers of the table do what they are there for; those of the link are tested by a restart.
func TestHandlersCount(t *testing.T) {
	b := openBus(t, "")
	o := b.nc.Opts
	o.AsyncErrorCB(b.nc, nil, io.ErrUnexpectedEOF)
	if st := b.Stats(); st.Errors != 1 || st.Slow != 0 || st.LastError != io.ErrUnexpectedEOF.Error() {
		t.Errorf("stats %+v, want one error, noted", st)
	}
	o.ReconnectErrCB(b.nc, io.ErrClosedPipe)
	if st := b.Stats(); st.Errors != 1 || st.LastError != io.ErrClosedPipe.Error() {
		t.Errorf("stats %+v, want %v noted", st, io.ErrClosedPipe)
	}
}

// TestServerCutsOffWhoDoesNotRead: what the server holds for one client has an end.
func TestServerCutsOffWhoDoesNotRead(t *testing.T) {
	b := openBus(t, "")
	u, err := url.Parse(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	silent, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	if _, err := silent.Write([]byte("CONNECT {\"verbose\":false}\r\nSUB gyrus.s1.raw.eeg 1\r\nPING\r\n")); err != nil {
		t.Fatal(err)
	}
	for in := bufio.NewScanner(silent); in.Scan() && !strings.HasPrefix(in.Text(), "PONG"); { // then it knows the subscription
	}
	chunk := make([]byte, maxPayload)
	begin := time.Now()
	for sent := 0; b.Stats().SlowClients == 0; sent += len(chunk) {
		if err := b.nc.Publish("gyrus.s1.raw.eeg", chunk); err != nil {
			t.Fatal(err)
		}
		if err := b.nc.FlushTimeout(patience); err != nil {
			t.Fatal(err)
		}
		if time.Since(begin) > patience {
			t.Fatalf("the server took %d MiB for a client that does not read, and keeps it", sent>>20)
		}
	}
}

// TestClosedWriterListensNoMore: a process may begin and end many runs on one bus.
func TestClosedWriterListensNoMore(t *testing.T) {
	b := openBus(t, "")
	before := b.nc.NumSubscriptions()
	w, err := NewCommandWriter(b, "s1", "lda", time.Second, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	if n := b.nc.NumSubscriptions(); n != before+3 {
		t.Errorf("%d subscriptions, want %d: heartbeats of the session, what they ask, and what is said to ours", n, before+3)
	}
	if err := w.Close(); err != nil && !errors.Is(err, nats.ErrTimeout) { // of a busy machine
		t.Fatal(err)
	}
	if n := b.nc.NumSubscriptions(); n != before {
		t.Errorf("%d subscriptions after Close, want %d as before", n, before)
	}
}
