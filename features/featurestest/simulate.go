package featurestest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

const (
	rate    = 128.0
	samples = 256
	effect  = 2.0 // strength of the planted effect, in standard deviations of a noise source
)

var channelNames = []string{"F3", "Fz", "F4", "C3", "Cz", "C4", "P3", "P4"}

func windowFormat() features.Format {
	info := &signal.Info{Rate: rate, Channels: make([]signal.Channel, len(channelNames))}
	for ch, name := range channelNames {
		info.Channels[ch] = signal.Channel{Name: name, Original: name, Kind: signal.EEG, Unit: signal.Microvolt}
	}
	return features.WindowFormat(info, samples)
}

// examples is one simulated recording.
type examples struct {
	x           [][][]float64
	y           []int
	classes     []string
	train, test []int // positions in x
}

// simulate makes training examples of all classes in turn and test examples whose classes are drawn independently and
// with equal probability, so that the number of correct decisions of a decoder without information is binomial.
// Strength 0 is pure noise.
//
// Windows are autoregressive sources (coefficients 0.2 to 0.95) through one random mixing; the effect is an oscillation
// that starts in phase with the window, at a frequency and with a scalp pattern of its own for each class. So there is
// something to find for filters of power, for spectra and for averages. Rows are normal numbers; the effect is a shift.
func (u *unit) simulate(seed uint64, train, test int, strength float64) examples {
	rng := rand.New(rand.NewPCG(seed, 1))
	ex := examples{classes: u.classes}
	for i := range train + test {
		if i < train {
			ex.train, ex.y = append(ex.train, i), append(ex.y, i%len(u.classes))
		} else {
			ex.test, ex.y = append(ex.test, i), append(ex.y, rng.IntN(len(u.classes)))
		}
	}
	if takesCovariances(u.step) {
		ex.x = covariances(rng, ex.y, strength)
		return ex
	}
	chs := len(channelNames)
	mix, patterns := normal(rng, chs, chs), normal(rng, len(u.classes), chs)
	for _, k := range ex.y {
		if u.in.Len == 0 {
			row := normal(rng, 1, chs)
			row[0][k] += 2 * strength
			ex.x = append(ex.x, row)
			continue
		}
		x := window(rng, mix, patterns[k], strength, 8+6*float64(k))
		if u.banked {
			x = throughBank(x)
		}
		ex.x = append(ex.x, x)
	}
	return ex
}

// matrixSize is that of the covariances that a step gets which takes them.
const matrixSize = 4

// covarianceFormat has the upper triangle of a matrix, row by row.
func covarianceFormat() features.Format {
	var f features.Format
	for i := range matrixSize {
		for j := i; j < matrixSize; j++ {
			f.Names = append(f.Names, fmt.Sprintf("cov(%s,%s)", channelNames[i], channelNames[j]))
		}
	}
	return f
}

// covariances are upper triangles for the given classes: of 64 samples of normal sources through one mixing. The effect
// is that class k has source k times as strong again as strength says.
func covariances(rng *rand.Rand, y []int, strength float64) [][][]float64 {
	mix := normal(rng, matrixSize, matrixSize)
	out := make([][][]float64, len(y))
	for i, class := range y {
		sources := normal(rng, 64, matrixSize)
		row := make([]float64, 0, matrixSize*(matrixSize+1)/2)
		for a := range matrixSize {
			for b := a; b < matrixSize; b++ {
				sum := 0.0
				for _, source := range sources {
					var u, v float64
					for s, x := range source {
						if s == class {
							x *= 1 + strength
						}
						u, v = u+mix[a][s]*x, v+mix[b][s]*x
					}
					sum += u * v
				}
				row = append(row, sum/float64(len(sources)))
			}
		}
		out[i] = [][]float64{row}
	}
	return out
}

// window is [channel][sample] in µV.
func window(rng *rand.Rand, mix [][]float64, pattern []float64, strength, freq float64) [][]float64 {
	const scale = 5 // µV per standard deviation of a source
	chs := len(mix)
	state := make([]float64, chs)
	x := make([][]float64, chs)
	for ch := range x {
		x[ch] = make([]float64, samples)
	}
	for t := range samples {
		for s := range state {
			phi := 0.2 + 0.75*float64(s)/float64(chs-1)
			state[s] = phi*state[s] + math.Sqrt(1-phi*phi)*rng.NormFloat64()
		}
		wave := strength * math.Sqrt2 * math.Sin(2*math.Pi*freq*float64(t)/rate)
		for ch := range x {
			sum := pattern[ch] * wave
			for s, v := range state {
				sum += mix[ch][s] * v
			}
			x[ch][t] = scale * sum
		}
	}
	return x
}

func normal(rng *rand.Rand, rows, cols int) [][]float64 {
	x := make([][]float64, rows)
	for i := range x {
		x[i] = make([]float64, cols)
		for j := range x[i] {
			x[i][j] = rng.NormFloat64()
		}
	}
	return x
}

// pick is the examples at the given positions.
func (e *examples) pick(at []int) [][][]float64 {
	x := make([][][]float64, len(at))
	for i, k := range at {
		x[i] = e.x[k]
	}
	return x
}

// labels are those of the examples at the given positions.
func (e *examples) labels(at []int) signal.Labels {
	y := signal.Labels{Classes: e.classes, Y: make([]int, len(at))}
	for i, k := range at {
		y.Y[i] = e.y[k]
	}
	return y
}
