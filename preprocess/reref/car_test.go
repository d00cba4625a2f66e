package reref_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
	"github.com/gyrus-bci/gyrus/preprocess/reref"
)

func TestCARMatchesMNE(t *testing.T) {
	raw, err := os.ReadFile("testdata/car.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		MNE            string
		Names, Exclude []string
		Kinds          []signal.Kind
		X, Y           [][]float64
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	info := &signal.Info{Rate: 250, Reference: "Cz"}
	for i, name := range g.Names {
		info.Channels = append(info.Channels, signal.Channel{Name: name, Kind: g.Kinds[i], Unit: signal.Microvolt})
	}
	r := &reref.CAR{Exclude: g.Exclude}
	out, err := r.Start(info)
	if err != nil {
		t.Fatal(err)
	}
	if out.Reference != "average" || info.Reference != "Cz" {
		t.Errorf("the reference is %q behind and %q before, must be average and Cz", out.Reference, info.Reference)
	}
	got, err := r.Process(signal.Chunk{Info: info, X: g.X})
	if err != nil {
		t.Fatal(err)
	}
	var all, theirs []float64
	for ch := range g.Y {
		all, theirs = append(all, got.X[ch]...), append(theirs, g.Y[ch]...)
		for i, want := range g.Y[ch] {
			if !(math.Abs(got.X[ch][i]-want) <= 1e-9) { // MNE works in volts: values of 1000 µV are rounded twice
				t.Fatalf("%s sample %d is %g, MNE has %g", g.Names[ch], i, got.X[ch][i], want)
			}
		}
	}
	paritytest.Within(t, "common average", "MNE "+g.MNE, "generated", all, theirs, 1e-12)
}

func TestCARKeepsNaNInItsSample(t *testing.T) {
	info := preprocesstest.Info()
	r := &reref.CAR{Exclude: []string{"F3"}}
	if _, err := r.Start(info); err != nil {
		t.Fatal(err)
	}
	c := signal.NewChunk(info, 0, 5)
	c.X[0][2] = math.NaN() // counts
	c.X[1][3] = math.NaN() // excluded
	c.X[6][4] = math.NaN() // EOG
	y, err := r.Process(c)
	if err != nil {
		t.Fatal(err)
	}
	for ch := range y.X {
		for i, v := range y.X[ch] {
			counts := info.Channels[ch].Kind == signal.EEG && ch != 1
			if want := counts && i == 2 || ch == 1 && i == 3 || ch == 6 && i == 4; math.IsNaN(v) != want {
				t.Errorf("%s sample %d is %g", info.Channels[ch].Name, i, v)
			}
		}
	}
}

func TestCARErrors(t *testing.T) {
	for _, tc := range []struct {
		name    string
		exclude []string
		idx     []int
		want    string
	}{
		{"unknown name", []string{"C33"}, []int{0, 1, 2, 3}, `car: exclude: unknown channel "C33": did you mean "C3"? (known: Fp1, F3, C3, C4)`},
		{"not EEG", []string{"EOG1"}, []int{0, 1, 6}, `car: exclude: channel "EOG1" is of kind "eog" and not in the average anyway; leave it out of the list`},
		{"one left", []string{"Fp1"}, []int{0, 1, 6}, "car: 1 EEG channels to average over (of 3 channels, 1 excluded, 0 marked as bad by the source), must be at least 2"},
		{"none", nil, []int{6, 7}, "car: 0 EEG channels"},
	} {
		_, err := (&reref.CAR{Exclude: tc.exclude}).Start(preprocesstest.Info().Pick(tc.idx))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error is %v, must contain %q", tc.name, err, tc.want)
		}
	}
	r := &reref.CAR{}
	if _, err := r.Start(preprocesstest.Info()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Process(signal.NewChunk(preprocesstest.Info().Pick([]int{0, 1}), 0, 5)); err == nil {
		t.Error("takes a chunk of 2 channels, was started for 8")
	}
}

// TestCARLeavesOutBads: a channel that the source marks is treated as one that is named, which is compared with MNE, and is said.
func TestCARLeavesOutBads(t *testing.T) {
	info := preprocesstest.Info()
	marked := *info
	marked.Channels = slices.Clone(info.Channels)
	marked.Channels[1].Bad = true // F3
	marked.Channels[6].Bad = true // EOG: nothing to the average
	c := signal.NewChunk(info, 0, 4)
	for ch := range c.X {
		for i := range c.X[ch] {
			c.X[ch][i] = float64(ch*ch + i)
		}
	}
	named, found := &reref.CAR{Exclude: []string{"F3"}}, &reref.CAR{}
	var y [2]signal.Chunk
	for k, step := range []*reref.CAR{named, found} {
		out, err := step.Start([]*signal.Info{info, &marked}[k])
		if err != nil {
			t.Fatal(err)
		}
		if out.Channels[1].Bad != (k == 1) {
			t.Error("what is marked stays so")
		}
		if y[k], err = step.Process(c); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(y[0].X, y[1].X); d != "" {
		t.Errorf("named (-) and marked (+):\n%s", d)
	}
	if got := fmt.Sprint(named.Notes(), found.Notes()); got != "[] [1 not in the average, and not changed, because the recording marks them as bad: F3; name them in the step to do the same in every stream]" {
		t.Errorf("notes: %s", got)
	}
	for ch := range marked.Channels {
		marked.Channels[ch].Bad = ch > 0
	}
	if _, err := found.Start(&marked); err == nil || !strings.Contains(err.Error(), "car: 1 EEG channels to average over (of 8 channels, 0 excluded, 5 marked as bad by the source)") {
		t.Errorf("with one good channel the error is %v", err)
	}
}
