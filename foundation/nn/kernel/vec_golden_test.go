package kernel

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"
)

// golden is what testdata/vec.py wrote about one function.
type golden struct {
	In   [][]float64 `json:"in"`
	Y    []float64   `json:"y"`
	DY   []float64   `json:"dy"`
	Grad [][]float64 `json:"grad"`
}

func narrowed(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// TestPyTorch compares with PyTorch in float64. The tolerance is some steps of float32 at numbers up to 10.
func TestPyTorch(t *testing.T) {
	raw, err := os.ReadFile("testdata/vec.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]golden
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	near := func(t *testing.T, what string, got []float32, want []float64) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
		}
		for i, w := range want {
			if !(math.Abs(float64(got[i])-w) <= 4e-6*max(1, math.Abs(w))) {
				t.Errorf("%s: element %d is %g, want %g", what, i, got[i], w)
			}
		}
	}
	seen := 0
	get := func(name string) golden {
		g, ok := all[name]
		if !ok {
			t.Fatalf("vec.json has no %q", name)
		}
		seen++
		return g
	}
	type one struct {
		f          func(y, x []float32)
		grad       func(dx, dy, v []float32)
		takesInput bool
	}
	withKinds(t, func(t *testing.T) {
		seen = 0
		for name, f := range map[string]one{
			"relu": {ReLU, ReLUGrad, false}, "elu": {ELU, ELUGrad, false}, "gelu": {GELU, GELUGrad, true}, "silu": {SiLU, SiLUGrad, true},
			"sigmoid": {Sigmoid, SigmoidGrad, false}, "tanh": {Tanh, TanhGrad, false}, "softmax": {Softmax, SoftmaxGrad, false},
		} {
			g := get(name)
			x := narrowed(g.In[0])
			y, dx := make([]float32, len(x)), make([]float32, len(x))
			f.f(y, x)
			near(t, name, y, g.Y)
			v := y
			if f.takesInput {
				v = x
			}
			f.grad(dx, narrowed(g.DY), v)
			near(t, name+" gradient", dx, g.Grad[0])
		}

		g := get("layernorm")
		x, w, b := narrowed(g.In[0]), narrowed(g.In[1]), narrowed(g.In[2])
		n := len(x)
		y, xhat, dx, dw, db := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
		rstd := LayerNorm(y, xhat, x, w, b, 1e-5)
		near(t, "layernorm", y, g.Y)
		LayerNormGrad(dx, dw, db, narrowed(g.DY), xhat, w, rstd)
		near(t, "layernorm dx", dx, g.Grad[0])
		near(t, "layernorm dg", dw, g.Grad[1])
		near(t, "layernorm db", db, g.Grad[2])

		for _, p := range [][2]int{{4, 4}, {8, 8}, {5, 3}, {3, 5}} {
			name := fmt.Sprintf("pool %d %d", p[0], p[1])
			g := get(name)
			x := narrowed(g.In[0])
			y, dx := make([]float32, len(g.Y)), make([]float32, len(x))
			MeanPool(y, x, p[0], p[1])
			near(t, name, y, g.Y)
			MeanPoolGrad(dx, narrowed(g.DY), p[0], p[1])
			near(t, name+" gradient", dx, g.Grad[0])
		}

		g = get("adam")
		v := narrowed(g.In[0])
		m1, m2 := make([]float32, len(v)), make([]float32, len(v))
		for i, d := range g.In[1:] {
			step := float64(i + 1)
			Adam(v, narrowed(d), m1, m2, 0.01, 0.9, 0.99, 1e-8, 0.1, 1-math.Pow(0.9, step), 1-math.Pow(0.99, step))
		}
		near(t, "adam", v, g.Y)
		if seen != len(all) {
			t.Errorf("vec.json has %d functions, %d were compared", len(all), seen)
		}
	})
}
