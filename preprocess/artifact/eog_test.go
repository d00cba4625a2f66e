package artifact_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/artifact"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
)

func TestEOGConformance(t *testing.T) {
	preprocesstest.RunCalibrator(t, "eog_regression", func() preprocess.Calibrator { return &artifact.EOGRegression{} })
	preprocesstest.RunCalibrator(t, "eog_regression by name", func() preprocess.Calibrator {
		return &artifact.EOGRegression{EOG: []string{"Fp1", "EOG1"}, Exclude: []string{"O2"}}
	})
}

// eogSignal makes what eog_signal in testdata/golden.py makes.
func eogSignal() signal.Chunk {
	info := eegInfo(100, "F3", "Cz", "O1", "VEOG", "HEOG")
	info.Channels[3].Kind, info.Channels[4].Kind = signal.EOG, signal.EOG
	x := signal.NewChunk(info, 0, 1500)
	u := noise(9)
	for t := range 1500 {
		blink := 0.0
		if t%200 < 20 {
			blink = 200
		}
		for c := range 5 {
			x.X[c][t] = 30*u.next() + 100*float64(c)
		}
		x.X[3][t] += blink
		x.X[4][t] += -0.4*blink + 20*u.next()
		for c := range 3 {
			x.X[c][t] += 0.1*float64(c+1)*(x.X[3][t]-300) - 0.05*(x.X[4][t]-400)
		}
	}
	return x
}

func TestEOGAgainstMNE(t *testing.T) {
	var g golden
	readJSON(t, "testdata/golden.json", &g)
	c := eogSignal()
	s := &artifact.EOGRegression{}
	if _, err := s.Start(c.Info); err != nil {
		t.Fatal(err)
	}
	if err := s.Calibrate([]signal.Chunk{c}); err != nil {
		t.Fatal(err)
	}
	var coef, cleaned compared
	for ch := range s.Coefficients {
		for k, want := range g.EOG.Coefficients[ch] {
			coef.add(s.Coefficients[ch][k], want)
			close1(t, "coefficient", s.Coefficients[ch][k], want, 1e-9)
		}
	}
	y, err := s.Process(c)
	if err != nil {
		t.Fatal(err)
	}
	for ch, want := range g.EOG.Cleaned {
		for i, v := range want {
			cleaned.add(y.X[ch][50*i], v)
			close1(t, "cleaned sample", y.X[ch][50*i], v, 1e-9)
		}
	}
	coef.report(t, "EOG regression: coefficients", "MNE "+g.Programs["mne"], "generated", 1e-9)
	cleaned.report(t, "EOG regression: cleaned signal", "MNE "+g.Programs["mne"], "generated", 1e-9)
}

func TestEOGErrors(t *testing.T) {
	c := eogSignal()
	for want, s := range map[string]*artifact.EOGRegression{
		`eog: unknown channel "VEO": did you mean "VEOG"?`: {EOG: []string{"VEO"}},
		`eog: "VEOG" is listed twice`:                      {EOG: []string{"VEOG", "VEOG"}},
		`exclude: unknown channel "X"`:                     {Exclude: []string{"X"}},
		"no EEG channel is left":                           {Exclude: []string{"F3", "Cz", "O1"}},
	} {
		if _, err := s.Start(c.Info); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, must contain %q", err, want)
		}
	}
	if _, err := (&artifact.EOGRegression{}).Start(eegInfo(100, "C3", "C4")); err == nil || !strings.Contains(err.Error(), "name those nearest to the eyes") {
		t.Errorf("without EOG: %v", err)
	}
	for want, change := range map[string]func(){
		"EOG channel HEOG is flat":        func() { clear(c.X[4]) },
		"are combinations of one another": func() { copy(c.X[4], c.X[3]) },
		"channel F3 has no finite sample": func() { fill(c.X[0], math.NaN()) },
		"the sums over channel Cz overfl": func() { fill(c.X[1], 1e308); c.X[1][0] = -1e308 },
	} {
		c = eogSignal()
		change()
		s := &artifact.EOGRegression{}
		if _, err := s.Start(c.Info); err != nil {
			t.Fatal(err)
		}
		if err := s.Calibrate([]signal.Chunk{c}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, must contain %q", err, want)
		}
	}
}

func fill(x []float64, v float64) {
	for t := range x {
		x[t] = v
	}
}
