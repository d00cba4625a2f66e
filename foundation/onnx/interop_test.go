package onnx

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestOperators has onnx.checker look at a model of each operator, and onnxruntime run it. Both are in the virtual
// environment that make interop-onnx makes.
func TestOperators(t *testing.T) {
	python := os.Getenv("GYRUS_ONNX_PYTHON")
	if python == "" {
		t.Skip("skipped: GYRUS_ONNX_PYTHON names no Python with onnx and onnxruntime: make interop-onnx")
	}
	dir := t.TempDir()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all := layers()
	for _, l := range all {
		g := NewGraph(l.name)
		dims := make([]any, len(l.x.shape))
		for i, n := range l.x.shape {
			dims[i] = n
		}
		g.Input("x", dims...)
		l.add(g)
		out := make([]any, len(l.want.shape))
		for i := range out {
			out[i] = fmt.Sprintf("d%d", i)
		}
		g.Output("y", out...)
		model, err := g.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		write(l.name+".onnx", model)
		c, err := json.Marshal(map[string]map[string]array{"input": {"x": l.x}, "want": {"y": l.want}})
		if err != nil {
			t.Fatal(err)
		}
		write(l.name+".json", c)
	}
	cmd := exec.Command(python, "testdata/interop.py", dir)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var result map[string]struct {
		Difference *float64
		Error      string
	}
	if err := json.Unmarshal(stdout, &result); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	for _, l := range all {
		// onnxruntime computes in float32, the definitions above in float64: values of about 10, sums of 24 products
		const tol = 1e-5
		switch r := result[l.name]; {
		case r.Error != "" || r.Difference == nil:
			t.Errorf("%s: %q", l.name, r.Error)
		case !(*r.Difference <= tol):
			t.Errorf("%s: onnxruntime differs from the definition by %g, want at most %g", l.name, *r.Difference, tol)
		default:
			t.Logf("%-20s %.1e", l.name, *r.Difference)
		}
	}
}
