package deep

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/weights"
)

// golden reads a network of braindecode with random weights, one input and the output that it gave.
func golden(t *testing.T, name string) (arrays map[string]nn.Array, in, out nn.Array) {
	t.Helper()
	dir := os.Getenv("GYRUS_GOLDEN")
	if dir == "" {
		t.Skip("GYRUS_GOLDEN is not set: braindecode's outputs are missing")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "nets", name+".safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := weights.Unmarshal(raw)
	if err != nil {
		t.Fatal(err)
	}
	arrays = map[string]nn.Array{}
	for name, tensor := range f.Tensors {
		if tensor.DType != "F32" {
			continue // counts
		}
		v, err := tensor.Float32s()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		arrays[name] = nn.Array{Shape: tensor.Shape, Data: v}
	}
	in, out = arrays["__in"], arrays["__out"]
	delete(arrays, "__in")
	delete(arrays, "__out")
	return arrays, in, out
}

// against compares a network with braindecode's: as it is, and frozen.
func against(t *testing.T, file string, net network) {
	t.Helper()
	arrays, in, want := golden(t, file)
	define, err := net.layers(features.Format{Names: make([]string, 22), Len: 1000, Rate: 250}, 4)
	if err != nil {
		t.Fatal(err)
	}
	n, err := nn.New(define, nn.Shape{22, 1000}, nn.Options{Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := LoadBraindecode(n, arrays); err != nil {
		t.Fatal(err)
	}
	top := 0.0
	for _, v := range want.Data {
		top = max(top, math.Abs(float64(v)))
	}
	for _, how := range []string{"as it is", "frozen"} {
		y, err := n.Forward(in.Data)
		if err != nil {
			t.Fatal(err)
		}
		d := 0.0
		for i, v := range y {
			d = max(d, math.Abs(float64(v-want.Data[i]))/top)
		}
		t.Logf("%s, %s: largest difference %.2g of the largest output", file, how, d)
		if !(d <= 1e-5) {
			t.Errorf("%s, %s: %v, braindecode has %v", file, how, y, want.Data)
		}
		if err := n.Freeze(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGoldenConformer(t *testing.T) {
	against(t, "EEGConformer", &Conformer{Filters: 40, Kernel: 25, Pool: 75, Stride: 15, Depth: 6, Heads: 10, Expansion: 4})
}

func TestGoldenATCNet(t *testing.T) {
	against(t, "ATCNet", &ATCNet{Filters: 16, Kernel: 64, Kernel2: 16, Pool: 8, Pool2: 7, Depth: 2, Windows: 5, Heads: 2, HeadWidth: 8, TCNDepth: 2, TCNKernel: 4})
}

// goldenShapes is the sizes of the tensors of a network of braindecode, parametrised ones by their plain names.
func goldenShapes(t *testing.T, name string) map[string][]int {
	t.Helper()
	dir := os.Getenv("GYRUS_GOLDEN")
	if dir == "" {
		t.Skip("GYRUS_GOLDEN is not set: braindecode's networks are missing")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "nets", name+".safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := weights.Unmarshal(raw)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]int{}
	for key, tensor := range f.Tensors {
		if key != "__in" && key != "__out" {
			out[strings.TrimSuffix(strings.Replace(key, ".parametrizations.", ".", 1), ".original")] = tensor.Shape
		}
	}
	return out
}
