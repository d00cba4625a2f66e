// Package kernel holds the arithmetic under package nn: products of matrices, convolutions over time, and passes over
// vectors, on float32.
//
// Matrices are row-major slices with a leading dimension: element (i, j) of a is a[i*lda+j]. Every routine exists in
// plain Go; some exist in assembly as well, for AVX2 with FMA and for AVX-512 on amd64, for NEON on arm64. What the
// processor has is chosen once when the program starts (Name tells it). The environment variable GYRUS_KERNEL lowers the
// choice.
//
// The order of a sum depends on the shape and on the kind of kernel, never on the time or on goroutines: the same call
// gives the same bits. Different kinds differ in the last bits: for a sum of k products, by at most
// (k+2)·2⁻²⁴·Σ|a||b| from the exact value. A row of Gemm, and of GemmPacked, has the same bits whether it is computed alone
// or with others, and whether or not the right operand is packed.
//
// Nothing here allocates in the long run: what a routine needs beside its arguments lies in a Work, of which each
// goroutine has its own. Lengths that only a bug can produce make it panic, before anything is written.
package kernel
