package dashboard

// edgesMS are the upper ends of the buckets of a histogram, in milliseconds; one more bucket takes what is longer.
var edgesMS = []float64{0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000}

// histogram counts durations.
type histogram struct {
	N []uint64 `json:"n"` // one more than edges
}

func newHistogram() histogram { return histogram{make([]uint64, len(edgesMS)+1)} }

// add counts ms, a duration of which at most an edge belongs to its bucket.
func (h *histogram) add(ms float64) {
	k := 0
	for k < len(edgesMS) && !(ms <= edgesMS[k]) {
		k++
	}
	h.N[k]++
}
