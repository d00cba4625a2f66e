package nn_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// A frozen network follows SetArrays, and one that trains cannot be frozen.
func TestFreeze(t *testing.T) {
	define := func() nn.Layer {
		return nn.Seq(
			&nn.Conv1d{Out: 3, Kernel: 3, NoBias: true}, &nn.BatchNorm{}, nn.ELU(),
			&nn.Residual{Body: nn.Named{Name: "body", Layer: nn.Seq(&nn.Conv1d{Out: 3, Kernel: 3, Pad: nn.Same(3, 1)}, &nn.BatchNorm{})}},
		)
	}
	in := nn.Shape{2, 12}
	plain, err := nn.New(define, in, nn.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	frozen, err := nn.New(define, in, nn.Options{Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := frozen.Freeze(); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, p := range plain.Params {
		for i := range p.W {
			p.W[i] += rng.Float32()
		}
	}
	if err := frozen.SetArrays(plain.Arrays()); err != nil {
		t.Fatal(err)
	}
	x := random(rng, in.Size())
	want, err := plain.Forward(x)
	if err != nil {
		t.Fatal(err)
	}
	want64 := make([]float64, len(want))
	for i, v := range want {
		want64[i] = float64(v)
	}
	got, err := frozen.Forward(x)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "frozen before the weights came", got, want64, 1e-5)
	train, err := nn.New(define, in, nn.Options{Train: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := train.Freeze(); err == nil {
		t.Error("a network that trains can be frozen")
	}
}

// Dropout leaves the expected part, keeps the mean, and draws anew for each step and place in the batch.
func TestDropout(t *testing.T) {
	const batch, size = 40, 500
	for _, channels := range []bool{false, true} {
		n, err := nn.New(func() nn.Layer { return nn.Seq(&input{}, &nn.Dropout{P: 0.25, Channels: channels}) }, nn.Shape{size, 2}, nn.Options{Batch: batch, Train: true})
		if err != nil {
			t.Fatal(err)
		}
		b := nn.Batch{N: batch, X: make([]float32, batch*size*2), Y: make([]float32, batch*size*2)}
		for i := range b.Y {
			b.X[i], b.Y[i] = 1, batch
		}
		var before []float32
		for seed := range uint64(2) {
			if _, err := n.Gradient(b, weigh{}, seed); err != nil {
				t.Fatal(err)
			}
			g := n.Param("0.shift").G
			kept, pairs := 0, 0
			for i, v := range g {
				switch {
				case v == 0:
				case math.Abs(float64(v)-1/0.75) < 1e-6:
					kept++
				default:
					t.Fatalf("a gradient is %g, must be 0 or 1/0.75", v)
				}
				if i%2 == 1 && (g[i-1] == 0) == (v == 0) {
					pairs++
				}
			}
			// Six standard deviations of the number of independent draws that are kept.
			draws := float64(len(g))
			if channels {
				draws /= 2
			}
			if part := float64(kept) / float64(len(g)); math.Abs(part-0.75) > 6*math.Sqrt(0.75*0.25/draws) {
				t.Errorf("channels %t: %g are kept, want 0.75", channels, part)
			}
			if all := pairs == len(g)/2; all != channels {
				t.Errorf("channels %t: both values of %d of %d channels fare alike", channels, pairs, len(g)/2)
			}
			if slices.Equal(g[:2*size], g[2*size:4*size]) || slices.Equal(before, g) {
				t.Errorf("channels %t: the same mask twice", channels)
			}
			before = slices.Clone(g)
		}
	}
}

// Frozen recurrent layers give what they gave before, for one example and for several.
func TestFreezeRecurrent(t *testing.T) {
	for name, define := range map[string]func() nn.Layer{
		"lstm": func() nn.Layer { return &nn.LSTM{Hidden: 13} }, "gru": func() nn.Layer { return &nn.GRU{Hidden: 13} },
	} {
		for _, count := range []int{1, 3} {
			n, err := nn.New(define, nn.Shape{9, 5}, nn.Options{Batch: 3, Seed: 4})
			if err != nil {
				t.Fatal(err)
			}
			x := random(rand.New(rand.NewPCG(2, 2)), count*45)
			y, err := n.Forward(x)
			if err != nil {
				t.Fatal(err)
			}
			want := make([]float64, len(y))
			for i, v := range y {
				want[i] = float64(v)
			}
			if err := n.Freeze(); err != nil {
				t.Fatal(err)
			}
			if y, err = n.Forward(x); err != nil {
				t.Fatal(err)
			}
			near(t, name+", frozen", y, want, 1e-6)
			if a := testing.AllocsPerRun(5, func() { _, _ = n.Forward(x) }); a != 0 {
				t.Errorf("%s of %d, frozen: %g allocations", name, count, a)
			}
		}
	}
}
