package artifact_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/artifact"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
)

func newASR(t testing.TB, params string) *artifact.ASR {
	t.Helper()
	p, err := preprocess.Processors().New("asr", []byte(params))
	if err != nil {
		t.Fatal(err)
	}
	return p.(*artifact.ASR)
}

func TestASRConformance(t *testing.T) {
	for name, params := range map[string]string{
		"asr aggressive":   `{"cutoff": 1.5}`,
		"asr no lookahead": `{"lookahead_s": 0, "step_s": 0.05, "cutoff": 2, "select": false}`,
		"asr blocks":       `{"block_s": 0.7531, "cutoff": 2, "exclude": ["C3"]}`,
	} {
		preprocesstest.RunCalibrator(t, name, func() preprocess.Calibrator { return newASR(t, params) })
	}
}

// reference is the recording that asr_process of clean_rawdata was run on, and what it returned: 32 channels, 128 Hz.
func reference(t *testing.T) (raw signal.Chunk, clean [][]float64) {
	t.Helper()
	x := float32s(t, datasettest.Need(t, "formats/eeglab/eeglab_data.fdt"), 32)
	data, rows, cols := matField(t, datasettest.Need(t, "asr/matlab_asr_data.mat"), "clean")
	if rows != len(x) || cols != len(x[0]) {
		t.Fatalf("the reference is %d × %d, the recording %d × %d", rows, cols, len(x), len(x[0]))
	}
	info := &signal.Info{Rate: 128}
	for ch := range x {
		info.Channels = append(info.Channels, signal.Channel{Name: fmt.Sprintf("E%d", ch+1), Kind: signal.EEG, Unit: signal.Microvolt})
	}
	raw = signal.Chunk{Info: info, X: x}
	clean = make([][]float64, rows)
	for ch := range clean {
		clean[ch] = make([]float64, cols)
		for s := range clean[ch] {
			clean[ch][s] = data[s*rows+ch]
		}
	}
	return raw, clean
}

// TestASRAgainstMATLAB compares with the output of the MATLAB program, in root mean squares over all channels.
//
// The parameters are those of the reference (asr_calibrate with a cutoff of 2.5 on the whole recording, asr_process with
// its defaults). It was made in 20 blocks of memory, 30504/20 samples each, behind which updates start anew: with this
// cutoff the places of the updates matter (one grid over the whole recording differs by 0.19), and block_s repeats them.
// The MATLAB program also starts its filter as
// calibration left it, we start it at rest: with that, too, only the rounding of the reference to float32 is left.
func TestASRAgainstMATLAB(t *testing.T) {
	raw, want := reference(t)
	delay := 32 // of the reference, which is late by the look-ahead
	s := newASR(t, `{"cutoff": 2.5, "step_s": 0.25, "select": false, "block_s": 11.915625}`)
	if _, err := s.Start(raw.Info); err != nil {
		t.Fatal(err)
	}
	if err := s.Calibrate([]signal.Chunk{raw}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		as   bool
		tol  float64
		note string
	}{
		{"filter at rest", false, 0.01, "clean_rawdata hands the state of its shaping filter on from the end of the calibration to the beginning of the signal, which for a stream would be the state of another recording; gyrus starts it at rest. From the same state (the other row) the programs agree to the bar."},
		{"filter as calibration left it", true, 1e-6, ""},
	} {
		if _, err := s.Start(raw.Info); err != nil {
			t.Fatal(err)
		}
		if tc.as {
			if err := s.FilterAsLeft([]signal.Chunk{raw}); err != nil {
				t.Fatal(err)
			}
		}
		var got [][]float64
		for at := int64(0); at < raw.End(); at += 1000 {
			y, err := s.Process(raw.Slice(at, min(at+1000, raw.End())))
			if err != nil {
				t.Fatal(err)
			}
			if got == nil {
				got = make([][]float64, len(want))
			}
			for ch, x := range y.X {
				got[ch] = append(got[ch], x...)
			}
		}
		if n := len(got[0]); n < raw.Len()-delay-32 {
			t.Fatalf("%d samples of %d without Flush", n, raw.Len())
		}
		var d, p, removed float64
		for ch := range got {
			for s, v := range got[ch] {
				ref := want[ch][s+delay]
				d += (v - ref) * (v - ref)
				p += ref * ref
				removed += (v - raw.X[ch][s]) * (v - raw.X[ch][s])
			}
		}
		t.Logf("%s: differs by %.2g of the reference (root mean square); %.2g of it was taken out", tc.name, math.Sqrt(d/p), math.Sqrt(removed/p))
		if !(math.Sqrt(d/p) < tc.tol) {
			t.Errorf("%s: differs by %g of the reference, must be below %g", tc.name, math.Sqrt(d/p), tc.tol)
		}
		paritytest.Error(t, paritytest.Report{
			What: "artifact subspace reconstruction, " + tc.name + ": cleaned signal, root mean square", Peer: "clean_rawdata (MATLAB)",
			Data: "eeglab_data", Err: math.Sqrt(d / p), Tol: tc.tol, Note: tc.note,
		})
	}
}

