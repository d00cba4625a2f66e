package bus_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
)

// sessionOperator is an operator whose directory has keys of the sessions s1 and s2 too: one made with it, one added.
func sessionOperator(t *testing.T) *bus.Operator {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "op")
	if err := bus.InitOperator(dir, bus.InitOptions{Sessions: []string{"s1"}}); err != nil {
		t.Fatal(err)
	}
	if err := bus.AddSession(dir, "s2"); err != nil {
		t.Fatal(err)
	}
	op, err := bus.ReadOperator(dir)
	if err != nil {
		t.Fatal(err)
	}
	op.Config.Listen, op.Config.Audit.Dir = "127.0.0.1:0", ""
	return op
}

// TestSessionRoles: a key of one session may do in it what its role may, and nothing in any other; answers go to those who may ask there.
func TestSessionRoles(t *testing.T) {
	op := sessionOperator(t)
	b := broker(t, op, nil)
	box := func(seed, kind string) string { return "_INBOX." + publicOf(t, seed) + "." + kind + ".1" }
	all, one, other := op.Seed(bus.RoleOperator), op.SessionSeed("s1", bus.RoleOperator), op.SessionSeed("s2", bus.RoleOperator)
	allDec, oneDec, otherDec := op.Seed(bus.RoleDecoder), op.SessionSeed("s1", bus.RoleDecoder), op.SessionSeed("s2", bus.RoleDecoder)
	subjects := []string{">", "gyrus.>", "gyrus.s1.>", "gyrus.*.status", "gyrus.*.cmd.*", "gyrus.s1.other", "_INBOX.>"}
	for _, s := range []string{"s1", "s2"} {
		for _, what := range []string{"cmd.lda", "status", "raw.eeg", "raw.eeg.schema", "feedback.lda", "actuator.lda", "ctl", "stop", "telemetry.lda", "telemetry.lda.cue"} {
			subjects = append(subjects, "gyrus."+s+"."+what)
		}
	}
	for _, seed := range []string{all, one, other, allDec, oneDec, otherDec} {
		subjects = append(subjects, box(seed, "ctl"), box(seed, "stop"), box(seed, "held"))
	}
	in := func(words ...string) []string {
		for i, w := range words {
			words[i] = "gyrus.s1." + w
		}
		return words
	}
	allowed := map[bus.Role]struct{ publish, subscribe []string }{
		bus.RoleDecoder: {
			append(in("cmd.lda", "status", "raw.eeg", "raw.eeg.schema", "stop", "telemetry.lda", "telemetry.lda.cue"), box(all, "ctl"), box(one, "ctl"), box(allDec, "held"), box(oneDec, "held")),
			append(in("status", "raw.eeg", "raw.eeg.schema", "feedback.lda", "actuator.lda", "ctl", "stop"), box(oneDec, "stop"), box(oneDec, "held")),
		},
		bus.RoleSource: {in("raw.eeg", "raw.eeg.schema"), nil},
		bus.RoleController: {
			append(in("feedback.lda", "actuator.lda"), box(all, "stop"), box(one, "stop"), box(allDec, "stop"), box(oneDec, "stop"), box(allDec, "held"), box(oneDec, "held")),
			in("cmd.lda", "status", "stop"),
		},
		bus.RoleViewer: {nil, in("cmd.lda", "status", "raw.eeg", "raw.eeg.schema", "feedback.lda", "actuator.lda", "telemetry.lda", "telemetry.lda.cue", "stop")},
		bus.RoleOperator: {
			in("ctl", "stop"),
			append(in("cmd.lda", "status", "feedback.lda", "actuator.lda", "telemetry.lda", "telemetry.lda.cue", "stop"), box(one, "ctl"), box(one, "stop")),
		},
	}
	if !slices.Equal(slices.Sorted(maps.Keys(allowed)), slices.Sorted(slices.Values(bus.SessionRoles()))) {
		t.Fatalf("the table is not of %v", bus.SessionRoles())
	}
	for role, may := range allowed {
		t.Run(string(role), func(t *testing.T) {
			nc, refused := plainWith(t, op, b.URL(), op.SessionSeed("s1", role))
			mayOnly(t, nc, refused, may.publish, may.subscribe, subjects)
		})
	}
}

