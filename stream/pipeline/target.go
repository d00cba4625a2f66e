package pipeline

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Target is the section of a pipeline whose decoder is continuous: which quantities it learns to follow. They are channels
// of the training recordings, such as the velocity of a cursor. What is decoded from never holds them: a live stream need
// not have them.
type Target struct {
	Channels []string `json:"channels" doc:"the channels of the recording that hold the quantities, such as [cursor_vx, cursor_vy]"`
	Outputs  []string `json:"outputs,omitempty" doc:"what the quantities are called in predictions and commands, such as [vel_x, vel_y]; absent: like the channels"`
	Average  float64  `json:"average_s" doc:"a window stands for the mean of its quantity over so many seconds, up to the window's last sample; 0: the value at that sample"`
	Inputs   []string `json:"inputs,omitempty" doc:"the channels to decode from; absent: all but those of kind misc and trigger, and the quantities"`
	Goal     []string `json:"goal,omitempty" doc:"ReFIT: the channels that hold where the cursor should go, one per axis; channels must then be the position and the velocity, axis by axis. Training takes the velocities for what was meant: turned towards the goal, 0 at it"`
	Radius   float64  `json:"goal_radius" doc:"ReFIT: distance from the goal within which the cursor was meant to stay, in the unit of the position"`

	line int // in the YAML file
}

// target reads the section.
func (s *Spec) target(n *yaml.Node) (*Target, error) {
	at := func(err error) error { return &SpecError{File: s.file, Line: n.Line, Step: "target", Err: err} }
	params, err := registry.YAML(n)
	if err != nil {
		return nil, at(err)
	}
	t := &Target{line: n.Line}
	if err := registry.Decode(t, params); err != nil {
		return nil, at(err)
	}
	return t, nil
}

// check reports what cannot be meant.
func (t *Target) check() error {
	switch {
	case len(t.Channels) == 0:
		return errors.New("channels is empty, must name the channels that hold the quantities, such as [cursor_vx, cursor_vy]")
	case len(t.Outputs) > 0 && len(t.Outputs) != len(t.Channels):
		return fmt.Errorf("outputs has %d names for %d channels, must have as many", len(t.Outputs), len(t.Channels))
	case !(t.Average >= 0 && t.Average <= 60):
		return fmt.Errorf("average_s is %g, must be from 0 to 60", t.Average)
	case len(t.Goal) > 0 && len(t.Channels) != 2*len(t.Goal):
		return fmt.Errorf("goal has %d axes, so channels must be %d positions and as many velocities, not %d names", len(t.Goal), len(t.Goal), len(t.Channels))
	case !(t.Radius >= 0) || math.IsInf(t.Radius, 0):
		return fmt.Errorf("goal_radius is %g, must be at least 0 and finite", t.Radius)
	case t.Radius > 0 && len(t.Goal) == 0:
		return errors.New("goal_radius does nothing without goal")
	}
	for what, names := range map[string][]string{"channels": t.Channels, "outputs": t.names()} {
		for i, c := range names {
			if c == "" || slices.Contains(names[:i], c) {
				return fmt.Errorf("%s: %q is empty or stands twice", what, c)
			}
		}
	}
	for _, c := range t.Inputs {
		if slices.Contains(t.Channels, c) || slices.Contains(t.Goal, c) {
			return fmt.Errorf("inputs has %q, which is what must be found out", c)
		}
	}
	return nil
}

// names is what the quantities are called.
func (t *Target) names() []string {
	if len(t.Outputs) > 0 {
		return t.Outputs
	}
	return t.Channels
}

// inputs is info with the channels that are decoded from.
func (t *Target) inputs(info *signal.Info) (*signal.Info, error) {
	var idx []int
	for _, name := range t.Inputs {
		k := info.Index(name)
		if k < 0 {
			return nil, fmt.Errorf("target: inputs: channel %q is not among %s", name, info)
		}
		idx = append(idx, k)
	}
	for k, c := range info.Channels {
		if len(t.Inputs) == 0 && c.Kind != signal.Misc && c.Kind != signal.Trigger && !slices.Contains(t.Channels, c.Name) && !slices.Contains(t.Goal, c.Name) {
			idx = append(idx, k)
		}
	}
	if len(idx) == 0 {
		return nil, fmt.Errorf("target: %s have no channel to decode from: all are misc, trigger or the quantities; name those to use with inputs", info)
	}
	return info.Pick(idx), nil
}

// Find is where the channels of the quantities, then those of the goal, are in info.
func (t *Target) Find(info *signal.Info) ([]int, error) {
	var idx []int
	for _, name := range slices.Concat(t.Channels, t.Goal) {
		k := info.Index(name)
		if k < 0 {
			return nil, &InputError{fmt.Errorf("target: channel %q is not among %s: training needs recordings that hold the quantities; name their channels under target", name, info)}
		}
		idx = append(idx, k)
	}
	return idx, nil
}

// Target is the section target, nil where the decoder tells classes.
func (p *Pipeline) Target() *Target { return p.spec.Target }

// Outputs names what a prediction holds: the classes of its scores, or the quantities of its value.
func (p *Pipeline) Outputs() []string {
	if p.spec.Target != nil {
		return p.spec.Target.names()
	}
	return p.classes
}

// OutRate is the rate of the windows' samples, behind Start.
func (p *Pipeline) OutRate() float64 { return p.front.out.Rate }

// LiveHop is the number of samples between the windows of the section live, 0 where they are not cut.
func (p *Pipeline) LiveHop() int64 {
	if len(p.front.segs) < 2 {
		return 0
	}
	if s, ok := p.front.segs[1].(interface{ Hop() int64 }); ok {
		return s.Hop()
	}
	return 0
}

// Reach is where the training window that is cut around an event, with its baseline, begins and ends: seconds behind the begin of the
// event, below 0 for before it. 0 and 0 where windows are not cut around events.
func (p *Pipeline) Reach() (from, to float64) {
	if s, ok := p.front.segs[0].(interface{ Reach() (from, to float64) }); ok {
		return s.Reach()
	}
	return 0, 0
}

// Hop is the number of samples from one training window to the next, 0 where they are cut around events.
func (p *Pipeline) Hop() int64 {
	if s, ok := p.front.segs[0].(interface{ Hop() int64 }); ok {
		return s.Hop()
	}
	return 0
}

// checkTarget reports what does not go together with a section target.
func (p *Pipeline) checkTarget(spec *Spec, seg any) error {
	bad := func(err error) error {
		return &SpecError{File: spec.file, Line: spec.Target.line, Step: "target", Err: err}
	}
	if err := spec.Target.check(); err != nil {
		return bad(err)
	}
	if _, ok := seg.(interface{ Hop() int64 }); !ok {
		return spec.fail(p.spec.Segment, errors.New("cuts windows around events: a pipeline with a section target follows the stream; use sliding"))
	}
	switch {
	case spec.Live != nil:
		return bad(errors.New("with a section target the windows of segment follow the stream already: leave out the section live"))
	case spec.Decide != nil:
		return bad(errors.New("quantities are not decided on: leave out the section decide"))
	case len(spec.Offline) > 0:
		return bad(errors.New("steps of the section offline would change the quantities as well: use causal steps in the section preprocess"))
	}
	p.spec.Target = spec.Target
	return nil
}

// outputs is the quantities, nil where the decoder tells classes.
func (p *Pipeline) outputs() []string {
	if p.spec.Target == nil {
		return nil
	}
	return p.spec.Target.names()
}
