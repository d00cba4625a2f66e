package evidence_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/evidence"
	"github.com/gyrus-bci/gyrus/ingest/registry"
)

// plain has all stages off but the threshold.
func plain() *evidence.Accumulator {
	return &evidence.Accumulator{Lapse: 1e-9, Enter: math.Log(4), Dwell: 1, Rest: -1}
}

func push(t testing.TB, a *evidence.Accumulator, at float64, scores ...float64) (int, float64) {
	t.Helper()
	label, confidence, err := a.Push(scores, at)
	if err != nil {
		t.Fatal(err)
	}
	return label, confidence
}

// labels is the label of every row of probabilities of class 1 of 2, step 0.1 s.
func labels(t testing.TB, a *evidence.Accumulator, p ...float64) string {
	t.Helper()
	var b strings.Builder
	for i, v := range p {
		label, _ := push(t, a, float64(i)/10, 1-v, v)
		if label == evidence.NoControl {
			b.WriteByte('.')
		} else {
			fmt.Fprint(&b, label)
		}
	}
	return b.String()
}

func TestStages(t *testing.T) {
	for _, tc := range []struct {
		name string
		set  func(a *evidence.Accumulator)
		p    []float64
		want string
	}{
		{"threshold of 4 to 1", func(*evidence.Accumulator) {}, []float64{0.5, 0.79, 0.81, 0.19, 0.21, 0.9}, "..10.1"},
		{"dwell of 3", func(a *evidence.Accumulator) { a.Dwell = 3 }, []float64{0.9, 0.9, 0.1, 0.9, 0.9, 0.9, 0.9, 0.5, 0.9, 0.9, 0.9}, ".....1....1"},
		{"refractory for 0.25 s", func(a *evidence.Accumulator) { a.Refractory = 0.25 }, []float64{0.9, 0.9, 0.9, 0.9, 0.9}, "1..1."},
		{"refractory, then dwell starts anew", func(a *evidence.Accumulator) { a.Refractory, a.Dwell = 0.25, 2 }, []float64{0.9, 0.9, 0.9, 0.9, 0.9, 0.9}, ".1...1"},
		{"hysteresis", func(a *evidence.Accumulator) { a.Hold = true }, []float64{0.7, 0.9, 0.6, 0.51, 0.49, 0.7, 0.9}, ".111..1"},
		{"hysteresis goes over to the other class", func(a *evidence.Accumulator) { a.Hold = true }, []float64{0.9, 0.1, 0.4, 0.6}, "100."},
		{"hysteresis and refractory", func(a *evidence.Accumulator) { a.Hold, a.Refractory = true, 0.15 }, []float64{0.9, 0.1, 0.1, 0.1}, "1..0"},
		{"rest is never decided for", func(a *evidence.Accumulator) { a.Rest = 0 }, []float64{0.01, 0.3, 0.9, 0.1}, "..1."},
	} {
		a := plain()
		tc.set(a)
		if got := labels(t, a, tc.p...); got != tc.want {
			t.Errorf("%s: labels %s, want %s", tc.name, got, tc.want)
		}
		a.Reset()
		if got := labels(t, a, tc.p...); got != tc.want {
			t.Errorf("%s: labels %s behind Reset, want %s", tc.name, got, tc.want)
		}
	}
}

// TestBayes compares with the sum of the definition: Σ_i 2^(−(t−t_i)/half_life)·ln p_i, as odds among three classes.
func TestBayes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const half, lapse = 0.7, 0.05
	a := &evidence.Accumulator{HalfLife: half, Lapse: lapse, Enter: 100, Dwell: 1, Rest: 2}
	var rows [][]float64
	var times []float64
	now := 5.0
	for range 200 {
		now += 0.05 + 0.1*rng.Float64()
		row := []float64{rng.Float64(), rng.Float64(), rng.Float64()}
		rows, times = append(rows, row), append(times, now)
		label, got := push(t, a, now, row...)
		if label != evidence.NoControl {
			t.Fatalf("decided for %d below the threshold", label)
		}
		post := make([]float64, 3)
		for i, row := range rows {
			sum := row[0] + row[1] + row[2]
			for k, p := range row {
				post[k] += math.Exp2(-(now-times[i])/half) * math.Log((1-lapse)*p/sum+lapse/3)
			}
		}
		total := math.Exp(post[0]) + math.Exp(post[1]) + math.Exp(post[2])
		if want := math.Exp(max(post[0], post[1])) / total; math.Abs(got-want) > 1e-12 {
			t.Fatalf("at %g s: confidence %.15g, want %.15g", now, got, want)
		}
	}
}

