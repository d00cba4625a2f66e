package pipeline

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// rhythm is 600 windows of 1 s, 0.1 s apart, of two channels at 100 Hz: noise and a rhythm of 10 Hz of the given amplitude.
func rhythm(seed uint64, amplitude float64) (looks [][]float64, times []float64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	const n = 600
	x := [2][]float64{}
	for ch := range x {
		for t := range 100 + 10*n {
			x[ch] = append(x[ch], rng.NormFloat64()+amplitude*math.Sin(2*math.Pi*0.1*float64(t)))
		}
	}
	info := &signal.Info{Rate: 100}
	for i := range n {
		w := signal.Window{Info: info, X: [][]float64{x[0][10*i : 10*i+100], x[1][10*i : 10*i+100]}}
		looks, times = append(looks, lookOf(nil, w)), append(times, float64(i)/10+1)
	}
	return looks, times
}

// tenths cuts rest into 10 parts of 60 windows; those within 1 s of a part are not among its others.
func tenths(looks [][]float64, times []float64) (p []RestPart) {
	for b := range 10 {
		part := RestPart{Looks: looks, Times: times, Begins: make([]bool, 600), In: make([]bool, 600)}
		part.Begins[0] = true
		for i, x := range looks {
			part.In[i] = 60*b <= i && i < 60*b+60
			if i < 60*b-10 || i >= 60*b+70 {
				part.Others = append(part.Others, x)
			}
		}
		p = append(p, part)
	}
	return p
}

// TestLikenessLimit: the limit is the farthest that a part of the rest goes from the others, by the definition's sums: the average
// of z-scores weighs each window by the time behind it, and what comes before the first counts as if it were like that one.
func TestLikenessLimit(t *testing.T) {
	rest, times := rhythm(1, 0.2)
	var p Pipeline
	if err := p.FitLikeness(rest, tenths(rest, times)); err != nil {
		t.Fatal(err)
	}
	want := 0.0
	for _, part := range tenths(rest, times) {
		for i := range part.Looks {
			if !part.In[i] {
				continue
			}
			sum := 0.0
			for k := range part.Looks[i] {
				mean, square := 0.0, 0.0
				for _, x := range part.Others {
					mean += x[k] / float64(len(part.Others))
				}
				for _, x := range part.Others {
					square += (x[k] - mean) * (x[k] - mean) / float64(len(part.Others))
				}
				z, before := 0.0, 1.0
				for j := i; j >= 0; j-- {
					weight := before
					if j > 0 {
						weight *= 1 - math.Exp2(-(times[1]-times[0])/2)
					}
					z += weight * (part.Looks[j][k] - mean) / math.Sqrt(square)
					before -= weight
				}
				sum += z * z
			}
			want = max(want, math.Sqrt(sum/float64(len(part.Looks[i]))))
		}
	}
	if got := p.likeness.limit; math.Abs(got-want) > 1e-9 {
		t.Errorf("limit %g, want %g", got, want)
	}
	if _, err := looking(rest[:1], nil); err == nil {
		t.Error("one window is enough to say what rest looks like")
	}
}

