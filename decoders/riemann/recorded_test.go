package riemann_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/riemann"
	"github.com/gyrus-bci/gyrus/features/featurestest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

// TestRecorded compares with pyRiemann on imagined movements, from the recording on: fitted on two runs of each task, asked about
// the third.
func TestRecorded(t *testing.T) {
	raw, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Program string `json:"program"`
		Sets    []struct {
			Subject string  `json:"subject"`
			Classes int     `json:"classes"`
			Check   float64 `json:"check"`
			Results map[string]struct {
				Distances [][]float64 `json:"distances"`
				Proba     [][]float64 `json:"proba"`
			} `json:"results"`
		} `json:"sets"`
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Sets) != 4 {
		t.Fatalf("%d sets, must be of 2 subjects with 2 and 4 classes", len(g.Sets))
	}
	for _, set := range g.Sets {
		data := "EEGMMIDB " + set.Subject + ", fists and feet"
		trials := featurestest.Imagery(t, featurestest.MotorBand, set.Subject, "R06", "R10", "R14")
		if set.Classes == 4 {
			data += ", left and right hand"
			trials = trials.Append(featurestest.Imagery(t, featurestest.MotorBand, set.Subject, "R04", "R08", "R12"), 2)
		}
		trials.Check(t, set.Check)
		windows, names := trials.Every(8)
		covs, cov := spd.NewCovariances(len(names), len(windows[0][0])), spd.NewMatrix(len(names))
		y := signal.Labels{Classes: []string{"fists", "feet", "left", "right"}[:set.Classes]}
		var train, test [][]float64
		for i, w := range windows {
			covs.Load(w)
			if _, err := covs.Estimate(cov, spd.OAS); err != nil {
				t.Fatal(err)
			}
			row := make([]float64, spd.Packed(len(names)))
			cov.Pack(row)
			if trials.Run[i] < 2 {
				train, y.Y = append(train, row), append(y.Y, trials.Y[i])
			} else {
				test = append(test, row)
			}
		}
		for what, want := range set.Results {
			name, metric, _ := strings.Cut(what, " ")
			d := decoder(t, name, `{"metric":"`+metric+`"}`)
			if err := d.Fit(train, y); err != nil {
				t.Fatal(err)
			}
			var proba, distances []float64
			for _, row := range test {
				p := make([]float64, set.Classes)
				if err := d.Predict(p, row); err != nil {
					t.Fatal(err)
				}
				proba = append(proba, p...)
				if m, ok := d.(*riemann.MDM); ok {
					q := make([]float64, set.Classes)
					if err := m.Distances(q, row); err != nil {
						t.Fatal(err)
					}
					distances = append(distances, q...)
				}
			}
			paritytest.Within(t, what+": probabilities", g.Program, data, proba, slices.Concat(want.Proba...), 1e-6)
			if name == "mdm" {
				paritytest.Within(t, what+": distances", g.Program, data, distances, slices.Concat(want.Distances...), 1e-6)
			}
		}
	}
}
