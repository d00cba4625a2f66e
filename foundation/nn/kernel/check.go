package kernel

import "fmt"

//go:generate go run -C asm ./vec -out ../vec_lanes_amd64.s -stubs ../vec_lanes_amd64.go -pkg kernel

// same panics when a length is not the one that op expects.
func same(op string, got, want int) {
	if got != want {
		badLength(op, got, want)
	}
}

func badLength(op string, got, want int) {
	panic(fmt.Sprintf("kernel: %s: slices of %d and %d numbers must be of equal length", op, got, want))
}
