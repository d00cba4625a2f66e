package deep

import (
	"errors"
	"fmt"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

func init() {
	register("cnn_lstm", func() network {
		return &CNNLSTM{Training: defaults(), CNNLSTMSize: CNNLSTMSize{Filters: 32, Kernel: 3, Pool: 4, Hidden: 32, Dense: 64, Dropout: 0.1}}
	})
}

// CNNLSTM is a one-dimensional convolutional network with a long short-term memory behind it, the network of RLEEGNet
// (Nallani and Ramachandran 2024, arXiv:2402.09465) as a classifier: two convolutions over time with PReLU, LSTM, maximum
// over time, a dense layer. Where the original has batch norm this has layer norm over the whole window (group norm with
// one group), so that single windows are answered as in training, and there is a pool over time in front of the LSTM.
//
// A window [channels, samples], each channel with its training mean and standard deviation taken out, goes in; one
// probability per class, the softmax of the logits, comes out. It is trained on the cross-entropy.
type CNNLSTM struct {
	Training
	core
	CNNLSTMSize
}

// CNNLSTMSize is the size of the network.
type CNNLSTMSize struct {
	Filters int     `json:"filters" doc:"of each convolution, at least 1"`
	Kernel  int     `json:"kernel_samples" doc:"taps of each convolution, at least 1"`
	Pool    int     `json:"pool_samples" doc:"samples that are averaged behind the first convolution, at least 1"`
	Hidden  int     `json:"hidden" doc:"values that the LSTM remembers, at least 1"`
	Dense   int     `json:"dense" doc:"width of the dense layer, at least 1"`
	Dropout float64 `json:"dropout" doc:"of whole channels behind convolutions, and of values behind the dense layer; 0 to below 1"`
}

func (c *CNNLSTM) layers(in features.Format, classes int) (func() nn.Layer, error) {
	return c.Layers(in.Len, classes)
}

// Layers checks the sizes against windows of so many samples, and says how to make the network [channels, samples] → [out].
func (c CNNLSTMSize) Layers(samples, out int) (func() nn.Layer, error) {
	if c.Filters < 1 || c.Kernel < 1 || c.Pool < 1 || c.Hidden < 1 || c.Dense < 1 {
		return nil, errors.New("filters, kernel_samples, pool_samples, hidden and dense must be at least 1")
	}
	if least := c.Pool*c.Kernel + c.Kernel - 1; samples < least {
		return nil, fmt.Errorf("the windows have %d samples, must have at least %d: kernel_samples · (pool_samples + 1) - 1", samples, least)
	}
	return func() nn.Layer {
		norm := func() nn.Layer { return &nn.GroupNorm{Groups: 1} }
		drop := func() nn.Layer { return &nn.Dropout{P: c.Dropout, Channels: true} }
		return &nn.Sequential{Layers: []nn.Named{
			{Name: "conv1", Layer: &nn.Conv1d{Out: c.Filters, Kernel: c.Kernel}},
			{Name: "prelu1", Layer: &nn.PReLU{}},
			{Layer: &nn.MeanPool{Size: c.Pool}},
			{Name: "norm1", Layer: norm()},
			{Layer: drop()},
			{Name: "conv2", Layer: &nn.Conv1d{Out: c.Filters, Kernel: c.Kernel}},
			{Name: "norm2", Layer: norm()},
			{Name: "prelu2", Layer: &nn.PReLU{}},
			{Layer: drop()},
			{Layer: &nn.Transpose{}},
			{Name: "lstm", Layer: &nn.LSTM{Hidden: c.Hidden}},
			{Layer: &nn.Transpose{}},
			{Layer: &nn.MaxPool{}},
			{Layer: &nn.Flatten{}},
			{Name: "norm3", Layer: &nn.LayerNorm{}},
			{Name: "dense", Layer: &nn.Linear{Out: c.Dense}},
			{Layer: nn.ReLU()},
			{Name: "norm4", Layer: &nn.LayerNorm{}},
			{Layer: &nn.Dropout{P: c.Dropout}},
			{Name: "out", Layer: &nn.Linear{Out: out}},
		}}
	}, nil
}
