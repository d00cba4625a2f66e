// Command vec writes the vector kernels: vec_lanes_amd64.s, its declarations vec_lanes_amd64.go, and the choice between
// them and plain Go, vec_dispatch_amd64.go and vec_dispatch_other.go. Run `go generate` two folders above.
//
// Kernels that compute more than they load are written once and come out twice, for AVX2 with FMA on vectors of 8 and for
// AVX-512 on vectors of 16; to the others AVX-512 gave nothing (Zen 4), so they use AVX2 in both kinds. What is left at the end of a slice is done under a mask, so nothing is read or written outside.
package main

import (
	. "github.com/mmcloughlin/avo/build"
)

func main() {
	ConstraintExpr("amd64")
	for _, wide = range []bool{false, true} {
		heavy()
		softmax()
	}
	wide, alone = false, true
	light()
	reductions()
	softmaxGrad()
	norms()
	pools()
	masks()
	writeDispatch("../vec_dispatch_amd64.go", "../vec_dispatch_other.go")
	Generate()
}