// TestEvidenceAddsUp: rows of 0.7 each are not enough for 0.9; three independent ones are: 0.7³ to 0.3³.
func TestEvidenceAddsUp(t *testing.T) {
	a := evidence.New()
	a.HalfLife, a.Lapse = 1e12, 1e-12
	for i, want := range []int{-1, -1, 1} {
		if got, confidence := push(t, a, float64(i), 0.3, 0.7); got != want {
			t.Errorf("row %d: label %d with %.3f, want %d", i, got, confidence, want)
		}
	}
	if got, _ := push(t, a, 10, 0.3, 0.7); got != evidence.NoControl {
		t.Error("evidence is used twice")
	}
}

// TestCertainScores: 0 and 1 are bounded by the lapse, so later rows can turn the decision.
func TestCertainScores(t *testing.T) {
	a := &evidence.Accumulator{HalfLife: 1, Lapse: 0.02, Enter: 2, Dwell: 1, Hold: true, Rest: -1}
	if label, confidence := push(t, a, 0, 0, 1); label != 1 || math.Abs(confidence-0.99) > 1e-12 {
		t.Errorf("label %d with %g, want 1 with 0.99", label, confidence)
	}
	push(t, a, 1, 1, 0)
	if label, _ := push(t, a, 2, 1, 0); label != 0 {
		t.Errorf("label %d, want 0", label)
	}
}

func rest(seed uint64, n int) [][]float64 {
	rng := rand.New(rand.NewPCG(seed, 1))
	rows := make([][]float64, n)
	level := 0.0
	for i := range rows { // neighbouring rows are alike, as windows that overlap make them
		level = 0.8*level + 0.6*rng.NormFloat64()
		p := 1 / (1 + math.Exp(-1.5*level))
		rows[i] = []float64{p, 1 - p}
	}
	return rows
}

// one is rest data of one stretch.
func one(rows [][]float64) []decoders.Stretch { return []decoders.Stretch{{Scores: rows}} }

// count is the decisions that begin in rows 0.1 s apart, counted as the definition says.
func count(t testing.TB, a *evidence.Accumulator, rows [][]float64) (n int) {
	t.Helper()
	a.Reset()
	before := evidence.NoControl
	for i, row := range rows {
		label, _ := push(t, a, float64(i)*0.1, row...)
		if label != evidence.NoControl && (!a.Hold || label != before) {
			n++
		}
		before = label
	}
	return n
}

// kinds of accumulator whose threshold rest data set.
func kinds() map[string]*evidence.Accumulator {
	return map[string]*evidence.Accumulator{
		"one row": {Lapse: 0.001, Dwell: 1, Rest: -1, Refractory: 1},
		"bayes":   {HalfLife: 2, Lapse: 0.001, Dwell: 1, Rest: -1, Refractory: 1},
		"dwell":   {HalfLife: 0.5, Lapse: 0.001, Dwell: 4, Rest: -1, Refractory: 2},
		"hold":    {HalfLife: 0.5, Lapse: 0.001, Dwell: 2, Hold: true, Leave: 0.5, Rest: -1, Refractory: 0.5},
		"rest":    {HalfLife: 0.5, Lapse: 0.001, Dwell: 1, Rest: 0, Refractory: 1},
	}
}

// TestAllowed: the table of the Poisson distribution, Pr(X <= n) = Σ e^−m·m^k/k!, is at most 5 % at the ceiling for what
// is allowed and above it for one more.
func TestAllowed(t *testing.T) {
	for _, expected := range []float64{1, 2.9, 3.1, 5, 10, 20, 50} { // events at the ceiling: 2 a minute for half as many minutes
		n := evidence.Allowed(expected/2, 2, 0.95)
		below := func(n int) (p float64) {
			term := math.Exp(-expected)
			for k := 0; k <= n; k++ {
				p += term
				term *= expected / float64(k+1)
			}
			return p
		}
		if below(n) > 0.05 || below(n+1) <= 0.05 {
			t.Errorf("%g events expected: %d allowed, with %.3f, one more with %.3f; must be at most 0.05 and above", expected, n, below(n), below(n+1))
		}
	}
}

