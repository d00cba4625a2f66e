package synth

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// mneHead is testdata/mne_head.json, which MNE has computed.
type mneHead struct {
	Points  []vec `json:"points_m"`
	Dipoles []struct {
		Position  vec       `json:"position_m"`
		Moment    vec       `json:"moment_am"`
		Potential []float64 `json:"potential_v"`
	} `json:"dipoles"`
	Directions map[string]vec `json:"directions"`
}

func readMNE(t *testing.T) mneHead {
	t.Helper()
	raw, err := os.ReadFile("testdata/mne_head.json")
	if err != nil {
		t.Fatal(err)
	}
	var m mneHead
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Dipoles) != 5 || len(m.Points) != 40 || len(m.Directions) < 50 {
		t.Fatalf("testdata/mne_head.json: %d dipoles, %d points, %d directions", len(m.Dipoles), len(m.Points), len(m.Directions))
	}
	return m
}

func TestSphereAgreesWithMNE(t *testing.T) {
	// MNE replaces the shells by a few dipoles in a uniform sphere (Berg & Scherg 1994), which is good to some tenths of a per cent here.
	const tolerance = 0.005
	m, conductor := readMNE(t), newSphere(head)
	for k, d := range m.Dipoles {
		var diff, size float64
		for i, p := range m.Points {
			got := conductor.potential(p.unit(), d.Position, d.Moment)
			diff += (got - d.Potential[i]) * (got - d.Potential[i])
			size += d.Potential[i] * d.Potential[i]
		}
		if rel := math.Sqrt(diff / size); rel > tolerance {
			t.Errorf("dipole %d: differs from MNE by %.2g of its size, want at most %g", k, rel, tolerance)
		}
	}
}

// uniformSphere is the closed form for one conducting sphere (Mosher et al. 1999, doi:10.1109/10.748978, section III).
func uniformSphere(r, rq, q vec, conductivity float64) float64 {
	d := r.add(rq.scale(-1))
	f := d.norm() * (r.norm()*d.norm() + r.dot(r) - rq.dot(r))
	c1 := (2*d.dot(rq)/math.Pow(d.norm(), 3) + 1/d.norm() - 1/r.norm()) / rq.dot(rq)
	c2 := (2/math.Pow(d.norm(), 3) + (d.norm()+r.norm())/(r.norm()*f)) / rq.dot(rq)
	return rq.scale(c1-c2*r.dot(rq)).add(r.scale(c2*rq.dot(rq))).dot(q) / (4 * math.Pi * conductivity)
}

func TestSphereOfOneConductivityIsTheClosedForm(t *testing.T) {
	const sigma = 0.33
	conductor := newSphere([]shell{{0.9 * headRadius, sigma}, {0.95 * headRadius, sigma}, {headRadius, sigma}})
	m := readMNE(t)
	for k, d := range m.Dipoles {
		for i, p := range m.Points {
			u := p.unit()
			got, want := conductor.potential(u, d.Position, d.Moment), uniformSphere(u.scale(headRadius), d.Position, d.Moment, sigma)
			if math.Abs(got-want) > 1e-10*math.Abs(want)+1e-16 { // potentials are about 1e-6 V
				t.Errorf("dipole %d, point %d: %g V, want %g", k, i, got, want)
			}
		}
	}
}

func TestElectrodesLieWhereMNEHasThem(t *testing.T) {
	// standard_1005 is a template head and no sphere: seen from its centre, electrodes lie some degrees off the rule.
	const tolerance = 12.0
	m := readMNE(t)
	for name, want := range m.Directions {
		got, ok := electrodes[name]
		if !ok {
			t.Errorf("%s: unknown", name)
			continue
		}
		if off := math.Acos(min(got.dot(want.unit()), 1)) * 180 / math.Pi; off > tolerance {
			t.Errorf("%s: %.1f° from MNE's, want at most %g", name, off, tolerance)
		}
	}
}

func TestElectrodesFollowTheTenTenRule(t *testing.T) {
	angle := func(a, b string) float64 { return math.Acos(electrodes[a].dot(electrodes[b])) * 180 / math.Pi }
	for _, tc := range []struct {
		a, b string
		want float64
	}{
		{"Fpz", "AFz", 22.5},
		{"AFz", "Fz", 22.5},
		{"Fz", "FCz", 22.5},
		{"FCz", "Cz", 22.5},
		{"Cz", "CPz", 22.5},
		{"CPz", "Pz", 22.5},
		{"Pz", "POz", 22.5},
		{"POz", "Oz", 22.5},
		{"Oz", "Iz", 22.5},
		{"Fpz", "Nz", 22.5},
		{"Cz", "C1", 22.5},
		{"C1", "C3", 22.5},
		{"C3", "C5", 22.5},
		{"C5", "T7", 22.5},
		{"T7", "T9", 22.5},
		{"T8", "T10", 22.5},
		{"Fpz", "Fp2", 18},
		{"Fp2", "AF8", 18},
		{"AF8", "F8", 18},
		{"F8", "FT8", 18},
		{"FT8", "T8", 18},
		{"T8", "TP8", 18},
		{"TP8", "P8", 18},
		{"P8", "PO8", 18},
		{"PO8", "O2", 18},
		{"O2", "Oz", 18},
	} {
		if got := angle(tc.a, tc.b); math.Abs(got-tc.want) > 1e-5 {
			t.Errorf("%s to %s: %g°, want %g", tc.a, tc.b, got, tc.want)
		}
	}
	for _, row := range []string{"AF", "F", "FC", "CP", "P", "PO"} { // quarters of the arc: equal steps
		outer := map[string]string{"FC": "FT", "CP": "TP"}[row]
		if outer == "" {
			outer = row
		}
		first := angle(row+"z", row+"1")
		for _, pair := range [][2]string{{row + "1", row + "3"}, {row + "3", row + "5"}, {row + "5", outer + "7"}, {row + "z", row + "2"}} {
			if got := angle(pair[0], pair[1]); math.Abs(got-first) > 1e-9 {
				t.Errorf("%s to %s: %g°, but %sz to %s1 %g°", pair[0], pair[1], got, row, row, first)
			}
		}
	}
	for name, u := range electrodes {
		if math.Abs(u.norm()-1) > 1e-12 {
			t.Errorf("%s lies at %g of the radius", name, u.norm())
		}
	}
}
