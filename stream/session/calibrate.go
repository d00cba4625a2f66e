package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// Calibration says how a session makes its own model before it decodes.
type Calibration struct {
	Pipeline string            `json:"pipeline" doc:"what to train: a pipeline that is built in, or a YAML file; a relative path counts from the session file"`
	Classes  map[string]string `json:"classes" doc:"label of an event: the class that it stands for, which is what the person is shown"`
	Cues     string            `json:"cues" doc:"show (the session shows the cues, on the terminal and on the bus) or markers (the source's own events are the cues)"`
	Trials   int               `json:"trials" doc:"cues of each class, 5 to 1000"`
	CueS     float64           `json:"cue_s" doc:"length of a cue in seconds, 0.1 to 60"`
	RestS    float64           `json:"rest_s" doc:"rest before each cue in seconds, 0.1 to 60"`
	// RestBlockS and RestEvents are for a section decide that sets its threshold from rest: one of them must be there then.
	RestBlockS float64  `json:"rest_block_s" doc:"with cues: show and false_per_min in the section decide: rest before the first cue, in seconds, up to 3600, from which the threshold is set; record every kind of rest that will come"`
	RestEvents []string `json:"rest_events" doc:"with cues: markers and false_per_min in the section decide: events of the source within which nothing is meant, from which the threshold is set"`
	RestEventS float64  `json:"rest_event_s" doc:"with rest_events: how long one without a duration lasts at most, in seconds, up to 3600; the next event of the source ends it in any case; 0 for until then"`
	Seed       uint64   `json:"seed" doc:"of the order of the cues and of everything random in training"`
	Split      string   `json:"split" doc:"how the trials are parted to score the model: kfold, blocked-kfold, …"`
	Accept     Accept   `json:"accept" doc:"ask (somebody says accept, refuse or repeat with gyrus ctl), a rule such as {metric: balanced_accuracy, above: 0.7}, or a list of rules that must all hold; metrics of the decoder alone: balanced_accuracy, ci_low; with a section decide: decided_rightly, decided_rightly_low (above), and where it has false_per_min: false_per_min, false_per_min_high (below)"`
	Save       string   `json:"save" doc:"file for the model, written when it is accepted; a relative path counts from the session file"`

	// Version is the program's, for the bundle.
	Version string `json:"-"`
}

// CalibrationDefaults are 10 cues of each class, 4 s each, behind rests of 3 s; somebody is asked.
func CalibrationDefaults() Calibration {
	return Calibration{Pipeline: "csp-lda", Cues: cuesShown, Trials: 10, CueS: 4, RestS: 3, Split: "kfold", Accept: Accept{Ask: true}}
}

// Where the cues come from.
const (
	cuesShown   = "show"
	cuesMarkers = "markers"
)

// Check reports the first value that is out of its range.
func (c *Calibration) Check() error {
	switch {
	case c.Pipeline == "":
		return errors.New("pipeline is missing: what to train, such as csp-lda")
	case c.Cues != cuesShown && c.Cues != cuesMarkers:
		return &registry.UnknownError{What: "cues", Name: c.Cues, Known: []string{cuesShown, cuesMarkers}}
	case c.Trials < 5 || c.Trials > 1000:
		return fmt.Errorf("trials is %d, must be 5 to 1000", c.Trials)
	case !(0.1 <= c.CueS && c.CueS <= 60):
		return fmt.Errorf("cue_s is %g, must be 0.1 to 60", c.CueS)
	case !(0.1 <= c.RestS && c.RestS <= 60):
		return fmt.Errorf("rest_s is %g, must be 0.1 to 60", c.RestS)
	case !(0 <= c.RestBlockS && c.RestBlockS <= maxRestS):
		return fmt.Errorf("rest_block_s is %g, must be 0 to %d", c.RestBlockS, maxRestS)
	case c.RestBlockS > 0 && c.Cues != cuesShown:
		return errors.New("rest_block_s does nothing with cues: markers, whose source shows what it will: name its events of rest in rest_events")
	case len(c.RestEvents) > 0 && c.Cues != cuesMarkers:
		return errors.New("rest_events does nothing with cues: show: set rest_block_s, the rest before the first cue")
	case !(0 <= c.RestEventS && c.RestEventS <= maxRestS):
		return fmt.Errorf("rest_event_s is %g, must be 0 to %d", c.RestEventS, maxRestS)
	case c.RestEventS > 0 && len(c.RestEvents) == 0:
		return errors.New("rest_event_s does nothing without rest_events: name the events of rest of the source there")
	case c.Save == "":
		return errors.New("save is missing: the file for the model")
	}
	if err := c.Accept.check(); err != nil {
		return err
	}
	distinct := map[string]bool{}
	for label, class := range c.Classes {
		if label == "" || class == "" {
			return fmt.Errorf("classes: %q: %q: label and class must both have a name", label, class)
		}
		distinct[class] = true
	}
	if len(distinct) < 2 {
		return fmt.Errorf("classes names %d classes, must name at least two, such as {T1: left, T2: right}", len(distinct))
	}
	_, err := c.spec()
	return err
}

