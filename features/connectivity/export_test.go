package connectivity

// The measures, for series of complex numbers from elsewhere.
var (
	MeanProduct      = func(a, b []complex128) float64 { toPhase(a); toPhase(b); return meanProduct(a, b) }
	LagIndex         = lagIndex
	WeightedLagIndex = weightedLagIndex
	CoherenceOf      = coherence
)
