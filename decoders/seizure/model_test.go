package seizure

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// windows are noise in which a rhythm of 4 Hz (ictal) or 11 Hz (preictal) stands out, or none.
func windows(n, channels, samples int, rate float64, seed uint64) (x [][]float64, y signal.Labels) {
	rng := rand.New(rand.NewPCG(seed, 9))
	y.Classes = []string{Ictal, Interictal, Preictal}
	for i := range n {
		k := i % 3
		row := make([]float64, channels*samples)
		phase, gain := 2*math.Pi*rng.Float64(), 10+8*rng.Float64()
		for j := range row {
			row[j] = 12 * rng.NormFloat64()
			if ch := j / samples; k != 1 && ch%2 == 0 {
				row[j] += gain * math.Sin(phase+2*math.Pi*float64(j%samples)/rate*[]float64{4, 0, 11}[k])
			}
		}
		x, y.Y = append(x, row), append(y.Y, k)
	}
	return x, y
}

// fitted is a decoder that was trained for a few epochs on such windows.
func fitted(t testing.TB, name, params string, channels, samples int, rate float64) decoders.Windowed {
	t.Helper()
	d, err := decoders.Decoders().New(name, []byte(params))
	if err != nil {
		t.Fatal(err)
	}
	w := d.(decoders.Windowed)
	names := make([]string, channels)
	for i := range names {
		names[i] = fmt.Sprintf("E%d", i+1)
	}
	if err := w.SetFormat(features.Format{Names: names, Len: samples, Rate: rate}); err != nil {
		t.Fatal(err)
	}
	x, y := windows(60, channels, samples, rate, 1)
	if err := w.Fit(x, y); err != nil {
		t.Fatal(err)
	}
	return w
}

