package edf_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestRateOfTheEEGStays: a slow channel of an odd rate, such as XDF has where it was measured, does not change the rate of the EEG, and is itself
// as near to its own as records of the EEG allow. What it is, and how far that leads, is listed.
func TestRateOfTheEEGStays(t *testing.T) {
	for _, rate := range []float64{250, 256, 512, 1024} {
		for _, slow := range []float64{51.845323023920216, 31.99873, 9.99123457, 1.00021} {
			for _, seconds := range []float64{20, 600} {
				name := fmt.Sprintf("%g s at %g Hz beside %g Hz", seconds, slow, rate)
				rec := madeGroup(rate, "x", 1, span(0, int64(seconds*rate)))
				n := int64(seconds * slow)
				rec.Others = []*signal.Recording{madeGroup(slow, "y", 1, span(0, n))}
				again, losses := rewrite(t, rec, "edf+")
				if again.Info.Channels[0].Name != "x1" || again.Info.Rate != rate || len(again.Others) != 1 {
					t.Errorf("%s: the EEG is at %.9g Hz", name, again.Info.Rate)
					continue
				}
				other := again.Others[0]
				off := float64(n) * math.Abs(other.Info.Rate/slow-1)
				if best := nearest(rate, slow, n); off > max(0.1, best+1e-9) {
					t.Errorf("%s: the slow channel is at %.9g Hz, and comes %.3g samples off, but could %.3g", name, other.Info.Rate, off, best)
				}
				same := func(text string) bool { return strings.Contains(text, fmt.Sprintf("%.17g Hz", other.Info.Rate)) }
				if !slices.ContainsFunc(losses, func(l signal.Deviation) bool {
					return strings.HasPrefix(l.Where, "sampling rate of 1 channels") && same(l.Assumed) && strings.Contains(l.Assumed, "samples from") == (off > 0.1)
				}) {
					t.Errorf("%s: the rate of the slow channel, %.17g Hz, %.3g samples off, is not among %+v", name, other.Info.Rate, off, losses)
				}
				want, got := make([]float64, n), make([]float64, n)
				for _, r := range []struct {
					rec *signal.Recording
					x   []float64
				}{{rec.Others[0], want}, {other, got}} {
					if err := r.rec.Data.ReadSamples([][]float64{r.x}, 0); err != nil {
						t.Fatal(err)
					}
				}
				if !slices.Equal(want, got) {
					t.Errorf("%s: the samples of the slow channel are others", name)
				}
			}
		}
	}
}

// nearest is by how many samples of n a slow rate leads away at least where records have a whole number of samples of another rate in up to
// a minute, which eight characters hold.
func nearest(rate, slow float64, n int64) float64 {
	best := math.Inf(1)
	for k := 1.0; k <= 60*rate; k++ {
		if d := k / rate; len(strconv.FormatFloat(d, 'f', -1, 64)) <= 8 && d*slow > 0.5 {
			best = min(best, float64(n)*math.Abs(math.Round(d*slow)/d/slow-1))
		}
	}
	return best
}
