package adapt_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/adapt"
)

// stream drives a head with rows that say the class, and a running decoder that is right with a given probability.
type stream struct {
	t       *testing.T
	h       *adapt.Head
	rng     *rand.Rand
	classes int
	seq     uint64
	now     int64
	running float64 // how often the running decoder is right
}

const width = 3

func newStream(t *testing.T, opt adapt.Options, classes int, running float64) *stream {
	t.Helper()
	h, err := adapt.New(opt, classes, width)
	must(t, err)
	return &stream{t: t, h: h, rng: rand.New(rand.NewPCG(1, 2)), classes: classes, running: running}
}

// draw is one trial.
func (s *stream) draw() (truth int, row, running []float64) {
	truth = s.rng.IntN(s.classes)
	row, running = make([]float64, width), make([]float64, s.classes)
	for j := range row {
		row[j] = 5 + 2*s.rng.NormFloat64()
	}
	row[truth%width] += 6
	said := truth
	if s.rng.Float64() > s.running {
		said = (truth + 1 + s.rng.IntN(s.classes-1)) % s.classes
	}
	for k := range running {
		running[k] = 0.2 / float64(s.classes-1)
	}
	running[said] = 0.8
	return truth, row, running
}

// step is one trial with its feedback: the reward, times sign.
func (s *stream) step(sign int) adapt.Record {
	s.t.Helper()
	truth, row, running := s.draw()
	class, err := s.h.Decide(make([]float64, s.classes), row, running)
	must(s.t, err)
	s.seq++
	s.now += 4e9
	s.h.Sent(s.seq, s.now)
	reward := -sign
	if class == truth {
		reward = sign
	}
	recs, err := s.h.Feedback(adapt.Feedback{Seq: s.seq, Reward: reward}, s.now+1e9)
	must(s.t, err)
	return recs[len(recs)-1]
}

// TestWeights compares with the definition: the sums over all feedback, each weighted by how long ago it was, and the
// system of equations solved by elimination.
func TestWeights(t *testing.T) {
	const classes = 3
	opt := adapt.Defaults()
	opt.Memory, opt.Ridge, opt.Trust, opt.MaxStep, opt.Settle, opt.ErrorRate, opt.PerMinute = 20, 2, 3, 1e9, 5, 0.1, 1000
	opt.MaxDistance = 1e9
	s := newStream(t, opt, classes, 0.5)
	type told struct {
		row, running []float64
		class        int // whose reward is known
		r            float64
	}
	var rows [][]float64
	var all []told
	for range 60 {
		truth, row, running := s.draw()
		class, err := s.h.Decide(make([]float64, classes), row, running)
		must(t, err)
		s.seq++
		s.h.Sent(s.seq, 0)
		f := adapt.Feedback{Seq: s.seq, Reward: -1}
		if class == truth {
			f.Reward = 1
		}
		if s.seq%7 == 0 {
			f = adapt.Feedback{Seq: s.seq, Truth: truth}
		}
		recs, err := s.h.Feedback(f, 1)
		must(t, err)
		if recs[len(recs)-1].State != adapt.Shadow { // the choice of classes must stay the running decoder's
			break
		}
		if len(rows) < opt.Settle {
			rows = append(rows, row)
		}
		for k := range classes {
			if f.Reward == -1 && k != class {
				continue // wrong: nothing is known of the others
			}
			r := -1.0
			if k == truth {
				r = 1
			}
			all = append(all, told{row, running, k, r / 0.8})
		}
	}
	for k := range classes {
		const size = 1 + width + classes
		var a [size][size + 1]float64
		age := 0
		for i := len(all) - 1; i >= 0; i-- {
			if all[i].class != k {
				continue
			}
			phi := []float64{1}
			for j, v := range all[i].row {
				m, v2 := 0.0, 0.0
				for _, r := range rows {
					m += r[j] / float64(len(rows))
				}
				for _, r := range rows {
					v2 += (r[j] - m) * (r[j] - m) / float64(len(rows)-1)
				}
				phi = append(phi, (v-m)/math.Sqrt(v2))
			}
			for _, p := range all[i].running {
				phi = append(phi, 2*p-1)
			}
			w := math.Exp(-float64(age) / opt.Memory)
			age++
			for i2, v := range phi {
				for j, u := range phi {
					a[i2][j] += w * v * u
				}
				a[i2][size] += w * v * all[i].r
			}
		}
		for i := range size {
			a[i][i] += opt.Ridge
			if i > width {
				a[i][i] += opt.Trust - opt.Ridge
			}
		}
		a[1+width+k][size] += opt.Trust // where it began: 2p − 1
		for i := range size {           // Gauss–Jordan: positive definite, so without pivots
			for j := size; j >= i; j-- {
				a[i][j] /= a[i][i]
			}
			for r := range size {
				if f := a[r][i]; r != i {
					for j := i; j <= size; j++ {
						a[r][j] -= f * a[i][j]
					}
				}
			}
		}
		for i, got := range adapt.Weights(s.h)[k] {
			if want := a[i][size]; math.Abs(got-want) > 1e-9 {
				t.Errorf("class %d, weight %d: %g, by the definition %g", k, i, got, want)
			}
		}
	}
}

