package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// Accept says who accepts a model: somebody who is asked, or rules, all of which must hold.
type Accept struct {
	Ask   bool
	Rules []Rule
}

// Rule is a bound of one metric of a model. The metric must be beyond it, on the side that is better.
type Rule struct {
	Metric string   `json:"metric"`
	Above  *float64 `json:"above,omitempty"` // of metrics of which more is better
	Below  *float64 `json:"below,omitempty"` // of those of which less is better
}

// measure is what a rule can be about.
type measure struct {
	name string
	rate bool // of false decisions a minute: less is better; else a part of the trials, of which more is better
	of   func(*bus.Scored) float64
}

// acceptMetrics are those of a rule. The first two are of the decoder alone, the others of what the section decide makes of it.
var acceptMetrics = []measure{
	{"balanced_accuracy", false, func(s *bus.Scored) float64 { return s.BalancedAccuracy }},
	{"ci_low", false, func(s *bus.Scored) float64 { return s.CILow }},
	{"decided_rightly", false, func(s *bus.Scored) float64 { return s.Decide.Rightly }},
	{"decided_rightly_low", false, func(s *bus.Scored) float64 { return s.Decide.RightlyLow }},
	{"false_per_min", true, func(s *bus.Scored) float64 { return s.Decide.Rest.PerMin }},
	{"false_per_min_high", true, func(s *bus.Scored) float64 { return s.Decide.Rest.PerMinHigh }},
}

// ofDecoder says whether m can be had without a section decide.
func (m *measure) ofDecoder() bool { return m.name == "balanced_accuracy" || m.name == "ci_low" }

// measure is the one that r is about, nil where there is none of that name.
func (r Rule) measure() *measure {
	if k := slices.IndexFunc(acceptMetrics, func(m measure) bool { return m.name == r.Metric }); k >= 0 {
		return &acceptMetrics[k]
	}
	return nil
}

// UnmarshalJSON reads "ask", a rule, or a list of rules.
func (a *Accept) UnmarshalJSON(data []byte) error {
	const example = "{metric: balanced_accuracy, above: 0.7}"
	var word string
	if json.Unmarshal(data, &word) == nil {
		if word != "ask" {
			return fmt.Errorf("accept is %q, must be ask, or a rule such as %s, or a list of rules", word, example)
		}
		*a = Accept{Ask: true}
		return nil
	}
	list := []json.RawMessage{data}
	if strings.HasPrefix(strings.TrimSpace(string(data)), "[") {
		if err := json.Unmarshal(data, &list); err != nil {
			return fmt.Errorf("accept: %w", err)
		}
	}
	got := Accept{}
	for k, one := range list {
		r := Rule{Metric: acceptMetrics[0].name}
		if err := registry.Decode(&r, one); err != nil {
			return fmt.Errorf("accept: rule %d: %w", k+1, err)
		}
		got.Rules = append(got.Rules, r)
	}
	*a = got
	return nil
}

// MarshalJSON is the reverse.
func (a Accept) MarshalJSON() ([]byte, error) {
	switch {
	case a.Ask:
		return []byte(`"ask"`), nil
	case len(a.Rules) == 1:
		return json.Marshal(a.Rules[0])
	default:
		return json.Marshal(a.Rules)
	}
}

// JSONSchema describes it for editors.
func (Accept) JSONSchema() map[string]any {
	var parts, rates []string
	for _, m := range acceptMetrics {
		if m.rate {
			rates = append(rates, m.name)
		} else {
			parts = append(parts, m.name)
		}
	}
	rule := map[string]any{"oneOf": []any{
		map[string]any{"type": "object", "additionalProperties": false, "required": []string{"above"}, "properties": map[string]any{
			"metric": map[string]any{"enum": parts, "default": parts[0]}, "above": map[string]any{"type": "number", "minimum": 0, "maximum": 1},
		}},
		map[string]any{"type": "object", "additionalProperties": false, "required": []string{"metric", "below"}, "properties": map[string]any{
			"metric": map[string]any{"enum": rates}, "below": map[string]any{"type": "number", "exclusiveMinimum": 0},
		}},
	}}
	return map[string]any{"oneOf": []any{
		map[string]any{"const": "ask"}, rule, map[string]any{"type": "array", "minItems": 1, "items": rule},
	}}
}

