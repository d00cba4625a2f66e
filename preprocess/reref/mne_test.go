package reref_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
	"github.com/gyrus-bci/gyrus/preprocess/reref"
	"github.com/gyrus-bci/gyrus/preprocess/spatial"
)

type golden struct {
	MNE          string            `json:"mne"`
	Names        []string          `json:"names"`
	Kinds        []signal.Kind     `json:"kinds"`
	X            [][]float64       `json:"x"`
	Positions    []signal.Position `json:"positions"` // of the first names
	Sphere       []float64         `json:"sphere"`
	Linked       [][]float64       `json:"linked"`
	Single       [][]float64       `json:"single"`
	Bipolar      [][]float64       `json:"bipolar"`
	BipolarNames []string          `json:"bipolar_names"`
	CSD          [][]float64       `json:"csd"`
	Interpolated [][]float64       `json:"interpolated"`
	// With channels marked as bad.
	Bads         []string    `json:"bads"`
	LinkedBads   [][]float64 `json:"linked_bads"`
	BadReference [][]float64 `json:"bad_reference"`
	BipolarBads  []string    `json:"bipolar_bads"`
	CSDBads      string      `json:"csd_bads"` // what MNE says
}

func read(t *testing.T) golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/reref.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// chunk is the channels idx of the golden input.
func (g golden) chunk(idx []int) signal.Chunk {
	info := &signal.Info{Rate: 250, Reference: "nose"}
	c := signal.Chunk{Info: info}
	for _, i := range idx {
		ch := signal.Channel{Name: g.Names[i], Original: g.Names[i], Kind: g.Kinds[i], Unit: signal.Microvolt}
		if i < len(g.Positions) {
			ch.Pos = &g.Positions[i]
		}
		info.Channels, c.X = append(info.Channels, ch), append(c.X, g.X[i])
	}
	return c
}

func upTo(n int) []int {
	idx := make([]int, n)
	for i := range idx {
		idx[i] = i
	}
	return idx
}

func TestMatchesMNE(t *testing.T) {
	g := read(t)
	all, head := upTo(15), upTo(12)
	for _, tc := range []struct {
		name      string
		step      preprocess.Processor
		idx       []int
		want      [][]float64
		tolerance float64 // relative to the largest value
		reference string
	}{
		{"linked ears", &reref.LinkedEars{Channels: []string{"A1", "A2"}}, all, g.Linked, 1e-13, "linked ears"},
		{"linked ears without them", &reref.LinkedEars{Channels: []string{"A1", "A2"}, Drop: true}, all, slices.Delete(slices.Clone(g.Linked), 12, 14), 1e-13, "linked ears"},
		{"reference of one channel", &reref.Reference{Channels: []string{"Cz"}}, all, g.Single, 1e-13, "Cz"},
		{"reference of two channels", &reref.Reference{Channels: []string{"A2", "A1"}}, all, g.Linked, 1e-13, "A2+A1"},
		{"bipolar", &reref.Bipolar{Pairs: [][]string{{"F3", "C3"}, {"C3", "P3"}, {"F4", "C4"}}}, all, g.Bipolar, 1e-13, ""},
		{"laplacian", &reref.Laplacian{Lambda: 1e-4, Stiffness: 3, Sphere: g.Sphere}, append(head, 14), g.CSD, 1e-10, "none (current density)"},
		{"interpolate", &spatial.Interpolate{Bads: []string{"C4", "Oz"}, Sphere: g.Sphere}, head, g.Interpolated, 1e-10, "nose"},
	} {
		in := g.chunk(tc.idx)
		out, err := tc.step.Start(in.Info)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if out.Reference != tc.reference {
			t.Errorf("%s: the reference is %q, want %q", tc.name, out.Reference, tc.reference)
		}
		got, err := tc.step.Process(in)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if len(got.X) != len(tc.want) || len(out.Channels) != len(tc.want) {
			t.Fatalf("%s: %d channels, described as %d, MNE has %d", tc.name, len(got.X), len(out.Channels), len(tc.want))
		}
		size, worst := 0.0, 0.0
		for _, x := range tc.want {
			for _, v := range x {
				size = max(size, math.Abs(v))
			}
		}
		for ch := range tc.want {
			for i, w := range tc.want[ch] {
				if !(math.Abs(got.X[ch][i]-w) <= tc.tolerance*size) {
					t.Fatalf("%s: %s sample %d is %g, MNE has %g", tc.name, out.Channels[ch].Name, i, got.X[ch][i], w)
				}
				worst = max(worst, math.Abs(got.X[ch][i]-w)/size)
			}
		}
		paritytest.Error(t, paritytest.Report{What: tc.name, Peer: "MNE " + g.MNE, Data: "generated", Err: worst, Tol: tc.tolerance})
		if tc.name == "bipolar" && !slices.Equal(out.Names(), g.BipolarNames) {
			t.Errorf("bipolar: the channels are %q, MNE has %q", out.Names(), g.BipolarNames)
		}
		if tc.name == "laplacian" && (out.Channels[0].Unit != "µV/m²" || out.Channels[12].Unit != signal.Microvolt || in.Info.Channels[0].Unit != signal.Microvolt) {
			t.Errorf("laplacian: units are %q for EEG and %q for EOG, want µV/m² and µV", out.Channels[0].Unit, out.Channels[12].Unit)
		}
	}
}

