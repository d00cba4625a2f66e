package artifact_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/artifact"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
)

func newBadChannels(t testing.TB, params string) *artifact.BadChannels {
	t.Helper()
	p, err := preprocess.Processors().New("bad_channels", []byte(params))
	if err != nil {
		t.Fatal(err)
	}
	return p.(*artifact.BadChannels)
}

func TestBadChannelsConformance(t *testing.T) {
	for name, params := range map[string]string{
		// In the suite's mixture electrodes say little about each other, so some are bad.
		"bad_channels ransac":      `{"methods": ["flat", "ransac"], "ransac_part": 0.7, "ransac_correlation": 0.3, "ransac_samples": 9, "max_bad": 0.9}`,
		"bad_channels interpolate": `{"methods": ["deviation"], "deviation_z": 0.7, "exclude": ["O1"], "action": "interpolate"}`,
		"bad_channels strict":      `{"methods": ["deviation"], "deviation_z": 0.7, "exclude": ["O1"]}`,
	} {
		preprocesstest.RunCalibrator(t, name, func() preprocess.Calibrator { return newBadChannels(t, params) })
	}
}

type prep struct {
	Program      string      `json:"program"`
	Flat         []string    `json:"flat"`
	Deviation    []string    `json:"deviation"`
	Noisy        []string    `json:"noisy"`
	Correlation  []string    `json:"correlation"`
	Dropout      []string    `json:"dropout"`
	Ransac       []string    `json:"ransac"`
	DeviationZ   []float64   `json:"deviation_z"`
	NoiseZ       []float64   `json:"noise_z"`
	Correlations [][]float64 `json:"correlations"`
	Picks        [][]int     `json:"picks"`
	RansacCorr   [][]float64 `json:"ransac_correlations"`

	MNE          string               `json:"mne"`
	Interpolated map[string][]float64 `json:"interpolated"` // the bad channels, every 150th sample
}

// prepSignal makes what bad_channels.py makes.
func prepSignal() signal.Chunk {
	const n, chs, sources = 10*1000 + 150, 18, 5
	info := &signal.Info{Rate: 200}
	for k := range chs {
		z := 0.05 + 0.9*float64(k)/(chs-1)
		r, a := math.Sqrt(1-z*z), 2.4*float64(k)
		info.Channels = append(info.Channels, signal.Channel{
			Name: fmt.Sprintf("E%d", k+1), Kind: signal.EEG, Unit: signal.Microvolt,
			Pos: &signal.Position{0.09 * r * math.Cos(a), 0.09 * r * math.Sin(a), 0.09 * z},
		})
	}
	u := noise(21)
	var src [sources][3]float64
	for s := range src {
		src[s] = [3]float64{math.Cos(1.3 * float64(s)), math.Sin(1.3 * float64(s)), 0.6}
	}
	c := signal.NewChunk(info, 0, n)
	var state [sources]float64
	for t := range n {
		for s := range state {
			state[s] = 0.9*state[s] + 40*u.next()
		}
		for ch, x := range c.X {
			for s := range state {
				d := 0.0
				for i := range 3 {
					d += info.Channels[ch].Pos[i] / 0.09 * src[s][i]
				}
				x[t] += math.Exp(d) * state[s]
			}
			x[t] += 4 * u.next()
		}
	}
	for t := range n {
		c.X[2][t] *= 12
		c.X[5][t] = 7
		c.X[8][t] += 400 * u.next()
		if 2000 <= t && t < 3000 {
			c.X[11][t] = 3
		}
		c.X[16][t] *= -1
	}
	y := 0.0
	for t := range n {
		y = 0.9*y + 60*u.next()
		c.X[14][t] = y
	}
	return c
}

// TestBadChannelsAgainstPyprep compares scores, correlations and verdicts. For RANSAC the random choices are pyprep's.
func TestBadChannelsAgainstPyprep(t *testing.T) {
	var g prep
	readJSON(t, "testdata/bad_channels.json", &g)
	for why, w := range g.verdicts() {
		if len(w) == 0 {
			t.Errorf("nothing in the golden values is bad by %s", why)
		}
	}
	g.compare(t, prepSignal(), "generated", `"ransac_part": 0.3, "ransac_correlation": 0.7`)
}

