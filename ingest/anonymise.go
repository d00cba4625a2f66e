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
		all = append(all, Personal{Where: beginField, Found: rec.Begin.UTC().Format(beginLayout)})
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

// eventAt begins the place of an event, beginField is that of the begin.
const eventAt, beginField = "event at ", "begin"

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

// Hiding is what Anonymise does beside leaving out names and codes.
type Hiding struct {
	DropTexts bool // takes the text out of events that somebody may have typed
	// ShiftDays is how many days earlier the begin is written; 0 leaves it out. All recordings of a subject need the same, so that
	// the times between them stay (BIDS 1.10, "Scans file").
	ShiftDays int
}

// unbelieved is the year before which nobody takes a date for that of a recording: BIDS 1.10 recommends shifted dates "1925 or
// earlier", and earliest the one behind which formats can hold them, as nanoseconds from 1970.
const unbelieved, earliest = 1925, 1800

// ShiftError says that a begin cannot be shifted so far.
type ShiftError struct {
	Begin time.Time
	Days  int
}

// Error says how far it can be.
func (e *ShiftError) Error() string {
	first := time.Date(earliest, 1, 1, 0, 0, 0, 0, time.UTC)
	return fmt.Sprintf("%d days before %s is earlier than %d, must be at most %d", e.Days, e.Begin.UTC().Format(time.DateOnly), earliest, days(e.Begin.UTC().Sub(first)))
}

func days(d time.Duration) int { return int(d / (24 * time.Hour)) }

// shift is the begin as it is written, and what to say of it.
func (h Hiding) shift(begin time.Time) (time.Time, string, error) {
	if h.ShiftDays == 0 || begin.IsZero() {
		return time.Time{}, "left out", nil
	}
	begin = begin.UTC()
	if last := time.Date(earliest, 1, 1, 0, 0, 0, 0, time.UTC); h.ShiftDays < 0 || h.ShiftDays > days(begin.Sub(last)) {
		return time.Time{}, "", &ShiftError{begin, h.ShiftDays}
	}
	to := begin.AddDate(0, 0, -h.ShiftDays)
	done := fmt.Sprintf("written as %s, %d days earlier", to.Format(beginLayout), h.ShiftDays)
	if last := time.Date(unbelieved, 12, 31, 23, 59, 59, 0, time.UTC); to.After(last) {
		done += fmt.Sprintf(": it looks like a true date, from %d days on it is in %d or earlier, as BIDS recommends", days(begin.Sub(last))+1, unbelieved)
	}
	return to, done, nil
}

const beginLayout = "2006-01-02 15:04:05.999999999"

// Anonymise is rec without what says who was recorded, and a list of what was there. Texts of the header that may be
// personal are left out; the time of the begin too, or it is shifted. Events are kept, because they may be what the recording is
// for; those that somebody may have typed are listed, to be looked at, unless their text is taken out. rec is not changed; its
// samples are shared.
func Anonymise(rec *signal.Recording, hide Hiding) (*signal.Recording, []Personal, error) {
	begin, shifted, err := hide.shift(rec.Begin)
	if err != nil {
		return nil, nil, err
	}
	found := FindPersonal(rec)
	typed := map[string]bool{}
	for i := range found {
		f := &found[i]
		switch {
		case f.Where == beginField:
			f.Done = shifted
		case !strings.HasPrefix(f.Where, eventAt):
			f.Done = "left out"
		case hide.DropTexts:
			f.Done = fmt.Sprintf("written as %q", removedText)
			typed[f.Found] = true
		default:
			f.Done = "kept: look at it"
		}
	}
	clean := func(r *signal.Recording) *signal.Recording {
		out := *r
		out.Texts, out.Begin = nil, time.Time{}
		if !r.Begin.IsZero() && !begin.IsZero() {
			out.Begin = r.Begin.UTC().AddDate(0, 0, -hide.ShiftDays)
		}
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
	return out, found, nil
}
