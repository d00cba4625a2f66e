package spatial_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
	"github.com/gyrus-bci/gyrus/preprocess/spatial"
)

type montageGolden struct {
	Program string
	Systems map[string][]string
	Cases   []struct {
		Moved     bool
		Names     []string
		Positions []signal.Position
		Missing   []string
		Matrix, Y [][]float64
	}
}

func readMontage(t *testing.T) montageGolden {
	t.Helper()
	raw, err := os.ReadFile("testdata/montage.json")
	if err != nil {
		t.Fatal(err)
	}
	var g montageGolden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Cases) != 2 || len(g.Systems) != 3 {
		t.Fatalf("%d cases, %d systems", len(g.Cases), len(g.Systems))
	}
	return g
}

func TestSystemsAreMNEs(t *testing.T) {
	for name, want := range readMontage(t).Systems {
		if d := cmp.Diff(want, montage.System(name)); d != "" {
			t.Errorf("%s (-MNE +gyrus):\n%s", name, d)
		}
	}
	if n := len(montage.System("1020")); n != 19 {
		t.Errorf("1020 has %d electrodes, want 19", n)
	}
}

// named is a stream with these channels at the places of their names.
func named(names ...string) *signal.Info {
	info := &signal.Info{Rate: 100, Reference: "average"}
	for _, e := range montage.Assign(names) {
		c := signal.Channel{Name: e.Name, Original: e.Original, Kind: e.Kind, Unit: signal.Microvolt}
		if e.Kind == signal.EEG {
			c.Pos = montage.Place(e.Name)
		}
		info.Channels = append(info.Channels, c)
	}
	return info
}

// TestMontageMatchesMNE: 32 electrodes brought to 64, at the places of their names, and at measured ones.
func TestMontageMatchesMNE(t *testing.T) {
	g := readMontage(t)
	worst := 0.0
	for _, c := range g.Cases {
		info := named(c.Names...)
		for ch := range info.Channels {
			if !c.Moved { // the golden values are rounded differently in the last bit
				for k, v := range *info.Channels[ch].Pos {
					if math.Abs(v-c.Positions[ch][k]) > 1e-15 {
						t.Fatalf("%s lies at %v, the script has %v", c.Names[ch], *info.Channels[ch].Pos, c.Positions[ch])
					}
				}
				continue
			}
			info.Channels[ch].Pos = &c.Positions[ch]
		}
		in := signal.NewChunk(info, 0, 20)
		for ch, x := range in.X {
			for i := range x {
				x[i] = float64((7919*(i+40*ch))%1009 - 504)
			}
		}
		step := &spatial.Montage{System: "biosemi64", Method: "spherical_spline", MinCoverage: 0.5, MaxNeighbour: 0.05}
		out, err := step.Start(info)
		if err != nil {
			t.Fatal(err)
		}
		y, err := step.Process(in)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(g.Systems["biosemi64"], out.Names()); d != "" {
			t.Errorf("names:\n%s", d)
		}
		for ch, name := range out.Names() {
			if k := slices.Index(c.Names, name); k >= 0 {
				if !slices.Equal(y.X[ch], in.X[k]) {
					t.Errorf("%s is there, and changes", name)
				}
				continue
			}
			want := c.Y[slices.Index(c.Missing, name)]
			for i, v := range y.X[ch] {
				d := math.Abs(v - want[i])
				if worst = max(worst, d); !(d <= 1e-6) {
					t.Fatalf("moved %v: %s, sample %d is %g µV, MNE has %g", c.Moved, name, i, v, want[i])
				}
			}
		}
		// One electrode after the other at 1: the matrix.
		unit := signal.NewChunk(info, 0, len(c.Names))
		for ch := range unit.X {
			unit.X[ch][ch] = 1
		}
		if y, err = step.Process(unit); err != nil {
			t.Fatal(err)
		}
		for k, name := range c.Missing {
			for ch, w := range c.Matrix[k] {
				if v := y.X[out.Index(name)][ch]; !(math.Abs(v-w) <= 1e-9) {
					t.Fatalf("moved %v: the weight of %s for %s is %g, MNE has %g", c.Moved, c.Names[ch], name, v, w)
				}
			}
		}
	}
	paritytest.Error(t, paritytest.Report{What: "montage: 32 electrodes to 64", Peer: g.Program, Data: "generated", Err: worst, Tol: 1e-6})
}

func newMontage(change func(*spatial.Montage)) *spatial.Montage {
	s := &spatial.Montage{Channels: []string{"C3", "Cz", "C4"}, Method: "spherical_spline", MinCoverage: 0.5, MaxNeighbour: 0.05}
	if change != nil {
		change(s)
	}
	return s
}

func TestMontageConformance(t *testing.T) {
	for name, change := range map[string]func(*spatial.Montage){
		"all there":    func(s *spatial.Montage) { s.Channels = []string{"O2", "C3", "EOG1"} },
		"interpolated": func(s *spatial.Montage) { s.Channels, s.MaxNeighbour = []string{"C4", "C2", "O1", "C3", "F5"}, 0.1 },
		"old names":    func(s *spatial.Montage) { s.Channels, s.MaxNeighbour = []string{"C3", "C4", "T3", "O1"}, 0.1 },
	} {
		t.Run(name, func(t *testing.T) {
			preprocesstest.Run(t, "montage", func() preprocess.Processor { return newMontage(change) })
		})
	}
}

