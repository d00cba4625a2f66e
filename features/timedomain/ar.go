package timedomain

import (
	"fmt"
	"strconv"

	"github.com/gyrus-bci/gyrus/features"
)

func init() {
	features.Register("ar", func() features.Step { return &AR{Order: 6, Method: burg} })
}

// The names of the two ways to fit an autoregression.
const (
	burg       = "burg"
	yuleWalker = "yule_walker"
)

// AR is the coefficients a of the autoregression x[t] = a₁·x[t−1] + … + a_p·x[t−p] + noise of each channel without its mean:
// the shape of its spectrum in p numbers without unit.
//
// Method "burg" minimises the errors of prediction forwards and backwards at once (Burg 1975); "yule_walker" solves the
// equations of that name with the autocorrelation Σ x[t]·x[t+k] / n, whose bias keeps the model stable. Both solve by
// Levinson's and Durbin's recursion; Burg has less bias in short windows. They are burg and yule_walker(method="mle") of
// statsmodels.
//
// The row has channels × order numbers, channel by channel. Both methods are compared in Kay and Marple 1981
// (doi:10.1109/PROC.1981.12184).
type AR struct {
	Order  int    `json:"order" doc:"number of coefficients, at least 1 and below half the window's samples"`
	Method string `json:"method" doc:"how they are fitted: burg or yule_walker"`

	shape                    shape
	row, forward, backward   []float64
	coefficients, correlated []float64
}

// Start checks the parameters. The numbers are called "<channel>.ar1", "<channel>.ar2", ….
func (a *AR) Start(in features.Format) (features.Format, error) {
	a.shape = shape{}
	if a.Order < 1 {
		return features.Format{}, fmt.Errorf("ar: order is %d, must be at least 1", a.Order)
	}
	if a.Method != burg && a.Method != yuleWalker {
		return features.Format{}, fmt.Errorf("ar: method is %q, must be %q or %q", a.Method, burg, yuleWalker)
	}
	endings := make([]string, a.Order)
	for k := range endings {
		endings[k] = "ar" + strconv.Itoa(k+1)
	}
	out, err := a.shape.start(in, 2*a.Order+1, endings)
	if err != nil {
		return features.Format{}, fmt.Errorf("ar: order %d: %w", a.Order, err)
	}
	slab := make([]float64, 3*in.Len)
	a.row, a.forward, a.backward = slab[:in.Len], slab[in.Len:2*in.Len], slab[2*in.Len:]
	a.coefficients, a.correlated = make([]float64, a.Order), make([]float64, a.Order+1)
	return out, nil
}

// Extract fills dst [channels × order] from x [channels, samples]. Where a channel is flat, can be foretold without error
// or holds a sample that is not finite, the error names it.
func (a *AR) Extract(dst []float64, x [][]float64) error {
	if err := a.shape.check(dst, x); err != nil {
		return fmt.Errorf("ar: %w", err)
	}
	for ch, row := range x {
		centre(a.row, row)
		power := 0.0
		for _, v := range a.row {
			power += v * v
		}
		if err := a.shape.usable(ch, row, power); err != nil {
			return fmt.Errorf("ar: %w", err)
		}
		fit := a.burg
		if a.Method == yuleWalker {
			fit = a.yuleWalker
		}
		if order := fit(power); order < a.Order {
			return fmt.Errorf("ar: channel %q: %d coefficients leave no error to fit the other %d to; lower the order", a.shape.names[ch], order, a.Order-order)
		}
		copy(dst[ch*a.Order:], a.coefficients)
	}
	return nil
}

// burg fits the row and returns how many coefficients there were errors for.
func (a *AR) burg(power float64) int {
	f, b := a.forward[:len(a.row)], a.backward[:len(a.row)]
	copy(f, a.row)
	copy(b, a.row)
	for k := range a.Order {
		// f[t] is the error at t, b[t] that of foretelling the sample k before t from those between.
		num, den := 0.0, 0.0
		for t := k + 1; t < len(f); t++ {
			num += f[t] * b[t-1]
			den += f[t]*f[t] + b[t-1]*b[t-1]
		}
		if !(den > 1e-24*power) { // what rounding leaves
			return k
		}
		reflect := 2 * num / den
		a.extend(k, reflect)
		last := b[k]
		for t := k + 1; t < len(f); t++ {
			ft, bt := f[t], last
			last = b[t]
			f[t], b[t] = ft-reflect*bt, bt-reflect*ft
		}
	}
	return a.Order
}

// yuleWalker fits the row and returns how many coefficients there were errors for.
func (a *AR) yuleWalker(power float64) int {
	for k := range a.correlated {
		sum := 0.0
		for t, v := range a.row[k:] {
			sum += v * a.row[t]
		}
		a.correlated[k] = sum
	}
	left := power
	for k := range a.Order {
		if !(left > 1e-24*power) {
			return k
		}
		num := a.correlated[k+1]
		for j, c := range a.coefficients[:k] {
			num -= c * a.correlated[k-j]
		}
		reflect := num / left
		a.extend(k, reflect)
		left *= 1 - reflect*reflect
	}
	return a.Order
}

// extend makes k+1 coefficients out of k and the next reflection coefficient (Levinson and Durbin).
func (a *AR) extend(k int, reflect float64) {
	c := a.coefficients[:k]
	for i, j := 0, k-1; i <= j; i, j = i+1, j-1 {
		c[i], c[j] = c[i]-reflect*c[j], c[j]-reflect*c[i]
	}
	a.coefficients[k] = reflect
}
