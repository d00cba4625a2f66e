package bus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// freeAddress is one on loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// audited is an operator's directory with an audit stream in dir.
func audited(t *testing.T, dir string) *bus.Operator {
	t.Helper()
	return operator(t, func(c *bus.BrokerConfig) { c.Audit = bus.AuditConfig{Dir: dir, Listen: freeAddress(t), MaxMB: 16} })
}

func readAudit(t *testing.T, op *bus.Operator, q bus.AuditQuery) []bus.AuditRecord {
	t.Helper()
	var got []bus.AuditRecord
	if err := bus.ReadAudit(within(t), op, q, nil, func(r bus.AuditRecord) error { got = append(got, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

// TestAudit: every command is in the audit stream as it passed, with the feedback; it can be read while the server runs,
// after it has ended, and after the next has begun; an auditor can change nothing.
func TestAudit(t *testing.T) {
	op := audited(t, filepath.Join(t.TempDir(), "audit"))
	start := func() *bus.Broker {
		t.Helper()
		b, err := bus.StartBroker(bus.BrokerOptions{Operator: op})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the audit to work", func() bool { return b.Stats().Audit.Working })
		return b
	}
	b := start()
	var passed [][]byte
	nc, _ := plainAs(t, op, b.URL(), bus.RoleDecoder)
	for seq := range uint64(200) {
		data := valid(t, 1, seq+1)
		passed = append(passed, data)
		if err := nc.Publish("gyrus.s1.cmd.lda", data); err != nil {
			t.Fatal(err)
		}
	}
	noJSON := []byte{0xff, 1, 2}
	passed = append(passed, noJSON)
	if err := errors.Join(nc.Publish("gyrus.s1.cmd.lda", noJSON), nc.Publish("gyrus.s1.cmd.lda", make([]byte, 100_000)), nc.Publish("gyrus.s1.status", []byte("{}")), nc.FlushTimeout(patience)); err != nil {
		t.Fatal(err)
	}
	c := as(t, op, b.URL(), bus.RoleController, nil)
	if err := c.SendFeedback(bus.Feedback{Session: "s2", Decoder: "lda", Run: 1, Seq: 1, Reward: 1}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all to be stored", func() bool { return b.Stats().Audit.Stored == uint64(len(passed))+1 })
	if st := b.Stats().Audit; st.Heard != uint64(len(passed))+2 || st.TooLong != 1 || st.Dropped+st.Failed != 0 {
		t.Errorf("%+v", st)
	}
	check := func(when string, got []bus.AuditRecord) {
		t.Helper()
		if len(got) != len(passed)+1 {
			t.Fatalf("%s: %d records, want %d", when, len(got), len(passed)+1)
		}
		for i, want := range passed {
			have := []byte(got[i].Data)
			if have == nil {
				have = got[i].Bytes
			}
			if !bytes.Equal(have, want) || got[i].Subject != "gyrus.s1.cmd.lda" || got[i].Seq != uint64(i+1) {
				t.Fatalf("%s: record %d is %+v, want %q", when, i, got[i], want)
			}
			if age := time.Since(got[i].Time); age < 0 || age > time.Minute {
				t.Fatalf("%s: record %d is from %s", when, i, got[i].Time)
			}
			if _, err := json.Marshal(got[i]); err != nil {
				t.Fatal(err)
			}
		}
		if last := got[len(got)-1]; last.Subject != "gyrus.s2.feedback.lda" {
			t.Errorf("%s: the last is of %s", when, last.Subject)
		}
	}
	all := readAudit(t, op, bus.AuditQuery{})
	check("while it runs", all)
	if got := readAudit(t, op, bus.AuditQuery{Session: "s2"}); len(got) != 1 {
		t.Errorf("%d records of session s2, want 1", len(got))
	}
	if got := readAudit(t, op, bus.AuditQuery{Since: time.Now().Add(time.Hour)}); len(got) != 0 {
		t.Errorf("%d records of the future", len(got))
	}

	// The key of an auditor reads and changes nothing; the key of another role does not even connect.
	store := "tls://" + op.Config.Audit.Listen
	auditor, refused := plainAs(t, op, store, bus.RoleAuditor, nats.CustomInboxPrefix("_INBOX."+publicKey(t, op, bus.RoleAuditor)))
	js, err := jetstream.New(auditor, jetstream.WithDefaultTimeout(500*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Stream(within(t), bus.AuditStream); err != nil {
		t.Errorf("an auditor cannot look: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := js.DeleteStream(short, bus.AuditStream); err == nil {
		t.Error("an auditor deletes the stream")
	}
	if err := auditor.Publish("audit.gyrus.s1.cmd.lda", []byte("forged")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the auditor to be refused", func() bool { return refused.Load() >= 2 })
	key, err := nats.NkeyOptionFromSeed(op.Seed(bus.RoleDecoder))
	if err != nil {
		t.Fatal(err)
	}
	if nc, err := nats.Connect(store, key, nats.RootCAs(op.CA())); err == nil {
		nc.Close()
		t.Error("a decoder connects to the store")
	}

	auditor.Close()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	check("after the end", readAudit(t, op, bus.AuditQuery{}))
	b = start()
	check("after the next start", readAudit(t, op, bus.AuditQuery{}))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// latencies publishes n commands on each of two brokers in turn, and returns how long each was on its way.
func latencies(t *testing.T, n int, brokers ...*bus.Broker) [][]time.Duration {
	t.Helper()
	out := make([][]time.Duration, len(brokers))
	clock := bus.NewClock()
	writers := make([]*bus.CommandWriter, len(brokers))
	arrived := make([]chan time.Time, len(brokers))
	for i, b := range brokers {
		arrived[i] = make(chan time.Time, 1)
		sub, err := as(t, b.Operator(), b.URL(), bus.RoleController, nil).SubscribeCommands("s1", "lda", func(_ bus.Command, at time.Time) { arrived[i] <- at })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sub.Close() })
		if writers[i], err = bus.NewCommandWriter(as(t, b.Operator(), b.URL(), bus.RoleDecoder, nil), "s1", "lda", time.Second, clock); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = writers[i].Close() })
	}
	for range n {
		for i := range brokers {
			begin := time.Now()
			if err := writers[i].Publish(bus.Command{TSample: clock.Now(), Kind: bus.KindClass, Label: "left"}); err != nil {
				t.Fatal(err)
			}
			out[i] = append(out[i], receive(t, "a command", arrived[i]).Sub(begin))
		}
	}
	for _, l := range out {
		slices.Sort(l)
	}
	return out
}

// TestBrokenAudit: whatever is wrong with the store, every command arrives, and none later than without an audit. Both
// are measured in turn, so that a busy machine is busy for both.
func TestBrokenAudit(t *testing.T) {
	cases := map[string]func(t *testing.T) *bus.Operator{
		"a file where the folder should be": func(t *testing.T) *bus.Operator {
			dir := filepath.Join(t.TempDir(), "audit")
			if err := os.WriteFile(dir, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return audited(t, dir)
		},
		"the port is taken": func(t *testing.T) *bus.Operator {
			op := audited(t, t.TempDir())
			l, err := net.Listen("tcp", op.Config.Audit.Listen)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			return op
		},
		"the disk is full": func(t *testing.T) *bus.Operator { return audited(t, smallDisk(t)) },
		"no key for it": func(t *testing.T) *bus.Operator {
			op := audited(t, t.TempDir())
			delete(op.Config.Keys, bus.RoleAuditor)
			return op
		},
	}
	for name, store := range cases {
		t.Run(name, func(t *testing.T) {
			var log logged
			op := store(t)
			broken, err := bus.StartBroker(bus.BrokerOptions{Operator: op, Log: log.logger()})
			if err != nil {
				t.Fatalf("a broken audit keeps the server from starting: %v", err)
			}
			defer func() { // after the clients, which end before it
				if err := broken.Close(); err == nil {
					t.Error("the end says nothing of what is not in the audit")
				}
			}()
			t.Run("commands", func(t *testing.T) {
				without := broker(t, operator(t, nil), nil)
				l := latencies(t, 2000, broken, without)
				got, want := l[0][len(l[0])/2], l[1][len(l[1])/2]
				t.Logf("p50 %s, p99 %s with a broken audit; p50 %s, p99 %s without one", got, l[0][len(l[0])*99/100], want, l[1][len(l[1])*99/100])
				if got > want*3/2+100*time.Microsecond {
					t.Errorf("a command takes %s with a broken audit, %s without one", got, want)
				}
			})
			log.says(t, "audit: ")
			st := broken.Stats().Audit
			if st.LastError == "" || st.Working && st.Failed == 0 {
				t.Errorf("nothing is said to be wrong: %+v", st)
			}
			t.Logf("%+v", st)
		})
	}
}

// TestAuditDiskFullOnce: a store whose disk was full takes messages again when there is room, beside a server that runs on; what did not
// go into it meanwhile is counted.
func TestAuditDiskFullOnce(t *testing.T) {
	dir := smallDisk(t)
	full := filepath.Join(dir, "full")
	if err := os.Remove(full); err != nil {
		t.Fatal(err)
	}
	op := audited(t, filepath.Join(dir, "audit"))
	b, err := bus.StartBroker(bus.BrokerOptions{Operator: op})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the audit to work", func() bool { return b.Stats().Audit.Working })
	nc, _ := plainAs(t, op, b.URL(), bus.RoleDecoder)
	sent := uint64(0)
	send := func() { // so little that what waits fits on the disk
		t.Helper()
		sent++
		data := append(valid(t, 1, sent), bytes.Repeat([]byte{' '}, 500)...)
		if err := errors.Join(nc.Publish("gyrus.s1.cmd.lda", data), nc.FlushTimeout(patience)); err != nil {
			t.Fatal(err)
		}
	}
	send()
	eventually(t, "the first to be stored", func() bool { return b.Stats().Audit.Stored == 1 })
	fill(t, full)
	eventually(t, "the store to be broken", func() bool {
		send()
		time.Sleep(20 * time.Millisecond)
		return b.Stats().Audit.Failed > 0
	})
	if err := os.Remove(full); err != nil {
		t.Fatal(err)
	}
	before := b.Stats().Audit.Stored
	eventually(t, "the store to take messages again", func() bool {
		send()
		time.Sleep(100 * time.Millisecond)
		st := b.Stats().Audit
		return st.Working && st.Stored > before
	})
	eventually(t, "all to be accounted for", func() bool {
		st := b.Stats().Audit
		return st.Heard == sent && st.Stored+st.Failed+st.Dropped == sent
	})
	st := b.Stats().Audit
	if got := readAudit(t, op, bus.AuditQuery{}); uint64(len(got)) < st.Stored {
		t.Errorf("%d records of %d that were stored", len(got), st.Stored)
	}
	if err := b.Close(); err == nil || !strings.Contains(err.Error(), "are not in the audit stream") {
		t.Errorf("the end says %v of %+v", err, st)
	}
}

// smallDisk is a folder on a file system of 1 MB that is full.
func smallDisk(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("only root on Linux can make a small disk")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("cannot make a small disk: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	fill(t, filepath.Join(dir, "full"))
	return dir
}

// fill writes a file that takes what room there is.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(err.Error(), "no space") {
		t.Fatal(err)
	}
}
