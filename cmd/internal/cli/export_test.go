package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/stream/bundle"
)

// trainedOn is the bundle of a pipeline file.
func trainedOn(t *testing.T, pipe string, files ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "net.gyrus")
	var res map[string]any
	mustJSON(t, &res, append([]string{"train", pipe, "--events", "T1=fists,T2=feet", "-o", path, "--json"}, files...)...)
	return path
}

// altered is a bundle in which one parameter of the decoder has another value, with a sound hash.
func altered(t *testing.T, raw []byte, key, from, to string) []byte {
	t.Helper()
	b, err := bundle.Unmarshal(raw)
	if err != nil {
		t.Fatal(err)
	}
	before := `"` + key + `":` + from
	if !strings.Contains(string(b.Manifest.Spec), before) {
		t.Fatalf("no %s in %s", before, b.Manifest.Spec)
	}
	b.Manifest.Spec = json.RawMessage(strings.Replace(string(b.Manifest.Spec), before, `"`+key+`":`+to, 1))
	if raw, err = bundle.Marshal(b); err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestModelsExport(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "net.yaml")
	if err := os.WriteFile(pipe, []byte(`preprocess:
  - {use: pick, channels: [C3, Cz, C4]}
  - {use: bandpass, low_hz: 4, high_hz: 38, order: 4}
segment: {use: events, tmin_s: 0.5, tmax_s: 2.5, events: {T1: fists, T2: feet}}
decoder: {use: eegnet, epochs: 2}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	m := trainedOn(t, pipe, s001(t, "R06"), s001(t, "R10"))
	out := filepath.Join(dir, "net.safetensors")
	var v map[string]any
	mustJSON(t, &v, "models", "export", m, "-o", out, "--json")
	keys(t, "models export", v, "output", "network", "bytes", "channels", "samples", "rate_hz", "unit", "classes", "steps_before")
	if steps := v["steps_before"].([]any); len(steps) != 3 || v["network"] != "eegnet" || v["samples"] != 320.0 || v["unit"] != "µV" {
		t.Errorf("%v", v)
	}
	f := open(t, out)
	for _, want := range []string{"conv_temporal.weight", "bnorm_1.num_batches_tracked", "input.sd"} {
		if _, err := f.Tensor(want); err != nil {
			t.Error(err)
		}
	}
	if f.Metadata["classes"] != `["feet","fists"]` || f.Metadata["channels"] != `["C3","Cz","C4"]` || f.Metadata["rate_hz"] != "160" {
		t.Errorf("metadata %v", f.Metadata)
	}
	onnx := filepath.Join(dir, "net.onnx")
	code, text, errs := run(t, "models", "export", m, "-o", onnx)
	if code != 0 || !strings.Contains(text, "3 channels × 320 samples at 160 Hz") || !strings.Contains(text, "not in the file") || !strings.Contains(text, `preprocess  {"use":"bandpass"`) {
		t.Errorf("exit %d: %s%s", code, text, errs)
	}
	raw := string(mustRead(t, onnx))
	for _, want := range []string{"window", "probabilities", "BatchNormalization", "conv_spatial.weight", `["feet","fists"]`, "steps_before"} {
		if !strings.Contains(raw, want) {
			t.Errorf("no %s in the model", want)
		}
	}
}
