package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/foundation/weights"
)

const testWeights = "../../../foundation/weights/testdata/"

// evil is a checkpoint of the weights' own tests that must be refused.
func evil(t *testing.T, name string) string {
	t.Helper()
	var files map[string]struct{ File []byte }
	if err := json.Unmarshal(mustRead(t, testWeights+"evil.json"), &files); err != nil {
		t.Fatal(err)
	}
	if len(files[name].File) == 0 {
		t.Fatalf("no file %q", name)
	}
	return string(files[name].File)
}

func open(t *testing.T, path string) *weights.Reader {
	t.Helper()
	raw := mustRead(t, path)
	f, err := weights.Open(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestModelsInfo(t *testing.T) {
	var v map[string]any
	mustJSON(t, &v, "models", "info", testWeights+"optimiser.pt", "--json")
	keys(t, "models info", v, "format", "file_bytes", "parameters", "tensors", "metadata", "values")
	first := v["tensors"].([]any)[0].(map[string]any)
	// Linear(4, 3) and its optimiser's moments: 15·3, BatchNorm1d(3): 6·3 and 2·3+1, Linear(3, 2): 8·3; six counts of steps
	if n := 15*3 + 6*3 + 7 + 8*3 + 6; v["parameters"] != float64(n) || v["format"] != "torch zip" {
		t.Errorf("%v numbers, want %d, in %v", v["parameters"], n, v["format"])
	}
	if first["name"] != "model.0.weight" || first["dtype"] != "F32" || !cmp.Equal(first["shape"], []any{3.0, 4.0}) || first["bytes"] != 48.0 {
		t.Errorf("first tensor %v", first)
	}
	if e := v["values"].([]any)[0].(map[string]any); e["name"] != "epoch" || e["value"] != 12.0 {
		t.Errorf("first value %v", e)
	}
	code, out, errs := run(t, "models", "info", testWeights+"optimiser.pt")
	if code != 0 || !strings.Contains(out, "model.0.weight") || !strings.Contains(out, "3×4") || !strings.Contains(out, "value  epoch  12") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

// TestModelsInfoPrintsNoControl: a name in a file does not move the cursor of the terminal.
func TestModelsInfoPrintsNoControl(t *testing.T) {
	raw, err := weights.Marshal(weights.File{
		Metadata: map[string]string{"k": "\x1b]0;owned\a"},
		Tensors:  map[string]weights.Tensor{"a\x1b[2J\n": weights.Float32s([]float32{1}, 1)},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := run(t, "models", "info", path)
	if code != 0 || strings.ContainsAny(out, "\x1b\a") || !strings.Contains(out, `"a\x1b[2J\n"`) {
		t.Errorf("exit %d: %q %s", code, out, errs)
	}
}

func TestModelsInfoOfABundle(t *testing.T) {
	var v modelJSON
	mustJSON(t, &v, "models", "info", model(t), "--json")
	if v.Format != "gyrus bundle" || len(v.Tensors) == 0 || !strings.Contains(v.Metadata["gyrus"], `"classes":["feet","fists"]`) {
		t.Errorf("got %+v", v)
	}
}

// TestModelsConvert: every tensor comes out with its name, type, shape and bits, everything else in the metadata.
func TestModelsConvert(t *testing.T) {
	for _, name := range []string{"optimiser.pt", "views.pt", "ints.pt", "bfloat16.pt", "big.pt", "empty.pt"} {
		out := filepath.Join(t.TempDir(), "out.safetensors")
		var v map[string]any
		mustJSON(t, &v, "models", "convert", testWeights+name, out, "--json")
		want, got := open(t, testWeights+name), open(t, out)
		if len(want.Entries) != len(got.Entries) || v["tensors"] != float64(len(want.Entries)) {
			t.Errorf("%s: %d tensors, want %d", name, len(got.Entries), len(want.Entries))
		}
		for _, e := range want.Entries {
			a, errA := want.Tensor(e.Name)
			b, errB := got.Tensor(e.Name)
			if errA != nil || errB != nil || !cmp.Equal(a, b) {
				t.Errorf("%s: %s differs: %v %v", name, e.Name, errA, errB)
			}
		}
		if name != "optimiser.pt" {
			continue
		}
		var values map[string]any
		if err := json.Unmarshal([]byte(got.Metadata["torch_values"]), &values); err != nil {
			t.Fatal(err)
		}
		if values["epoch"] != 12.0 || values["tag"] != "früh µV" || values["history.1.0"] != 2.0 || values["dtype"] != "float32" || len(values) != len(want.Values) {
			t.Errorf("values %v", values)
		}
	}
}
