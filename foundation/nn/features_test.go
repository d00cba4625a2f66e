package nn_test

import (
	"math"
	"testing"

	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// TestFeatures: what goes into the last layer that learns, put through its matrix by hand, is the output.
func TestFeatures(t *testing.T) {
	for name, define := range map[string]func() nn.Layer{
		"last": func() nn.Layer { return nn.Seq(&nn.Linear{Out: 5}, nn.ReLU(), &nn.Linear{Out: 2}) },
		"inside, with layers behind it": func() nn.Layer {
			return nn.Seq(nn.Square(), nn.Seq(&nn.Linear{Out: 5}, nn.ReLU(), nn.Seq(&nn.Linear{Out: 2}, &nn.Flatten{})), &nn.Reshape{To: nn.Shape{1, 2}}, &nn.Flatten{})
		},
		"the first": func() nn.Layer { return nn.Seq(&nn.Linear{Out: 2}, &nn.Flatten{}) },
	} {
		n, err := nn.New(define, nn.Shape{5}, nn.Options{Batch: 3, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		x := []float32{1, 2, 3, 4, 5, -1, 0.5, 2, -3, 1}
		y, err := n.Forward(x)
		if err != nil {
			t.Fatal(err)
		}
		y = append([]float32(nil), y...)
		f, err := n.Features(x)
		if err != nil || n.FeatureShape().Size() != 5 || len(f) != 10 {
			t.Fatalf("%s: %d features of shape %v, %v", name, len(f), n.FeatureShape(), err)
		}
		weight, bias := n.Params[len(n.Params)-2], n.Params[len(n.Params)-1]
		for i := range 2 {
			for o := range 2 {
				want := float64(bias.W[o])
				for j := range 5 {
					want += float64(weight.W[o*5+j]) * float64(f[i*5+j])
				}
				if got := float64(y[i*2+o]); math.Abs(got-want) > 1e-5 {
					t.Errorf("%s: example %d, output %d is %g, of the features follows %g", name, i, o, got, want)
				}
			}
		}
		if _, err := n.Features(x[:3]); err == nil {
			t.Errorf("%s: half an example is no error", name)
		}
	}
	n, err := nn.New(func() nn.Layer { return &nn.Linear{Out: 2} }, nn.Shape{5}, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Features(make([]float32, 5)); err == nil || n.FeatureShape() != nil {
		t.Error("a network that is no Sequential has features")
	}
}
