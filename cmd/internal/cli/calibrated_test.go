package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// decides is csp-lda that decides only where the evidence is strong, at most so many times a minute at rest.
const decides = `preprocess:
  - {use: bandpass, low_hz: 8, high_hz: 30, order: 4}
segment: {use: events, tmin_s: 0.5, tmax_s: 3.5, events: {T1: left, T2: right}}
live: {use: sliding, length_s: 3, step_s: 0.1}
features:
  - {use: csp, components: 6}
  - {use: logvar}
decoder: {use: lda, shrinkage: auto}
decide: {use: evidence, false_per_min: 3}
`

// TestCalibratedSession: a session that calibrates, decodes, is refused or accepted, and swaps its model, records itself, and the
// recording runs to the same decisions again to the last bit, whichever way its model was made. The classes are named so that
// their order in the model is not that of their labels.
func TestCalibratedSession(t *testing.T) {
	for name, pipeline := range map[string]string{
		"every window": "{pipeline: csp-lda, %s}", "threshold": "{pipeline: own.yaml, rest_block_s: 96, %s}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "own.yaml", decides)
			port := freePort(t)
			url := fmt.Sprintf("nats://127.0.0.1:%d", port)
			cal := fmt.Sprintf(pipeline, "classes: {T1: zulu, T2: alpha}, trials: 6, cue_s: 4, rest_s: 2, accept: ask, save: made.gyrus, seed: 3")
			file := write(t, dir, "s.yaml", fmt.Sprintf("session: s1\nsource: {use: synth, task: person, length_s: 700, speed: 40, seed: 4}\nbus: {port: %d}\nrecord: {file: run1.arrow}\ncalibrate: %s\n", port, cal)+patient)
			live := start(t, "live", file, "--json")
			ask := func(verb ...string) {
				t.Helper()
				if code, _, errs := run(t, append([]string{"ctl", "s1", "--url", url}, verb...)...); code != 0 {
					t.Fatalf("%v: %s", verb, errs)
				}
			}
			asked := func(times int) {
				t.Helper()
				for end := time.Now().Add(inTime); strings.Count(live.errs.String(), "say accept, refuse or repeat") < times; time.Sleep(20 * time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("was not asked %d times: %s", times, live.errs.String())
					}
				}
			}
			asked(1)
			ask("repeat")
			asked(2)
			ask("accept")
			time.Sleep(time.Second)
			ask("pause")
			time.Sleep(300 * time.Millisecond)
			ask("resume")
			time.Sleep(time.Second)
			// The model that was made, from elsewhere: a swap that keeps the filters.
			moved := filepath.Join(dir, "moved.gyrus")
			if err := os.WriteFile(moved, mustRead(t, filepath.Join(dir, "made.gyrus")), 0o600); err != nil {
				t.Fatal(err)
			}
			ask("swap", moved)
			time.Sleep(500 * time.Millisecond)
			ask("stop")
			if code := live.wait(t); code != exitDone {
				t.Fatalf("exit code %d: %s", code, live.errs.String())
			}
			rec := filepath.Join(dir, "run1.arrow")
			var again replayJSON
			mustJSON(t, &again, "replay", rec, "--json")
			if !again.SameModel || again.Exact != again.Recorded || again.Replayed != again.Recorded || again.Exact < 200 || again.Fates["held"] == 0 || again.OtherModels != 0 {
				t.Errorf("the replay: %d recorded, %d replayed, %d windows in both, %d exact, %d the same, %d of other models, fates %v, models %v; the first difference is %+v",
					again.Recorded, again.Replayed, again.Windows, again.Exact, again.Same, again.OtherModels, again.Fates, again.Models, again.Differences[:min(1, len(again.Differences))])
			}
			var info infoJSON
			mustJSON(t, &info, "info", rec, "--json")
			cues := 0
			for _, e := range info.Events {
				if (e.Label == "T1" || e.Label == "T2") && e.Duration == 4 {
					cues++
				}
			}
			if cues < 24 {
				t.Errorf("%d of 24 cues that were shown are in the recording", cues)
			}
			code, out, errs := run(t, "replay", rec)
			if code != exitDone || !strings.Contains(out, "the same to the last bit") {
				t.Errorf("exit code %d: %s%s", code, out, errs)
			}
		})
	}
}

// TestCalibratedBesideBundle: where the model of a calibration is refused, the recording is that of the bundle, and replays; a bundle
// that decides between other classes than the calibration teaches is refused before anybody waits, as a controller understands one
// of them at most.
func TestCalibratedBesideBundle(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	m := filepath.Join(dir, "m.gyrus")
	if code, _, errs := run(t, "train", "csp-lda", "synth:imagery:1:1", "synth:imagery:1:2", "-o", m); code != 0 {
		t.Fatalf("train: %s", errs)
	}
	session := func(classes string) string {
		return write(t, dir, "s.yaml", "bundle: m.gyrus\nsource: {use: synth, task: person, length_s: 300, speed: 60, seed: 4}\nrecord: {file: run1.arrow}\n"+
			"calibrate: {pipeline: csp-lda, classes: "+classes+", trials: 5, cue_s: 4, rest_s: 1, accept: {metric: ci_low, above: 1}, save: made.gyrus}\n"+patient)
	}
	if code, _, errs := run(t, "live", session("{T1: zulu, T2: alpha}")); code != exitRefused || !strings.Contains(errs, "alpha, zulu") || !strings.Contains(errs, "left, right") {
		t.Errorf("other classes: exit code %d, %s", code, errs)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "run1*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	code, out, errs := run(t, "live", session("{T1: left, T2: right}"))
	if code != exitDone {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	var again replayJSON
	mustJSON(t, &again, "replay", filepath.Join(dir, "run1.arrow"), "--json")
	if !again.SameModel || again.Exact != again.Recorded || again.Exact < 100 || len(again.Models) != 1 || again.Models[0].File != m {
		t.Errorf("the replay: %d recorded, %d exact, models %v", again.Recorded, again.Exact, again.Models)
	}
	// Without a bundle nothing decides: there is nothing to replay, unless a model is laid beside it.
	none := write(t, dir, "none.yaml", strings.Replace(strings.Replace(string(mustRead(t, filepath.Join(dir, "s.yaml"))), "bundle: m.gyrus\n", "", 1), "run1", "run2", 1))
	if code, _, errs := run(t, "live", none); code != exitIncomplete || !strings.Contains(errs, "the model was not accepted") {
		t.Errorf("without a bundle: exit code %d, %s", code, errs)
	}
	if code, _, errs := run(t, "replay", filepath.Join(dir, "run2.arrow")); code != exitUsage || !strings.Contains(errs, "no model decided in this session") {
		t.Errorf("a replay of nothing: exit code %d, %s", code, errs)
	}
	mustJSON(t, &again, "replay", filepath.Join(dir, "run2.arrow"), "--model", m, "--json")
	if again.SameModel || again.Recorded != 0 || again.Replayed < 100 {
		t.Errorf("a model beside a session that decided nothing: %d recorded, %d replayed", again.Recorded, again.Replayed)
	}
}