// TestSessionsApart: two sessions on one server are moved, asked and stopped with their own keys, and with those of all sessions; each
// key is refused in the other session, and says so.
func TestSessionsApart(t *testing.T) {
	op := sessionOperator(t)
	b := broker(t, op, nil)
	with := func(session string, r bus.Role) *bus.Bus {
		t.Helper()
		o := options(op, b.URL(), r)
		o.Credentials = op.SessionSeed(session, r)
		return openWith(t, o)
	}
	decoder := with("s1", bus.RoleDecoder)
	w, _ := decode(t, decoder)
	ctl, err := bus.NewCtl(decoder, "s1", "lda", w.Run(), bus.NewClock(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := ctl.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctl.Handle(bus.Verb{Name: "status", Do: func(context.Context, []string) (any, error) { return "well", nil }})
	f := follow(t, with("s1", bus.RoleController))
	eventually(t, "the controller to move", func() bool { return f.accepted.Load() > 10 })

	all := as(t, op, b.URL(), bus.RoleOperator, nil)
	for name, o := range map[string]*bus.Bus{"of the session": with("s1", bus.RoleOperator), "of all": all} {
		if r, err := o.Ask(within(t), "s1", "lda", "status"); err != nil || string(r.Result) != `"well"` {
			t.Errorf("an operator %s asks: %s, %v", name, r.Result, err)
		}
		stood, err := o.SendStop(within(t), "s1", bus.Stop{}, 1)
		if err != nil || len(stood) != 1 {
			t.Errorf("an operator %s stops: %v, %v", name, stood, err)
		}
	}
	if a, ok := f.Current(); ok || !a.Latched {
		t.Errorf("behind the stop: %+v", a)
	}

	stranger := with("s2", bus.RoleOperator)
	_, err = stranger.Ask(within(t), "s1", "lda", "status")
	wantError(t, err, "may not use gyrus.s1.ctl", "or those of this session")
	for name, b := range map[string]*bus.Bus{"an operator of another session": stranger, "a viewer": with("s1", bus.RoleViewer), "a controller": with("s1", bus.RoleController)} {
		for range 2 { // what was refused before says nothing, and it is found again
			stood, err := b.SendStop(within(t), "s1", bus.Stop{}, 1)
			if len(stood) > 0 || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s stops: %v, %v", name, stood, err)
			}
			wantError(t, err, "THE STOP DID NOT LEAVE: stop by hand, or with the key of an operator of session s1", ".nk) may not use gyrus.s1.stop")
		}
	}
	_, err = bus.NewCommandWriter(with("s2", bus.RoleDecoder), "s1", "lda", time.Second, bus.Clock{})
	wantError(t, err, "may not use gyrus.s1.status")
	_, err = with("s2", bus.RoleController).SubscribeCommands("s1", "lda", func(bus.Command, time.Time) {})
	wantError(t, err, "may not use gyrus.s1.cmd.lda")
	_, err = with("s2", bus.RoleViewer).SubscribeTelemetry("s1", "lda", func(bus.Telemetry, time.Time) {})
	wantError(t, err, "may not use gyrus.s1.telemetry.lda")
}

// TestCheckSessionRole: the check of a key of one session says that all is right, moves nothing in it, and finds a key that counts
// in all sessions, or in another one.
func TestCheckSessionRole(t *testing.T) {
	op := sessionOperator(t)
	b := broker(t, op, nil)
	f := follow(t, as(t, op, b.URL(), bus.RoleController, nil))
	check := func(seed string, role bus.Role) bus.RoleReport {
		t.Helper()
		o := options(op, b.URL(), role)
		o.Credentials = seed
		rep, err := bus.CheckRole(within(t), o, role, "s1")
		if err != nil {
			t.Fatal(err)
		}
		return rep
	}
	for _, role := range bus.SessionRoles() {
		if rep := check(op.SessionSeed("s1", role), role); rep.Wrong != 0 || len(rep.Rules) != 2*(2*12-1)-3 {
			t.Errorf("%s: %+v", role, rep)
		}
		if rep := check(op.Seed(role), role); rep.Wrong == 0 {
			t.Errorf("%s: a key of all sessions passes for one of s1: %+v", role, rep)
		}
		if rep := check(op.SessionSeed("s2", role), role); rep.Wrong == 0 {
			t.Errorf("%s: a key of s2 passes for one of s1: %+v", role, rep)
		}
	}
	if a, _ := f.Current(); a.Latched || a.Reason != control.ReasonNever {
		t.Errorf("the check has stopped the controller of the session: %+v", a)
	}
}

// TestForgedAnswer: a controller that knows where an operator waits for the answer of a decoder cannot write it, and cannot listen.
func TestForgedAnswer(t *testing.T) {
	op := operator(t, nil)
	b := broker(t, op, nil)
	inbox := "_INBOX." + publicKey(t, op, bus.RoleOperator) + ".ctl"
	asker, _ := plainAs(t, op, b.URL(), bus.RoleOperator, nats.CustomInboxPrefix(inbox))
	answers, err := asker.SubscribeSync(inbox + ".>")
	if err != nil {
		t.Fatal(err)
	}
	if err := asker.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	forger, refused := plainAs(t, op, b.URL(), bus.RoleController)
	if err := errors.Join(forger.Publish(inbox+".known", []byte("forged")), forger.FlushTimeout(patience)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the refusal", func() bool { return refused.Load() == 1 })
	if _, err := forger.Subscribe(inbox+".known", func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the refusal to listen", func() bool { return refused.Load() == 2 })
	decoder, _ := plainAs(t, op, b.URL(), bus.RoleDecoder)
	if err := decoder.Publish(inbox+".known", []byte("true")); err != nil {
		t.Fatal(err)
	}
	m, err := answers.NextMsg(patience)
	if err != nil || string(m.Data) != "true" {
		t.Errorf("the first answer is %v, %v", m, err)
	}
}

// TestAddSession: the folder has keys for every role but the auditor's, is its owner's alone, and is never written over.
func TestAddSession(t *testing.T) {
	op := sessionOperator(t)
	for _, s := range []string{"s1", "s2"} {
		dir := filepath.Join(op.Dir, "sessions", s)
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
			st, err := e.Info()
			if err != nil {
				t.Fatal(err)
			}
			if runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %04o, want 0600", e.Name(), st.Mode().Perm())
			}
		}
		if want := []string{"controller.nk", "decoder.nk", "keys.yaml", "operator.nk", "source.nk", "viewer.nk"}; !slices.Equal(names, want) {
			t.Errorf("%s holds %v, want %v", dir, names, want)
		}
		st, err := os.Stat(dir)
		if err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o700 {
			t.Errorf("%v, %v", st.Mode(), err)
		}
		before, err := os.ReadFile(op.SessionSeed(s, bus.RoleDecoder))
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, bus.AddSession(op.Dir, s), dir, "exists", "nothing is written over it")
		if after, err := os.ReadFile(op.SessionSeed(s, bus.RoleDecoder)); err != nil || string(after) != string(before) {
			t.Errorf("the key of %s was written over: %v", s, err)
		}
	}
	wantError(t, bus.AddSession(op.Dir, "a.b"), "session", "letters, digits")
	wantError(t, bus.AddSession(filepath.Join(op.Dir, "none"), "s3"), "is not there")
	wantError(t, bus.InitOperator(filepath.Join(t.TempDir(), "op"), bus.InitOptions{Sessions: []string{"s 1"}}), "session")
}