func model(t testing.TB, d decoders.Windowed) *Model {
	t.Helper()
	m, err := d.(Exporter).Model()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestFrontEnd holds the energies, in floating point and in integers, against the sums of the definition.
func TestFrontEnd(t *testing.T) {
	const channels, rate, samples = 2, 128, 3*128 + 17
	x, _ := windows(3, channels, samples, rate, 4)
	for i := range x[2] { // a channel far from zero
		x[2][i] += 500
	}
	for _, kind := range []frontKind{powersIn, secondsIn} {
		f, err := newFront(kind, features.Format{Names: make([]string, channels), Len: samples, Rate: rate}, 0.1)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range x {
			got, ints, conv := make([]float64, f.size()), make([]int32, f.size()), make([]int16, len(row))
			f.float(got, row)
			f.convert(conv, row)
			f.integer(ints, conv)
			for s := range f.count {
				for ch := range channels {
					for b, edge := range bands {
						energy := func(s int, sample func(i int) float64) (sum float64) {
							at := ch*samples + samples - (f.count-s)*rate
							mean := 0.0
							for k := range rate {
								mean += sample(at+k) / rate
							}
							for k := int(edge.low); k < int(edge.high); k++ {
								var re, im float64
								for n := range rate {
									v := (sample(at+n) - mean) / (0.1 / 8) * (0.5 - 0.5*math.Cos(2*math.Pi*float64(n)/rate))
									re += v * math.Cos(2*math.Pi*float64(k*n)/rate)
									im += v * math.Sin(2*math.Pi*float64(k*n)/rate)
								}
								sum += re*re + im*im
							}
							return sum
						}
						exact := func(sample func(i int) float64) float64 {
							if kind == powersIn {
								return math.Log2(energy(0, sample) + energy(1, sample) + energy(2, sample) + 1)
							}
							return math.Log2(energy(s, sample) + 1)
						}
						i := ch*len(bands) + b
						if kind == secondsIn {
							i += s * channels * len(bands)
						}
						// the window is a table of 16 bits
						if want := exact(func(i int) float64 { return row[i] }); math.Abs(got[i]-want) > 1e-3 {
							t.Errorf("kind %d, number %d: %g, by definition %g", kind, i, got[i], want)
						}
						// the table of logarithms is good to 1.25/256, and windowed samples are rounded to 1/8
						want := exact(func(i int) float64 { return 0.1 * float64(conv[i]) })
						if v := float64(ints[i]) / (1 << logBits); math.Abs(v-want) > 1.25/256+0.002 {
							t.Errorf("kind %d, number %d: in integers %g, by definition %g", kind, i, v, want)
						}
					}
				}
			}
		}
	}
}

// TestIntegerFollowsFloat: the same decisions, and logits that are near.
func TestIntegerFollowsFloat(t *testing.T) {
	for _, name := range []string{"edge_dnn", "edge_cnn", "edge_lstm"} {
		float := fitted(t, name, `{"epochs": 40}`, 6, 512, 128)
		whole := fitted(t, name, `{"epochs": 40, "int8": true}`, 6, 512, 128)
		x, y := windows(150, 6, 512, 128, 7)
		same, right := 0, [2]int{}
		p, q := make([]float64, 3), make([]float64, 3)
		for i := range x {
			if err := float.Predict(p, x[i]); err != nil {
				t.Fatal(err)
			}
			if err := whole.Predict(q, x[i]); err != nil {
				t.Fatal(err)
			}
			a, b := slices.Index(p, slices.Max(p)), slices.Index(q, slices.Max(q))
			if a == b {
				same++
			}
			for k, v := range []int{a, b} {
				if v == y.Y[i] {
					right[k]++
				}
			}
		}
		t.Logf("%s: %d of %d decisions are the same; right in float %d, in int8 %d", name, same, len(x), right[0], right[1])
		if same < len(x)*96/100 || right[0] < len(x)*8/10 {
			t.Errorf("%s: %d of %d decisions are the same, %d right", name, same, len(x), right[0])
		}
	}
}

// TestPruning: the part that was asked for is 0, behind fine-tuning too, and what is 0 stays 0 in integers.
func TestPruning(t *testing.T) {
	m := model(t, fitted(t, "edge_lstm", `{"epochs": 3, "prune": 0.7, "fine_tune_epochs": 2}`, 4, 256, 128))
	m.matrices(func(w *matrix, _ int) {
		if left := float64(w.used()) / float64(len(w.w)); left > 0.305 {
			t.Errorf("%s: %.3f of the weights are left, must be at most 0.3", w.name, left)
		}
		if !w.sparse() {
			t.Errorf("%s is not stored sparse", w.name)
		}
	})
	r := m.Report()
	full := model(t, fitted(t, "edge_lstm", `{"epochs": 3}`, 4, 256, 128)).Report()
	if r.Flash >= full.Flash || r.UsedMACs >= full.UsedMACs*4/10 || r.MACs != full.MACs {
		t.Errorf("pruned %+v, full %+v", r, full)
	}
}

// TestCompress: pruning a fitted decoder that was given its state makes the bits of a fit with prune, fine-tuning moves
// the weights that are left, and costs little of what was learned.
func TestCompress(t *testing.T) {
	for _, name := range []string{"edge_dnn", "edge_cnn", "edge_lstm"} {
		x, y := windows(60, 6, 512, 128, 1)
		full := fitted(t, name, `{"epochs": 40, "workers": 1}`, 6, 512, 128)
		const params = `{"epochs": 40, "workers": 1, "prune": 0.5, "fine_tune_epochs": %d}`
		once := fitted(t, name, fmt.Sprintf(params, 8), 6, 512, 128)
		again := func(epochs int) decoders.Windowed {
			d, err := decoders.Decoders().New(name, []byte(fmt.Sprintf(params, epochs)))
			if err != nil {
				t.Fatal(err)
			}
			w := d.(decoders.Windowed)
			names := []string{"E1", "E2", "E3", "E4", "E5", "E6"}
			if err := w.SetFormat(features.Format{Names: names, Len: 512, Rate: 128}); err != nil {
				t.Fatal(err)
			}
			w.SetClasses(y.Classes)
			if err := w.SetState(full.State()); err != nil {
				t.Fatal(err)
			}
			if err := w.(interface {
				Compress(x [][]float64, y signal.Labels) error
			}).Compress(x, y); err != nil {
				t.Fatal(err)
			}
			return w
		}
		tuned, plain := again(8), again(0)
		if d := cmp.Diff(once.State(), tuned.State()); d != "" {
			t.Errorf("%s: another state than that of a fit with prune: %s", name, d)
		}
		zero, moved, cut := 0, 0, 0
		before := full.State()
		for key, a := range plain.State() {
			for i, v := range a.Data {
				switch w := tuned.State()[key].Data[i]; {
				case !strings.HasPrefix(key, "net.") || !strings.Contains(key, "weight"):
				case v == 0 && before[key].Data[i] != 0:
					if cut++; w == 0 {
						zero++
					}
				case w != v:
					moved++
				}
			}
		}
		right := 0
		p := make([]float64, 3)
		test, truth := windows(150, 6, 512, 128, 7)
		for i := range test {
			if err := tuned.Predict(p, test[i]); err != nil {
				t.Fatal(err)
			}
			if slices.Index(p, slices.Max(p)) == truth.Y[i] {
				right++
			}
		}
		t.Logf("%s: %d weights were cut, of which %d are 0 behind fine-tuning; %d others moved; %d of 150 right", name, cut, zero, moved, right)
		if cut == 0 || zero != cut || moved == 0 || right < 120 {
			t.Errorf("%s: %d weights were cut, of which %d are 0 behind fine-tuning; %d others moved; %d of 150 right", name, cut, zero, moved, right)
		}
	}
}

// TestReport counts the sizes of specification 3.3 by hand.
func TestReport(t *testing.T) {
	for _, tc := range []struct {
		name             string
		parameters, macs int
		front            int
		state, buffers   int
	}{
		{"edge_dnn", 90*64 + 64 + 64*32 + 32 + 32*3 + 3, 90*64 + 64*32 + 32*3, 18 * 2 * 256 * 39, 1 + 4*90*8, 2*(64+32+90) + 1024},
		{"edge_cnn", 16*8 + 8 + 8*16*8 + 16 + 16*16*5 + 16 + 16*3 + 3, 18*(127*8*16+30*16*8*8+13*16*16*5) + 16*3, 0, 1 + 2*18*1024, 2 * (127*8 + 30*16 + 16)},
		{"edge_lstm", 128*90 + 128*32 + 2*128 + 32*3 + 3, 4*128*(90+32) + 32*3, 18 * 2 * 256 * 39, 1 + 2*4*90, 2*32 + 2*5*32 + 40 + 1024},
	} {
		r := model(t, fitted(t, tc.name, `{"epochs": 1}`, 18, 1024, 256)).Report()
		if r.Parameters != tc.parameters || r.MACs != tc.macs || r.FrontMACs != tc.front || r.RAM.State != tc.state || r.RAM.Buffers != tc.buffers {
			t.Errorf("%s: %+v, by hand %+v", tc.name, r, tc)
		}
		if r.RAM.Block != 18*256*2 || !r.RAM.Within || r.RAM.Total >= 64<<10 {
			t.Errorf("%s: %+v does not fit into 64 kB", tc.name, r.RAM)
		}
		e := r.Estimates[0]
		if want := (float64(tc.front) + float64(tc.macs)) * 5 * 300e-12 * 1e6; math.Abs(e.Microjoules-want) > 1e-9*want || e.Measured {
			t.Errorf("%s: %g µJ, by hand %g; measured %t", tc.name, e.Microjoules, want, e.Measured)
		}
		t.Logf("%s: flash %d, RAM %d, %d + %d MACs, %.2f ms and %.0f µJ in portable C, %.2f ms and %.0f µJ with SMLAD (estimates)", tc.name, r.Flash, r.RAM.Total, r.FrontMACs, r.MACs, e.Milliseconds, e.Microjoules, r.Estimates[1].Milliseconds, r.Estimates[1].Microjoules)
	}
}

func BenchmarkRun(b *testing.B) {
	for _, name := range []string{"edge_dnn", "edge_cnn", "edge_lstm"} {
		for _, how := range []string{"float", "int8"} {
			b.Run(name+"/"+how, func(b *testing.B) {
				d := fitted(b, name, fmt.Sprintf(`{"epochs": 1, "int8": %t}`, how == "int8"), 18, 1024, 256)
				x, _ := windows(1, 18, 1024, 256, 3)
				p := make([]float64, 3)
				b.ReportAllocs()
				for b.Loop() {
					if err := d.Predict(p, x[0]); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
