package adapt

import (
	"errors"
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
)

// View is what a Head sees of what a decoder decides on: the row of features itself; or where the decoder reads windows,
// what its last layer is given, and beside that what a network may have learned to overlook and a drift may bring up: the
// logarithm of the power of each channel, and where there are few channels the correlation of each two.
type View struct {
	embed    decoders.Embedder // nil: rows
	channels int               // whose powers are seen
	samples  int
	pairs    bool
	width    int
	row      []float64
	cov      []float64 // [channels, channels]
}

// maxPairs is the most channels of which pairs are seen.
const maxPairs = 12

// NewView is what a head sees of what d gets: rows with the names of in, or windows of that format. It is an error, that says
// what can be adapted, where d is neither.
func NewView(d decoders.Fitter, in features.Format) (*View, error) {
	if _, windows := decoders.AsWindowed(d); !windows {
		n := len(in.Names)
		if n < 1 || n > MaxRow {
			return nil, fmt.Errorf("it reads rows of %d features, adaptation takes 1 to %d: choose fewer channels or features (such as logvar behind csp), or a network", n, MaxRow)
		}
		return &View{width: n}, nil
	}
	e, ok := decoders.AsEmbedder(d)
	if !ok {
		return nil, errors.New("it reads windows and does not show what its last layer sees (decoders.Embedder): adaptation works on dqn and the networks that do, and on decoders of features")
	}
	v := &View{embed: e, samples: in.Len, width: e.EmbedLen()}
	if n := len(in.Names); v.width+n <= MaxRow {
		v.channels = n
		v.width += n
		if pairs := n * (n - 1) / 2; n <= maxPairs && v.width+pairs <= MaxRow {
			v.pairs = true
			v.width += pairs
		}
	}
	v.row, v.cov = make([]float64, v.width), make([]float64, v.channels*v.channels)
	return v, nil
}

// Len is the number of values that a head sees.
func (v *View) Len() int { return v.width }

// Of is what a head sees of x, valid until the next call. It does not allocate.
func (v *View) Of(x []float64) ([]float64, error) {
	if v.embed == nil {
		return x, nil
	}
	at := v.embed.EmbedLen()
	if err := v.embed.Embed(v.row[:at], x); err != nil {
		return nil, err
	}
	n := v.channels
	for a := range n {
		from := a // the power alone
		if v.pairs {
			from = 0
		}
		for b := from; b <= a; b++ {
			v.cov[a*n+b] = covariance(x[a*v.samples:(a+1)*v.samples], x[b*v.samples:(b+1)*v.samples])
		}
		v.row[at] = math.Log(max(v.cov[a*n+a], math.SmallestNonzeroFloat64))
		at++
	}
	if !v.pairs {
		return v.row, nil
	}
	for a := range n {
		for b := range a {
			v.row[at] = 0
			if p := math.Sqrt(v.cov[a*n+a] * v.cov[b*n+b]); p > 0 {
				v.row[at] = v.cov[a*n+b] / p
			}
			at++
		}
	}
	return v.row, nil
}

// covariance of two signals.
func covariance(x, y []float64) float64 {
	mx, my := 0.0, 0.0
	for t, v := range x {
		mx += v
		my += y[t]
	}
	n := float64(len(x))
	mx, my = mx/n, my/n
	sum := 0.0
	for t, v := range x {
		sum += float64((v - mx) * (y[t] - my))
	}
	return sum / n
}