// TestBadChannelsAsMNE: channels that the source marks as bad do not change with a reference, make bipolar ones bad, and are refused by
// the laplacian, until they are interpolated.
func TestBadChannelsAsMNE(t *testing.T) {
	g := read(t)
	in := g.chunk(upTo(15))
	for i := range in.Info.Channels {
		in.Info.Channels[i].Bad = slices.Contains(g.Bads, in.Info.Channels[i].Name)
	}
	for name, tc := range map[string]struct {
		step preprocess.Processor
		want [][]float64
	}{
		"linked_ears, channels marked as bad": {&reref.LinkedEars{Channels: []string{"A1", "A2"}}, g.LinkedBads},
		"reference, channels marked as bad":   {&reref.Reference{Channels: []string{"A1", "A2"}}, g.LinkedBads},
	} {
		if _, err := tc.step.Start(in.Info); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := tc.step.Process(in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for ch := range tc.want {
			paritytest.Within(t, name+": "+g.Names[ch], "MNE "+g.MNE, "generated", got.X[ch], tc.want[ch], 1e-12)
		}
		notes := tc.step.(signal.Noter).Notes()
		if len(notes) != 1 || !strings.Contains(notes[0].String(), "2 not changed, because the recording marks them as bad: C4, O1") {
			t.Errorf("%s: the notes are %v", name, notes)
		}
	}
	// MNE takes a bad reference electrode from every good channel and says nothing; here it is refused, until it is interpolated.
	cz, c4, f3 := in.Info.Index("Cz"), in.Info.Index("C4"), in.Info.Index("F3")
	paritytest.Within(t, "MNE's reference to C4, which is bad, and Cz: F3", "MNE "+g.MNE, "the mean of the two taken away", minusMean(in.X[f3], in.X[c4], in.X[cz]), g.BadReference[f3], 1e-12)
	ears := *in.Info
	ears.Channels = slices.Clone(ears.Channels)
	ears.Channels[ears.Index("A1")].Bad = true
	for _, tc := range []struct {
		step preprocess.Processor
		in   *signal.Info
		want string
	}{
		{&reref.Reference{Channels: []string{"C4", "Cz"}}, in.Info, "reference: channels: the recording marks C4 as bad, and a broken reference electrode spoils every channel: name good ones"},
		{&reref.Reference{Channels: []string{"A1", "A2"}, Drop: true}, &ears, "reference: channels: the recording marks A1 as bad"},
		{&reref.LinkedEars{Channels: []string{"A1", "A2"}, Drop: true}, &ears, "linked_ears: channels: the recording marks A1 as bad"},
	} {
		if _, err := tc.step.Start(tc.in); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("the error is %v, must contain %q", err, tc.want)
		}
	}
	repaired, err := (&spatial.Interpolate{}).Start(in.Info.Pick(upTo(12)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&reref.Reference{Channels: []string{"C4", "Cz"}}).Start(repaired); err != nil {
		t.Errorf("reference to a channel that is interpolated: %v", err)
	}
	out, err := (&reref.Bipolar{Pairs: [][]string{{"F3", "C3"}, {"C3", "P3"}, {"F4", "C4"}}}).Start(in.Info)
	if err != nil {
		t.Fatal(err)
	}
	var bads []string
	for _, c := range out.Channels {
		if c.Bad {
			bads = append(bads, c.Name)
		}
	}
	if !slices.Equal(bads, g.BipolarBads) {
		t.Errorf("bipolar: %q are bad, MNE has %q", bads, g.BipolarBads)
	}
	head := in.Info.Pick(upTo(12))
	density := &reref.Laplacian{Lambda: 1e-5, Stiffness: 4}
	if _, err := density.Start(head); err == nil || !strings.Contains(err.Error(), "laplacian: the recording marks C4, O1 as bad") || !strings.Contains(g.CSDBads, "cannot be computed with bad EEG channels") {
		t.Errorf("laplacian: the error is %v, MNE says %q", err, g.CSDBads)
	}
	if head, err = (&spatial.Interpolate{}).Start(head); err != nil {
		t.Fatal(err)
	}
	if _, err := density.Start(head); err != nil {
		t.Errorf("laplacian behind interpolate: %v", err)
	}
	alone := in.Info.Pick([]int{5, 9, 12, 13})
	if _, err := (&reref.Reference{Channels: []string{"A1", "A2"}}).Start(alone); err == nil || !strings.Contains(err.Error(), "the recording marks C4, O1 as bad") {
		t.Errorf("reference of bad channels alone: the error is %v", err)
	}
}

// minusMean is x without the mean of a and b.
func minusMean(x, a, b []float64) []float64 {
	y := make([]float64, len(x))
	for t := range x {
		y[t] = x[t] - (a[t]+b[t])/2
	}
	return y
}

func TestConformance(t *testing.T) {
	for name, construct := range map[string]func() preprocess.Processor{
		"linked_ears": func() preprocess.Processor { return &reref.LinkedEars{Channels: []string{"O1", "O2"}, Drop: true} },
		"reference":   func() preprocess.Processor { return &reref.Reference{Channels: []string{"C3", "C4", "Fp1"}} },
		"bipolar":     func() preprocess.Processor { return &reref.Bipolar{Pairs: [][]string{{"F3", "C3"}, {"O1", "O2"}}} },
		"laplacian":   func() preprocess.Processor { return &reref.Laplacian{Lambda: 1e-5, Stiffness: 4} },
	} {
		t.Run(name, func(t *testing.T) { preprocesstest.Run(t, name, construct) })
	}
}

func TestErrors(t *testing.T) {
	noPlace := func(i *signal.Info) { i.Channels[2].Pos = nil }
	for want, tc := range map[string]struct {
		step   preprocess.Processor
		change func(*signal.Info)
	}{
		`linked_ears: channels: unknown channel "A1"`:                                      {&reref.LinkedEars{Channels: []string{"A1", "A2"}}, nil},
		`linked_ears: channels has 1 names ["O1"], must have 2`:                            {&reref.LinkedEars{Channels: []string{"O1"}}, nil},
		"reference: channels is empty":                                                     {&reref.Reference{}, nil},
		`reference: channels: "C3" is listed twice`:                                        {&reref.Reference{Channels: []string{"C3", "C3"}}, nil},
		`reference: channels: "STI" is of kind "trigger"`:                                  {&reref.Reference{Channels: []string{"STI"}}, nil},
		"reference: no EEG channel beside the reference":                                   {&reref.Reference{Channels: []string{"C3"}}, func(i *signal.Info) { i.Channels = i.Channels[2:3] }},
		"bipolar: pairs is empty":                                                          {&reref.Bipolar{}, nil},
		`bipolar: pairs: entry 2 has 1 names ["C4"], must have 2`:                          {&reref.Bipolar{Pairs: [][]string{{"F3", "C3"}, {"C4"}}}, nil},
		`bipolar: pairs: unknown channel "F33": did you mean "F3"?`:                        {&reref.Bipolar{Pairs: [][]string{{"F33", "C3"}}}, nil},
		`bipolar: pairs: "C3" minus itself is always 0`:                                    {&reref.Bipolar{Pairs: [][]string{{"C3", "C3"}}}, nil},
		`bipolar: pairs: "C3" is eeg in "µV" and "EOG1" is eog in "µV"`:                    {&reref.Bipolar{Pairs: [][]string{{"C3", "EOG1"}}}, nil},
		`bipolar: pairs: channels 6 and 7 are both named "C3-C4"`:                          {&reref.Bipolar{Pairs: [][]string{{"C3", "C4"}, {"C3", "C4"}}}, nil},
		"laplacian: no position is known for channel C3":                                   {&reref.Laplacian{Stiffness: 4}, noPlace},
		"laplacian: lambda is NaN, must be at least 0 and below 1":                         {&reref.Laplacian{Lambda: math.NaN(), Stiffness: 4}, nil},
		"laplacian: stiffness is 1, must be above 1":                                       {&reref.Laplacian{Stiffness: 1}, nil},
		"laplacian: sphere_m must be empty, or four numbers":                               {&reref.Laplacian{Stiffness: 4, Sphere: []float64{0, 0, 0.1}}, nil},
		"laplacian: sphere_m has a radius of 95 m, must be between":                        {&reref.Laplacian{Stiffness: 4, Sphere: []float64{0, 0, 0, 95}}, nil},
		"laplacian: 1 EEG channels":                                                        {&reref.Laplacian{Stiffness: 4}, func(i *signal.Info) { i.Channels = i.Channels[5:] }},
		"laplacian: sphere_m is not given and cannot be fitted: 3 positions":               {&reref.Laplacian{Stiffness: 4}, func(i *signal.Info) { i.Channels = i.Channels[3:] }},
		`laplacian: channel "Fp1" is in "µV/m²", must be in "µV": one laplacian is enough`: {&reref.Laplacian{Stiffness: 4}, func(i *signal.Info) { i.Channels[0].Unit = "µV/m²" }},
		"laplacian: spline through 6 electrodes":                                           {&reref.Laplacian{Stiffness: 4}, func(i *signal.Info) { i.Channels[1].Pos = i.Channels[0].Pos }},
	} {
		info := preprocesstest.Info()
		if tc.change != nil {
			tc.change(info)
		}
		if _, err := tc.step.Start(info); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: error is %v, must contain %q", tc.step, err, want)
		}
	}
}

func TestBeforeStart(t *testing.T) {
	for _, step := range []preprocess.Processor{&reref.Reference{}, &reref.LinkedEars{}, &reref.Bipolar{}, &reref.Laplacian{}} {
		if _, err := step.Process(signal.NewChunk(preprocesstest.Info(), 0, 3)); err == nil {
			t.Errorf("%T works before Start", step)
		}
	}
	r := &reref.Reference{Channels: []string{"C3"}}
	if _, err := r.Start(preprocesstest.Info()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Process(signal.NewChunk(preprocesstest.Info().Pick([]int{0, 1}), 0, 5)); err == nil {
		t.Error("takes a chunk of 2 channels, was started for 8")
	}
}
