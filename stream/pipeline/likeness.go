package pipeline

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bundle"
)

// likeness says whether a stream still looks like the rest that a threshold was set with. False decisions cannot be known
// while nobody says what is meant; that the eyes are closed where they were open can: the rhythms change in strength and in
// frequency.
//
// A window's look is, of each channel, ln of its variance and of its mobility (Hjorth 1970,
// doi:10.1016/0013-4694(70)90143-4), both behind the steps of the section preprocess. Each is taken in standard deviations from
// the middle of the windows at rest: the median, and the median absolute deviation scaled to the standard deviation of a normal
// distribution, since a few seconds of artefact must not widen what is taken for rest (Huber 1981, doi:10.1002/0471725250; both stay
// bounded while less than half of the windows are spoilt). One window says little, so they are averaged over the windows that follow
// each other, old ones fading with a half-life of lookHalfLife. The stream is unlike where the root of the mean square over all of
// them is above a limit: as far as the rest itself goes from its own other parts. Rest that drifts allows for drift.
//
// The limit would be a maximum, which a single spoilt second sets alone. So of all stretches of the rest as long as one of the n
// parts, the one without which the limit is lowest is left out, as though it had not been recorded: what is shorter than such a
// stretch, with a window and what it leaves in the average, does not move the limit, wherever it lies; what lasts longer is taken for a
// kind of rest. The price is that clean rest loses its farthest stretch as well. Each of n parts is compared with the others, and were
// the parts and what comes later alike, a further part as long would be farther than the farthest but one with a probability of
// about 2/(n+1), twice that of the maximum (the ranks of exchangeable parts, as in cross-conformal prediction, Vovk 2015,
// doi:10.1007/s10472-013-9368-4). Later rest is not quite alike where a stream changes over minutes, and more of it is held back then.
//
// Windows in which a channel is flat or not finite say nothing of that channel at rest: its numbers are left out there, and the
// windows counted. Live, a flat channel is unlike.
type likeness struct {
	mean, dev []float64 // [2C], middle and deviation of the windows at rest, dev 0 where nothing is compared; nil: not known, and nothing is held back
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
	// normalMAD times the median absolute deviation of a normal distribution is its standard deviation: 1/Φ⁻¹(3/4).
	normalMAD = 1.482602218505602
)

// LookFadeS is how long the average takes, in s, from the farthest that a window counts back to one standard deviation: so long is a
// stream held back behind what was far from the rest.
func LookFadeS() float64 { return lookHalfLife * math.Log2(lookFar) }

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
	At     []int       // position of the window among all those at rest; -1 where it is not at rest
	In     []bool      // the window is one of the part
	Others [][]float64 // looks of the windows at rest that do not overlap with the part
}

// Guard says what decisions are held back by.
type Guard struct {
	Limit    float64 // standard deviations
	Channels int     // of which something is compared
	Of       int     // channels in all
	Windows  int     // at rest
	Flat     int     // of these, in which a channel is flat or not finite: it is left out there
}

// fit takes the looks of windows at rest, and the parts that these are cut into.
func (l *likeness) fit(rest [][]float64, parts []RestPart) (g Guard, err error) {
	if len(parts) < 2 {
		return g, fmt.Errorf("rest is cut into %d parts, must be at least 2 to say how far it goes from itself", len(parts))
	}
	all, err := looking(rest, nil)
	if err != nil {
		return g, err
	}
	g = Guard{Of: len(all.dev) / 2, Windows: len(rest)}
	for ch := range g.Of {
		if all.dev[2*ch] > 0 || all.dev[2*ch+1] > 0 {
			g.Channels++
		}
	}
	for _, x := range rest {
		if slices.ContainsFunc(x, math.IsNaN) {
			g.Flat++
		}
	}
	if g.Channels == 0 {
		return g, fmt.Errorf("of %d windows at rest %d have a channel that is flat or not finite, and no channel has numbers that differ in at least half of them: nothing says what rest looks like; mend the rest recording, or give another", g.Windows, g.Flat)
	}
	others := make([]likeness, len(parts))
	for k, p := range parts {
		if others[k], err = looking(p.Others, all.dev); err != nil {
			return g, fmt.Errorf("all rest but part %d of %d: %w", k+1, len(parts), err)
		}
	}
	long := max(1, len(rest)/len(parts)) // windows that are left out
	step := max(1, long/10)              // tenths of them are near enough: what is to be left out is shorter
	g.Limit = math.Inf(1)
	for from := 0; ; from += step {
		from = min(from, max(0, len(rest)-long))
		worst := 0.0
		for k, p := range parts {
			if worst < g.Limit {
				worst = max(worst, others[k].farthest(p, from, from+long))
			}
		}
		if g.Limit = min(g.Limit, worst); from+long >= len(rest) {
			break
		}
	}
	*l = all
	l.limit = g.Limit
	return g, nil
}

