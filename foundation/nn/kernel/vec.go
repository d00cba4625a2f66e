package kernel

// Dot returns Σ x·y.
func Dot(x, y []float32) float32 {
	same("Dot", len(y), len(x))
	return dot(x, y)
}

// Sum returns Σ x.
func Sum(x []float32) float32 { return sumOf(x) }

// SumSq returns Σ x and Σ x².
func SumSq(x []float32) (s, sq float32) { return sumDot(x, x) }

// SumDot returns Σ x and Σ x·y.
func SumDot(x, y []float32) (s, d float32) {
	same("SumDot", len(y), len(x))
	return sumDot(x, y)
}

// SumSqDev returns Σ (x−m)²: with m the mean, what a variance is made of, without the cancellation of SumSq.
func SumSqDev(x []float32, m float32) float32 { return sumSqDev(x, m) }

// Max returns the largest number of x, NaN if there is a NaN, -Inf if x is empty.
func Max(x []float32) float32 { return maxOf(x) }

// Finite says that no number of x is infinite or NaN.
func Finite(x []float32) bool { return finite(x) }

// Axpy adds a·x to y; y may be x.
func Axpy(y []float32, a float32, x []float32) {
	same("Axpy", len(x), len(y))
	axpy(y, x, a)
}

// Scale multiplies x by a.
func Scale(x []float32, a float32) { scale(x, x, a) }

// Add computes dst = x+y; dst may be x or y.
func Add(dst, x, y []float32) {
	same("Add", len(x), len(dst))
	same("Add", len(y), len(dst))
	add(dst, x, y)
}

// Sub computes dst = x−y; dst may be x or y.
func Sub(dst, x, y []float32) {
	same("Sub", len(x), len(dst))
	same("Sub", len(y), len(dst))
	sub(dst, x, y)
}

// Mul computes dst = x·y; dst may be x or y.
func Mul(dst, x, y []float32) {
	same("Mul", len(x), len(dst))
	same("Mul", len(y), len(dst))
	mul(dst, x, y)
}

// MulAdd adds x·y to dst; dst may be x or y.
func MulAdd(dst, x, y []float32) {
	same("MulAdd", len(x), len(dst))
	same("MulAdd", len(y), len(dst))
	mulAdd(dst, x, y)
}

// Affine computes dst = a·x + b; dst may be x.
func Affine(dst, x []float32, a, b float32) {
	same("Affine", len(x), len(dst))
	affine(dst, x, a, b)
}

// AffineVec computes dst = a·x + b element by element; dst may be x, a or b.
func AffineVec(dst, x, a, b []float32) {
	same("AffineVec", len(x), len(dst))
	same("AffineVec", len(a), len(dst))
	same("AffineVec", len(b), len(dst))
	affineVec(dst, x, a, b)
}

// Square computes y = x²; y may be x.
func Square(y, x []float32) {
	same("Square", len(x), len(y))
	mul(y, x, x)
}
