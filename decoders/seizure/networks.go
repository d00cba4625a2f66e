package seizure

import (
	"errors"
	"fmt"

	"github.com/gyrus-bci/gyrus/features"
)

func init() {
	register("edge_dnn", func() network { return &DNN{Training: defaults(), Hidden: 64, Hidden2: 32} })
	register("edge_cnn", func() network {
		t := defaults()
		t.Rate, t.Batch = 5e-3, 8 // few weights, which all channels train: many steps, large ones
		return &CNN{
			Training: t, Filters: 8, Kernel: 16, Stride: 8, Filters2: 16, Kernel2: 8, Stride2: 4, Filters3: 16, Kernel3: 5, Stride3: 2,
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

// CNN reads the samples of each channel, with its mean and standard deviation over the training taken out, through three
// convolutions over time with ReLU and their mean over time. The weights are the same for all channels; of each output the
// largest over the channels goes into a dense layer. So it does not matter above which electrode a seizure begins, which
// differs from patient to patient: a network with weights for each channel learns where the seizures of its training were.
// With the defaults, at 256 Hz, an output sees 0.8 s. They have 2,523 parameters with 3 classes, whatever the channels.
//
// It is after the idea of Liu and Richardson 2021 (doi:10.1088/1741-2552/abf473); structure and sizes are of gyrus. A window
// [channels, samples] in µV goes in, one probability per class (the softmax of the logits) comes out.
type CNN struct {
	Training
	core
	Filters  int `json:"filters" doc:"of the first convolution, at least 1"`
	Kernel   int `json:"kernel_samples" doc:"taps of the first convolution, at least 1"`
	Stride   int `json:"stride_samples" doc:"steps that the first convolution moves by, at least 1"`
	Filters2 int `json:"filters2" doc:"of the second convolution, at least 1"`
	Kernel2  int `json:"kernel2_samples" doc:"taps of the second convolution, at least 1"`
	Stride2  int `json:"stride2_samples" doc:"steps that the second convolution moves by, at least 1"`
	Filters3 int `json:"filters3" doc:"of the third convolution, at least 1"`
	Kernel3  int `json:"kernel3_samples" doc:"taps of the third convolution, at least 1"`
	Stride3  int `json:"stride3_samples" doc:"steps that the third convolution moves by, at least 1"`
}

// IgnoresChannels says that what tells classes apart may be in any channel, and that which one it is in says nothing.
func (*CNN) IgnoresChannels() {}

func (c *CNN) design(in features.Format, classes int) (frontKind, []stage, error) {
	left := in.Len
	var stages []stage
	for i, v := range [][3]int{{c.Filters, c.Kernel, c.Stride}, {c.Filters2, c.Kernel2, c.Stride2}, {c.Filters3, c.Kernel3, c.Stride3}} {
		if v[0] < 1 || v[1] < 1 || v[2] < 1 {
			return 0, nil, errors.New("filters, kernels and strides must be at least 1")
		}
		if left < v[1] {
			return 0, nil, fmt.Errorf("the windows have %d samples, too few for the kernels and strides: take longer windows", in.Len)
		}
		left = (left-v[1])/v[2] + 1
		stages = append(stages, stage{kind: convolution, name: fmt.Sprintf("conv%d", i+1), out: v[0], kernel: v[1], stride: v[2], relu: true})
	}
	return samplesIn, append(stages, stage{kind: meanOverTime, name: "mean"}, stage{kind: maxOverChannels, name: "max"}, stage{kind: dense, name: "dense", out: classes}), nil
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
