package deep

import (
	"errors"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// ShallowOptions are the sizes of the shallow network of Schirrmeister et al. 2017 (doi:10.1002/hbm.23730).
type ShallowOptions struct {
	Temporal int     `json:"temporal_filters" doc:"temporal filters, at least 1"`
	Spatial  int     `json:"spatial_filters" doc:"spatial filters over all of them, at least 1"`
	Kernel   int     `json:"kernel_samples" doc:"length of the temporal filters, at least 1"`
	Pool     int     `json:"pool_samples" doc:"length of the windows in which power is averaged, at least 1"`
	Stride   int     `json:"stride_samples" doc:"distance of those windows, at least 1"`
	Dropout  float64 `json:"dropout" doc:"probability of dropout in front of the classifier, 0 to below 1"`
}

// Shallow is the published size, for 250 Hz.
func Shallow() ShallowOptions {
	return ShallowOptions{Temporal: 40, Spatial: 40, Kernel: 25, Pool: 75, Stride: 15, Dropout: 0.5}
}

// ShallowConvNet maps [channels, samples] to one logit to a class: temporal and spatial filters, the logarithm of their
// power in overlapping windows, and a linear classifier; a trainable relative of CSP. Names are those of braindecode's
// ShallowFBCSPNet.
func ShallowConvNet(opt ShallowOptions, classes int) (func() nn.Layer, error) {
	if err := errors.Join(
		atLeast("temporal_filters", opt.Temporal, 1), atLeast("spatial_filters", opt.Spatial, 1), atLeast("kernel_samples", opt.Kernel, 1),
		atLeast("pool_samples", opt.Pool, 1), atLeast("stride_samples", opt.Stride, 1), probability("dropout", opt.Dropout),
	); err != nil {
		return nil, err
	}
	return func() nn.Layer {
		return chain(append([]nn.Named{
			named("conv_time_spat", &nn.TemporalSpatial{
				Filters: opt.Temporal, Kernel: opt.Kernel, Out: opt.Spatial, TemporalBias: true, Temporal: "conv_time", Spatial: "conv_spat",
			}),
			named("bnorm", &nn.BatchNorm{}),
			named("conv_nonlin_exp", nn.Square()),
			named("pool", &nn.MeanPool{Size: opt.Pool, Stride: opt.Stride}),
			named("pool_nonlin_exp", nn.SafeLog()),
			named("drop", &nn.Dropout{P: opt.Dropout}),
		}, classifier(classes, 0)...)...)
	}, nil
}

// shallow is the shallow network of Schirrmeister et al. 2017 (doi:10.1002/hbm.23730), ShallowConvNet, as a decoder: filters
// over time and over channels, the logarithm of their power in overlapping windows, and a linear classifier; a trainable
// relative of CSP.
//
// A window [channels, samples], each channel with its training mean and standard deviation taken out, goes in; one
// probability per class, the softmax of the logits, comes out. It is trained on the cross-entropy.
type shallow struct {
	core
	Training
	ShallowOptions
}

func init() {
	register("shallow", func() network { return &shallow{Training: defaults(), ShallowOptions: Shallow()} })
}

func (s *shallow) layers(in features.Format, classes int) (func() nn.Layer, error) {
	define, err := ShallowConvNet(s.ShallowOptions, classes)
	if err != nil {
		return nil, err
	}
	return fits(define, in)
}