// TestReadSessionsRefuses: what is wrong in sessions/ is named with the file, and no server starts.
func TestReadSessionsRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, op *bus.Operator, dir string) error
		want  []string
	}{
		"no list": {func(_ *testing.T, _ *bus.Operator, dir string) error {
			return os.Remove(filepath.Join(dir, "keys.yaml"))
		}, []string{"keys.yaml", "gyrus bus init --session"}},
		"no key": {func(_ *testing.T, _ *bus.Operator, dir string) error {
			return os.WriteFile(filepath.Join(dir, "keys.yaml"), []byte("viewer: [UABC]\n"), 0o600)
		}, []string{"viewer of session s1", "no public user NKey"}},
		"no role": {func(_ *testing.T, _ *bus.Operator, dir string) error {
			return os.WriteFile(filepath.Join(dir, "keys.yaml"), []byte("boss: []\n"), 0o600)
		}, []string{"session s1", `no role is called "boss"`}},
		"no YAML": {func(_ *testing.T, _ *bus.Operator, dir string) error {
			return os.WriteFile(filepath.Join(dir, "keys.yaml"), []byte("viewer: ["), 0o600)
		}, []string{"keys.yaml"}},
		"nothing": {func(_ *testing.T, _ *bus.Operator, dir string) error {
			return os.WriteFile(filepath.Join(dir, "keys.yaml"), nil, 0o600)
		}, []string{"keys.yaml"}},
		"an auditor": {func(t *testing.T, op *bus.Operator, dir string) error {
			return os.WriteFile(filepath.Join(dir, "keys.yaml"), []byte("auditor: ["+publicKey(t, op, bus.RoleAuditor)+"]\n"), 0o600)
		}, []string{"keys.yaml", "an auditor has no key of one session"}},
		"a key of all": {func(t *testing.T, op *bus.Operator, dir string) error {
			return os.WriteFile(filepath.Join(dir, "keys.yaml"), []byte("viewer: ["+publicKey(t, op, bus.RoleViewer)+"]\n"), 0o600)
		}, []string{"is listed for viewer and for viewer of session s1"}},
		"a name": {func(_ *testing.T, _ *bus.Operator, dir string) error {
			return os.Rename(dir, filepath.Join(filepath.Dir(dir), "s.1"))
		}, []string{"s.1", "letters, digits"}},
	} {
		t.Run(name, func(t *testing.T) {
			op := sessionOperator(t)
			if err := tc.spoil(t, op, filepath.Join(op.Dir, "sessions", "s1")); err != nil {
				t.Fatal(err)
			}
			_, err := bus.ReadOperator(op.Dir)
			wantError(t, err, tc.want...)
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
	// What a killed gyrus bus init has left behind counts for nothing.
	op := sessionOperator(t)
	if err := os.Mkdir(filepath.Join(op.Dir, "sessions", ".s3.123"), 0o700); err != nil {
		t.Fatal(err)
	}
	if again, err := bus.ReadOperator(op.Dir); err != nil || len(again.Sessions) != 2 {
		t.Errorf("%v, %v", again, err)
	}
}
