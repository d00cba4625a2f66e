package deep_test

import (
	"fmt"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/deep"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// eegnet500 is the EEGNet of benchmarks/speed/peers/convnets.py: 22 channels × 500 samples, 4 classes.
func eegnet500(b *testing.B) func() nn.Layer {
	opt := deep.EEGNet82()
	opt.Kernel, opt.Padding = 64, "symmetric"
	define, err := deep.EEGNet(opt, 4)
	if err != nil {
		b.Fatal(err)
	}
	return define
}

// step times forward, backward and Adam on a batch of 32.
func step(b *testing.B, define func() nn.Layer, samples, workers int) {
	const batch = 32
	net, err := nn.New(define, nn.Shape{22, samples}, nn.Options{Batch: batch, Workers: workers, Train: true})
	if err != nil {
		b.Fatal(err)
	}
	data := nn.Batch{N: batch, X: scaled(uniform(batch*22*samples, 1), 1, 0), Y: make([]float32, batch*4)}
	for i := range batch {
		data.Y[4*i+i%4] = 1
	}
	adam := &nn.AdamW{}
	b.ReportAllocs()
	begin := cpuTime()
	for seed := uint64(0); b.Loop(); seed++ {
		if _, err := net.Gradient(data, nn.CrossEntropy{}, seed); err != nil {
			b.Fatal(err)
		}
		adam.Step(net, 1e-3)
		net.Limit()
	}
	b.ReportMetric(float64(cpuTime()-begin)/float64(b.N), "cpu-ns/op")
}

func BenchmarkEEGNetStep(b *testing.B) {
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", workers), func(b *testing.B) { step(b, eegnet500(b), 500, workers) })
	}
}

func BenchmarkShallowStep(b *testing.B) {
	define, err := deep.ShallowConvNet(deep.Shallow(), 4)
	if err != nil {
		b.Fatal(err)
	}
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", workers), func(b *testing.B) { step(b, define, 1000, workers) })
	}
}

func BenchmarkConformerStep(b *testing.B) {
	define, err := deep.ConformerNet(deep.Conformer2023(), 1000, 4)
	if err != nil {
		b.Fatal(err)
	}
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", workers), func(b *testing.B) { step(b, define, 1000, workers) })
	}
}

func BenchmarkEEGNetOne(b *testing.B) {
	net, err := nn.New(eegnet500(b), nn.Shape{22, 500}, nn.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := net.Freeze(); err != nil {
		b.Fatal(err)
	}
	x := scaled(uniform(22*500, 1), 1, 0)
	b.ReportAllocs()
	begin := cpuTime()
	for b.Loop() {
		if _, err := net.Forward(x); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpuTime()-begin)/float64(b.N), "cpu-ns/op")
}