// Calibrated is what a calibration came to.
type Calibrated struct {
	bus.Scored
	Classes   []string  `json:"classes"`
	Confusion [][]int   `json:"confusion"`          // [true class][decision]
	Cued      int       `json:"cued"`               // cues that were shown, those that a gap spoiled among them
	Spoiled   int       `json:"spoiled"`            // cues that a gap spoiled: each was shown again, or another one of the source was waited for
	LeftOut   []LeftOut `json:"left_out,omitempty"` // cues that nothing was learned from, and why
	Purged    string    `json:"purged,omitempty"`   // how many windows share samples with tested ones, and were not learned from to score the model
	Rounds    int       `json:"rounds"`             // how often it was begun
	Accepted  bool      `json:"accepted"`
	Why       string    `json:"why"`            // who said so
	File      string    `json:"file,omitempty"` // where the model was saved
	SHA256    string    `json:"sha256,omitempty"`
	// Rest is what the threshold of the section decide costs and keeps, nil where it is not set from rest. Scored.Decide says the
	// same for those who judge the model.
	Rest *bundle.Rest `json:"rest,omitempty"`
}

// NotAcceptedError is a session that ended because its model was refused and there was no other.
type NotAcceptedError struct{ Why string }

// Error is one line.
func (e *NotAcceptedError) Error() string {
	return "the model was not accepted: " + e.Why + "; nothing was saved, and without a bundle there is no other model to decode with"
}

// verdict is what is said of a model.
type verdict int

const (
	accepted verdict = iota
	refused
	repeated
)

// cued is a source that reacts to what a person is shown, such as a simulated person; "" is rest.
type cued interface{ Cue(label string) }

// freed is a source that goes its own way once no cues are shown any more.
type freed interface{ Free() }

// maxRestS is the longest rest before the first cue, in seconds.
const maxRestS = 3600

// maxCapture is how many values a calibration may hold: 1 GiB.
const maxCapture = 1 << 27

// calibrator shows cues and keeps what is measured meanwhile.
type calibrator struct {
	onCue  func(signal.Event) // nil, or told of each cue that was shown
	opt    Calibration
	info   *signal.Info
	source signal.Source

	capture  capture
	labels   []string       // of the events to learn from
	from, to float64        // of the windows to learn from: where they begin and end, in s behind the begin of a cue
	waiting  []signal.Event // cues of the source that are counted, and whose windows are not over
	told     int            // of result.LeftOut
	least    leastRest      // of the events of rest of the source
	check    restCheck      // of what was recorded
	warned   bool           // of too little of it, early
	lacking  bool           // and behind the last cue
	plan     []string       // labels of the cues, in order
	at       int            // of plan
	began    bool
	showing  bool  // a cue, else rest
	block    block // of rest before the first cue
	cue      int64 // sample of the cue at hand
	until    int64 // sample at which what is shown ends
	ended    bool  // everything was shown
	counts   map[string]int
	training chan trainedModel
	cancel   context.CancelFunc
	score    *bus.Scored
	made     *trainedModel
	result   Calibrated
}

