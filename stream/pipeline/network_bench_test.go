package pipeline

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// BenchmarkNetworks is one window of 64 channels × 480 samples through the decoder of each built-in network: what a live
// loop waits for.
func BenchmarkNetworks(b *testing.B) {
	in := features.Format{Len: 480, Rate: 160}
	for ch := range 64 {
		in.Names = append(in.Names, fmt.Sprintf("E%d", ch+1))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	e := examples{}
	e.y.Classes = []string{"left", "right"}
	for i := range 8 {
		w := newWindow(in)
		for _, c := range w {
			for t := range c {
				c[t] = 10 * rng.NormFloat64()
			}
		}
		e.wins, e.y.Y = append(e.wins, w), append(e.y.Y, i%2)
	}
	for _, name := range []string{"eegnet", "shallow", "deep4", "conformer", "atcnet", "eegtcnet", "fbcnet", "cnn-lstm"} {
		b.Run(name, func(b *testing.B) {
			spec, err := Load(name)
			if err != nil {
				b.Fatal(err)
			}
			if err := spec.Decoder.Set(map[string]any{"epochs": 1, "workers": 1}); err != nil {
				b.Fatal(err)
			}
			p, err := Build(spec, Cued)
			if err != nil {
				b.Fatal(err)
			}
			if err := p.head.start(in, e.y.Classes, 0); err != nil {
				b.Fatal(err)
			}
			if err := p.head.fit(b.Context(), e); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := p.head.predict(signal.Window{X: e.wins[0]}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
