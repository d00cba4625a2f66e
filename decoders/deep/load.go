package deep

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/weights"
)

// Load puts published weights into a network: tensors under the names of PyTorch's state dict. Every tensor of the network
// must be there with its sizes (sizes of 1 do not count; all behind the first may be one, as in a Linear behind a Flatten),
// and no other. Left out are the counters of batch norms, and the denominators of FIR filters, which must be 1, 0, 0, ….
//
// A weight that PyTorch keeps under a maximum norm ("parametrizations.weight.original") lies in the file as it was before;
// it is scaled down as braindecode does each time it is used. Most have a limit for each output. The layers whose names
// are in columns have one for each input, and are scaled a little in any case (braindecode's MaxNormLinear, in EEGTCNet
// and ATCNet): names do not tell the two apart.
func Load(net *nn.Net, tensors map[string]weights.Tensor, columns ...string) error {
	arrays := map[string]nn.Array{}
	for name, t := range tensors {
		if strings.HasSuffix(name, "num_batches_tracked") {
			continue
		}
		data, err := t.Float32s()
		if err != nil {
			return fmt.Errorf("tensor %s: %w", name, err)
		}
		if strings.Contains(name, ".fir_a_list.") {
			for i, v := range data {
				if (i == 0) != (v == 1) || i > 0 && v != 0 {
					return fmt.Errorf("tensor %s: value %d is %g, only filters without feedback (1, 0, 0, …) can be loaded", name, i, v)
				}
			}
			continue
		}
		ours := name
		layer, limited := strings.CutSuffix(name, ".parametrizations.weight.original")
		if limited {
			ours = layer + ".weight"
		}
		if _, twice := arrays[ours]; twice {
			return fmt.Errorf("tensor %s: is there twice, plain and parametrised", ours)
		}
		shape := nn.Shape(t.Shape)
		if p := net.Param(ours); p != nil {
			if limited && p.MaxNorm == 0 {
				return fmt.Errorf("tensor %s: is kept under a maximum norm, %s here has none: give the network the same limit", name, ours)
			}
			switch {
			case limited && slices.Contains(columns, layer):
				limitColumns(data, shape, float64(p.MaxNorm))
			case limited:
				limitRows(data, shape, float64(p.MaxNorm))
			}
			if rows, length := p.Rows(); len(shape) == 2 && rows == shape[0] && length == shape[1] {
				shape = p.Shape
			}
		}
		arrays[ours] = nn.Array{Shape: shape, Data: data}
	}
	return net.SetArrays(arrays)
}

// limitColumns scales the columns of a matrix as braindecode's MaxNorm does.
func limitColumns(data []float32, shape []int, limit float64) {
	if len(shape) != 2 {
		return
	}
	for c := range shape[1] {
		sum := 0.0
		for i := c; i < len(data); i += shape[1] {
			sum += float64(data[i]) * float64(data[i])
		}
		norm := max(math.Sqrt(sum), limit/2)
		for i := c; i < len(data); i += shape[1] {
			data[i] *= float32(min(norm, limit) / (norm + 1e-5))
		}
	}
}

// limitRows scales rows down to the given norm, as torch.renorm does.
func limitRows(data []float32, shape []int, limit float64) {
	if len(shape) == 0 || shape[0] == 0 {
		return
	}
	n := len(data) / shape[0]
	for r := range shape[0] {
		row := data[r*n : (r+1)*n]
		sum := 0.0
		for _, v := range row {
			sum += float64(v) * float64(v)
		}
		if norm := math.Sqrt(sum); norm > limit {
			for i := range row {
				row[i] *= float32(limit / (norm + 1e-7))
			}
		}
	}
}

// Rename replaces the beginnings of names.
func Rename(tensors map[string]weights.Tensor, prefixes map[string]string) map[string]weights.Tensor {
	out := map[string]weights.Tensor{}
	for name, t := range tensors {
		for from, to := range prefixes {
			if rest, ok := strings.CutPrefix(name, from); ok {
				name = to + rest
				break
			}
		}
		out[name] = t
	}
	return out
}
