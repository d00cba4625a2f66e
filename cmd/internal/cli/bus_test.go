package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// operatorDir is made by gyrus bus init, with ports that are free.
func operatorDir(t *testing.T) (dir string, port int) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "op")
	var made struct {
		Keys map[string]string `json:"credentials"`
	}
	mustJSON(t, &made, "bus", "init", dir, "--name", "lab.example.org", "--json")
	if len(made.Keys) != 6 || made.Keys["viewer"] != filepath.Join(dir, "viewer.nk") {
		t.Errorf("keys %v", made.Keys)
	}
	file := filepath.Join(dir, "broker.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	port = freePort(t)
	changed := strings.NewReplacer("0.0.0.0:4222", fmt.Sprintf("127.0.0.1:%d", port), "127.0.0.1:4223", fmt.Sprintf("127.0.0.1:%d", freePort(t))).Replace(string(text))
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, port
}

// TestBusInitSession: keys of one session are made with a directory or added to it, never over others, and pass the check of a server.
func TestBusInitSession(t *testing.T) {
	op, port := operatorDir(t)
	var made struct {
		Keys     map[string]string            `json:"credentials"`
		Sessions map[string]map[string]string `json:"sessions"`
	}
	mustJSON(t, &made, "bus", "init", op, "--session", "s1", "--json")
	if len(made.Keys) != 0 || len(made.Sessions) != 1 || len(made.Sessions["s1"]) != 5 || made.Sessions["s1"]["decoder"] != filepath.Join(op, "sessions", "s1", "decoder.nk") {
		t.Errorf("%+v", made)
	}
	if code, out, errs := run(t, "bus", "init", op, "--session", "s2", "--session", "s3"); code != exitDone || !strings.Contains(out, filepath.Join("s3", "viewer.nk")) || !strings.Contains(errs, "started anew") {
		t.Errorf("%d: %s%s", code, out, errs)
	}
	fresh := filepath.Join(t.TempDir(), "fresh")
	if code, out, errs := run(t, "bus", "init", fresh, "--session", "s1"); code != exitDone || !strings.Contains(out, filepath.Join(fresh, "viewer.nk")) || !strings.Contains(out, "in session s1 only") {
		t.Errorf("%d: %s%s", code, out, errs)
	}
	for _, tc := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{op, "--session", "s1"}, exitFailed, "exists"},
		{[]string{op, "--session", "s4", "--session", "s1"}, exitIncomplete, "the keys of s4 were made"},
		{[]string{op, "--session", "s5", "--session", "s5"}, exitUsage, "given twice"},
		{[]string{op, "--session", "s.6"}, exitUsage, "letters, digits"},
		{[]string{op, "--session", "s7", "--days", "5"}, exitUsage, "--days does nothing here"},
		{[]string{op}, exitFailed, "exists"},
	} {
		if code, _, errs := run(t, append([]string{"bus", "init"}, tc.args...)...); code != tc.code || !strings.Contains(errs, tc.want) {
			t.Errorf("%v: %d: %s; want %d with %q", tc.args, code, errs, tc.code, tc.want)
		}
	}
	url := fmt.Sprintf("tls://127.0.0.1:%d", port)
	server := start(t, "bus", "run", op)
	says(t, "bus: "+url, &server.errs)
	if code, out, errs := run(t, "bus", "check", url, "--operator", op, "--role", "decoder", "--session", "s3"); code != exitDone || strings.Contains(out, "WRONG") || !strings.Contains(out, "gyrus.s3.cmd.*") {
		t.Errorf("the key of a session: %d: %s%s", code, out, errs)
	}
	if code, out, _ := run(t, "bus", "check", url, "--operator", op, "--role", "decoder", "--session", "s1"); code != exitDone || strings.Contains(out, "WRONG") {
		t.Errorf("the key of another: %d: %s", code, out)
	}
	if code, _, errs := run(t, "bus", "check", url, "--operator", op, "--role", "auditor", "--session", "s1"); code != exitUsage || !strings.Contains(errs, "no key of one session") {
		t.Errorf("an auditor: %d: %s", code, errs)
	}
	server.stop()
	if code := server.wait(t); code != exitDone && code != exitIncomplete {
		t.Errorf("the server ends with %d: %s", code, server.errs.String())
	}
}