func TestASRErrors(t *testing.T) {
	info := preprocesstest.Info()
	for want, params := range map[string]string{
		"cutoff is 0, must be above 0":                      `{"cutoff": 0}`,
		"window_s is -1, must be above 0":                   `{"window_s": -1}`,
		"lookahead_s is 0.6, must be at least 0 and at mos": `{"lookahead_s": 0.6}`,
		"step_s is 0.001, must be at least one sample":      `{"step_s": 0.001}`,
		"max_dims is 2, must be above 0 and at most 1":      `{"max_dims": 2}`,
		"block_s is 0.1, must be 0, or at least window_s":   `{"block_s": 0.1}`,
		"select_low is 1, must be below 0":                  `{"select_low": 1}`,
		`exclude: unknown channel "fp1"`:                    `{"exclude": ["fp1"]}`,
		"1 EEG channels, needs at least 2":                  `{"exclude": ["Fp1", "F3", "C3", "C4", "O1"]}`,
	} {
		if _, err := newASR(t, params).Start(info); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, must contain %q", err, want)
		}
	}
	slow := *info
	slow.Rate = 30
	if _, err := newASR(t, `{}`).Start(&slow); err == nil || !strings.Contains(err.Error(), "must be above 34 Hz") {
		t.Errorf("at 30 Hz: %v", err)
	}
	s := newASR(t, `{}`)
	if _, err := s.Start(info); err != nil {
		t.Fatal(err)
	}
	run := preprocesstest.Training(info)[0]
	if err := s.Calibrate([]signal.Chunk{run.Slice(run.Start, run.Start+1000)}); err == nil || !strings.Contains(err.Error(), "record more") {
		t.Errorf("4 s of training: %v", err)
	}
	clear(run.X[3])
	if err := s.Calibrate([]signal.Chunk{run}); err == nil || !strings.Contains(err.Error(), "channel C4 is flat in the training signal") {
		t.Errorf("a flat channel: %v", err)
	}
}

// TestASRTakesOutABurst: a strong burst in one direction goes, what is elsewhere in time stays, bit for bit; also where
// the training signal has an average reference, so that its covariance is singular.
func TestASRTakesOutABurst(t *testing.T) {
	for _, average := range []bool{false, true} {
		info := preprocesstest.Info()
		runs := preprocesstest.Training(info)
		dirty := runs[1].Clone()
		burst := []float64{1500, 500, -250, 100, 50, 25}
		for s := 4000; s < 4200; s++ {
			for ch, b := range burst {
				dirty.X[ch][s] += b * math.Sin(float64(s)/3)
			}
		}
		if average {
			for _, c := range []signal.Chunk{runs[0], runs[1], dirty} {
				for s := range c.Len() {
					mean := 0.0
					for ch := range burst {
						mean += c.X[ch][s] / 6
					}
					for ch := range burst {
						c.X[ch][s] -= mean
					}
				}
			}
		}
		p := newASR(t, `{"cutoff": 40, "max_dims": 0.5}`)
		if _, err := p.Start(info); err != nil {
			t.Fatal(err)
		}
		if err := p.Calibrate(runs); err != nil {
			t.Fatal(err)
		}
		got, err := p.Process(dirty)
		if err != nil {
			t.Fatal(err)
		}
		var before, after float64
		for ch := range burst {
			for s := 4000; s < 4200; s++ {
				d, e := dirty.X[ch][s]-runs[1].X[ch][s], got.X[ch][s]-runs[1].X[ch][s]
				before += d * d
				after += e * e
			}
			for s := range 3700 {
				if got.X[ch][s] != dirty.X[ch][s] {
					t.Fatalf("sample %d of channel %d changes from %g to %g long before the burst", s, ch, dirty.X[ch][s], got.X[ch][s])
				}
			}
		}
		if r := math.Sqrt(after / before); !(r < 0.25) {
			t.Errorf("average reference %v: %.2g of the burst is left, must be below 0.25", average, r)
		}
	}
}

func BenchmarkASR(b *testing.B) {
	for _, chs := range []int{8, 32, 64} {
		b.Run(fmt.Sprintf("ch=%d", chs), func(b *testing.B) {
			info := &signal.Info{Rate: 250}
			for ch := range chs {
				info.Channels = append(info.Channels, signal.Channel{Name: fmt.Sprintf("E%d", ch+1), Kind: signal.EEG, Unit: signal.Microvolt})
			}
			c, u := signal.NewChunk(info, 0, 60*250), noise(5)
			for _, x := range c.X {
				for t := range x {
					x[t] = 40 * u.next()
				}
			}
			p := newASR(b, `{"cutoff": 1, "select": false}`) // every update rebuilds
			if _, err := p.Start(info); err != nil {
				b.Fatal(err)
			}
			if err := p.Calibrate([]signal.Chunk{c}); err != nil {
				b.Fatal(err)
			}
			second := c.Slice(0, 250)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Process(second); err != nil {
					b.Fatal(err)
				}
				second.Start += 250
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "x_realtime")
		})
	}
}
