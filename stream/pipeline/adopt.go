package pipeline

import (
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Adopt lets p go on in the middle of the stream where old is: it takes over the steps up to the windows with all that they
// hold of the samples so far, if they are the same in both: same channels, same steps, same parameters, same learned
// state. The windows that follow are then those that old would have cut, bit for bit, and none is lost. It reports false,
// and changes nothing, where they are not the same; p must then see the stream for itself before it takes over.
//
// What follows the windows from one to the next (a section decide, an alignment that learns as it goes) begins anew in p.
// Both must have been started on the same stream. old must not be used again before it has adopted p.
func (p *Pipeline) Adopt(old *Pipeline) bool {
	a, b := p.spec, old.spec
	for _, same := range []bool{
		sameSteps(a.Offline, b.Offline), sameSteps(a.Preprocess, b.Preprocess), sameSteps(a.Reject, b.Reject),
		sameStep(&a.Segment, &b.Segment), sameStep(a.Live, b.Live), len(p.front.segs) == len(old.front.segs),
		p.input != nil && old.input != nil && slices.Equal(p.input.Names(), old.input.Names()), slices.Equal(p.pick, old.pick), p.crossed == old.crossed,
	} {
		if !same {
			return false
		}
	}
	mine, theirs := p.front.parts(), old.front.parts()
	if len(mine) != len(theirs) {
		return false
	}
	for i := range mine {
		if !sameState(mine[i].State(), theirs[i].State()) {
			return false
		}
	}
	stage, file, where := p.front.stage, p.front.file, p.front.where
	p.front = old.front
	p.front.stage, p.front.file, p.front.where = stage, file, where
	p.head.reset()
	p.undecided()
	return true
}

func sameSteps(a, b []Step) bool {
	return slices.EqualFunc(a, b, func(x, y Step) bool { return sameStep(&x, &y) })
}

func sameStep(a, b *Step) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Use == b.Use && sameJSON(orEmpty(a.Params), orEmpty(b.Params))
}

func orEmpty(raw []byte) []byte {
	if len(raw) == 0 {
		return []byte("{}")
	}
	return raw
}

func sameState(a, b signal.State) bool {
	if len(a) != len(b) {
		return false
	}
	for name, x := range a {
		y, ok := b[name]
		if !ok || !slices.Equal(x.Shape, y.Shape) || len(x.Data) != len(y.Data) {
			return false
		}
		for i := range x.Data {
			if math.Float64bits(x.Data[i]) != math.Float64bits(y.Data[i]) {
				return false
			}
		}
	}
	return true
}

// WindowS is the length of a window in seconds, behind Start.
func (p *Pipeline) WindowS() float64 { return float64(p.front.length) / p.front.out.Rate }
