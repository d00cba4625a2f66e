package pipeline

import (
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// likeness says whether a stream still looks like the rest that a threshold was set with. False decisions cannot be known
// while nobody says what is meant; that the eyes are closed where they were open can: the rhythms change in strength and in
// frequency.
//
// A window's look is, of each channel, ln of its variance and of its mobility (Hjorth 1970,
// doi:10.1016/0013-4694(70)90143-4), both behind the steps of the section preprocess. Each is taken in standard deviations from
// the mean of the windows at rest; one window says little, so they are averaged over the windows that follow each other, old ones
// fading with a half-life of lookHalfLife. The stream is unlike where the root of the mean square over all of them is above
// lookLimit.
type likeness struct {
	mean, dev []float64 // [2C], of the windows at rest; nil: not known, and nothing is held back

	z    []float64 // [2C], average at time; empty before the first window
	time float64   // of the window before, s
}

const (
	// lookHalfLife is long beside a window, so that single ones do not count, and short beside the minute that a rate is about.
	lookHalfLife = 2.0 // s
	lookLimit    = 1.5 // standard deviations of single windows
	// lookFar bounds what one channel of one window counts, so that one that was pulled off is forgotten again.
	lookFar = 10.0
)

// lookOf writes what w looks like to dst, [2C]. A channel that is flat has no look: NaN.
func lookOf(dst []float64, w signal.Window) []float64 {
	dst = slices.Grow(dst[:0], 2*len(w.X))
	for _, x := range w.X {
		mean := 0.0
		for _, v := range x {
			mean += v / float64(len(x))
		}
		power, change := 0.0, 0.0
		for t, v := range x {
			power += float64((v - mean) * (v - mean))
			if t > 0 {
				change += float64((v - x[t-1]) * (v - x[t-1]))
			}
		}
		dst = append(dst, known(math.Log(power/float64(len(x)))), known(math.Log(change/power)/2))
	}
	return dst
}

// known is v, or NaN where it is not finite.
func known(v float64) float64 {
	if math.IsInf(v, 0) {
		return math.NaN()
	}
	return v
}

// fit takes the looks of windows at rest. What is not there in one of them is compared in none.
func (l *likeness) fit(rest [][]float64) error {
	if len(rest) < 2 {
		return fmt.Errorf("%d windows at rest, must be at least 2 to say what rest looks like", len(rest))
	}
	n := len(rest[0])
	mean, dev := make([]float64, n), make([]float64, n)
	for k := range mean {
		for _, r := range rest {
			mean[k] += r[k] / float64(len(rest))
		}
		for _, r := range rest {
			dev[k] += float64((r[k]-mean[k])*(r[k]-mean[k])) / float64(len(rest))
		}
		if dev[k] = math.Sqrt(dev[k]); !(dev[k] > 0) {
			mean[k], dev[k] = 0, 0
		}
	}
	l.mean, l.dev = mean, dev
	l.reset()
	return nil
}

func (l *likeness) reset() { l.z, l.time = l.z[:0], 0 }

// far takes in what the window that ends at t seconds looks like, and says how far the stream is from the rest, 0 where that
// is not known.
func (l *likeness) far(look []float64, t float64) float64 {
	first := len(l.z) == 0
	if first {
		l.z = append(l.z, l.mean...)
	}
	keep := 0.0
	if !first {
		keep = math.Exp2(-(t - l.time) / lookHalfLife)
	}
	l.time = t
	sum, n := 0.0, 0
	for k, dev := range l.dev {
		if dev == 0 {
			continue
		}
		z := min(max((look[k]-l.mean[k])/dev, -lookFar), lookFar)
		if math.IsNaN(z) {
			z = lookFar // flat where rest is not
		}
		if first {
			l.z[k] = z
		} else {
			l.z[k] = float64(keep*l.z[k]) + float64((1-keep)*z)
		}
		sum += float64(l.z[k] * l.z[k])
		n++
	}
	if n == 0 {
		return 0
	}
	return math.Sqrt(sum / float64(n))
}

// why says that decisions are held back, "" where they are not.
func (l *likeness) why(look []float64, t float64) string {
	if l.mean == nil {
		return ""
	}
	if d := l.far(look, t); !(d <= lookLimit) {
		return fmt.Sprintf("unlike the rest that the threshold was set with: %.3g standard deviations away, at most %g", d, lookLimit)
	}
	return ""
}

// State is "mean" and "deviation" [2C], of the looks at rest.
func (l *likeness) State() signal.State {
	if l.mean == nil {
		return nil
	}
	return signal.State{"mean": signal.NewArray(l.mean, len(l.mean)), "deviation": signal.NewArray(l.dev, len(l.dev))}
}

// SetState puts back what State returned. Models from before it was kept have none: nothing is held back then.
func (l *likeness) SetState(s signal.State) error {
	l.mean, l.dev = nil, nil
	l.reset()
	if len(s) == 0 {
		return nil
	}
	mean, err := s.Get("mean", -1)
	if err != nil {
		return err
	}
	dev, err := s.Get("deviation", len(mean.Data))
	if err != nil {
		return err
	}
	for k, d := range dev.Data {
		if !(d >= 0) || math.IsInf(d, 0) || math.IsNaN(mean.Data[k]) || math.IsInf(mean.Data[k], 0) {
			return fmt.Errorf("what rest looks like: value %d is %g with a deviation of %g, must be finite, the deviation at least 0", k, mean.Data[k], d)
		}
	}
	l.mean, l.dev = mean.Data, dev.Data
	return nil
}

// KeepLooks says whether predictions shall say what their windows look like (Prediction.Look).
func (p *Pipeline) KeepLooks(yes bool) { p.looks = yes }

// FitLikeness tells p what the rest looks like that the threshold of its section decide was set with: the Look of each window.
// From here on, and in the bundle, decisions are held back where the stream is unlike it.
func (p *Pipeline) FitLikeness(rest [][]float64) error {
	if err := p.likeness.fit(rest); err != nil {
		return fmt.Errorf("decide: %w", err)
	}
	return nil
}

// HeldBack marks in held the windows of one stretch, given by what they look like and their last sample's time in s, in which p
// would hold decisions back. The stream at hand is lost.
func (p *Pipeline) HeldBack(looks [][]float64, times []float64) (held []bool) {
	p.likeness.reset()
	for i, x := range looks {
		held = append(held, p.likeness.why(x, times[i]) != "")
	}
	p.likeness.reset()
	return held
}