// TestFitRest: on the data it was set with there are no more decisions than allowed, and a lower threshold, the next that
// occurs, would exceed that. On new rest data, over many seeds, the mean rate is at most the one asked for, and it is above
// it in at most the part of the seeds that the certainty leaves, within what chance allows.
func TestFitRest(t *testing.T) {
	const step, minutes, asked, seeds = 0.1, 5, 2.0, 40
	for name, a := range kinds() {
		a.FalsePerMin, a.Certainty = asked, 0.95
		allowed := evidence.Allowed(minutes, asked, 0.95)
		over, sum := 0, 0.0
		for seed := range uint64(seeds) {
			data := rest(2*seed, 600*minutes)
			if err := a.FitRest(one(data), step); err != nil {
				t.Fatal(err)
			}
			if got, err := a.FalseDecisions(one(data), step); err != nil || got.Begun != count(t, a, data) || got.Count() > allowed {
				t.Fatalf("%s, seed %d: %+v, %v; counted %d, allowed %d", name, seed, got, err, count(t, a, data), allowed)
			}
			rate := float64(count(t, a, rest(2*seed+1, 600*15))) / 15
			if sum += rate; rate > asked {
				over++
			}
			if seed == 0 {
				enter := a.Enter
				a.Enter -= 0.3
				if n, _, _ := tally(t, a, data); n <= allowed {
					t.Errorf("%s: a lower threshold gives %d decisions, not more than %d", name, n, allowed)
				}
				a.Enter = enter
			}
		}
		t.Logf("%s: mean %.2f a minute on new rest, %g asked for; above it with %d of %d seeds", name, sum/seeds, asked, over, seeds)
		if sum/seeds > asked || sum/seeds < asked/8 {
			t.Errorf("%s: %.2f decisions a minute on new rest data, must be at most %g and not far below", name, sum/seeds, asked)
		}
		if over > 6 { // 2 expected of 40 at 5 %; more than 6 has the probability 0.3 %
			t.Errorf("%s: the rate is above the ceiling with %d of %d seeds, must be about 5 %% at most", name, over, seeds)
		}
	}
}

// tally is what is decided in rows 0.1 s apart, by the definition: every run of rows with one decision that is held is a list of its
// own; it counts once and once more for each second behind the first that it reaches into, and only its first row is free.
func tally(t testing.TB, a *evidence.Accumulator, rows [][]float64) (counts, free, decided int) {
	t.Helper()
	a.Reset()
	var lengths []int
	before := evidence.NoControl
	for i, row := range rows {
		label, _ := push(t, a, float64(i)*0.1, row...)
		switch {
		case label == evidence.NoControl:
			free++
		case !a.Hold || label != before:
			free++
			lengths = append(lengths, 1)
		default:
			lengths[len(lengths)-1]++
		}
		before = label
	}
	for _, n := range lengths {
		counts += 1 + (n-1)/10
		decided += n
	}
	return counts, free, decided
}

