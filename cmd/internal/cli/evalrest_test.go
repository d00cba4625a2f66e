package cli

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// onsetsOf counts what gyrus decode writes of a recording: decisions that begin, and minutes of windows with and without one
// that could be made. A window slides on by 0.1 s.
func onsetsOf(t *testing.T, model, rec string) (n int, minutes, rejected float64) {
	t.Helper()
	code, out, errs := run(t, "decode", model, rec)
	if code != 0 {
		t.Fatalf("decode %s: exit code %d: %s", rec, code, errs)
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	why, what := slices.Index(rows[0], "rejected"), slices.Index(rows[0], "decision")
	before := ""
	for _, r := range rows[1:] {
		if r[what] != "" && r[what] != before {
			n++
		}
		before = r[what]
		if r[why] != "" {
			rejected += 0.1 / 60
		} else {
			minutes += 0.1 / 60
		}
	}
	return n, minutes, rejected
}

// TestEvalRest: the false decisions at rest are those that gyrus decode writes, together and of each recording, beside the rate
// that was asked for. What the model knows is marked.
func TestEvalRest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rest.gyrus")
	learn := []string{"synth:imagery:1:1", "synth:imagery:1:2", "synth:imagery:1:3"}
	var tr trainJSON
	mustJSON(t, &tr, slices.Concat([]string{"train", "csp-lda"}, learn, []string{"--rest", "synth:rest:1:1", "--false-activations", "20", "-o", path, "--json"})...)
	var res struct {
		evalRest `json:"rest"`
	}
	files := []string{"synth:rest:1:1", "synth:rest:1:2", "synth:rest:2:1", learn[0]}
	mustJSON(t, &res, "eval", path, "--rest", strings.Join(files, ","), "--json")
	count, minutes, rejected := 0, 0.0, 0.0
	for i, r := range res.Recordings {
		n, m, away := onsetsOf(t, path, files[i])
		if r.Name != files[i] || r.Count != n || math.Abs(r.Minutes-m) > 1e-9 || math.Abs(r.Unlike+r.Rejected-away) > 1e-9 || math.Abs(*r.PerMinute-float64(n)/m) > 1e-9 || r.Met != nil {
			t.Errorf("%+v; gyrus decode has %d decisions in %g min and %g min without", r, n, m, away)
		}
		if want := files[i] == "synth:rest:1:1" || files[i] == learn[0]; r.InTraining != want {
			t.Errorf("%s: in training: %t", r.Name, r.InTraining)
		}
		count, minutes, rejected = count+n, minutes+m, rejected+away
	}
	if len(res.Recordings) != 4 || count == 0 || res.Count != count || math.Abs(res.Minutes-minutes) > 1e-9 || math.Abs(res.Unlike+res.Rejected-rejected) > 1e-9 || res.Asked != 20 || res.Met == nil || *res.Met != (*res.PerMinute <= 20) {
		t.Errorf("together %+v; gyrus decode has %d decisions in %g min and %g min without", res.Idle, count, minutes, rejected)
	}
	code, out, errs := run(t, "eval", path, learn[0], "--rest", "synth:rest:1:1")
	for _, want := range []string{
		"\nbalanced_accuracy ", "\nat rest ", "\nsynth:rest:1:1 ", "\ntogether ",
		fmt.Sprintf(" %.2f  ", *res.Recordings[0].PerMinute), "\nat most 20 false decisions a minute asked for: met, ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("exit %d: %q is not in %s%s", code, want, out, errs)
		}
	}
	if !strings.Contains(errs, "synth:rest:1:1: the threshold of the model was set with this file") {
		t.Errorf("not said: the threshold is from this rest: %s", errs)
	}
	if code, _, errs := run(t, "eval", path, "--rest", learn[0]); code != 0 || !strings.Contains(errs, "16 of its events are of a class that the model decides for") {
		t.Errorf("trials as rest: exit %d: %s", code, errs)
	}
	var all evalJSON
	mustJSON(t, &all, "eval", path, learn[0], "--rest", "synth:rest:1:2", "--json")
	if all.Trials == 0 || all.Rest == nil || all.Rest.Count != res.Recordings[1].Count {
		t.Errorf("scores and rest together: %d trials, %+v", all.Trials, all.Rest)
	}
}

