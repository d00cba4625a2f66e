package text

import (
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// odd is how far, as a part of the rows, a counter may be from the number of samples that the time between first and last row has.
const odd = 0.01

// counted is the jumps in a counter of samples, which says exactly how many are missing, but for whole rounds of it:
// these the jumps of the stamps tell. It is an error where the numbers are no counter, or there is time for another number of samples,
// both at the rates that the table or the device names and with stamps that are step seconds apart. Where it finds samples missing, and not
// fewer than the stamps do, the true rate may be as far from the named one as that allows.
func counted(index, seconds []float64, step float64, lay *layout, byStamps []jump) ([]jump, error) {
	usual, round, err := counterOf(index)
	if err != nil {
		return nil, err
	}
	stamps, stamped := map[int]jump{}, 0.0
	for _, j := range byStamps {
		if j.set && math.Abs(j.seconds) < nearby*step {
			continue // rows that came early: the counter knows better
		}
		stamps[j.row] = j
		stamped += float64(j.missing)
	}
	var jumps []jump
	strange, total, set := 0, 0.0, false
	for i := 1; i < len(index); i++ {
		steps := (index[i] - index[i-1]) / usual
		if round > 0 {
			steps = math.Mod(steps+round, round)
		}
		if steps != math.Round(steps) || steps < 1 || steps > 1e9 {
			return nil, fmt.Errorf("in row %d it goes from %g to %g, by steps of %g before", i+1, index[i-1], index[i], usual)
		}
		missing := steps - 1
		if missing > 0 {
			strange++
		}
		j, jumped := stamps[i]
		switch {
		case jumped && j.set:
			j.missing = max(1, int64(missing))
		case jumped && round > 0:
			missing += round * max(0, math.Round((float64(j.missing)-missing)/round))
			j.missing = int64(missing)
		default:
			j = jump{row: i, missing: int64(missing)}
		}
		set = set || j.set
		total += float64(j.missing)
		if j.missing > 0 {
			jumps = append(jumps, j)
		}
	}
	if strange > len(index)/2 {
		return nil, fmt.Errorf("%d of %d of its steps are not %g", strange, len(index)-1, usual)
	}
	n, took := float64(len(index)), seconds[len(index)-1]-seconds[0]
	slack := nearby + odd*n
	fits := func(step float64) bool { return math.Abs(total-(took/step-(n-1))) <= slack }
	near := func(rate float64) bool {
		return fits(1/rate) || strange > 0 && total+slack >= stamped && math.Abs((n-1+total)/took-rate) <= lay.within*rate
	}
	if !set && !fits(step) && !slices.ContainsFunc(lay.nominal, near) {
		return nil, fmt.Errorf("by its steps %.0f samples are missing, by the stamps %.0f", total, took/step-(n-1))
	}
	return jumps, nil
}

// counterOf is the usual step of a counter, and after how many steps it starts anew, 0 where it never does.
func counterOf(index []float64) (usual, round float64, err error) {
	steps := make([]float64, 0, len(index))
	back := false
	for i := 1; i < len(index); i++ {
		d := index[i] - index[i-1]
		steps, back = append(steps, d), back || d < 0
	}
	slices.Sort(steps)
	if usual = steps[len(steps)/2]; !(usual > 0) {
		return 0, 0, fmt.Errorf("its usual step is %g, must be above 0", usual)
	}
	if back {
		round = (slices.Max(index)-slices.Min(index))/usual + 1
	}
	return usual, round, nil
}

// uncounted lists a counter that is of no use.
func uncounted(column string, why error) signal.Deviation {
	return signal.Deviation{Where: "column " + column, Rule: "counts the samples", Found: why.Error(), Assumed: "gaps are looked for in the stamps only"}
}
