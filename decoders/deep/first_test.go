package deep_test

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/deep"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// The first weights of the networks of Schirrmeister et al. are drawn from the same interval as braindecode's, whose file
// has fresh ones: the largest of n values from a uniform distribution is within 10/n of its end, but once in 20,000 times.
func TestFirstWeights(t *testing.T) {
	nets := goldenNets(t)
	for name, define := range map[string]func() (func() nn.Layer, error){
		"ShallowFBCSPNet": func() (func() nn.Layer, error) { return deep.ShallowConvNet(deep.Shallow(), 4) },
		"Deep4Net":        func() (func() nn.Layer, error) { return deep.Deep4Net(deep.Deep4(), 4) },
	} {
		file := tensors(t, filepath.Join(nets, name+".safetensors"))
		layers, err := define()
		if err != nil {
			t.Fatal(err)
		}
		net, err := nn.New(layers, file["__in"].Shape[1:], nn.Options{Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		compared := 0
		for _, p := range net.Params {
			if p.Buffer || !strings.Contains(p.Name, "conv") || !strings.HasSuffix(p.Name, ".weight") {
				continue
			}
			compared++
			got, want := largest(p.W), largest(floats(t, file[p.Name]))
			tol := 10 / float64(len(p.W)) * want
			t.Logf("%s: %s %v: largest %.4g, braindecode %.4g", name, p.Name, p.Shape, got, want)
			if math.Abs(got-want) > tol {
				t.Errorf("%s: the largest first weight of %s is %.4g, braindecode's is %.4g, want within %.2g", name, p.Name, got, want, tol)
			}
		}
		if want := map[string]int{"ShallowFBCSPNet": 3, "Deep4Net": 6}[name]; compared != want {
			t.Errorf("%s: compared %d tensors, want %d", name, compared, want)
		}
	}
}

func largest(x []float32) float64 {
	top := 0.0
	for _, v := range x {
		top = max(top, math.Abs(float64(v)))
	}
	return top
}
