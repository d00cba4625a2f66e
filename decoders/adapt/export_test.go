package adapt

// Weights are those of every class.
func Weights(h *Head) [][]float64 { return h.m.theta }
