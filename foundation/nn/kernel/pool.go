package kernel

import "fmt"

// MeanPool computes the means y[i] of x[i·s : i·s+p], one row; len(x) >= (len(y)−1)·s+p. Slices must not overlap.
func MeanPool(y, x []float32, p, s int) {
	checkPool("MeanPool", len(y), len(x), p, s)
	switch {
	case len(y) == 0:
	case p == 4 && s == 4:
		meanPool4(y, x)
	case p == 8 && s == 8:
		meanPool8(y, x)
	default:
		meanPool(y, x, p, s)
	}
}

// MeanPoolGrad adds the gradient of MeanPool to dx: dx[i·s+j] += dy[i]/p for j < p.
func MeanPoolGrad(dx, dy []float32, p, s int) {
	checkPool("MeanPoolGrad", len(dy), len(dx), p, s)
	if len(dy) > 0 {
		meanPoolGrad(dx, dy, p, s)
	}
}

func checkPool(op string, n, length, p, s int) {
	if p < 1 || s < 1 || n > 0 && length < (n-1)*s+p {
		panic(fmt.Sprintf("kernel: %s: %d windows of %d, %d apart, do not fit into %d numbers", op, n, p, s, length))
	}
}
