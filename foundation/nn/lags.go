package nn

import "github.com/gyrus-bci/gyrus/foundation/nn/kernel"

// lags gathers what the mean and the variance of any temporal filter's output depend on, over all signals of a batch:
// with xp a signal with its padding, the means of xp[t+k] and the covariances of xp[t+k] with xp[t+l] over signals and
// output steps t, for taps k and l. A filter w has the mean w·m and the variance w·cov·w.
//
// The covariances are nearly those of lags l−k alone: R[k+1,l+1] is R[k,l] less the products at the first step and with
// those behind the last. So one row of sums over time, and the products within the first and the last samples of the
// signals, give all. Each signal is taken around its own mean, which is put back at the end in float64: a large offset
// costs no digits.
type lags struct {
	ch, t, out, taps int // channels, samples, output steps, taps
	pad              [2]int
	first, last      int // samples at both ends whose products are needed

	mean []float64 // m [taps]
	cov  []float64 // [taps, taps]
	n    float64   // signals × output steps

	sums  []float64 // all of the following
	lag   []float64 // [taps] Σ xp[t]·xp[t+k]
	head  []float64 // [first, first] products of the first samples
	tail  []float64 // [last, last] of the last ones
	sum   []float64 // [t] Σ over signals
	cross []float64 // [t] Σ over signals, times their means
	tally []float64 // signals, Σ of their means, Σ of the squares of those

	xp            []float32 // [ch, t+pad] of one example
	row, products []float32
}

func newLags(b *Builder, ch, t, taps int, pad [2]int) *lags {
	l := &lags{ch: ch, t: t, taps: taps, pad: pad, out: t + pad[0] + pad[1] - taps + 1}
	l.first, l.last = min(max(taps-1-pad[0], 0), t), min(max(taps-1-pad[1], 0), t)
	b.take(times(taps, taps), 8)
	l.sums = make([]float64, taps+l.first*l.first+l.last*l.last+2*t+3)
	rest := l.sums
	for _, part := range []struct {
		into *[]float64
		n    int
	}{{&l.lag, taps}, {&l.head, l.first * l.first}, {&l.tail, l.last * l.last}, {&l.sum, t}, {&l.cross, t}, {&l.tally, 3}} {
		*part.into, rest = rest[:part.n:part.n], rest[part.n:]
	}
	l.mean, l.cov = make([]float64, taps), make([]float64, taps*taps)
	l.xp = b.Floats(ch * (t + pad[0] + pad[1]))
	l.row = b.Floats(max(taps, t))
	l.products = b.Floats(max(l.first, l.last) * max(l.first, l.last))
	return l
}

// gather works out mean and cov of the batch of which x [p.N, ch, t] is this worker's part.
func (l *lags) gather(p *Pass, x []float32) {
	clear(l.sums)
	for i := range p.N {
		l.add(p, x[i*l.ch*l.t:][:l.ch*l.t])
	}
	p.SumAcross(l.sums)
	l.finish()
}

// add takes in one example.
func (l *lags) add(p *Pass, x []float32) {
	ld := l.t + l.pad[0] + l.pad[1]
	data := l.xp[l.pad[0]:]
	for c := range l.ch {
		from := x[c*l.t:][:l.t]
		mean := kernel.Sum(from) / float32(l.t)
		kernel.Affine(data[c*ld:][:l.t], from, 1, -mean)
		l.tally[0]++
		l.tally[1] += float64(mean)
		l.tally[2] += float64(mean) * float64(mean)
		clear(l.row[:l.taps])
		signal := l.xp[c*ld:][:ld]
		kernel.DepthGradW(l.row[:l.taps], signal[:l.out], signal, 1)
		accumulate(l.lag, l.row)
	}
	row := l.row[:l.t]
	copy(row, data)
	for c := 1; c < l.ch; c++ {
		kernel.Add(row, row, data[c*ld:][:l.t])
	}
	accumulate(l.sum, row)
	clear(row)
	for c := range l.ch {
		kernel.Axpy(row, kernel.Sum(x[c*l.t:][:l.t])/float32(l.t), data[c*ld:][:l.t])
	}
	accumulate(l.cross, row)
	for _, end := range []struct {
		into []float64
		x    []float32
		n    int
	}{{l.head, data, l.first}, {l.tail, data[l.t-l.last:], l.last}} {
		if end.n > 0 {
			p.Work.Gemm(true, false, end.n, end.n, l.ch, end.x, ld, end.x, ld, l.products, end.n, false)
			accumulate(end.into, l.products)
		}
	}
}

