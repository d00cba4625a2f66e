package deep

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/gyrus-bci/gyrus/foundation/onnx"
)

// array is [shape, values] for the script.
type array [2]any

// TestONNXRuntime: onnxruntime gives the logits and the probabilities of every network, with random weights and, of one,
// with trained ones.
func TestONNXRuntime(t *testing.T) {
	python := os.Getenv("GYRUS_ONNX_PYTHON")
	if python == "" {
		t.Skip("skipped: GYRUS_ONNX_PYTHON names no Python with onnx and onnxruntime: make interop-onnx")
	}
	dir := t.TempDir()
	classes := []string{"a", "b", "c"}
	nets := map[string]*decoder{"eegnet, trained": trainedEEGNet(t), "eegtcnet, with an ELU more": random(t, "eegtcnet", `{"activate_temporal": true}`, testFormat(), classes...)}
	for _, name := range registered(t) {
		nets[name] = random(t, name, `{}`, testFormat(), classes...)
	}
	for name, d := range nets {
		const batch = 3
		rng := rand.New(rand.NewPCG(5, 6))
		size := d.shape().Size()
		x := make([]float32, batch*size) // µV, with an offset and a spread to each channel
		for i := range x {
			ch := i / d.format.Len % len(d.mean)
			x[i] = float32(d.mean[ch] + d.sd[ch]*rng.NormFloat64())
		}
		var logits []float32
		var probabilities []float64
		for i := range batch {
			wide := make([]float64, size)
			for j := range wide {
				wide[j] = float64(x[i*size+j])
			}
			p := make([]float64, len(d.classes))
			if err := d.Predict(p, wide); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			probabilities = append(probabilities, p...)
			y, err := d.net.Forward(d.x)
			if err != nil {
				t.Fatal(err)
			}
			logits = append(logits, y...)
		}
		g := onnx.NewGraph(d.name)
		g.Input("x", "batch", len(d.format.Names), d.format.Len)
		y, err := d.net.ONNX(g, "x")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		g.Node("Identity", []string{y}, []string{"y"})
		g.Output("y", "batch", len(d.classes))
		raw, err := g.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		standard := make([]float32, len(x))
		for i, v := range x {
			ch := i / d.format.Len % len(d.mean)
			standard[i] = float32((float64(v) - d.mean[ch]) / d.sd[ch])
		}
		shape := []int{batch, len(d.format.Names), d.format.Len}
		for _, c := range []struct {
			what  string
			model []byte
			x     []float32
			want  any
		}{{"probabilities", asONNX(t, d), x, probabilities}, {"logits", raw, standard, logits}} {
			path := filepath.Join(dir, name+": "+c.what)
			text, err := json.Marshal(map[string]map[string]array{
				"input": {"x": {shape, c.x}}, "want": {"y": {[]int{batch, len(d.classes)}, c.want}},
			})
			if err != nil {
				t.Fatal(err)
			}
			for ending, data := range map[string][]byte{".onnx": c.model, ".json": text} {
				if err := os.WriteFile(path+ending, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	cmd := exec.Command(python, "../../foundation/onnx/testdata/interop.py", dir)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	compared(t, stdout, 2*len(nets), "onnxruntime")
}
