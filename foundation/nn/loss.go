package nn

import (
	"fmt"
	"math"
	"slices"
)

// Loss measures how far outputs are from targets.
type Loss interface {
	// Targets is the number of target values of one example of a network with out outputs.
	Targets(out int) int
	// Gradient fills dy with scale × weight × the gradient of the loss of each example, and returns the sum of scale ×
	// weight × loss. y is [n, out], t is [n, Targets(out)], w is [n] or nil for 1 each.
	Gradient(dy, y, t, w []float32, out int, scale float64) float64
}

// checker is a Loss with parameters that may be out of their range.
type checker interface {
	// check reports that, for a network with out outputs.
	check(out int) error
}

// CheckLoss reports what is wrong with the parameters of a loss, for a network with out outputs. Training and Net look
// before they use one.
func CheckLoss(l Loss, out int) error {
	if c, ok := l.(checker); ok {
		return c.check(out)
	}
	return nil
}

// unjudged says whether a target may be NaN.
func unjudged(l Loss) bool {
	switch l := l.(type) {
	case Huber:
		return true
	case Mixed:
		return slices.ContainsFunc(l, func(p Part) bool { return unjudged(p.Loss) })
	}
	return false
}

// weight is that of example i.
func weight(w []float32, i int) float64 {
	if w == nil {
		return 1
	}
	return float64(w[i])
}

// CrossEntropy is -Σ t_k log softmax(y)_k: outputs are logits, targets the probabilities of the classes, one output to a
// class. Hard labels are targets of 0 and 1.
type CrossEntropy struct {
	Smoothing float64 // this much of every target is spread evenly over all classes (Szegedy et al. 2016); 0 to below 1
}

func (c CrossEntropy) check(int) error {
	if !(c.Smoothing >= 0 && c.Smoothing < 1) {
		return fmt.Errorf("the smoothing of the labels is %g, must be at least 0 and below 1", c.Smoothing)
	}
	return nil
}

// Targets is out.
func (CrossEntropy) Targets(out int) int { return out }

// Gradient is softmax(y)·Σt − t, where t is smoothed.
func (c CrossEntropy) Gradient(dy, y, t, w []float32, out int, scale float64) float64 {
	loss := 0.0
	even, keep := c.Smoothing/float64(out), 1-c.Smoothing
	for i := range len(y) / out {
		f := scale * weight(w, i)
		row, target, d := y[i*out:(i+1)*out], t[i*out:(i+1)*out], dy[i*out:(i+1)*out]
		top := math.Inf(-1)
		for _, v := range row {
			top = max(top, float64(v)) // NaN in, NaN out
		}
		sum := 0.0
		for _, v := range row {
			sum += math.Exp(float64(v) - top)
		}
		log, mass := top+math.Log(sum), 0.0
		for _, v := range target {
			mass += keep*float64(v) + even
		}
		for k, v := range row {
			want := keep*float64(target[k]) + even
			loss += f * want * (log - float64(v))
			d[k] = float32(f * (mass*math.Exp(float64(v)-log) - want))
		}
	}
	return loss
}

// BinaryCrossEntropy takes each output as the logit of a yes or no of its own; targets are probabilities. It is the mean
// over outputs.
type BinaryCrossEntropy struct{}

// Targets is out.
func (BinaryCrossEntropy) Targets(out int) int { return out }

// Gradient is (sigmoid(y) − t) / out.
func (BinaryCrossEntropy) Gradient(dy, y, t, w []float32, out int, scale float64) float64 {
	loss := 0.0
	for i, v := range y {
		f, z, want := scale*weight(w, i/out)/float64(out), float64(v), float64(t[i])
		loss += f * (max(z, 0) - z*want + math.Log1p(math.Exp(-math.Abs(z))))
		dy[i] = float32(f * (1/(1+math.Exp(-z)) - want))
	}
	return loss
}

