package deep

import (
	"errors"
	"fmt"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// Deep4Options are the sizes of the deep network of Schirrmeister et al. 2017 (doi:10.1002/hbm.23730).
type Deep4Options struct {
	Temporal int     `json:"temporal_filters" doc:"temporal filters, at least 1"`
	Spatial  int     `json:"spatial_filters" doc:"spatial filters over all of them, at least 1; each further block has twice as many"`
	Kernel   int     `json:"kernel_samples" doc:"length of the filters of every block, at least 1"`
	Pool     int     `json:"pool_samples" doc:"length and distance of the windows of the max pools, at least 1"`
	Blocks   int     `json:"blocks" doc:"blocks of convolution and pooling, 1 to 16; 0: 4, or as many as the window is long enough for"`
	Dropout  float64 `json:"dropout" doc:"probability of dropout in front of the second and later blocks, 0 to below 1"`
}

// Deep4 is the published size, for 250 Hz.
func Deep4() Deep4Options {
	return Deep4Options{Temporal: 25, Spatial: 25, Kernel: 10, Pool: 3, Dropout: 0.5}
}

// Deep4Net maps [channels, samples] to one logit to a class: temporal and spatial filters, then blocks of convolution, ELU
// and max pool, and a linear classifier. opt.Blocks 0 means 4. Names are those of braindecode's Deep4Net.
func Deep4Net(opt Deep4Options, classes int) (func() nn.Layer, error) {
	if err := errors.Join(
		atLeast("temporal_filters", opt.Temporal, 1), atLeast("spatial_filters", opt.Spatial, 1), atLeast("kernel_samples", opt.Kernel, 1),
		atLeast("pool_samples", opt.Pool, 1), atLeast("blocks", opt.Blocks, 0), atMost("blocks", opt.Blocks, 16), probability("dropout", opt.Dropout),
	); err != nil {
		return nil, err
	}
	blocks := opt.Blocks
	if blocks == 0 {
		blocks = 4
	}
	return func() nn.Layer {
		layers := []nn.Named{
			named("conv_time_spat", &nn.TemporalSpatial{
				Filters: opt.Temporal, Kernel: opt.Kernel, Out: opt.Spatial, TemporalBias: true, Temporal: "conv_time", Spatial: "conv_spat",
			}),
			named("bnorm", &nn.BatchNorm{}),
			named("conv_nonlin", nn.ELU()),
			named("pool", &nn.MaxPool{Size: opt.Pool}),
		}
		for b, width := 2, 2*opt.Spatial; b <= blocks; b, width = b+1, 2*width {
			layers = append(layers,
				named(fmt.Sprintf("drop_%d", b), &nn.Dropout{P: opt.Dropout}),
				named(fmt.Sprintf("conv_%d", b), &nn.Conv1d{Out: width, Kernel: opt.Kernel, NoBias: true}),
				named(fmt.Sprintf("bnorm_%d", b), &nn.BatchNorm{}),
				named(fmt.Sprintf("nonlin_%d", b), nn.ELU()),
				named(fmt.Sprintf("pool_%d", b), &nn.MaxPool{Size: opt.Pool}),
			)
		}
		return chain(append(layers, classifier(classes, 0)...)...)
	}, nil
}

// deep4 is the deep network of Schirrmeister et al. 2017 (doi:10.1002/hbm.23730), Deep4Net, as a decoder: filters over time
// and over channels, then blocks of convolution, ELU and max pool, and a linear classifier.
//
// A window [channels, samples], each channel with its training mean and standard deviation taken out, goes in; one
// probability per class, the softmax of the logits, comes out. It is trained on the cross-entropy.
type deep4 struct {
	core
	Training
	Deep4Options
}

func init() {
	register("deep4", func() network { return &deep4{Training: defaults(), Deep4Options: Deep4()} })
}

func (d *deep4) layers(in features.Format, classes int) (func() nn.Layer, error) {
	opt := d.Deep4Options
	if opt.Blocks == 0 && opt.Kernel > 0 && opt.Pool > 0 {
		left := in.Len
		for opt.Blocks < 4 {
			if left = (left - opt.Kernel + 1) / opt.Pool; left < 1 {
				break
			}
			opt.Blocks++
		}
	}
	define, err := Deep4Net(opt, classes)
	if err != nil {
		return nil, err
	}
	return fits(define, in)
}
