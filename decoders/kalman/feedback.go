package kalman

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	decoders.RegisterContinuous("refit", func() decoders.Continuous { return &Refit{} })
}

// Refit is the Kalman filter of ReFIT (Gilja et al. 2012, doi:10.1038/nn.3265). The quantities are the position p of a
// cursor, axis by axis, then its velocity v. As for Filter, with features z without their means,
//
//	p_t = p_{t−1} + step·v_{t−1}
//	v_t = A·v_{t−1} + w,             w ~ N(0, W)
//	z_t = H_p·p_t + H_v·v_t + q,     q ~ N(0, Q)
//
// but whoever steers sees the cursor, so its position is known to them: in the prior covariance of the state, all that has
// to do with the position is set to 0. The gain for the position is then 0: it only follows from the decoded velocity, and
// what it makes the features do, H_p·p_t, is taken from them before the velocity is read off. (Filter, with the same
// quantities, would move the position by the features, and push the cursor back against what is meant.)
//
// A, W, H, Q and step are least-squares estimates from the training rows. Training on velocities that Intention has turned
// towards the target is ReFIT's other innovation. A run begins at the training mean of the position; SetPosition puts the
// cursor elsewhere, such as where it is shown. The position stays within that of the training rows, as on a screen.
type Refit struct {
	Shrinkage float64 `json:"shrinkage" doc:"how far the noise of the features is taken for independent, from 0 (as measured) to 1 (independent); needed with more features than rows"`

	names  []string
	filter Filter // of the velocity
	fit    *known // nil until fitted

	p, v, next, shift []float64 // running state [axes]: position and velocity of the row before, workspace
	started           bool
}

// known is what has been learned about the position.
type known struct {
	cross     []float64 // [axes, axes], H_vᵀQ⁻¹H_p
	mean      []float64 // [axes]
	low, high []float64 // [axes], limits
	step      float64   // positions per velocity and row
}

// Notes says how far the noise of the features was shrunk.
func (k *Refit) Notes() []signal.Note { return shrinkage(k.Shrinkage) }

// SetOutputs names the quantities: positions, then as many velocities. What was learned about others is forgotten.
func (k *Refit) SetOutputs(names []string) {
	if !slices.Equal(names, k.names) {
		k.fit = nil
	}
	k.names = slices.Clone(names)
}

// Outputs is the quantities, or nil before the fit.
func (k *Refit) Outputs() []string {
	if k.fit == nil {
		return nil
	}
	return slices.Clone(k.names)
}

func (k *Refit) axes() (int, error) {
	if n := len(k.names); n == 0 || n%2 != 0 {
		return 0, fmt.Errorf("has the %d outputs %q, must be told by SetOutputs the positions and as many velocities", n, k.names)
	}
	return len(k.names) / 2, nil
}

// FitContinuous learns from one run; see FitRuns.
func (k *Refit) FitContinuous(x, y [][]float64) error {
	return k.FitRuns([][][]float64{x}, [][][]float64{y})
}

// FitRuns learns from runs x [runs][rows][features] and y [runs][rows][positions, velocities], under the conditions of
// Filter.FitRuns. What was fitted before is kept on an error.
func (k *Refit) FitRuns(x, y [][][]float64) error {
	m, fit, err := k.learn(x, y)
	if err != nil {
		return fmt.Errorf("refit: %w", err)
	}
	k.set(m, fit)
	return nil
}

func (k *Refit) learn(x, y [][][]float64) (*model, *known, error) {
	n, err := k.axes()
	if err != nil {
		return nil, nil, err
	}
	if !(k.Shrinkage >= 0 && k.Shrinkage <= 1) {
		return nil, nil, fmt.Errorf("shrinkage is %g, must be from 0 to 1", k.Shrinkage)
	}
	if err := checkRuns(x, y, k.names); err != nil {
		return nil, nil, err
	}
	velocities := make([][][]float64, len(y))
	fit := &known{low: slices.Clone(y[0][0][:n]), high: slices.Clone(y[0][0][:n])}
	moved, squares := 0.0, 0.0
	for r, run := range y {
		for t, row := range run {
			velocities[r] = append(velocities[r], row[n:])
			for a := range n {
				fit.low[a], fit.high[a] = min(fit.low[a], row[a]), max(fit.high[a], row[a])
				if t > 0 {
					before := run[t-1]
					moved += (row[a] - before[a]) * before[n+a]
					squares += before[n+a] * before[n+a]
				}
			}
		}
	}
	// The transition of the velocity alone, as Filter learns it.
	vel := Filter{Shrinkage: k.Shrinkage, names: k.names[n:]}
	m, err := vel.learn(x, velocities)
	if err != nil {
		return nil, nil, err
	}
	fit.step = moved / squares

	// The observation of position and velocity together.
	all, quantities := centred(x), centred(y)
	var yy, yz, zz mat.Dense
	outer(&yy, quantities.x, quantities.x)
	outer(&yz, quantities.x, all.x)
	outer(&zz, all.x, all.x)
	h, err := regress(mat.DenseCopyOf(yz.T()), &yy, k.names)
	if err != nil {
		return nil, nil, err
	}
	both := &model{d: 2 * n, f: m.f}
	q := mat.NewDense(m.f, m.f, residual(&zz, mat.DenseCopyOf(yz.T()), h, float64(all.rows)))
	if err := vel.observe(both, h, q); err != nil {
		return nil, nil, err
	}
	m.info = slices.Clone(both.info[n*m.f:])
	m.precision = m.precision[:0]
	for a := n; a < 2*n; a++ {
		fit.cross = append(fit.cross, both.precision[a*2*n:a*2*n+n]...)
		m.precision = append(m.precision, both.precision[a*2*n+n:(a+1)*2*n]...)
	}
	fit.mean = quantities.mean[:n:n]
	return m, fit, nil
}

