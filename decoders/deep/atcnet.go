package deep

import (
	"errors"
	"fmt"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// ATCNetOptions are the sizes of ATCNet (Altaheri et al. 2023, doi:10.1109/TII.2022.3197419).
type ATCNetOptions struct {
	Filters          int     `json:"filters" doc:"temporal filters, at least 1"`
	Kernel           int     `json:"kernel_samples" doc:"taps of the temporal filters, at least 1"`
	Kernel2          int     `json:"kernel2_samples" doc:"taps of the second convolution, behind the first pool, at least 1"`
	Pool             int     `json:"pool_samples" doc:"samples of the first pool, at least 1"`
	Pool2            int     `json:"pool2_samples" doc:"steps of the second pool, at least 1"`
	Depth            int     `json:"depth" doc:"spatial filters to a temporal one, at least 1"`
	Windows          int     `json:"windows" doc:"overlapping stretches, at least 1"`
	Heads            int     `json:"heads" doc:"of attention, at least 1"`
	HeadWidth        int     `json:"head_width" doc:"of attention, at least 1"`
	TCNDepth         int     `json:"tcn_depth" doc:"residual blocks of the temporal convolutional network, 1 to 16; each doubles the dilation"`
	TCNKernel        int     `json:"tcn_kernel" doc:"its taps, at least 1"`
	Dropout          float64 `json:"dropout" doc:"behind convolutions, 0 to below 1"`
	AttentionDropout float64 `json:"attention_dropout" doc:"behind attention, 0 to below 1"`
}

// ATCNet2023 is as published.
func ATCNet2023() ATCNetOptions {
	return ATCNetOptions{
		Filters: 16, Kernel: 64, Kernel2: 16, Pool: 8, Pool2: 7, Depth: 2, Windows: 5, Heads: 2, HeadWidth: 8, TCNDepth: 2,
		TCNKernel: 4, Dropout: 0.3, AttentionDropout: 0.5,
	}
}

// atcnet is ATCNet (Altaheri et al. 2023, doi:10.1109/TII.2022.3197419) as a decoder: convolutions like those of EEGNet,
// then for each of several sliding stretches of their output attention and a temporal convolutional network, whose answers
// are averaged.
//
// A window [channels, samples], each channel with its training mean and standard deviation taken out, goes in; one
// probability per class, the softmax of the logits, comes out. It is trained on the cross-entropy.
type atcnet struct {
	Training
	core
	ATCNetOptions
}

func init() {
	register("atcnet", func() network { return &atcnet{Training: defaults(), ATCNetOptions: ATCNet2023()} })
}

func (a *atcnet) layers(in features.Format, classes int) (func() nn.Layer, error) {
	return ATCNet(a.ATCNetOptions, in.Len, classes)
}

// ATCNet maps [channels, samples] to one logit to a class, as braindecode's ATCNet: EEGNet's convolutions make a sequence,
// of which overlapping stretches each go through attention, a temporal convolutional network and a dense layer of their
// own; the logits are averaged (the paper says concatenated, its code averages). As published, on 22 channels × 1000 samples
// and 4 classes, it has 113,732 parameters. For braindecode's weights, Load is told the
// columns final_layer.0 to final_layer.4.
func ATCNet(a ATCNetOptions, samples, classes int) (func() nn.Layer, error) {
	for _, v := range []int{a.Filters, a.Kernel, a.Kernel2, a.Pool, a.Pool2, a.Depth, a.Windows, a.Heads, a.HeadWidth, a.TCNDepth, a.TCNKernel} {
		if v < 1 {
			return nil, errors.New("filters, kernels, pools, depth, windows, heads, head_width, tcn_depth and tcn_kernel must be at least 1")
		}
	}
	if err := errors.Join(probability("dropout", a.Dropout), probability("attention_dropout", a.AttentionDropout), atMost("tcn_depth", a.TCNDepth, 16)); err != nil {
		return nil, err
	}
	if steps := samples / a.Pool / a.Pool2; steps < a.Windows {
		return nil, fmt.Errorf("the windows have %d samples, which make %d steps, fewer than the %d stretches (windows); they must have at least %.0f: take longer windows, or lower windows or the pools",
			samples, steps, a.Windows, float64(a.Windows)*float64(a.Pool)*float64(a.Pool2)) // which may be too large for an int
	}
	return func() nn.Layer {
		width := a.Filters * a.Depth
		spatialDrop := func() nn.Layer { return &nn.Dropout{P: a.Dropout, Channels: true} }
		branches := &nn.Concat{}
		for w := range a.Windows {
			branch := &nn.Sequential{Layers: []nn.Named{
				{Layer: &nn.Crop{Front: w, Back: a.Windows - 1 - w}},
				{Name: fmt.Sprintf("attention_blocks.%d", w), Layer: a.attention()},
			}}
			for i := range a.TCNDepth {
				branch.Layers = append(branch.Layers, nn.Named{Name: fmt.Sprintf("temporal_conv_nets.%d.%d", w, i), Layer: a.tcn(width, 1<<i)})
				branch.Layers = append(branch.Layers, nn.Named{Layer: nn.ELU()})
			}
			branch.Layers = append(branch.Layers, []nn.Named{
				{Layer: &nn.Transpose{}},
				{Layer: &nn.Last{}},
				{Name: fmt.Sprintf("final_layer.%d", w), Layer: &nn.Linear{Out: classes, MaxNorm: 0.25}},
			}...)
			branches.Branches = append(branches.Branches, nn.Named{Layer: branch})
		}
		return &nn.Sequential{Layers: []nn.Named{
			{Name: "conv_block", Layer: &nn.Sequential{Layers: []nn.Named{
				{Layer: &nn.TemporalSpatial{Filters: a.Filters, Kernel: a.Kernel, Pad: nn.Same(a.Kernel, 1), Depth: a.Depth, Norm: &nn.BatchNorm{Eps: 1e-4}, Temporal: "conv1", Between: "bn1", Spatial: "conv2"}},
				{Name: "bn2", Layer: &nn.BatchNorm{Eps: 1e-4}},
				{Layer: nn.ELU()},
				{Layer: &nn.MeanPool{Size: a.Pool}},
				{Layer: spatialDrop()},
				{Name: "conv3", Layer: &nn.Conv1d{Out: width, Kernel: a.Kernel2, Pad: nn.Same(a.Kernel2, 1), NoBias: true}},
				{Name: "bn3", Layer: &nn.BatchNorm{Eps: 1e-4}},
				{Layer: nn.ELU()},
				{Layer: &nn.MeanPool{Size: a.Pool2}},
				{Layer: spatialDrop()},
			}}},
			{Layer: branches}, // [windows·classes]
			{Layer: &nn.Reshape{To: nn.Shape{a.Windows, classes}}},
			{Layer: &nn.Transpose{}},
			{Layer: &nn.MeanPool{}},
			{Layer: &nn.Flatten{}},
		}}
	}, nil
}

// attention is x + drop(attention(norm(x))) on the steps of a signal.
func (a *ATCNetOptions) attention() nn.Layer {
	return &nn.Sequential{Layers: []nn.Named{
		{Layer: &nn.Transpose{}},
		{Layer: &nn.Residual{Body: nn.Named{Layer: &nn.Sequential{Layers: []nn.Named{
			{Name: "ln", Layer: &nn.LayerNorm{Epsilon: 1e-6}},
			{Name: "mha", Layer: &nn.Attention{Heads: a.Heads, Width: a.HeadWidth, Names: [4]string{"fc_q", "fc_k", "fc_v", "fc_o"}}},
			{Layer: &nn.Dropout{P: a.AttentionDropout}},
			{Layer: &nn.Dropout{P: a.Dropout}},
		}}}}},
		{Layer: &nn.Transpose{}},
	}}
}

// tcn is one residual block of two causal convolutions, without the ELU behind the sum.
func (a *ATCNetOptions) tcn(width, dilation int) nn.Layer {
	conv := func() nn.Layer {
		return &nn.Conv1d{Out: width, Kernel: a.TCNKernel, Dilation: dilation, Pad: [2]int{(a.TCNKernel - 1) * dilation, 0}}
	}
	drop := func() nn.Layer { return &nn.Dropout{P: a.Dropout} }
	return &nn.Residual{Body: nn.Named{Layer: &nn.Sequential{Layers: []nn.Named{
		{Name: "conv1", Layer: conv()},
		{Name: "bn1", Layer: &nn.BatchNorm{}},
		{Layer: nn.ELU()},
		{Layer: drop()},
		{Name: "conv2", Layer: conv()},
		{Name: "bn2", Layer: &nn.BatchNorm{}},
		{Layer: nn.ELU()},
		{Layer: drop()},
	}}}}
}
