package artifact

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// grid says where updates lie, in samples from the start of a run.
type grid struct {
	step  int64
	block float64 // the grid starts anew after so many samples, not rounded; 0 for never
}

// next is the first update behind u, which is one, or 0 for the start. The very first is at 1, like MATLAB's.
func (g grid) next(u int64) int64 {
	if u == 0 {
		return 1
	}
	if g.block == 0 {
		return (u/g.step + 1) * g.step
	}
	i := math.Floor((float64(u) + 1e-6) / g.block)
	from, to := g.edge(i), g.edge(i+1)
	if u >= to {
		from, to = to, g.edge(i+2)
	}
	return min(from+((u-from)/g.step+1)*g.step, to)
}

// edge is the start of block i. A block of a fraction of samples comes out as a rounded number of seconds times the
// rate, hence the tolerance.
func (g grid) edge(i float64) int64 { return int64(math.Floor(i*g.block + 1e-6)) }

// asrRun is the running state of ASR: the samples that are not decided yet, and the statistics. Samples are counted from
// the start of the run.
type asrRun struct {
	info      *signal.Info
	idx       []int
	grid      grid
	window    int64
	lookahead int64

	begin  int64 // sample number of the first sample
	n      int64 // samples so far
	last   int64 // newest update
	next   int64 // the one to come
	raw    [][]float64
	base   int64 // of raw
	filter shaper
	shaped [][]float64 // the filtered signal, [channel][…], of which the last window counts
	newest signal.Chunk
	events []signal.Event

	new, old  [][]float64 // scratch: a stretch of output by either matrix
	parts     [][]float64 // scratch: views
	out       signal.Buffer
	delivered int // events that the last chunk took from the list
}

func (r *asrRun) start(in *signal.Info, idx []int, g grid, window, lookahead int64) {
	fresh := r.info != in || len(r.shaped) != len(idx) || len(r.raw) != len(in.Channels)
	r.info, r.idx, r.grid, r.window, r.lookahead = in, idx, g, window, lookahead
	r.n, r.last, r.next, r.base, r.delivered = 0, 0, g.next(0), 0, 0
	r.events = r.events[:0]
	if fresh {
		r.raw, r.shaped = make([][]float64, len(in.Channels)), make([][]float64, len(idx))
		r.new, r.old, r.parts = make([][]float64, len(idx)), make([][]float64, len(idx)), make([][]float64, len(idx))
	}
	for ch := range r.raw {
		r.raw[ch] = r.raw[ch][:0]
	}
	for i := range r.shaped {
		r.shaped[i] = append(r.shaped[i][:0], make([]float64, window)...) // the past is taken for 0
	}
	r.filter.z = make([][yuleOrder]float64, len(idx))
}

// push takes c and returns what it decides. With ending, what is left behind the last update is an interval of its own.
func (r *asrRun) push(c signal.Chunk, rec *rebuilder, ending bool) signal.Chunk {
	if r.n == 0 {
		r.begin = c.Start
		rec.reset()
	}
	r.events = append(r.events[:0], r.events[r.delivered:]...)
	r.events, r.delivered = append(r.events, c.Events...), 0
	r.trim()
	for ch, x := range c.X {
		r.raw[ch] = append(r.raw[ch], x...)
	}
	end := r.n + int64(c.Len())
	from := max(r.last-r.lookahead, 0)
	to := max(r.lastUpdate(end, ending)-r.lookahead, 0)
	out := r.out.Chunk(r.info, r.begin+from, int(to-from))
	out.Time = c.TimeAt(out.Start)
	for r.n < end {
		stop := min(r.next, end)
		for i, ch := range r.idx {
			y := r.grow(i, int(stop-r.n))
			r.filter.filt(i, y, r.raw[ch][r.n-r.base:stop-r.base])
		}
		r.n = stop
		if r.n == r.next || ending && r.n == end {
			r.update(out, from, rec)
		}
	}
	for r.delivered < len(r.events) && r.events[r.delivered].Sample < out.End() {
		r.delivered++
	}
	out.Events = r.events[:r.delivered:r.delivered]
	r.newest = signal.Chunk{Info: c.Info, Start: c.Start, Time: c.Time}
	if out.Len() == 0 {
		r.delivered = 0
		return signal.Chunk{}
	}
	return out
}