// TestFalseDecisionsHeld: a decision that is held counts again for each second, its time is none in which another could begin, and
// rows that are not rest belong to neither.
func TestFalseDecisionsHeld(t *testing.T) {
	yes, no := []float64{0.01, 0.99}, []float64{0.5, 0.5}
	a := plain()
	a.Hold, a.Leave = true, 1
	for _, tc := range []struct {
		rows       [][]float64
		busy       []int // rows that are not rest, from and to
		want       decoders.FalseDecisions
		count      int
		stepInMS   int
		whatItIsOf string
	}{
		{slices.Concat(slices.Repeat([][]float64{no}, 5), slices.Repeat([][]float64{yes}, 10), slices.Repeat([][]float64{no}, 5)), nil, decoders.FalseDecisions{Begun: 1, Free: 11, Decided: 10}, 1, 100, "one of 1 s"},
		{slices.Concat(slices.Repeat([][]float64{yes}, 11), slices.Repeat([][]float64{no}, 5)), nil, decoders.FalseDecisions{Begun: 1, Again: 1, Free: 6, Decided: 11}, 2, 100, "one of 1.1 s"},
		{slices.Repeat([][]float64{yes}, 600), nil, decoders.FalseDecisions{Begun: 1, Again: 59, Free: 1, Decided: 600}, 60, 100, "one of a minute"},
		{slices.Repeat([][]float64{yes}, 600), []int{0, 585}, decoders.FalseDecisions{Again: 1, Decided: 15}, 1, 100, "one that began elsewhere, 1.5 s at rest"},
		{slices.Concat([][]float64{yes}, slices.Repeat([][]float64{no}, 3), [][]float64{yes, yes}), nil, decoders.FalseDecisions{Begun: 2, Again: 3, Free: 5, Decided: 3}, 5, 2000, "rows 2 s apart: of one row, and of two"},
	} {
		flags := slices.Repeat([]bool{true}, len(tc.rows))
		if tc.busy != nil {
			clear(flags[tc.busy[0]:tc.busy[1]])
		}
		got, err := a.FalseDecisions([]decoders.Stretch{{Scores: tc.rows, Rest: flags}}, float64(tc.stepInMS)/1000)
		if err != nil || got.Begun != tc.want.Begun || got.Again != tc.want.Again || got.Free != tc.want.Free || got.Decided != tc.want.Decided || got.Count() != tc.count {
			t.Errorf("%s: %+v, %v; want %+v", tc.whatItIsOf, got, err, tc.want)
		}
	}
	// Rows that are missing, as the stream was unlike the rest there: a controller heard nothing meanwhile, and hears the decision anew.
	times := []float64{0, 0.1, 0.2, 0.8, 0.9}
	got, err := a.FalseDecisions([]decoders.Stretch{{Scores: slices.Repeat([][]float64{yes}, 5), Times: times}}, 0.1)
	if err != nil || got.Begun != 2 || got.Again != 0 || got.Free != 2 || got.Decided != 5 {
		t.Errorf("behind rows that are missing: %+v, %v", got, err)
	}
}

// TestFitRestHoldsForEver: where no row at rest would end a decision, nothing can bound how long a false one lasts.
func TestFitRestHoldsForEver(t *testing.T) {
	a := evidence.New()
	a.Hold, a.Leave, a.FalsePerMin = true, -1000, 5
	if err := a.FitRest(one(rest(1, 3000)), 0.1); err == nil || !strings.Contains(err.Error(), "leave_nats is -1000, and no row at rest has odds of class 0 below it") || a.State() != nil {
		t.Errorf("error %v, state %v", err, a.State())
	}
}

// TestFitRestHolds: where decisions are held, the threshold keeps the rate with each second of them counted, and new
// rest is in a false decision for at most as many seconds of the minute as decisions were asked for.
func TestFitRestHolds(t *testing.T) {
	const step, minutes, asked, seeds = 0.1, 5, 5.0, 20
	for _, leave := range []float64{1, 0, -1, -3} {
		free, decided, counts := 0, 0, 0
		for seed := range uint64(seeds) {
			a := evidence.New()
			a.Hold, a.Leave, a.FalsePerMin = true, leave, asked
			data := rest(2*seed, 600*minutes)
			if err := a.FitRest(one(data), step); err != nil {
				t.Fatal(err)
			}
			got, err := a.FalseDecisions(one(data), step)
			n, open, standing := tally(t, a, data)
			if err != nil || got.Count() != n || got.Free != open || got.Decided != standing || n > evidence.Allowed(float64(open)*step/60, asked, 0.95) {
				t.Fatalf("leave %g, seed %d: %+v, %v; by the definition %d in %d rows, %d decided, %d allowed", leave, seed, got, err, n, open, standing, evidence.Allowed(float64(open)*step/60, asked, 0.95))
			}
			n, open, standing = tally(t, a, rest(2*seed+1, 600*minutes))
			counts, free, decided = counts+n, free+open, decided+standing
		}
		rate, share := float64(counts)/(float64(free)*step/60), float64(decided)/(600*minutes*seeds)
		t.Logf("leave %g: %.2f a minute on new rest, %.4f of it in a decision", leave, rate, share)
		if rate > asked || share > asked/60 {
			t.Errorf("leave %g: %.2f a minute on new rest, %.4f of it in a decision; at most %g, %.4f", leave, rate, share, asked, asked/60)
		}
	}
}

