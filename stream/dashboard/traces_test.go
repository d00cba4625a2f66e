package dashboard

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
)

// noise is a recording of two channels without meaning.
func noise(n int, rate float64) signal.Chunk {
	info := &signal.Info{Rate: rate, Channels: []signal.Channel{{Name: "C3", Kind: signal.EEG, Unit: signal.Microvolt}, {Name: "C4", Kind: signal.EEG, Unit: signal.Microvolt}}}
	c := signal.NewChunk(info, 0, n)
	rng := rand.New(rand.NewPCG(1, 2))
	for ch := range c.X {
		for t := range c.X[ch] {
			c.X[ch][t] = rng.NormFloat64()
		}
	}
	return c
}

// columnsOf are the columns of chunks.
func columnsOf(rate float64, chunks ...signal.Chunk) (list []column) {
	d := newDecimator(rate)
	for _, c := range chunks {
		d.add(c, func(col column) { list = append(list, col) })
	}
	d.flush(func(col column) { list = append(list, col) })
	return list
}

var compareColumns = cmp.Options{cmp.AllowUnexported(column{}), cmpopts.EquateNaNs()}

func TestColumnsAreLeastAndLargest(t *testing.T) {
	for _, tc := range []struct {
		rate float64
		per  int
	}{{160, 3}, {250, 4}, {2000, 33}, {60, 1}, {1, 1}, {30_000, 500}} {
		c := noise(1000, tc.rate)
		got := columnsOf(tc.rate, c)
		if want := (1000 + tc.per - 1) / tc.per; len(got) != want {
			t.Fatalf("%g Hz: %d columns, want %d", tc.rate, len(got), want)
		}
		for i, col := range got {
			for ch := range c.X { // the definition
				lo, hi := math.Inf(1), math.Inf(-1)
				for s := i * tc.per; s < min((i+1)*tc.per, 1000); s++ {
					lo, hi = math.Min(lo, c.X[ch][s]), math.Max(hi, c.X[ch][s])
				}
				if col.bin != int64(i) || col.lo[ch] != lo || col.hi[ch] != hi {
					t.Fatalf("%g Hz: column %d, channel %d: bin %d from %g to %g, want from %g to %g", tc.rate, i, ch, col.bin, col.lo[ch], col.hi[ch], lo, hi)
				}
			}
		}
	}
}

func TestColumnsDoNotDependOnChunks(t *testing.T) {
	c := noise(997, 250)
	want := columnsOf(250, c)
	rng := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		var parts []signal.Chunk
		for from := int64(0); from < 997; {
			to := min(997, from+rng.Int64N(30))
			parts = append(parts, c.Slice(from, to))
			from = to
		}
		if diff := cmp.Diff(want, columnsOf(250, parts...), compareColumns); diff != "" {
			t.Fatalf("cut into %d chunks: %s", len(parts), diff)
		}
	}
}

func TestColumnsShowGaps(t *testing.T) {
	c := noise(400, 250)
	got := columnsOf(250, c.Slice(0, 102), c.Slice(250, 400))
	for i := 1; i < len(got); i++ {
		if want := got[i-1].bin + 1; got[i].bin != want && (got[i-1].bin != 25 || got[i].bin != 62) {
			t.Errorf("behind bin %d comes %d: the gap is from sample 102 to 250, 4 samples a bin", got[i-1].bin, got[i].bin)
		}
	}
	if last := got[25]; last.bin != 25 || last.hi[0] != math.Max(c.X[0][100], c.X[0][101]) {
		t.Errorf("the column before the gap is %+v, must hold the samples up to the gap", last)
	}
}

func TestColumnsBeginAnew(t *testing.T) {
	c := noise(100, 250)
	again := c.Slice(0, 50)
	again.Anew = true
	got := columnsOf(250, c, again)
	if first, last := got[0], got[len(got)-1]; first.epoch == last.epoch || last.bin != 12 {
		t.Errorf("behind a restart epoch and bin are %d and %d, before it %d", last.epoch, last.bin, first.epoch)
	}
	if got := columnsOf(250, c, c.Slice(0, 50)); got[0].epoch == got[len(got)-1].epoch { // without a word
		t.Error("numbers that start again are taken for the same stretch")
	}
}

func TestColumnsLeaveOutNotFinite(t *testing.T) {
	c := noise(8, 250)
	c.X[0][1], c.X[0][2] = math.NaN(), math.Inf(1)
	for i := range 4 {
		c.X[1][4+i] = math.NaN()
	}
	got := columnsOf(250, c)
	if got[0].hi[0] != math.Max(c.X[0][0], c.X[0][3]) || !math.IsNaN(got[1].lo[1]) || !math.IsNaN(got[1].hi[1]) {
		t.Errorf("columns %+v", got)
	}
	b, err := tenths(got[1].lo).MarshalJSON()
	if err != nil || string(b[len(b)-5:]) != "null]" {
		t.Errorf("an unknown value is %s in JSON, %v", b, err)
	}
}

