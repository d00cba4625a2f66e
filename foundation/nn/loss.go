package nn

// Loss measures how far outputs are from targets.
type Loss interface {
	// Targets is the number of target values of one example of a network with out outputs.
	Targets(out int) int
	// Gradient fills dy with scale × weight × the gradient of the loss of each example, and returns the sum of scale ×
	// weight × loss. y is [n, out], t is [n, Targets(out)], w is [n] or nil.
	Gradient(dy, y, t, w []float32, out int, scale float64) float64
}
