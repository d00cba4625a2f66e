package deep

import (
	"errors"
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// EEGNetOptions are the sizes of EEGNet (Lawhern et al. 2018, doi:10.1088/1741-2552/aace8c).
type EEGNetOptions struct {
	Temporal  int     `json:"temporal_filters" doc:"temporal filters (F1), at least 1"`
	Depth     int     `json:"depth" doc:"spatial filters of each temporal one (D), at least 1"`
	Separable int     `json:"separable_filters" doc:"filters of the second block (F2); 0: temporal_filters*depth"`
	Kernel    int     `json:"kernel_samples" doc:"length of the temporal filters; 0: half a second"`
	Second    int     `json:"second_kernel_samples" doc:"length of the filters of the second block, at least 1"`
	Pool      [2]int  `json:"pool_samples" doc:"lengths of the two mean pools, at least 1"`
	Dropout   float64 `json:"dropout" doc:"probability of dropout behind each pool, 0 to below 1"`
	Padding   string  `json:"padding" doc:"zeros around even filters: same (as the paper), symmetric (braindecode: one step more) or deeptransfer"`
	Eps       float64 `json:"norm_eps" doc:"added to variances by the batch norms, above 0"`
	Momentum  float64 `json:"norm_momentum" doc:"part of each batch in the running statistics, above 0 to 1"`
	MaxNorm   float64 `json:"spatial_max_norm" doc:"largest norm of a spatial filter; 0: no limit"`
	Limit     float64 `json:"classifier_max_norm" doc:"largest norm of the weights of one class; 0: no limit"`
}

// EEGNet82 is EEGNet-8,2 as published; the length of the temporal filters is not set.
func EEGNet82() EEGNetOptions {
	return EEGNetOptions{
		Temporal: 8, Depth: 2, Second: 16, Pool: [2]int{4, 8}, Dropout: 0.25, Padding: "same", Eps: 1e-3, Momentum: 0.01, MaxNorm: 1, Limit: 0.25,
	}
}

// pads is the zeros around the filters of the first and the second block.
func (o *EEGNetOptions) pads() (first, second [2]int, err error) {
	half := o.Kernel / 2
	switch o.Padding {
	case "same":
		return nn.Same(o.Kernel, 1), nn.Same(o.Second, 1), nil
	case "symmetric":
		return [2]int{half, half}, [2]int{o.Second / 2, o.Second / 2}, nil
	case "deeptransfer": // github.com/sylyoung/DeepTransferEEG, tl/models/EEGNet.py
		return [2]int{max(half-1, 0), o.Kernel - half}, nn.Same(o.Second, 1), nil
	}
	return first, second, fmt.Errorf("padding is %q, must be same, symmetric or deeptransfer", o.Padding)
}

func (o *EEGNetOptions) check() error {
	err := errors.Join(
		atLeast("temporal_filters", o.Temporal, 1), atLeast("depth", o.Depth, 1), atLeast("separable_filters", o.Separable, 0),
		atLeast("kernel_samples", o.Kernel, 1), atLeast("second_kernel_samples", o.Second, 1), atLeast("pool_samples", min(o.Pool[0], o.Pool[1]), 1),
		probability("dropout", o.Dropout),
	)
	if !(o.Eps > 0) || !(o.Momentum > 0 && o.Momentum <= 1) {
		err = errors.Join(err, fmt.Errorf("norm_eps is %g and norm_momentum %g, must be above 0, and norm_momentum at most 1", o.Eps, o.Momentum))
	}
	if !(o.MaxNorm >= 0) || !(o.Limit >= 0) {
		err = errors.Join(err, fmt.Errorf("spatial_max_norm is %g and classifier_max_norm %g, must be at least 0", o.MaxNorm, o.Limit))
	}
	return err
}

// EEGNet maps [channels, samples] to one logit to a class: temporal filters, spatial filters for each, a separable
// convolution, and a linear classifier. Names are those of braindecode's EEGNet.
func EEGNet(opt EEGNetOptions, classes int) (func() nn.Layer, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	first, second, err := opt.pads()
	if err != nil {
		return nil, err
	}
	width := opt.Temporal * opt.Depth
	out := opt.Separable
	if out == 0 {
		out = width
	}
	norm := func() *nn.BatchNorm { return &nn.BatchNorm{Eps: opt.Eps, Momentum: opt.Momentum} }
	return func() nn.Layer {
		return chain(append([]nn.Named{
			named("", &nn.TemporalSpatial{
				Filters: opt.Temporal, Kernel: opt.Kernel, Pad: first, Depth: opt.Depth, Norm: norm(), MaxNorm: float32(opt.MaxNorm),
				Temporal: "conv_temporal", Between: "bnorm_temporal", Spatial: "conv_spatial",
			}),
			named("bnorm_1", norm()),
			named("elu_1", nn.ELU()),
			named("pool_1", &nn.MeanPool{Size: opt.Pool[0]}),
			named("drop_1", &nn.Dropout{P: opt.Dropout}),
			named("conv_separable_depth", &nn.Conv1d{Out: width, Kernel: opt.Second, Groups: width, Pad: second, NoBias: true}),
			named("conv_separable_point", &nn.Conv1d{Out: out, Kernel: 1, NoBias: true}),
			named("bnorm_2", norm()),
			named("elu_2", nn.ELU()),
			named("pool_2", &nn.MeanPool{Size: opt.Pool[1]}),
			named("drop_2", &nn.Dropout{P: opt.Dropout}),
		}, classifier(classes, float32(opt.Limit))...)...)
	}, nil
}

// EEGNetDeepTransferNames are the beginnings of names in the EEGNet-4,2 checkpoints of github.com/sylyoung/DeepTransferEEG
// (runs/, MIT), and what EEGNet calls them.
var EEGNetDeepTransferNames = map[string]string{
	"0.block1.1.": "conv_temporal.", "0.block1.2.": "bnorm_temporal.", "0.block1.3.": "conv_spatial.", "0.block1.4.": "bnorm_1.",
	"0.block2.1.": "conv_separable_depth.", "0.block2.2.": "conv_separable_point.", "0.block2.3.": "bnorm_2.",
	"1.fc.": "final_layer.conv_classifier.",
}

// EEGNetDeepTransfer is EEGNet-4,2 as those checkpoints have it, for signals at rate Hz.
func EEGNetDeepTransfer(rate float64) EEGNetOptions {
	return EEGNetOptions{
		Temporal: 4, Depth: 2, Separable: 8, Kernel: int(rate / 2), Second: 16, Pool: [2]int{4, 8}, Dropout: 0.25,
		Padding: "deeptransfer", Eps: 1e-5, Momentum: 0.1,
	}
}

// eegnet is EEGNet (Lawhern et al. 2018, doi:10.1088/1741-2552/aace8c) as a decoder: a convolution over time, one over
// channels for each of its maps, a separable convolution over time, average pools, and a linear classifier.
//
// A window [channels, samples], each channel with its training mean and standard deviation taken out, goes in; one
// probability per class, the softmax of the logits, comes out. It is trained on the cross-entropy.
type eegnet struct {
	core
	Training
	EEGNetOptions
}

func init() {
	register("eegnet", func() network { return &eegnet{Training: defaults(), EEGNetOptions: EEGNet82()} })
}

func (e *eegnet) layers(in features.Format, classes int) (func() nn.Layer, error) {
	opt := e.EEGNetOptions
	if opt.Kernel == 0 {
		opt.Kernel = max(int(math.Round(in.Rate/2)), 1)
	}
	define, err := EEGNet(opt, classes)
	if err != nil {
		return nil, err
	}
	return fits(define, in)
}
