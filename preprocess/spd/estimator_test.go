package spd_test

import (
	"testing"

	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func BenchmarkCovariances(b *testing.B) {
	for _, how := range spd.Estimators() {
		b.Run(string(how)+"/ch=22/n=1000", func(b *testing.B) {
			x := noise(22, 1000, 1)
			c, m := spd.NewCovariances(22, 1000), spd.NewMatrix(22)
			b.ReportAllocs()
			for b.Loop() {
				c.Load(x)
				if _, err := c.Estimate(m, how); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
