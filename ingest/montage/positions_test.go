package montage_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/montage"
)

// TestPositionsLieNearMNEs compares with standard_1005, a template head and no sphere: seen from its centre, electrodes
// lie some degrees off the rule.
func TestPositionsLieNearMNEs(t *testing.T) {
	const tolerance, typical = 14.0, 6.0
	raw, err := os.ReadFile("testdata/positions.json")
	if err != nil {
		t.Fatal(err)
	}
	var mne struct{ Directions map[string][3]float64 }
	if err := json.Unmarshal(raw, &mne); err != nil {
		t.Fatal(err)
	}
	if len(mne.Directions) != 339 {
		t.Fatalf("%d electrodes of MNE, want 339", len(mne.Directions))
	}
	sum := 0.0
	for name, want := range mne.Directions {
		got, ok := montage.Direction(name)
		if !ok {
			t.Errorf("%s has no direction", name)
			continue
		}
		off := angle(got, want)
		if off > tolerance {
			t.Errorf("%s: %.1f° from MNE's, want at most %g", name, off, tolerance)
		}
		sum += off
	}
	if mean := sum / float64(len(mne.Directions)); mean > typical {
		t.Errorf("%.1f° from MNE's on average, want at most %g", mean, typical)
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
	for _, n := range append(strings.Fields(string(raw)), "Nz") {
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
		u, _ := montage.Direction(name)
		left := strings.ContainsAny(name, "13579") && !strings.Contains(name, "10")
		switch {
		case strings.HasSuffix(name, "z") && math.Abs(u[0]) > 1e-15, left && u[0] >= 0, !left && !strings.HasSuffix(name, "z") && u[0] <= 0:
			t.Errorf("%s lies at x = %g", name, u[0])
		}
	}
	for _, name := range []string{"", "T3", "fcz", "C7", "EOG1", "Fp1-F7"} { // names in other spellings are the caller's work
		if p, ok := montage.Position(name); ok || montage.Place(name) != nil {
			t.Errorf("Position(%q) is %v, want none", name, p)
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
