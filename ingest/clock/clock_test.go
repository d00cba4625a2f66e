package clock

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestLineIsLeastSquares compares the recursion with the sums of the definition: weighted least squares of all points, each
// weight times keep for each step since, with the prior as one more pair of equations.
func TestLineIsLeastSquares(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, tc := range []struct {
		name  string
		keep  float64
		prior [2]float64
		dx    func() float64
		va    func() float64
	}{
		{"steps of one", halving(100), [2]float64{0.004, 1e-4}, func() float64 { return 1 }, func() float64 { return 1 }},
		{"no forgetting", 1, [2]float64{0.004, 1e-4}, func() float64 { return 1 }, func() float64 { return 1 }},
		{"uneven steps and weights", halving(90), [2]float64{0, 0.1}, func() float64 { return 0.1 + 4*rng.Float64() }, func() float64 { return 1 + 9*rng.Float64() }},
	} {
		l := line{keep: tc.keep, prior: tc.prior}
		y0 := 12.5
		l.start(y0, 1)
		xs, ys, vs := []float64{0}, []float64{y0}, []float64{1}
		x := 0.0
		for range 300 {
			dx, v := tc.dx(), tc.va()
			x += dx
			y := 12.5 + 0.00401*x + 0.01*rng.NormFloat64()
			l.move(dx)
			l.learn(y-l.y, v)
			xs, ys, vs = append(xs, x), append(ys, y), append(vs, v)
		}
		// Unknowns: y at x = 0, and the slope. The prior belongs to the first point: it is forgotten like that.
		var a, b, c, p, q float64
		add := func(w, hy, hs, y float64) {
			a, b, c = a+w*hy*hy, b+w*hy*hs, c+w*hs*hs
			p, q = p+w*hy*y, q+w*hs*y
		}
		for i := range xs {
			add(math.Pow(tc.keep, x-xs[i])/vs[i], 1, xs[i], ys[i])
		}
		add(math.Pow(tc.keep, x)/tc.prior[1], 0, 1, tc.prior[0])
		var sol mat.VecDense
		if err := sol.SolveVec(mat.NewDense(2, 2, []float64{a, b, b, c}), mat.NewVecDense(2, []float64{p, q})); err != nil {
			t.Fatal(err)
		}
		wantY, wantS := sol.AtVec(0)+x*sol.AtVec(1), sol.AtVec(1)
		if math.Abs(l.y-wantY) > 1e-9 || math.Abs(l.slope-wantS) > 1e-9 {
			t.Errorf("%s: y %.12g, slope %.12g; by the definition %.12g, %.12g", tc.name, l.y, l.slope, wantY, wantS)
		}
	}
}

// probe makes a question to a clock that runs ppm fast and is off by base, over a network with random delays.
func probe(rng *rand.Rand, now, base, ppm, way, queue float64) Probe {
	other := func(t float64) float64 { return t*(1+ppm*1e-6) + base }
	there, back := way+queue*rng.ExpFloat64(), way+queue*rng.ExpFloat64()
	return Probe{now, other(now + there), other(now + there + 50e-6), now + there + 50e-6 + back}
}

// TestOffset: drift of up to 100 ppm over a network with 5 ms of random delay is known to 3 ppm after two minutes, and the
// offset never leaves its bound; a clock that is set is followed at the next wave.
func TestOffset(t *testing.T) {
	for _, ppm := range []float64{0, 17, -100} {
		rng := rand.New(rand.NewPCG(3, uint64(ppm+1000)))
		var o Offset
		if !math.IsNaN(o.At(0)) || !math.IsNaN(o.Err()) || !math.IsNaN(o.DriftPPM()) {
			t.Error("an Offset that has seen nothing knows something")
		}
		base := 3000.25
		var worst float64
		now := 500.0
		wave := func() {
			var w []Probe
			for range 8 {
				w = append(w, probe(rng, now, base, ppm, 200e-6, 5e-3))
				now += 0.064
			}
			o.Add(w)
			now += 2 - 8*0.064
		}
		for range 90 { // 180 s
			wave()
			truth := -(o.at*ppm*1e-6 + base)
			if e := math.Abs(o.At(o.at) - truth); e > o.Err()+1e-9 {
				t.Fatalf("ppm %g: off by %g s, bound %g s", ppm, e, o.Err())
			} else if now > 620 {
				worst = max(worst, e)
			}
		}
		t.Logf("drift %g ppm: measured %.2f, offset within %.0f µs", ppm, o.DriftPPM(), 1e6*worst)
		if math.Abs(o.DriftPPM()-ppm) > 3 || worst > 1e-3 {
			t.Errorf("drift %g, want %g within 3; worst offset %g s, want at most 1 ms", o.DriftPPM(), ppm, worst)
		}
		base -= 200_000
		wave()
		if e := math.Abs(o.At(o.at) + (o.at*ppm*1e-6 + base)); e > o.Err()+1e-9 || o.Resets() != 1 {
			t.Errorf("behind a jump: off by %g s, bound %g s, %d resets", e, o.Err(), o.Resets())
		}
	}
}

