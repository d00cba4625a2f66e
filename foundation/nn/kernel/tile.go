package kernel

// tile is what the kernels in assembly work on: count blocks of C that lie below each other, each a few rows high and one
// or more vectors wide. A block becomes Σ over the columns of A and the rows of B, in their order, one rounding to each
// product; it is added to C if acc is not 0. Strides are in bytes, so that neither the transposed A nor a convolution,
// whose rows of B overlap, has to be copied.
type tile struct {
	a, b, c  *float32
	rsa, csa int // from one row of A to the next, from one column to the next
	na       int // from one block of A to the next
	ldb, ldc int // from one row of B and of C to the next
	k        int // products in a group, at least 1
	groups   int // at least 1
	ja, jb   int // added to the place in A and in B after each group, beyond csa and ldb
	count    int // at least 1
	last     int // columns of the last vector: 1 to all
	acc      int
}
