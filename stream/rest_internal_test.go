package stream

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// TestRestBlocks: every window at rest is in one block, and none of the others of a block shares a sample with it. A part of the
// rest is told with all windows of its stretch, so that the average over them goes on as live.
func TestRestBlocks(t *testing.T) {
	var runs []restRun
	for r, n := range []int{37, 1, 62} {
		run := restRun{step: 0.5, window: 2, Stretch: decoders.Stretch{}}
		for i := range n {
			run.Rest = append(run.Rest, i%7 != 3)
			run.Times = append(run.Times, 2+0.5*float64(i))
			run.looks = append(run.looks, []float64{float64(100*r + i)})
		}
		runs = append(runs, run)
	}
	times, blocks := map[float64]int{}, 0
	parts := partsOf(runs)
	for in, others := range blocksOf(runs) {
		var looks, apart []float64
		for r, run := range runs {
			for i := range run.Rest {
				id := run.looks[i][0]
				if in[r][i] {
					times[id]++
					looks = append(looks, id)
				}
				want := run.Rest[i]
				for k := range run.Rest {
					if in[r][k] && run.Times[k]-2 < run.Times[i] && run.Times[i]-2 < run.Times[k] {
						want = false
					}
				}
				// windows that only touch may be left out as well
				touches := slices.ContainsFunc([]int{i - 4, i + 4}, func(k int) bool { return k >= 0 && k < len(run.Rest) && in[r][k] })
				if others[r][i] != want && !touches {
					t.Fatalf("block %d: window %d of run %d is among the others: %t, want %t", blocks, i, r, others[r][i], want)
				}
				if others[r][i] {
					apart = append(apart, id)
				}
			}
		}
		var got, told []float64
		nth := map[float64]int{} // of the windows at rest
		for r, run := range runs {
			for i, rest := range run.Rest {
				if rest {
					nth[float64(100*r+i)] = len(nth)
				}
			}
		}
		for i, x := range parts[blocks].Looks {
			if parts[blocks].In[i] {
				got = append(got, x[0])
			}
			if n, ok := nth[x[0]]; !ok && parts[blocks].At[i] != -1 || ok && parts[blocks].At[i] != n {
				t.Errorf("block %d: window %g is number %d at rest, want %d (%t)", blocks, x[0], parts[blocks].At[i], n, ok)
			}
			if begins := int(x[0])%100 == 0; begins != parts[blocks].Begins[i] {
				t.Errorf("block %d: window %g begins a stretch: %t", blocks, x[0], !begins)
			}
		}
		for _, x := range parts[blocks].Others {
			told = append(told, x[0])
		}
		if !slices.Equal(got, looks) || !slices.Equal(told, apart) {
			t.Errorf("block %d: windows %v and others %v, want %v and %v", blocks, got, told, looks, apart)
		}
		blocks++
	}
	if blocks != RestBlocks {
		t.Errorf("%d blocks", blocks)
	}
	for r, run := range runs {
		for i, rest := range run.Rest {
			if n := times[float64(100*r+i)]; n != map[bool]int{true: 1}[rest] {
				t.Errorf("window %d of run %d, at rest %t, is in %d blocks", i, r, rest, n)
			}
		}
	}
}

// TestRestLetThrough: what the guard holds back is no rest for the threshold, as it is none live: the other windows keep their times,
// with the gap.
func TestRestLetThrough(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	run := restRun{step: 0.1, window: 1}
	for i := range 600 {
		look := []float64{rng.NormFloat64(), rng.NormFloat64()}
		if 200 <= i && i < 240 {
			look[0] += 8
		}
		run.looks, run.Times, run.Rest, run.Scores = append(run.looks, look), append(run.Times, 1+0.1*float64(i)), append(run.Rest, true), append(run.Scores, []float64{float64(i), 1})
	}
	var p pipeline.Pipeline
	if _, err := p.FitLikeness(looksOf([]restRun{run}), partsOf([]restRun{run})); err != nil {
		t.Fatal(err)
	}
	got := letThrough(&p, []restRun{run})[0]
	passed := map[int]bool{}
	for k, row := range got.Scores {
		i := int(row[0])
		if passed[i] = true; got.Times[k] != run.Times[i] || !got.Rest[k] {
			t.Errorf("window %d comes at %g s, at rest %t", i, got.Times[k], got.Rest[k])
		}
	}
	for i, held := range p.HeldBack(run.looks, run.Times) {
		if held == passed[i] || passed[i] && 210 <= i && i < 240 {
			t.Errorf("window %d, held back %t, is there: %t", i, held, passed[i])
		}
	}
	if len(passed) != len(got.Rest) || len(passed) < 500 {
		t.Errorf("%d windows, %d are let through", len(got.Rest), len(passed))
	}
}

// TestRestNeed: a block of rest of the least length that is promised to be enough is so where a stretch as long as a tenth, a window and
// what they leave in the average is held back, and one a window shorter is not.
func TestRestNeed(t *testing.T) {
	for _, need := range []RestNeed{
		{asked: 5, least: 360, step: 0.1, window: 3, guarded: true},
		{asked: 5, least: 360, step: 0.1, window: 3},
		{asked: 1, least: 4494, step: 0.04, window: 0.5, guarded: true},
		{asked: 30, least: 6, step: 1, window: 2.5, guarded: true},
	} {
		enough := func(rows int) *RestLackError {
			all := rests{restS: float64(rows-1)*need.step + need.window}
			run := restRun{step: need.step, window: need.window}
			for i := range rows {
				run.Rest, run.Times, run.Scores = append(run.Rest, true), append(run.Times, float64(i)*need.step), append(run.Scores, nil)
			}
			all.runs = []restRun{run}
			held := 0
			if need.guarded {
				held = (rows+9)/10 + int(math.Ceil((need.window+2*math.Log2(10))/need.step)) // from 10 deviations to 1 with a half-life of 2 s
			}
			short := run
			short.Rest, short.Times, short.Scores = run.Rest[held:], run.Times[held:], run.Scores[held:]
			return all.lack(need, []restRun{short})
		}
		rows := int(math.Round((need.BlockS()-need.window)/need.step)) + 1
		if l := enough(rows); l != nil {
			t.Errorf("%+v: %g s are not enough: %v", need, need.BlockS(), l)
		}
		l := enough(rows - 1)
		if l == nil || l.AllS <= l.RestS || l.AllS > 1.05*need.BlockS() {
			t.Errorf("%+v: a window less than %g s: %+v", need, need.BlockS(), l)
		}
		if need.LeastS() > need.BlockS() {
			t.Errorf("%+v: at least %g s, but %g are enough", need, need.LeastS(), need.BlockS())
		}
	}
}