// verdicts are the bad channels by criterion.
func (g *prep) verdicts() map[string][]string {
	return map[string][]string{
		"flat": g.Flat, "deviation": g.Deviation, "noisy": g.Noisy, "correlation": g.Correlation, "dropout": g.Dropout, "ransac": g.Ransac,
	}
}

// compare judges the channels of c, all of which have positions, and reports how far that is from what pyprep has.
func (g *prep) compare(t *testing.T, c signal.Chunk, data, ransac string) {
	t.Helper()
	s := newBadChannels(t, `{"methods": ["flat", "deviation", "noisy", "correlation", "ransac"], `+ransac+`, "seed": 3}`)
	if _, err := s.Start(c.Info); err != nil {
		t.Fatal(err)
	}
	if err := s.Calibrate([]signal.Chunk{c}); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	var names []string
	for _, b := range s.Found() {
		names = append(names, b.Name)
		for _, why := range b.Why {
			got[why] = append(got[why], b.Name)
		}
	}
	wrong := 0.0
	for why, w := range g.verdicts() {
		if !slices.Equal(got[why], w) {
			wrong++
			t.Errorf("bad by %s: %v, %s says %v", why, got[why], g.Program, w)
		}
	}
	out, err := s.Start(c.Info)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if out.Index(name) >= 0 {
			t.Errorf("%s is bad and comes out", name)
		}
	}
	if len(out.Channels)+len(names) != len(c.X) {
		t.Errorf("%d channels come out and %d are bad, of %d", len(out.Channels), len(names), len(c.X))
	}

	usable, good := []int{}, []int{}
	for ch := range c.X {
		name := c.Info.Channels[ch].Name
		if slices.Contains(g.Flat, name) {
			continue
		}
		usable = append(usable, ch)
		if !slices.Contains(slices.Concat(g.Deviation, g.Correlation, g.Dropout), name) {
			good = append(good, ch)
		}
	}
	kernel := artifact.LowPass50(c.Info.Rate)
	var raw, low [][]float64
	for _, ch := range usable {
		raw, low = append(raw, c.X[ch]), append(low, artifact.Smooth(c.X[ch], kernel))
	}
	idx := make([]int, len(usable))
	for i := range idx {
		idx[i] = i
	}
	deviations, noises := artifact.DeviationScores(raw), artifact.NoiseScores(raw, low, idx)
	var all [4]compared
	for i, ch := range usable {
		all[0].add(deviations[i], g.DeviationZ[ch])
		all[1].add(noises[i], g.NoiseZ[ch])
		close1(t, "z of the amplitude", deviations[i], g.DeviationZ[ch], 1e-9)
		close1(t, "z of the noise", noises[i], g.NoiseZ[ch], 1e-9)
	}
	second := int(c.Info.Rate)
	for w := range g.Correlations[0] {
		part := make([][]float64, len(low))
		for i := range low {
			part[i] = low[i][second*w : second*(w+1)]
		}
		best, _ := artifact.Closest(part)
		for i, ch := range usable {
			all[2].add(best[i], g.Correlations[ch][w])
			close1(t, "correlation", best[i], g.Correlations[ch][w], 1e-9)
		}
	}
	var rows [][]float64
	var directions [][3]float64
	for _, ch := range good {
		rows = append(rows, low[slices.Index(usable, ch)])
		p := *c.Info.Channels[ch].Pos
		n := math.Sqrt(p[0]*p[0] + p[1]*p[1] + p[2]*p[2])
		directions = append(directions, [3]float64{p[0] / n, p[1] / n, p[2] / n})
	}
	r, err := artifact.RansacCorrelations(rows, directions, g.Picks, 5*second)
	if err != nil {
		t.Fatal(err)
	}
	if len(r) < len(g.RansacCorr) {
		t.Fatalf("%d windows, %s has %d", len(r), g.Program, len(g.RansacCorr))
	}
	for w, want := range g.RansacCorr {
		for i, ch := range good {
			all[3].add(r[w][i], want[ch])
			close1(t, "correlation with the prediction", r[w][i], want[ch], 1e-6)
		}
	}
	all[0].report(t, "bad channels: z of the amplitude", g.Program, data, 1e-9)
	all[1].report(t, "bad channels: z of the noise", g.Program, data, 1e-9)
	all[2].report(t, "bad channels: largest correlations", g.Program, data, 1e-9)
	all[3].report(t, "bad channels: correlations with the prediction of RANSAC", g.Program, data, 1e-6)
	paritytest.Error(t, paritytest.Report{What: "bad channels: criteria with another verdict", Peer: g.Program, Data: data, Err: wrong})
}

