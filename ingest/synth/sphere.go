package synth

import "math"

// shell is one layer of a spherical head.
type shell struct {
	radius       float64 // of its outer surface, in metres
	conductivity float64 // in S/m
}

// head is brain, fluid, skull and scalp, with the radii and conductivities that MNE assumes.
var head = []shell{
	{0.90 * headRadius, 0.33}, {0.92 * headRadius, 1.0}, {0.97 * headRadius, 0.004}, {headRadius, 0.33},
}

// terms is the length of the series. A dipole at 0.85 of the radius leaves 0.85^200, which is 1e-14, of the last one.
const terms = 200

// sphere gives the potential that a dipole in the innermost shell makes on the surface, against infinity.
//
// The potential of degree n is in every shell a sum of r^n and r^-(n+1). It and the current across a surface go through
// without a jump, and no current leaves the head. So rho, the logarithmic derivative r·V'/V, is 0 outside, can be carried
// inwards shell by shell, and says at the innermost boundary how much the outer shells send back.
type sphere struct {
	inner float64 // radius of the innermost shell
	gain  [terms + 1]float64
}

func newSphere(shells []shell) *sphere {
	s := &sphere{inner: shells[0].radius}
	for n := 1; n <= terms; n++ {
		f := float64(n)
		rho, ratio := 0.0, 1.0 // ratio: potential on the outermost surface over that here
		for k := len(shells) - 1; k > 0; k-- {
			// In this shell V(r) = a·(r/R)^n + b·(R/r)^(n+1), R its outer radius.
			a, b := (f+1+rho)/(2*f+1), (f-rho)/(2*f+1) // with V(R) = 1
			q := shells[k-1].radius / shells[k].radius
			up, down := a*math.Pow(q, f), b*math.Pow(q, -f-1)
			v := up + down
			ratio /= v
			rho = (f*up - (f+1)*down) / v * shells[k].conductivity / shells[k-1].conductivity
		}
		r1, sigma := shells[0].radius, shells[0].conductivity
		s.gain[n] = (2*f + 1) / (f - rho) * ratio / (4 * math.Pi * sigma * r1 * r1)
	}
	return s
}

// potential is that at the surface point in direction u (a unit vector), in V, of the dipole moment q, in A·m, at the
// point p, in metres from the centre; p must not be the centre and lie within 0.85 of the head's radius.
func (s *sphere) potential(u, p, q vec) float64 {
	depth := p.norm()
	e := p.scale(1 / depth)
	radial := q.dot(e)
	tangential := q.add(e.scale(-radial)).dot(u)
	x := u.dot(e)
	// Legendre polynomials and their derivatives by recurrence: P[n+1] = ((2n+1)·x·P[n] − n·P[n-1])/(n+1) and
	// P'[n+1] = P'[n-1] + (2n+1)·P[n].
	p0, p1, d0, d1 := 1.0, x, 0.0, 1.0
	sum, power := 0.0, 1.0 // power: (depth/inner)^(n-1)
	for n := 1; n <= terms; n++ {
		f := float64(n)
		sum += s.gain[n] * power * (f*radial*p1 + tangential*d1)
		power *= depth / s.inner
		p0, p1, d0, d1 = p1, ((2*f+1)*x*p1-f*p0)/(f+1), d1, d0+(2*f+1)*p1
	}
	return sum
}

// topography is the potential of a dipole at every direction of us.
func (s *sphere) topography(us []vec, p, q vec) []float64 {
	out := make([]float64, len(us))
	for k, u := range us {
		out[k] = s.potential(u, p, q)
	}
	return out
}
