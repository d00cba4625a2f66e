package nn

import "math"

// Schedule is the learning rate as a factor of the highest, at step t of total (from 0).
type Schedule func(t, total int) float64

// Constant is 1 at every step.
func Constant(int, int) float64 { return 1 }

// Cosine rises in a straight line over the first warmup of all steps (0 to below 1), and falls from 1 to floor along
// half a cosine after that (Loshchilov and Hutter 2017, arXiv:1608.03983, without restarts).
func Cosine(warmup, floor float64) Schedule {
	return func(t, total int) float64 {
		rise := warmup * float64(total)
		if float64(t) < rise {
			return float64(t+1) / math.Ceil(rise)
		}
		if float64(total)-rise <= 1 {
			return 1
		}
		done := min((float64(t)-rise)/(float64(total)-1-rise), 1)
		return floor + (1-floor)*(1+math.Cos(math.Pi*done))/2
	}
}
