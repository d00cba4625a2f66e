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

// unaudited is a broker whose audit is to be another.
func unaudited(t *testing.T) (*Broker, *Operator) {
	t.Helper()
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
	t.Cleanup(func() {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	})
	return broker, op
}

// TestSlowAudit: a store that takes nothing for a while holds up no command. What the queue cannot hold is dropped and
// counted, the newest first, and the end says so.
func TestSlowAudit(t *testing.T) {
	broker, op := unaudited(t)
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

// unanswered is what a store says that never answers.
type unanswered struct{}

func (unanswered) Ok() <-chan *jetstream.PubAck { return nil }
func (unanswered) Err() <-chan error            { return nil }
func (unanswered) Msg() *nats.Msg               { return nil }

// TestAuditEnd: a store that never answers holds up the end for as long as auditEnd says, however much waits for it; all of that is counted.
func TestAuditEnd(t *testing.T) {
	broker, op := unaudited(t)
	a := newAuditor(broker.server, op, nil)
	a.put = func(*nats.Msg) (jetstream.PubAckFuture, error) { return unanswered{}, nil }
	a.start()
	const n = 4 * auditInFlight
	for range n {
		a.hear(&nats.Msg{Subject: "gyrus.s1.cmd.lda"})
	}
	begin, ended := time.Now(), make(chan error, 1)
	go func() { ended <- a.close() }()
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "not in the audit stream") {
			t.Errorf("the end says %v", err)
		}
		if took := time.Since(begin); took < auditEnd {
			t.Errorf("it waited %s, must wait %s for answers", took, auditEnd)
		}
	case <-time.After(auditEnd + 30*time.Second):
		t.Fatal("the end does not come")
	}
	if st := a.Stats(); st.Failed != n || st.Stored != 0 {
		t.Errorf("%+v: want %d failed", st, n)
	}
}
