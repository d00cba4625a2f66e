package deep

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// EEGTCNetOptions are the sizes of EEG-TCNet (Ingolfsson et al. 2020, doi:10.1109/SMC42975.2020.9283028).
type EEGTCNetOptions struct {
	Temporal   int     `json:"temporal_filters" doc:"temporal filters, at least 1; also the length of the second pool"`
	Depth      int     `json:"depth" doc:"spatial filters of each temporal one, at least 1"`
	Kernel     int     `json:"kernel_samples" doc:"length of the temporal filters, at least 1"`
	Activate   bool    `json:"activate_temporal" doc:"an ELU between the temporal and the spatial filters, as braindecode has and the paper has not; slower"`
	Filters    int     `json:"tcn_filters" doc:"width of the temporal convolutional network, at least 1"`
	TCNKernel  int     `json:"tcn_kernel" doc:"taps of its filters, at least 1"`
	Blocks     int     `json:"tcn_blocks" doc:"its residual blocks, 1 to 16; the dilation doubles with each"`
	Dropout    float64 `json:"dropout" doc:"probability of dropout in the first part, 0 to below 1"`
	TCNDropout float64 `json:"tcn_dropout" doc:"probability of dropout in the temporal convolutional network, 0 to below 1"`
	Limit      float64 `json:"classifier_max_norm" doc:"largest norm of the weights of one class; 0: no limit"`
}

// EEGTC is the published size.
func EEGTC() EEGTCNetOptions {
	return EEGTCNetOptions{
		Temporal: 8, Depth: 2, Kernel: 32, Filters: 12, TCNKernel: 4, Blocks: 2, Dropout: 0.2, TCNDropout: 0.3, Limit: 0.25,
	}
}

// EEGTCNet maps [channels, samples] to one logit to a class: the two blocks of EEGNet with pools of 8, then dilated causal
// convolutions with residuals, whose last step is classified. Names are those of braindecode's EEGTCNet.
func EEGTCNet(opt EEGTCNetOptions, classes int) (func() nn.Layer, error) {
	if err := errors.Join(
		atLeast("temporal_filters", opt.Temporal, 1), atLeast("depth", opt.Depth, 1), atLeast("kernel_samples", opt.Kernel, 1),
		atLeast("tcn_filters", opt.Filters, 1), atLeast("tcn_kernel", opt.TCNKernel, 1), atLeast("tcn_blocks", opt.Blocks, 1), atMost("tcn_blocks", opt.Blocks, 16),
		probability("dropout", opt.Dropout), probability("tcn_dropout", opt.TCNDropout),
	); err != nil {
		return nil, err
	}
	if !(opt.Limit >= 0) {
		return nil, fmt.Errorf("classifier_max_norm is %g, must be at least 0", opt.Limit)
	}
	width := opt.Temporal * opt.Depth
	return func() nn.Layer {
		layers := append(opt.front(),
			named("eegnet_tc.bn2", &nn.BatchNorm{}),
			named("eegnet_tc.elu2", nn.ELU()),
			named("eegnet_tc.pool1", &nn.MeanPool{Size: 8}),
			named("eegnet_tc.drop1", &nn.Dropout{P: opt.Dropout}),
			named("eegnet_tc.separable_conv_depthwise", &nn.Conv1d{Out: width, Kernel: width, Groups: width, Pad: [2]int{width / 2, width / 2}, NoBias: true}),
			named("eegnet_tc.separable_conv_pointwise", &nn.Conv1d{Out: width, Kernel: 1, NoBias: true}),
			named("eegnet_tc.bn3", &nn.BatchNorm{}),
			named("eegnet_tc.elu3", nn.ELU()),
			named("eegnet_tc.pool2", &nn.MeanPool{Size: opt.Temporal}),
			named("eegnet_tc.drop2", &nn.Dropout{P: opt.Dropout}),
		)
		for b := range opt.Blocks {
			var around nn.Named
			if b == 0 && width != opt.Filters {
				around = named("downsample", &nn.Conv1d{Out: opt.Filters, Kernel: 1})
			}
			layers = append(layers,
				named("tcn_block", &nn.Residual{Body: named(fmt.Sprintf("layers.%d", b), opt.unit(1<<b)), Shortcut: around}),
				named("", nn.ELU()))
		}
		return chain(append(layers, named("", &nn.LastStep{}), named("final_layer", &nn.Linear{Out: classes, MaxNorm: float32(opt.Limit)}))...)
	}, nil
}

// front is the temporal and the spatial filters.
func (o EEGTCNetOptions) front() []nn.Named {
	pad := [2]int{o.Kernel / 2, o.Kernel / 2}
	if !o.Activate {
		return []nn.Named{named("", &nn.TemporalSpatial{
			Filters: o.Temporal, Kernel: o.Kernel, Pad: pad, Depth: o.Depth, Norm: &nn.BatchNorm{},
			Temporal: "eegnet_tc.conv1", Between: "eegnet_tc.bn1", Spatial: "eegnet_tc.depthwise_conv",
		})}
	}
	return []nn.Named{
		named("", &nn.Image{}),
		named("eegnet_tc.conv1", &nn.Conv2d{Out: o.Temporal, Kernel: [2]int{1, o.Kernel}, PadW: pad, NoBias: true}),
		named("eegnet_tc.bn1", &nn.BatchNorm{}),
		named("eegnet_tc.elu1", nn.ELU()),
		named("eegnet_tc.depthwise_conv", &nn.Conv2d{Out: o.Temporal * o.Depth, Kernel: [2]int{0, 1}, Groups: o.Temporal, NoBias: true}),
		named("", &nn.Flatten{Keep: 1}),
	}
}

// unit is the inside of a residual block: twice a causal convolution, a norm and an ELU. The positions are those of
// braindecode, which cuts off what a padded convolution has too much at 1 and 6.
func (o EEGTCNetOptions) unit(dilation int) nn.Layer {
	var layers []nn.Named
	for at := 0; at <= 5; at += 5 {
		name := func(i int) string { return strconv.Itoa(at + i) }
		layers = append(layers,
			named(name(0), &nn.Conv1d{Out: o.Filters, Kernel: o.TCNKernel, Dilation: dilation, Pad: nn.Causal(o.TCNKernel, dilation), NoBias: true}),
			named(name(2), &nn.BatchNorm{Eps: 1e-3, Momentum: 0.01}),
			named(name(3), nn.ELU()),
			named(name(4), &nn.Dropout{P: o.TCNDropout}),
		)
	}
	return chain(layers...)
}

// eegtcnet is EEG-TCNet (Ingolfsson et al. 2020, doi:10.1109/SMC42975.2020.9283028) as a decoder: convolutions like those of
// EEGNet, then a temporal convolutional network of causal dilated convolutions, and a linear classifier.
//
// A window [channels, samples], each channel with its training mean and standard deviation taken out, goes in; one
// probability per class, the softmax of the logits, comes out. It is trained on the cross-entropy.
type eegtcnet struct {
	core
	Training
	EEGTCNetOptions
}

func init() {
	register("eegtcnet", func() network { return &eegtcnet{Training: defaults(), EEGTCNetOptions: EEGTC()} })
}

func (e *eegtcnet) layers(in features.Format, classes int) (func() nn.Layer, error) {
	define, err := EEGTCNet(e.EEGTCNetOptions, classes)
	if err != nil {
		return nil, err
	}
	return fits(define, in)
}
