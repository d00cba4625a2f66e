package metrics

import "fmt"

// Group says which trials are not independent of each other, such as windows of one event: those with one number in group. The
// intervals of the balanced accuracy, of κ, of the weighted F1 and of the information transfer rate then count groups. Values do not
// change. truth is the class of each trial, as it was counted.
//
// The trials of a group are taken for wholly alike, the worst case: n of them in groups of m_g are worth n²/Σ m_g² independent
// ones (Kish 1965, Survey Sampling, section 11.7; the number of groups where they are of one size). So an interval is as wide as that
// of decisions about groups, and wider than it need be where trials of a group differ.
func (c *Confusion) Group(truth, group []int) error {
	if len(truth) != c.Trials() || len(group) != len(truth) {
		return fmt.Errorf("metrics: the groups of %d trials and %d true classes for %d trials, must be as many", len(group), len(truth), c.Trials())
	}
	c.per = perGroup(truth, group, len(c.N))
	return nil
}

// perTrial is the number of trials of class k that go to an independent one.
func (c *Confusion) perTrial(k int) float64 {
	if c.per == nil {
		return 1
	}
	return c.per[k]
}

// perGroup is Σ m²/Σ m over the groups of each class, 1 for a class without trials. A group has trials of one class.
func perGroup(truth, group []int, classes int) []float64 {
	type key struct{ class, group int }
	size := map[key]int{}
	for i, k := range truth {
		size[key{k, group[i]}]++
	}
	sum, square := make([]int, classes), make([]int, classes) // whole numbers: their order in the map does not matter
	for k, m := range size {
		sum[k.class] += m
		square[k.class] += m * m
	}
	per := make([]float64, classes)
	for k := range per {
		if per[k] = 1; sum[k] > 0 {
			per[k] = float64(square[k]) / float64(sum[k])
		}
	}
	return per
}

// each is the group of each of n trials where they are independent.
func each(n int) []int {
	group := make([]int, n)
	for i := range group {
		group[i] = i
	}
	return group
}
