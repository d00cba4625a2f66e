package spd

import (
	"fmt"
	"math"
)

// Matrix is a square matrix [N, N], row by row. Entry (i, j) stands at Data[i·Stride + j]; rows and their number are
// padded with zeros to a multiple of four, and every kernel here keeps the padding zero. Make one with NewMatrix.
type Matrix struct {
	N, Stride int
	Data      []float64
}

// NewMatrix is a zero matrix [n, n], n at least 1.
func NewMatrix(n int) *Matrix {
	if n < 1 {
		panic(fmt.Sprintf("spd: matrix of size %d", n))
	}
	return &Matrix{N: n, Stride: pad(n), Data: make([]float64, pad(n)*pad(n))}
}

// At is entry (i, j).
func (m *Matrix) At(i, j int) float64 { return m.Data[i*m.Stride+j] }

// Set sets entry (i, j).
func (m *Matrix) Set(i, j int, v float64) { m.Data[i*m.Stride+j] = v }

// Row is row i, which may be written to.
func (m *Matrix) Row(i int) []float64 { return m.Data[i*m.Stride : i*m.Stride+m.N] }

// CopyFrom makes m equal to x, of the same size.
func (m *Matrix) CopyFrom(x *Matrix) {
	m.same(x)
	copy(m.Data, x.Data)
}

// same panics where x has another size.
func (m *Matrix) same(x *Matrix) {
	if m.N != x.N {
		panic(fmt.Sprintf("spd: matrices of sizes %d and %d", m.N, x.N))
	}
}

// Packed is the number of entries in the upper triangle of a matrix [n, n], its diagonal included: n·(n+1)/2.
func Packed(n int) int { return n * (n + 1) / 2 }

// Unpacked is the size of the matrix whose upper triangle has the given number of entries, or 0 where there is none.
func Unpacked(entries int) int {
	n := int(math.Round((math.Sqrt(8*float64(entries)+1) - 1) / 2))
	if entries < 1 || Packed(n) != entries {
		return 0
	}
	return n
}

// Pack writes the upper triangle of m row by row to dst, which has Packed(m.N) entries: (0,0), (0,1), … (0,n−1), (1,1), ….
func (m *Matrix) Pack(dst []float64) {
	if len(dst) != Packed(m.N) {
		panic(fmt.Sprintf("spd: %d entries for the upper triangle of a matrix of size %d", len(dst), m.N))
	}
	for i := range m.N {
		n := copy(dst, m.Data[i*m.Stride+i:i*m.Stride+m.N])
		dst = dst[n:]
	}
}

// Unpack is the inverse of Pack: it makes m symmetric with the upper triangle row.
func (m *Matrix) Unpack(row []float64) {
	if len(row) != Packed(m.N) {
		panic(fmt.Sprintf("spd: %d entries for the upper triangle of a matrix of size %d", len(row), m.N))
	}
	s := m.Stride
	for i := range m.N {
		part := row[:m.N-i]
		copy(m.Data[i*s+i:], part)
		for j := 1; j < len(part); j++ {
			m.Data[(i+j)*s+i] = part[j]
		}
		row = row[len(part):]
	}
}

// mirror copies the upper triangle to the lower one, where rounding made them differ.
func (m *Matrix) mirror() {
	for i := 1; i < m.N; i++ {
		for j := range i {
			m.Data[i*m.Stride+j] = m.Data[j*m.Stride+i]
		}
	}
}

// mul is m = a·b. m shares memory with neither.
func (m *Matrix) mul(a, b *Matrix) {
	gemm(m.Data, a.Data, b.Data, m.Stride, m.Stride, m.N, a.Stride, 1, b.Stride, m.Stride, false)
}

// transpose is m = xᵀ. m does not share memory with x.
func (m *Matrix) transpose(x *Matrix) {
	s := m.Stride
	for i := range m.N {
		for j, v := range x.Data[i*s : i*s+m.N] {
			m.Data[j*s+i] = v
		}
	}
}

// Trace is the sum of the diagonal.
func (m *Matrix) Trace() float64 {
	sum := 0.0
	for i := range m.N {
		sum += m.Data[i*m.Stride+i]
	}
	return sum
}

// norm is the Frobenius norm.
func (m *Matrix) norm() float64 { return math.Sqrt(laneDot(m.Data, m.Data)) }

// notFinite finds the first entry of the upper triangle that is NaN or infinite.
func (m *Matrix) notFinite() (i, j int, found bool) {
	sum := 0.0
	for _, v := range m.Data {
		sum += v * 0 // 0 for a finite number, NaN for any other
	}
	if sum == 0 {
		return 0, 0, false
	}
	for i := range m.N {
		for j := range m.N {
			if v := m.At(i, j); math.IsNaN(v) || math.IsInf(v, 0) {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}
