package dqn

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/gyrus-bci/gyrus/foundation/onnx"
)

// TestDecideInONNXRuntime: onnxruntime makes of values the scores that decide makes of them, with and without waiting.
func TestDecideInONNXRuntime(t *testing.T) {
	python := os.Getenv("GYRUS_ONNX_PYTHON")
	if python == "" {
		t.Skip("skipped: GYRUS_ONNX_PYTHON names no Python with onnx and onnxruntime: make interop-onnx")
	}
	dir, rng, models := t.TempDir(), rand.New(rand.NewPCG(1, 2)), 0
	for _, classes := range []int{2, 3, 5} {
		for _, wait := range []bool{false, true} {
			const batch = 200
			actions := classes
			if wait {
				actions++
			}
			var q []float32
			var want []float64
			waited := 0
			for range batch {
				row := make([]float32, actions)
				for k := range row {
					row[k] = float32(2 * rng.NormFloat64())
				}
				dst := make([]float64, classes)
				if err := decide(dst, row, 1, 2); err != nil {
					t.Fatal(err)
				}
				if greedy(row) == classes {
					waited++
				}
				q, want = append(q, row...), append(want, dst...)
			}
			if wait && (waited < 10 || waited > batch-10) {
				t.Fatalf("%d of %d wait", waited, batch)
			}
			g := onnx.NewGraph("decide")
			g.Input("q", "batch", actions)
			g.Node("Identity", []string{onnxDecide(g, "q", classes, wait, 1, 2)}, []string{"p"})
			g.Output("p", "batch", classes)
			model, err := g.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(map[string]any{
				"input": map[string]any{"q": []any{[]int{batch, actions}, q}}, "want": map[string]any{"p": []any{[]int{batch, classes}, want}},
			})
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Join(dir, fmt.Sprintf("%d classes, wait %v", classes, wait))
			for ending, data := range map[string][]byte{".onnx": model, ".json": text} {
				if err := os.WriteFile(name+ending, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			models++
		}
	}
	cmd := exec.Command(python, "../../foundation/onnx/testdata/interop.py", dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var result map[string]struct {
		Difference *float64
		Error      string
	}
	if err := json.Unmarshal(out, &result); err != nil || len(result) != models {
		t.Fatalf("%v in %s", err, out)
	}
	for name, r := range result {
		const tol = 1e-6 // float32 there
		if r.Error != "" || r.Difference == nil || !(*r.Difference <= tol) {
			t.Errorf("%s: %q %v", name, r.Error, r.Difference)
			continue
		}
		t.Logf("%s: scores differ by %.1e at most", name, *r.Difference)
	}
}
