package pipeline

import (
	"errors"
	"fmt"
)

// Transductive says so where p maps a run by all its windows, the later ones included, which makes its results not comparable
// with those of a live session; "" where it does not.
func (p *Pipeline) Transductive() string {
	i := p.head.wholeRun()
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("transductive: the alignment of test runs (%s %s) uses their unlabelled windows; not possible live", p.head.names[i], p.spec.Features[i].Use)
}

// Pace is the length of a window and the step from one to the next in the section live, in seconds; the step is 0 without
// that section. p must have been started.
func (p *Pipeline) Pace() (windowS, stepS float64, err error) {
	if p.front.out == nil {
		return 0, 0, errors.New("pace before the first Start: the pipeline does not know its input")
	}
	rate := p.front.out.Rate
	windowS = float64(p.front.length) / rate
	if p.spec.Live == nil {
		return windowS, 0, nil
	}
	live, err := Build(p.spec, All)
	if err != nil {
		return 0, 0, err
	}
	if _, err := live.front.segs[1].Start(p.front.out); err != nil {
		return 0, 0, err
	}
	return windowS, float64(live.LiveHop()) / rate, nil
}