// TestBadChannelsInterpolated compares with MNE's interpolation of the channels that pyprep finds bad.
func TestBadChannelsInterpolated(t *testing.T) {
	var g prep
	readJSON(t, "testdata/bad_channels.json", &g)
	c := prepSignal()
	s := newBadChannels(t, `{"action": "interpolate", "methods": ["flat", "deviation", "noisy", "correlation", "ransac"], "ransac_part": 0.3, "ransac_correlation": 0.7, "seed": 3}`)
	if _, err := s.Start(c.Info); err != nil {
		t.Fatal(err)
	}
	if err := s.Calibrate([]signal.Chunk{c}); err != nil {
		t.Fatal(err)
	}
	y, err := s.Process(c)
	if err != nil {
		t.Fatal(err)
	}
	if len(y.X) != len(c.X) || !slices.Equal(y.Info.Names(), c.Info.Names()) {
		t.Fatalf("%v comes out, must be the channels that went in", y.Info.Names())
	}
	var got, want []float64
	for ch, x := range y.X {
		theirs, bad := g.Interpolated[c.Info.Channels[ch].Name]
		if !bad {
			if !slices.Equal(x, c.X[ch]) {
				t.Errorf("%s is not bad and changes", c.Info.Channels[ch].Name)
			}
			continue
		}
		for i, v := range theirs {
			got, want = append(got, x[150*i]), append(want, v)
		}
	}
	if len(want) == 0 {
		t.Fatal("nothing was compared")
	}
	paritytest.Within(t, "bad channels: interpolated signal", g.MNE, "generated", got, want, 1e-9)
}

func TestBadChannelsErrors(t *testing.T) {
	info := preprocesstest.Info()
	for want, params := range map[string]string{
		`methods: unknown method "ransc": did you mean "ransac"?`: `{"methods": ["ransc"]}`,
		"methods is empty":                                          `{"methods": []}`,
		"correlation is 1.5, must be 0 to 1":                        `{"correlation": 1.5}`,
		"correlation_window_s is 0.001, must be at least 3 samples": `{"correlation_window_s": 0.001}`,
		"ransac_samples is 0":                                       `{"methods": ["ransac"], "ransac_samples": 0}`,
		`exclude: unknown channel "C9"`:                             `{"exclude": ["C9"]}`,
		"3 EEG channels, needs at least 4 to compare":               `{"exclude": ["C3", "C4", "O1"]}`,
		"max_bad is 1, must be at least 0 and below 1":              `{"max_bad": 1}`,
		`action: unknown action "dropp": did you mean "drop"?`:      `{"action": "dropp"}`,
	} {
		if _, err := newBadChannels(t, params).Start(info); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, must contain %q", err, want)
		}
	}
	runs := preprocesstest.Training(info)
	for want, params := range map[string]string{
		"ransac_part (0.25) of 6 channels are 2, must be at least 4": `{"methods": ["ransac"]}`,
		"no training stretch is as long as ransac_window_s":          `{"methods": ["ransac"], "ransac_part": 0.7, "ransac_window_s": 100}`,
		"no training stretch is as long as correlation_window_s":     `{"methods": ["correlation"], "correlation_window_s": 100}`,
		"6 of 6 channels are bad, more than max_bad (0.5): Fp1 (":    `{"correlation": 1}`,
	} {
		s := newBadChannels(t, params)
		if _, err := s.Start(info); err != nil {
			t.Fatal(err)
		}
		if err := s.Calibrate(runs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, must contain %q", err, want)
		}
	}
	bare := *info
	bare.Channels = slices.Clone(info.Channels)
	bare.Channels[1].Pos = nil
	if _, err := newBadChannels(t, `{"action": "interpolate"}`).Start(&bare); err == nil || !strings.Contains(err.Error(), "action interpolate: no position is known for channel F3") {
		t.Errorf("interpolation without a position: %v", err)
	}
	s := newBadChannels(t, `{"methods": ["ransac"], "ransac_part": 0.7}`)
	if _, err := s.Start(&bare); err != nil {
		t.Fatal(err)
	}
	if err := s.Calibrate(runs); err == nil || !strings.Contains(err.Error(), "no position is known for channel F3") {
		t.Errorf("without a position: %v", err)
	}
}
