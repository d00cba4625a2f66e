package featurestest

import (
	"math"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

// Trials are windows of recorded imagined movements.
type Trials struct {
	Info *signal.Info
	X    [][][]float64 // [trials][channels][480 samples], µV
	Y    []int         // 0 for the cue T1, 1 for T2
	Run  []int         // position in the runs asked for
}

// MotorBand is that of the rhythms over motor cortex, in Hz.
var MotorBand = dsp.Bandpass(8, 30)

// Imagery reads runs of a subject of EEGMMIDB as benchmarks/oracle/eegmmidb.py does: all channels behind a causal Butterworth
// band-pass of order 4, such as MotorBand, which starts at rest at the first sample; windows [cue + 0.5 s, cue + 3.5 s).
func Imagery(t testing.TB, band dsp.Band, subject string, runs ...string) Trials {
	t.Helper()
	var out Trials
	for r, run := range runs {
		c := datasettest.Whole(t, "eegmmidb/"+subject+"/"+subject+run+".edf")
		sos, err := dsp.Butter(4, band, c.Info.Rate)
		if err != nil {
			t.Fatal(err)
		}
		y := signal.NewChunk(c.Info, 0, c.Len())
		sos.Filt(y.X, c.X, sos.NewState(len(c.X)))
		out.Info = c.Info
		for _, e := range c.Events {
			k := 0
			switch e.Label {
			case "T1":
			case "T2":
				k = 1
			default:
				continue
			}
			out.X = append(out.X, y.Slice(e.Sample+80, e.Sample+560).X)
			out.Y, out.Run = append(out.Y, k), append(out.Run, r)
		}
	}
	return out
}

// Check fails the test where the magnitudes of all samples do not add up to sum, which another program found.
func (r Trials) Check(t testing.TB, sum float64) {
	t.Helper()
	own := 0.0
	for _, w := range r.X {
		for _, x := range w {
			for _, v := range x {
				own += math.Abs(v)
			}
		}
	}
	if !(math.Abs(own-sum) <= 1e-9*sum) {
		t.Fatalf("the magnitudes of all trials add up to %g, the other program's to %g", own, sum)
	}
}

// Every is the windows with every n-th channel, and the channels' names.
func (r Trials) Every(n int) (windows [][][]float64, names []string) {
	for ch := 0; ch < len(r.Info.Channels); ch += n {
		names = append(names, r.Info.Channels[ch].Name)
	}
	windows = make([][][]float64, len(r.X))
	for i, w := range r.X {
		for ch := 0; ch < len(w); ch += n {
			windows[i] = append(windows[i], w[ch])
		}
	}
	return windows, names
}

// Append adds the trials of b behind those of r, its labels counted on from labels.
func (r Trials) Append(b Trials, labels int) Trials {
	r.X = append(r.X, b.X...)
	for i, k := range b.Y {
		r.Y, r.Run = append(r.Y, k+labels), append(r.Run, b.Run[i])
	}
	return r
}