// TestLikenessLearnsDrift: rest that goes on from one kind to another says that it may, and no more is held back than a few parts.
func TestLikenessLearnsDrift(t *testing.T) {
	steady, times := rhythm(1, 0.2)
	drifting, _ := rhythm(2, 0.2)
	strong, _ := rhythm(3, 0.6)
	copy(drifting[480:], strong[480:])
	var narrow, wide Pipeline
	for _, err := range []error{narrow.FitLikeness(steady, tenths(steady, times)), wide.FitLikeness(drifting, tenths(drifting, times))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	later, _ := rhythm(4, 0.6)
	count := func(held []bool) (n int) {
		for _, h := range held {
			if h {
				n++
			}
		}
		return n
	}
	if n, w := count(narrow.HeldBack(later, times)), count(wide.HeldBack(later, times)); n < 400 || w > 60 {
		t.Errorf("of 600 windows of the second kind %d are held back by who has not seen it, %d by who has; want at least 400, at most 60", n, w)
	}
}

// TestLookIsHjorths: activity and mobility, by their definition.
func TestLookIsHjorths(t *testing.T) {
	got := lookOf(nil, signal.Window{X: [][]float64{{1, 3, -1, 5}, {2, 2, 2, 2}}})
	// mean 2, squares of deviations 1 1 9 9: variance 5; squares of differences 4 16 36
	if want := math.Log(5.0); math.Abs(got[0]-want) > 1e-12 {
		t.Errorf("activity %g, want %g", got[0], want)
	}
	if want := math.Log(math.Sqrt(56.0 / 20)); math.Abs(got[1]-want) > 1e-12 {
		t.Errorf("mobility %g, want %g", got[1], want)
	}
	if !math.IsNaN(got[2]) || !math.IsNaN(got[3]) {
		t.Errorf("a flat channel looks like %v", got[2:])
	}
}

// TestLikeness: rest of the same kind counts, a rhythm that comes up is held back within seconds, and so long as it lasts; a
// channel that falls off is as well. What is saved comes back.
func TestLikeness(t *testing.T) {
	var p, loaded Pipeline
	rest, times := rhythm(1, 0.2)
	if err := p.FitLikeness(rest, tenths(rest, times)); err != nil {
		t.Fatal(err)
	}
	if err := loaded.likeness.SetState(p.likeness.State()); err != nil {
		t.Fatal(err)
	}
	part := func(held []bool) float64 {
		n := 0
		for _, h := range held {
			if h {
				n++
			}
		}
		return float64(n) / float64(len(held))
	}
	same, _ := rhythm(2, 0.2)
	if h := part(loaded.HeldBack(same, times)); h > 0.05 {
		t.Errorf("of rest of the same kind %.3f is held back", h)
	}
	other, _ := rhythm(3, 2)
	if h := part(loaded.HeldBack(other, times)); h < 1 {
		t.Errorf("of rest of another kind %.3f is held back", h)
	}
	copy(other[:300], same[:300])
	if held := loaded.HeldBack(other, times); part(held[20:300]) > 0.05 || part(held[330:]) < 1 {
		t.Errorf("before the change %.3f is held back, 3 s behind it %.3f", part(held[20:300]), part(held[330:]))
	}
	for i := 300; i < 600; i++ {
		other[i] = append([]float64{math.NaN(), math.NaN()}, same[i][2:]...)
	}
	if held := loaded.HeldBack(other, times); part(held[330:]) < 1 {
		t.Errorf("with a flat channel %.3f is held back", part(held[330:]))
	}
	var none Pipeline
	if err := none.likeness.SetState(nil); err != nil || part(none.HeldBack(other, times)) > 0 {
		t.Errorf("a model that knows no rest holds back (%v)", err)
	}
	bad := p.likeness.State()
	was := bad["deviation"].Data[1]
	bad["deviation"].Data[1] = math.NaN()
	if err := none.likeness.SetState(bad); err == nil || !strings.Contains(err.Error(), "value 1") {
		t.Errorf("a deviation of NaN: %v", err)
	}
	bad["deviation"].Data[1] = was
	bad["limit"].Data[0] = math.Inf(1)
	if err := none.likeness.SetState(bad); err == nil || !strings.Contains(err.Error(), "the limit is +Inf") {
		t.Errorf("a limit of infinity: %v", err)
	}
	old := p.likeness.State()
	delete(old, "limit")
	if err := none.likeness.SetState(old); err != nil || none.likeness.limit != lookLimit {
		t.Errorf("a model from before limits: %v, limit %g", err, none.likeness.limit)
	}
	if err := p.FitLikeness(rest, nil); err == nil {
		t.Error("rest that is not cut into parts has a limit")
	}
}
