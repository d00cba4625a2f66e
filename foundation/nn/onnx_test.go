package nn_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/onnx"
)

// exported is layers with all that a network of this repository does not use too.
var exported = map[string]struct {
	layer func() nn.Layer
	in    nn.Shape
}{
	"Conv1d stride":   {func() nn.Layer { return &nn.Conv1d{Out: 6, Kernel: 5, Stride: 3, Groups: 2, Pad: [2]int{2, 1}} }, nn.Shape{4, 20}},
	"Conv1d dilation": {func() nn.Layer { return &nn.Conv1d{Out: 6, Kernel: 3, Dilation: 2, Pad: nn.Causal(3, 2), NoBias: true} }, nn.Shape{4, 20}},
	"Conv2d": {func() nn.Layer {
		return &nn.Conv2d{Out: 4, Kernel: [2]int{2, 3}, Stride: [2]int{1, 2}, Groups: 2, PadH: [2]int{1, 0}, PadW: [2]int{0, 2}}
	}, nn.Shape{2, 5, 11}},
	"Linear rows":         {func() nn.Layer { return &nn.Linear{Out: 3} }, nn.Shape{4, 5}},
	"Linear":              {func() nn.Layer { return &nn.Linear{Out: 3, NoBias: true} }, nn.Shape{5}},
	"LSTM":                {func() nn.Layer { return &nn.LSTM{Hidden: 3} }, nn.Shape{6, 4}},
	"GRU":                 {func() nn.Layer { return &nn.GRU{Hidden: 3} }, nn.Shape{6, 4}},
	"Attention":           {func() nn.Layer { return &nn.Attention{Heads: 2} }, nn.Shape{5, 6}},
	"Attention causal":    {func() nn.Layer { return &nn.Attention{Heads: 3, Width: 2, Scale: 1.5, Causal: true} }, nn.Shape{5, 4}},
	"Encoder":             {func() nn.Layer { return nn.Encoder(2, 6, 2, 9, 0.1) }, nn.Shape{5, 6}},
	"GroupNorm":           {func() nn.Layer { return &nn.GroupNorm{Groups: 2} }, nn.Shape{4, 3, 5}},
	"BatchNorm image":     {func() nn.Layer { return &nn.BatchNorm{Eps: 0.01} }, nn.Shape{4, 3, 5}},
	"LayerNorm":           {func() nn.Layer { return &nn.LayerNorm{Epsilon: 0.01} }, nn.Shape{3, 5}},
	"PReLU image":         {func() nn.Layer { return &nn.PReLU{} }, nn.Shape{4, 3, 5}},
	"MeanPool one signal": {func() nn.Layer { return &nn.MeanPool{Size: 3, Stride: 2} }, nn.Shape{11}},
	"MaxPool image":       {func() nn.Layer { return &nn.MaxPool{Size: 3, Stride: 2} }, nn.Shape{2, 3, 11}},
	"Crop":                {func() nn.Layer { return &nn.Crop{Front: -2, Back: 3} }, nn.Shape{2, 3, 11}},
	"Crop less":           {func() nn.Layer { return &nn.Crop{Front: 1, Back: 0} }, nn.Shape{3, 11}},
	"Transpose":           {func() nn.Layer { return &nn.Transpose{} }, nn.Shape{2, 3, 4}},
	"Each":                {func() nn.Layer { return &nn.Each{Layer: &nn.Linear{Out: 2}} }, nn.Shape{3, 4, 5}},
	"Residual and Concat": {func() nn.Layer {
		return &nn.Concat{Branches: []nn.Named{{Name: "a", Layer: &nn.Residual{Body: nn.Named{Layer: &nn.Linear{Out: 5}}}}, {Name: "b", Layer: &nn.Crop{}}}}
	}, nn.Shape{3, 5}},
	"Positions": {func() nn.Layer { return &nn.Positions{} }, nn.Shape{3, 5}},
	"Last":      {func() nn.Layer { return &nn.Last{} }, nn.Shape{3, 5}},
	"LastStep":  {func() nn.Layer { return &nn.LastStep{} }, nn.Shape{3, 5}},
	"Reshape":   {func() nn.Layer { return &nn.Reshape{To: nn.Shape{5, 3}} }, nn.Shape{3, 5}},
	"Flatten":   {func() nn.Layer { return &nn.Flatten{Keep: 1} }, nn.Shape{3, 5, 2}},
	"Image":     {func() nn.Layer { return &nn.Image{} }, nn.Shape{3, 5}},
	"ReLU":      {nn.ReLU, nn.Shape{3, 5}},
	"ELU":       {nn.ELU, nn.Shape{3, 5}},
	"GELU":      {nn.GELU, nn.Shape{3, 5}},
	"SiLU":      {nn.SiLU, nn.Shape{3, 5}},
	"Sigmoid":   {nn.Sigmoid, nn.Shape{3, 5}},
	"Tanh":      {nn.Tanh, nn.Shape{3, 5}},
	"Square":    {nn.Square, nn.Shape{3, 5}},
	"SafeLog":   {nn.SafeLog, nn.Shape{3, 5}},
	"LogVar":    {func() nn.Layer { return &nn.LogVar{Segments: 3} }, nn.Shape{2, 12}},
	"TemporalSpatial": {func() nn.Layer {
		return &nn.TemporalSpatial{Filters: 3, Kernel: 4, Pad: nn.Same(4, 1), Depth: 2, Norm: &nn.BatchNorm{}, TemporalBias: true, SpatialBias: true}
	}, nn.Shape{5, 20}},
	"TemporalSpatial full": {func() nn.Layer {
		return &nn.TemporalSpatial{Filters: 3, Kernel: 4, Out: 2, Norm: &nn.BatchNorm{}, SpatialBias: true}
	}, nn.Shape{5, 20}},
}

