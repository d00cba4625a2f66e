package dqn

import (
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/decoders/deep"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// Network is the parameters of the network, which both decoders share.
type Network struct {
	deep.CNNLSTMSize
	// The published recipe feeds its network statistics of the filtered signals, not waves. So does this, but time is kept.
	Power float64 `json:"power_s" doc:"the network gets the logarithm of the power of each channel in steps of so many seconds; 0: the waves themselves, which a few dozen trials do not suffice to learn from"`
}

// network is that of RLEEGNet in the size of its layers. On powers it needs neither a pool behind the first convolution nor
// convolutions over several steps: the LSTM sees them one after the other.
func network(powerS float64) Network {
	return Network{CNNLSTMSize: deep.CNNLSTMSize{Filters: 32, Kernel: 1, Pool: 1, Hidden: 32, Dense: 64, Dropout: 0.1}, Power: powerS}
}

// define checks the parameters against windows of so many samples and says how to make the network.
func (n *Network) define(samples int, rate float64, out int) (func() nn.Layer, error) {
	if !(n.Power >= 0) || math.IsInf(n.Power, 0) {
		return nil, fmt.Errorf("power_s is %g, must be at least 0", n.Power)
	}
	if n.Power == 0 {
		return n.Layers(samples, out)
	}
	step := max(int(math.Round(n.Power*rate)), 1)
	core, err := n.Layers(samples/step, out)
	if err != nil {
		return nil, fmt.Errorf("with power_s %g: %w", n.Power, err)
	}
	return func() nn.Layer {
		return &nn.Sequential{Layers: []nn.Named{
			{Layer: nn.Square()}, {Layer: &nn.MeanPool{Size: step}}, {Layer: nn.SafeLog()}, {Layer: core()},
		}}
	}, nil
}
