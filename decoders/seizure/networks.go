package seizure

import (
	"errors"
	"fmt"

	"github.com/gyrus-bci/gyrus/features"
)

func init() {
	register("edge_dnn", func() network { return &DNN{Training: defaults(), Hidden: 64, Hidden2: 32} })
	register("edge_cnn", func() network {
		return &CNN{
			Training: defaults(), Filters: 16, Kernel: 7, Filters2: 32, Kernel2: 5, Filters3: 64, Kernel3: 3, Stride: 2,
		}
	})
	register("edge_lstm", func() network { return &LSTM{Training: defaults(), Hidden: 32} })
}

// DNN reads the logarithm of the energy in five bands of each channel over the window, through two dense layers with ReLU.
// With the defaults, 18 channels and 3 classes it has 8,003 parameters.
//
// It is after the idea of Liu and Richardson 2021 (doi:10.1088/1741-2552/abf473); the sizes are of gyrus. A window
// [channels, samples] in µV goes in, one probability per class (the softmax of the logits) comes out.
type DNN struct {
	Training
	core
	Hidden  int `json:"hidden" doc:"width of the first dense layer, at least 1"`
	Hidden2 int `json:"hidden2" doc:"width of the second dense layer, at least 1"`
}

func (d *DNN) design(_ features.Format, classes int) (frontKind, []stage, error) {
	if d.Hidden < 1 || d.Hidden2 < 1 {
		return 0, nil, errors.New("hidden and hidden2 must be at least 1")
	}
	return powersIn, []stage{
		{kind: dense, name: "dense1", out: d.Hidden, relu: true},
		{kind: dense, name: "dense2", out: d.Hidden2, relu: true},
		{kind: dense, name: "dense3", out: classes},
	}, nil
}

// CNN reads the samples, each channel with its mean and standard deviation taken out, through three convolutions over time
// with ReLU, their mean over time and a dense layer. With the defaults, 18 channels and 3 classes it has 11,027 parameters.
//
// It is after the idea of Liu and Richardson 2021 (doi:10.1088/1741-2552/abf473); the sizes are of gyrus. A window
// [channels, samples] in µV goes in, one probability per class (the softmax of the logits) comes out.
type CNN struct {
	Training
	core
	Filters  int `json:"filters" doc:"of the first convolution, at least 1"`
	Kernel   int `json:"kernel_samples" doc:"taps of the first convolution, at least 1"`
	Filters2 int `json:"filters2" doc:"of the second convolution, at least 1"`
	Kernel2  int `json:"kernel2_samples" doc:"taps of the second convolution, at least 1"`
	Filters3 int `json:"filters3" doc:"of the third convolution, at least 1"`
	Kernel3  int `json:"kernel3_samples" doc:"taps of the third convolution, at least 1"`
	Stride   int `json:"stride_samples" doc:"steps that each convolution moves by, at least 1"`
}

func (c *CNN) design(in features.Format, classes int) (frontKind, []stage, error) {
	left := in.Len
	for _, v := range [][2]int{{c.Filters, c.Kernel}, {c.Filters2, c.Kernel2}, {c.Filters3, c.Kernel3}} {
		if v[0] < 1 || v[1] < 1 || c.Stride < 1 {
			return 0, nil, errors.New("filters, kernels and stride_samples must be at least 1")
		}
		if left < v[1] {
			return 0, nil, fmt.Errorf("the windows have %d samples, too few for the kernels and strides: take longer windows", in.Len)
		}
		left = (left-v[1])/c.Stride + 1
	}
	conv := func(name string, out, kernel int) stage {
		return stage{kind: convolution, name: name, out: out, kernel: kernel, stride: c.Stride, relu: true}
	}
	return samplesIn, []stage{
		conv("conv1", c.Filters, c.Kernel), conv("conv2", c.Filters2, c.Kernel2), conv("conv3", c.Filters3, c.Kernel3),
		{kind: meanOverTime, name: "mean"},
		{kind: dense, name: "dense", out: classes},
	}, nil
}

// LSTM reads the logarithm of the energy in five bands of each channel, second by second, through a long short-term memory
// and a dense layer on its last output. With the defaults, 18 channels and 3 classes it has 15,971 parameters.
//
// It is after the idea of Liu and Richardson 2021 (doi:10.1088/1741-2552/abf473); the sizes are of gyrus. A window
// [channels, samples] in µV goes in, one probability per class (the softmax of the logits) comes out.
type LSTM struct {
	Training
	core
	Hidden int `json:"hidden" doc:"values that the LSTM remembers, at least 1"`
}

func (l *LSTM) design(_ features.Format, classes int) (frontKind, []stage, error) {
	if l.Hidden < 1 {
		return 0, nil, errors.New("hidden must be at least 1")
	}
	return secondsIn, []stage{{kind: lstm, name: "lstm", out: l.Hidden}, {kind: dense, name: "dense", out: classes}}, nil
}
