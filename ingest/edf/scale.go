package edf

import (
	"math"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// scale turns the integers of a signal into samples: (integer + offset)·gain in the unit of the file, then times mul and by
// div to µV. That is the order in which EDFlib, pyEDFlib and edfio compute, so that all of them give the same bits.
type scale struct {
	offset, gain float64
	mul, div     float64
}

// newScale works it out from both ends of the range; ok says that it can be computed with.
func newScale(s signal.Stored, u units.Scale) (c scale, ok bool) {
	c.gain = (s.PhysMax - s.PhysMin) / float64(s.DigMax-s.DigMin)
	c.offset = s.PhysMax/c.gain - float64(s.DigMax)
	c.mul, c.div = u.Mul, u.Div
	lo, hi := c.sample(s.DigMin), c.sample(s.DigMax)
	return c, lo-lo == 0 && hi-hi == 0 && lo != hi // no under- or overflow: the difference to itself is 0 only for finite numbers
}

// sample is what integer d stands for.
func (c scale) sample(d int64) float64 { return (float64(d) + c.offset) * c.gain * c.mul / c.div }

// digital is what stands for x, not rounded.
func (c scale) digital(x float64) float64 { return x*c.div/c.mul/c.gain - c.offset }

// plain says that the unit of the file is that of the samples.
func (c scale) plain() bool { return c.mul == 1 && c.div == 1 }

// convert takes samples from the unit of the file to µV.
func (c scale) convert(x []float64) {
	if c.plain() {
		return
	}
	for t := range x {
		x[t] = x[t] * c.mul / c.div
	}
}

// outChannel is one signal that is being written.
type outChannel struct {
	signal.Channel
	label, unit   string
	stored        signal.Stored
	perRecord     int64
	scale         scale
	zero          int64   // what stands for the number nearest to 0
	inexact, lost int64   // samples that were rounded, and that are no number
	worst         float64 // error of one that was rounded
	last          int64   // what was written last
}

// scanSamples is how many samples are looked at once.
const scanSamples = 4096

// scale finds what the integers of each channel of g mean.
func (o *output) scale(g *outGroup) error {
	var stored []signal.Stored
	if s, ok := g.rec.Data.(signal.StoredReader); ok {
		if _, err := signal.CheckSamples(s); err != nil { // then the range holds them
			return err
		}
		stored = s.Stored()
	}
	g.chans = make([]outChannel, len(g.rec.Info.Channels))
	ranges := make([]limits, len(g.chans))
	open := false // channels whose range must be looked up
	for i := range g.chans {
		c := &g.chans[i]
		c.Channel = g.rec.Info.Channels[i]
		c.unit = string(c.Unit)
		if c.Unit == signal.Microvolt {
			c.unit = "uV"
		}
		for k, h := range o.groups {
			if h == g {
				c.perRecord = o.lay.per[k]
			}
		}
		if i < len(stored) && o.v.fits(stored[i]) {
			c.stored = stored[i]
			c.unit, _ = ascii(stored[i].Unit, 8)
			continue
		}
		open = true
		ranges[i] = limits{lo: math.Inf(1), hi: math.Inf(-1), whole: true}
	}
	if open {
		if err := g.scan(ranges); err != nil {
			return err
		}
	}
	for i := range g.chans {
		c := &g.chans[i]
		if c.stored == (signal.Stored{}) {
			c.stored = ranges[i].stored(o.v)
		}
		if short, ok := ascii(c.unit, 8); !ok {
			o.lose("channel "+strconv.Quote(c.Name)+": unit", "8 printable ASCII characters", strconv.Quote(c.unit), "written as "+strconv.Quote(short))
			c.unit = short
		}
		c.solve()
	}
	return nil
}

// fits says whether integers of v and the fields of the header can hold what was stored.
func (v *variant) fits(s signal.Stored) bool {
	return min(s.DigMin, s.DigMax) >= v.min && max(s.DigMin, s.DigMax) <= v.max && s.DigMin != s.DigMax &&
		exact8(s.PhysMin) && exact8(s.PhysMax) && s.PhysMin != s.PhysMax
}

// solve works out the scale from the numbers in the header, as the reader does.
func (c *outChannel) solve() {
	c.scale, _ = newScale(c.stored, units.Parse(c.unit))
	c.zero = c.clamp(c.scale.digital(0))
	c.last = c.zero
}

func (c *outChannel) clamp(x float64) int64 {
	lo, hi := min(c.stored.DigMin, c.stored.DigMax), max(c.stored.DigMin, c.stored.DigMax)
	return int64(min(max(math.RoundToEven(x), float64(lo)), float64(hi)))
}

// integer is what stands for x, counting what is lost. The range of what was stored is no limit to samples of v: some
// files have samples outside of the range that they state.
func (c *outChannel) integer(v *variant, x float64) int64 {
	if x-x != 0 { // NaN and infinite
		c.lost++
		return c.zero
	}
	d := int64(min(max(math.RoundToEven(c.scale.digital(x)), float64(v.min)), float64(v.max)))
	if got := c.scale.sample(d); got != x {
		c.inexact++
		c.worst = max(c.worst, math.Abs(got-x))
	}
	return d
}

// limits are those of the samples of a channel.
type limits struct {
	lo, hi float64
	whole  bool // all are whole numbers
}

// scan looks at all samples.
func (g *outGroup) scan(ranges []limits) error {
	var buf signal.Buffer
	for _, run := range g.rec.Runs() {
		for at := run.Start; at < run.End(); at += scanSamples {
			c := buf.Chunk(g.rec.Info, at, int(min(scanSamples, run.End()-at)))
			if err := g.rec.Data.ReadSamples(c.X, at); err != nil {
				return err
			}
			for i := range ranges {
				r := &ranges[i]
				for _, x := range c.X[i] {
					if x-x == 0 {
						r.lo, r.hi, r.whole = min(r.lo, x), max(r.hi, x), r.whole && x == math.Trunc(x)
					}
				}
			}
		}
	}
	return nil
}

// stored is the scale that gives the samples the most steps. Whole numbers that fit stand for themselves.
func (r limits) stored(v *variant) signal.Stored {
	s := signal.Stored{DigMin: v.min, DigMax: v.max, PhysMin: float64(v.min), PhysMax: float64(v.max)}
	if r.lo > r.hi || r.whole && r.lo >= s.PhysMin && r.hi <= s.PhysMax {
		return s
	}
	if r.lo == r.hi { // a constant that is no whole number: it is the lower end
		r.hi += max(1, math.Abs(r.hi)/1e3)
	}
	s.PhysMin, s.PhysMax = outward(r.lo, -1), outward(r.hi, 1)
	return s
}

// number8 is x in at most eight characters, rounded to what they hold.
func number8(x float64) string {
	short := strconv.FormatFloat(x, 'f', -1, 64)
	if len(short) <= 8 {
		return short
	}
	best, miss := "", math.Inf(1)
	try := func(s string) {
		if v, err := strconv.ParseFloat(s, 64); err == nil && len(s) <= 8 && math.Abs(v-x) < miss {
			best, miss = s, math.Abs(v-x)
		}
	}
	for p := 0; p <= 7; p++ {
		try(strings.TrimPrefix(strconv.FormatFloat(x, 'f', p, 64), ""))
		try(exponent(strconv.FormatFloat(x, 'E', p, 64)))
	}
	return best
}

// exponent writes 1.5E+07 as 1.5E7.
func exponent(s string) string {
	mantissa, e, _ := strings.Cut(s, "E")
	n, err := strconv.Atoi(e)
	if err != nil {
		return s
	}
	return mantissa + "E" + strconv.Itoa(n)
}

func exact8(x float64) bool {
	v, err := strconv.ParseFloat(number8(x), 64)
	return err == nil && v == x
}

// outward is the number of eight characters nearest to x that does not lie on the inner side of it; side is -1 or 1.
func outward(x, side float64) float64 {
	for step, k := 0.0, 0; k < 64; k++ {
		v, err := strconv.ParseFloat(number8(x+side*step), 64)
		if err == nil && (v-x)*side >= 0 {
			return v
		}
		if step == 0 {
			step = max(math.Abs(x)*1e-7, 1e-7)
		}
		step *= 2
	}
	return x
}