func newCalibrator(opt Calibration, src signal.Source) (*calibrator, error) {
	if err := opt.Check(); err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	c := &calibrator{opt: opt, info: src.Info(), source: src, labels: slices.Sorted(maps.Keys(opt.Classes))}
	seconds := float64(2*opt.Trials*len(c.labels))*(opt.CueS+opt.RestS) + 2*opt.RestBlockS
	if want := seconds * c.info.Rate * float64(len(c.info.Channels)); want > maxCapture {
		return nil, fmt.Errorf("calibrate: %d trials in %d channels at %g Hz may be %.3g values, at most %d are held: ask for fewer trials or channels",
			opt.Trials*len(c.labels), len(c.info.Channels), c.info.Rate, want, maxCapture)
	}
	if err := opt.Enough(c.info); err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	var err error
	if c.least, err = opt.leastRest(c.info); err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	if c.from, c.to, err = opt.reach(); err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	c.restart()
	return c, nil
}

// restart begins a round.
func (c *calibrator) restart() {
	c.capture = capture{info: c.info}
	c.plan = nil
	for range c.opt.Trials {
		c.plan = append(c.plan, c.labels...)
	}
	rng := rand.New(rand.NewPCG(c.opt.Seed, uint64(c.result.Rounds)))
	rng.Shuffle(len(c.plan), func(i, j int) { c.plan[i], c.plan[j] = c.plan[j], c.plan[i] })
	c.at, c.cue, c.began, c.showing, c.ended, c.counts, c.block = 0, 0, false, false, false, map[string]int{}, block{}
	c.waiting, c.told, c.warned, c.lacking, c.check = nil, 0, false, false, restCheck{}
	c.score, c.made, c.training, c.cancel = nil, nil, nil, nil
	c.result = Calibrated{Rounds: c.result.Rounds + 1}
}

// progress is a line for people.
func (c *calibrator) progress() string {
	if c.opt.Cues == cuesMarkers {
		var parts []string
		for _, l := range c.labels {
			parts = append(parts, fmt.Sprintf("%s %d of %d", c.opt.Classes[l], c.counts[l], c.opt.Trials))
		}
		if n := c.result.Spoiled; n > 0 {
			parts = append(parts, fmt.Sprintf("%d spoiled by gaps", n))
		}
		if len(c.opt.RestEvents) > 0 {
			parts = append(parts, fmt.Sprintf("rest that counts %.0f s of at least %.0f s", math.Floor(c.rest()+roundingS), math.Ceil(c.leastRest()-roundingS)))
		}
		if c.check.due && !c.check.passed {
			parts = append(parts, "looking whether it is enough")
		}
		return strings.Join(parts, ", ")
	}
	if c.block.open && c.check.due {
		return "rest first, looking whether it is enough"
	}
	if c.block.open {
		return fmt.Sprintf("rest first, %.0f s", float64(c.until-c.capture.end)/c.info.Rate)
	}
	return fmt.Sprintf("cue %d of %d", min(c.at+1, len(c.plan)), len(c.plan))
}

// lasting gives the events of rest that have no duration, as marks of LSL have none, the one that can be relied on.
func (c *calibrator) lasting(rec *signal.Recording) *signal.Recording {
	rec.Events = stream.Lasting(rec.Events, c.opt.RestEvents, rec.Info.Rate, c.opt.RestEventS)
	return rec
}

// rest is how many seconds of rest count so far, within the events of rest of the source: see restRows.
func (c *calibrator) rest() float64 {
	return float64(restRows(c.lasting(c.capture.recording("")), c.opt.RestEvents, c.least)) * c.least.step
}