// TestBegin: a head decides like the running decoder until it has learned.
func TestBegin(t *testing.T) {
	s := newStream(t, adapt.Defaults(), 3, 0.6)
	scores := make([]float64, 3)
	for range 50 {
		_, row, running := s.draw()
		class, err := s.h.Decide(scores, row, running)
		must(t, err)
		if !slices.Equal(scores, running) || running[class] != slices.Max(running) {
			t.Fatalf("scores %v for %v", scores, running)
		}
	}
}

// TestLive: a head beside a decoder that guesses goes live, and then is right; beside one that is always right it never
// does. With more than two classes the reward alone cannot show that it is better; the class that was meant can.
func TestLive(t *testing.T) {
	for _, tc := range []struct {
		running float64
		live    bool
	}{{0.5, true}, {1, false}} {
		s := newStream(t, adapt.Defaults(), 2, tc.running)
		for range 300 {
			s.step(1)
		}
		if s.h.Decides() != tc.live {
			t.Errorf("a running decoder that is right in %g of all: live is %v, want %v", tc.running, s.h.Decides(), tc.live)
		}
	}
	s := newStream(t, adapt.Defaults(), 3, 0.3)
	for range 300 {
		if rec := s.step(1); rec.Evidence > 1 {
			t.Fatalf("three classes, rewards alone: evidence %g", rec.Evidence)
		}
	}
	for range 200 {
		truth, row, running := s.draw()
		_, err := s.h.Decide(make([]float64, 3), row, running)
		must(t, err)
		s.seq, s.now = s.seq+1, s.now+4e9
		s.h.Sent(s.seq, s.now)
		_, err = s.h.Feedback(adapt.Feedback{Seq: s.seq, Truth: truth}, s.now)
		must(t, err)
	}
	if !s.h.Decides() {
		t.Error("three classes, told the class: not live")
	}
}

// TestRollback: the bits come back, and a head that is frozen keeps them.
func TestRollback(t *testing.T) {
	s := newStream(t, adapt.Defaults(), 2, 0.5)
	for !s.h.Decides() {
		s.step(1)
	}
	for s.h.Hash() != s.h.Snapshots()[0] {
		s.step(1)
	}
	want := s.h.Hash()
	_, row, running := s.draw()
	before, after := make([]float64, 2), make([]float64, 2)
	_, err := s.h.Decide(before, row, running)
	must(t, err)
	for range 12 {
		s.step(-1) // lies
	}
	if s.h.Hash() == want {
		t.Fatal("twelve lies changed nothing")
	}
	must(t, s.h.Rollback(0))
	_, err = s.h.Decide(after, row, running)
	must(t, err)
	if s.h.Hash() != want || math.Float64bits(before[0]) != math.Float64bits(after[0]) || math.Float64bits(before[1]) != math.Float64bits(after[1]) {
		t.Errorf("rolled back to %s with scores %v, want %s with %v", s.h.Hash(), after, want, before)
	}
	for range 50 {
		if rec := s.step(-1); rec.Accepted || rec.State != adapt.Frozen || rec.Reason != "frozen" {
			t.Fatalf("frozen, and yet %+v", rec)
		}
	}
	if s.h.Hash() != want || !s.h.Decides() {
		t.Error("a frozen head changed")
	}
	if err := s.h.Rollback(99); err == nil {
		t.Error("rollback by 99 is no error")
	}
	s.h.Thaw()
	if st, _ := s.h.State(); st != adapt.Live {
		t.Errorf("thawed to %s", st)
	}
	s.h.Reset()
	if _, err := s.h.Decide(after, row, running); err != nil || !slices.Equal(after, running) || s.h.Decides() {
		t.Errorf("after a reset the scores are %v for %v, error %v", after, running, err)
	}
}

// TestSameBits: the same calls give the same bits.
func TestSameBits(t *testing.T) {
	var hash [2]string
	for i := range hash {
		s := newStream(t, adapt.Defaults(), 3, 0.6)
		for range 100 {
			s.step(1)
		}
		hash[i] = s.h.Hash()
	}
	if hash[0] != hash[1] {
		t.Errorf("hashes %s and %s", hash[0], hash[1])
	}
}

