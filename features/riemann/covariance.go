package riemann

import (
	"errors"
	"fmt"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func init() {
	features.Register("covariance", func() features.Step { return &Covariance{Estimator: spd.OAS, Order: 1, Lag: 1} })
}

// Covariance is the covariance of the channels over the window, in µV² where they are in µV, as the upper triangle of the
// matrix, row by row (see spd.Estimator for the estimators; the Tyler estimate has no unit).
//
// With Order m above 1 each channel is joined by m−1 copies of itself, the k-th from k·Lag samples later, and all of them
// are shortened to the window's length minus m·Lag samples: the augmented covariance (Carrara and Papadopoulo 2024,
// doi:10.1109/TBME.2023.3310218), as MOABB's AugmentedDataset. It holds what happens over time as well, in a matrix of
// m times the channels.
//
// A window that is all flat, or holds a number that is not finite, is an error. A single flat channel gives a covariance
// that "oas" and "lwf" make positive definite and "scm" does not. "tyler" needs at least two channels: that of one is always the same.
type Covariance struct {
	Estimator spd.Estimator `json:"estimator" doc:"how the covariance is estimated: oas or lwf (shrunk, never singular), scm (the plain sample covariance) or tyler (robust against large samples, without scale)"`
	Order     int           `json:"order" doc:"copies of each channel, the channel itself included: 1 (none), or more for the augmented covariance"`
	Lag       int           `json:"lag_samples" doc:"samples by which each copy lies behind the one before, at least 1" only:"order>1"`

	window
	n    int        // samples that are used
	used [2]float64 // smallest and largest shrinkage since Start; the second is -1 before the first window
	covs *spd.Covariances
	m    *spd.Matrix
}

// Start checks the parameters. The numbers are called "cov(C3,C3)", "cov(C3,C4)", …; copies are "C3+8", 8 samples later.
func (c *Covariance) Start(in features.Format) (features.Format, error) {
	c.names, c.used = nil, [2]float64{1, -1}
	c.n = in.Len
	if c.Order > 1 {
		c.n = in.Len - c.Order*c.Lag
	}
	err := c.Estimator.Check()
	switch {
	case err != nil:
	case c.Estimator == spd.Tyler && len(in.Names)*c.Order < 2:
		err = errors.New("estimator is \"tyler\", which has no scale, so the covariance of one channel is always the same; use more channels, or \"oas\"")
	case in.Len < 2:
		err = fmt.Errorf("gets %v, needs windows of at least 2 samples", in)
	case c.Order < 1:
		err = fmt.Errorf("order is %d, must be at least 1", c.Order)
	case c.Lag < 1:
		err = fmt.Errorf("lag_samples is %d, must be at least 1", c.Lag)
	case c.n < 2:
		err = fmt.Errorf("order %d and lag_samples %d leave %d of the window's %d samples, must leave at least 2", c.Order, c.Lag, c.n, in.Len)
	}
	if err != nil {
		return features.Format{}, fmt.Errorf("covariance: %w", err)
	}
	names := append([]string(nil), in.Names...)
	for k := 1; k < c.Order; k++ {
		for _, name := range in.Names {
			names = append(names, fmt.Sprintf("%s+%d", name, k*c.Lag))
		}
	}
	c.window = window{names: append([]string(nil), in.Names...), len: in.Len}
	c.covs, c.m = spd.NewCovariances(len(names), c.n), spd.NewMatrix(len(names))
	return features.Format{Names: pairs("cov", names)}, nil
}

// Extract fills dst [n·(n+1)/2] from x [channels, samples].
func (c *Covariance) Extract(dst []float64, x [][]float64) error {
	entries := 0
	if c.m != nil {
		entries = spd.Packed(c.m.N)
	}
	if err := c.check(dst, entries, x); err != nil {
		return fmt.Errorf("covariance: %w", err)
	}
	for k := range c.Order {
		for ch, row := range x {
			c.covs.LoadRow(k*len(x)+ch, row[k*c.Lag:k*c.Lag+c.n])
		}
	}
	amount, err := c.covs.Estimate(c.m, c.Estimator)
	if err != nil {
		return fmt.Errorf("covariance: %w", named(err, c.names))
	}
	c.used = [2]float64{min(c.used[0], amount), max(c.used[1], amount)}
	c.m.Pack(dst)
	return nil
}

// Notes says how far the covariances of the windows so far were shrunk.
func (c *Covariance) Notes() []signal.Note {
	return shrinkageNote(c.used, "each window's covariance", c.Estimator)
}

// shrinkageNote says by how much the covariance of what was shrunk; it is empty where that is not at all.
func shrinkageNote(used [2]float64, what string, how spd.Estimator) []signal.Note {
	if used[1] <= 0 {
		return nil
	}
	return []signal.Note{{Text: fmt.Sprintf("shrinkage %%s of %s (%s)", what, how), Low: used[0], High: used[1]}}
}

// named adds the name to an error that has only the channel's number. Copies and filtered channels count on.
func named(err error, names []string) error {
	var bad *spd.ChannelError
	if errors.As(err, &bad) {
		return fmt.Errorf("channel %q: %w", names[bad.Channel%len(names)], err)
	}
	return err
}
