package electrodes_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/electrodes"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// mne is where MNE reads the electrodes of a file, in metres. kind is "head" where they are in the head frame, "file" where they
// stay in that of the file, and "sphere" where they lie on a sphere about the origin, of which gyrus has the middle higher.
type mne struct {
	Kind      string
	Positions map[string][3]float64
}

func golden(t *testing.T) map[string]mne {
	t.Helper()
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct{ Files map[string]mne }
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Files) != 10 {
		t.Fatalf("%d files, want 10", len(g.Files))
	}
	return g.Files
}

// compare wants the electrodes of set where MNE has them. MNE keeps .sfp in single precision.
func compare(t *testing.T, set *electrodes.Set, want mne) {
	t.Helper()
	const tolerance = 1e-7
	lift := montage.HeadRadius * math.Sin(math.Pi/8)
	found := 0
	for _, e := range set.Electrodes {
		w, ok := want.Positions[e.Label]
		if !ok {
			if e.Label != "Nz" { // which MNE takes for the nasion alone
				t.Errorf("MNE has no %s", e.Label)
			}
			continue
		}
		found++
		if want.Kind == "sphere" {
			w[2] += lift
		}
		for k := range w {
			if !(math.Abs(e.Pos[k]-w[k]) <= tolerance) {
				t.Errorf("%s lies at %v, MNE has %v", e.Label, e.Pos, w)
				break
			}
		}
	}
	if found != len(want.Positions) {
		t.Errorf("%d electrodes of MNE's %d", found, len(want.Positions))
	}
	if shared := want.Kind != "file"; set.Shared != shared {
		t.Errorf("shared is %v, want %v: %s", set.Shared, shared, set.How)
	}
	if len(set.Deviations) > 0 {
		t.Errorf("deviates: %v", set.Deviations)
	}
}

func TestPlacesAreMNEs(t *testing.T) {
	for name, want := range golden(t) {
		t.Run(name, func(t *testing.T) {
			dir := "testdata"
			if name == "eeglab_chan32.locs" {
				if dir = os.Getenv("GYRUS_DATA"); dir == "" {
					t.Skip("needs the data folder: GYRUS_DATA")
				}
				dir = filepath.Join(dir, "formats", "eeglab")
			}
			set, err := electrodes.Open(os.DirFS(dir), name)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, set, want)
		})
	}
}

// TestPeersOwnFiles reads the files that MNE comes with, the field's standard_1005 among them, and wants all electrodes where MNE has
// them. Labels of one place that come to one name, as T3 and T7, are joined with a channel of either.
func TestPeersOwnFiles(t *testing.T) {
	python := os.Getenv("GYRUS_ELECTRODES_PYTHON")
	if python == "" {
		t.Skip("needs Python with MNE: make interop-electrodes")
	}
	raw, err := exec.CommandContext(t.Context(), python, "testdata/own.py").Output()
	if err != nil {
		t.Fatal(err)
	}
	var files map[string]mne
	if err := json.Unmarshal(raw, &files); err != nil {
		t.Fatal(err)
	}
	if len(files) < 15 {
		t.Fatalf("%d files, want at least 15", len(files))
	}
	for path, want := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			set, err := electrodes.Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
			if err != nil {
				t.Fatal(err)
			}
			compare(t, set, want)
			if !strings.HasPrefix(filepath.Base(path), "colin27_10") {
				return
			}
			rec := recording()
			j, err := set.Apply(rec)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d placed, %v missing", len(j.Placed), j.Missing)
			for _, c := range rec.Info.Channels {
				if w, ok := want.Positions[c.Name]; ok && (c.Pos == nil || math.Abs(c.Pos[0]-w[0])+math.Abs(c.Pos[1]-w[1])+math.Abs(c.Pos[2]-w[2]) > 1e-7) {
					t.Errorf("%s lies at %v, want %v", c.Name, c.Pos, w)
				}
			}
		})
	}
}

