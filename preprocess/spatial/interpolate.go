// Package spatial holds the steps that mix channels: interpolation of broken ones, projection of artefacts (SSP),
// independent component analysis (ICA) and spatio-spectral decomposition (SSD). They work on the EEG channels; all others
// pass as they are. A NaN reaches every channel that it is mixed into, for the same sample only.
package spatial

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/spatial/mix"
	"github.com/gyrus-bci/gyrus/preprocess/spatial/spline"
)

func init() {
	preprocess.Register("interpolate", func() preprocess.Processor { return &Interpolate{} })
}

// lambda regularises the spline, as in MNE.
const lambda = 1e-5

// Interpolate puts in the place of broken EEG channels what the others say about their place, by spherical splines (Perrin
// et al. 1989, doi:10.1016/0013-4694(89)90180-6; stiffness 4, 50 terms, lambda 1e-5: MNE's interpolate_bads). Every EEG
// channel needs a position. The rank of the data falls by one for each. EEG channels that the source marks as bad are replaced
// like those that are named, and are not marked behind the step; the notes of the fit name them.
type Interpolate struct {
	Bads   []string  `json:"bads" doc:"names of the EEG channels to replace, beside those that the recording marks as bad; where there are none all pass as they are"`
	Sphere []float64 `json:"sphere_m" doc:"the head: x, y, z of its centre and its radius, in metres; empty fits a sphere to the positions of the EEG channels"`

	mix.Stage
	replaced []string // named or marked
	marked   []string // by the source
}

// Ignores names the broken channels; the others reach them.
func (p *Interpolate) Ignores() (names []string, separate bool) {
	return p.replaced, len(p.replaced) == 0
}

// Notes names the channels that were replaced because the source marks them as bad.
func (p *Interpolate) Notes() []signal.Note {
	return signal.BadNote("interpolated", p.marked, "name them in the step to do the same in every stream")
}

// Start computes the matrix.
func (p *Interpolate) Start(in *signal.Info) (*signal.Info, error) {
	p.Clear()
	eeg := eegChannels(in)
	rows := make([]mix.Row, len(in.Channels))
	for ch := range rows {
		rows[ch] = mix.Copy(ch)
	}
	p.replaced, p.marked = slices.Clone(p.Bads), nil
	for _, ch := range eeg {
		if c := in.Channels[ch]; c.Bad && !slices.Contains(p.Bads, c.Name) {
			p.replaced, p.marked = append(p.replaced, c.Name), append(p.marked, c.Name)
		}
	}
	out := in
	if len(p.replaced) > 0 {
		if err := p.replace(rows, in, eeg); err != nil {
			return nil, fmt.Errorf("interpolate: %w", err)
		}
		changed := *in
		changed.Channels = slices.Clone(in.Channels)
		for _, name := range p.replaced {
			changed.Channels[in.Index(name)].Bad = false
		}
		out = &changed
	}
	p.Set(in, out, rows)
	return out, nil
}

func (p *Interpolate) replace(rows []mix.Row, in *signal.Info, eeg []int) error {
	bads, err := findEEG("bads", p.replaced, in)
	if err != nil {
		return err
	}
	if len(bads) >= len(eeg) {
		if len(p.marked) > 0 {
			return fmt.Errorf("no EEG channel is left to go by: the recording marks %s as bad", strings.Join(p.marked, ", "))
		}
		return errors.New("bads lists all EEG channels: none is left to go by")
	}
	_, u, err := spline.Locate(in, eeg, p.Sphere)
	if err != nil {
		return err
	}
	var good []int
	var from, to [][3]float64
	for i, ch := range eeg {
		if !slices.Contains(bads, ch) {
			good, from = append(good, ch), append(from, u[i])
		}
	}
	for _, ch := range bads {
		to = append(to, u[slices.Index(eeg, ch)])
	}
	m, err := spline.Interpolation(from, to, lambda)
	if err != nil {
		return err
	}
	for i, ch := range bads {
		rows[ch] = mix.Dense(good, mat.Row(nil, i, m), 0)
	}
	return nil
}

// eegChannels is the positions of the EEG channels.
func eegChannels(in *signal.Info) []int {
	var idx []int
	for ch, c := range in.Channels {
		if c.Kind == signal.EEG {
			idx = append(idx, ch)
		}
	}
	return idx
}

// findEEG is the positions of the named EEG channels.
func findEEG(key string, names []string, in *signal.Info) ([]int, error) {
	idx, err := find(key, names, in)
	if err != nil {
		return nil, err
	}
	for _, ch := range idx {
		if c := in.Channels[ch]; c.Kind != signal.EEG {
			return nil, fmt.Errorf("%s: channel %q is of kind %q, must be %q", key, c.Name, c.Kind, signal.EEG)
		}
	}
	return idx, nil
}

// find is the positions of the named channels.
func find(key string, names []string, in *signal.Info) ([]int, error) {
	idx := make([]int, len(names))
	for i, name := range names {
		if idx[i] = in.Index(name); idx[i] < 0 {
			return nil, fmt.Errorf("%s: %w", key, &registry.UnknownError{What: "channel", Name: name, Known: in.Names()})
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("%s: %q is listed twice", key, name)
		}
	}
	return idx, nil
}