// TestMontageSays how much is measured, what is not, and what was left out; and what a NaN can reach.
func TestMontageSays(t *testing.T) {
	s := newMontage(nil)
	out, err := s.Start(named("C4", "FC3", "C3", "CP4", "FCz", "Pz", "EOG 100%", "STI 014"))
	if err != nil {
		t.Fatal(err)
	}
	notes := s.Notes()
	want := "coverage 0.667: 2 of the 3 channels measured; interpolated, with an electrode within 38 mm: Cz; left out: FC3, CP4, FCz, Pz, EOG 100%, STI 014"
	if len(notes) != 1 || notes[0].String() != want {
		t.Errorf("notes: %v, want %s", notes, want)
	}
	names, separate := s.Ignores()
	if separate || !slices.Equal(names, []string{"EOG 100%", "STI 014"}) {
		t.Errorf("ignores %q, %v", names, separate)
	}
	if c := out.Channels[1]; c.Name != "Cz" || c.Kind != signal.EEG || c.Unit != signal.Microvolt || c.Pos == nil || *c.Pos != *montage.Place("Cz") || out.Reference != "average" {
		t.Errorf("Cz is %+v at %v", c, c.Pos)
	}
	s = newMontage(nil)
	if _, err := s.Start(named("C4", "Oz", "Cz", "T3", "C3")); err != nil {
		t.Fatal(err)
	}
	if names, separate := s.Ignores(); !separate || !slices.Equal(names, []string{"Oz", "T7"}) {
		t.Errorf("ignores %q, %v", names, separate)
	}
	if got := fmt.Sprint(s.Notes()); got != "[coverage 1: 3 of the 3 channels measured; left out: Oz, T7]" {
		t.Errorf("notes: %s", got)
	}
}

// TestMontageOrder: the order of the stream, and what the channels were called, make no difference.
func TestMontageOrder(t *testing.T) {
	run := func(names ...string) []float64 {
		s := newMontage(func(s *spatial.Montage) { s.Channels = []string{"T3", "C3", "Cz", "C4", "C5"} })
		info := named(names...)
		out, err := s.Start(info)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"T7", "C3", "Cz", "C4", "C5"}, out.Names()); d != "" {
			t.Fatal(d)
		}
		c := signal.NewChunk(info, 0, 1)
		for ch, n := range info.Names() {
			c.X[ch][0] = float64(n[0]) + 10*float64(n[1]) // a potential that goes by the name
		}
		y, err := s.Process(c)
		if err != nil {
			t.Fatal(err)
		}
		var all []float64
		for _, x := range y.X {
			all = append(all, x[0])
		}
		return all
	}
	a := run("EEG T3-REF", "C3..", "Cz", "EEG C4", "Fz", "Pz")
	b := run("Pz", "C4", "fz", "T7", "CZ", "C3")
	for i := range a {
		if math.Abs(a[i]-b[i]) > 1e-9 {
			t.Errorf("channel %d is %g in one order and %g in another", i, a[i], b[i])
		}
	}
}

func TestMontageErrors(t *testing.T) {
	for _, tc := range []struct {
		change func(*spatial.Montage)
		info   *signal.Info
		want   string
	}{
		{func(s *spatial.Montage) { s.Channels = nil }, nil, "nothing to go by: give channels, or system (1020, biosemi16, biosemi32, biosemi64)"},
		{func(s *spatial.Montage) { s.System = "1020" }, nil, "leave one out"},
		{func(s *spatial.Montage) { s.Channels, s.System = nil, "biosemi46" }, nil, `unknown system of electrodes "biosemi46": did you mean "biosemi16"?`},
		{func(s *spatial.Montage) { s.Method = "mne" }, nil, `method is "mne", must be spherical_spline or none`},
		{func(s *spatial.Montage) { s.Method = "none" }, named("C3", "C4"), "missing: Cz; the stream has C3, C4"},
		{func(s *spatial.Montage) { s.MinCoverage = 1.5 }, nil, "min_coverage is 1.5"},
		{func(s *spatial.Montage) { s.MinCoverage = math.NaN() }, nil, "min_coverage is NaN"},
		{func(s *spatial.Montage) { s.MaxNeighbour = 0 }, nil, "max_neighbour_m is 0"},
		{func(s *spatial.Montage) { s.Channels = []string{"T3", "C3", "T7"} }, nil, `"T3" and "T7" are the same channel`},
		{func(s *spatial.Montage) { s.MinCoverage = 0.75 }, named("C3", "C4", "Fz"), "coverage is 0.667: 2 of 3 channels are measured, must be at least 0.75 (min_coverage); missing: Cz"},
		{nil, named("C3", "C4", "Oz"), "the electrode nearest to Cz, which is missing, is C3, 73 mm away, must be within 50 mm (max_neighbour_m)"},
		{func(s *spatial.Montage) { s.Channels = []string{"C3", "X7", "C4"} }, named("C3", "C4"), `channel "X7" is missing, and is no name of the 10-05 system`},
		{func(s *spatial.Montage) { s.Channels = []string{"C3", "A1"} }, named("C3", "A1", "A2", "A11"), `that of the stream is of kind "misc"`},
		{func(s *spatial.Montage) { s.Sphere = []float64{1} }, named("C3", "C4", "FCz"), "sphere_m must be empty, or four numbers"},
	} {
		info := tc.info
		if info == nil {
			info = named("C3", "C4", "Cz")
		}
		s := newMontage(tc.change)
		if _, err := s.Start(info); err == nil || !strings.Contains(err.Error(), "montage: ") || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("the error is %v, must contain %q", err, tc.want)
		}
		if _, err := s.Process(signal.NewChunk(info, 0, 3)); err == nil {
			t.Errorf("works after %q", tc.want)
		}
	}
	bare := named("C3", "C4")
	bare.Channels[0].Pos, bare.Channels[1].Pos = nil, nil
	if _, err := newMontage(nil).Start(bare); err == nil || !strings.Contains(err.Error(), "no EEG channel has a position") {
		t.Errorf("without positions the error is %v", err)
	}
	units := named("C3", "C4", "FCz")
	units.Channels[2].Unit = "arb"
	if _, err := newMontage(nil).Start(units); err == nil || !strings.Contains(err.Error(), `"FCz" in "arb"`) {
		t.Errorf("with two units the error is %v", err)
	}
}

