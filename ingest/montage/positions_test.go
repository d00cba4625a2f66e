package montage_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/montage"
)

// golden is the rule worked out by another program, and how far MNE's templates lie from it.
type golden struct {
	Program  string
	Rule     map[string][3]float64
	Montages map[string]struct {
		Names, Compared int
		Unknown         []string
		TiltDeg         float64 `json:"tilt_deg"`
		Angles, Tilted  struct {
			Mean, Median, Max float64
			Farthest          string
			UpperMax          float64 `json:"upper_max"`
		}
		Each map[string]float64
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/positions.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestDirectionsAreTheRule as a program worked it out by other formulas; the tolerance is that of rounding.
func TestDirectionsAreTheRule(t *testing.T) {
	g := readGolden(t)
	if len(g.Rule) != montage.Count()-6 { // the four old names have no place of their own, CB1 and CB2 none
		t.Errorf("%d names in the golden values, gyrus has %d", len(g.Rule), montage.Count()-6)
	}
	for name, want := range g.Rule {
		got, ok := montage.Direction(name)
		if !ok {
			t.Errorf("%s has no direction", name)
		}
		for k := range want {
			if !(math.Abs(got[k]-want[k]) <= 1e-14) {
				t.Errorf("%s lies at %v, the rule says %v", name, got, want)
				break
			}
		}
	}
}

// TestPositionsLieNearMNEs holds the promise of the package comment: how far the rule may lie from each template of MNE, as
// both are seen from the middle of the head.
func TestPositionsLieNearMNEs(t *testing.T) {
	g := readGolden(t)
	for name, bar := range map[string]struct{ mean, most float64 }{
		"colin27_1005":             {6, 11.5}, // standard_1005: a person's head
		"fsaverage_1005":           {3.5, 7},  // the mean of 40 heads
		"easycap-M1":               {2, 5.5},  // caps on a sphere
		"biosemi16":                {2, 3.5},
		"biosemi32":                {2, 3.5},
		"biosemi64":                {2, 3.5},
		"brainproducts-RNP-BA-128": {0.5, 1},
	} {
		m, ok := g.Montages[name]
		if !ok || m.Compared < 16 || m.Compared+len(m.Unknown) < m.Names-4 {
			t.Errorf("%s: %d of %d names compared, %v unknown", name, m.Compared, m.Names, m.Unknown)
		}
		if !(m.Angles.Mean <= bar.mean && m.Angles.Max <= bar.most) {
			t.Errorf("%s: %.1f° on average and %.1f° at most (%s), want %g and %g", name, m.Angles.Mean, m.Angles.Max, m.Angles.Farthest, bar.mean, bar.most)
		}
	}
	if n := len(g.Montages["colin27_1005"].Each); n != 339 {
		t.Errorf("%d names compared with standard_1005, want 339: all but T3, T4, T5 and T6, which are T7, T8, P7 and P8", n)
	}
}

// TestPageSaysSo: docs/montage.md has the figures of the golden values.
func TestPageSaysSo(t *testing.T) {
	page, err := os.ReadFile("../../docs/montage.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range readGolden(t).Montages {
		row := fmt.Sprintf("| `%s` | %d of %d | %.1f° | %.1f° | %.1f° (%s) | %.1f° | %.1f° |",
			name, m.Compared, m.Names, m.Angles.Mean, m.Angles.Median, m.Angles.Max, m.Angles.Farthest, m.TiltDeg, m.Tilted.Mean)
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/montage.md lacks the row\n%s", row)
		}
	}
}

func angle(a, b [3]float64) float64 {
	dot := a[0]*b[0] + a[1]*b[1] + a[2]*b[2]
	return math.Acos(max(-1, min(dot, 1))) * 180 / math.Pi
}

// TestEveryNameHasAPosition and every position a name, on the sphere whose centre is a tenth above the ears.
func TestEveryNameHasAPosition(t *testing.T) {
	raw, err := os.ReadFile("testdata/standard_1005.txt")
	if err != nil {
		t.Fatal(err)
	}
	centre := montage.HeadRadius * math.Sin(22.5*math.Pi/180)
	for _, n := range append(strings.Fields(string(raw)), "Nz", "N2", "N1h", "NFpz", "NFp1", "NFp2h") {
		name, _ := montage.Spell(n)
		p, ok := montage.Position(name)
		if !ok {
			t.Errorf("%s has no position", name)
			continue
		}
		if r := math.Hypot(math.Hypot(p[0], p[1]), p[2]-centre); math.Abs(r-montage.HeadRadius) > 1e-12 {
			t.Errorf("%s lies %g m from the centre, want %g", name, r, montage.HeadRadius)
		}
		if place := montage.Place(name); place == nil || *place != p {
			t.Errorf("Place(%q) is %v, want %v", name, place, p)
		}
		near, far := p, p
		near[0] += 5e-9 // 8 digits in millimetres
		far[0] += 1e-4
		if montage.Measured(name, nil) || montage.Measured(name, &p) || montage.Measured(name, &near) || !montage.Measured(name, &far) {
			t.Errorf("%s counts as measured at its own place, or not a tenth of a millimetre from it", name)
		}
		u, _ := montage.Direction(name)
		left := strings.ContainsAny(name, "13579") && !strings.Contains(name, "10")
		switch {
		case strings.HasSuffix(name, "z") && math.Abs(u[0]) > 1e-15, left && u[0] >= 0, !left && !strings.HasSuffix(name, "z") && u[0] <= 0:
			t.Errorf("%s lies at x = %g", name, u[0])
		}
	}
	for _, name := range []string{"", "T3", "fcz", "C7", "EOG1", "Fp1-F7", "CB1", "CB2"} { // names in other spellings are the caller's work
		if p, ok := montage.Position(name); ok || montage.Place(name) != nil {
			t.Errorf("Position(%q) is %v, want none", name, p)
		}
		if p := montage.Place("Cz"); !montage.Measured(name, p) {
			t.Errorf("%q has no place of its name, so that %v was measured", name, p)
		}
	}
}

// TestHalfPlacesLieBetween: the 10-05 system halves the steps of the 10-10 system.
func TestHalfPlacesLieBetween(t *testing.T) {
	for _, tc := range [][3]string{
		{"Cz", "C1h", "C1"},
		{"C1", "C3h", "C3"},
		{"C5", "T7h", "T7"},
		{"T8", "T10h", "T10"},
		{"Fpz", "Fp1h", "Fp1"},
		{"Oz", "O2h", "O2"},
		{"Fz", "FFCz", "FCz"},
		{"POz", "POOz", "Oz"},
		{"Fpz", "AFpz", "AFz"},
		{"Nz", "NFpz", "Fpz"},
		{"N1", "NFp1", "Fp1"},
		{"Nz", "N2h", "N2"},
		{"Oz", "OIz", "Iz"},
		{"O1", "OI1", "I1"},
		{"Fp2", "AFp8", "AF8"},
		{"F7", "FFT7", "FT7"},
		{"P4", "P6h", "P6"},
	} {
		var u [3][3]float64
		for i, name := range tc {
			var ok bool
			if u[i], ok = montage.Direction(name); !ok {
				t.Fatalf("%s has no direction", name)
			}
		}
		a, b, whole := angle(u[0], u[1]), angle(u[1], u[2]), angle(u[0], u[2])
		if math.Abs(a-b) > 1e-6 || a+b < whole-1e-6 || a+b > whole*1.01 { // circles of a row are not the shortest way
			t.Errorf("%s lies %.3f° from %s and %.3f° from %s, which are %.3f° apart", tc[1], a, tc[0], b, tc[2], whole)
		}
	}
}
