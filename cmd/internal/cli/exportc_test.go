package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestModelsExportC trains a network from a pipeline file, exports it and compiles what came out.
func TestModelsExportC(t *testing.T) {
	dir := t.TempDir()
	spec := filepath.Join(dir, "edge.yaml")
	text := `preprocess:
  - {use: bandpass, low_hz: 0.5, high_hz: 40, order: 2}
segment: {use: events, tmin_s: 0, tmax_s: 4, events: {T1: fists, T2: feet}}
live: {use: sliding, length_s: 4, step_s: 1}
decoder: {use: edge_lstm, epochs: 3, int8: true}
decide: {use: seizure_vote, ictal: 0, threshold: 0.6}
`
	if err := os.WriteFile(spec, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	model, out := filepath.Join(dir, "edge.gyrus"), filepath.Join(dir, "firmware")
	var trained map[string]any
	mustJSON(t, &trained, "train", spec, s001(t, "R06"), s001(t, "R10"), "-o", model, "--json")
	var v exportCJSON
	mustJSON(t, &v, "models", "export-c", model, "-o", out, "--name", "detector", "--json")
	if len(v.Files) != 3 || v.Cost.Model != "edge_lstm" || v.Cost.RAM.Total <= 0 || !v.Cost.RAM.Within || v.Cost.Estimates[0].Measured {
		t.Errorf("%+v", v)
	}
	header := string(mustRead(t, filepath.Join(out, "detector.h")))
	for _, want := range []string{"bandpass", "logit 0: feet", "logit 1: fists", "DETECTOR_CHANNELS 64", "FC5"} {
		if !strings.Contains(header, want) {
			t.Errorf("the header has no %q:\n%s", want, header)
		}
	}
	code, text, errs := run(t, "models", "export-c", model, "-o", out)
	if code != 0 || !strings.Contains(text, "not measured") || !strings.Contains(text, "STM32L476") {
		t.Errorf("exit %d: %s%s", code, text, errs)
	}
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("skipped: there is no C compiler (cc) on this machine")
	}
	got, err := exec.Command(cc, "-std=c99", "-Wall", "-Wextra", "-Werror", "-o", filepath.Join(dir, "a"), filepath.Join(out, "detector.c"), filepath.Join(out, "detector_main.c")).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestModelsExportCRefuses(t *testing.T) {
	m := model(t)
	for _, tc := range []struct {
		args []string
		code int
		say  string
	}{
		{[]string{"models", "export-c", m, "-o", t.TempDir()}, exitRefused, "must be edge_dnn"},
		{[]string{"models", "export-c", m}, exitUsage, "-o is missing"},
	} {
		if code, _, errs := run(t, tc.args...); code != tc.code || !strings.Contains(errs, tc.say) {
			t.Errorf("%v: exit %d, must be %d: %s", tc.args, code, tc.code, errs)
		}
	}
}
