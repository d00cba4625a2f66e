package cli

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/cmd/internal/doctor"
)

// problems are those that doctor finds in a session file with the given text, of the given checks.
func problems(t *testing.T, dir, text string, checks ...string) (code int, found []doctor.Finding) {
	t.Helper()
	code, out, errs := run(t, "doctor", "--session", write(t, dir, "s.yaml", text), "--json")
	var v doctorJSON
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v in %q: %s", err, out, errs)
	}
	for _, f := range v.Findings {
		for _, c := range checks {
			if f.Check == c && f.State == doctor.Problem {
				found = append(found, f)
			}
		}
	}
	return code, found
}

// TestDoctorUnhealthy: a session that cannot start, or that cannot be written down, is no healthy one: each reason is named once, with what
// to do.
func TestDoctorUnhealthy(t *testing.T) {
	lab(t)
	dir := t.TempDir()
	m := model(t)
	port := freePort(t)
	base := fmt.Sprintf("session: s1\nsource: {use: synth}\nbus: {port: %d}\n", port)
	with := base + "bundle: " + m + "\n"
	write(t, dir, "short.token", "secret")
	for name, c := range map[string]struct {
		text string
		says []string // one problem each
	}{
		"nothing":            {with, nil},
		"no bundle, nats":    {fmt.Sprintf("bundle: nosuch.gyrus\nsource: {use: nats}\nbus: {port: %d}\n", port), []string{"the bundle of the session: "}},
		"no bundle":          {base + "bundle: nosuch.gyrus\n", []string{"nosuch.gyrus"}},
		"no folder of a log": {with + "adapt: {log: nofolder/a.jsonl}\n", []string{"there is no folder " + filepath.Join(dir, "nofolder")}},
		"a folder as a log":  {with + "adapt: {log: .}\n", []string{"is a directory"}},
		"no token":           {with + "dashboard: {listen: \"127.0.0.1:0\", token: nosuch.token}\n", []string{"nosuch.token"}},
		"a short token":      {with + "dashboard: {listen: \"127.0.0.1:0\", token: short.token}\n", []string{"short.token has 6 characters"}},
		"one port": {with + fmt.Sprintf("dashboard: {listen: \"127.0.0.1:%d\"}\nmetrics: {listen: \"127.0.0.1:%[1]d\"}\n", port), []string{
			"for the page of the session, and for the bus of it too", "for the metrics of the session, and for the bus of it too",
		}},
	} {
		code, found := problems(t, dir, c.text, "reads", "writes", "ports", "bus", "expected")
		if len(found) != len(c.says) {
			t.Errorf("%s: doctor finds %+v, want %q", name, found, c.says)
			continue
		}
		if len(found) > 0 && code != exitFailed {
			t.Errorf("%s: exit code %d", name, code)
		}
		for i, f := range found {
			if !strings.Contains(f.What, c.says[i]) || f.Remedy == "" || strings.Contains(f.What, "secret\n") {
				t.Errorf("%s: doctor says %+v, want %q", name, f, c.says[i])
			}
		}
	}
}

// TestReadOnlyFolder: a recording, a log or a model in a folder that takes no files is told of before a session: by doctor, and by live
// before it waits for a stream.
func TestReadOnlyFolder(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("cannot make a file system that is read-only: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	m := model(t)
	text := fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: nats, timeout_s: 5}\nbus: {port: %d}\nrecord: {file: %s}\nadapt: {log: %s, save: %s}\n",
		m, freePort(t), filepath.Join(dir, "r.arrow"), filepath.Join(dir, "a.jsonl"), filepath.Join(dir, "learned.gyrus"))
	own := t.TempDir()
	_, found := problems(t, own, text, "writes")
	if len(found) != 3 {
		t.Errorf("doctor finds %+v, want three", found)
	}
	const want = "read-only file system"
	for _, f := range found {
		if !strings.Contains(f.What, want) || f.Remedy == "" {
			t.Errorf("%+v does not say %q", f, want)
		}
	}
	text = fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: nats, timeout_s: 5}\nrecord: {file: %s}\n", m, filepath.Join(dir, "r.arrow"))
	if code, _, errs := run(t, "live", write(t, own, "s.yaml", text)); code != exitFailed || !strings.Contains(errs, want) || strings.Contains(errs, "waiting for the stream") {
		t.Errorf("live: exit code %d: %s", code, errs)
	}
}

// TestDoctorRole: a key that the server knows is not enough: it must be one that may decode, and in this session.
func TestDoctorRole(t *testing.T) {
	op, port := operatorDir(t)
	if code, _, errs := run(t, "bus", "init", op, "--session", "s2"); code != exitDone {
		t.Fatal(errs)
	}
	server := start(t, "bus", "run", op, "--no-audit")
	says(t, "bus: tls", &server.errs)
	m := model(t)
	for key, want := range map[string]string{
		"decoder.nk": "", "viewer.nk": "may not use gyrus.s1.cmd.", "controller.nk": "may not use gyrus.s1.cmd.", filepath.Join("sessions", "s2", "decoder.nk"): "may not use gyrus.s1.cmd.",
	} {
		text := fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: synth}\nbus: {url: \"tls://127.0.0.1:%d\", credentials: %s, ca: %s}\n", m, port, filepath.Join(op, key), filepath.Join(op, "ca.crt"))
		_, found := problems(t, t.TempDir(), text, "bus")
		if (want == "") != (len(found) == 0) || want != "" && (!strings.Contains(found[0].What, want) || found[0].Remedy == "") {
			t.Errorf("%s: doctor says %+v, want %q", key, found, want)
		}
	}
	server.stop()
	server.wait(t)
}
