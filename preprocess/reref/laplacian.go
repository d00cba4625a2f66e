package reref

import (
	"fmt"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/spatial/mix"
	"github.com/gyrus-bci/gyrus/preprocess/spatial/spline"
)

func init() {
	preprocess.Register("laplacian", func() preprocess.Processor { return &Laplacian{Lambda: 1e-5, Stiffness: 4} })
}

// densityUnit is that of the surface Laplacian of a potential in µV.
const densityUnit signal.Unit = "µV/m²"

// Laplacian makes scalp current density of the potentials of the EEG channels: minus their surface Laplacian on a sphere,
// by spherical splines (Perrin et al. 1989, doi:10.1016/0013-4694(89)90180-6; Kayser & Tenke 2006,
// doi:10.1016/j.clinph.2005.08.034; MNE's compute_current_source_density). The unit of these channels becomes µV/m²; other
// channels pass as they are. It does not depend on the reference, and narrows what volume conduction has spread.
//
// Every EEG channel needs a position, and a broken one spoils its neighbours: interpolate it before, or leave it out with
// pick. As by MNE, a stream with EEG channels that the source marks as bad is refused. A NaN in one EEG channel reaches all of them, for the same sample only. The rank of the data is at most one less
// than the number of channels.
type Laplacian struct {
	Lambda    float64   `json:"lambda" doc:"smoothing added to the spline's diagonal, 0 (none) up to, not including, 1; 1e-5 is usual"`
	Stiffness float64   `json:"stiffness" doc:"of the spline, called m: above 1 up to 10; 4 is usual, 3 is more flexible"`
	Sphere    []float64 `json:"sphere_m" doc:"the head: x, y, z of its centre and its radius, in metres; empty fits a sphere to the positions of the EEG channels"`

	mix.Stage
}

// Start computes the matrix.
func (l *Laplacian) Start(in *signal.Info) (*signal.Info, error) {
	l.Clear()
	if !(l.Lambda >= 0 && l.Lambda < 1) { // also catches NaN
		return nil, fmt.Errorf("laplacian: lambda is %g, must be at least 0 and below 1", l.Lambda)
	}
	if !(l.Stiffness > 1 && l.Stiffness <= 10) {
		return nil, fmt.Errorf("laplacian: stiffness is %g, must be above 1 and at most 10", l.Stiffness)
	}
	var eeg []int
	var bad []string
	out := *in
	out.Channels = append([]signal.Channel(nil), in.Channels...)
	rows := make([]mix.Row, len(in.Channels))
	for ch, c := range in.Channels {
		rows[ch] = mix.Copy(ch)
		if c.Kind == signal.EEG {
			if c.Unit != signal.Microvolt {
				return nil, fmt.Errorf("laplacian: channel %q is in %q, must be in %q: one laplacian is enough", c.Name, c.Unit, signal.Microvolt)
			}
			if c.Bad {
				bad = append(bad, c.Name)
			}
			eeg = append(eeg, ch)
			out.Channels[ch].Unit = densityUnit
		}
	}
	if len(bad) > 0 {
		return nil, fmt.Errorf("laplacian: the recording marks %s as bad, and a broken channel spoils its neighbours: put the step interpolate before it, which replaces them, or leave them out with pick", strings.Join(bad, ", "))
	}
	if len(eeg) < 2 {
		return nil, fmt.Errorf("laplacian: %d EEG channels (of %d channels), must be at least 2", len(eeg), len(in.Channels))
	}
	s, u, err := spline.Locate(in, eeg, l.Sphere)
	if err != nil {
		return nil, fmt.Errorf("laplacian: %w", err)
	}
	m, err := spline.Laplacian(u, s.Radius, l.Lambda, l.Stiffness)
	if err != nil {
		return nil, fmt.Errorf("laplacian: %w", err)
	}
	for i, ch := range eeg {
		rows[ch] = mix.Dense(eeg, mat.Row(nil, i, m), 0)
	}
	out.Reference = "none (current density)"
	l.Set(in, &out, rows)
	return &out, nil
}
