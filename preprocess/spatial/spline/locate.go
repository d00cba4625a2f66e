package spline

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// The radius in metres that a head can have: a newborn's and that of a very large cap, with room.
const minRadius, maxRadius = 0.04, 0.2

// Locate finds the head and the directions of the channels idx of in. sphere is x, y, z, radius in metres, or empty to fit
// one to the positions of these channels. It is an error where a channel has no position, where a given or fitted sphere
// is no head (radius of 0.04 to 0.2 m), or where the positions do not fix one.
func Locate(in *signal.Info, idx []int, sphere []float64) (Sphere, [][3]float64, error) {
	points := make([]signal.Position, len(idx))
	var missing []string
	for i, ch := range idx {
		if p := in.Channels[ch].Pos; p != nil {
			points[i] = *p
		} else {
			missing = append(missing, in.Channels[ch].Name)
		}
	}
	if len(missing) > 0 {
		return Sphere{}, nil, fmt.Errorf("no position is known for channel %s: rename it to its 10-05 name, give its place in the recording's sidecar file, or leave it out with pick",
			strings.Join(missing, ", "))
	}
	s, err := head(points, sphere)
	if err != nil {
		return Sphere{}, nil, err
	}
	u, err := s.Directions(points)
	if err != nil {
		return Sphere{}, nil, err
	}
	return s, u, nil
}

// FitHead is Fit, and an error where the sphere is no head.
func FitHead(points []signal.Position) (Sphere, error) {
	s, err := Fit(points)
	if err == nil && !(minRadius <= s.Radius && s.Radius <= maxRadius) {
		err = fmt.Errorf("the sphere through the positions has a radius of %.3g m, which no head has (%g to %g): check that positions are in metres", s.Radius, minRadius, maxRadius)
	}
	return s, err
}

// leastSpread is how far from their common plane the positions must lie at least, as the root of the sum of squares in metres. For a sphere through
// electrodes of standard_1005 of MNE, with errors of 2.5 mm (1000 drawings each), the median error of their directions was 30° where they spread by
// 0.2 to 0.4 cm (the four of a Muse, Fp1 Fp2 O1 O2), and 50° in rings around the head of six to ten (1.0 to 1.5 cm; 2% of the largest ones come to
// more than 2); Fz C3 Cz C4 Pz, which spread by 3.0 cm (1% by less than 2.4), had 10°, caps of eight all over the head (6 cm and more) 4 to 6°.
const leastSpread = 0.02

// Fixes is an error where positions lie so nearly in one plane that the sphere through them is mostly that of the errors of measuring.
func Fixes(points []signal.Position) error {
	var middle signal.Position
	n := float64(len(points))
	for _, p := range points {
		for i, v := range p {
			middle[i] += v / n
		}
	}
	off := mat.NewDense(len(points), 3, nil)
	for k, p := range points {
		for i, v := range p {
			off.Set(k, i, v-middle[i])
		}
	}
	var svd mat.SVD
	if !svd.Factorize(off, mat.SVDNone) {
		return errors.New("the positions are not finite")
	}
	spread := 0.0 // three positions or fewer have a plane
	if s := svd.Values(nil); len(points) > 3 {
		spread = s[2]
	}
	if spread < leastSpread {
		return fmt.Errorf("the %d positions lie so nearly in one plane (%.2g mm from it, root mean square) that they hardly say where the middle of the head is", len(points), 1000*spread/math.Sqrt(n))
	}
	return nil
}

func head(points []signal.Position, sphere []float64) (Sphere, error) {
	switch len(sphere) {
	case 0:
		s, err := FitHead(points)
		if err != nil {
			return Sphere{}, fmt.Errorf("sphere_m is not given and cannot be fitted: %w; give sphere_m, such as [0, 0, 0.036, 0.095]", err)
		}
		return s, nil
	case 4:
		for _, v := range sphere {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return Sphere{}, fmt.Errorf("sphere_m is %v, must be finite", sphere)
			}
		}
		if r := sphere[3]; !(minRadius <= r && r <= maxRadius) {
			return Sphere{}, fmt.Errorf("sphere_m has a radius of %g m, must be between %g and %g", r, minRadius, maxRadius)
		}
		return Sphere{signal.Position{sphere[0], sphere[1], sphere[2]}, sphere[3]}, nil
	}
	return Sphere{}, errors.New("sphere_m must be empty, or four numbers in metres: x, y, z of the centre, and the radius")
}
