package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// bridger is a step on samples that makes the same channels, by name and in the same order, of streams with others, or
// refuses them. What is behind it sees no difference.
type bridger interface{ Bridges() }

// bridge is the number of the first such step, if every step before it goes without learned state, which would be about the channels
// of training; -1 where there is none.
func (f *front) bridge() int {
	for i, s := range f.steps {
		if _, ok := s.(bridger); ok {
			return i
		}
		if _, ok := s.(signal.Stateful); ok {
			break
		}
	}
	return -1
}

// hold takes what the bridge made of the stream of training for what it makes of others: steps behind it go by these channels,
// with their places, units and reference.
func (f *front) hold(out *signal.Info) (*signal.Info, error) {
	if f.beyond == nil {
		f.beyond = out
	}
	if err := sameChannels(f.beyond, out); err != nil {
		return nil, err
	}
	return f.beyond, nil
}

// sameChannels says what is different in two streams but for places, marks and the reference.
func sameChannels(want, have *signal.Info) error {
	if want.Rate != have.Rate {
		return fmt.Errorf("what comes out has %g Hz, in training it had %g", have.Rate, want.Rate)
	}
	if !slices.Equal(want.Names(), have.Names()) {
		return fmt.Errorf("what comes out has the channels %s, in training it had %s", list(have.Names()), list(want.Names()))
	}
	for i, c := range want.Channels {
		if h := have.Channels[i]; h.Kind != c.Kind || h.Unit != c.Unit {
			return fmt.Errorf("channel %s comes out as %s in %q, in training it was %s in %q", c.Name, h.Kind, h.Unit, c.Kind, c.Unit)
		}
	}
	return nil
}

// missingError is a stream that lacks channels of training, or marks them as bad.
type missingError struct {
	names  []string
	of     int
	have   *signal.Info
	marked bool
}

// Error says what to do.
func (e *missingError) Error() string {
	return e.lacks() + ": use a recording with this montage, or train on this one"
}

// lacks is the first part of it.
func (e *missingError) lacks() string {
	some, more := e.names[:min(5, len(e.names))], ""
	if n := len(e.names) - len(some); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	if e.marked {
		return fmt.Sprintf("channels %s%s of the %d that the pipeline is made for are marked as bad", list(some), more, e.of)
	}
	return fmt.Sprintf("channels %s%s of the %d that the pipeline is made for are not among %s", list(some), more, e.of, e.have)
}

// across starts p on a stream that lacks channels of training, or marks some as bad that were good then, by a bridge that is
// computed for what is there. cause is what does not fit. Without a bridge it is the error.
func (p *Pipeline) across(info *signal.Info, cause *missingError) error {
	if p.front.bridge() < 0 || !p.head.fitted && p.front.learns() { // what learns from samples wants all runs to have the same
		return &InputError{cause}
	}
	in, pick := info, []int(nil)
	if t := p.spec.Target; t != nil {
		var err error
		if in, err = t.inputs(info); err == nil {
			pick, err = match(in, info)
		}
		if err != nil {
			return &InputError{err}
		}
	}
	if err := p.begin(in); err != nil {
		var step *SpecError
		if errors.As(err, &step) {
			err = step.Err
		}
		return &InputError{fmt.Errorf("%s; %s cannot make up for that: %w", cause.lacks(), p.front.names[p.front.bridge()], err)}
	}
	p.pick, p.crossed = pick, true
	return nil
}

// Crossing says what the pipeline makes of a stream that has not the channels of training, behind Start: how many of those that it
// needs are measured, and which are interpolated. It is "" where the stream has them.
func (p *Pipeline) Crossing() string {
	if !p.crossed {
		return ""
	}
	text := []string{"other channels than the pipeline is made for"}
	at := p.front.names[p.front.bridge()]
	for _, n := range p.SampleNotes() {
		if strings.HasPrefix(n.Step, at+" ") {
			text = append(text, n.String())
		}
	}
	return strings.Join(text, "; ")
}

// Bridged is what a leading step montage brings every stream to: all that a stream must lead to. nil where there is none, and the
// stream must have the channels of Input.
func (p *Pipeline) Bridged() *signal.Info { return p.front.beyond }

// marked lists channels that the stream marks as bad and that were not so in training, where a bridge can make up for them.
func (p *Pipeline) marked(want, have *signal.Info, pick []int) *missingError {
	if p.front.bridge() < 0 {
		return nil
	}
	e := &missingError{of: len(want.Channels), have: have, marked: true}
	for i, c := range want.Channels {
		k := i
		if pick != nil {
			k = pick[i]
		}
		if have.Channels[k].Bad && !c.Bad {
			e.names = append(e.names, c.Name)
		}
	}
	if len(e.names) == 0 {
		return nil
	}
	return e
}
