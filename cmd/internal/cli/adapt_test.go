package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// TestLiveLearnsFromControl: gyrus live with adapt and gyrus control with feedback, in two processes as far as the bus is
// concerned: the session learns from the ends of the cursor's trials, reports it, logs each update, and saves a model
// that names the one before and can be used.
func TestLiveLearnsFromControl(t *testing.T) {
	m, dir, port := model(t), t.TempDir(), freePort(t)
	file, saved, log := filepath.Join(dir, "s.yaml"), filepath.Join(dir, "adapted.gyrus"), filepath.Join(dir, "adapt.jsonl")
	text := fmt.Sprintf(`session: s1
bundle: %s
source: {use: play, file: %s, speed: 8}
bus: {port: %d}
valid_for_ms: 500
adapt: {log: adapt.jsonl, save: adapted.gyrus, settle: 5, updates_per_minute: 1000}
`, m, s001(t, "R14"), port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	live := start(t, "live", file)
	says(t, "decoding", &live.errs)
	cursor := start(t, "control", "cursor", "--session", "s1", "--url", url, "--left", "feet", "--right", "fists", "--headless",
		"--feedback", "--speed", "10", "--pause", "20ms", "--timeout", "2s", "--trials", "30", "--json")
	other, err := bus.Open(t.Context(), bus.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []bus.Feedback{{Run: 1, Seq: 1, Reward: 1}, {Run: 1, Seq: 2, Label: "tongue"}} { // of a run long ago
		f.Session, f.Decoder = "s1", "decoder"
		if err := other.SendFeedback(f); err != nil {
			t.Error(err)
		}
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	if code := cursor.wait(t); code != 0 {
		t.Fatalf("the cursor ends with %d: %s", code, cursor.errs.String())
	}
	lines := strings.Split(strings.TrimSpace(cursor.out.String()), "\n")
	var last struct {
		Score    struct{ Hits, Misses int }
		Feedback struct{ Sent int }
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if code := live.wait(t); code != 0 {
		t.Fatalf("the session ends with %d: %s", code, live.errs.String())
	}
	got := regexp.MustCompile(`feedback: (\d+) on \d+ commands, (\d+) learned from, \d+ matched none, 2 of another run, 0 with a label that is no class, 0 malformed`).FindStringSubmatch(live.out.String())
	if got == nil {
		t.Fatalf("the session does not say what became of the feedback: %s", live.out.String())
	}
	given, _ := strconv.Atoi(got[1])
	learned, _ := strconv.Atoi(got[2])
	t.Logf("%d hits and %d misses, %d pieces of feedback sent, %d arrived in time, %d learned from", last.Score.Hits, last.Score.Misses, last.Feedback.Sent, given, learned)
	if last.Feedback.Sent < 10 || given < last.Feedback.Sent-2 || learned < given-4 || learned < 6 {
		t.Errorf("%d sent, %d arrived, %d learned from: want at least 10, nearly all and nearly all", last.Feedback.Sent, given, learned)
	}
	if !strings.Contains(live.out.String(), fmt.Sprintf("what was learned: %d updates", learned)) || !strings.Contains(live.out.String(), "written: "+saved) {
		t.Errorf("the session does not say what it saved: %s", live.out.String())
	}

	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	updates := 0
	for in := bufio.NewScanner(f); in.Scan(); {
		var line struct {
			Accepted bool
			Source   string
		}
		if err := json.Unmarshal(in.Bytes(), &line); err != nil || line.Source == "" {
			t.Fatalf("%v in %s", err, in.Text())
		}
		if line.Accepted {
			updates++
		}
	}
	if updates != learned {
		t.Errorf("the log has %d updates, there were %d", updates, learned)
	}

	hash, err := hashFile(m)
	if err != nil {
		t.Fatal(err)
	}
	var info struct {
		Adapted struct {
			From    string `json:"from_sha256"`
			Updates int
		}
	}
	mustJSON(t, &info, "models", "info", saved, "--json")
	if info.Adapted.From != hash || info.Adapted.Updates != learned {
		t.Errorf("the saved model is from %s with %d updates, want %s and %d", info.Adapted.From, info.Adapted.Updates, hash, learned)
	}
	if code, out, errs := run(t, "eval", saved, s001(t, "R14")); code != 0 || !strings.Contains(out, "balanced accuracy") {
		t.Errorf("eval of the saved model: exit %d, %s%s", code, out, errs)
	}
}

// TestLiveRefusesToAdapt: what cannot adapt is refused before anything begins, and no file is made.
func TestLiveRefusesToAdapt(t *testing.T) {
	dir := t.TempDir()
	m := filepath.Join(dir, "cursor.gyrus")
	var res map[string]any
	mustJSON(t, &res, "train", "kalman-velocity", "synth:cursor:1:1", "synth:cursor:1:2", "-o", m, "--json")
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tc := range []struct {
		file string
		code int
		want string
	}{
		{write("a.yaml", "bundle: cursor.gyrus\nsource: {use: synth, task: cursor}\nadapt: {log: log.jsonl}\n"), exitRefused, "decoder kalman does not decide between classes"},
		{write("b.yaml", "bundle: cursor.gyrus\nsource: {use: synth}\nadapt: {save: ./cursor.gyrus}\n"), exitUsage, "the bundle itself"},
	} {
		if code, _, errs := run(t, "live", tc.file); code != tc.code || !strings.Contains(errs, tc.want) {
			t.Errorf("%s: exit %d, %s; want %d and %q", tc.file, code, errs, tc.code, tc.want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "log.jsonl")); err == nil {
		t.Error("a session that was refused has left a log")
	}
}
