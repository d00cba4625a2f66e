package bus_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

func TestInitOperator(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "op")
	if err := bus.InitOperator(dir, bus.InitOptions{Names: []string{"lab.example.org"}}); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"ca.crt": true, "ca.key": true, "server.crt": true, "server.key": true, "broker.yaml": true}
	for _, r := range bus.Roles() {
		want[string(r)+".nk"] = true
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		if runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %04o, want 0600", d.Name(), st.Mode().Perm())
		}
		if !want[d.Name()] {
			t.Errorf("%s is there, and nobody knows why", d.Name())
		}
		delete(want, d.Name())
		return nil
	})
	if err != nil || len(want) > 0 {
		t.Errorf("%v; not there: %v", err, want)
	}
	text, err := os.ReadFile(filepath.Join(dir, "broker.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range bus.Roles() {
		seed, err := os.ReadFile(filepath.Join(dir, string(r)+".nk"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), string(seed)) {
			t.Errorf("broker.yaml holds the seed of %s", r)
		}
		if n := len(seed); n != 58 || !strings.HasPrefix(string(seed), "SU") {
			t.Errorf("the seed of %s has %d bytes, want 58 that begin with SU and no line end", r, n)
		}
	}
	// Keys may be in use: nothing is written over them, and nothing is left beside them.
	wantError(t, bus.InitOperator(dir, bus.InitOptions{}), "exists", "nothing is written over it")
	again, err := os.ReadFile(filepath.Join(dir, "broker.yaml"))
	if err != nil || string(again) != string(text) {
		t.Errorf("broker.yaml changed (%v)", err)
	}
	wantError(t, bus.InitOperator(filepath.Join(top, "none", "op"), bus.InitOptions{}), "none")
	for _, name := range []string{"", "a b", "http://lab", "0.0.0.0", "*.example.org"} {
		wantError(t, bus.InitOperator(filepath.Join(top, "bad"), bus.InitOptions{Names: []string{name}}), "name")
	}
	wantError(t, bus.InitOperator(filepath.Join(top, "bad"), bus.InitOptions{Valid: time.Second}), "at least 1 h")
	left, err := os.ReadDir(top)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

func TestReadOperatorRefuses(t *testing.T) {
	key := "U" + strings.Repeat("A", 55)
	for name, tc := range map[string]struct {
		file, text string
		mode       os.FileMode
		want       []string
	}{
		"unknown key":  {"broker.yaml", "listn: 0.0.0.0:4222\n", 0o600, []string{"broker.yaml", `"listn"`, "listen"}},
		"no users":     {"broker.yaml", "listen: 0.0.0.0:4222\n", 0o600, []string{"nobody could connect"}},
		"no NKey":      {"broker.yaml", "keys: {viewer: [" + key + "]}\n", 0o600, []string{"viewer", "no public user NKey"}},
		"unknown role": {"broker.yaml", "keys: {viewers: []}\n", 0o600, []string{`"viewers"`, "viewer"}},
		"not YAML":     {"broker.yaml", "{", 0o600, []string{"broker.yaml"}},
		"empty":        {"broker.yaml", "", 0o600, []string{"broker.yaml"}},
		"no key":       {"server.key", "x", 0o600, []string{"server.crt"}},
		"no authority": {"ca.crt", "x", 0o600, []string{"ca.crt", "no PEM"}},
		"key for all":  {"server.key", "x", 0o644, []string{"server.key", "others may read it"}},
		"file is gone": {"server.crt", "", 0, []string{"server.crt", "gyrus bus init"}},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.mode == 0o644 && runtime.GOOS == "windows" {
				t.Skip("Windows has no such permissions")
			}
			dir := operator(t, nil).Dir
			file := filepath.Join(dir, tc.file)
			err := os.Remove(file)
			if tc.mode != 0 {
				err = errors.Join(err, os.WriteFile(file, []byte(tc.text), tc.mode))
			}
			if err != nil {
				t.Fatal(err)
			}
			_, err = bus.ReadOperator(dir)
			wantError(t, err, tc.want...)
		})
	}
	// A key in two roles would have the rights of one of them by chance.
	op := operator(t, nil)
	k := publicKey(t, op, bus.RoleViewer)
	if err := os.WriteFile(filepath.Join(op.Dir, "broker.yaml"), []byte("keys: {viewer: ["+k+"], decoder: ["+k+"]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := bus.ReadOperator(op.Dir)
	wantError(t, err, "must have one role")
	// Another authority's certificate.
	other := operator(t, nil)
	ca, err := os.ReadFile(other.CA())
	if err == nil {
		op = operator(t, nil)
		err = os.WriteFile(op.CA(), ca, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = bus.ReadOperator(op.Dir)
	wantError(t, err, "server.crt", "make a new directory")
}

// TestSessionServesOthers: the server inside a session's process, with an operator's directory, on every interface.
func TestSessionServesOthers(t *testing.T) {
	op := operator(t, nil)
	// The directory is read from the disk here: without the audit, whose port is fixed.
	text, err := os.ReadFile(filepath.Join(op.Dir, "broker.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, ln := range lines {
		if strings.HasPrefix(ln, "audit:") {
			lines[i] = ""
		}
	}
	if err := os.WriteFile(filepath.Join(op.Dir, "broker.yaml"), []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	var log logged
	b, err := bus.Open(context.Background(), bus.Options{Listen: "0.0.0.0:0", Operator: op.Dir, Log: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	f := follow(t, as(t, op, b.URL(), bus.RoleController, nil))
	w, _ := decode(t, b)
	eventually(t, "the controller to move", func() bool { return f.accepted.Load() > 10 })
	if st := w.Stats(); st.NotSent+st.HeartbeatsNotSent > 0 {
		t.Errorf("%+v", st)
	}
	if st := b.Stats(); st.Denied != 0 {
		t.Errorf("the session's own client is refused something: %+v", st)
	}
	// Feedback and samples work with the roles as they do without.
	got := make(chan bus.Feedback, 1)
	sub, err := b.SubscribeFeedback("s1", "lda", func(f bus.Feedback, _ time.Time) { got <- f })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	if err := as(t, op, b.URL(), bus.RoleController, nil).SendFeedback(bus.Feedback{Session: "s1", Decoder: "lda", Run: w.Run(), Seq: 1, Reward: 1}); err != nil {
		t.Fatal(err)
	}
	if fb := receive(t, "feedback", got); fb.Reward != 1 {
		t.Errorf("%+v", fb)
	}
	raw, err := b.SubscribeRaw("s1", "eeg")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	samples, err := bus.NewRawWriter(as(t, op, b.URL(), bus.RoleSource, nil), "s1", "eeg", info(4), bus.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = samples.Close() }()
	if err := samples.Write(noise(info(4), 10, 1)); err != nil {
		t.Fatal(err)
	}
	if err := raw.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	if c, err := raw.Next(within(t)); err != nil || c.Len() != 10 {
		t.Errorf("%d samples (%v), want 10", c.Len(), err)
	}
	// A viewer that asks for what it may not have is told, rather than waiting for ever.
	if _, err := as(t, op, b.URL(), bus.RoleController, nil).SubscribeRaw("s1", "eeg"); err == nil {
		t.Error("a controller reads samples")
	} else {
		wantError(t, err, "may not use gyrus.s1.raw.eeg")
	}
	// It really is on every interface.
	_, port, err := net.SplitHostPort(strings.TrimPrefix(b.URL(), "tls://"))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.2", port)); err == nil {
		_ = c.Close()
	} else if runtime.GOOS == "linux" {
		t.Errorf("not on every interface: %v", err)
	}
}

// TestChecksAreNotHeard: what is published to find out what a key may do reaches nobody, whatever its decoder is called.
func TestChecksAreNotHeard(t *testing.T) {
	b := open(t, "")
	var subs []*bus.Subscription
	for _, decoder := range []string{"check", "decoder"} {
		sub, err := b.SubscribeCommands("s1", decoder, func(bus.Command, time.Time) {})
		if err != nil {
			t.Fatal(err)
		}
		subs = append(subs, sub)
	}
	if err := b.MayDecode("s1"); err != nil {
		t.Error(err)
	}
	if _, err := bus.CheckRole(within(t), bus.Options{URL: b.URL()}, bus.RoleDecoder, "s1"); err != nil {
		t.Error(err)
	}
	nc, err := nats.Connect(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := nc.Publish(bus.CommandSubject("s1", "check"), nil); err != nil { // behind what was published before
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); subs[0].Stats().Malformed == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if n, m := subs[0].Stats().Malformed, subs[1].Stats().Malformed; n != 1 || m != 0 {
		t.Errorf("%d and %d messages came that are no commands, want 1 and none", n, m)
	}
}

// TestCheckRole: of an operator's server every role may do what it is for; of an open one too much.
func TestCheckRole(t *testing.T) {
	op := operator(t, nil)
	b := broker(t, op, nil)
	for _, role := range bus.Roles() {
		rep, err := bus.CheckRole(within(t), options(op, b.URL(), role), role, "")
		if err != nil {
			t.Fatal(err)
		}
		if rep.Wrong != 0 || !rep.TLS || len(rep.Rules) != 2*12-1 { // twelve subjects; nobody publishes to all of them
			t.Errorf("%s: %+v", role, rep)
		}
	}
	rep, err := bus.CheckRole(within(t), options(op, b.URL(), bus.RoleViewer), bus.RoleDecoder, "")
	if err != nil || rep.Wrong == 0 {
		t.Errorf("a viewer's key passes for a decoder's: %+v (%v)", rep, err)
	}
	rep, err = bus.CheckRole(within(t), bus.Options{URL: open(t, "").URL()}, bus.RoleViewer, "")
	if err != nil || rep.Wrong == 0 || rep.TLS {
		t.Errorf("an open server passes: %+v (%v)", rep, err)
	}
}

// TestRawRefusedToWhoMayNotPublish: whoever may not publish samples is told at once, and not that all were sent; whose key loses its
// role while it sends is told with the samples that follow, or at the end. A source, which may publish and not listen, sends on where
// it was refused to listen.
func TestRawRefusedToWhoMayNotPublish(t *testing.T) {
	op := operator(t, nil)
	b, err := bus.StartBroker(bus.BrokerOptions{Operator: op})
	if err != nil {
		t.Fatal(err)
	}
	i := info(8)
	for _, role := range []bus.Role{bus.RoleViewer, bus.RoleController, bus.RoleOperator, bus.RoleAuditor} {
		w, err := bus.NewRawWriter(as(t, op, b.URL(), role, nil), "s1", "eeg", i, bus.Clock{})
		if err == nil {
			t.Errorf("a client with the role %s publishes samples", role)
			_ = w.Close()
			continue
		}
		wantError(t, err, string(role)+".nk) may not use gyrus.s1.raw.eeg")
	}
	source := as(t, op, b.URL(), bus.RoleSource, nil)
	_, err = source.SubscribeRaw("s1", "eeg")
	wantError(t, err, "may not use gyrus.s1.raw.eeg")
	writer := func() *bus.RawWriter {
		t.Helper()
		w, err := bus.NewRawWriter(source, "s1", "eeg", i, bus.Clock{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(noise(i, 10, 1)); err != nil {
			t.Fatal(err)
		}
		return w
	}
	goesOn, ends := writer(), writer()

	op.Config.Listen = strings.TrimPrefix(b.URL(), "tls://")
	keys := op.Config.Keys
	keys[bus.RoleSource], keys[bus.RoleViewer] = keys[bus.RoleViewer], keys[bus.RoleSource]
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	broker(t, op, nil)
	eventually(t, "the link to be back", source.Connected)
	eventually(t, "the refusal", func() bool {
		err = goesOn.Write(noise(i, 10, 2))
		return err != nil && !errors.Is(err, bus.ErrNotSent)
	})
	wantError(t, err, "source.nk) may not use gyrus.s1.raw.eeg")
	if err := goesOn.Close(); err != nil {
		t.Errorf("what was told is told again: %v", err)
	}
	wantError(t, ends.Close(), "source.nk) may not use gyrus.s1.raw.eeg")
}