// TestBusForOthers is a laboratory: a server of its own, a decoder, a controller with its key, an amplifier with its key,
// a viewer who tries to decode, and the audit at the end.
func TestBusForOthers(t *testing.T) {
	m := model(t)
	op, port := operatorDir(t)
	url := fmt.Sprintf("tls://127.0.0.1:%d", port)
	server := start(t, "bus", "run", op, "--json")
	says(t, "bus: "+url, &server.errs)
	key := func(role string) []string {
		return []string{"--url", url, "--ca", filepath.Join(op, "ca.crt"), "--credentials", filepath.Join(op, role+".nk")}
	}
	for _, role := range []string{"decoder", "source", "controller", "viewer", "operator", "auditor"} {
		if code, out, errs := run(t, "bus", "check", url, "--operator", op, "--role", role); code != exitDone || strings.Contains(out, "WRONG") {
			t.Errorf("%s: exit code %d: %s%s", role, code, out, errs)
		}
	}
	if code, out, _ := run(t, "bus", "check", url, "--role", "decoder", "--ca", filepath.Join(op, "ca.crt"), "--credentials", filepath.Join(op, "viewer.nk")); code != exitFailed || !strings.Contains(out, "WRONG") {
		t.Errorf("a viewer's key passes for a decoder's: %d: %s", code, out)
	}

	if code, _, errs := run(t, "bus", "check", url, "--operator", op, "--role", "viewer", "--session", "s1"); code == exitDone || !strings.Contains(errs, filepath.Join("sessions", "s1", "viewer.nk")) {
		t.Errorf("a session without keys: %d: %s", code, errs)
	}

	session := func(role string) string {
		file := filepath.Join(filepath.Dir(op), role+".yaml") // the paths in it count from its folder
		text := fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: nats, stream: eeg}\nbus: {url: %q, credentials: op/%s.nk, ca: op/ca.crt}\n"+patient, m, url, role)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	if code, _, errs := run(t, "live", session("viewer")); code != exitFailed || !strings.Contains(errs, "may not use gyrus.s1.status") {
		t.Errorf("a viewer decodes: %d: %s", code, errs)
	}
	if code, out, errs := run(t, append([]string{"play", s001(t, "R14"), "--nats", "--session", "s1", "--speed", "20"}, key("viewer")...)...); code != exitFailed || !strings.Contains(errs, "viewer.nk) may not use gyrus.s1.raw.eeg") || !strings.Contains(out, ": 0 samples") {
		t.Errorf("a viewer plays: %d: %s%s", code, out, errs)
	}
	decoder := start(t, "live", session("decoder"), "--json")
	says(t, "waiting for the stream", &decoder.errs)
	cursor := start(t, append([]string{"control", "cursor", "--session", "s1", "--left", "feet", "--right", "fists", "--json"}, key("controller")...)...)
	says(t, `"state":"safe"`, &cursor.out)
	if code, _, errs := run(t, append([]string{"play", s001(t, "R14"), "--nats", "--session", "s1", "--speed", "20"}, key("source")...)...); code != exitDone {
		t.Errorf("the amplifier ends with %d: %s", code, errs)
	}
	decoder.wait(t) // the stream has ended
	var rep map[string]any
	if err := json.Unmarshal([]byte(decoder.out.String()), &rep); err != nil || rep["sent"].(float64) < 1000 || rep["not_sent"] != 0.0 {
		t.Errorf("live reports %v (%v): %s", rep, err, decoder.errs.String())
	}
	says(t, `"state":"safe","reason":"ended"`, &cursor.out)
	cursor.stop()
	cursor.wait(t)
	says(t, "Publish Violation", &server.errs) // of the viewer

	server.stop()
	if code := server.wait(t); code != exitDone { // no copy is missing in the audit
		t.Errorf("the server ends with %d: %s", code, server.errs.String())
	}
	var st struct {
		Audit struct{ Heard, Stored uint64 } `json:"audit"`
	}
	if err := json.Unmarshal([]byte(server.out.String()), &st); err != nil || st.Audit.Heard != st.Audit.Stored {
		t.Errorf("the server reports %+v (%v), want all in the audit", st, err)
	}
	sent := int(rep["sent"].(float64)) // the audit holds what bus check tried too, in sessions of its own
	code, out, errs := run(t, "bus", "audit", op, "--session", "s1", "--json")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != exitDone || len(lines) != sent {
		t.Fatalf("exit code %d, %d records, want %d: %s", code, len(lines), sent, errs)
	}
	for i, ln := range lines {
		var r struct {
			Subject string
			Data    struct{ Seq uint64 }
		}
		if err := json.Unmarshal([]byte(ln), &r); err != nil || r.Subject != "gyrus.s1.cmd.decoder" || r.Data.Seq != uint64(i+1) {
			t.Fatalf("record %d is %q (%v)", i, ln, err)
		}
	}
}