// TestMarkedAsBad: what the source marks is replaced as if it were not there (montage) or were named (interpolate), goes into nothing,
// and is said; behind the steps it is not marked.
func TestMarkedAsBad(t *testing.T) {
	all := []string{"C3", "C4", "Cz", "FCz", "CP4", "CP3"}
	info := named(all...)
	marked := named(all...)
	marked.Channels[2].Bad, marked.Channels[3].Bad = true, true // Cz, FCz
	c := signal.NewChunk(info, 0, 3)
	for ch := range c.X {
		for i := range c.X[ch] {
			c.X[ch][i] = float64(100 - 7*ch*ch + i)
		}
	}
	run := func(step preprocess.Processor, info *signal.Info, c signal.Chunk) ([][]float64, *signal.Info) {
		t.Helper()
		out, err := step.Start(info)
		if err != nil {
			t.Fatal(err)
		}
		y, err := step.Process(c)
		if err != nil {
			t.Fatal(err)
		}
		return y.X, out
	}
	without := []int{0, 1, 4, 5}
	part := signal.Chunk{Info: info.Pick(without)}
	for _, ch := range without {
		part.X = append(part.X, c.X[ch])
	}
	wide := func(s *spatial.Montage) { s.MaxNeighbour = 0.1 }
	missing, m := newMontage(wide), newMontage(wide)
	want, _ := run(missing, part.Info, part)
	got, out := run(m, marked, c)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("montage: missing (-) and marked (+):\n%s", d)
	}
	if out.Channels[1].Bad {
		t.Error("montage: Cz is bad behind the step")
	}
	note := fmt.Sprint(m.Notes())
	if !strings.Contains(note, "interpolated, with an electrode within 73 mm: Cz; there, but marked as bad: Cz; left out: FCz, CP4, CP3") {
		t.Errorf("montage: notes %s", note)
	}
	if names, _ := m.Ignores(); !slices.Equal(names, []string{"Cz", "FCz"}) {
		t.Errorf("montage: ignores %q", names)
	}
	if _, err := newMontage(func(s *spatial.Montage) { s.Method = "none" }).Start(marked); err == nil || !strings.Contains(err.Error(), "there, but marked as bad: Cz") {
		t.Errorf("montage: without splines the error is %v", err)
	}

	listed, found := &spatial.Interpolate{Bads: []string{"FCz", "Cz"}}, &spatial.Interpolate{Bads: []string{"FCz"}}
	want, _ = run(listed, info, c)
	got, out = run(found, marked, c)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("interpolate: named (-) and marked (+):\n%s", d)
	}
	if slices.ContainsFunc(out.Channels, func(c signal.Channel) bool { return c.Bad }) || !marked.Channels[2].Bad {
		t.Error("interpolate: marks behind the step, or none in front of it")
	}
	if names, separate := found.Ignores(); separate || !slices.Equal(names, []string{"FCz", "Cz"}) {
		t.Errorf("interpolate: ignores %q", names)
	}
	if got := fmt.Sprint(listed.Notes(), found.Notes()); !strings.HasPrefix(got, "[] [1 interpolated, because the recording marks them as bad: Cz;") {
		t.Errorf("interpolate: notes %s", got)
	}
	for ch := range marked.Channels {
		marked.Channels[ch].Bad = true
	}
	if _, err := found.Start(marked); err == nil || !strings.Contains(err.Error(), "no EEG channel is left to go by: the recording marks C3,") {
		t.Errorf("interpolate: with bad channels only the error is %v", err)
	}
}