// TestEvalRestHeldBack: rest with the eyes closed is unlike that with open eyes, which the threshold is from: the time is counted as
// held back, and no rate is made up.
func TestEvalRestHeldBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rest.gyrus")
	if code, _, errs := run(t, "train", "csp-lda", s001(t, "R06"), s001(t, "R10"), s001(t, "R14"), "--events", "T1=fists,T2=feet",
		"--rest", s001(t, "R01"), "--false-activations", "5", "-o", path); code != 0 {
		t.Fatal(errs)
	}
	var res struct {
		evalRest `json:"rest"`
	}
	mustJSON(t, &res, "eval", path, "--rest", s001(t, "R02"), "--json")
	if res.Unlike < 0.95 || res.Minutes > 0 || res.Rejected > 0 || res.PerMinute != nil || res.Low != nil || res.Met != nil || res.Count != 0 {
		t.Errorf("%+v", res.Idle)
	}
	_, out, _ := run(t, "eval", path, "--rest", s001(t, "R02"))
	for _, want := range []string{"not shown: nothing could be decided", "nothing is decided in most of the time"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %s", want, out)
		}
	}
}

func TestEvalRestErrors(t *testing.T) {
	dir := t.TempDir()
	model := func(name string, args ...string) string {
		path := filepath.Join(dir, name)
		if code, _, errs := run(t, append(args, "-o", path)...); code != 0 {
			t.Fatal(errs)
		}
		return path
	}
	imagery := func(pipe string) []string { return []string{"train", pipe, "synth:imagery:1:1", "synth:imagery:1:2"} }
	plain := model("plain.gyrus", imagery("csp-lda")...)
	ahead := filepath.Join(dir, "ahead.yaml")
	text := string(mustRead(t, "../../../stream/pipeline/gallery/csp-lda-zero-phase.yaml")) + "live: {use: sliding, length_s: 3, step_s: 0.1}\ndecide: {use: evidence, enter_nats: 3}\n"
	if err := os.WriteFile(ahead, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	zero := model("zero.gyrus", imagery(ahead)...)
	decides := model("decides.gyrus", append(imagery("csp-lda"), "--rest", "synth:rest:1:1", "--false-activations", "20")...)
	follows := model("follows.gyrus", "train", "kalman-velocity", "synth:cursor:1:1", "synth:cursor:1:2")
	rest := "synth:rest:1:2"
	for _, tc := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{decides}, 2, "nothing to score"},
		{[]string{decides, "--rest", ""}, 2, "--rest is empty"},
		{[]string{decides, "--rest", rest + ","}, 2, "a name is empty"},
		{[]string{decides, "--rest", "none.edf"}, 2, "none.edf"},
		{[]string{decides, "--rest", rest + "," + rest}, 3, "same content"},
		{[]string{decides, rest, "--rest", rest}, 2, "nothing is meant, or there are trials"},
		{[]string{decides, "--rest", rest, "--seizures", "seizure"}, 2, "exclude each other"},
		{[]string{decides, "--rest", rest, "--preictal", "60"}, 2, "--preictal needs --seizures"},
		{[]string{plain, "--rest", rest}, 2, "a section decide, and the model has none"},
		{[]string{zero, "--rest", rest}, 3, "looks into the future"},
		{[]string{follows, "--rest", rest}, 2, "need a model of classes"},
	} {
		if code, out, errs := run(t, append([]string{"eval"}, tc.args...)...); code != tc.code || out != "" || !strings.Contains(errs, tc.want) {
			t.Errorf("%v: exit code %d, %s%s; want %d and %q", tc.args, code, out, errs, tc.code, tc.want)
		}
	}
}