// short says once, when a quarter of the cues are there, that at this pace there will be too little rest behind the last one, when there
// is time to mend it, and once behind the last one that there is; "" for enough.
func (c *calibrator) short() string {
	n, all := 0, c.opt.Trials*len(c.labels)
	for _, l := range c.labels {
		n += min(c.counts[l], c.opt.Trials)
	}
	early := 4*n >= all && !c.warned
	behind := n == all && len(c.waiting) == 0 && !c.lacking
	if len(c.opt.RestEvents) == 0 || c.ended || !early && !behind {
		return ""
	}
	c.warned, c.lacking = true, behind
	will := c.rest() / float64(n) * float64(all)
	if will >= c.least.s-roundingS {
		return ""
	}
	when := fmt.Sprintf("at this pace %.0f s will count at the last cue, and more is waited for then", math.Floor(will+roundingS))
	if behind {
		when = c.waitsForRest()
	}
	return fmt.Sprintf("REST is too little: %s; %s. Only windows of %.3g s that lie wholly within one event of rest (%s) count: let rest last longer than that, show more of it, or allow more false decisions",
		c.progress(), when, c.least.window, strings.Join(c.opt.RestEvents, ", "))
}

// waitsForRest says what goes on behind the last cue.
func (c *calibrator) waitsForRest() string {
	ends := ""
	if c.opt.RestEventS == 0 {
		ends = " (an event without a duration counts when the next one ends it)"
	}
	return "all cues have come, and more rest is waited for" + ends + wayOut
}

// wayOut is what to do where the source shows no more of what a calibration waits for.
const wayOut = "; where none will come, say refuse or repeat with gyrus ctl"

// waitsFor says what a calibration goes on for whose cues are those of the source.
func (c *calibrator) waitsFor() string {
	if c.enough() && len(c.opt.RestEvents) > 0 {
		return c.waitsForRest()
	}
	return "cues of the source are waited for (" + c.progress() + ")" + wayOut
}

// take keeps a chunk.
func (c *calibrator) take(x signal.Chunk) {
	if c.ended {
		return
	}
	known := func(l string) bool { _, ok := c.opt.Classes[l]; return ok }
	c.capture.add(x, func(e signal.Event) bool {
		if c.opt.Cues == cuesMarkers && known(e.Label) {
			c.settle()      // what waits may be spoiled by what has come
			if c.enough() { // to wait for the window of every one that comes meanwhile would have no end where they are dense
				c.capture.events = append(c.capture.events, signal.Event{Sample: e.Sample, Onset: e.Onset}) // it ends a rest all the same
				return false
			}
			c.counts[e.Label]++
			c.cue = max(c.cue, e.Sample)
			c.waiting = append(c.waiting, e)
			c.result.Cued++
			return true
		}
		return !known(e.Label) // one that could be taken for a cue of ours is none
	})
}

// window is the samples that are learned from around a cue.
func (c *calibrator) window(e signal.Event) (from, to int64) {
	from = e.Sample + c.info.Samples(c.from)
	return from, max(e.Sample+c.info.Samples(c.to), from+1)
}

// settle takes those cues of the source that wait for their windows out of the count that a gap has spoiled, as soon as that is seen.
func (c *calibrator) settle() {
	n := len(c.capture.spans)
	if n == 0 {
		return
	}
	end := c.capture.spans[n-1].End()
	c.waiting = slices.DeleteFunc(c.waiting, func(e signal.Event) bool {
		from, to := c.window(e)
		if from < end && c.capture.broken(from, min(to, end)) {
			c.counts[e.Label]--
			c.result.Spoiled++
			c.result.LeftOut = append(c.result.LeftOut, LeftOut{c.opt.Classes[e.Label], float64(e.Sample) / c.info.Rate, "samples of its window are missing"})
			return true
		}
		return to <= end
	})
}