func TestColumnsBelowZero(t *testing.T) {
	c := noise(10, 250)
	c.Start = -5
	var bins []int64
	for _, col := range columnsOf(250, c) {
		bins = append(bins, col.bin)
	}
	if diff := cmp.Diff([]int64{-2, -1, 0, 1}, bins); diff != "" {
		t.Error(diff)
	}
}

func TestTenths(t *testing.T) {
	b, err := tenths{0, 1.26, -0.05, math.NaN(), math.Inf(-1), 1e300, -12.34}.MarshalJSON()
	if want := "[0,13,-1,null,null,null,-123]"; err != nil || string(b) != want {
		t.Errorf("%s, %v, want %s", b, err, want)
	}
}

// TestSpectra compares with the sums of the definition: no FFT, no shared code.
func TestSpectra(t *testing.T) {
	for _, rate := range []float64{100, 160, 125.5} {
		c := noise(700, rate)
		s := newSpectra(c.Info)
		if s.estimate() != nil {
			t.Fatal("a spectrum of nothing")
		}
		for from := int64(0); from < 700; from += 35 {
			s.add(c.Slice(from, from+35))
		}
		seg := int(math.Round(rate))
		psd := s.estimate()
		for ch := range c.X {
			x := c.X[ch][700-2*seg:]
			for k := range psd[ch] {
				want := naivePSD(x, seg, k, rate)
				if d := math.Abs(psd[ch][k] - want); d > 1e-12 {
					t.Fatalf("%g Hz, channel %d, bin %d: %g, want %g", rate, ch, k, psd[ch][k], want)
				}
			}
		}
		if got, want := s.plan.Freq(1), rate/float64(seg); got != want {
			t.Errorf("bins are %g Hz apart, want %g", got, want)
		}
	}
}

// naivePSD is bin k of Welch's estimate: segments that overlap by half, without their mean, periodic Hann window.
func naivePSD(x []float64, seg, k int, rate float64) float64 {
	sum, n := 0.0, 0
	for from := 0; from+seg <= len(x); from += seg - seg/2 {
		mean, power := 0.0, 0.0
		for _, v := range x[from : from+seg] {
			mean += v / float64(seg)
		}
		re, im := 0.0, 0.0
		for i, v := range x[from : from+seg] {
			w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(seg))
			sin, cos := math.Sincos(2 * math.Pi * float64(i*k%seg) / float64(seg))
			re, im, power = re+w*(v-mean)*cos, im+w*(v-mean)*sin, power+w*w
		}
		p := (re*re + im*im) / (rate * power)
		if k > 0 && 2*k != seg {
			p *= 2
		}
		sum, n = sum+p, n+1
	}
	return sum / float64(n)
}

func TestSpectraStopAtGaps(t *testing.T) {
	c := noise(700, 100)
	s := newSpectra(c.Info)
	s.add(c.Slice(0, 250))
	if s.estimate() == nil {
		t.Fatal("no spectrum of 2.5 s")
	}
	s.add(c.Slice(300, 480))
	if s.estimate() != nil {
		t.Error("a spectrum reaches over a gap")
	}
	s.add(c.Slice(480, 520))
	if s.estimate() == nil {
		t.Error("no spectrum 2.2 s behind a gap")
	}
}

func TestSpectraAreBounded(t *testing.T) {
	info := &signal.Info{Rate: 30_000, Channels: make([]signal.Channel, 1024)}
	s := newSpectra(info)
	if n := s.channels * 2 * s.win; n > maxSpectrum || s.channels < 16 {
		t.Errorf("%d channels with %d values in all", s.channels, n)
	}
}

func TestBandPower(t *testing.T) {
	c := noise(400, 200)
	for i := range c.X[0] { // 10 Hz, 20 µV peak: 200 µV²
		c.X[0][i] = 20 * math.Sin(2*math.Pi*10*float64(i)/200)
		c.X[1][i] = 0
	}
	s := newSpectra(c.Info)
	s.add(c)
	psd := s.estimate()
	if got, want := s.bandDB(psd[0], bands[2]), 10*math.Log10(200); math.Abs(got-want) > 0.01 {
		t.Errorf("alpha has %g dB, want %g", got, want)
	}
	if got := s.bandDB(psd[1], bands[2]); !math.IsInf(got, -1) {
		t.Errorf("a flat channel has %g dB", got)
	}
	if got := newSpectra(&signal.Info{Rate: 80, Channels: c.Info.Channels}).bandDB(make([]float64, 41), bands[4]); !math.IsNaN(got) {
		t.Errorf("gamma at 80 Hz has %g dB", got)
	}
}