// accumulate adds the first of x to all of dst.
func accumulate(dst []float64, x []float32) {
	for i, v := range x[:len(dst)] {
		dst[i] += float64(v)
	}
}

// finish makes mean and cov of the sums.
func (l *lags) finish() {
	l.n = max(l.tally[0], 1) * float64(l.out)
	for i := 1; i < l.t; i++ { // sums from the first sample on
		l.sum[i] += l.sum[i-1]
		l.cross[i] += l.cross[i-1]
	}
	between := func(total []float64, lo, hi int) float64 { // of the samples lo to hi−1
		s := 0.0
		if hi > lo {
			s = total[hi-1]
			if lo > 0 {
				s -= total[lo-1]
			}
		}
		return s
	}
	for k := range l.taps {
		lo, hi := l.steps(k)
		l.mean[k] = (between(l.sum, lo+k-l.pad[0], hi+k-l.pad[0]) + l.tally[1]*float64(max(hi-lo, 0))) / l.n
	}
	for k := range l.taps {
		for j := k; j < l.taps; j++ {
			r := l.lag[j-k]
			if k > 0 {
				r = l.cov[(k-1)*l.taps+j-1] - l.ends(k-1, j-1)
			}
			l.cov[k*l.taps+j] = r
		}
	}
	for k := range l.taps {
		lo0, hi0 := l.steps(k)
		for j := k; j < l.taps; j++ {
			lo, hi := l.steps(j)
			lo, hi = max(lo, lo0), min(hi, hi0) // the steps at which both taps see samples
			r := l.cov[k*l.taps+j] + l.tally[2]*float64(max(hi-lo, 0))
			r += between(l.cross, lo+k-l.pad[0], hi+k-l.pad[0]) + between(l.cross, lo+j-l.pad[0], hi+j-l.pad[0])
			r = r/l.n - l.mean[k]*l.mean[j]
			l.cov[k*l.taps+j] = r
			l.cov[j*l.taps+k] = r // below the diagonal: nobody reads it before this loop is done
		}
	}
}

// steps is the output steps at which tap k sees a sample and not padding: lo to hi−1.
func (l *lags) steps(k int) (lo, hi int) {
	return min(max(l.pad[0]-k, 0), l.out), max(min(l.t+l.pad[0]-k, l.out), 0)
}

// ends is Σ xp[k]·xp[j] − xp[out+k]·xp[out+j]: what the products of the taps k and j have and those of k+1 and j+1 do not.
func (l *lags) ends(k, j int) float64 {
	r := 0.0
	if a, b := k-l.pad[0], j-l.pad[0]; a >= 0 && a < l.first && b >= 0 && b < l.first {
		r += l.head[a*l.first+b]
	}
	skip := l.out - l.pad[0] - (l.t - l.last) // the first of the last samples is xp[out−skip]
	if a, b := k+skip, j+skip; a >= 0 && a < l.last && b >= 0 && b < l.last {
		r -= l.tail[a*l.last+b]
	}
	return r
}

// moments is the mean and the variance of the output of the filter w, and fills cw with cov·w.
func (l *lags) moments(w []float32, cw []float64) (mean, variance float64) {
	for k := range cw {
		s := 0.0
		for j, v := range l.cov[k*l.taps:][:l.taps] {
			s += v * float64(w[j])
		}
		cw[k] = s
		mean += l.mean[k] * float64(w[k])
		variance += s * float64(w[k])
	}
	return mean, max(variance, 0)
}
