package synth_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
)

// cursor is a simulated run with its channels.
func cursor(t *testing.T, set func(*synth.CursorOptions)) (*signal.Recording, *synth.CursorTruth, func(name string) []float64) {
	t.Helper()
	opt := synth.CursorDefaults()
	opt.Electrodes, opt.Reaches = 6, 40
	if set != nil {
		set(&opt)
	}
	rec, truth, err := synth.Cursor(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.Info.Validate(); err != nil {
		t.Fatal(err)
	}
	x := rec.Data.(signal.Memory)
	return rec, truth, func(name string) []float64 { return x[rec.Info.Index(name)] }
}

// TestCursorKinematics: the velocity is the slope of the position, to the second order of the sampling interval; each reach
// ends on its target, and the cursor stays on the screen.
func TestCursorKinematics(t *testing.T) {
	rec, _, at := cursor(t, nil)
	for _, axis := range []string{"x", "y"} {
		p, v, to := at("cursor_"+axis), at("cursor_v"+axis), at("target_"+axis)
		for k := 1; k < len(p)-1; k++ {
			if slope := (p[k+1] - p[k-1]) / 2 * rec.Info.Rate; math.Abs(slope-v[k]) > 0.05 {
				t.Fatalf("%s: velocity %g at sample %d, the position changes by %g", axis, v[k], k, slope)
			}
			if math.Abs(p[k]) > 0.9 {
				t.Fatalf("%s is %g", axis, p[k])
			}
		}
		for _, e := range rec.Events[1:] {
			if d := math.Abs(p[e.Sample-1] - to[e.Sample-1]); d > 1e-9 {
				t.Errorf("%s: a reach ends %g beside its target", axis, d)
			}
		}
	}
}

// TestCursorTuning: the logarithm of an electrode's power rises with the velocity by twice its tuning, and not at all
// without.
func TestCursorTuning(t *testing.T) {
	for _, depth := range []float64{0, 0.8} {
		rec, truth, at := cursor(t, func(o *synth.CursorOptions) { o.Depth, o.PositionDepth, o.Reaches = depth, 0, 150 })
		vx, vy := at("cursor_vx"), at("cursor_vy")
		n := int(rec.Info.Rate / 5)
		for k, w := range truth.Velocity {
			var drive, power []float64
			x := at(rec.Info.Channels[k].Name)
			for from := 0; from+n < len(x); from += n {
				d, e := 0.0, 0.0
				for s := from; s < from+n; s++ {
					d += (w[0]*vx[s] + w[1]*vy[s]) / float64(n)
				}
				for _, hz := range []float64{75, 80, 85} { // where the background is 12 dB below the carrier
					re, im := 0.0, 0.0
					for s := from; s < from+n; s++ {
						sin, cos := math.Sincos(2 * math.Pi * hz * float64(s) / rec.Info.Rate)
						re, im = re+x[s]*cos, im+x[s]*sin
					}
					e += re*re + im*im
				}
				drive, power = append(drive, d), append(power, math.Log(e))
			}
			if depth == 0 {
				continue
			}
			_, slope := stat.LinearRegression(drive, power, nil, false)
			if math.Abs(slope-2) > 0.5 {
				t.Errorf("electrode %d: log power rises by %.2f with the drive, want 2", k, slope)
			}
		}
		if depth == 0 && truth.Velocity[0] != [2]float64{} {
			t.Errorf("tuning %v without depth", truth.Velocity[0])
		}
	}
}

func TestCursorSeeds(t *testing.T) {
	a, ta, atA := cursor(t, nil)
	b, tb, atB := cursor(t, nil)
	if a.Len != b.Len || !slices.Equal(atA("G1"), atB("G1")) || !slices.Equal(ta.Velocity, tb.Velocity) {
		t.Error("the same seeds give another recording")
	}
	_, tc, atC := cursor(t, func(o *synth.CursorOptions) { o.Run = 1 })
	if !slices.Equal(ta.Velocity, tc.Velocity) || slices.Equal(atA("G1")[:1000], atC("G1")[:1000]) {
		t.Error("another run must keep the tuning and change the time courses")
	}
	_, td, _ := cursor(t, func(o *synth.CursorOptions) { o.Subject = 1 })
	if slices.Equal(ta.Velocity, td.Velocity) {
		t.Error("another subject has the same tuning")
	}
	for want, set := range map[string]func(*synth.CursorOptions){
		"rate_hz is 100":   func(o *synth.CursorOptions) { o.Rate = 100 },
		"electrodes is 0":  func(o *synth.CursorOptions) { o.Electrodes = 0 },
		"reaches is 0":     func(o *synth.CursorOptions) { o.Reaches = 0 },
		"depth is NaN":     func(o *synth.CursorOptions) { o.Depth = math.NaN() },
		"too many values":  func(o *synth.CursorOptions) { o.Rate, o.Reaches, o.Electrodes = 1000, 3000, 256 },
		"position_depth i": func(o *synth.CursorOptions) { o.PositionDepth = -1 },
	} {
		opt := synth.CursorDefaults()
		set(&opt)
		if _, _, err := synth.Cursor(opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, must contain %q", err, want)
		}
	}
}
