package deep

import (
	"strconv"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// SignalJEPAOptions are the sizes of the pre-local network of S-JEPA (Guetschel et al. 2024, arXiv:2403.11772).
type SignalJEPAOptions struct {
	Spatial int     `json:"spatial_filters" doc:"virtual channels that the electrodes are mixed to, at least 1"`
	Dropout float64 `json:"dropout" doc:"probability of dropout behind each convolution, 0 to below 1"`
}

// SJEPA is the published size.
func SJEPA() SignalJEPAOptions { return SignalJEPAOptions{Spatial: 4} }

// jepaConvs are filters, taps and strides of the convolutions, as in the published pre-trained encoder.
var jepaConvs = [][3]int{{8, 32, 8}, {16, 2, 2}, {32, 2, 2}, {64, 2, 2}, {64, 2, 2}}

// SignalJEPA maps [channels, samples] to one logit to a class: electrodes are mixed to a few virtual channels, the
// convolutions of S-JEPA's encoder run over each, and a linear classifier reads what comes out. Names are those of
// braindecode's SignalJEPA_PreLocal.
func SignalJEPA(opt SignalJEPAOptions, classes int) (func() nn.Layer, error) {
	if err := atLeast("spatial_filters", opt.Spatial, 1); err != nil {
		return nil, err
	}
	if err := probability("dropout", opt.Dropout); err != nil {
		return nil, err
	}
	return func() nn.Layer {
		encoder := chain(named("0", &nn.Image{}))
		for i, c := range jepaConvs {
			block := chain(named("0", &nn.Conv1d{Out: c[0], Kernel: c[1], Stride: c[2], NoBias: true}), named("1", &nn.Dropout{P: opt.Dropout}))
			if i == 0 {
				block.Layers = append(block.Layers, named("2", &nn.GroupNorm{Groups: c[0]}))
			}
			block.Layers = append(block.Layers, named(strconv.Itoa(len(block.Layers)), nn.GELU()))
			encoder.Layers = append(encoder.Layers, named(strconv.Itoa(i+1), block))
		}
		return chain(
			named("spatial_conv.1", &nn.Conv1d{Out: opt.Spatial, Kernel: 1}),
			named("feature_encoder", &nn.Each{Layer: encoder}),
			named("tokens", &nn.Transpose{}),
			named("final_layer.0", &nn.Flatten{}),
			named("final_layer.1", &nn.Linear{Out: classes}),
		)
	}, nil
}

// signalJEPA is the pre-local network of S-JEPA (Guetschel et al. 2024, arXiv:2403.11772) as a decoder: electrodes are mixed
// to a few virtual channels, the convolutions of S-JEPA's encoder run over each, and a linear classifier reads what comes
// out.
//
// A window [channels, samples], each channel with its training mean and standard deviation taken out, goes in; one
// probability per class, the softmax of the logits, comes out. It is trained on the cross-entropy.
type signalJEPA struct {
	core
	Training
	SignalJEPAOptions
}

func init() {
	register("signal_jepa", func() network { return &signalJEPA{Training: defaults(), SignalJEPAOptions: SJEPA()} })
}

func (s *signalJEPA) layers(in features.Format, classes int) (func() nn.Layer, error) {
	define, err := SignalJEPA(s.SignalJEPAOptions, classes)
	if err != nil {
		return nil, err
	}
	return fits(define, in)
}
