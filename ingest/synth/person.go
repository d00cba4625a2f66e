package synth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Person is a simulated person who imagines what they are shown: a source like the recordings of MotorImagery, whose mu
// rhythms desynchronise behind each call of Cue instead of at times that are fixed beforehand. Once it is told that no
// cues follow (Free) it goes on by its own will, as in such a recording, and its events say what was meant.
//
// Cue and Free may be called from any goroutine, Next from one.
type Person struct {
	info  *signal.Info
	n     int         // samples in a chunk
	base  [][]float64 // all but the mu rhythms, [channel][sample]
	mu    []Rhythm    // at rest
	areas map[string][]string
	rate  float64
	opt   Options
	buf   signal.Buffer

	lock    sync.Mutex
	at      int64
	episode []episode
	plan    []signal.Event // of its own will, from Free on
	closed  bool
}

// episode is one thing that is imagined; to is far away while it lasts.
type episode struct {
	label    string
	from, to int64
}

// forever is the end of an episode that lasts.
const forever = math.MaxInt64

// NewPerson prepares lengthS seconds of a person, in chunks of chunkS. The options are those of MotorImagery;
// TrialsPerClass is not used.
func NewPerson(opt Options, lengthS, chunkS float64) (*Person, error) {
	cues, ok := imagined[opt.Task]
	if !ok {
		return nil, fmt.Errorf("synth: task is %q, must be %q or %q", opt.Task, Hands, FistsFeet)
	}
	if err := check([]field{{"length_s", lengthS, 1, 3600}, {"chunk_s", chunkS, 1e-4, 10}}); err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	opt.TrialsPerClass = max(1, int(math.Ceil(lengthS/(opt.RestS+opt.CueS)/2)))
	plain := opt
	plain.Effect = 0
	rec, truth, err := MotorImagery(plain)
	if err != nil {
		return nil, err
	}
	x, ok := rec.Data.(signal.Memory)
	if !ok {
		return nil, errors.New("synth: the recording is not in memory")
	}
	p := &Person{info: rec.Info, n: max(1, int(rec.Info.Samples(chunkS))), base: x, areas: map[string][]string{}, rate: opt.Rate, opt: opt}
	for _, r := range truth.Rhythms {
		if r.Name[:3] != "mu_" {
			continue
		}
		less := make([]float64, len(r.Topography))
		for ch, g := range r.Topography {
			less[ch] = -g
		}
		addTo(p.base, less, r.Activity)
		p.mu = append(p.mu, r)
	}
	for label, cue := range cues {
		p.areas[label] = cue.areas
	}
	return p, nil
}

// Info describes the samples.
func (p *Person) Info() *signal.Info { return p.info }

// Cue says what is shown from the next sample on: the label of a cue, or "" for rest. A label that is no cue of the task is
// rest.
func (p *Person) Cue(label string) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.intend(label, p.at)
}

// intend ends what is imagined and begins label; the lock is held.
func (p *Person) intend(label string, at int64) {
	if n := len(p.episode); n > 0 && p.episode[n-1].to == forever {
		p.episode[n-1].to = at
	}
	if _, known := p.areas[label]; known {
		p.episode = append(p.episode, episode{label, at, forever})
	}
	if len(p.episode) > 8 { // the effect of older ones is over
		p.episode = p.episode[len(p.episode)-8:]
	}
}

// Free says that no cues follow: from the next sample on rests and cues of its own take turns.
func (p *Person) Free() {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.intend("", p.at)
	r := stream("own will", p.opt.Subject, p.opt.Run)
	labels := []string{"T1", "T2"}
	for at := p.at + p.info.Samples(p.opt.RestS); at < int64(len(p.base[0])); at += p.info.Samples(p.opt.RestS + p.opt.CueS) {
		p.plan = append(p.plan, signal.Event{Sample: at, Onset: float64(at) / p.rate, Duration: p.opt.CueS, Label: labels[r.IntN(2)]})
	}
}

// Next is the next chunk; it never waits.
func (p *Person) Next(ctx context.Context) (signal.Chunk, error) {
	if err := ctx.Err(); err != nil {
		return signal.Chunk{}, err
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	n := min(p.n, len(p.base[0])-int(p.at))
	if p.closed || n <= 0 {
		return signal.Chunk{}, io.EOF
	}
	c := p.buf.Chunk(p.info, p.at, n)
	c.Time = int64(math.Round(float64(p.at) * 1e9 / p.rate))
	for ch := range c.X {
		copy(c.X[ch], p.base[ch][p.at:])
	}
	for len(p.plan) > 0 && p.plan[0].Sample < c.End() {
		e := p.plan[0]
		p.plan = p.plan[1:]
		c.Events = append(c.Events, e)
		p.intend(e.Label, e.Sample)
		p.episode[len(p.episode)-1].to = e.Sample + p.info.Samples(e.Duration)
	}
	for _, r := range p.mu {
		for t := range n {
			s := p.at + int64(t)
			v := r.Activity[s] * math.Sqrt(1-p.lost(r.Name[3:], s))
			for ch, g := range r.Topography {
				c.X[ch][t] += g * v
			}
		}
	}
	p.at = c.End()
	return c, nil
}

// lost is the share of the power that the area at an electrode lacks at sample s: as in desynchronise.
func (p *Person) lost(at string, s int64) float64 {
	most := 0.0
	for _, e := range p.episode {
		for _, a := range p.areas[e.label] {
			if a != at || s < e.from {
				continue
			}
			v := ramp((float64(min(s, e.to)-e.from)/p.rate - erdLatencyS) / erdRiseS)
			if s >= e.to {
				v *= 1 - ramp(float64(s-e.to)/p.rate/erdRecoveryS)
			}
			most = max(most, v)
		}
	}
	return most * p.opt.Effect
}

// Close ends the person.
func (p *Person) Close() error {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.closed = true
	return nil
}
