package bus

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestSlowAudit: a store that takes nothing for a while holds up no command. What the queue cannot hold is dropped and
// counted, the newest first, and the end says so.
func TestSlowAudit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "op")
	if err := InitOperator(dir, InitOptions{}); err != nil {
		t.Fatal(err)
	}
	op, err := ReadOperator(dir)
	if err != nil {
		t.Fatal(err)
	}
	op.Config.Listen, op.Config.Audit.Dir = "127.0.0.1:0", ""
	broker, err := StartBroker(BrokerOptions{Operator: op})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	}()
	release := make(chan struct{})
	a := newAuditor(broker.server, op, nil)
	a.put = func(*nats.Msg) (jetstream.PubAckFuture, error) {
		<-release
		return nil, errors.New("too slow")
	}
	a.start()

	connect := func(role Role) *Bus {
		t.Helper()
		b, err := Open(context.Background(), Options{URL: broker.URL(), Credentials: op.Seed(role), CA: op.CA()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Close() })
		return b
	}
	arrived := make(chan time.Time, 1)
	sub, err := connect(RoleController).SubscribeCommands("s1", "lda", func(_ Command, at time.Time) { arrived <- at })
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewCommandWriter(connect(RoleDecoder), "s1", "lda", time.Second, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	const n = auditQueue + 500
	clock := NewClock()
	slow, slowest := 0, time.Duration(0)
	for range n {
		begin := time.Now()
		if err := w.Publish(Command{TSample: clock.Now(), Kind: KindClass, Label: "left"}); err != nil {
			t.Fatal(err)
		}
		select {
		case at := <-arrived:
			if took := at.Sub(begin); took > 200*time.Millisecond {
				slow++
				slowest = max(slowest, took)
			}
		case <-time.After(patience):
			t.Fatal("a command does not arrive")
		}
	}
	for end := time.Now().Add(patience); a.Stats().Heard < n && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	st := a.Stats()
	t.Logf("of %d commands %d took above 200 ms; the audit: %+v", n, slow, st)
	if st.Heard != n || st.Dropped < 498 || st.Dropped > 499 || !strings.Contains(st.LastError, "queue is full") {
		t.Errorf("%+v: want %d heard, 499 dropped (one is being stored)", st, n)
	}
	// The store takes nothing before all of them are there, so none waited for it. A queue that holds up would do so for each of
	// the last 500, which find it full; a busy machine holds up one now and then.
	if slow > 5 {
		t.Errorf("%d commands took above 200 ms, up to %s, while the store stood still", slow, slowest)
	}
	close(release)
	if err := a.close(); err == nil || !strings.Contains(err.Error(), "not in the audit stream") {
		t.Errorf("the end says %v", err)
	}
	if st := a.Stats(); st.Failed+st.Dropped != n {
		t.Errorf("%+v: not every copy is accounted for", st)
	}
	if err := errors.Join(w.Close(), sub.Close()); err != nil {
		t.Error(err)
	}
}