// TestLabelsOfOnePlace: two labels that come to one name are one electrode where they have one place, and neither is left over.
func TestLabelsOfOnePlace(t *testing.T) {
	set, err := file("cap.elc", "UnitPosition\tmm\nPositions\n-80 0 0\n-80 0 0\n0 0 90\n60 60 0\nLabels\nT3\nT7\nCz\nF8\n")
	if err != nil {
		t.Fatal(err)
	}
	rec := recording()
	j, err := set.Apply(rec)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"F8"}, j.Extra); d != "" {
		t.Error(d)
	}
}

// TestTable: a .ced, which MNE does not read, has the places of the .locs that it was made of, by X and Y or by angles.
func TestTable(t *testing.T) {
	want := golden(t)["polar.locs"]
	for name, unplaced := range map[string]int{"table.ced": 1, "angles.ced": 0} {
		set, err := electrodes.Open(os.DirFS("testdata"), name)
		if err != nil {
			t.Fatal(err)
		}
		if len(set.Unplaced) != unplaced {
			t.Errorf("%s: %v have no place, want %d", name, set.Unplaced, unplaced)
		}
		if name == "angles.ced" {
			compare(t, set, want)
			continue
		}
		for _, e := range set.Electrodes { // a sphere of 85 mm, in the frame of the file
			u := want.Positions[e.Label]
			for k := range u {
				if d := e.Pos[k] - u[k]*85/95; math.Abs(d) > 1e-8 {
					t.Errorf("%s lies at %v, want %v times 85/95", e.Label, e.Pos, u)
				}
			}
		}
	}
}

// file opens a file with this content.
func file(name, content string) (*electrodes.Set, error) {
	return electrodes.Open(fstest.MapFS{name: {Data: []byte(content)}}, name)
}

// TestUnits are told by the size of the head.
func TestUnits(t *testing.T) {
	for factor, unit := range map[float64]string{0.09: "metres", 9: "centimetres", 90: "millimetres", 1: montage.UnitSphere} {
		var b strings.Builder
		for _, n := range strings.Fields("Fp1 Fp2 C3 Cz C4 O1 O2") {
			u, _ := montage.Direction(n)
			fmt.Fprintf(&b, "%s %g %g %g\n", n, u[0]*factor, u[1]*factor, u[2]*factor)
		}
		set, err := file("x.sfp", b.String())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(set.How, unit) {
			t.Errorf("%g: %s, want %s", factor, set.How, unit)
		}
		want, _ := montage.Direction("C4")
		radius := 0.09
		if factor == 1 {
			want, radius = [3]float64(*montage.Place("C4")), 1
		}
		for k, x := range set.Electrodes[4].Pos {
			if math.Abs(x-want[k]*radius) > 1e-12 {
				t.Errorf("%g: C4 lies at %v, want %g times %v", factor, set.Electrodes[4].Pos, radius, want)
				break
			}
		}
	}
}

// turned is a file of places with other axes.
func turned(change func(p signal.Position) [3]float64) string {
	var b strings.Builder
	for _, n := range strings.Fields("Fp1 Fp2 F7 F8 C3 Cz C4 T7 T8 O1 Oz O2") {
		p := change(*montage.Place(n))
		fmt.Fprintf(&b, "%s %.4f %.4f %.4f\n", n, 1000*p[0], 1000*p[1], 1000*p[2])
	}
	return b.String()
}