// farthest is how far the windows of p go from the rest, without those at rest from one position to another.
func (l *likeness) farthest(p RestPart, from, to int) (worst float64) {
	for i, x := range p.Looks {
		if p.Begins[i] {
			l.reset()
		}
		if from <= p.At[i] && p.At[i] < to || !slices.ContainsFunc(x, isNumber) {
			continue
		}
		if d := l.goOn(x, p.Times[i], true); p.In[i] {
			worst = max(worst, d)
		}
	}
	return worst
}

func isNumber(v float64) bool { return !math.IsNaN(v) }

// looking has the middle and the deviation of rest, of what is compared in all of it (dev above 0; nil for everything). What is there
// in less than half of the windows, or does not differ in half of those, is not compared.
func looking(rest [][]float64, compared []float64) (l likeness, err error) {
	if len(rest) < 2 {
		return l, fmt.Errorf("%d windows at rest, must be at least 2 to say what rest looks like", len(rest))
	}
	n := len(rest[0])
	l = likeness{mean: make([]float64, n), dev: make([]float64, n)}
	var v []float64
	for k := range n {
		v = v[:0]
		for _, r := range rest {
			if isNumber(r[k]) {
				v = append(v, r[k])
			}
		}
		if 2*len(v) < len(rest) || compared != nil && compared[k] == 0 {
			continue
		}
		middle := median(v)
		for i := range v {
			v[i] = math.Abs(v[i] - middle)
		}
		if dev := normalMAD * median(v); dev > 0 {
			l.mean[k], l.dev[k] = middle, dev
		}
	}
	return l, nil
}

// median sorts v.
func median(v []float64) float64 {
	slices.Sort(v)
	n := len(v)
	return v[(n-1)/2] + float64((v[n/2]-v[(n-1)/2])/2)
}

func (l *likeness) reset() { l.z, l.time = l.z[:0], 0 }

// far takes in what the window that ends at t seconds looks like, and says how far the stream is from the rest, 0 where that
// is not known.
func (l *likeness) far(look []float64, t float64) float64 { return l.goOn(look, t, false) }

// goOn is far; lenient leaves out what is flat instead of taking it for far away.
func (l *likeness) goOn(look []float64, t float64, lenient bool) float64 {
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
			if z = lookFar; lenient { // as it was, or as in the middle of the rest
				if z = l.z[k]; first {
					z = 0
				}
			}
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

// Farthest is, of the three channels that are farthest from the rest that p holds decisions back by, what is: the median over windows of
// these looks, the farthest first. What is not compared is left out.
func (p *Pipeline) Farthest(looks [][]float64) []bundle.Away {
	l := &p.likeness
	z := make([]float64, len(l.dev))
	for k, dev := range l.dev {
		var v []float64
		for _, x := range looks {
			if isNumber(x[k]) {
				v = append(v, (x[k]-l.mean[k])/dev)
			}
		}
		if z[k] = math.NaN(); 2*len(v) >= len(looks) && len(v) > 0 {
			z[k] = median(v)
		}
	}
	return p.away(z)
}

// farthestNow is Farthest of the average that the window with this look has been added to.
func (p *Pipeline) farthestNow(look []float64) []bundle.Away {
	z := slices.Clone(p.likeness.z)
	for k, v := range look {
		if !isNumber(v) {
			z[k] = math.NaN()
		}
	}
	return p.away(z)
}

// away names the channels with the largest of z, [2C] deviations, NaN where a channel is flat.
func (p *Pipeline) away(z []float64) (far []bundle.Away) {
	const names = 3 // enough to see where on the head
	size := func(a bundle.Away) float64 {
		if a.What == bundle.AwayFlat {
			return math.Inf(1)
		}
		return math.Abs(a.SD)
	}
	for ch, c := range p.front.out.Channels {
		var worst bundle.Away
		for i, what := range []string{bundle.AwayPower, bundle.AwayMobility} {
			k := 2*ch + i
			if p.likeness.dev[k] == 0 {
				continue
			}
			a := bundle.Away{Channel: c.Name, What: what, SD: z[k]}
			if !isNumber(z[k]) {
				a.What, a.SD = bundle.AwayFlat, 0
			}
			if worst.What == "" || size(a) > size(worst) {
				worst = a
			}
		}
		if worst.What != "" {
			far = append(far, worst)
		}
	}
	slices.SortStableFunc(far, func(a, b bundle.Away) int { return cmp.Compare(size(b), size(a)) })
	return far[:min(names, len(far))]
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

// KeepLooks says whether predictions shall say what their windows look like (Prediction.Look). Of a pipeline that has not learned
// anything yet they then say that alone.
func (p *Pipeline) KeepLooks(yes bool) { p.looks = yes }

// FitLikeness tells p what the rest looks like that the threshold of its section decide was set with: the Look of each window, and
// of the windows of each part that it is cut into, at least 2. From here on, and in the bundle, decisions are held back where the
// stream is farther from the rest than each part is from the others, one stretch as long as a part left out. It is an error where no
// channel can be compared.
func (p *Pipeline) FitLikeness(rest [][]float64, parts []RestPart) (Guard, error) {
	g, err := p.likeness.fit(rest, parts)
	if err != nil {
		return g, fmt.Errorf("decide: %w", err)
	}
	return g, nil
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
