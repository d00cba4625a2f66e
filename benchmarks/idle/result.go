package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/gyrus-bci/gyrus/stream"
)

// result is what all rows come to.
type result struct {
	Result   string   `json:"result"` // met, or what is wrong: missed before not shown before incomplete
	Rows     int      `json:"rows"`
	Met      int      `json:"met"`
	Missed   []string `json:"missed,omitempty"`    // rows above the rate asked for
	NotShown []string `json:"not_shown,omitempty"` // rows that were refused, or in which too little could be decided, with the reason
	Lacking  []string `json:"lacking,omitempty"`   // sets, or subjects, that could not be measured to the end, with the reason
}

// count takes in a row; refused is why no threshold could be set, "" where one was.
func (s *result) count(name, refused string, r stream.Idle) {
	s.Rows++
	switch {
	case refused != "":
		s.NotShown = append(s.NotShown, name+": refused")
	case r.Met == nil:
		s.NotShown = append(s.NotShown, name+": "+r.Verdict())
	case *r.Met:
		s.Met++
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

// end prints which rows do not meet their bar, and why data are lacking; the error is nil where every row is shown and meets it.
func (s *result) end(w io.Writer, asJSON bool) error {
	var parts []string
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
		if s.Result == "" {
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
	if len(parts) == 0 {
		s.Result = "met"
	}
	if asJSON {
		if err := json.NewEncoder(w).Encode(s); err != nil {
			return err
		}
	} else if _, err := fmt.Fprintf(w, "%d of %d rows are shown and meet their bar\n", s.Met, s.Rows); err != nil {
		return err
	}
	if len(parts) > 0 {
		return fmt.Errorf("%d of %d rows are shown and meet their bar; %s", s.Met, s.Rows, strings.Join(parts, ", "))
	}
	return nil
}
