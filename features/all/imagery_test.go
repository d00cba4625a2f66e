package all_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/align"
	"github.com/gyrus-bci/gyrus/features/csp"
	"github.com/gyrus-bci/gyrus/features/featurestest"
	"github.com/gyrus-bci/gyrus/features/riemann"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

// imagery is what imagery.py wrote of a subject.
type imagery struct {
	Subject    string                 `json:"subject"`
	Check      float64                `json:"check"`
	CSP        map[string][][]float64 `json:"csp"`
	Rows       map[string][][]float64 `json:"rows"`
	Euclidean  [][][]float64          `json:"euclidean_alignment"`
	Riemannian [][][]float64          `json:"riemannian_alignment"`

	mne, pyriemann, data string
	pair, four           featurestest.Trials // fists and feet; and left and right hand too
}

func imagined(t *testing.T) []imagery {
	t.Helper()
	var g struct {
		Programs map[string]string `json:"programs"`
		Subjects []imagery         `json:"subjects"`
	}
	read(t, "testdata/imagery.json", &g)
	if len(g.Subjects) != 2 {
		t.Fatalf("%d subjects, must be 2", len(g.Subjects))
	}
	for i := range g.Subjects {
		s := &g.Subjects[i]
		s.mne, s.pyriemann, s.data = "MNE "+g.Programs["mne"], "pyRiemann "+g.Programs["pyriemann"], "EEGMMIDB "+s.Subject
		s.pair = featurestest.Imagery(t, featurestest.MotorBand, s.Subject, "R06", "R10", "R14")
		s.four = s.pair.Append(featurestest.Imagery(t, featurestest.MotorBand, s.Subject, "R04", "R08", "R12"), 2)
		s.four.Check(t, s.Check)
	}
	return g.Subjects
}

// TestImageryCSP compares the filters of 64 channels with MNE's, in its order and up to sign.
func TestImageryCSP(t *testing.T) {
	fists := []string{"fists", "feet"}
	four := []string{"fists", "feet", "left", "right"}
	for _, g := range imagined(t) {
		for _, tc := range []struct {
			key     string
			step    csp.CSP
			trials  featurestest.Trials
			classes []string
		}{
			{"pair", csp.CSP{Components: 6}, g.pair, fists},
			{"pair, trials joined", csp.CSP{Components: 4, CovEst: csp.Joined}, g.pair, fists},
			{"pair, shrinkage 0.1", csp.CSP{Components: 4, Shrinkage: 0.1}, g.pair, fists},
			{"pair, Ledoit-Wolf", csp.CSP{Components: 4, Regularise: csp.LedoitWolf}, g.pair, fists},
			{"pair, OAS, trials joined", csp.CSP{Components: 4, CovEst: csp.Joined, Regularise: csp.OAS}, g.pair, fists},
			{"four classes, each against the rest", csp.CSP{Components: 2}, g.four, four},
			{"four classes, joint diagonalisation", csp.CSP{Components: 4, Method: csp.JointDiagonalisation}, g.four, four},
		} {
			tc.step.SetClasses(tc.classes)
			if _, err := tc.step.Start(features.WindowFormat(g.pair.Info, len(g.pair.X[0][0]))); err != nil {
				t.Fatal(err)
			}
			if err := tc.step.FitWindows(tc.trials.X, labelled(tc.trials.Y, tc.classes...)); err != nil {
				t.Fatal(err)
			}
			want := g.CSP[tc.key]
			if len(tc.step.Filters) != len(want) {
				t.Fatalf("%s: %d filters, must be %d", tc.key, len(tc.step.Filters), len(want))
			}
			worst := 0.0
			for i, w := range want { // each for itself: the strongest would hide the others
				got := signed(tc.step.Filters[i:i+1], want[i:i+1])
				big := 0.0
				for ch := range w {
					big = max(big, math.Abs(w[ch]))
				}
				for ch := range w {
					worst = max(worst, math.Abs(got[ch]-w[ch])/big)
				}
			}
			paritytest.Error(t, paritytest.Report{What: "CSP, " + tc.key + ": filters", Peer: g.mne, Data: g.data, Err: worst, Tol: 1e-6})
		}
	}
}

