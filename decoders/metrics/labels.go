package metrics

import "math"

// Kappa is Cohen's κ (Cohen 1960, doi:10.1177/001316446002000104): how far decisions agree with the truth beyond what two
// independent raters with the same preferences would, from −1 to 1. Its chance level is exactly 0: that is the mean over
// all permutations of the decisions. It is NaN where truth and decisions are all of one and the same class.
func (c *Confusion) Kappa() float64 { return kappa(c.counts()) }

// kappa is Kappa of counts that need not be whole.
func kappa(n [][]float64) float64 {
	t, d := margins(n)
	all, right, agree := 0.0, 0.0, 0.0
	for k := range n {
		all += t[k]
		right += n[k][k]
		agree += t[k] * d[k]
	}
	right, agree = right/all, agree/all/all
	if agree == 1 {
		return math.NaN()
	}
	return (right - agree) / (1 - agree)
}

// counts is N as float64.
func (c *Confusion) counts() [][]float64 {
	n := make([][]float64, len(c.N))
	for t, row := range c.N {
		n[t] = make([]float64, len(row))
		for d, m := range row {
			n[t][d] = float64(m)
		}
	}
	return n
}

// margins is the number of trials and of decisions of every class.
func margins(n [][]float64) (trials, decisions []float64) {
	trials, decisions = make([]float64, len(n)), make([]float64, len(n))
	for t, row := range n {
		for d, m := range row {
			trials[t] += m
			decisions[d] += m
		}
	}
	return trials, decisions
}

// decisions is the number of decisions for class k.
func (c *Confusion) decisions(k int) (n int) {
	for t := range c.N {
		n += c.N[t][k]
	}
	return n
}

// F1 is the harmonic mean of precision and recall of class k, 2·N_kk/(trials + decisions), or 0 where the class has
// neither.
func (c *Confusion) F1(k int) float64 {
	if both := c.trials(k) + c.decisions(k); both > 0 {
		return 2 * float64(c.N[k][k]) / float64(both)
	}
	return 0
}

// WeightedF1 is the mean of F1 over classes, each weighted with its number of trials.
func (c *Confusion) WeightedF1() float64 { return weightedF1(c.counts()) }

// weightedF1 is WeightedF1 of counts that need not be whole.
func weightedF1(n [][]float64) float64 {
	t, d := margins(n)
	sum, all := 0.0, 0.0
	for k := range n {
		if t[k] > 0 {
			sum += t[k] * 2 * n[k][k] / (t[k] + d[k])
			all += t[k]
		}
	}
	return sum / all
}

// WeightedF1Chance is the chance level of WeightedF1: its exact mean over all permutations of the decisions.
func (c *Confusion) WeightedF1Chance() float64 {
	n := float64(c.Trials())
	sum := 0.0
	for k := range c.N {
		if t, d := float64(c.trials(k)), float64(c.decisions(k)); t > 0 {
			sum += t * 2 * (t * d / n) / (t + d)
		}
	}
	return sum / n
}

// ITR is the information transfer rate in bits per minute of decisions among classes (Wolpaw et al. 2000,
// doi:10.1109/TRE.2000.847823) that are right with the probability accuracy, from 0 to 1, and take seconds each, pauses
// included:
//
//	60/seconds · (log2 K + P·log2 P + (1−P)·log2((1−P)/(K−1)))
//
// It holds for equally probable classes and errors spread evenly. Its chance level is 0, at P = 1/K; below, where the
// formula rises again, it is 0. It is NaN where a number is out of its range (fewer than 2 classes, seconds not above 0).
func ITR(classes int, accuracy, seconds float64) float64 {
	k := float64(classes)
	switch {
	case classes < 2 || !(accuracy >= 0 && accuracy <= 1) || !(seconds > 0):
		return math.NaN()
	case accuracy <= 1/k:
		return 0
	}
	bits := math.Log2(k) + accuracy*math.Log2(accuracy)
	if accuracy < 1 {
		bits += (1 - accuracy) * math.Log2((1-accuracy)/(k-1))
	}
	return max(bits, 0) * 60 / seconds
}

// ITR is the information transfer rate in bits per minute of these decisions, each taking seconds, and its confidence
// interval: ITR of the balanced accuracy and of the limits of BalancedAccuracyInterval, because it does not fall with it. The
// balanced accuracy is the accuracy that these decisions would have among equally probable classes, of which ITR speaks: by
// the plain one, who always decides for the class with most trials would transfer something. K is the number of classes that
// have trials.
func (c *Confusion) ITR(seconds, level float64) (value, low, high float64) {
	_, trials := c.present()
	a, b := c.BalancedAccuracyInterval(level)
	return ITR(len(trials), c.BalancedAccuracy(), seconds), ITR(len(trials), a, seconds), ITR(len(trials), b, seconds)
}

// Interval is the bootstrap confidence interval of a measure of c, such as (*Confusion).Kappa; draws in which it is not
// defined are left out. See Bootstrap. Accuracy, balanced accuracy and ITR have exact intervals.
func (c *Confusion) Interval(measure func(*Confusion) float64, level float64, draws int, seed uint64) (low, high float64, err error) {
	var cells [][2]int // of each trial
	for t, row := range c.N {
		for d, n := range row {
			for range n {
				cells = append(cells, [2]int{t, d})
			}
		}
	}
	r := &Confusion{Classes: c.Classes, N: make([][]int, len(c.N))}
	for k := range r.N {
		r.N[k] = make([]int, len(c.N))
	}
	return Bootstrap(len(cells), func(trials []int) (float64, bool) {
		for k := range r.N {
			clear(r.N[k])
		}
		for _, i := range trials {
			r.N[cells[i][0]][cells[i][1]]++
		}
		v := measure(r)
		return v, !math.IsNaN(v)
	}, level, draws, seed)
}