// TestHandedness: axes in another order are turned and listed, a mirror image is refused.
func TestHandedness(t *testing.T) {
	set, err := file("x.sfp", turned(func(p signal.Position) [3]float64 { return [3]float64{p[1], -p[0], p[2]} }))
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Deviations) != 1 || !strings.HasPrefix(set.Deviations[0].Found, "x to the nose, y to the left, z up") {
		t.Errorf("deviations: %v", set.Deviations)
	}
	for _, e := range set.Electrodes {
		want := montage.Place(e.Label)
		for k := range want {
			if math.Abs(e.Pos[k]-want[k]) > 1e-6 {
				t.Errorf("%s lies at %v, want %v", e.Label, e.Pos, *want)
			}
		}
	}
	for name, change := range map[string]func(p signal.Position) [3]float64{
		"x to the left, y to the nose, z up":  func(p signal.Position) [3]float64 { return [3]float64{-p[0], p[1], p[2]} },
		"x to the nose, y to the right, z up": func(p signal.Position) [3]float64 { return [3]float64{p[1], p[0], p[2]} },
	} {
		_, err := file("x.sfp", turned(change))
		if err == nil || !strings.Contains(err.Error(), "mirror image") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	// Names that belong to other numbers.
	lines := strings.Split(turned(func(p signal.Position) [3]float64 { return p }), "\n")
	for i, n := range strings.Fields("O2 C3 Fp1 T7 O1 F8 T8 Oz Fp2 Cz F7 C4") {
		_, numbers, _ := strings.Cut(lines[i], " ")
		lines[i] = n + " " + numbers
	}
	if _, err := file("x.sfp", strings.Join(lines, "\n")); err == nil || !strings.Contains(err.Error(), "do not belong together") {
		t.Errorf("shuffled names: the error is %v", err)
	}
	// Labels that say nothing cannot be checked, and that is said.
	set, err = file("x.sfp", "E1 0 80 0\nE2 0 0 90\nE3 80 0 0\nE4 -80 0 0\n")
	if err != nil || !strings.Contains(set.How, "not checked") {
		t.Errorf("%v, %v", set, err)
	}
}

// caps is what often is on heads, from few electrodes to many.
var caps = map[string]string{
	"4":         "TP9 AF7 AF8 TP10",
	"6":         "F3 F4 Fz P3 P4 Pz",
	"8":         "Fp1 Fp2 C3 C4 P7 P8 O1 O2",
	"8, mixed":  "Fz C3 Cz C4 Pz PO7 Oz PO8",
	"8, behind": "Oz O1 O2 PO3 POz PO7 PO8 PO4",
	"14":        "AF3 F7 F3 FC5 T7 P7 O1 O2 P8 T8 FC6 F4 F8 AF4",
	"19":        strings.Join(montage.System("1020"), " "),
	"22":        "Fz FC3 FC1 FCz FC2 FC4 C5 C3 C1 Cz C2 C4 C6 CP3 CP1 CPz CP2 CP4 P1 Pz P2 POz",
	"32":        strings.Join(montage.System("biosemi32"), " "),
	"64":        strings.Join(montage.System("biosemi64"), " "),
}

// placed is a file of electrodes at their places, which sit degrees too far to the nose, with axes of other signs, in mm.
func placed(names string, degrees float64, sign [3]float64) string {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	var b strings.Builder
	for _, n := range strings.Fields(names) {
		p := *montage.Place(n)
		p = signal.Position{p[0], cos*p[1] + sin*p[2], cos*p[2] - sin*p[1]}
		fmt.Fprintf(&b, "%s %.4f %.4f %.4f\n", n, 1000*sign[0]*p[0], 1000*sign[1]*p[1], 1000*sign[2]*p[2])
	}
	return b.String()
}

// TestMirrored: whichever axis is negated, it is found, also where the others fit well, and no cap that sits a little off is taken for one.
func TestMirrored(t *testing.T) {
	for name, names := range caps {
		for degrees := range 6 {
			set, err := file("x.sfp", placed(names, float64(2*degrees-5), [3]float64{1, 1, 1}))
			if err != nil || len(set.Deviations) > 0 {
				t.Errorf("%s, %d° off: %v, %+v", name, 2*degrees-5, err, set)
			}
		}
		for axis, want := range []string{"x to the left, y to the nose, z up", "x to the right, y to the back, z up", "x to the right, y to the nose, z down"} {
			sign := [3]float64{1, 1, 1}
			sign[axis] = -1
			if _, err := file("x.sfp", placed(names, 4, sign)); err == nil || !strings.Contains(err.Error(), "mirror image") || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: the error is %v, must say mirror image and %q", name, err, want)
			}
		}
		// Two negated axes are a turn.
		set, err := file("x.sfp", placed(names, 0, [3]float64{-1, 1, -1}))
		if err != nil || len(set.Deviations) != 1 || !strings.HasPrefix(set.Deviations[0].Found, "x to the left, y to the nose, z down") {
			t.Errorf("%s: turned: %v, %+v", name, err, set)
			continue
		}
		for _, e := range set.Electrodes {
			if d := far(e.Pos, *montage.Place(e.Label)); d > 1e-6 {
				t.Errorf("%s: %s lies %g m from where it must", name, e.Label, d)
			}
		}
	}
}