// spoiled says which cues of the source do not count, as far as that was not said before, "" for none.
func (c *calibrator) spoiled() string {
	if c.opt.Cues != cuesMarkers || c.told == len(c.result.LeftOut) {
		return ""
	}
	list := c.result.LeftOut[c.told:]
	c.told += len(list)
	line := fmt.Sprintf("CUES that do not count: %d%s", len(list), leftOutLine(list))
	if c.ended {
		return line
	}
	return fmt.Sprintf("%s; so far %s: others are waited for, let the source show them", line, c.progress())
}

// enough says that the source has shown as many cues of every class as are asked for.
func (c *calibrator) enough() bool {
	for _, l := range c.labels {
		if c.counts[l] < c.opt.Trials {
			return false
		}
	}
	return true
}

// rested says whether there is as much rest as the section decide takes at least, and as what was found in it asks for.
func (c *calibrator) rested() bool {
	return len(c.opt.RestEvents) == 0 || c.rest() >= c.leastRest()-roundingS
}

// leastRest is the seconds of rest that must count.
func (c *calibrator) leastRest() float64 { return max(c.least.s, c.check.least) }

// step goes on with the cues behind a chunk. show shows one and returns when.
func (c *calibrator) step(show func(bus.Cue) int64) {
	end := c.capture.end
	if c.opt.Cues == cuesMarkers {
		c.settle()
		switch over := c.enough() && len(c.waiting) == 0 && end >= c.cue+c.info.Samples(max(c.opt.CueS, c.to)); {
		case !over || !c.rested():
		case len(c.opt.RestEvents) > 0 && !c.check.passed: // until that is known
			c.check.due = true
		default:
			c.ended = true
		}
		return
	}
	rest := func(s float64) { c.pause(s, show) }
	switch {
	case !c.began && c.opt.RestBlockS > 0:
		c.began, c.block = true, block{open: true, from: end, since: end}
		rest(c.opt.RestBlockS)
	case !c.began:
		c.began = true
		rest(c.opt.RestS)
	case end < c.until:
	case c.block.open && !c.check.due && !c.block.again && c.capture.broken(c.block.since, end): // what a gap spoiled is recorded again, once
		c.block.again = true
		rest(c.opt.RestBlockS)
	case c.block.open && !c.check.passed: // rest goes on until that is known
		c.check.due = true
	case c.block.open:
		c.block.open, c.block.to = false, c.check.upto // what was looked at
		rest(c.opt.RestS)
	case c.showing:
		from, _ := c.window(signal.Event{Sample: c.cue}) // it may begin before the cue
		if c.capture.broken(min(from, c.cue), end) && len(c.plan) < 2*c.opt.Trials*len(c.labels) {
			c.plan = append(c.plan, c.plan[c.at])
			c.result.Spoiled++
		}
		c.at++
		rest(c.opt.RestS)
	case c.at < len(c.plan):
		label := c.plan[c.at]
		t := show(bus.Cue{Kind: bus.CueShow, Label: label, Class: c.opt.Classes[label], LengthMS: 1e3 * c.opt.CueS, Trial: c.at + 1, Trials: len(c.plan)})
		c.tell(label)
		// The newest sample that is here was measured before the cue was shown.
		c.cue = end - 1 + max(0, int64(math.Round(float64(t-c.capture.newest)*c.info.Rate/1e9)))
		cue := signal.Event{Sample: c.cue, Onset: float64(c.cue) / c.info.Rate, Duration: c.opt.CueS, Label: label}
		c.capture.events = append(c.capture.events, cue)
		if c.onCue != nil {
			cue.Sample -= c.capture.splice.Shift() // counted as the source does
			c.onCue(cue)
		}
		c.showing, c.until = true, c.cue+c.info.Samples(c.opt.CueS)
		c.result.Cued++
	default: // the rest behind the last cue
		show(bus.Cue{Kind: bus.CueDone, Trial: len(c.plan), Trials: len(c.plan)})
		c.ended = true
	}
}

// pause shows rest for s seconds from here on.
func (c *calibrator) pause(s float64, show func(bus.Cue) int64) {
	show(bus.Cue{Kind: bus.CueRest, LengthMS: 1e3 * s, Trial: min(c.at+1, len(c.plan)), Trials: len(c.plan)})
	c.tell("")
	c.showing, c.until = false, c.capture.end+c.info.Samples(s)
}