// TestFitRestFlags: rows that are not rest feed the evidence but count neither as time nor as false decisions.
func TestFitRestFlags(t *testing.T) {
	rows, flags := rest(1, 6000), make([]bool, 6000)
	for i := range rows {
		if flags[i] = i%100 < 60; !flags[i] {
			rows[i] = []float64{0.999, 0.001} // somebody acts
		}
	}
	a := &evidence.Accumulator{Lapse: 0.001, Dwell: 1, Rest: -1, Refractory: 0.3, FalsePerMin: 2, Certainty: 0.95}
	s := []decoders.Stretch{{Scores: rows, Rest: flags}}
	if err := a.FitRest(s, 0.1); err != nil {
		t.Fatal(err)
	}
	n, all := 0, 0
	a.Reset()
	for i, row := range rows {
		if label, _ := push(t, a, float64(i)*0.1, row...); label != evidence.NoControl {
			if all++; flags[i] {
				n++
			}
		}
	}
	if got, err := a.FalseDecisions(s, 0.1); err != nil || got.Begun != n || got.Again > 0 || n > evidence.Allowed(6, 2, 0.95) || all < 100 {
		t.Errorf("%+v, %v; counted %d at rest and %d in all", got, err, n, all)
	}
}

func TestFitRestErrors(t *testing.T) {
	for _, tc := range []struct {
		rows            [][]float64
		step, rate, cer float64
		want            string
	}{
		{rest(1, 100), 0.1, 2, 0.95, "10 s of rest cannot show with a certainty of 0.95 that there are at most 2 decisions a minute: that takes at least 90 s in which one could be made"},
		{nil, 0.1, 2, 0.95, "0 s of rest"},
		{rest(1, 100), 0, 2, 0.95, "0 s apart"},
		{rest(1, 100), 0.1, math.NaN(), 0.95, "false_per_min is 0"},
		{rest(1, 100), 0.1, math.Inf(1), 0.95, "false_per_min is +Inf"},
		{rest(1, 100), 0.1, 2, 1, "certainty is 1"},
		{append(rest(1, 1200), []float64{math.NaN(), 1}), 0.1, 2, 0.95, "row 1200"},
	} {
		a := evidence.New()
		a.FalsePerMin, a.Certainty = tc.rate, tc.cer
		before := a.Enter
		if err := a.FitRest(one(tc.rows), tc.step); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error is %v, must contain %q", err, tc.want)
		}
		if a.Enter != before || a.State() != nil {
			t.Errorf("%s: the threshold was changed", tc.want)
		}
	}
}

// TestRestState: a threshold that rest data must set is asked for, saved and put back.
func TestRestState(t *testing.T) {
	a := evidence.New()
	a.FalsePerMin = 2
	if _, _, err := a.Push([]float64{0.5, 0.5}, 0); err == nil || !strings.Contains(err.Error(), "has not been set from rest data") {
		t.Errorf("before the fit: %v", err)
	}
	if err := a.SetState(nil); err == nil {
		t.Error("no state is no error")
	}
	if err := a.FitRest(one(rest(1, 3000)), 0.1); err != nil {
		t.Fatal(err)
	}
	b := evidence.New()
	if err := b.SetState(a.State()); err == nil {
		t.Error("a threshold from rest data for one that is a parameter is no error")
	}
	b.FalsePerMin = 2
	if err := b.SetState(a.State()); err != nil || b.Enter != a.Enter {
		t.Errorf("put back %g, %v; want %g", b.Enter, err, a.Enter)
	}
	for i, row := range rest(2, 3000) {
		la, ca := push(t, a, float64(i)/10, row...)
		lb, cb := push(t, b, float64(i)/10, row...)
		if la != lb || ca != cb {
			t.Fatalf("row %d: %d (%g), loaded %d (%g)", i, la, ca, lb, cb)
		}
	}
}

// TestAllRowsAlike: rest rows that are all the same leave a threshold just above them.
func TestAllRowsAlike(t *testing.T) {
	rows := make([][]float64, 1800)
	for i := range rows {
		rows[i] = []float64{0.6, 0.4}
	}
	a := plain()
	a.FalsePerMin, a.Certainty = 1, 0.95
	if err := a.FitRest(one(rows), 0.1); err != nil {
		t.Fatal(err)
	}
	if got, _ := push(t, a, 0, 0.6, 0.4); got != evidence.NoControl {
		t.Error("decides for what was rest")
	}
	if got, _ := push(t, a, 1, 0.61, 0.39); got != 0 {
		t.Error("does not decide for more than rest")
	}
}