// check reports the first rule that no model could be measured by.
func (a Accept) check() error {
	if a.Ask {
		return nil
	}
	if len(a.Rules) == 0 {
		return errors.New("accept has no rule: must be ask, a rule such as {metric: balanced_accuracy, above: 0.7}, or a list of rules")
	}
	for _, r := range a.Rules {
		switch m := r.measure(); {
		case m == nil:
			var known []string
			for _, m := range acceptMetrics {
				known = append(known, m.name)
			}
			return fmt.Errorf("accept: %w", &registry.UnknownError{What: "metric", Name: r.Metric, Known: known})
		case m.rate && (r.Below == nil || r.Above != nil):
			return fmt.Errorf("accept: of %s less is better: say what it must be below, such as {metric: %[1]s, below: 6}", r.Metric)
		case !m.rate && (r.Above == nil || r.Below != nil):
			return fmt.Errorf("accept: of %s more is better: say what it must be above, such as {metric: %[1]s, above: 0.7}", r.Metric)
		case m.rate && (!(*r.Below > 0) || math.IsInf(*r.Below, 0)):
			return fmt.Errorf("accept: %s: below is %g, must be above 0 and finite, in decisions a minute", r.Metric, *r.Below)
		case !m.rate && !(0 <= *r.Above && *r.Above <= 1):
			return fmt.Errorf("accept: %s: above is %g, must be 0 to 1", r.Metric, *r.Above)
		}
	}
	return nil
}

// fits says why a rule is about what is not measured of p, nil where all can be.
func (a Accept) fits(p *pipeline.Pipeline) error {
	for _, r := range a.Rules {
		switch m := r.measure(); {
		case m == nil: // check says so
		case m.rate && p.Resting() == nil:
			return fmt.Errorf("accept: %s is measured where the section decide sets its threshold from rest: give false_per_min there, or take another metric", r.Metric)
		case !m.ofDecoder() && p.Decider() == nil:
			return fmt.Errorf("accept: %s is of what a section decide makes of trials, and the pipeline has none: give it one, or take balanced_accuracy or ci_low", r.Metric)
		}
	}
	return nil
}

// judge says whether the rules accept a model with these scores, and why. None accepts a model that decides nothing rightly.
func (a Accept) judge(s *bus.Scored) (v verdict, why string) {
	var held, broken []string
	for _, r := range a.Rules {
		m := r.measure()
		got, word, bound := m.of(s), "above", r.Above
		holds := bound != nil && got > *bound
		if m.rate {
			word, bound = "below", r.Below
			holds = got < *bound
		}
		if holds {
			held = append(held, fmt.Sprintf("%s is %.3f, %s %g", r.Metric, got, word, *bound))
		} else {
			broken = append(broken, fmt.Sprintf("%s is %.3f, must be %s %g", r.Metric, got, word, *bound))
		}
	}
	if d := s.Decide; d != nil && d.Right == 0 {
		broken = append(broken, mute(d))
	}
	if len(broken) > 0 {
		return refused, strings.Join(broken, "; ")
	}
	return accepted, strings.Join(held, ", ")
}

// mute says of a model that decides nothing rightly what can be done.
func mute(d *bus.DecideScore) string {
	more := "give it more trials"
	if d.Rest != nil {
		more = fmt.Sprintf("allow more than %g false decisions a minute, or give it more trials", d.Rest.AskedPerMin)
	}
	return fmt.Sprintf("none of %d held-out trials is decided rightly, so that it would not do what is meant: %s, or a class that stands for rest", d.Trials, more)
}

// scoreLine is what there is to say of a model to those who judge it.
func scoreLine(s *bus.Scored) string {
	line := fmt.Sprintf("%d trials, balanced accuracy %.3f, 95 %% interval [%.3f, %.3f], chance %.3f", s.Trials, s.BalancedAccuracy, s.CILow, s.CIHigh, s.Chance)
	d := s.Decide
	if d == nil {
		return line
	}
	line += fmt.Sprintf("; behind the section decide %d of %d held-out trials are decided rightly, %.3f [%.3f, %.3f], %d wrongly, %d not at all",
		d.Right, d.Trials, d.Rightly, d.RightlyLow, d.RightlyHigh, d.Wrong, d.Undecided)
	if q := d.Rest; q != nil {
		line += fmt.Sprintf("; %d false decisions in %.2f min of held-out rest, %.2f a minute [%.2f, %.2f], at most %g asked for",
			q.Decisions, q.Minutes, q.PerMin, q.PerMinLow, q.PerMinHigh, q.AskedPerMin)
	}
	if d.Right == 0 {
		line += "; DO NOT ACCEPT IT AS IT IS: " + mute(d)
	}
	return line
}

// leftOutLine says which cues nothing was learned from, the first few with the reason, "" where there are none.
func leftOutLine(list []LeftOut) string {
	const named = 3
	if len(list) == 0 {
		return ""
	}
	var some []string
	for _, l := range list[:min(named, len(list))] {
		some = append(some, fmt.Sprintf("%s at %.2f s: %s", l.Class, l.Onset, l.Why))
	}
	if more := len(list) - named; more > 0 {
		some = append(some, fmt.Sprintf("and %d more", more))
	}
	return "; left out: " + strings.Join(some, ", ")
}