// tell lets a source that can react know what is shown.
func (c *calibrator) tell(label string) {
	if s, ok := c.source.(cued); ok {
		s.Cue(label)
	}
}

// sourceEnded says that there will be no model.
func (c *calibrator) sourceEnded() error {
	return fmt.Errorf("calibrate: the source ended before there was a model (%s): nothing was saved", c.progress())
}

// abandon ends a look at the rest or a training that is under way, and waits for it.
func (c *calibrator) abandon() {
	c.check.end()
	if c.training != nil {
		c.cancel()
		<-c.training
		c.training = nil
	}
}

// block is the rest before the first cue, in samples as we count.
type block struct {
	open, again bool
	from, to    int64
	since       int64 // where that begins which was asked for last
}

// capture is what was measured, as far as it is kept.
type capture struct {
	info   *signal.Info
	x      [][]float64 // [channel], the spans one behind the other
	spans  []signal.Span
	events []signal.Event
	begin  int64 // ns since 1970 of sample 0 as we count
	newest int64 // and of the newest
	end    int64 // our number of the next sample
	splice record.Splice
	words  int64 // bytes of events, about
	most   int64 // bytes that may be kept, 0 for those of maxCapture values
}

// add keeps c and the events of it that keep asks for, those of before the beginning left out. Those of when nothing was measured are
// kept too: nothing can be learned from them, which is to be said.
func (r *capture) add(c signal.Chunk, keep func(signal.Event) bool) {
	r.splice.Take(c)
	if c.Len() == 0 {
		return
	}
	if r.x == nil {
		r.x = make([][]float64, len(c.X))
		r.begin = c.Time
	}
	start := c.Start + r.splice.Shift()
	if n := len(r.spans); n > 0 && r.spans[n-1].End() == start {
		r.spans[n-1].Len += int64(c.Len())
	} else {
		r.spans = append(r.spans, signal.Span{Start: start, Len: int64(c.Len())})
	}
	for ch, x := range c.X {
		r.x[ch] = append(r.x[ch], x...)
	}
	for _, events := range [][]signal.Event{c.Late, c.Events} { // what came late is at its sample
		for _, e := range events {
			if e = r.splice.Place(e, r.info.Rate); e.Sample >= 0 && keep(e) {
				r.events = append(r.events, e)
				r.words += eventBytes + int64(len(e.Label))
			}
		}
	}
	r.end, r.newest = start+int64(c.Len()), c.TimeAt(c.End()-1)
}

// broken says whether samples are missing in [from, to).
func (r *capture) broken(from, to int64) bool {
	return !slices.ContainsFunc(r.spans, func(s signal.Span) bool { return s.Start <= from && to <= s.End() })
}

// recording is what was kept.
func (r *capture) recording(name string) *signal.Recording {
	slices.SortStableFunc(r.events, func(a, b signal.Event) int { return int(a.Sample - b.Sample) })
	return &signal.Recording{
		Name: name, Format: "session", Begin: time.Unix(0, r.begin).UTC(), Info: r.info, Events: r.events, Len: r.end, Spans: r.spans, Data: packed{r},
	}
}

// now is what is kept so far, to be read while more is added.
func (r *capture) now(name string) *signal.Recording {
	rec := r.recording(name)
	still := &capture{x: slices.Clone(r.x), spans: slices.Clone(r.spans)}
	rec.Events, rec.Spans, rec.Data = slices.Clone(rec.Events), still.spans, packed{still}
	return rec
}

