package deep

import (
	"errors"
	"fmt"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// FBCNetOptions are the sizes of FBCNet (Mane et al. 2021, arXiv:2104.01233).
type FBCNetOptions struct {
	Bands    int     `json:"bands" doc:"bands of equal width between 4 and 40 Hz, 1 to 36"`
	Spatial  int     `json:"spatial_filters" doc:"spatial filters of each band, at least 1"`
	Segments int     `json:"segments" doc:"pieces of time whose log-variance is taken, at least 1; zeros are added to make them equally long"`
	MaxNorm  float64 `json:"spatial_max_norm" doc:"largest norm of a spatial filter; 0: no limit"`
	Limit    float64 `json:"classifier_max_norm" doc:"largest norm of the weights of one class; 0: no limit"`
}

// FBC is the published size.
func FBC() FBCNetOptions {
	return FBCNetOptions{Bands: 9, Spatial: 32, Segments: 4, MaxNorm: 2, Limit: 0.5}
}

// FBCNet maps [channels, samples] at rate Hz to one logit to a class: fixed band-pass filters, spatial filters for each
// band, and the log-variance of pieces of time. Names are those of braindecode's FBCNet.
func FBCNet(opt FBCNetOptions, rate float64, samples, classes int) (func() nn.Layer, error) {
	if err := errors.Join(
		atLeast("bands", opt.Bands, 1), atMost("bands", opt.Bands, bandEnd-bandStart), atLeast("spatial_filters", opt.Spatial, 1), atLeast("segments", opt.Segments, 1),
	); err != nil {
		return nil, err
	}
	if !(opt.MaxNorm >= 0) || !(opt.Limit >= 0) {
		return nil, fmt.Errorf("spatial_max_norm is %g and classifier_max_norm %g, must be at least 0", opt.MaxNorm, opt.Limit)
	}
	if !(rate > 2*bandEnd) {
		return nil, fmt.Errorf("the rate is %g Hz, must be above %d Hz for bands up to %d Hz", rate, 2*bandEnd, bandEnd)
	}
	var taps [][]float64
	for i := range opt.Bands {
		width := float64(bandEnd-bandStart) / float64(opt.Bands)
		taps = append(taps, bandpass(bandStart+float64(i)*width, bandStart+float64(i+1)*width, rate))
	}
	width := opt.Bands * opt.Spatial
	missing := (opt.Segments - samples%opt.Segments) % opt.Segments
	return func() nn.Layer {
		return chain(
			named("spectral_filtering", &filterBank{taps: taps}),
			named("spatial_conv.0", &nn.Conv2d{Out: width, Kernel: [2]int{0, 1}, Groups: opt.Bands, MaxNorm: float32(opt.MaxNorm)}),
			named("spatial_conv.1", &nn.BatchNorm{}),
			named("spatial_conv.2", nn.SiLU()),
			named("signals", &nn.Flatten{Keep: 1}),
			named("padding", &nn.Crop{Back: -missing}),
			named("temporal_layer", &nn.LogVar{Segments: opt.Segments}),
			named("flatten", &nn.Flatten{}),
			named("final_layer", &nn.Linear{Out: classes, MaxNorm: float32(opt.Limit)}),
		)
	}, nil
}

// fbcnet is FBCNet (Mane et al. 2021, arXiv:2104.01233) as a decoder: fixed band-pass filters, spatial filters for each
// band, the logarithm of the variance over stretches of time, and a linear classifier.
//
// A window [channels, samples], each channel with its training mean and standard deviation taken out, goes in; one
// probability per class, the softmax of the logits, comes out. It is trained on the cross-entropy.
type fbcnet struct {
	core
	Training
	FBCNetOptions
}

func init() {
	register("fbcnet", func() network { return &fbcnet{Training: defaults(), FBCNetOptions: FBC()} })
}

func (f *fbcnet) layers(in features.Format, classes int) (func() nn.Layer, error) {
	define, err := FBCNet(f.FBCNetOptions, in.Rate, in.Len, classes)
	if err != nil {
		return nil, err
	}
	return fits(define, in)
}
