package nets_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/benchmarks/speed/nets"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

func BenchmarkEncoderStep(b *testing.B) {
	const batch = 16
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", workers), func(b *testing.B) {
			net, err := nn.New(nets.Encoder, nets.EncoderIn(), nn.Options{Batch: batch, Workers: workers, Train: true})
			if err != nil {
				b.Fatal(err)
			}
			data := nn.Batch{N: batch, X: normal(batch*net.In.Size(), 1), Y: make([]float32, batch*4)}
			for i := range batch {
				data.Y[4*i+i%4] = 1
			}
			adam := &nn.AdamW{}
			b.ReportAllocs()
			for seed := uint64(0); b.Loop(); seed++ {
				if _, err := net.Gradient(data, nn.CrossEntropy{}, seed); err != nil {
					b.Fatal(err)
				}
				adam.Step(net, 1e-4)
			}
		})
	}
}

func BenchmarkEncoderOne(b *testing.B) {
	net, err := nn.New(nets.Encoder, nets.EncoderIn(), nn.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := net.Freeze(); err != nil {
		b.Fatal(err)
	}
	x := normal(net.In.Size(), 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := net.Forward(x); err != nil {
			b.Fatal(err)
		}
	}
}

func normal(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}
