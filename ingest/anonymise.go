package ingest

import (
	"fmt"
	"slices"
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
			all = append(all, Personal{Where: fmt.Sprintf(eventAt+"%g s", e.Onset), Found: e.Label})
			times[e.Label] = 0 // once
		}
	}
	return all
}

// eventAt begins the place of an event.
const eventAt = "event at "

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

// removedText is the label of an event whose text was taken out.
const removedText = "text removed"

// Anonymise is rec without what says who was recorded, and a list of what was there. Texts of the header that may be
// personal are left out, and so is the time of the begin. Events are kept, because they may be what the recording is for; of those
// that somebody may have typed, dropTexts takes out the text, and else they are listed, to be looked at. rec is not changed; its
// samples are shared.
func Anonymise(rec *signal.Recording, dropTexts bool) (*signal.Recording, []Personal) {
	found := FindPersonal(rec)
	typed := map[string]bool{}
	for i := range found {
		f := &found[i]
		switch {
		case !strings.HasPrefix(f.Where, eventAt):
			f.Done = "left out"
		case dropTexts:
			f.Done = fmt.Sprintf("written as %q", removedText)
			typed[f.Found] = true
		default:
			f.Done = "kept: look at it"
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
		if len(typed) > 0 {
			out.Events = slices.Clone(r.Events)
			for i := range out.Events {
				if typed[out.Events[i].Label] {
					out.Events[i].Label = removedText
				}
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
