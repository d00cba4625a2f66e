package deep

import (
	"math"
	"strings"

	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// LoadBraindecode gives n the weights of the same network of braindecode (https://braindecode.org), by the names in its
// state dict. Arrays that are missing, unknown or of another shape are errors that name them; then n is as before.
//
// Where braindecode limits the norm of weights, its file has them as they were before. Convolutions it limits as gyrus
// does; of dense layers it limits the norm of what goes out from each input (not of what comes into each output, as the
// papers do), and scales all a little: both are worked into the weights.
func LoadBraindecode(n *nn.Net, arrays map[string]nn.Array) error {
	own := make(map[string]nn.Array, len(arrays))
	done := map[string][]float32{} // limited already
	for name, a := range arrays {
		if strings.HasSuffix(name, ".num_batches_tracked") {
			continue // how many steps it took
		}
		if before, limited := strings.CutSuffix(name, ".parametrizations.weight.original"); limited {
			name = before + ".weight"
			if p := n.Param(name); p != nil && p.MaxNorm > 0 && len(a.Shape) == 2 && len(a.Data) == a.Shape.Size() {
				a.Data = limitColumns(a, float64(p.MaxNorm))
				done[name] = a.Data
			}
		}
		own[name] = a
	}
	if err := n.SetArrays(own); err != nil {
		return err
	}
	n.Limit()
	for name, w := range done {
		copy(n.Param(name).W, w)
	}
	return nil
}

// limitColumns is braindecode's limit of the columns of a matrix.
func limitColumns(a nn.Array, limit float64) []float32 {
	const eps = 1e-5
	rows, cols := a.Shape[0], a.Shape[1]
	out := make([]float32, len(a.Data))
	for j := range cols {
		square := 0.0
		for i := range rows {
			square += float64(a.Data[i*cols+j]) * float64(a.Data[i*cols+j])
		}
		norm := max(math.Sqrt(square), limit/2)
		for i := range rows {
			out[i*cols+j] = a.Data[i*cols+j] * float32(min(norm, limit)/(norm+eps))
		}
	}
	return out
}
