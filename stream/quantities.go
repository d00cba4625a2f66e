package stream

import (
	"context"
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/decoders/kalman"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// quantities are the channels of a recording that a continuous decoder learns to follow.
type quantities struct {
	target *pipeline.Target
	rate   float64 // of the recording
	idx    []int
	x      [][]float64 // the channels so far, from sample 0; NaN where the recording has none
	mean   int         // samples that a value is the mean of
}

// follow is nil where p tells classes.
func follow(rec *signal.Recording, p *pipeline.Pipeline) (*quantities, error) {
	t := p.Target()
	if t == nil {
		return nil, nil
	}
	idx, err := t.Find(rec.Info)
	if err != nil {
		return nil, err
	}
	return &quantities{target: t, rate: rec.Info.Rate, idx: idx, x: make([][]float64, len(idx)), mean: max(1, int(rec.Info.Samples(t.Average)))}, nil
}

// take keeps the channels of c.
func (q *quantities) take(c signal.Chunk) {
	for k, ch := range q.idx {
		for int64(len(q.x[k])) < c.Start {
			q.x[k] = append(q.x[k], math.NaN())
		}
		q.x[k] = append(q.x[k], c.X[ch]...)
	}
}

// add enters what w stands for in set. A step may have changed the rate, so the end of w is looked up by its time.
func (q *quantities) add(set *pipeline.Set, w signal.Window) error {
	end := int(math.Round(float64(w.End()) * q.rate / w.Info.Rate))
	if len(q.x[0]) == 0 || end > len(q.x[0]) {
		return fmt.Errorf("a window ends at sample %d, the quantities at %d: a step makes windows before their samples come", end, len(q.x[0]))
	}
	row := make([]float64, len(q.idx))
	for k, x := range q.x {
		from := max(0, end-q.mean)
		for _, v := range x[from:end] {
			row[k] += v / float64(end-from)
		}
		if math.IsNaN(row[k]) || math.IsInf(row[k], 0) {
			name := append(append([]string{}, q.target.Channels...), q.target.Goal...)[k]
			return &pipeline.InputError{Err: fmt.Errorf("target: channel %s is %g in the samples [%d, %d): leave out the recording, or repair it", name, row[k], from, end)}
		}
	}
	n := len(q.target.Channels)
	truth, learned := row[:n:n], row[:n:n]
	if axes := len(q.target.Goal); axes > 0 {
		meant, err := kalman.Intention([][]float64{row[axes:n]}, [][]float64{row[:axes]}, [][]float64{row[n:]}, q.target.Radius)
		if err != nil {
			return err
		}
		learned = append(append([]float64{}, row[:axes]...), meant[0]...)
	}
	set.Truth, set.Quantities = append(set.Truth, truth), append(set.Quantities, learned)
	return nil
}

// Truths are the quantities of rec, which a pipeline with a section target would learn to follow, by the last sample, plus
// one, of each window (Prediction.End).
func Truths(ctx context.Context, rec *signal.Recording, p *pipeline.Pipeline) (map[int64][]float64, error) {
	set := &pipeline.Set{}
	if _, err := windows(ctx, rec, p, set, nil); err != nil {
		return nil, fmt.Errorf("%s: %w", rec.Name, err)
	}
	out := make(map[int64][]float64, len(set.Windows))
	for i, w := range set.Windows {
		out[w.End()] = set.Truth[i]
	}
	return out, nil
}
