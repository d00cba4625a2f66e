package standardise_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
	"github.com/gyrus-bci/gyrus/preprocess/standardise"
)

func ema(factor, block float64) func() preprocess.Processor {
	return func() preprocess.Processor {
		return &standardise.EMA{Factor: factor, InitBlock: block, Eps: 1e-4, Kinds: []signal.Kind{signal.EEG}}
	}
}

func TestConformance(t *testing.T) {
	preprocesstest.Run(t, "ema_standardise", ema(0.01, 0))
	preprocesstest.ChannelsApart(t, ema(0.01, 0))
	preprocesstest.Run(t, "ema_standardise block", ema(0.01, 1))
	preprocesstest.Run(t, "ema_standardise block longer than the stream", ema(0.01, 60))
}

type golden struct {
	Program  string `json:"program"`
	Samples  int    `json:"samples"`
	Channels int    `json:"channels"`
	Cases    []struct {
		Factor    float64     `json:"factor"`
		InitBlock int         `json:"init_block"`
		Eps       float64     `json:"eps"`
		Y         [][]float64 `json:"y"`
	} `json:"cases"`
}

// signals makes what stream in testdata/ema.py makes: noise that grows, on an offset.
func (g golden) signals() signal.Chunk {
	state := uint64(5)
	info := &signal.Info{Rate: 100}
	for ch := range g.Channels {
		info.Channels = append(info.Channels, signal.Channel{Name: fmt.Sprintf("E%d", ch), Kind: signal.EEG, Unit: signal.Microvolt})
	}
	c := signal.NewChunk(info, 0, g.Samples)
	for ch, x := range c.X {
		for t := range x {
			state = state*6364136223846793005 + 1442695040888963407
			x[t] = 30*(float64(state>>11)*0x1p-53-0.5)*(1+float64(t)/100) + 500*float64(ch+1)
		}
	}
	return c
}

// TestAgainstPandas: the values are about 1, out of samples of about 1000, which costs three digits.
func TestAgainstPandas(t *testing.T) {
	raw, err := os.ReadFile("testdata/ema.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	c, worst := g.signals(), 0.0
	var all, theirs []float64
	for _, tc := range g.Cases {
		s := &standardise.EMA{Factor: tc.Factor, InitBlock: float64(tc.InitBlock) / 100, Eps: tc.Eps, Kinds: []signal.Kind{signal.EEG}}
		out, err := s.Start(c.Info)
		if err != nil {
			t.Fatal(err)
		}
		if out.Channels[0].Unit != signal.NoUnit || c.Info.Channels[0].Unit != signal.Microvolt {
			t.Errorf("units: %q out of %q", out.Channels[0].Unit, c.Info.Channels[0].Unit)
		}
		y, err := s.Process(c)
		if err != nil {
			t.Fatal(err)
		}
		if y.Len() == 0 {
			if y, err = s.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		for ch, want := range tc.Y {
			all, theirs = append(all, y.X[ch][:len(want)]...), append(theirs, want...)
			for i, v := range want {
				worst = max(worst, math.Abs(y.X[ch][i]-v))
			}
		}
		if !(worst < 1e-10) {
			t.Fatalf("factor %g, block %d: differs from %s by %g", tc.Factor, tc.InitBlock, g.Program, worst)
		}
	}
	paritytest.Within(t, "exponential moving standardisation", g.Program, "generated", all, theirs, 1e-10)
}

// A NaN costs one sample, a flat channel is 0.
func TestBadSamples(t *testing.T) {
	for _, block := range []float64{0, 0.5} {
		c := golden{Samples: 200, Channels: 2}.signals()
		c.X[0][20] = math.NaN()
		c.X[0][120] = math.Inf(1)
		for i := range c.X[1] {
			c.X[1][i] = 500.1
		}
		s := ema(0.01, block)()
		if _, err := s.Start(c.Info); err != nil {
			t.Fatal(err)
		}
		y, err := s.Process(c)
		if err != nil || y.Len() != 200 {
			t.Fatalf("%d samples (%v)", y.Len(), err)
		}
		for i := range 200 {
			if bad := i == 20 || i == 120; math.IsNaN(y.X[0][i]) != bad || math.Abs(y.X[1][i]) > 1e-6 {
				t.Fatalf("block %g: sample %d is %g and %g", block, i, y.X[0][i], y.X[1][i])
			}
		}
	}
}

func TestStartErrors(t *testing.T) {
	info := preprocesstest.Info()
	for want, s := range map[string]*standardise.EMA{
		"factor_new is 0, must be above 0":                            {Eps: 1, Kinds: []signal.Kind{signal.EEG}},
		"factor_new is NaN":                                           {Factor: math.NaN(), Eps: 1, Kinds: []signal.Kind{signal.EEG}},
		"eps_uv is 0, must be above 0":                                {Factor: 1, Kinds: []signal.Kind{signal.EEG}},
		"init_block_s is -1, must be at least 0":                      {Factor: 1, Eps: 1, InitBlock: -1, Kinds: []signal.Kind{signal.EEG}},
		"none of the 8 channels is of the kinds [seeg]":               {Factor: 1, Eps: 1, Kinds: []signal.Kind{signal.SEEG}},
		"init_block_s is 1e+09, must be at least 0 and at most a day": {Factor: 1, Eps: 1, InitBlock: 1e9, Kinds: []signal.Kind{signal.EEG}},
	} {
		if _, err := s.Start(info); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, must contain %q", err, want)
		}
	}
}

func BenchmarkEMA(b *testing.B) {
	for _, chs := range []int{8, 64, 256} {
		b.Run(fmt.Sprintf("ch=%d", chs), func(b *testing.B) {
			c := golden{Samples: 100, Channels: chs}.signals()
			s := ema(0.001, 0)()
			if _, err := s.Start(c.Info); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Process(c); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "x_realtime")
		})
	}
}