// layerNet is a network of one layer, with every array drawn at random.
func layerNet(t *testing.T, define func() nn.Layer, in nn.Shape) *nn.Net {
	t.Helper()
	net, err := nn.New(define, in, nn.Options{Batch: 2, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, p := range net.Params {
		for i := range p.W {
			p.W[i] = float32(rng.Float64() - 0.5)
			if strings.HasSuffix(p.Name, "running_var") {
				p.W[i]++
			}
		}
	}
	return net
}

// TestONNXRefuses: what has no counterpart is an error that names it.
func TestONNXRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		layer nn.Layer
		in    nn.Shape
		want  string
	}{
		"cut pool":    {&nn.MeanPool{Size: 3, Ceil: true}, nn.Shape{2, 10}, "last window is cut off"},
		"criss-cross": {&nn.CrissCross{Heads: 2}, nn.Shape{2, 3, 4}, "CrissCross cannot be written as ONNX"},
		"two axes":    {&nn.Attention{Heads: 2, Axis: 1}, nn.Shape{2, 3, 4}, "one of two axes"},
		"inside":      {nn.Seq(&nn.Linear{Out: 4}, &nn.Gate{}), nn.Shape{4}, "1: *nn.Gate cannot"},
	} {
		net := layerNet(t, func() nn.Layer { return tc.layer }, tc.in)
		if _, err := net.ONNX(onnx.NewGraph("g"), "x"); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tc.want)
		}
	}
}

// TestONNXIsTheSameWhenFrozen: what is folded for speed is exported as it was learned.
func TestONNXIsTheSameWhenFrozen(t *testing.T) {
	net := layerNet(t, func() nn.Layer {
		return nn.Seq(&nn.Conv1d{Out: 3, Kernel: 4}, &nn.BatchNorm{}, nn.ELU(), &nn.Flatten{}, &nn.Linear{Out: 2})
	}, nn.Shape{2, 10})
	var models []string
	for range 2 {
		models = append(models, string(asModel(t, net)))
		if err := net.Freeze(); err != nil {
			t.Fatal(err)
		}
	}
	if models[0] != models[1] {
		t.Error("a frozen network gives another model")
	}
}

func asModel(t *testing.T, net *nn.Net) []byte {
	t.Helper()
	dims := func(s nn.Shape) []any {
		all := []any{"batch"}
		for _, n := range s {
			all = append(all, n)
		}
		return all
	}
	g := onnx.NewGraph("layer")
	g.Input("x", dims(net.In)...)
	y, err := net.ONNX(g, "x")
	if err != nil {
		t.Fatal(err)
	}
	g.Node("Identity", []string{y}, []string{"y"})
	g.Output("y", dims(net.Out)...)
	raw, err := g.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestLayersInONNXRuntime: onnxruntime gives the outputs of each layer.
func TestLayersInONNXRuntime(t *testing.T) {
	python := os.Getenv("GYRUS_ONNX_PYTHON")
	if python == "" {
		t.Skip("skipped: GYRUS_ONNX_PYTHON names no Python with onnx and onnxruntime: make interop-onnx")
	}
	dir := t.TempDir()
	for name, tc := range exported {
		net := layerNet(t, tc.layer, tc.in)
		rng := rand.New(rand.NewPCG(3, 4))
		x := make([]float32, 2*tc.in.Size())
		for i := range x {
			x[i] = float32(2 * rng.NormFloat64())
		}
		y, err := net.Forward(x)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(map[string]any{
			"input": map[string]any{"x": []any{append(nn.Shape{2}, tc.in...), x}},
			"want":  map[string]any{"y": []any{append(nn.Shape{2}, net.Out...), y}},
		})
		if err != nil {
			t.Fatal(err)
		}
		for ending, data := range map[string][]byte{".onnx": asModel(t, net), ".json": text} {
			if err := os.WriteFile(filepath.Join(dir, name+ending), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd := exec.Command(python, "../onnx/testdata/interop.py", dir)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var result map[string]struct {
		Difference, Largest *float64
		Error               string
	}
	if err := json.Unmarshal(stdout, &result); err != nil || len(result) != len(exported) {
		t.Fatalf("%v, %d results, want %d", err, len(result), len(exported))
	}
	for name, r := range result {
		const tol = 1e-5 // both compute in float32
		if r.Error != "" || r.Difference == nil || !(*r.Difference <= tol**r.Largest) {
			t.Errorf("%s: %q, differs by %v of %v", name, r.Error, r.Difference, r.Largest)
			continue
		}
		t.Logf("%-22s %.1e of the largest, %.3g", name, *r.Difference / *r.Largest, *r.Largest)
	}
}