// TestUnknownFeedback: what matches no decision that waits is counted, and changes nothing.
func TestUnknownFeedback(t *testing.T) {
	s := newStream(t, adapt.Defaults(), 2, 0.8)
	for range 40 {
		s.step(1)
	}
	want, before := s.h.Hash(), s.h.Stats()
	give := func(seq uint64, at int64) {
		t.Helper()
		recs, err := s.h.Feedback(adapt.Feedback{Seq: seq, Reward: 1}, at)
		must(t, err)
		if rec := recs[0]; len(recs) != 1 || rec.Accepted || !strings.Contains(rec.Reason, "waits") {
			t.Errorf("feedback on %d: %+v", seq, recs)
		}
	}
	give(s.seq, s.now)     // twice
	give(s.seq+7, s.now)   // never made
	s.h.Sent(1000, s.now)  // at 0 s
	give(1000, s.now+51e8) // after 5.1 s
	s.h.Sent(1001, s.now)
	s.h.Interrupt()
	give(1001, s.now)
	got := s.h.Stats()
	if s.h.Hash() != want || got.Unknown-before.Unknown != 4 || got.Expired-before.Expired != 1 || got.Dropped-before.Dropped != 1 {
		t.Errorf("counts went from %+v to %+v", before, got)
	}
	for _, f := range []adapt.Feedback{{Seq: 1, Reward: 2}, {Seq: 1, Reward: -2}, {Seq: 1, Truth: 2}, {Seq: 1, Truth: -1}} {
		if _, err := s.h.Feedback(f, s.now); err == nil {
			t.Errorf("feedback %+v is no error", f)
		}
	}
}

// TestBounds: no step is longer than allowed, there are no more within a minute than allowed, and the head freezes at the
// distance that is allowed.
func TestBounds(t *testing.T) {
	opt := adapt.Defaults()
	opt.MaxStep, opt.Ridge, opt.PerMinute = 0.01, 1, 10
	s := newStream(t, opt, 2, 0.5)
	norm := func() (sum float64) {
		for _, w := range adapt.Weights(s.h) {
			for _, v := range w {
				sum += v * v
			}
		}
		return math.Sqrt(sum)
	}
	clipped := 0
	for range 150 {
		old := norm()
		rec := s.step(1)
		if rec.Accepted && rec.Taken > 0.01*old*(1+1e-12) && rec.Seq > uint64(opt.Settle) {
			t.Fatalf("a step of %g at a norm of %g", rec.Taken, old)
		}
		if rec.Taken < rec.Step {
			clipped++
		}
	}
	if clipped == 0 || s.h.Stats().Clipped == 0 {
		t.Error("no step was shortened: nothing was tested")
	}
	if st := s.h.Stats(); st.Skipped == 0 || st.Accepted > 10*(150*4/60+1) {
		t.Errorf("%d updates in ten minutes, %d skipped", st.Accepted, st.Skipped)
	}

	opt = adapt.Defaults()
	opt.MaxDistance, opt.Ridge = 0.2, 1
	s = newStream(t, opt, 2, 0.5)
	for range 100 {
		if rec := s.step(1); rec.Distance > 0.2 {
			t.Fatalf("distance %g", rec.Distance)
		}
	}
	if st, why := s.h.State(); st != adapt.Frozen || !strings.Contains(why, "max_distance") {
		t.Errorf("state %s: %s", st, why)
	}
}

// TestPoison: a head that is lied to freezes, by the fall of its accuracy or, fed with one class only, by its collapse.
func TestPoison(t *testing.T) {
	for _, lie := range []string{"fall", "collapse"} {
		s := newStream(t, adapt.Defaults(), 2, 0.5)
		for !s.h.Decides() {
			s.step(1)
		}
		for range 60 {
			s.step(1)
		}
		for i := 0; ; i++ {
			if st, why := s.h.State(); st == adapt.Frozen {
				if !strings.HasPrefix(why, lie) {
					t.Errorf("%s: frozen because of %s", lie, why)
				}
				t.Logf("frozen after %d: %s", i, why)
				break
			}
			if i == 60 {
				t.Fatalf("%s: not frozen after 60 wrong pieces of feedback", lie)
			}
			if lie == "fall" {
				s.step(-1)
				continue
			}
			row := []float64{30, 5, 5} // the signal of the first class, every time
			class, err := s.h.Decide(make([]float64, 2), row, []float64{0.8, 0.2})
			must(t, err)
			s.seq, s.now = s.seq+1, s.now+4e9
			s.h.Sent(s.seq, s.now)
			_, err = s.h.Feedback(adapt.Feedback{Seq: s.seq, Reward: 1 - 2*class}, s.now)
			must(t, err)
		}
	}
}