// TestAxesThatNamesCannotTell are listed, unless they change nothing or the file fixes its frame.
func TestAxesThatNamesCannotTell(t *testing.T) {
	const ring = "Fpz AF7 F7 FT7 T7 TP7 P7 PO7 Oz PO8 P8 TP8 T8 FT8 F8 AF8"
	const fiducials = "FidNz 0 100 0\nFidT9 -80 0 0\nFidT10 80 0 0\n"
	behind := func(y float64) string {
		return fmt.Sprintf("C3 -60 %g 90\nC1 -30 %g 118\nCz 0 %g 125\nC2 30 %g 118\nC4 60 %g 90\n", y, y, y, y, y)
	}
	for _, tc := range []struct{ name, content, want string }{
		{"midline", placed("Fz FCz Cz CPz Pz POz Oz", 0, [3]float64{1, 1, 1}), ""}, // x is 0
		{"one row", behind(-2), ""},
		{"one row, 12 mm behind the ears", behind(-12), "5 names, whose places fit about as well with x to the right, y to the back, z up"},
		{"ring", placed(ring, 0, [3]float64{1, 1, 1}), "16 names, whose places fit about as well with x to the right, y to the nose, z down"},
		{"ring, nasion and ears", fiducials + placed(ring, 0, [3]float64{1, 1, 1}), ""},
		{"neither fits", "Fz 0 50 60\nPz 0 -50 60\nC3 -60 40 60\nC4 60 -70 50\nOz 30 -20 90\nFpz -20 30 80\n", "6 names, whose places fit about as well with"},
	} {
		set, err := file("x.sfp", tc.content)
		switch {
		case err != nil:
			t.Errorf("%s: %v", tc.name, err)
		case tc.want == "" && len(set.Deviations) > 0, tc.want != "" && (len(set.Deviations) != 1 || !strings.HasPrefix(set.Deviations[0].Found, tc.want)):
			t.Errorf("%s: deviations %+v, want %q", tc.name, set.Deviations, tc.want)
		}
	}
}

// TestTurnedInAPlane: where a turned and a mirrored set are the same, it is a turned one.
func TestTurnedInAPlane(t *testing.T) {
	set, err := file("x.sfp", "Fpz 110 0 40\nFz 65 0 115\nCz 0 0 135\nPz -70 0 110\nOz -95 0 40\n")
	if err != nil || len(set.Deviations) != 1 || !strings.HasPrefix(set.Deviations[0].Found, "x to the nose, y to the left, z up") {
		t.Errorf("%v, %+v", err, set)
	}
}

