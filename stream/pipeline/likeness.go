package pipeline

import (
	"errors"
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
// fading with a half-life of lookHalfLife. The stream is unlike where the root of the mean square over all of them is above a
// limit: as far as the rest itself goes from its own other parts. Rest that drifts allows for drift. Each of n parts is compared
// with the others, and were the parts and what comes later alike, a further part as long would be farther than all of them with a
// probability of about 1/(n+1), as in cross-conformal prediction (Vovk 2015, doi:10.1007/s10472-013-9368-4). Later rest is not
// quite alike where a stream changes over minutes, and more of it is held back then.
type likeness struct {
	mean, dev []float64 // [2C], of the windows at rest; nil: not known, and nothing is held back
	limit     float64   // of the root, standard deviations of single windows

	z    []float64 // [2C], average at time; empty before the first window
	time float64   // of the window before, s
}

const (
	// lookHalfLife is long beside a window, so that single ones do not count, and short beside the minute that a rate is about.
	lookHalfLife = 2.0 // s
	// lookLimit is that of models from before each had its own.
	lookLimit = 1.5
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

// RestPart is one of the parts that rest is cut into, in the stretches that it lies in, and what it is compared with.
type RestPart struct {
	Looks  [][]float64 // of all windows of the stretches, Prediction.Look: the average goes through them as it would live
	Times  []float64   // of their last samples, s
	Begins []bool      // the window is the first of a stretch: what comes before it counts for nothing
	In     []bool      // the window is one of the part
	Others [][]float64 // looks of the windows at rest that do not overlap with the part
}

// fit takes the looks of windows at rest, and the parts that these are cut into. What is not there in one of the windows is
// compared in none.
func (l *likeness) fit(rest [][]float64, parts []RestPart) error {
	if len(parts) == 0 {
		return errors.New("rest must be cut into at least 2 parts to say how far it goes from itself")
	}
	all, err := looking(rest, nil)
	if err != nil {
		return err
	}
	limit := 0.0
	for k, p := range parts {
		others, err := looking(p.Others, all.dev)
		if err != nil {
			return fmt.Errorf("all rest but part %d of %d: %w", k+1, len(parts), err)
		}
		for i, x := range p.Looks {
			if p.Begins[i] {
				others.reset()
			}
			if d := others.far(x, p.Times[i]); p.In[i] {
				limit = max(limit, d)
			}
		}
	}
	*l = all
	l.limit = limit
	return nil
}

// looking has the mean and the deviation of rest, of what is compared in all of it (dev above 0; nil for everything).
func looking(rest [][]float64, compared []float64) (l likeness, err error) {
	if len(rest) < 2 {
		return l, fmt.Errorf("%d windows at rest, must be at least 2 to say what rest looks like", len(rest))
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
		if dev[k] = math.Sqrt(dev[k]); !(dev[k] > 0) || compared != nil && compared[k] == 0 {
			mean[k], dev[k] = 0, 0
		}
	}
	return likeness{mean: mean, dev: dev}, nil
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
	if d := l.far(look, t); !(d <= l.limit) {
		return fmt.Sprintf("unlike the rest that the threshold was set with: %.3g standard deviations away, at most %.3g, as that rest from its own other parts", d, l.limit)
	}
	return ""
}

// State is "mean" and "deviation" [2C], of the looks at rest, and "limit" [1].
func (l *likeness) State() signal.State {
	if l.mean == nil {
		return nil
	}
	return signal.State{"mean": signal.NewArray(l.mean, len(l.mean)), "deviation": signal.NewArray(l.dev, len(l.dev)), "limit": signal.NewArray([]float64{l.limit}, 1)}
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
	limit := lookLimit
	if _, ok := s["limit"]; ok {
		own, err := s.Get("limit", 1)
		if err != nil {
			return err
		}
		if limit = own.Data[0]; !(limit >= 0) || math.IsInf(limit, 0) {
			return fmt.Errorf("what rest looks like: the limit is %g, must be at least 0 and finite", limit)
		}
	}
	l.mean, l.dev, l.limit = mean.Data, dev.Data, limit
	return nil
}

// KeepLooks says whether predictions shall say what their windows look like (Prediction.Look).
func (p *Pipeline) KeepLooks(yes bool) { p.looks = yes }

// FitLikeness tells p what the rest looks like that the threshold of its section decide was set with: the Look of each window, and
// of the windows of each part that it is cut into. From here on, and in the bundle, decisions are held back where the stream is
// farther from the rest than each part is from the others.
func (p *Pipeline) FitLikeness(rest [][]float64, parts []RestPart) error {
	if err := p.likeness.fit(rest, parts); err != nil {
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