// TestEvidence compares with the integral, and checks what it is for: on a fair coin it passes 1/α, however long one looks,
// with a chance of at most α.
func TestEvidence(t *testing.T) {
	for _, c := range []adapt.Comparison{{}, {Better: 1}, {Worse: 1}, {Better: 9, Worse: 1}, {Better: 20, Worse: 15}, {Better: 3, Worse: 12}} {
		const n = 200_000
		want := 0.0
		for i := range n {
			p := 0.5 + (float64(i)+0.5)/n/2
			want += math.Pow(2*p, float64(c.Better)) * math.Pow(2*(1-p), float64(c.Worse)) / n
		}
		if got := c.Evidence(); math.Abs(got-want) > 1e-6*want {
			t.Errorf("%+v: %g, want %g", c, got, want)
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	const runs, alpha = 2000, 0.05
	alarms := 0
	for range runs {
		var c adapt.Comparison
		for range 300 {
			if rng.IntN(2) == 0 {
				c.Better++
			} else {
				c.Worse++
			}
			if c.Evidence() >= 1/alpha {
				alarms++
				break
			}
		}
	}
	// 2000 runs at 0.05 have a standard deviation of 10.
	if alarms > runs*alpha+30 {
		t.Errorf("%d of %d fair coins look better, allowed are %g", alarms, runs, runs*alpha)
	}
	t.Logf("%d of %d", alarms, runs)
}

func TestOptions(t *testing.T) {
	for want, change := range map[string]func(*adapt.Options){
		"explore is above 0 where": func(o *adapt.Options) { o.Explore = 0.1 },
		"memory":                   func(o *adapt.Options) { o.Memory = 9 },
		"ridge":                    func(o *adapt.Options) { o.Ridge = 0 },
		"error_rate":               func(o *adapt.Options) { o.ErrorRate = 0.5 },
		"expire_s":                 func(o *adapt.Options) { o.Expire = math.NaN() },
		"start":                    func(o *adapt.Options) { o.Start = adapt.Live },
		"doubt":                    func(o *adapt.Options) { o.Doubt = 0 },
	} {
		opt := adapt.Defaults()
		change(&opt)
		if _, err := adapt.New(opt, 2, 3); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	opt := adapt.Defaults()
	opt.Explore, opt.Actuates = 0.1, false
	if _, err := adapt.New(opt, 2, 3); err != nil {
		t.Errorf("exploration where nothing moves: %v", err)
	}
	for _, tc := range [][2]int{{1, 3}, {2, 0}, {2, adapt.MaxRow + 1}} {
		if _, err := adapt.New(adapt.Defaults(), tc[0], tc[1]); err == nil {
			t.Errorf("%d classes and %d features are no error", tc[0], tc[1])
		}
	}
	h, err := adapt.New(adapt.Defaults(), 2, 3)
	must(t, err)
	for _, row := range [][]float64{{1, 2}, {1, 2, math.NaN()}, {1, 2, math.Inf(1)}} {
		if _, err := h.Decide(make([]float64, 2), row, []float64{0.5, 0.5}); err == nil {
			t.Errorf("row %v is no error", row)
		}
	}
}

// TestSettleRecords: when the features are settled there is one record for every update that is made then, in order.
func TestSettleRecords(t *testing.T) {
	opt := adapt.Defaults()
	opt.Settle = 6
	s := newStream(t, opt, 2, 0.8)
	for range 5 {
		if rec := s.step(1); rec.Accepted || !strings.HasPrefix(rec.Reason, "settling") {
			t.Fatalf("a record before the features are settled: %+v", rec)
		}
	}
	_, row, running := s.draw()
	_, err := s.h.Decide(make([]float64, 2), row, running)
	must(t, err)
	s.h.Sent(6, s.now)
	recs, err := s.h.Feedback(adapt.Feedback{Seq: 6, Reward: 1}, s.now)
	must(t, err)
	if len(recs) != 6 || s.h.Stats().Accepted != 6 || s.h.Updates() != 6 {
		t.Fatalf("%d records for %d updates, want 6", len(recs), s.h.Stats().Accepted)
	}
	distance := 0.0
	for i, rec := range recs {
		if rec.Seq != uint64(i+1) || rec.Feedback.Seq != rec.Seq || !rec.Accepted || rec.Step == 0 || rec.Distance == distance {
			t.Errorf("record %d: %+v", i, rec)
		}
		distance = rec.Distance
	}
}