// TestImageryMatrices compares covariances, cross-spectra, their maps and alignment of 8 channels with pyRiemann's.
func TestImageryMatrices(t *testing.T) {
	classes := []string{"fists", "feet"}
	for _, g := range imagined(t) {
		x, names := g.pair.Every(8)
		in := features.Format{Names: names, Len: len(x[0][0]), Rate: g.pair.Info.Rate}
		const band = `"window_s": 0.8, "overlap": 0.75, "fmin_hz": 8, "fmax_hz": 30`
		for _, tc := range []struct {
			key, what, use, params string
			tol                    float64
		}{
			{"tyler", "covariance, Tyler's M-estimator", "covariance", `{"estimator": "tyler"}`, 1e-9},
			{"augmented", "covariance, augmented by delays", "covariance", `{"order": 3, "lag_samples": 4}`, 1e-9},
			{"cospectra", "cospectra", "cospectra", "{" + band + "}", 1e-9},
			{"coherence ordinary", "coherence, ordinary", "coherence", `{"kind": "ordinary", ` + band + "}", 1e-9},
			{"coherence instantaneous", "coherence, instantaneous", "coherence", `{"kind": "instantaneous", ` + band + "}", 1e-9},
			{"coherence lagged", "coherence, lagged", "coherence", `{"kind": "lagged", ` + band + "}", 1e-9},
			{"coherence imaginary", "coherence, imaginary", "coherence", `{"kind": "imaginary", ` + band + "}", 1e-9},
			{"erp", "covariance with class averages", "erp_covariance", "", 1e-9},
			{"xdawn covariance", "covariance of xDAWN components, magnitudes", "xdawn_covariance", `{"components": 2}`, 1e-9},
		} {
			s, err := features.Steps().New(tc.use, []byte(tc.params))
			if err != nil {
				t.Fatal(err)
			}
			if c, ok := s.(features.Classed); ok {
				c.SetClasses(classes)
			}
			out, err := s.Start(in)
			if err != nil {
				t.Fatal(err)
			}
			if f, ok := s.(features.WindowFitter); ok {
				if err := f.FitWindows(x, labelled(g.pair.Y, classes...)); err != nil {
					t.Fatal(err)
				}
			}
			var got []float64
			for _, w := range x[:3] {
				row := make([]float64, len(out.Names))
				if err := s.(features.Extractor).Extract(row, w); err != nil {
					t.Fatal(err)
				}
				for _, v := range row {
					if tc.use == "xdawn_covariance" { // the signs of components are arbitrary
						v = math.Abs(v)
					}
					got = append(got, v)
				}
			}
			paritytest.Within(t, tc.what, g.pyriemann, g.data, got, slices.Concat(g.Rows[tc.key]...), tc.tol)
		}

		cov, format := rowsOf(t, "covariance", "", in, x)
		ts := step[*riemann.TangentSpace](t, "tangent_space", `{"metric": "logeuclid"}`, format)
		if err := ts.FitRows(cov, signal.Labels{}); err != nil {
			t.Fatal(err)
		}
		var got []float64
		for _, c := range cov[:3] {
			row := make([]float64, len(c))
			if err := ts.Transform(row, c); err != nil {
				t.Fatal(err)
			}
			got = append(got, row...)
		}
		paritytest.Within(t, "tangent space, log-Euclidean", g.pyriemann, g.data, got, slices.Concat(g.Rows["tangent"]...), 1e-6)

		first := x[:15] // of the first run
		for metric, name := range map[string]string{"riemann": "riemannian", "euclid": "euclidean"} {
			r := step[*riemann.Recentre](t, "recentre", fmt.Sprintf(`{"metric": %q}`, metric), format)
			moved := make([][]float64, len(first))
			for i := range moved {
				moved[i] = make([]float64, len(cov[i]))
			}
			if err := r.MapRun(moved, cov[:15]); err != nil {
				t.Fatal(err)
			}
			paritytest.Within(t, "covariances recentred, "+name, g.pyriemann, g.data, slices.Concat(moved[:3]...), slices.Concat(g.Rows["recentre "+name]...), 1e-9)

			a := step[*align.Alignment](t, name+"_alignment", `{"estimator": "scm"}`, in)
			if err := a.FitRuns([][][][]float64{first}); err != nil {
				t.Fatal(err)
			}
			aligned := make([][][]float64, len(first))
			for i := range aligned {
				for range names {
					aligned[i] = append(aligned[i], make([]float64, in.Len))
				}
			}
			if err := a.MapRun(aligned, first); err != nil {
				t.Fatal(err)
			}
			wants := g.Euclidean
			if name == "riemannian" {
				wants = g.Riemannian
			}
			var got, want []float64
			for i, w := range wants {
				for ch, row := range w {
					for k, v := range row {
						got, want = append(got, aligned[i][ch][40*k]), append(want, v)
					}
				}
			}
			paritytest.Within(t, name+" alignment of a run: windows", g.pyriemann, g.data, got, want, 1e-9)
		}
	}
}

