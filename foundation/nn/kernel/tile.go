package kernel

//go:generate go run -C asm ./gemm -out ../gemm_lanes_amd64.s -stubs ../gemm_lanes_amd64.go -pkg kernel
//go:generate go run -C asm ./neon -out ../gemm_lanes_arm64.s -stubs ../gemm_lanes_arm64.go

// tile is what the kernels in assembly work on: count blocks of C, each m rows high and n vectors wide, m·ldc apart, which
// is below each other, or, with one row and the width in the place of ldc, beside each other. A block becomes Σ over the columns of A and the rows of B, in their order, one rounding to each
// product; it is added to C if acc is not 0. Strides are in bytes, so that neither the transposed A nor a convolution,
// whose rows of B overlap, has to be copied.
type tile struct {
	a, b, c  *float32
	rsa, csa int // from one row of A to the next, from one column to the next
	na, nb   int // from one block of A and of B to the next
	ldb, ldc int // from one row of B and of C to the next
	k        int // products in a group, at least 1
	groups   int // at least 1
	ja, jb   int // added to the place in A and in B after each group, beyond csa and ldb
	count    int // at least 1
	last     int // columns of the last vector: 1 to all
	acc      int
}
