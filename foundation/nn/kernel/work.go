package kernel

import "fmt"

// Work is the scratch of one goroutine. The zero value is ready; it grows to the largest call and then stays.
type Work struct {
	a, b []float32 // packed operands
}

// grow makes s n numbers long, without keeping what was in it.
func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}

// checkMatrix panics unless s holds rows × cols numbers with the leading dimension ld.
func checkMatrix(routine, name string, s []float32, ld, rows, cols int) {
	if rows < 0 || cols < 0 {
		panic(fmt.Sprintf("kernel: %s: %s is %d × %d, must not be negative", routine, name, rows, cols))
	}
	if rows == 0 || cols == 0 {
		return
	}
	if ld < cols {
		panic(fmt.Sprintf("kernel: %s: ld%s is %d, must be at least the %d columns", routine, name, ld, cols))
	}
	if need := (rows-1)*ld + cols; len(s) < need {
		panic(fmt.Sprintf("kernel: %s: %s has %d numbers, must have at least %d for %d × %d with ld%s %d", routine, name, len(s), need, rows, cols, name, ld))
	}
}