// TestOffsetRefuses what is no answer.
func TestOffsetRefuses(t *testing.T) {
	var o Offset
	o.Add([]Probe{{1, 2, 3, 1.5}, {1, math.NaN(), 2, 3}, {1, math.Inf(1), math.Inf(1), 3}})
	if o.Known() {
		t.Errorf("an offset of %g s from impossible probes", o.At(1))
	}
}

// drive feeds a tracker and checks that every sample comes out once, in order.
type drive struct {
	t    *testing.T
	tr   *Tracker
	in   int
	out  int
	runs []Run
	time []float64 // of each sample that came out
}

func newDrive(t *testing.T, opt Options) *drive {
	t.Helper()
	tr, err := NewTracker(opt)
	if err != nil {
		t.Fatal(err)
	}
	return &drive{t: t, tr: tr}
}

func (d *drive) add(stamp, arrived float64, sent bool) {
	d.in++
	d.tr.Add(stamp, arrived, sent)
	d.take()
}

func (d *drive) take() {
	for {
		r, ok := d.tr.Take(1 << 20)
		if !ok {
			break
		}
		for k := range r.N {
			d.time = append(d.time, r.Time+float64(k)/d.tr.RateHz())
		}
		d.out += r.N
		if n := len(d.runs); n > 0 && r.Lost == 0 && !r.Anew {
			d.runs[n-1].N += r.N
			continue
		}
		d.runs = append(d.runs, r)
	}
	if d.out+d.tr.Held() != d.in {
		d.t.Fatalf("%d samples in, %d out and %d held", d.in, d.out, d.tr.Held())
	}
}

// TestTrackerTimes: what kinds of stamps there are, and how near the times come to the truth once the line is settled.
func TestTrackerTimes(t *testing.T) {
	const rate, n = 250.0, 250 * 120
	truth := func(k int) float64 { return 100 + float64(k)/rate*(1+40e-6) }
	rng := rand.New(rand.NewPCG(5, 6))
	chunk := 0.0
	for _, tc := range []struct {
		name   string
		stamp  func(k int) (s float64, sent bool)
		bias   float64 // what nobody can know: how late the stamps are on average
		bound  float64 // s
		jitter float64 // to be reported, within a fifth
	}{
		{"clean", func(k int) (float64, bool) { return truth(k), true }, 0, 1e-9, 0},
		{"Gaussian jitter of 2 ms", func(k int) (float64, bool) { return truth(k) + 2e-3*rng.NormFloat64(), true }, 0, 150e-6, 2e-3},
		{"late by 1 ms on average", func(k int) (float64, bool) { return truth(k) + 1e-3*rng.ExpFloat64(), true }, 1e-3, 300e-6, 1e-3},
		{"driver chunks of 32, one stamp for all", func(k int) (float64, bool) { return truth(k/32*32 + 31), true }, 15.5 / rate, 3e-3, 32 / rate / math.Sqrt(12)},
		{"chunks of 25, the stamp with the first, ±3 ms", func(k int) (float64, bool) {
			if k%25 == 0 {
				chunk = 3e-3 * (2*rng.Float64() - 1)
			}
			return truth(k) + chunk, k%25 == 0
		}, 0, 800e-6, 3e-3 / math.Sqrt(3)},
		{"every 10 s one late by 150 ms", func(k int) (float64, bool) {
			s := truth(k) + 0.5e-3*rng.NormFloat64()
			if k%2500 == 2499 {
				s += 0.15
			}
			return s, true
		}, 0, 200e-6, -1},
		{"every 10 s busy for 200 ms", func(k int) (float64, bool) {
			s := truth(k) + 0.2e-3*rng.NormFloat64()
			if j := k % 2500; j >= 2400 && j < 2450 {
				s = max(s, truth(k-j+2450))
			}
			return s, true
		}, 0, 500e-6, -1},
	} {
		d := newDrive(t, Options{Rate: rate})
		for k := range n {
			s, sent := tc.stamp(k)
			d.add(s, s, sent)
		}
		if len(d.runs) != 1 || d.tr.Jumps != 0 {
			t.Errorf("%s: %d runs %+v, %d jumps, want one and none", tc.name, len(d.runs), d.runs, d.tr.Jumps)
			continue
		}
		var worst float64
		for k := n / 4; k < d.out; k++ {
			worst = max(worst, math.Abs(d.time[k]-truth(k)-tc.bias))
		}
		ppm := 1e6 * (rate/d.tr.RateHz() - 1 - 40e-6)
		t.Logf("%-48s times within %.1f µs, rate within %.2f ppm, jitter %.3g ms", tc.name, 1e6*worst, ppm, 1e3*d.tr.JitterS())
		if worst > tc.bound {
			t.Errorf("%s: a time is off by %g s, bound %g s", tc.name, worst, tc.bound)
		}
		if j := d.tr.JitterS(); tc.jitter >= 0 && math.Abs(j-tc.jitter) > tc.jitter/5+1e-6 {
			t.Errorf("%s: jitter %g s, want %g s", tc.name, j, tc.jitter)
		}
	}
}

