package preprocesstest

import (
	"math"
	"math/rand/v2"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// blinkEvery is the time between two blinks of the training signal, in samples; the first comes half as late.
const blinkEvery = 3 * rate

// Training is what the suites of calibrators and checkers learn from: two stretches of 40 s and 30 s with a gap between.
// Six sources, each slower than noise and with heavier tails than a normal distribution, reach the six EEG channels
// through a mixture that can be inverted, at about 10 µV; a blink every 3 s of 200 µV in the EOG channel reaches the
// front by a quarter and the back by a hundredth of it. Every channel has noise of its own of 0.5 µV.
func Training(info *signal.Info) []signal.Chunk {
	var runs []signal.Chunk
	at := int64(2500)
	for i, seconds := range []int{40, 30} {
		runs = append(runs, stretch(info, at, seconds*rate, uint64(i)))
		at += int64(seconds+9) * rate
	}
	return runs
}

// stretch is n samples of the training signal.
func stretch(info *signal.Info, start int64, n int, seed uint64) signal.Chunk {
	r := rand.New(rand.NewPCG(seed, 3))
	mixing := rand.New(rand.NewPCG(7, 3)) // the head stays the same
	c := signal.NewChunk(info, start, n)
	c.Time = begin + start*tick
	sources := make([][]float64, len(info.Channels))
	mix := make([][]float64, len(info.Channels))
	for s := range sources {
		sources[s] = make([]float64, n)
		pole, v := 0.5+0.07*float64(s), 0.0
		for t := range sources[s] {
			laplace := r.ExpFloat64() * float64(1-2*r.IntN(2)) / math.Sqrt2
			v = pole*v + math.Sqrt(1-pole*pole)*laplace
			sources[s][t] = v
		}
		mix[s] = make([]float64, len(sources))
		for k := range mix[s] {
			mix[s][k] = 3 * mixing.NormFloat64()
		}
		mix[s][s] += 6
	}
	for ch, x := range c.X {
		front := 0.01
		if ch < 2 {
			front = 0.25
		}
		for t := range x {
			blink := 200 * math.Exp(-0.5*math.Pow(float64((t+blinkEvery/2)%blinkEvery-blinkEvery/2)/(0.06*rate), 2))
			if t < blinkEvery/2 {
				blink = 0
			}
			noise := 0.5 * r.NormFloat64()
			switch info.Channels[ch].Kind {
			case signal.EEG:
				for s, m := range mix[ch] {
					x[t] += float64(m * sources[s][t])
				}
				x[t] += noise + float64(front*blink)
			case signal.Trigger:
				x[t] = float64(t / 500 % 3)
			default:
				x[t] = 5*sources[ch][t] + noise + blink
			}
		}
	}
	return c
}
