package deep

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// named is a layer with its name.
func named(name string, l nn.Layer) nn.Named { return nn.Named{Name: name, Layer: l} }

// chain runs layers one behind the other.
func chain(layers ...nn.Named) *nn.Sequential { return &nn.Sequential{Layers: layers} }

// classifier is one logit to a class from all of what is left of a signal: a convolution as long as that, as braindecode
// has it, whose weights are [classes, channels, steps].
func classifier(classes int, maxNorm float32) []nn.Named {
	return []nn.Named{
		named("final_layer.conv_classifier", &nn.Conv1d{Out: classes, MaxNorm: maxNorm}),
		named("flatten", &nn.Flatten{}),
	}
}

// fits checks that a network can be made for windows of the given format.
func fits(define func() nn.Layer, in features.Format) (func() nn.Layer, error) {
	if _, err := nn.New(define, nn.Shape{len(in.Names), in.Len}, nn.Options{}); err != nil {
		return nil, fmt.Errorf("%s at %g Hz: %w; take longer windows, or lower the sizes of the network", in, in.Rate, err)
	}
	return define, nil
}

// probability checks one of dropout.
func probability(key string, p float64) error {
	if !(p >= 0 && p < 1) {
		return fmt.Errorf("%s is %g, must be at least 0 and below 1", key, p)
	}
	return nil
}

// atMost checks a number of blocks: layers are made for each before anything can tell how large they are.
func atMost(key string, v, most int) error {
	if v > most {
		return fmt.Errorf("%s is %d, must be at most %d", key, v, most)
	}
	return nil
}

// atLeast checks a whole number.
func atLeast(key string, v, least int) error {
	if v < least {
		return fmt.Errorf("%s is %d, must be at least %d", key, v, least)
	}
	return nil
}