// TestTrackerGaps: losses of known length at known places, in streams of different kinds: each is found, none invented.
func TestTrackerGaps(t *testing.T) {
	const rate = 500.0
	for _, tc := range []struct {
		name   string
		jitter float64
		chunk  int // samples to a stamp
		lost   []int64
	}{
		{"clean", 0, 1, []int64{2, 3, 10, 100, 5000}},
		{"jitter of 0.3 ms", 0.3e-3, 1, []int64{5, 20, 1000}},
		{"jitter of 2 ms", 2e-3, 1, []int64{20, 50, 1000}},
		{"chunks of 32, a stamp each", 0.2e-3, 32, []int64{32, 64, 320}},
	} {
		rng := rand.New(rand.NewPCG(7, 8))
		d := newDrive(t, Options{Rate: rate})
		pos := int64(0)
		play := func(n int) {
			for k := range n {
				at := 10 + float64(pos)/rate
				d.add(at+tc.jitter*rng.NormFloat64(), at+0.01, k%tc.chunk == 0)
				pos++
			}
		}
		var want []int64
		play(32 * 2000)
		for _, lost := range tc.lost {
			pos += lost
			play(32 * 500)
			want = append(want, lost)
		}
		var got []int64
		for _, r := range d.runs[1:] {
			if r.Anew || r.Known {
				t.Errorf("%s: %+v", tc.name, r)
			}
			got = append(got, r.Lost)
		}
		if len(got) != len(want) {
			t.Errorf("%s: losses of %v found, want %v", tc.name, got, want)
			continue
		}
		for i := range got {
			if tol := int64(math.Ceil(2 * tc.jitter * rate)); got[i] < want[i]-tol || got[i] > want[i]+tol {
				t.Errorf("%s: losses of %v found, want %v within %d", tc.name, got, want, tol)
			}
		}
		end := 10 + float64(pos-1)/rate
		if e := math.Abs(d.time[len(d.time)-1] - end); e > 1e-3+2*tc.jitter {
			t.Errorf("%s: the last time is off by %g s", tc.name, e)
		}
	}
}