// lastUpdate is the newest update when end samples are there.
func (r *asrRun) lastUpdate(end int64, ending bool) int64 {
	if ending {
		return end
	}
	u := r.last
	for v := r.next; v <= end; v = r.grid.next(v) {
		u = v
	}
	return u
}

// trim drops raw samples that are decided, but the one that Flush may need to mirror.
func (r *asrRun) trim() {
	keep := max(r.last-r.lookahead-1, 0)
	drop := keep - r.base
	if held := int64(len(r.raw[0])); drop <= held/2 {
		return
	}
	for ch, x := range r.raw {
		r.raw[ch] = append(x[:0], x[drop:]...)
	}
	r.base = keep
}

// grow is memory for n filtered samples of a channel behind its last; the window before them stays.
func (r *asrRun) grow(i, n int) []float64 {
	x := r.shaped[i]
	if len(x)+n > cap(x) {
		keep := x[len(x)-int(r.window):]
		if need := int(r.window) + n; cap(x) < 2*need {
			x = make([]float64, 0, 2*need)
		}
		x = append(x[:0], keep...)
	}
	r.shaped[i] = x[:len(x)+n]
	return r.shaped[i][len(x):]
}

// update makes a new matrix from the last window and writes the samples since the update before to out, whose first
// sample is number from.
func (r *asrRun) update(out signal.Chunk, from int64, rec *rebuilder) {
	for i, x := range r.shaped {
		r.parts[i] = x[len(x)-int(r.window):]
	}
	rec.update(r.parts)
	// What lies before the run is not handed out: MATLAB extrapolates it and hands it out for the delay.
	lo, hi := max(r.last-r.lookahead, 0), r.n-r.lookahead
	if hi > lo {
		for ch := range out.X {
			copy(out.X[ch][lo-from:hi-from], r.raw[ch][lo-r.base:hi-r.base])
		}
		if !rec.trivial || !rec.wasTrivial {
			r.blend(out, lo, hi, from, rec)
		}
	}
	r.last = r.n
	r.next = r.grid.next(r.n)
}

// blend writes R·x to the cleaned channels of out, coming from the matrix before by a raised cosine.
func (r *asrRun) blend(out signal.Chunk, lo, hi, from int64, rec *rebuilder) {
	n := int(hi - lo)
	for i, ch := range r.idx {
		r.parts[i] = r.raw[ch][lo-r.base : hi-r.base]
	}
	for i := range r.idx {
		r.new[i], r.old[i] = product(r.new[i], rec.r, i, r.parts), product(r.old[i], rec.was, i, r.parts)
	}
	first, width := lo-(r.last-r.lookahead), float64(r.n-r.last)
	for t := range n {
		w := (1 - math.Cos(math.Pi*float64(first+int64(t)+1)/width)) / 2
		for i, ch := range r.idx {
			out.X[ch][lo-from+int64(t)] = float64(w*r.new[i][t]) + float64((1-w)*r.old[i][t])
		}
	}
}

// product is row i of the matrix m [C, C] times x [C][n], in dst.
func product(dst, m []float64, i int, x [][]float64) []float64 {
	n := len(x[0])
	if cap(dst) < n {
		dst = make([]float64, n)
	}
	dst = dst[:n]
	clear(dst)
	for j, v := range x {
		floats.AddScaled(dst, m[i*len(x)+j], v)
	}
	return dst
}

// flush decides what is left, with the signal mirrored at its last point for the look-ahead.
func (r *asrRun) flush(rec *rebuilder) signal.Chunk {
	if r.n == 0 {
		return signal.Chunk{}
	}
	defer func() { r.n = 0 }() // nothing is left
	tail := signal.NewChunk(r.info, r.begin+r.n, int(r.lookahead))
	tail.Time = r.newest.TimeAt(tail.Start)
	for ch, x := range r.raw {
		newest := x[len(x)-1]
		for k := range tail.X[ch] {
			tail.X[ch][k] = 2*newest - x[max(len(x)-2-k, 0)]
		}
	}
	if r.lookahead == 0 { // nothing to add, but the last interval may be open
		if r.last == r.n {
			return signal.Chunk{}
		}
		out := r.out.Chunk(r.info, r.begin+r.last, int(r.n-r.last))
		out.Time = r.newest.TimeAt(out.Start)
		out.Events = r.events[r.delivered:]
		r.update(out, r.last, rec)
		return out
	}
	return r.push(tail, rec, true)
}
