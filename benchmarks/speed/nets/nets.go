// Package nets has the networks that speed is measured with, of the sizes in benchmarks/speed/peers.
package nets

import (
	"github.com/gyrus-bci/gyrus/decoders/deep"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// Encoder is the transformer of peers/transformers.py: 88 tokens of 200 values, 4 blocks, 8 heads, 800 hidden values, no
// dropout; mean over the tokens and 4 classes.
func Encoder() nn.Layer {
	return &nn.Sequential{Layers: []nn.Named{
		{Name: "blocks", Layer: nn.Encoder(4, 200, 8, 800, 0)},
		{Name: "norm", Layer: &nn.LayerNorm{}},
		{Layer: &nn.Transpose{}},
		{Layer: &nn.MeanPool{}},
		{Layer: &nn.Flatten{}},
		{Name: "out", Layer: &nn.Linear{Out: 4}},
	}}
}

// EncoderIn is the shape of what it takes.
func EncoderIn() nn.Shape { return nn.Shape{88, 200} }

// EEGNet is that of peers/convnets.py: 22 channels × 500 samples, 4 classes.
func EEGNet() (func() nn.Layer, error) {
	opt := deep.EEGNet82()
	opt.Kernel, opt.Padding = 64, "symmetric"
	return deep.EEGNet(opt, 4)
}

// EEGNetIn is the shape of what it takes.
func EEGNetIn() nn.Shape { return nn.Shape{22, 500} }
