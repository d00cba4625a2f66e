package cli

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// measures are the names that scripts rely on.
var measures = []string{
	"balanced_accuracy", "kappa", "weighted_f1", "roc_auc", "auc_pr", "brier", "log_loss", "ece", "itr_bits_per_min",
	"false_activations_per_min", "time_to_decision_s",
}

// byName checks that every measure is there once, that its interval holds its value, and that what is missing says why.
func byName(t *testing.T, what string, list []metricJSON) map[string]metricJSON {
	t.Helper()
	all := map[string]metricJSON{}
	var names []string
	for _, m := range list {
		names, all[m.Metric] = append(names, m.Metric), m
		switch {
		case m.Value == nil && m.Missing == "":
			t.Errorf("%s: %s has no value and does not say why", what, m.Metric)
		case m.Value != nil && (m.Low == nil || *m.Low > *m.Value || (m.High != nil && *m.High < *m.Value)):
			t.Errorf("%s: the interval of %+v does not hold its value", what, m)
		case m.Value != nil && m.Chance == nil && !strings.Contains(m.Assumes, "chance has no level"):
			t.Errorf("%s: %s has no chance level and does not say why", what, m.Metric)
		}
	}
	if !slices.Equal(names, measures) {
		t.Errorf("%s: the measures are %v, want %v", what, names, measures)
	}
	return all
}

// TestMeasures: train and eval give every measure, and those that are also said elsewhere agree.
func TestMeasures(t *testing.T) {
	dir := t.TempDir()
	text := string(mustRead(t, "../../../stream/pipeline/gallery/csp-lda.yaml")) + "decide: {use: evidence, enter_nats: 3}\n"
	pipe, path := filepath.Join(dir, "decides.yaml"), filepath.Join(dir, "decides.gyrus")
	if err := os.WriteFile(pipe, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var tr trainJSON
	mustJSON(t, &tr, "train", pipe, "synth:imagery:1:1", "synth:imagery:1:2", "synth:imagery:1:3", "-o", path, "--json")
	m := byName(t, "train", tr.Metrics)
	if *m["balanced_accuracy"].Value != tr.BalancedAccuracy || math.Abs(*m["roc_auc"].Value-tr.AUC.AUC) > 1e-12 || *m["kappa"].Chance != 0 {
		t.Errorf("balanced accuracy %v and area %v, elsewhere %g and %g", *m["balanced_accuracy"].Value, *m["roc_auc"].Value, tr.BalancedAccuracy, tr.AUC.AUC)
	}
	if a := m["itr_bits_per_min"].Assumes; !strings.HasPrefix(a, "a decision every 3.1 s (window 3 s and step 0.1 s)") {
		t.Errorf("the rate assumes %q", a)
	}
	var ev evalJSON
	mustJSON(t, &ev, "eval", path, "synth:imagery:1:4", "--json")
	m = byName(t, "eval", ev.Metrics)
	if *m["balanced_accuracy"].Value != ev.BalancedAccuracy || math.Abs(*m["roc_auc"].Value-ev.AUC.AUC) > 1e-12 {
		t.Errorf("eval: balanced accuracy %v and area %v, elsewhere %g and %g", *m["balanced_accuracy"].Value, *m["roc_auc"].Value, ev.BalancedAccuracy, ev.AUC.AUC)
	}
	if f, d := m["false_activations_per_min"], m["time_to_decision_s"]; f.Value == nil || d.Value == nil || *d.Value <= 0 || *d.Value > 6 {
		t.Errorf("false activations %+v, time to decision %+v", f, d)
	}
	code, out, errs := run(t, "eval", path, "synth:imagery:1:4")
	for _, name := range measures {
		if !strings.Contains(out, "\n"+name+" ") {
			t.Errorf("exit %d: %s is not in the table: %s%s", code, name, out, errs)
		}
	}
}

// TestManyClasses: with more than two classes the areas are means over classes.
func TestManyClasses(t *testing.T) {
	var tr trainJSON
	mustJSON(t, &tr, "train", "csp-lda", s001(t, "R06"), s001(t, "R10"), s001(t, "R14"), "--events", "T0=rest,T1=fists,T2=feet", "--json")
	m := byName(t, "train", tr.Metrics)
	if m["roc_auc"].Value == nil || *m["roc_auc"].Value < 0.5 || *m["roc_auc"].Chance != 0.5 || m["auc_pr"].Value == nil {
		t.Errorf("areas %+v and %+v", m["roc_auc"], m["auc_pr"])
	}
}

// TestTransductive: a result that has seen whole test runs says so wherever it is printed, and no other does.
func TestTransductive(t *testing.T) {
	const want = "uses their unlabelled windows; not possible live"
	path := offlineAligned(t)
	pipe := filepath.Join(filepath.Dir(path), "ea.yaml")
	for _, args := range [][]string{{"train", pipe, "synth:imagery:1:1", "synth:imagery:1:2"}, {"eval", path, "synth:imagery:1:3"}} {
		if code, out, errs := run(t, args...); code != 0 || !strings.Contains(out, "transductive: ") || !strings.Contains(out, want) {
			t.Errorf("%s: exit %d, %s%s", args[0], code, out, errs)
		}
		var v struct{ Transductive string }
		if mustJSON(t, &v, append(args, "--json")...); !strings.HasPrefix(v.Transductive, "transductive: ") {
			t.Errorf("%s --json says %q", args[0], v.Transductive)
		}
	}
	recentre := filepath.Join(filepath.Dir(path), "recentre.yaml")
	text := strings.Replace(string(mustRead(t, "../../../stream/pipeline/gallery/mdm.yaml")), "decoder:", "  - {use: recentre, mode: run}\ndecoder:", 1)
	if err := os.WriteFile(recentre, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var v struct{ Transductive *string }
	if mustJSON(t, &v, "train", recentre, "synth:imagery:1:1", "synth:imagery:1:2", "--json"); v.Transductive == nil {
		t.Error("recentre with the mode run is not said to be transductive")
	}
	follows := filepath.Join(filepath.Dir(path), "follows.yaml")
	text = strings.Replace(string(mustRead(t, "../../../stream/pipeline/gallery/kalman-velocity.yaml")), "features:", "features:\n  - {use: euclidean_alignment, mode: run}", 1)
	if err := os.WriteFile(follows, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	v.Transductive = nil
	if mustJSON(t, &v, "train", follows, "synth:cursor:1:1", "synth:cursor:1:2", "--json"); v.Transductive == nil || !strings.Contains(*v.Transductive, "(features[0] euclidean_alignment)") {
		t.Error("a pipeline that follows quantities is not said to be transductive, or not by which step")
	}
	v.Transductive = nil
	if mustJSON(t, &v, "train", "csp-lda", "synth:imagery:1:1", "synth:imagery:1:2", "--json"); v.Transductive != nil {
		t.Errorf("csp-lda is said to be %s", *v.Transductive)
	}
}