// TestTurnedSphere: a sphere is turned about its middle, and lies where names do.
func TestTurnedSphere(t *testing.T) {
	var b strings.Builder
	for _, n := range strings.Fields(caps["19"]) {
		u, _ := montage.Direction(n)
		fmt.Fprintf(&b, "%s %.6f %.6f %.6f\n", n, u[1], u[2], u[0])
	}
	set, err := file("x.sfp", b.String())
	if err != nil || len(set.Deviations) != 1 || !strings.HasPrefix(set.Deviations[0].Found, "x to the nose, y up, z to the right") {
		t.Fatalf("%v, %+v", err, set)
	}
	for _, e := range set.Electrodes {
		if d := far(e.Pos, *montage.Place(e.Label)); d > 1e-6 {
			t.Errorf("%s lies %g m from where its name does", e.Label, d)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct{ name, content, want string }{
		{"x.locs", "1 0 0.5\n", "x.locs: byte 0: line 1: electrode: 3 columns, must be 4"},
		{"x.locs", "1 0 0.5 Fz\n2 x 0.5 Cz\n", `byte 11: line 2: angle: "x" is not a finite number`},
		{"x.locs", "1 0 NaN Fz\n", "line 1: radius"},
		{"x.locs", "", "has no electrode"},
		{"x.sfp", "Cz 0 0 90\nCz 0 1 90\n", `byte 10: line 2: label: "Cz" is also the label of line 1`},
		{"x.sfp", "Cz 0 0 3000\n", "no head in metres, centimetres or millimetres"},
		{"x.sfp", "Cz 0 0 0\n", "no place"},
		{"x.sfp", "FidNz 0 0 1\nFidT9 0 0 2\nFidT10 0 0 3\nCz 0 0 90", "fix no head"},
		{"x.ced", "Number\tX\tY\tZ\n", "none is called labels"},
		{"x.ced", "labels\tX\tY\tZ\nCz\t0\t0,1\t90\n", `line 2: Y: "0,1"`},
		{"x.elc", "Positions\n0 0 90\nLabels\nCz\n", "UnitPosition: is missing"},
		{"x.elc", "UnitPosition furlong\nPositions\n0 0 90\nLabels\nCz\n", `unknown unit of positions "furlong"`},
		{"x.elc", "UnitPosition m\nPositions\n0 0 90\nLabels\nCz\n", "check the unit"},
		{"x.elc", "UnitPosition mm\nNumberPositions= 2\nPositions\n0 0 90\nLabels\nCz\n", "is 2, but there are 1 positions"},
		{"x.elc", "UnitPosition mm\nPositions\n0 0 90\n0 0 91\nLabels\nCz\n", "1 labels for 2 positions"},
		{"x.elc", "UnitPosition mm\nPositions\n0 0\nLabels\nCz\n", "line 3: position: 2 numbers"},
		{"x.elp", "3 2\n//Probe\n", "Polhemus"},
		{"x.elp", "Cz 0\n", "Polhemus"},
		{"x.elp", "Cz 0 0\nFz\n", "line 2: electrode: 1 columns"},
		{"x.hpts", "eeg Cz 0 0\n", "must be 5"},
		{"x.hpts", "cardinal 4 0 0 1\n", "must be 1 (left ear)"},
		{"x.hpts", "meg 4 0 0 1\n", "category"},
		{"x.bvef", "<Foo/>", "must be Electrodes"},
		{"x.bvef", "<Electrodes><Electrode>\n", "XML"},
		{"x.bvef", "<Electrodes>\n<Electrode><Name>Cz</Name><Theta>0</Theta><Phi>?</Phi><Radius>1</Radius></Electrode></Electrodes>", "line 2: Phi"},
		{"x.bvef", "<Electrodes><Electrode><Name>Cz</Name><Theta>0</Theta><Phi>0</Phi><Radius>1</Radius></Electrode>" +
			"<Electrode><Name>C3</Name><Theta>0</Theta><Phi>0</Phi><Radius>90</Radius></Electrode></Electrodes>", "must be 1 for all"},
	} {
		_, err := file(tc.name, tc.content)
		var format *ingest.FormatError
		if err == nil || !strings.Contains(err.Error(), tc.want) || !errors.As(err, &format) {
			t.Errorf("%s %q: the error is %v (%T), must contain %q", tc.name, tc.content, err, err, tc.want)
		}
	}
	if _, err := file("x.tsv", ""); err == nil || !strings.Contains(err.Error(), "BIDS") {
		t.Errorf("the error of a .tsv is %v", err)
	}
	if _, err := file("x.sfp", strings.Repeat("# long\n", 700000)); err == nil || !strings.Contains(err.Error(), "more than 4 MiB") {
		t.Errorf("the error of a large file is %v", err)
	}
}

func far(a, b signal.Position) float64 {
	return math.Hypot(math.Hypot(a[0]-b[0], a[1]-b[1]), a[2]-b[2])
}

func recording() *signal.Recording {
	info := &signal.Info{Rate: 100}
	for _, e := range montage.Assign([]string{"Fc5.", "EEG Cz-REF", "T3", "C3-A2", "EXG1", "Status", "Oz"}) {
		c := signal.Channel{Name: e.Name, Original: e.Original, Kind: e.Kind, Unit: signal.Microvolt, Pos: montage.Place(e.Name)}
		info.Channels = append(info.Channels, c)
	}
	info.Channels[4].Unit = ""
	return &signal.Recording{Name: "run.edf", Info: info}
}

func TestApplyJoinsByName(t *testing.T) {
	set, err := file("cap.sfp", "FC5 -0.8 0 0.6\nCZ 0 0 1\nT7 -1 0 0\nexg1 0 0.8 -0.6\nPOz 0 -0.8 0.6\nstatus 1 0 0\n")
	if err != nil {
		t.Fatal(err)
	}
	rec := recording()
	before := *rec.Info
	j, err := set.Apply(rec)
	if err != nil {
		t.Fatal(err)
	}
	want := &electrodes.Joined{
		File: "cap.sfp", Format: "BESA sfp", How: set.How,
		Placed: []string{"FC5", "Cz", "T7", "EXG1"}, Missing: []string{"C3-A2", "Oz"}, Extra: []string{"POz", "status"}, Retyped: []string{"EXG1"},
	}
	if d := cmp.Diff(want, j); d != "" {
		t.Errorf("joined (-want +got):\n%s", d)
	}
	c := rec.Info.Channels
	if far(*c[1].Pos, *montage.Place("Cz")) > 1e-12 || c[5].Pos != nil || c[3].Pos != nil || c[4].Kind != signal.EEG {
		t.Errorf("channels are %+v", c)
	}
	if c[6].Pos == nil || *c[6].Pos != *montage.Place("Oz") {
		t.Errorf("Oz is not in the file: %v, must keep the place of its name", c[6].Pos)
	}
	if before.Channels[4].Kind != signal.Misc {
		t.Error("the Info that was there before has changed")
	}
	if len(rec.Deviations) != 2 || !strings.Contains(rec.Deviations[0].Found, `the unit ""`) || !strings.Contains(rec.Deviations[1].Found, "none for C3-A2, Oz") {
		t.Errorf("deviations: %v", rec.Deviations)
	}
	if d := cmp.Diff([]string{"cap.sfp"}, rec.Parts); d != "" {
		t.Error(d)
	}

	// A frame of its own: the place of a name is not mixed with it.
	own, err := file("cap.sfp", "FC5 -60 20 60\nCZ 0 0 100\nT7 -80 0 0\n")
	if err != nil {
		t.Fatal(err)
	}
	rec = recording()
	if _, err := own.Apply(rec); err != nil || rec.Info.Channels[6].Pos != nil {
		t.Errorf("%v; Oz lies at %v, must have no place", err, rec.Info.Channels[6].Pos)
	}
}

func TestApplyRefuses(t *testing.T) {
	for content, want := range map[string]string{
		"E1 0 0 1\nE2 0 1 0\n": "cap.sfp has no channel of run.edf: it knows E1, E2",
		"T3 -1 0 0\nT7 0 1 0":  `"T3" and "T7" are the same electrode, at two places`,
	} {
		set, err := file("cap.sfp", content)
		if err != nil {
			t.Fatal(err)
		}
		rec := recording()
		if _, err := set.Apply(rec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v, must contain %q", content, err, want)
		}
		if d := cmp.Diff(recording(), rec); d != "" {
			t.Errorf("%q changes the recording:\n%s", content, d)
		}
	}
}

func FuzzOpen(f *testing.F) {
	names, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	endings := electrodes.Endings()
	for _, n := range names {
		raw, err := os.ReadFile(n)
		if err != nil {
			f.Fatal(err)
		}
		for i, e := range endings {
			if e == filepath.Ext(n) {
				f.Add(uint8(i), raw)
			}
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, raw []byte) {
		name := "x" + endings[int(kind)%len(endings)]
		set, err := electrodes.Open(fstest.MapFS{name: {Data: raw}}, name)
		var format *ingest.FormatError
		if err != nil && !errors.As(err, &format) {
			t.Fatalf("the error %v (%T) must be an *ingest.FormatError", err, err)
		}
		if err != nil {
			return
		}
		for _, e := range set.Electrodes {
			if !e.Pos.Finite() {
				t.Fatalf("%s lies at %v", e.Label, e.Pos)
			}
		}
	})
}
