package artifact_test

import (
	"math"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/artifact"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

// onChannels is what recorded_channels.py wrote of a run.
type onChannels struct {
	prep
	Channels     []string          `json:"channels"`
	Positions    []signal.Position `json:"positions"`
	Check        float64           `json:"check"`
	Shown        []string          `json:"shown"`
	Coefficients [][]float64       `json:"coefficients"`
	Cleaned      [][]float64       `json:"cleaned"`
}

// recordedRuns are the runs as recorded_channels.py filters them, with the electrodes where MNE's template has them.
func recordedRuns(t *testing.T, visit func(t *testing.T, data, mne string, c signal.Chunk, g *onChannels)) {
	t.Helper()
	var g struct {
		Program string                 `json:"program"`
		MNE     string                 `json:"mne"`
		Runs    map[string]*onChannels `json:"runs"`
	}
	readJSON(t, "testdata/recorded_channels.json", &g)
	for run, file := range map[string]string{"S001 R04": "eegmmidb/S001/S001R04.edf", "S002 R01": "eegmmidb/S002/S002R01.edf"} {
		of := g.Runs[run]
		if of == nil {
			t.Fatalf("no golden values of %s", run)
		}
		of.Program = g.Program
		c := datasettest.Whole(t, file)
		if !slices.Equal(c.Info.Names(), of.Channels) {
			t.Fatalf("%s: the channels are %q, MNE has %q", run, c.Info.Names(), of.Channels)
		}
		info := *c.Info
		info.Channels = slices.Clone(info.Channels)
		for ch := range info.Channels {
			info.Channels[ch].Pos = &of.Positions[ch]
		}
		sos, err := dsp.Butter(4, dsp.Highpass(1), info.Rate)
		if err != nil {
			t.Fatal(err)
		}
		y := signal.NewChunk(&info, 0, c.Len())
		sos.Filt(y.X, c.X, sos.NewState(len(c.X)))
		y, sum := y.Slice(int64(info.Rate), 41*int64(info.Rate)), 0.0
		for _, x := range y.X {
			for _, v := range x {
				sum += math.Abs(v)
			}
		}
		if !(math.Abs(sum-of.Check) <= 1e-9*of.Check) {
			t.Fatalf("%s: the filtered samples add up to %g, SciPy's to %g", run, sum, of.Check)
		}
		visit(t, "EEGMMIDB "+run, g.MNE, y, of)
	}
}

// TestRecordedChannels compares what is said of the channels of two recordings with pyprep.
func TestRecordedChannels(t *testing.T) {
	recordedRuns(t, func(t *testing.T, data, _ string, c signal.Chunk, g *onChannels) {
		if len(g.Deviation) == 0 || len(g.Noisy) == 0 || len(g.Correlation) == 0 {
			t.Errorf("%s: pyprep finds nothing bad: nothing is compared", data)
		}
		g.compare(t, c, data, `"ransac_part": 0.25, "ransac_correlation": 0.75`)
	})
}

// TestRecordedEOG compares the regression of two frontal channels with MNE's.
func TestRecordedEOG(t *testing.T) {
	recordedRuns(t, func(t *testing.T, data, mne string, c signal.Chunk, g *onChannels) {
		s := &artifact.EOGRegression{EOG: []string{"Fp1", "Fp2"}}
		if _, err := s.Start(c.Info); err != nil {
			t.Fatal(err)
		}
		if err := s.Calibrate([]signal.Chunk{c}); err != nil {
			t.Fatal(err)
		}
		paritytest.Within(t, "EOG regression: coefficients", mne, data, slices.Concat(s.Coefficients...), slices.Concat(g.Coefficients...), 1e-9)
		y, err := s.Process(c)
		if err != nil {
			t.Fatal(err)
		}
		var got, want []float64
		for i, name := range g.Shown {
			for k, v := range g.Cleaned[i] {
				got, want = append(got, y.X[c.Info.Index(name)][1000*k]), append(want, v)
			}
		}
		paritytest.Within(t, "EOG regression: cleaned signal", mne, data, got, want, 1e-9)
	})
}
