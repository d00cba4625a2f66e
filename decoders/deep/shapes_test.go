package deep

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/foundation/weights"
)

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
