package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/stream"
)

// result is what all rows come to.
type result struct {
	Result   string          `json:"result"` // met, or what is wrong: missed before not shown before incomplete
	Rows     int             `json:"rows"`
	Met      int             `json:"met"`
	Missed   []string        `json:"missed,omitempty"`    // rows above the rate asked for, of those that are to meet it
	Beside   int             `json:"missed_beside"`       // rows above it that stand beside these to compare with
	NotShown []string        `json:"not_shown,omitempty"` // rows that were refused, or in which too little could be decided, with the reason
	Lacking  []string        `json:"lacking,omitempty"`   // sets, or subjects, that could not be measured to the end, with the reason
	sets     map[string]bool // of which there are rows; true where one of those that are to meet the rate does
}

// count takes in a row of a set; refused is why no threshold could be set, "" where one was. A row that is only to compare with (compare) need
// not meet the rate asked for.
func (s *result) count(set, name, refused string, r stream.Idle, compare bool) {
	s.Rows++
	if s.sets == nil {
		s.sets = map[string]bool{}
	}
	s.sets[set] = s.sets[set] || !compare && refused == "" && r.Met != nil && *r.Met
	switch {
	case refused != "":
		s.NotShown = append(s.NotShown, name+": refused")
	case r.Met == nil:
		s.NotShown = append(s.NotShown, name+": "+r.Verdict())
	case *r.Met:
		s.Met++
	case compare:
		s.Beside++
	default:
		s.Missed = append(s.Missed, name+": "+r.Verdict())
	}
}

// measured runs what measures a set: where that fails the set is lacking, and the others are measured all the same.
func (s *result) measured(name string, fn func() error) {
	if err := fn(); err != nil {
		s.Lacking = append(s.Lacking, fmt.Sprintf("%s: %v", name, err))
	}
}

// end prints which rows do not meet their bar, and why data are lacking. The error is nil where no row that is to meet the rate is above it,
// every set has at least one that is shown to meet it, and none is lacking: how much rest a set has is not in the hands of whoever decodes.
func (s *result) end(w io.Writer, asJSON bool) error {
	var parts []string
	wrong := s.Rows == 0 || len(s.Missed)+len(s.Lacking) > 0
	for set, met := range s.sets {
		if !met {
			wrong = true
			s.NotShown = append(s.NotShown, set+": no row shows that the rate is met")
		}
	}
	slices.Sort(s.NotShown)
	for _, l := range []struct {
		result, what string
		list         []string
	}{
		{"missed", "above the rate asked for", s.Missed},
		{"not shown", "not shown", s.NotShown},
		{"incomplete", "could not be measured", s.Lacking},
	} {
		if len(l.list) == 0 {
			continue
		}
		if s.Result == "" && wrong {
			s.Result = l.result
		}
		parts = append(parts, fmt.Sprintf("%d %s", len(l.list), l.what))
		if asJSON {
			continue
		}
		for _, text := range l.list {
			if _, err := fmt.Fprintf(w, "%s: %s\n", strings.ToUpper(l.result), text); err != nil {
				return err
			}
		}
	}
	if s.Rows == 0 && len(parts) == 0 {
		s.Result, parts = "incomplete", []string{"there is no row"}
	}
	if !wrong {
		s.Result = "met"
	}
	text := fmt.Sprintf("%d of %d rows are shown and meet the rate asked for", s.Met, s.Rows)
	if s.Beside > 0 {
		text += fmt.Sprintf(", %d to compare with do not", s.Beside)
	}
	if len(parts) > 0 {
		text += "; " + strings.Join(parts, ", ")
	}
	switch {
	case asJSON:
		if err := json.NewEncoder(w).Encode(s); err != nil {
			return err
		}
	case !wrong:
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	if wrong {
		return errors.New(text)
	}
	return nil
}
