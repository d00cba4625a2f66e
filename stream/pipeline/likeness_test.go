package pipeline

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
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
		part := RestPart{Looks: looks, Times: times, Begins: make([]bool, 600), At: make([]int, 600), In: make([]bool, 600)}
		part.Begins[0] = true
		for i, x := range looks {
			part.At[i] = i
			part.In[i] = 60*b <= i && i < 60*b+60
			if i < 60*b-10 || i >= 60*b+70 {
				part.Others = append(part.Others, x)
			}
		}
		p = append(p, part)
	}
	return p
}

// naiveMedian is the middle of the values that are there.
func naiveMedian(x []float64) float64 {
	var v []float64
	for _, one := range x {
		if !math.IsNaN(one) {
			v = append(v, one)
		}
	}
	sort.Float64s(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// naiveLimit is the definition: of all stretches of 60 windows, every sixth begin and the last one, that without which the rest goes
// least far from its own other tenths. The average of z-scores weighs each window that is not left out by the time behind it, and what
// comes before the first counts as if it were like that one.
func naiveLimit(rest [][]float64, times []float64) float64 {
	limit := math.Inf(1)
	var z [10][][]float64
	for b, part := range tenths(rest, times) {
		for _, x := range rest {
			z[b] = append(z[b], slices.Clone(x))
		}
		for k := range rest[0] {
			var all, away []float64
			for _, x := range part.Others {
				all = append(all, x[k])
			}
			middle := naiveMedian(all)
			for _, v := range all {
				away = append(away, math.Abs(v-middle))
			}
			for i := range z[b] {
				z[b][i][k] = min(max((rest[i][k]-middle)/(naiveMedian(away)/0.6744897501960817), -10), 10)
			}
		}
	}
	for from := 0; from <= 540; from += 6 {
		worst := 0.0
		for b := range 10 {
			for i := 60 * b; i < 60*b+60; i++ {
				if from <= i && i < from+60 {
					continue
				}
				sum := 0.0
				for k := range rest[i] {
					average, before := 0.0, 1.0
					for j := i; j >= 0; j-- {
						if from <= j && j < from+60 {
							continue
						}
						next := j - 1
						if from <= next && next < from+60 {
							next = from - 1
						}
						weight := before
						if next >= 0 {
							weight *= 1 - math.Exp2(-(times[j]-times[next])/2)
						}
						average += weight * z[b][j][k]
						before -= weight
					}
					sum += average * average
				}
				worst = max(worst, math.Sqrt(sum/float64(len(rest[i]))))
			}
		}
		limit = min(limit, worst)
	}
	return limit
}

// TestLikenessLimit: the limit is the definition's, of clean rest and of rest with an artefact.
func TestLikenessLimit(t *testing.T) {
	for _, spoilt := range []bool{false, true} {
		rest, times := rhythm(1, 0.2)
		if spoilt {
			for i := 207; i < 240; i++ {
				rest[i] = []float64{5, -3, rest[i][2], 1}
			}
		}
		var p Pipeline
		g, err := p.FitLikeness(rest, tenths(rest, times))
		if err != nil {
			t.Fatal(err)
		}
		if want := naiveLimit(rest, times); math.Abs(g.Limit-want) > 1e-9 || p.likeness.limit != g.Limit || g.Channels != 2 || g.Of != 2 || g.Windows != 600 || g.Flat != 0 {
			t.Errorf("spoilt %t: %+v, want a limit of %g", spoilt, g, want)
		}
	}
	rest, times := rhythm(1, 0.2)
	if _, err := looking(rest[:1], nil); err == nil {
		t.Error("one window is enough to say what rest looks like")
	}
	if _, err := new(Pipeline).FitLikeness(rest, tenths(rest, times)[:1]); err == nil || !strings.Contains(err.Error(), "at least 2") {
		t.Errorf("one part: %v", err)
	}
}

// TestLikenessOfSpoiltRest: 3 s of artefact, or of a stream that stands still, anywhere in a minute of rest hardly move the limit, and
// take no channel away: rest of another kind is held back as with clean rest. Flat windows are counted.
func TestLikenessOfSpoiltRest(t *testing.T) {
	clean, times := rhythm(1, 0.2)
	whole := 0.0 // how far clean rest goes where nothing is left out
	for _, part := range tenths(clean, times) {
		others, err := looking(part.Others, nil)
		if err != nil {
			t.Fatal(err)
		}
		whole = max(whole, others.farthest(part, -2, -2))
	}
	other, _ := rhythm(3, 2)
	none := math.NaN()
	for name, spoil := range map[string]func(x []float64) []float64{
		"an artefact of 5 times the amplitude": func(x []float64) []float64 {
			return []float64{x[0] + 2*math.Log(5), x[1], x[2] + 2*math.Log(5), x[3]}
		},
		"nothing":                   func([]float64) []float64 { return []float64{none, none, none, none} },
		"nothing, through a filter": func([]float64) []float64 { return []float64{-60, -4, -60, -4} },
		"one channel flat":          func(x []float64) []float64 { return []float64{none, none, x[2], x[3]} },
	} {
		for _, from := range []int{0, 100, 205, 240, 560} { // 3 s and a window of 1 s: 40 windows. A median of 530 moves by 0.09 deviations
			rest := slices.Clone(clean)
			flat := 0
			for i := from; i < from+40; i++ {
				if rest[i] = spoil(rest[i]); math.IsNaN(rest[i][0]) {
					flat++
				}
			}
			var q Pipeline
			g, err := q.FitLikeness(rest, tenths(rest, times))
			if err != nil || g.Channels != 2 || g.Flat != flat || g.Limit > 1.2*whole {
				t.Errorf("%s from window %d on: %+v, %v; clean rest goes %g far", name, from, g, err, whole)
			}
			for i, held := range q.HeldBack(other, times) {
				if !held && i > 20 {
					t.Errorf("%s from window %d on: window %d of rest of another kind passes", name, from, i)
					break
				}
			}
		}
	}
	gone := slices.Clone(clean)
	for i := range gone {
		gone[i] = []float64{none, none, none, none}
	}
	if _, err := new(Pipeline).FitLikeness(gone, tenths(gone, times)); err == nil || !strings.Contains(err.Error(), "of 600 windows at rest 600 have a channel that is flat") {
		t.Errorf("flat rest: %v", err)
	}
	for i := range gone {
		gone[i] = append([]float64{none, none}, clean[i][2:]...)
	}
	if g, err := new(Pipeline).FitLikeness(gone, tenths(gone, times)); err != nil || g.Channels != 1 || g.Flat != 600 {
		t.Errorf("one channel of rest is flat: %+v, %v", g, err)
	}
}

// TestLikenessLearnsDrift: rest that goes on from one kind to another says that it may, where that lasts for longer than the tenth
// that is left out. Of k tenths of that kind the limit is the farthest but one, so that a further tenth goes beyond it somewhere with a
// probability of 2/(k+1): no more of later rest of that kind is held back.
func TestLikenessLearnsDrift(t *testing.T) {
	const seeds = 8
	later := func(rest [][]float64, times []float64, seed uint64) (part float64) {
		var p Pipeline
		if _, err := p.FitLikeness(rest, tenths(rest, times)); err != nil {
			t.Fatal(err)
		}
		looks, times := rhythm(seed, 0.6)
		for _, h := range p.HeldBack(looks, times) {
			if h {
				part += 1.0 / 600
			}
		}
		return part
	}
	for _, k := range []int{0, 2, 3, 4} {
		sum := 0.0
		for seed := range uint64(seeds) {
			rest, times := rhythm(100+seed, 0.2)
			strong, _ := rhythm(200+seed, 0.6)
			copy(rest[600-60*k:], strong[600-60*k:])
			sum += later(rest, times, 300+seed) / seeds
		}
		t.Logf("%d tenths of the second kind: %.3f of later rest of it held back", k, sum)
		if k == 0 && sum < 2.0/3 || k > 0 && sum > 2/float64(k+1) {
			t.Errorf("%d tenths of the second kind: %.3f of later rest of it held back, want at least 2/3 of a kind that was not seen, else at most %.3f", k, sum, 2/float64(k+1))
		}
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
	if _, err := p.FitLikeness(rest, tenths(rest, times)); err != nil {
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
	if _, err := p.FitLikeness(rest, nil); err == nil {
		t.Error("rest that is not cut into parts has a limit")
	}
}

// TestLikenessNames: of what is unlike the rest the farthest channels are named, with what about them and how many deviations, once each.
func TestLikenessNames(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	p := Pipeline{front: front{out: &signal.Info{Channels: []signal.Channel{{Name: "C3"}, {Name: "Cz"}, {Name: "C4"}, {Name: "O1"}, {Name: "O2"}}}}}
	var rest [][]float64
	var times []float64
	for i := range 600 {
		x := make([]float64, 10)
		for k := range x {
			x[k] = float64(k) + 2*rng.NormFloat64()
		}
		x[9] = 0.25 // the same in all windows: not compared
		rest, times = append(rest, x), append(times, float64(i)/10+1)
	}
	if _, err := p.FitLikeness(rest, tenths(rest, times)); err != nil {
		t.Fatal(err)
	}
	var other [][]float64
	for i := range 101 {
		x := slices.Clone(rest[i])
		x[2], x[3] = 2+2*5, 3-2*8 // Cz: power +5, mobility −8 deviations of 2
		x[4] = 4 - 2*30           // C4: power −30
		x[9] = 100
		if i%2 == 0 { // in 51 of 101
			x[6], x[7] = math.NaN(), math.NaN()
		}
		other = append(other, x)
	}
	got := p.Farthest(other)
	if len(got) != 3 || got[0].String() != "O1 flat" || got[1].Channel != "C4" || got[1].What != "power" || math.Abs(got[1].SD+30) > 3 || got[2].Channel != "Cz" || got[2].What != "mobility" || math.Abs(got[2].SD+8) > 0.8 {
		t.Errorf("the farthest are %v", got)
	}
	p.likeness.reset()
	p.likeness.far(other[1], 1) // live, from its first window on
	if now := p.farthestNow(other[1]); now[0].String() != "C4 power -10.0" || now[1].Channel != "Cz" || now[1].What != "mobility" {
		t.Errorf("live the farthest are %v", now)
	}
}