// Huber is ½e² for |e| ≤ Delta and Delta·(|e| − ½·Delta) beyond, e = y − t (Huber 1964, doi:10.1214/aoms/1177703732),
// summed over the outputs that have a target. A target that is NaN says that this output is not judged: the value of an
// action that was not taken.
type Huber struct{ Delta float64 } // 0 means 1; +Inf is half the squared error

func (h Huber) check(int) error {
	if !(h.Delta >= 0) {
		return fmt.Errorf("the delta of the Huber loss is %g, must be at least 0", h.Delta)
	}
	return nil
}

// Targets is out.
func (Huber) Targets(out int) int { return out }

// Gradient is e, cut at ±Delta.
func (h Huber) Gradient(dy, y, t, w []float32, out int, scale float64) float64 {
	delta := h.Delta
	if delta == 0 {
		delta = 1
	}
	loss := 0.0
	for i, v := range y {
		if t[i] != t[i] {
			dy[i] = 0
			continue
		}
		f, e := scale*weight(w, i/out), float64(v)-float64(t[i])
		if a := math.Abs(e); a > delta {
			loss += f * delta * (a - delta/2)
		} else {
			loss += f * e * e / 2
		}
		dy[i] = float32(f * min(max(e, -delta), delta))
	}
	return loss
}

// MeanSquare is the mean of (y − t)² over outputs.
type MeanSquare struct{}

// Targets is out.
func (MeanSquare) Targets(out int) int { return out }

// Gradient is 2(y − t) / out.
func (MeanSquare) Gradient(dy, y, t, w []float32, out int, scale float64) float64 {
	loss := 0.0
	for i, v := range y {
		f, e := scale*weight(w, i/out)/float64(out), float64(v)-float64(t[i])
		loss += f * e * e
		dy[i] = float32(2 * f * e)
	}
	return loss
}

// Part is the share of a Mixed loss that judges some outputs.
type Part struct {
	Loss   Loss
	Out    int     // how many outputs, behind those of the parts before
	Weight float64 // factor in front of the loss
}

// Mixed adds losses that judge different outputs of one network, which follow each other.
type Mixed []Part

func (m Mixed) check(out int) error {
	have := 0
	for i, p := range m {
		if p.Loss == nil || p.Out < 1 || !(p.Weight >= 0) || math.IsInf(p.Weight, 0) {
			return fmt.Errorf("part %d of the mixed loss is %T of %d outputs with the weight %g, must be a loss of at least 1 output with a weight of at least 0", i, p.Loss, p.Out, p.Weight)
		}
		if err := CheckLoss(p.Loss, p.Out); err != nil {
			return fmt.Errorf("part %d of the mixed loss: %w", i, err)
		}
		have += p.Out
	}
	if have != out {
		return fmt.Errorf("the parts of the mixed loss judge %d outputs, the network has %d", have, out)
	}
	return nil
}

// Targets is the sum over the parts.
func (m Mixed) Targets(int) int {
	sum := 0
	for _, p := range m {
		sum += p.Loss.Targets(p.Out)
	}
	return sum
}

// Gradient is that of each part in its place. It allocates.
func (m Mixed) Gradient(dy, y, t, w []float32, out int, scale float64) float64 {
	n, targets := len(y)/out, m.Targets(out)
	loss, at, from := 0.0, 0, 0
	for _, p := range m {
		k := p.Loss.Targets(p.Out)
		py, pd, pt := make([]float32, n*p.Out), make([]float32, n*p.Out), make([]float32, n*k)
		for i := range n {
			copy(py[i*p.Out:(i+1)*p.Out], y[i*out+at:])
			copy(pt[i*k:(i+1)*k], t[i*targets+from:])
		}
		loss += p.Loss.Gradient(pd, py, pt, w, p.Out, scale*p.Weight)
		for i := range n {
			copy(dy[i*out+at:i*out+at+p.Out], pd[i*p.Out:])
		}
		at += p.Out
		from += k
	}
	return loss
}