func TestBusRefuses(t *testing.T) {
	op, port := operatorDir(t)
	url := fmt.Sprintf("tls://127.0.0.1:%d", port)
	for _, tc := range []struct {
		code int
		want string
		args []string
	}{
		{exitFailed, "nothing is written over it", []string{"bus", "init", op}},
		{exitFailed, "0.0.0.0", []string{"bus", "init", op + "2", "--name", "0.0.0.0"}},
		{exitUsage, "--days", []string{"bus", "init", op + "2", "--days", "0"}},
		{exitFailed, "gyrus bus init", []string{"bus", "run", "--listen", "0.0.0.0:0"}},
		{exitUsage, "--websocket needs", []string{"bus", "run", "--websocket", "127.0.0.1:0"}},
		{exitRefused, "gyrus bus init makes", []string{"bus", "run", t.TempDir()}},
		{exitFailed, "origins is empty", []string{"bus", "run", op, "--websocket", "127.0.0.1:0", "--no-audit"}},
		{exitUsage, "no role is called", []string{"bus", "check", url, "--role", "king"}},
		{exitUsage, "without TLS", []string{"bus", "check", "nats://192.0.2.7:4222", "--role", "viewer"}},
		{exitUsage, "command line", []string{"bus", "check", "nats://me:secret@127.0.0.1:4222", "--role", "viewer"}},
		{exitUsage, "command line", []string{"control", "cursor", "--url", "nats://me:secret@127.0.0.1:4222"}},
		{exitUsage, "without credentials", []string{"control", "cursor", "--url", "tls://192.0.2.7:4222"}},
		{exitUsage, "--since", []string{"bus", "audit", op, "--since", "yesterday"}},
		{exitFailed, "for the first time", []string{"bus", "audit", op}},
	} {
		code, _, errs := run(t, tc.args...)
		if code != tc.code || !strings.Contains(errs, tc.want) || strings.Contains(errs, "secret") {
			t.Errorf("%v: exit code %d, want %d with %q: %s", tc.args, code, tc.code, tc.want, errs)
		}
	}
	t.Setenv("GYRUS_URL", "nats://me:secret@127.0.0.1:4222")
	if _, out, _ := run(t, "control", "cursor", "--help"); strings.Contains(out, "secret") {
		t.Error("the help shows a password of the environment")
	}
}

func TestDoctor(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "s.yaml")
	text := fmt.Sprintf("bundle: m.gyrus\nsource: {use: nats}\nbus: {url: \"nats://127.0.0.1:%d\", connect_timeout_s: 0.2}\n", freePort(t))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := run(t, "doctor", "--session", file, "--json")
	var v struct {
		Healthy  bool
		Findings []struct{ Check, State, What, Remedy string }
	}
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v in %q: %s", err, out, errs)
	}
	if code != exitFailed || v.Healthy {
		t.Errorf("exit code %d, healthy %t: nobody answers on the session's bus", code, v.Healthy)
	}
	last := v.Findings[len(v.Findings)-1]
	if last.Check != "bus" || last.State != "problem" || !strings.Contains(last.What, "no NATS server answers") || last.Remedy == "" {
		t.Errorf("%+v", last)
	}
	if code, _, _ := run(t, "doctor", "--session", filepath.Join(dir, "none.yaml")); code != exitUsage {
		t.Errorf("a session file that is not there: exit code %d", code)
	}
}