func synthInfo(t *testing.T) *signal.Info {
	t.Helper()
	info := &signal.Info{Rate: 160}
	for _, n := range synth.EEGMMIDB() {
		info.Channels = append(info.Channels, signal.Channel{Name: n, Kind: signal.EEG, Unit: signal.Microvolt})
	}
	return info
}

func TestScalpPlaces(t *testing.T) {
	info := synthInfo(t)
	m, err := newScalp(info, len(info.Channels))
	if err != nil {
		t.Fatal(err)
	}
	at := map[string][2]float64{}
	for i, ch := range m.channels {
		at[info.Channels[ch].Name] = m.at[i]
	}
	for _, q := range []struct {
		what string
		ok   bool
	}{
		{"Cz is nearly in the middle", math.Hypot(at["Cz"][0], at["Cz"][1]) < 0.25},
		{"Fpz is before, at the nose", at["Fpz"][1] > 0.7 && math.Abs(at["Fpz"][0]) < 0.05},
		{"Oz is behind", at["Oz"][1] < -0.7},
		{"C3 is at the left", at["C3"][0] < -0.2},
		{"C4 is at the right", at["C4"][0] > 0.2},
		{"T7 is further out than C3", at["T7"][0] < at["C3"][0]},
	} {
		if !q.ok {
			t.Errorf("%s: not so: %v", q.what, at)
		}
	}
	for _, p := range [][2]float64{{0, 0}, {0.3, -0.4}, {-0.9, 0.1}, {0, 1}} {
		q := project(lift(p[0], p[1]))
		if math.Hypot(q[0]-p[0], q[1]-p[1]) > 1e-12 {
			t.Errorf("%v comes back as %v", p, q)
		}
	}
}

func TestScalpInterpolates(t *testing.T) {
	info := synthInfo(t)
	m, err := newScalp(info, len(info.Channels))
	if err != nil {
		t.Fatal(err)
	}
	// A field that is smooth on the sphere must come out as it is, where electrodes are around.
	field := func(u [3]float64) float64 { return 3 + 2*u[0] - u[1] + 0.5*u[2] }
	values := make([]float64, len(m.dirs))
	for i, u := range m.dirs {
		values[i] = field(u)
	}
	grid, err := m.interpolate(values)
	if err != nil {
		t.Fatal(err)
	}
	inside := 0
	for row := range gridSize {
		for col := range gridSize {
			x, y := 2*float64(col)/(gridSize-1)-1, 1-2*float64(row)/(gridSize-1)
			v := grid[row*gridSize+col]
			if r := math.Hypot(x, y); r > 1 {
				if !math.IsNaN(v) {
					t.Fatalf("outside the head at %g, %g is %g", x, y, v)
				}
				continue
			}
			inside++
			if want := field(lift(x, y)); math.Abs(v-want) > 0.05 { // of a range of about 4; the spline is smooth, no plane
				t.Errorf("at %.2f, %.2f: %g, want %g", x, y, v, want)
			}
		}
	}
	if inside < 700 {
		t.Errorf("only %d cells are inside the head", inside)
	}

	values[5] = math.Inf(-1) // a flat channel is left out
	without, err := m.interpolate(values)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range without {
		if math.IsInf(v, 0) || math.IsNaN(v) != math.IsNaN(grid[k]) {
			t.Fatalf("cell %d is %g without a flat channel", k, v)
		}
	}
	for i := range values {
		values[i] = math.NaN()
	}
	if _, err := m.interpolate(values); err == nil {
		t.Error("a map of nothing")
	}
}

func TestScalpSaysWhyNot(t *testing.T) {
	c := noise(1, 100)
	if _, err := newScalp(c.Info, 2); err == nil {
		t.Error("a map of two channels")
	}
	info := &signal.Info{Rate: 100}
	for _, n := range []string{"X1", "X2", "X3", "X4", "X5"} {
		info.Channels = append(info.Channels, signal.Channel{Name: n, Kind: signal.EEG})
	}
	if _, err := newScalp(info, 5); err == nil {
		t.Error("a map of channels without a place")
	}
	for i := range info.Channels { // all in one plane
		info.Channels[i].Pos = &signal.Position{float64(i), float64(i * i), 0}
	}
	if _, err := newScalp(info, 5); err == nil {
		t.Error("a map of a plane")
	}
}

func TestHistogram(t *testing.T) {
	h := newHistogram()
	for _, ms := range []float64{-1, 0, 0.1, 0.11, 5000, 5001, math.NaN(), math.Inf(1)} {
		h.add(ms)
	}
	n := len(edgesMS)
	if h.N[0] != 3 || h.N[1] != 1 || h.N[n-1] != 1 || h.N[n] != 3 {
		t.Errorf("%v", h.N)
	}
}
