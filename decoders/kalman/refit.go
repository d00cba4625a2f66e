package kalman

import (
	"fmt"
	"math"
)

// Intention is what ReFIT trains with in place of the velocities that were decoded (Gilja et al. 2012,
// doi:10.1038/nn.3265): while somebody steers a cursor, at every moment they meant to go straight to the target. Each
// velocity is turned towards the target, at its own speed; within radius of the target it becomes 0, because they meant to
// stay.
//
// velocity, position and target are [rows][axes], all in units of one length (and of that per second); radius >= 0. The
// result is new. The decoder Refit fitted to the features of these rows, the positions and the result is ReFIT; in a pipeline
// file, the decoder refit with goal in the section target.
func Intention(velocity, position, target [][]float64, radius float64) ([][]float64, error) {
	if len(velocity) != len(position) || len(velocity) != len(target) || len(velocity) == 0 {
		return nil, fmt.Errorf("intention: got %d velocities, %d positions and %d targets; must be as many, at least one", len(velocity), len(position), len(target))
	}
	if !(radius >= 0) {
		return nil, fmt.Errorf("intention: radius is %g, must be at least 0", radius)
	}
	axes := len(velocity[0])
	out := make([][]float64, len(velocity))
	for i, v := range velocity {
		if len(v) != axes || len(position[i]) != axes || len(target[i]) != axes || axes == 0 {
			return nil, fmt.Errorf("intention: row %d has %d velocities, %d positions and %d targets; must be %d axes each, at least one", i, len(v), len(position[i]), len(target[i]), axes)
		}
		speed, distance := 0.0, 0.0
		out[i] = make([]float64, axes)
		for a := range axes {
			speed = math.Hypot(speed, v[a])
			out[i][a] = target[i][a] - position[i][a]
			distance = math.Hypot(distance, out[i][a])
		}
		if math.IsNaN(speed+distance) || math.IsInf(speed+distance, 0) {
			return nil, fmt.Errorf("intention: row %d holds a number that is not finite; leave the row out", i)
		}
		for a := range axes {
			if distance <= radius || distance == 0 {
				out[i][a] = 0
			} else {
				out[i][a] *= speed / distance
			}
		}
	}
	return out, nil
}
