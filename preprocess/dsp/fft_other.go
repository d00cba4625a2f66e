//go:build !amd64

package dsp

// haveLanes says that there are no vector kernels for this processor: transforms run one after the other.
const haveLanes = false

func deepLen(int) int { return 0 }

func (c *fftCore) runLanes(_, _ []complex128) (result, other []complex128) { panic("dsp: no lanes") }

func (b *bluestein) runLanes(_ *FFTWork) (result, other []complex128) { panic("dsp: no lanes") }

func (p *RealFFT) lanes(_ [fftLanes][]complex128, _ [fftLanes][]float64, _ *FFTWork) {
	panic("dsp: no lanes")
}

func (p *WelchPlan) addLanes(_, _ []float64, _ int, _ *WelchWork) { panic("dsp: no lanes") }

func (p *FFT) inverseLanes(_, _ [][]complex128, _ *FFTWork) { panic("dsp: no lanes") }
