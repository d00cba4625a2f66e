package uncached_test

import (
	"fmt"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/uncached"
)

// BenchmarkFresh fills memory as large as that of a recording which is read whole, fresh from the system, with what lies in the nearest
// cache: what a reader takes that neither reads its file nor decodes it. No other one can take less on this machine.
func BenchmarkFresh(b *testing.B) {
	for _, c := range []struct{ rows, n int }{{64, 576_000}, {512, 600_000}, {64, 390_624}} {
		b.Run(fmt.Sprintf("rows=%d/n=%d", c.rows, c.n), func(b *testing.B) {
			if testing.Short() {
				c.n = 2 * uncached.Block
			}
			info := &signal.Info{Rate: 1, Channels: make([]signal.Channel, c.rows)}
			block := make([]float64, uncached.Block)
			ingesttest.BenchFresh(b, func() error {
				x := signal.NewChunk(info, 0, c.n).X
				for at := 0; at < c.n; at += len(block) {
					for ch := range x {
						to := x[ch][at:min(at+len(block), c.n)]
						uncached.Copy(to, block[:len(to)])
					}
				}
				uncached.Done()
				return nil
			})
		})
	}
}
