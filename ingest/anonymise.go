package ingest

import (
	"fmt"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Personal is one place of a recording that may say who was recorded, where, when or by whom.
type Personal struct {
	Where string `json:"where"`
	Found string `json:"found"`
	Done  string `json:"done"` // what Anonymise did about it; "" where it was only looked for
}

// FindPersonal lists what in rec may say who was recorded: the texts of the header that the reader marks as personal, the
// date, and events whose text is seldom. A code that comes again and again is none, nor is one that ends in a number of its
// own ("TargetCode/2"); another text that comes once or twice may have been typed by somebody.
func FindPersonal(rec *signal.Recording) []Personal {
	var all []Personal
	for _, t := range rec.Texts {
		if t.Personal {
			all = append(all, Personal{Where: t.Field, Found: t.Text})
		}
	}
	if !rec.Begin.IsZero() {
		all = append(all, Personal{Where: "begin", Found: rec.Begin.UTC().Format("2006-01-02 15:04:05.999999999")})
	}
	times := map[string]int{}
	for _, e := range rec.Events {
		times[e.Label]++
	}
	for _, e := range rec.Events {
		if n := times[e.Label]; n > 0 && n <= seldom && letters(e.Label) > 3 && !isCode(e.Label) {
			all = append(all, Personal{Where: fmt.Sprintf("event at %g s", e.Onset), Found: e.Label})
			times[e.Label] = 0 // once
		}
	}
	return all
}

// seldom is how often an event may come that somebody may have typed.
const seldom = 2

// isCode says whether a label is the name of something and a number: a state, a line, a unit.
func isCode(label string) bool {
	name, number, found := strings.Cut(label, "/")
	if i := strings.LastIndexByte(number, '/'); i >= 0 {
		number = number[i+1:]
	}
	return found && number != "" && strings.Trim(number, "0123456789") == "" && !strings.ContainsAny(name, " \t")
}

func letters(s string) (n int) {
	for _, r := range s {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127 {
			n++
		}
	}
	return n
}

// Anonymise is rec without what says who was recorded, and a list of what was there. Texts of the header that may be
// personal are left out, and so is the time of the begin. Events stay as they are, because they may be what the recording is
// for: those that somebody may have typed are listed, to be looked at. rec is not changed; its samples are shared.
func Anonymise(rec *signal.Recording) (*signal.Recording, []Personal) {
	found := FindPersonal(rec)
	for i := range found {
		switch {
		case found[i].Where == "begin":
			found[i].Done = "left out"
		case len(found[i].Where) > 6 && found[i].Where[:6] == "event ":
			found[i].Done = "kept: look at it"
		default:
			found[i].Done = "left out"
		}
	}
	clean := func(r *signal.Recording) *signal.Recording {
		out := *r
		out.Begin, out.Texts = time.Time{}, nil
		for _, t := range r.Texts {
			if !t.Personal {
				out.Texts = append(out.Texts, t)
			}
		}
		return &out
	}
	out := clean(rec)
	out.Name = "anonymous"
	out.Others = nil
	for _, r := range rec.Others {
		other := clean(r)
		other.Name = out.Name
		out.Others = append(out.Others, other)
	}
	return out, found
}