// TestImageryFBCSP compares what filter-bank CSP chooses, and the filters and features, with mne.decoding.CSP in every band.
func TestImageryFBCSP(t *testing.T) {
	var g struct {
		Program  string `json:"program"`
		Subjects []struct {
			Subject     string       `json:"subject"`
			Check       float64      `json:"check"`
			Bands       [][2]float64 `json:"bands"`
			Band        []int        `json:"band"`
			Information []float64    `json:"information"`
			Filters     [][]float64  `json:"filters"`
			Rows        [][]float64  `json:"rows"`
		} `json:"subjects"`
	}
	read(t, "testdata/fbcsp.json", &g)
	if len(g.Subjects) != 2 {
		t.Fatalf("%d subjects, must be 2", len(g.Subjects))
	}
	for _, s := range g.Subjects {
		var all featurestest.Trials
		in := features.Format{}
		for b, edges := range s.Bands {
			one := featurestest.Imagery(t, dsp.Bandpass(edges[0], edges[1]), s.Subject, "R06", "R10", "R14")
			for _, n := range one.Info.Names() {
				in.Names = append(in.Names, fmt.Sprintf("%s@%g-%g", n, edges[0], edges[1]))
			}
			in.Len, in.Rate = len(one.X[0][0]), one.Info.Rate
			if b == 0 {
				all = one
				continue
			}
			for i := range all.X {
				all.X[i] = append(all.X[i], one.X[i]...)
			}
		}
		all.Check(t, s.Check)
		f := &csp.FBCSP{Components: 4, Select: 8}
		f.SetClasses([]string{"fists", "feet"})
		if _, err := f.Start(in); err != nil {
			t.Fatal(err)
		}
		if err := f.FitWindows(all.X, labelled(all.Y, "fists", "feet")); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(f.Band, s.Band) {
			t.Fatalf("%s: chose the bands %v, must be %v", s.Subject, f.Band, s.Band)
		}
		data, peer := "EEGMMIDB "+s.Subject, g.Program+" (mne.decoding.CSP in every band)"
		worst := 0.0
		for i, w := range s.Filters {
			got := signed(f.Filters[i:i+1], s.Filters[i:i+1])
			big := max(slices.Max(w), -slices.Min(w))
			for ch := range w {
				worst = max(worst, math.Abs(got[ch]-w[ch])/big)
			}
		}
		paritytest.Error(t, paritytest.Report{What: "filter-bank CSP: filters of the chosen features", Peer: peer, Data: data, Err: worst, Tol: 1e-6})
		paritytest.Within(t, "filter-bank CSP: mutual information of the chosen features", peer, data, f.Information, s.Information, 1e-6)
		var got []float64
		for _, x := range all.X[:len(s.Rows)] {
			row := make([]float64, len(f.Filters))
			if err := f.Extract(row, x); err != nil {
				t.Fatal(err)
			}
			got = append(got, row...)
		}
		paritytest.Within(t, "filter-bank CSP: features", peer, data, got, slices.Concat(s.Rows...), 1e-6)
	}
}

// step is a started feature step of a known type.
func step[T features.Step](t *testing.T, name, params string, in features.Format) T {
	t.Helper()
	s, _ := start(t, name, params, in)
	return s.(T)
}
