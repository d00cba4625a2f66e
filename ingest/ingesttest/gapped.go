package ingesttest

import (
	"math/rand/v2"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Gapped is a recording with a gap, events and two kinds of channel, for tests of writers: a new one each time.
func Gapped() *signal.Recording {
	const n = 700
	rng := rand.New(rand.NewPCG(1, 2))
	x := make(signal.Memory, 2)
	for ch := range x {
		x[ch] = make([]float64, n)
		for t := range x[ch] {
			x[ch][t] = rng.NormFloat64()
		}
	}
	return &signal.Recording{
		Name: "r", Format: "test", Begin: time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC), Len: n, Spans: []signal.Span{{Start: 0, Len: 333}, {Start: 400, Len: 300}}, Data: x,
		Info: &signal.Info{Rate: 128, Reference: "linked ears", Channels: []signal.Channel{
			{Name: "Cz", Original: "EEG Cz-LE", Kind: signal.EEG, Unit: signal.Microvolt, Pos: &signal.Position{0, 0.01, 0.09}},
			{Name: "light", Original: "light", Kind: signal.Misc, Unit: "lx"},
		}},
		Events: []signal.Event{{Sample: 5, Onset: 0.04, Label: "left"}, {Sample: 5, Onset: 0.041, Label: "é, \"x\""}, {Sample: 500, Onset: 3.9, Duration: 1.5, Label: "right"}},
	}
}
