package deep

import (
	"errors"
	"fmt"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// ConformerOptions are the sizes of the EEG Conformer (Song et al. 2023, doi:10.1109/TNSRE.2022.3230250).
type ConformerOptions struct {
	Filters          int     `json:"filters" doc:"temporal filters, and as many spatial ones: the width of a token; heads must divide it"`
	Kernel           int     `json:"kernel_samples" doc:"taps of the temporal filters, at least 1"`
	Pool             int     `json:"pool_samples" doc:"samples of a pool, at least 1"`
	Stride           int     `json:"stride_samples" doc:"samples between pools, at least 1"`
	Depth            int     `json:"depth" doc:"transformer blocks, 1 to 100"`
	Heads            int     `json:"heads" doc:"of attention, at least 1"`
	Expansion        int     `json:"expansion" doc:"hidden width of a block's dense layers, in token widths, at least 1"`
	Dropout          float64 `json:"dropout" doc:"behind the pool and the dense layers, 0 to below 1"`
	AttentionDropout float64 `json:"attention_dropout" doc:"within the blocks, 0 to below 1"`
}

// Conformer2023 is as published.
func Conformer2023() ConformerOptions {
	return ConformerOptions{Filters: 40, Kernel: 25, Pool: 75, Stride: 15, Depth: 6, Heads: 10, Expansion: 4, Dropout: 0.5, AttentionDropout: 0.5}
}

// conformer is the EEG Conformer (Song et al. 2023, doi:10.1109/TNSRE.2022.3230250) as a decoder: convolutions over time and
// channels, pooled to tokens, a transformer encoder over them, and a classifier of dense layers.
//
// A window [channels, samples], each channel with its training mean and standard deviation taken out, goes in; one
// probability per class, the softmax of the logits, comes out. It is trained on the cross-entropy.
type conformer struct {
	Training
	core
	ConformerOptions
}

func init() {
	register("eeg_conformer", func() network { return &conformer{Training: defaults(), ConformerOptions: Conformer2023()} })
}

func (c *conformer) layers(in features.Format, classes int) (func() nn.Layer, error) {
	return ConformerNet(c.ConformerOptions, in.Len, classes)
}

// ConformerNet maps [channels, samples] to one logit to a class, as braindecode's EEGConformer: the first two convolutions
// of ShallowConvNet, batch norm, ELU and mean pooling make tokens of Filters values, which a transformer with Depth
// pre-norm blocks and a head of three dense layers (256, 32, classes) reads. As published, on 22 channels × 1000 samples and
// 4 classes, it has 789,572 parameters.
func ConformerNet(c ConformerOptions, samples, classes int) (func() nn.Layer, error) {
	if c.Filters < 1 || c.Kernel < 1 || c.Pool < 1 || c.Stride < 1 || c.Depth < 1 || c.Heads < 1 || c.Expansion < 1 {
		return nil, errors.New("filters, kernel_samples, pool_samples, stride_samples, depth, heads and expansion must be at least 1")
	}
	if err := errors.Join(probability("dropout", c.Dropout), probability("attention_dropout", c.AttentionDropout), atMost("depth", c.Depth, 100)); err != nil {
		return nil, err
	}
	if c.Filters%c.Heads != 0 {
		return nil, fmt.Errorf("%d heads do not divide a token of %d filters evenly", c.Heads, c.Filters)
	}
	if least := c.Kernel + c.Pool - 1; samples < least {
		return nil, fmt.Errorf("the windows have %d samples, must have at least %d: kernel_samples + pool_samples - 1; take longer windows or smaller kernels", samples, least)
	}
	return func() nn.Layer {
		all := chain(
			named("patch_embedding.shallownet", chain(
				named("", &nn.TemporalSpatial{Filters: c.Filters, Kernel: c.Kernel, Out: c.Filters, TemporalBias: true, SpatialBias: true, Temporal: "0", Spatial: "1"}),
				named("2", &nn.BatchNorm{}), named("", nn.ELU()), named("", &nn.MeanPool{Size: c.Pool, Stride: c.Stride}), named("", &nn.Dropout{P: c.Dropout}),
			)),
			named("patch_embedding.projection.0", &nn.Conv1d{Out: c.Filters, Kernel: 1}),
			named("", &nn.Transpose{}),
		)
		for i := range c.Depth {
			all.Layers = append(all.Layers, named(fmt.Sprintf("transformer.%d", i), c.block()))
		}
		all.Layers = append(all.Layers,
			named("", &nn.Flatten{}),
			named("fc.fc", nn.Seq(&nn.Linear{Out: 256}, nn.ELU(), &nn.Dropout{P: c.Dropout}, &nn.Linear{Out: 32}, nn.ELU(), &nn.Dropout{P: 0.6 * c.Dropout})),
			named("final_layer", &nn.Linear{Out: classes}),
		)
		return all
	}, nil
}

// block is one transformer block.
func (c *ConformerOptions) block() nn.Layer {
	drop := func() nn.Layer { return &nn.Dropout{P: c.AttentionDropout} }
	attention := &nn.Attention{Heads: c.Heads, Dropout: c.AttentionDropout, Names: [4]string{"queries", "keys", "values", "projection"}}
	dense := nn.Seq(&nn.Linear{Out: c.Expansion * c.Filters}, nn.GELU(), drop(), &nn.Linear{Out: c.Filters})
	return nn.Seq(
		&nn.Residual{Body: nn.Named{Name: "fn", Layer: nn.Seq(&nn.LayerNorm{}, attention, drop())}},
		&nn.Residual{Body: nn.Named{Name: "fn", Layer: nn.Seq(&nn.LayerNorm{}, dense, drop())}},
	)
}
