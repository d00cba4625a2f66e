package cli

import (
	"math"
	"math/cmplx"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/stream/bundle"
)

// written is a pipeline file.
func written(t *testing.T, preprocess, features, decoder string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.yaml")
	yaml := "preprocess: [" + preprocess + "]\nsegment: {use: events, events: {T1: fists, T2: feet}}\nfeatures: [" + features + "]\ndecoder: " + decoder + "\n"
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestNotes: data that a plain method could not use lead to a result that says what was done to use them: average
// reference, a channel twice, and fewer trials than channels.
func TestNotes(t *testing.T) {
	const band = "{use: bandpass}"
	for _, tc := range []struct {
		name, preprocess, features, decoder, what string
		want                                      []string
	}{
		{"average reference", band + ", {use: car}", "{use: csp}, {use: logvar}", "{use: lda}", "clean", []string{"features[0] csp: covariance has rank 11 of 12", "decoder lda: shrinkage 0.", "(Ledoit-Wolf)"}},
		{"a channel twice", band, "{use: csp}, {use: logvar}", "{use: lda}", "twin", []string{"features[0] csp: covariance has rank 11 of 12"}},
		{"a channel twice, joined and shrunk", band, "{use: csp, cov_est: concat, regularise: oas}, {use: logvar}", "{use: svm}", "twin", []string{"covariance has rank 11 of 12", "features[0] csp: shrinkage ", "(oas)", "decoder svm: C 1"}},
		{"average reference, tangent space", band + ", {use: car}", "{use: covariance}, {use: tangent_space}", "{use: logistic}", "clean", []string{"features[0] covariance: shrinkage ", "(oas)", "decoder logistic: penalty l2, C 1"}},
		{"fewer trials than channels", band, "{use: logvar}", "{use: lda}", "few", []string{"decoder lda: shrinkage 0.", " to 0."}},
		{"average reference, minimum distance behind a filter", band + ", {use: car}", "{use: covariance}", "{use: fgmdm}", "clean", []string{"decoder fgmdm: shrinkage 0.", "(Ledoit-Wolf) of the discriminant in the tangent space", "features[0] covariance: shrinkage "}},
		{"a flat channel, minimum distance behind a filter", band, "{use: covariance}", "{use: fgmdm}", "flat", []string{"decoder fgmdm: 11 of 78 entries of the tangent vectors vary at rounding level only", "decoder fgmdm: shrinkage 0."}},
		{"average reference, filter bank", "{use: car}, {use: filterbank, bands: [[8, 12], [16, 24]]}", "{use: fbcsp, shrinkage: 0.05}", "{use: lda}", "clean", []string{"features[0] fbcsp: covariance has rank 11 of 12", "features[0] fbcsp: shrinkage 0.05 (fixed)"}},
		{"a flat channel, filter bank", "{use: filterbank, bands: [[8, 12], [16, 24]]}", "{use: fbcsp}", "{use: lda}", "flat", []string{"features[0] fbcsp: covariance has rank 11 of 12"}},
		{"average reference, evoked responses", band + ", {use: car}", "{use: erp_covariance}, {use: tangent_space}", "{use: logistic}", "clean", []string{"features[0] erp_covariance: shrinkage ", " of each window's covariance (oas)"}},
		{"average reference, xDAWN", band + ", {use: car}", "{use: xdawn}, {use: logvar}", "{use: lda}", "clean", []string{"features[0] xdawn: covariance has rank 11 of 12"}},
		{"a flat channel, xDAWN covariance", band, "{use: xdawn_covariance}, {use: tangent_space}", "{use: logistic}", "flat", []string{"features[0] xdawn_covariance: covariance has rank 11 of 12", "features[0] xdawn_covariance: shrinkage ", " of each window's covariance (oas)"}},
		{"a flat channel, rhythm components", "{use: ssd, low_hz: 9, high_hz: 12, noise_low_hz: 7, noise_high_hz: 14, components: 4}", "{use: logvar}", "{use: lda}", "flat", []string{"preprocess[0] ssd: covariance has rank 11 of 12"}},
		{"average reference, aligned", band + ", {use: car}", "{use: euclidean_alignment}, {use: csp, components: 4}, {use: logvar}", "{use: lda}", "clean", []string{"features[0] euclidean_alignment: covariance has rank 11 of 12", "features[0] euclidean_alignment: shrinkage ", " of each window's covariance (oas)"}},
		{"a flat channel, aligned", band, "{use: riemannian_alignment}, {use: csp, components: 4}, {use: logvar}", "{use: lda}", "flat", []string{"features[0] riemannian_alignment: covariance has rank 11 of 12"}},
		{"fewer trials than channels, calibrated", band, "{use: logvar}", "{use: calibrated, decoder: {use: lda, shrinkage: 0.2}, folds: 3}", "few", []string{"decoder calibrated: lda: shrinkage 0.2 (fixed)"}},
		{"fewer trials than channels, singular values", band, "{use: logvar}", "{use: lda, shrinkage: 0, solver: svd}", "few", []string{"decoder lda: 4 ", "of 12 directions vary within the classes: the others are left out"}},
		{"fewer trials than channels, ridge", band, "{use: logvar}", "{use: ridge}", "few", []string{"decoder ridge: penalty on the squared weights, alpha 1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := written(t, tc.preprocess, tc.features, tc.decoder)
			model := filepath.Join(t.TempDir(), "m.gyrus")
			args := []string{"train", file, broken(t, 0, tc.what), broken(t, 1, tc.what), "-o", model}
			code, out, errs := run(t, args...)
			if code != exitDone {
				t.Fatalf("exit code %d: %s", code, errs)
			}
			for _, text := range tc.want {
				if !strings.Contains(out, text) {
					t.Errorf("%q does not say %q", out, text)
				}
			}
			if strings.Count(out, tc.want[0]) != 1 {
				t.Errorf("%q says %q more than once", out, tc.want[0])
			}
			var v trainJSON
			mustJSON(t, &v, append(args, "--json")...)
			b, err := bundle.Read(model)
			if err != nil {
				t.Fatal(err)
			}
			if len(v.Notes) == 0 || len(b.Manifest.Notes) != len(v.Notes) {
				t.Fatalf("%d notes in --json, %d in the bundle", len(v.Notes), len(b.Manifest.Notes))
			}
			for i, n := range v.Notes {
				if n.Step != b.Manifest.Notes[i].Step || n.Low > n.High || math.IsNaN(n.Low) {
					t.Errorf("notes %v, in the bundle %v", n, b.Manifest.Notes[i])
				}
			}
			code, _, errs = run(t, "eval", model, broken(t, 2, tc.what))
			if code != exitDone {
				t.Errorf("eval: exit code %d: %s", code, errs)
			}
		})
	}
}

// TestGroupDelay: train, its bundle, eval and live report the group delay of the causal chain at the centre of its pass
// band, which here comes from its definition: the weighted mean time of the impulse response.
func TestGroupDelay(t *testing.T) {
	const hz, rate, n = 19.0, 160.0, 4096
	defined := func(name, params string) float64 {
		p, err := preprocess.Processors().New(name, []byte(params))
		if err != nil {
			t.Fatal(err)
		}
		info := &signal.Info{Rate: rate, Channels: []signal.Channel{{Name: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}}
		if _, err := p.Start(info); err != nil {
			t.Fatal(err)
		}
		c := signal.NewChunk(info, 0, n)
		c.X[0][0] = 1
		y, err := p.Process(c)
		if err != nil {
			t.Fatal(err)
		}
		var sum, late complex128
		for k, v := range y.X[0] {
			e := complex(v, 0) * cmplx.Exp(complex(0, -2*math.Pi*hz/rate*float64(k)))
			sum, late = sum+e, late+complex(float64(k), 0)*e
		}
		return real(late/sum) / rate
	}
	want := []bundle.StepDelay{{Step: "preprocess[0] notch", Seconds: defined("notch", `{"freq_hz": 50}`)}, {Step: "preprocess[1] bandpass", Seconds: defined("bandpass", `{"low_hz": 8, "high_hz": 30}`)}}
	file := written(t, "{use: notch, freq_hz: 50}, {use: bandpass, low_hz: 8, high_hz: 30}, {use: car}", "{use: csp}, {use: logvar}", "{use: lda}")
	model := filepath.Join(t.TempDir(), "m.gyrus")
	args := []string{"train", file, broken(t, 0, "clean"), broken(t, 1, "clean"), "-o", model}
	code, out, errs := run(t, args...)
	if code != exitDone || !strings.Contains(out, "group delay at 19 Hz") {
		t.Fatalf("exit code %d: %s %s", code, out, errs)
	}
	b, err := bundle.Read(model)
	if err != nil {
		t.Fatal(err)
	}
	var train trainJSON
	mustJSON(t, &train, append(args, "--json")...)
	var eval evalJSON
	mustJSON(t, &eval, "eval", model, broken(t, 2, "clean"), "--json")
	var live liveJSON
	session := sessionFile(t, model, broken(t, 2, "clean"))
	mustJSON(t, &live, "live", session, "--json")
	if live.Samples == 0 || live.Sent == 0 {
		t.Errorf("live --json lost its report: %+v", live)
	}
	for what, d := range map[string]*bundle.Delay{"bundle": b.Manifest.Delay, "train": train.Delay, "eval": eval.Delay, "live": live.Delay} {
		if d == nil || d.AtHz != hz || len(d.Steps) != 2 {
			t.Fatalf("%s: %+v", what, d)
		}
		sum := 0.0
		for i, w := range want {
			if s := d.Steps[i]; s.Step != w.Step || math.Abs(s.Seconds-w.Seconds) > 1e-9 { // the impulse response is cut after 25 s
				t.Errorf("%s: %v, by the definition %v", what, s, w)
			}
			sum += w.Seconds
		}
		if math.Abs(d.Seconds-sum) > 1e-9 {
			t.Errorf("%s: %g s in all, by the definition %g", what, d.Seconds, sum)
		}
	}
	if _, _, errs := run(t, "live", session); !strings.Contains(errs, "group delay at 19 Hz") {
		t.Errorf("live does not say it: %s", errs)
	}
	// In the middle of a notch there is no group delay; the report must still be written.
	file = written(t, "{use: notch, freq_hz: 50}, {use: bandpass, low_hz: 35, high_hz: 65}", "{use: csp}, {use: logvar}", "{use: lda}")
	mustJSON(t, &train, "train", file, broken(t, 0, "clean"), broken(t, 1, "clean"), "--json")
	if train.Delay.AtHz != 50 || !(math.Abs(train.Delay.Seconds) < 1) {
		t.Errorf("%+v", train.Delay)
	}
}
