package kernel

import "fmt"

// same panics when a length is not the one that op expects.
func same(op string, got, want int) {
	if got != want {
		badLength(op, got, want)
	}
}

func badLength(op string, got, want int) {
	panic(fmt.Sprintf("kernel: %s: slices of %d and %d numbers must be of equal length", op, got, want))
}
