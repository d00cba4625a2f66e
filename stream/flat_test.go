package stream_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// flatKinds are channels that tell nothing, made of windows [channel][sample].
var flatKinds = map[string]func(x [][]float64){
	"flat":     func(x [][]float64) { clear(x[3]) },
	"constant": func(x [][]float64) { fill(x[3], 0.1+1e5/3) },
	"copy":     func(x [][]float64) { copy(x[3], x[4]) },
	"two flat": func(x [][]float64) { clear(x[3]); clear(x[9]) },
}

func fill(x []float64, v float64) {
	for i := range x {
		x[i] = v
	}
}

// TestSpoiledChannel: with 16 channels of S001, fists against feet, a channel that is flat, constant or the copy of another
// costs at most two of the 45 trials. (pyRiemann's FgMDM has 44 right with one that is flat.) Steps that no
// flat channel goes through say so.
func TestSpoiledChannel(t *testing.T) {
	refuses := []string{"band coherence", "coherence", "plv", "band power"}
	for name := range spoiledTails {
		spec := spoiledSpec(t, name)
		var recs []*signal.Recording
		for _, run := range fistsFeet {
			recs = append(recs, recorded(t, run))
		}
		set, y := collect(t, build(t, spec, pipeline.Cued), recs...)
		clean, err := right(spec, set, y)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for what, spoil := range flatKinds {
			with := *set
			with.Windows = slices.Clone(set.Windows)
			for i, w := range with.Windows {
				x := make([][]float64, len(w.X))
				for ch := range x {
					x[ch] = slices.Clone(w.X[ch])
				}
				spoil(x)
				with.Windows[i].X = x
			}
			got, err := right(spec, &with, y)
			switch {
			case slices.Contains(refuses, name) && what != "copy":
				if err == nil || !strings.Contains(err.Error(), `channel "FC2"`) || !strings.Contains(err.Error(), "leave the channel out or repair its electrode") {
					t.Errorf("%s, %s: %d right, error %v; must refuse the channel, and say what to do", name, what, got, err)
				}
			case err != nil:
				t.Errorf("%s, %s: %v", name, what, err)
			case got < clean-2:
				t.Errorf("%s, %s: %d of %d right, without it %d", name, what, got, len(y.Y), clean)
			default:
				t.Logf("%s, %s: %d of %d right, without it %d", name, what, got, len(y.Y), clean)
			}
		}
	}
}

// spoiledTails are what follows the preprocessing.
var spoiledTails = map[string]string{
	"fgmdm":            "features: [{use: covariance}]\ndecoder: {use: fgmdm}",
	"mdm":              "features: [{use: covariance}]\ndecoder: {use: mdm}",
	"ts-lr":            "features: [{use: covariance}, {use: tangent_space}]\ndecoder: {use: logistic}",
	"ts-lda":           "features: [{use: covariance}, {use: tangent_space}]\ndecoder: {use: lda}",
	"ts-svm":           "features: [{use: covariance}, {use: tangent_space}, {use: standardise}]\ndecoder: {use: svm}",
	"augmented ts-lr":  "features: [{use: covariance, order: 2, lag_samples: 4}, {use: tangent_space}]\ndecoder: {use: logistic}",
	"csp":              "features: [{use: csp}, {use: logvar}]\ndecoder: {use: lda}",
	"csp ajd":          "features: [{use: csp, method: ajd}, {use: logvar}]\ndecoder: {use: lda}",
	"recentre":         "features: [{use: covariance}, {use: recentre}, {use: tangent_space}]\ndecoder: {use: logistic}",
	"recentre fgmdm":   "features: [{use: covariance}, {use: recentre}]\ndecoder: {use: fgmdm}",
	"xdawn covariance": "features: [{use: xdawn_covariance}, {use: tangent_space}]\ndecoder: {use: logistic}",
	"erp covariance":   "features: [{use: erp_covariance, components: 2}, {use: tangent_space}]\ndecoder: {use: logistic}",
	"cospectra":        "features: [{use: cospectra}]\ndecoder: {use: lda}",
	"coherence":        "features: [{use: coherence}]\ndecoder: {use: lda}",
	"band coherence":   "features: [{use: band_coherence}]\ndecoder: {use: lda}",
	"plv":              "features: [{use: plv}]\ndecoder: {use: lda}",
	"alignment":        "features: [{use: euclidean_alignment}, {use: csp}, {use: logvar}]\ndecoder: {use: lda}",
	"band power":       "features: [{use: band_power}]\ndecoder: {use: lda}",
}

func spoiledSpec(t *testing.T, name string) *pipeline.Spec {
	t.Helper()
	const head = `preprocess:
  - {use: pick, channels: [FC3, FC1, FCz, FC2, FC4, C3, C1, Cz, C2, C4, CP3, CP1, CPz, CP2, CP4, Pz]}
  - {use: bandpass, low_hz: 8, high_hz: 30, order: 4}
segment: {use: events, tmin_s: 0.5, tmax_s: 3.5, events: {T1: fists, T2: feet}}
live: {use: sliding, length_s: 3, step_s: 0.1}
`
	spec, err := pipeline.Parse(name, []byte(head+spoiledTails[name]))
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", name, err))
	}
	return spec
}

// right counts the trials that come out right, leave one run out.
func right(spec *pipeline.Spec, set *pipeline.Set, y signal.Labels) (n int, err error) {
	folds, err := split.LeaveOneRunOut{}.Split(y, set.Group)
	if err != nil {
		return 0, err
	}
	tested, err := pipeline.CrossValidate(spec, set, y, folds, nil)
	if err != nil {
		return 0, err
	}
	for _, r := range tested {
		if r.Label == r.Truth {
			n++
		}
	}
	return n, nil
}
