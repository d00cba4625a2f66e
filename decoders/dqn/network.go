package dqn

import (
	"errors"
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/decoders/deep"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// Layout is the parameters of the network, which both decoders share: filters over time on the waves of each channel, the
// logarithm of their power step by step, and over these steps the convolutions and the LSTM of RLEEGNet. The published
// recipe feeds its network statistics of the filtered signals; here it works them out itself, and time is kept.
type Layout struct {
	WaveFilters int     `json:"wave_filters" doc:"first convolution: filters over time of each channel by itself, at least 1"`
	Wave        float64 `json:"wave_s" doc:"length of those filters in seconds; 0: the convolution is left out"`
	Power       float64 `json:"power_s" doc:"behind it the logarithm of the power in steps of so many seconds; 0: the waves go on as they are, which a few dozen trials do not suffice to learn from"`
	deep.CNNLSTMSize
}

// layout is that of RLEEGNet in the size of its layers.
func layout(waveS, powerS float64, kernel int) Layout {
	return Layout{
		WaveFilters: 2, Wave: waveS, Power: powerS,
		CNNLSTMSize: deep.CNNLSTMSize{Filters: 32, Kernel: kernel, Pool: 1, Hidden: 32, Dense: 64, Dropout: 0.1},
	}
}

// define checks the parameters against windows of so many channels and samples, and says how to make the network.
func (n *Layout) define(channels, samples int, rate float64, out int) (func() nn.Layer, error) {
	if !(n.Power >= 0) || !(n.Wave >= 0) || math.IsInf(n.Power+n.Wave, 0) {
		return nil, fmt.Errorf("power_s is %g and wave_s %g, must be at least 0", n.Power, n.Wave)
	}
	if n.WaveFilters < 1 {
		return nil, fmt.Errorf("wave_filters is %d, must be at least 1; wave_s: 0 leaves the convolution out", n.WaveFilters)
	}
	taps, step := 1, 1
	if n.Wave > 0 {
		taps = max(int(math.Round(n.Wave*rate)), 1)
	}
	if n.Power > 0 {
		step = max(int(math.Round(n.Power*rate)), 1)
	}
	left := (samples - taps + 1) / step
	if left < 1 {
		return nil, errors.New("the windows are shorter than wave_s and power_s: lower these, or take longer windows")
	}
	core, err := n.Layers(left, out)
	if err != nil {
		return nil, fmt.Errorf("the windows of %d samples make %d steps with wave_s %g and power_s %g: %w; lower power_s, or take longer windows", samples, left, n.Wave, n.Power, err)
	}
	return func() nn.Layer {
		all := &nn.Sequential{}
		if n.Wave > 0 {
			wave := &nn.Conv1d{Out: channels * n.WaveFilters, Kernel: taps, Groups: channels, NoBias: true}
			all.Layers = append(all.Layers, nn.Named{Name: "wave", Layer: wave})
		}
		if n.Power > 0 {
			all.Layers = append(all.Layers, nn.Named{Layer: nn.Square()}, nn.Named{Layer: &nn.MeanPool{Size: step}}, nn.Named{Layer: nn.SafeLog()})
		}
		all.Layers = append(all.Layers, nn.Named{Layer: core()})
		return all
	}, nil
}