// cut is the part of whole, which recording has made, from one sample up to another. Samples keep their numbers.
func cut(whole *signal.Recording, name string, from, to int64) *signal.Recording {
	part := *whole
	part.Name, part.Len, part.Spans, part.Events = name, to, []signal.Span{}, nil
	for _, s := range whole.Spans {
		if a, b := max(s.Start, from), min(s.End(), to); a < b {
			part.Spans = append(part.Spans, signal.Span{Start: a, Len: b - a})
		}
	}
	for _, e := range whole.Events {
		if from <= e.Sample && e.Sample < to {
			part.Events = append(part.Events, e)
		}
	}
	return &part
}

// packed reads what was kept.
type packed struct{ r *capture }

// ReadSamples copies.
func (p packed) ReadSamples(dst [][]float64, start int64) error {
	at := int64(0)
	for _, s := range p.r.spans {
		if n := int64(len(dst[0])); s.Start <= start && start+n <= s.End() {
			for ch := range dst {
				copy(dst[ch], p.r.x[ch][at+start-s.Start:])
			}
			return nil
		}
		at += s.Len
	}
	return fmt.Errorf("samples [%d, %d) were not kept", start, start+int64(len(dst[0])))
}

// calibrate takes in a chunk while there is no model yet.
func (e *engine) calibrate(ctx context.Context, c signal.Chunk, now time.Time) error {
	if e.phase != bus.PhaseCalibrating {
		return nil
	}
	e.cal.take(c)
	e.cal.step(e.showCue)
	lacks, err := e.cal.checkRest(ctx, e.opt.Age.spare(ms(e.ageNow)), e.showCue)
	if err != nil {
		return errors.Join(e.untrained(fmt.Sprintf("the rest that was recorded does not do: %v", err)), e.failed)
	}
	for _, line := range []string{e.cal.spoiled(), e.cal.short(), lacks} {
		if line != "" {
			e.note(line)
		}
	}
	if why := e.cal.full(); why != "" {
		return e.fill(why)
	}
	if !e.cal.ended {
		return nil
	}
	e.phase = bus.PhaseTraining
	e.note("training")
	e.look(now)
	return e.cal.train(ctx, e.opt.Commands.Session())
}

// showCue shows a cue on the terminal and on the bus.
func (e *engine) showCue(c bus.Cue) int64 {
	t := e.opt.Clock.Now()
	if e.opt.Telemetry != nil {
		t, _ = e.opt.Telemetry.Cue(c) // what does not leave is counted there; the person may look at the terminal
	}
	if e.opt.OnShow != nil {
		c.TPublish = t
		e.opt.OnShow(c)
	}
	switch c.Kind {
	case bus.CueShow:
		e.note(fmt.Sprintf("cue %d of %d: %s", c.Trial, c.Trials, strings.ToUpper(c.Class)))
	case bus.CueRest:
		e.note("rest")
	case bus.CueDone:
		e.note("that was the last cue")
	}
	return t
}

// calibrating looks whether the training is over.
func (e *engine) calibrating(ctx context.Context) error {
	if e.cal.training == nil {
		return nil
	}
	select {
	case m := <-e.cal.training:
		e.cal.training = nil
		e.cal.cancel()
		if m.err == nil {
			return e.trained(m)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("calibrate: %w", m.err)
		}
		if len(m.leftOut) > 0 { // else it did not get there, and what is known is there already
			e.cal.result.LeftOut = m.leftOut
		}
		return e.untrained(fmt.Sprintf("training failed: %v%s", m.err, leftOutLine(e.cal.result.LeftOut)))
	default:
		return nil
	}
}

// untrained goes on without a model: somebody says whether to calibrate again, or the rule refuses it.
func (e *engine) untrained(why string) error {
	if !e.cal.opt.Accept.Ask {
		e.cal.result.Why = why
		return e.judged(refused)
	}
	e.phase, e.detail = bus.PhaseAsking, why
	e.note(why + ": there is no model; say repeat or refuse with gyrus ctl")
	e.look(time.Now())
	return nil
}

