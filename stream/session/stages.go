package session

import (
	"math"
	"slices"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
)

// stage is one part of the way from a chunk's arrival to a subscriber.
type stage int

const (
	stageArrival    stage = iota // from the arrival of a chunk until it is taken in
	stagePreprocess              // the steps on samples
	stageWindow                  // cutting and checking windows
	stageDecode                  // features, decoder, decision
	stagePublish                 // handing the command to the bus
	stageTotal                   // from the arrival until the command was handed to the bus
	stageSubscriber              // from then until a subscriber has it
	stageCount
)

var stageNames = [stageCount]string{"arrival", "preprocess", "window", "decode", "publish", "total", "subscriber"}

// Stages lists the names of the stages, in order.
func Stages() []string { return slices.Clone(stageNames[:]) }

// stages measures every stage: exactly for the report, and in buckets for whoever looks on meanwhile.
type stages struct {
	exact   [stageCount]control.Quantiles
	buckets [stageCount]histogram
}

func (s *stages) add(k stage, d time.Duration) {
	s.exact[k].Add(d.Seconds() * 1e3)
	s.buckets[k].add(d)
}

// report is every stage that was seen.
func (s *stages) report() map[string]control.Summary {
	out := map[string]control.Summary{}
	for k := range stageCount {
		if sum := s.exact[k].Summary(); sum.N > 0 {
			out[stageNames[k]] = sum
		}
	}
	return out
}

// histogram counts durations in buckets that grow by a tenth of an octave: a quantile is off by 3.5 % at most.
type histogram struct {
	n    [histogramSize]uint64
	all  uint64
	sum  float64 // seconds
	most time.Duration
}

const (
	histogramSize = 360                    // up to 2^36 × first: 19 hours
	first         = 1000 * time.Nanosecond // the lower end: all below is counted there
	perOctave     = 10
)

func bucketOf(d time.Duration) int {
	if d <= first {
		return 0
	}
	return min(int(math.Log2(float64(d)/float64(first))*perOctave)+1, histogramSize-1)
}

// upper is the end of a bucket.
func upper(k int) time.Duration {
	return time.Duration(float64(first) * math.Exp2(float64(k)/perOctave))
}

func (h *histogram) add(d time.Duration) {
	h.n[bucketOf(d)]++
	h.all++
	h.sum += d.Seconds()
	h.most = max(h.most, d)
}

// quantile is the middle of the bucket that holds it, never more than the largest value.
func (h *histogram) quantile(p float64) time.Duration {
	rank := uint64(math.Ceil(p * float64(h.all)))
	seen := uint64(0)
	for k, n := range h.n {
		if seen += n; n > 0 && seen >= rank {
			return min(time.Duration(float64(upper(k))*math.Exp2(-0.5/perOctave)), h.most)
		}
	}
	return h.most
}

// cumulative is how many were at most d, to the width of a bucket.
func (h *histogram) cumulative(d time.Duration) (n uint64) {
	for k := 0; k < histogramSize && upper(k) <= d; k++ {
		n += h.n[k]
	}
	return n
}

// latencies is what telemetry shows.
func (s *stages) latencies() []bus.StageLatency {
	var list []bus.StageLatency
	inMS := func(d time.Duration) float64 { return d.Seconds() * 1e3 }
	for k := range stageCount {
		h := &s.buckets[k]
		if h.all == 0 {
			continue
		}
		list = append(list, bus.StageLatency{
			Stage: stageNames[k], N: h.all, P50: inMS(h.quantile(0.5)), P99: inMS(h.quantile(0.99)), P999: inMS(h.quantile(0.999)), Max: inMS(h.most),
		})
	}
	return list
}