func TestPushErrors(t *testing.T) {
	a := plain()
	push(t, a, 1, 0.5, 0.5)
	for _, tc := range []struct {
		scores []float64
		t      float64
		want   string
	}{
		{[]float64{0.5, math.NaN()}, 2, "score 1 is NaN"},
		{[]float64{-0.1, 1.1}, 2, "score 0 is -0.1"},
		{[]float64{0, 0}, 2, "add up to 0"},
		{[]float64{1, 0, 0}, 2, "got 3 scores, the rows before had 2"},
		{[]float64{0.5, 0.5}, 1, "times must ascend"},
		{[]float64{0.5, 0.5}, math.NaN(), "times must ascend"},
	} {
		if label, _, err := a.Push(tc.scores, tc.t); err == nil || label != evidence.NoControl || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v at %g: label %d, error %v; must contain %q", tc.scores, tc.t, label, err, tc.want)
		}
	}
	if got, _ := push(t, a, 2, 0.1, 0.9); got != 1 {
		t.Error("refused rows left a trace")
	}
	for want, spoil := range map[string]func(a *evidence.Accumulator){
		"half_life_s is NaN":  func(a *evidence.Accumulator) { a.HalfLife = math.NaN() },
		"lapse is 0":          func(a *evidence.Accumulator) { a.Lapse = 0 },
		"enter_nats is +Inf":  func(a *evidence.Accumulator) { a.Enter = math.Inf(1) },
		"dwell_rows is 0":     func(a *evidence.Accumulator) { a.Dwell = 0 },
		"leave_nats is 3":     func(a *evidence.Accumulator) { a.Hold, a.Leave = true, 3 },
		"refractory_s is -1":  func(a *evidence.Accumulator) { a.Refractory = -1 },
		"false_per_min is -1": func(a *evidence.Accumulator) { a.FalsePerMin = -1 },
		"rest is -2":          func(a *evidence.Accumulator) { a.Rest = -2 },
		"must be at least 4":  func(a *evidence.Accumulator) { a.Rest = 3 },
	} {
		a := plain()
		spoil(a)
		if _, _, err := a.Push([]float64{0.5, 0.5}, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, must contain %q", err, want)
		}
	}
}

// TestParameters: a file's keys are read over the defaults, and unknown ones refused.
func TestParameters(t *testing.T) {
	a := evidence.New()
	if err := registry.Decode(a, []byte(`{"dwell_rows": 3, "rest": 1}`)); err != nil || a.Dwell != 3 || a.Rest != 1 || a.HalfLife != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	if err := registry.Decode(a, []byte(`{"dwell": 3}`)); err == nil {
		t.Error("unknown key is no error")
	}
	out, err := json.Marshal(a)
	if want := `{"half_life_s":1,"lapse":0.01,"enter_nats":2.1972245773362196,"dwell_rows":3,"hold":false,"leave_nats":0,"refractory_s":1,"rest":1,"false_per_min":0,"certainty":0.95}`; err != nil || string(out) != want {
		t.Errorf("written as %s, %v", out, err)
	}
}

func TestNoAllocation(t *testing.T) {
	a := evidence.New()
	row, now := []float64{0.2, 0.5, 0.3}, 0.0
	push(t, a, now, row...)
	if n := testing.AllocsPerRun(100, func() {
		now += 0.1
		if _, _, err := a.Push(row, now); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%g allocations per row", n)
	}
}

func ExampleAccumulator() {
	a := evidence.New()
	a.Dwell = 2
	for i, right := range []float64{0.5, 0.8, 0.9, 0.9, 0.4} {
		label, confidence, err := a.Push([]float64{1 - right, right}, 0.25*float64(i))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%d (%.2f) ", label, confidence)
	}
	// Output: -1 (0.50) -1 (0.80) -1 (0.96) 1 (0.99) -1 (0.60)
}

func BenchmarkPush(b *testing.B) {
	a := evidence.New()
	row, now := []float64{0.2, 0.5, 0.2, 0.1}, 0.0
	b.ReportAllocs()
	for b.Loop() {
		now += 0.1
		if _, _, err := a.Push(row, now); err != nil {
			b.Fatal(err)
		}
	}
}