// trained judges a model by the rule, or asks.
func (e *engine) trained(m trainedModel) error {
	s := m.scored
	e.cal.made, e.cal.score = &m, &s
	r := &e.cal.result
	r.Scored, r.Classes, r.Confusion, r.SHA256, r.Rest, r.LeftOut, r.Purged = s, m.classes, m.confusion, m.model.SHA256, m.rest, m.leftOut, m.purged
	line := scoreLine(&s) + leftOutLine(m.leftOut)
	if m.rest != nil && m.rest.Guard.Doubt() != "" {
		line += "; " + m.rest.Guard.Doubt()
	}
	if m.rest != nil && m.rest.UnlikeWhere() != "" {
		line += "; " + m.rest.UnlikeWhere() + "; nothing is decided there"
	}
	if m.purged != "" {
		line += "; to score it, " + m.purged
	}
	e.note("trained: " + line)
	a := e.cal.opt.Accept
	if a.Ask {
		e.phase, e.detail = bus.PhaseAsking, line
		e.note("say accept, refuse or repeat with gyrus ctl")
		e.look(time.Now())
		return nil
	}
	v, why := a.judge(&s)
	r.Why = why
	if err := e.judged(v); v == refused || err != nil && e.phase != bus.PhaseAsking {
		return err
	}
	return nil
}

// judged goes on with what was said of the model.
func (e *engine) judged(v verdict) error {
	r := &e.cal.result
	if v == accepted && e.cal.made == nil {
		return errors.New("there is no model to accept: " + e.detail)
	}
	if r.Why == "" {
		r.Why = "an operator said so"
	}
	e.detail = ""
	if v == repeated {
		e.note("calibration begins again")
		e.log(record.KindCalibration, e.at, record.Detail{Verdict: "repeated", To: r.SHA256, Why: r.Why})
		e.cal.restart()
		e.phase = bus.PhaseCalibrating
		e.look(time.Now())
		return nil
	}
	own := e.own() // before another model is learned beside
	m := own
	if v == refused {
		e.log(record.KindCalibration, e.at, record.Detail{Verdict: "refused", To: r.SHA256, Why: r.Why})
	}
	if v == accepted {
		m = e.cal.made.model
	}
	if m.Pipeline == nil {
		e.rep.Calibration = r
		e.failed, e.end = &NotAcceptedError{r.Why}, true
		return nil
	}
	if v == accepted {
		m.File = e.cal.opt.Save
	}
	if err := e.takeOver(m, v); err != nil { // what the person sat for is not lost
		r.Why = ""
		e.phase, e.detail = bus.PhaseAsking, err.Error()
		e.note(err.Error() + ": mend it and say accept again, or refuse or repeat, with gyrus ctl")
		e.look(time.Now())
		return err
	}
	if v == accepted {
		r.Accepted, r.File = true, m.File
		if own.Pipeline != nil {
			e.before = append(e.before, own)
		}
		e.log(record.KindCalibration, e.at, record.Detail{Verdict: "accepted", To: r.SHA256, Bundle: r.File, Why: r.Why})
		e.note(fmt.Sprintf("accepted (%s), saved as %s", r.Why, r.File))
	} else {
		e.note(fmt.Sprintf("refused (%s), decoding with the bundle", r.Why))
	}
	e.rep.Calibration = r
	e.phase = bus.PhaseDecoding
	e.log(record.KindModel, e.at, record.Detail{To: m.SHA256, Bundle: m.File})
	if s, ok := e.opt.Source.(freed); ok {
		s.Free()
	}
	e.beat()
	e.look(time.Now())
	return nil
}

// takeOver lets m decide, saved where it was made here and accepted.
func (e *engine) takeOver(m Model, v verdict) error {
	if err := m.Pipeline.Start(e.info); err != nil {
		return fmt.Errorf("the model does not fit the stream: %w", err)
	}
	if v == accepted {
		if err := bundle.Write(m.File, e.cal.made.bundle); err != nil {
			return fmt.Errorf("the model cannot be saved: %w", err)
		}
	}
	if err := e.decide(m); err != nil {
		return fmt.Errorf("the model cannot decide: %w", err)
	}
	return nil
}