// TestTrackerJumps: the clock of the sender is set, samples go on: a new run begins. Where they stop for as long, it is a
// gap.
func TestTrackerJumps(t *testing.T) {
	const rate = 250.0
	for _, jump := range []float64{10, 20, -10, -0.5, 200_000, -200_000} {
		d := newDrive(t, Options{Rate: rate})
		for k := range 5000 {
			at := 1000 + float64(k)/rate
			s := at
			if k >= 3000 {
				s += jump
			}
			d.add(s, at, true)
		}
		if len(d.runs) != 2 || !d.runs[1].Anew || d.runs[0].N != 3000 || d.tr.Jumps != 1 {
			t.Errorf("a jump of %g s: runs %+v, %d jumps", jump, d.runs, d.tr.Jumps)
		}
		if e := d.time[3500] - (1000 + 3500/rate + jump); math.Abs(e) > 1e-6 {
			t.Errorf("a jump of %g s: times behind it are off by %g s", jump, e)
		}
	}
	d := newDrive(t, Options{Rate: rate})
	for k := range 5000 {
		at := 1000 + float64(k)/rate
		if k >= 3000 {
			at += 12
		}
		d.add(at, at+0.02, true)
	}
	if len(d.runs) != 2 || d.runs[1].Anew || d.runs[1].Lost != 3000 || d.tr.Jumps != 0 {
		t.Errorf("silence of 12 s: runs %+v, %d jumps; want a gap of 3000 samples", d.runs, d.tr.Jumps)
	}
}

// TestTrackerHoldsSeldom: a sender that stamps each chunk of 100 ms when it sends it, and is 20 ms late now and then, never
// makes anything wait.
func TestTrackerHoldsSeldom(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	d := newDrive(t, Options{Rate: 250})
	late := 0.0
	for k := range 250 * 600 {
		if k%25 == 0 {
			if late = 1e-4 * rng.ExpFloat64(); rng.IntN(200) == 0 {
				late += 0.02
			}
		}
		at := 50 + float64(k)/250 + late
		d.add(at, at, k%25 == 0)
		if d.tr.Held() > 0 && k > 25*16 {
			t.Fatalf("sample %d waits", k)
		}
	}
	if len(d.runs) != 1 {
		t.Errorf("%d runs", len(d.runs))
	}
}

// TestTrackerOneWildStamp does not end a run.
func TestTrackerOneWildStamp(t *testing.T) {
	d := newDrive(t, Options{Rate: 250})
	for k := range 3000 {
		at := 5 + float64(k)/250
		s := at
		switch k {
		case 1000:
			s = -1e9
		case 1500:
			s = math.NaN()
		case 2000:
			s = math.Inf(1)
		}
		d.add(s, at, true)
	}
	if len(d.runs) != 1 || d.out != 3000 {
		t.Errorf("runs: %+v", d.runs)
	}
}

// TestTrackerNoTime: stamps that are no times do not place samples: a first one begins anew with the first that is a time,
// later ones count as not sent.
func TestTrackerNoTime(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), -1e300, 1.76e12} {
		for _, missing := range []bool{false, true} {
			d := newDrive(t, Options{Rate: 250})
			for k := range 2500 {
				stamp := 5000 + float64(k)*0.004
				if k < 10 || k%7 == 0 {
					stamp = bad
				}
				if missing && k == 1000 {
					d.tr.Missing(5)
				}
				d.add(stamp, 17+float64(k)*0.004, true)
			}
			want := 2
			if missing {
				want = 3
			}
			if len(d.runs) != want || !d.runs[1].Anew || d.runs[0].N != 10 {
				t.Fatalf("stamp %g: runs %+v", bad, d.runs)
			}
			for k := 10; k < 1000; k++ {
				if off := d.time[k] - 5000 - float64(k)*0.004; math.Abs(off) > 1e-6 {
					t.Fatalf("stamp %g: sample %d is %g s off", bad, k, off)
				}
			}
			if v := d.tr.RateHz(); !(math.Abs(v-250) < 1) {
				t.Errorf("stamp %g: a rate of %g Hz", bad, v)
			}
		}
	}
}

// TestCounter: a counter of one byte with losses of up to more than a turn, with stamps of 10 ms jitter: all losses exact,
// also those that a counter alone would take for fewer.
func TestCounter(t *testing.T) {
	const rate = 250.0
	rng := rand.New(rand.NewPCG(9, 10))
	d := newDrive(t, Options{Rate: rate, Modulus: 256})
	pos := int64(0)
	var want []int64
	for _, lost := range []int64{0, 1, 255, 256, 257, 700, 3, 2560} {
		if pos += lost; lost > 0 {
			want = append(want, lost)
		}
		for range 3000 {
			at := 10 + float64(pos)/rate
			d.in++
			d.tr.AddCounted(at+10e-3*rng.NormFloat64(), at, true, pos%256)
			d.take()
			pos++
		}
	}
	var got []int64
	for _, r := range d.runs[1:] {
		got = append(got, r.Lost)
		if r.Known == (r.Lost%256 == 0) {
			t.Errorf("known: %+v", r) // only by the clock where the counter shows nothing
		}
	}
	if len(got) != len(want) {
		t.Fatalf("losses of %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("losses of %v, want %v", got, want)
		}
	}
	d.in++
	d.tr.AddCounted(10+float64(pos)/rate, 0, true, (pos-1)%256) // the last one again
	d.take()
	if d.tr.Repeated != 1 {
		t.Errorf("%d samples came twice, want 1", d.tr.Repeated)
	}
}

