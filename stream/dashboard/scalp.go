package dashboard

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spatial/spline"
)

// gridSize is the number of cells of a scalp map from ear to ear, and from nose to neck.
const gridSize = 33

// scalp interpolates a quantity between electrodes over the upper half of the head, by spherical splines.
//
// The map is what one sees from above, the nose up: a point at the angle a from the top of the head lies at the distance
// a/90° from the middle (azimuthal equidistant projection); the circle with the radius 1 is the equator.
type scalp struct {
	channels []int        // of the stream: those that have a place
	at       [][2]float64 // where they are on the map, x to the right ear and y to the nose
	dirs     [][3]float64
	cells    []int // of the grid [gridSize·gridSize], row by row from the nose: those inside the circle
	toCells  [][3]float64

	known   []bool // for which of channels weights are
	weights *mat.Dense
}

// newScalp places the EEG channels of info: where the recording says they are, else where their names say. The error says why
// there is no map.
func newScalp(info *signal.Info, channels int) (*scalp, error) {
	s := &scalp{}
	var points []signal.Position
	for ch, c := range info.Channels[:channels] {
		if c.Kind != signal.EEG {
			continue
		}
		p := c.Pos
		if p == nil || !p.Finite() {
			p = montage.Place(c.Name)
		}
		if p != nil {
			s.channels, points = append(s.channels, ch), append(points, *p)
		}
	}
	if len(points) < 4 {
		return nil, fmt.Errorf("%d of %d channels are EEG with a known place on the head, a map needs 4", len(points), len(info.Channels))
	}
	sphere, err := spline.Fit(points)
	if err == nil {
		s.dirs, err = sphere.Directions(points)
	}
	if err != nil {
		return nil, err
	}
	for _, u := range s.dirs {
		s.at = append(s.at, project(u))
	}
	for row := range gridSize {
		for col := range gridSize {
			x, y := 2*float64(col)/(gridSize-1)-1, 1-2*float64(row)/(gridSize-1)
			if r := math.Hypot(x, y); r <= 1 {
				s.cells = append(s.cells, row*gridSize+col)
				s.toCells = append(s.toCells, lift(x, y))
			}
		}
	}
	return s, nil
}

// project is where the unit vector u is on the map.
func project(u [3]float64) [2]float64 {
	n := math.Hypot(u[0], u[1])
	if n == 0 {
		return [2]float64{}
	}
	r := math.Atan2(n, u[2]) / (math.Pi / 2)
	return [2]float64{r * u[0] / n, r * u[1] / n}
}

// lift is the reverse of project.
func lift(x, y float64) [3]float64 {
	r := math.Hypot(x, y)
	if r == 0 {
		return [3]float64{0, 0, 1}
	}
	sin, cos := math.Sincos(r * math.Pi / 2)
	return [3]float64{sin * x / r, sin * y / r, cos}
}

// spread is MNE's regularisation: it keeps electrodes that are nearly at one place from swinging.
const spread = 1e-5

// interpolate fills a map [gridSize·gridSize] with the values of the channels [channels], NaN outside the head. Channels whose
// value is not finite are left out; with fewer than 4 others there is no map.
func (s *scalp) interpolate(values []float64) ([]float64, error) {
	known := make([]bool, len(values))
	var x []float64
	for i, v := range values {
		if known[i] = v-v == 0; known[i] {
			x = append(x, v)
		}
	}
	if len(x) < 4 {
		return nil, errors.New("fewer than 4 channels have power in this band")
	}
	if s.weights == nil || !slices.Equal(known, s.known) {
		var from [][3]float64
		for i, u := range s.dirs {
			if known[i] {
				from = append(from, u)
			}
		}
		w, err := spline.Interpolation(from, s.toCells, spread)
		if err != nil {
			return nil, err
		}
		s.known, s.weights = known, w
	}
	var cells mat.VecDense
	cells.MulVec(s.weights, mat.NewVecDense(len(x), x))
	grid := make([]float64, gridSize*gridSize)
	for i := range grid {
		grid[i] = math.NaN()
	}
	for k, cell := range s.cells {
		grid[cell] = cells.AtVec(k)
	}
	return grid, nil
}