func (k *Refit) set(m *model, fit *known) {
	n := len(fit.mean)
	k.filter.names = k.names[n:]
	k.filter.set(m)
	k.fit = fit
	k.p, k.v, k.next, k.shift = make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	k.Reset()
}

// Reset begins a new run: the cursor is at the training mean of its position.
func (k *Refit) Reset() {
	k.started = false
	k.filter.Reset()
	if k.fit != nil {
		copy(k.p, k.fit.mean)
	}
}

// SetPosition says where the cursor is shown at the row that comes, [axes], whatever the velocities before have made of it.
func (k *Refit) SetPosition(p []float64) error {
	if k.fit == nil || len(p) != len(k.p) {
		return fmt.Errorf("refit: position of %d axes for a decoder that has %d", len(p), len(k.p))
	}
	for a, v := range p {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("refit: position on axis %d is %g, must be finite", a, v)
		}
	}
	copy(k.p, p)
	clear(k.v) // the position is that of the row that comes
	return nil
}

// Predict takes in the row x [features] and fills dst [positions, velocities] with the estimates at its time. On an error the
// row counts as not seen.
func (k *Refit) Predict(dst, x []float64) error {
	if k.fit == nil {
		return errors.New("refit: not fitted; train the pipeline or load a bundle first")
	}
	n := len(k.p)
	if err := checkRow(dst, x, 2*n, k.filter.model.f); err != nil {
		return fmt.Errorf("refit: %w", err)
	}
	for a := range n {
		k.next[a] = k.p[a]
		if k.started {
			k.next[a] += float64(k.fit.step * k.v[a])
		}
		k.next[a] = min(max(k.next[a], k.fit.low[a]), k.fit.high[a])
	}
	for i := range n {
		k.shift[i] = 0
		for a := range n {
			k.shift[i] += float64(k.fit.cross[i*n+a] * (k.next[a] - k.fit.mean[a]))
		}
	}
	k.filter.shift = k.shift
	if err := k.filter.Predict(dst[n:], x); err != nil {
		return fmt.Errorf("refit: %w", err)
	}
	copy(k.p, k.next)
	copy(k.v, dst[n:])
	copy(dst, k.p)
	k.started = true
	return nil
}

// State is that of Filter for the velocity, and with n axes "position_information" H_vᵀQ⁻¹H_p [n, n], "position_mean" [n],
// "position_limits" [n, 2] and "step" [1].
func (k *Refit) State() signal.State {
	if k.fit == nil {
		return nil
	}
	n := len(k.fit.mean)
	s := k.filter.State()
	s["position_information"] = signal.NewArray(slices.Clone(k.fit.cross), n, n)
	s["position_mean"] = signal.NewArray(slices.Clone(k.fit.mean), n)
	var limits []float64
	for a := range n {
		limits = append(limits, k.fit.low[a], k.fit.high[a])
	}
	s["position_limits"] = signal.NewArray(limits, n, 2)
	s["step"] = signal.NewArray([]float64{k.fit.step}, 1)
	return s
}

// SetState puts back what State returned. It is called after SetOutputs, and begins a run.
func (k *Refit) SetState(s signal.State) error {
	n, err := k.axes()
	if err != nil {
		return fmt.Errorf("refit: %w", err)
	}
	vel := Filter{names: k.names[n:]}
	if err := vel.SetState(s); err != nil {
		return fmt.Errorf("refit: %w", err)
	}
	fit := &known{}
	for name, part := range map[string]struct {
		to    *[]float64
		shape []int
	}{"position_information": {&fit.cross, []int{n, n}}, "position_mean": {&fit.mean, []int{n}}} {
		a, err := s.Get(name, part.shape...)
		if err != nil {
			return fmt.Errorf("refit: %w", err)
		}
		*part.to = slices.Clone(a.Data)
	}
	limits, err := s.Get("position_limits", n, 2)
	if err != nil {
		return fmt.Errorf("refit: %w", err)
	}
	step, err := s.Get("step", 1)
	if err != nil {
		return fmt.Errorf("refit: %w", err)
	}
	for a := range n {
		fit.low, fit.high = append(fit.low, limits.Data[2*a]), append(fit.high, limits.Data[2*a+1])
	}
	fit.step = step.Data[0]
	k.set(vel.model, fit)
	return nil
}