// TestChunksDoNotMatter: times and runs do not depend on when Take is called.
func TestChunksDoNotMatter(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	var stamps []float64
	for k := range 4000 {
		at := float64(k) / 250
		if k > 2000 {
			at += 0.4
		}
		stamps = append(stamps, at+1e-3*rng.NormFloat64())
	}
	a, b := newDrive(t, Options{Rate: 250}), newDrive(t, Options{Rate: 250})
	for _, s := range stamps {
		a.add(s, s, true)
	}
	for k, s := range stamps {
		b.in++
		b.tr.Add(s, s, true)
		if k%37 == 0 {
			b.take()
		}
	}
	b.take()
	if len(a.runs) != 2 || len(b.runs) != 2 || a.runs[1] != b.runs[1] || a.runs[0].Time != b.runs[0].Time {
		t.Errorf("runs one by one: %+v, in chunks: %+v", a.runs, b.runs)
	}
}

// TestMemoryIsBounded: however long the stream, nothing grows.
func TestMemoryIsBounded(t *testing.T) {
	tr, err := NewTracker(Options{Rate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	k := 0
	add := func() {
		for range 1000 {
			tr.Add(float64(k)/1000, 0, true)
			k++
		}
		for {
			if _, ok := tr.Take(100); !ok {
				return
			}
		}
	}
	add()
	if n := testing.AllocsPerRun(1000, add); n > 0 {
		t.Errorf("%g allocations for 1000 samples", n)
	}
}

func BenchmarkTracker(b *testing.B) {
	tr, err := NewTracker(Options{Rate: 1000})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	k := 0
	for b.Loop() {
		tr.Add(float64(k)/1000, 0, true)
		if k++; k%32 == 0 {
			tr.Take(32)
		}
	}
}

// TestLossesCloseTogether: with one stamp per chunk, losses with one or two chunks between them are each a gap, and what lies
// between them keeps its time.
func TestLossesCloseTogether(t *testing.T) {
	const n, rate = 25, 250.0
	tr, err := NewTracker(Options{Rate: rate})
	if err != nil {
		t.Fatal(err)
	}
	lost := map[int]bool{100: true, 102: true, 104: true, 105: true, 108: true, 120: true}
	for k := range 140 {
		if lost[k] {
			continue
		}
		for i := range n {
			at := float64(k*n+i) / rate
			tr.Add(at, float64(k+1)*n/rate, i == 0)
		}
	}
	tr.Settle()
	var runs []int64
	next := 0.0
	for {
		r, ok := tr.Take(1 << 20)
		if !ok {
			break
		}
		if next += float64(r.Lost) / rate; math.Abs(r.Time-next) > 0.002 {
			t.Errorf("a run begins at %.3f s, must at %.3f", r.Time, next)
		}
		if r.Lost > 0 {
			runs = append(runs, r.Lost)
		}
		next += float64(r.N) / rate
	}
	if want := []int64{25, 25, 50, 25, 25}; !slices.Equal(runs, want) {
		t.Errorf("lost are %v, want %v", runs, want)
	}
}

// TestTrackerLossesFromTheStart: chunks with a stamp each of which some are lost, from the beginning, from senders that stamp when they send. What is lost is
// counted, and neither rate nor jitter take it for lateness. Losses of which the sender's jitter is a small part are each found, within a sample or two.
func TestTrackerLossesFromTheStart(t *testing.T) {
	for _, tc := range []struct {
		rate   float64
		chunk  int     // samples
		every  bool    // sample has a stamp
		late   float64 // s, the mean of an exponential distribution
		lost   float64 // of the chunks
		within float64 // of what is lost
	}{
		{160, 6, false, 0, 0.1, 0},
		{160, 6, false, 1e-3, 0.01, 0},
		{160, 5, true, 0, 0.1, 0},
		{160, 2, false, 0, 0.01, 0},
		{250, 25, false, 5e-4, 0.1, 0},
		{250, 25, false, 5e-3, 0.1, 0.001},
		{250, 25, false, 1e-2, 0.01, 0.02},
		{500, 25, false, 5e-4, 0.1, 0},
		{500, 25, false, 5e-4, 0.01, 0},
		{2000, 20, false, 2e-4, 0.1, 0},
	} {
		name := fmt.Sprintf("%g Hz in chunks of %d, stamps of all samples: %t, late by %g ms, %g %% lost", tc.rate, tc.chunk, tc.every, 1e3*tc.late, 100*tc.lost)
		rng := rand.New(rand.NewPCG(21, 22))
		d := newDrive(t, Options{Rate: tc.rate})
		var lost, square, stamps float64
		for k := 0; float64(k*tc.chunk) < 600*tc.rate; k++ {
			if k > 0 && rng.Float64() < tc.lost {
				lost += float64(tc.chunk)
				continue
			}
			late := tc.late * rng.ExpFloat64()
			for i := range tc.chunk {
				at := 1000 + float64(k*tc.chunk+i)/tc.rate
				d.add(at+late, at+late+float64(tc.chunk)/tc.rate, i == 0 || tc.every)
			}
			square += (late - tc.late) * (late - tc.late)
			stamps++
		}
		d.tr.Settle()
		d.take()
		var found float64
		for _, r := range d.runs {
			found += float64(r.Lost)
		}
		t.Logf("%s: %g lost, %g found, %d jumps, %.3f Hz, jitter %.3g ms", name, lost, found, d.tr.Jumps, d.tr.RateHz(), 1e3*d.tr.JitterS())
		if math.Abs(found-lost) > tc.within*lost || d.tr.Jumps > 0 {
			t.Errorf("%s: %g samples are lost, found are %g, and %d jumps", name, lost, found, d.tr.Jumps)
		}
		if r := d.tr.RateHz(); math.Abs(r/tc.rate-1) > 1e-3 {
			t.Errorf("%s: a rate of %g Hz", name, r)
		}
		if rms := math.Sqrt(square / stamps); d.tr.JitterS() > 2*rms+1e-4 {
			t.Errorf("%s: a jitter of %g s, its root mean square is %g s", name, d.tr.JitterS(), rms)
		}
	}
}

// TestTrackerStallsAreNoLosses: senders that are late by much, now and then or all the time, from the start: nothing is lost, and no clock has jumped.
func TestTrackerStallsAreNoLosses(t *testing.T) {
	late := map[string]func(*rand.Rand) float64{
		"Gaussian, 3 ms":     func(r *rand.Rand) float64 { return 3e-3 * r.NormFloat64() },
		"Gaussian, 20 ms":    func(r *rand.Rand) float64 { return 20e-3 * r.NormFloat64() },
		"exponential, 10 ms": func(r *rand.Rand) float64 { return 10e-3 * r.ExpFloat64() },
		"up to 60 ms":        func(r *rand.Rand) float64 { return 60e-3 * r.Float64() },
	}
	for name, jitter := range late {
		for _, chunk := range []int{1, 10, 25} {
			for _, truth := range []float64{250, 249, 250.5} {
				for _, stall := range []float64{0, 0.06, 0.15} {
					rng := rand.New(rand.NewPCG(23, 24))
					d := newDrive(t, Options{Rate: 250})
					next, busy := 5.0, 0.0 // s: when it is held up, and until when
					for k := 0; k < 250*60; k += chunk {
						now := float64(k+chunk) / truth
						if stall > 0 && now > next {
							busy, next = now+stall, now+2+5*rng.Float64()
						}
						now = max(now, busy) + jitter(rng)
						for i := range chunk {
							d.add(now-float64(chunk-1-i)/truth, now, i == 0)
						}
					}
					if len(d.runs) != 1 || d.tr.Jumps != 0 {
						t.Errorf("%s, chunks of %d, %g Hz, held up for %g s: %d runs %+v, %d jumps", name, chunk, truth, stall, len(d.runs), d.runs, d.tr.Jumps)
					}
				}
			}
		}
	}
}
