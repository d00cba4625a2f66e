package timedomain_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/featurestest"
	"github.com/gyrus-bci/gyrus/features/timedomain"
)

func TestConformance(t *testing.T) {
	featurestest.Run(t, "logvar", func() features.Step { return &timedomain.LogVar{} })
}

func start(t *testing.T, n int, names ...string) *timedomain.LogVar {
	t.Helper()
	l := &timedomain.LogVar{}
	if _, err := l.Start(features.Format{Names: names, Len: n, Rate: 160}); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestNames(t *testing.T) {
	out, err := (&timedomain.LogVar{}).Start(features.Format{Names: []string{"C3", "csp1"}, Len: 10, Rate: 160})
	if err != nil || out.Len != 0 || strings.Join(out.Names, " ") != "C3.logvar csp1.logvar" {
		t.Errorf("got %+v, %v; want rows of C3.logvar and csp1.logvar", out, err)
	}
}

// TestLogVar compares with a closed form: a full number of periods of a sine of amplitude
// a around any offset has the variance a²/2.
func TestLogVar(t *testing.T) {
	for _, tc := range []struct{ amplitude, offset float64 }{{1, 0}, {20, 0}, {1e-3, 0}, {20, 5e4}, {1e-2, -2e5}} {
		x := make([]float64, 480)
		for i := range x {
			x[i] = tc.offset + tc.amplitude*math.Sin(2*math.Pi*10*float64(i)/160)
		}
		got := make([]float64, 1)
		if err := start(t, 480, "C3").Extract(got, [][]float64{x}); err != nil {
			t.Fatal(err)
		}
		want := math.Log(tc.amplitude * tc.amplitude / 2)
		tol := 1e-12 + 1e-13*math.Abs(tc.offset)/tc.amplitude // the samples themselves are rounded beside the offset
		if math.Abs(got[0]-want) > tol {
			t.Errorf("%+v: %.15g, want %.15g (tolerance %g)", tc, got[0], want, tol)
		}
	}
}

func TestErrorsNameTheChannel(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(x []float64)
		want  []string
	}{
		{"flat", func(x []float64) {
			for i := range x {
				x[i] = 0.1 + 1e5/3
			}
		}, []string{`"C4" is flat`, "leave the channel out"}},
		{"NaN", func(x []float64) { x[7] = math.NaN() }, []string{`"C4"`, "NaN"}},
		{"infinite at the start", func(x []float64) { x[0] = math.Inf(-1) }, []string{`"C4"`, "NaN"}},
		{"too large", func(x []float64) { x[3] = 1e200 }, []string{`"C4"`, "+Inf"}},
	} {
		x := [][]float64{make([]float64, 50), make([]float64, 50)}
		rng := rand.New(rand.NewPCG(1, 1))
		for i := range 50 {
			x[0][i], x[1][i] = rng.NormFloat64(), rng.NormFloat64()
		}
		tc.spoil(x[1])
		err := start(t, 50, "C3", "C4").Extract(make([]float64, 2), x)
		for _, want := range tc.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error is %v, must contain %q", tc.name, err, want)
			}
		}
	}
}

func TestStartRefusesWhatIsNoWindow(t *testing.T) {
	for _, n := range []int{0, 1} {
		if _, err := (&timedomain.LogVar{}).Start(features.Format{Names: []string{"a"}, Len: n}); err == nil {
			t.Errorf("length %d: no error", n)
		}
	}
}

func BenchmarkLogVar(b *testing.B) {
	for _, chs := range []int{6, 64} {
		b.Run(fmt.Sprintf("ch=%d", chs), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			x := make([][]float64, chs)
			names := make([]string, chs)
			for ch := range x {
				names[ch] = strconv.Itoa(ch)
				x[ch] = make([]float64, 480)
				for i := range x[ch] {
					x[ch][i] = rng.NormFloat64()
				}
			}
			l, dst := &timedomain.LogVar{}, make([]float64, chs)
			if _, err := l.Start(features.Format{Names: names, Len: 480, Rate: 160}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := l.Extract(dst, x); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(480/160.*float64(b.N)/b.Elapsed().Seconds(), "x_realtime")
		})
	}
}
