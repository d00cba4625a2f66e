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

// FindPersonal lists what in rec may say who was recorded: the texts of the header that the reader marks as personal, the date, whatever else
// has a word of these texts, and events of which the label is not known to be a code, each label once.
func FindPersonal(rec *signal.Recording) []Personal {
	var all []Personal
	for _, p := range places(rec, namesOf(rec), nil) {
		if p.kind != ofCode {
			all = append(all, p.Personal)
		}
	}
	return all
}

// distinct are the texts of recs, of which those that several channels have come once, without their names.
func distinct(recs []*signal.Recording) (all []signal.Text) {
	seen := map[signal.Text]bool{}
	for _, r := range recs {
		for _, t := range r.Texts {
			if t.Channel = ""; !seen[t] {
				seen[t] = true
				all = append(all, t)
			}
		}
	}
	return all
}

// channelNames are the names of all channels of recs.
func channelNames(recs []*signal.Recording) map[string]bool {
	all := map[string]bool{}
	for _, r := range recs {
		for _, c := range r.Info.Channels {
			all[c.Name] = true
		}
	}
	return all
}

// kind is what a place is of.
type kind int

const (
	ofText      kind = iota // a text about people
	ofBegin                 // the date
	ofNaming                // another text, with a word of those
	ofChannel               // the name of a channel, with a word of those
	ofReference             // the reference, with a word of those
	ofNamed                 // an event, with a word of those
	ofTyped                 // an event that somebody may have typed
	ofJournal               // lines of a recorder about itself
	ofCode                  // an event that is known to name nobody, or is to be kept
)

// place is a Personal and what it is of.
type place struct {
	Personal
	kind
}

// places lists all that was found. keep are labels of events that are to be kept.
func places(rec *signal.Recording, who names, keep []string) (all []place) {
	add := func(k kind, where, found string) { all = append(all, place{Personal{Where: where, Found: found}, k}) }
	recs := append([]*signal.Recording{rec}, rec.Others...)
	for _, t := range distinct(recs) {
		switch {
		case t.Personal:
			add(ofText, t.Field, t.Text)
		case who.in(t.Text):
			add(ofNaming, t.Field, t.Text)
		}
	}
	if !rec.Begin.IsZero() {
		add(ofBegin, "begin", rec.Begin.UTC().Format(beginLayout))
	}
	times, first := map[string]int{}, []signal.Event(nil)
	channels, coined := channelNames(recs), map[string]bool{}
	for _, r := range recs {
		for _, label := range r.Coined {
			coined[label] = true
		}
		for _, c := range r.Info.Channels {
			if who.in(c.Name) || who.in(c.Original) {
				add(ofChannel, "name of channel", c.Original)
			}
		}
		if who.in(r.Info.Reference) {
			add(ofReference, "reference", r.Info.Reference)
		}
		for _, e := range r.Events {
			if times[e.Label]++; times[e.Label] == 1 {
				first = append(first, e)
			}
		}
	}
	for _, j := range rec.Journals {
		if len(j.Lines) > 0 {
			add(ofJournal, fmt.Sprintf("journal %q (%s)", j.Name, j.Kind), fmt.Sprintf("%d lines, which may have paths, and reasons that somebody typed", len(j.Lines)))
		}
	}
	for _, e := range first {
		where := fmt.Sprintf("event at %g s", e.Onset)
		if n := times[e.Label]; n > 1 {
			where = fmt.Sprintf("%d events, the first at %g s", n, e.Onset)
		}
		k := ofWords(e.Label, who, keep)
		if k == ofTyped && coined[e.Label] {
			k = ofCode
		}
		add(k, where, e.Label)
	}
	for of := range rec.ChannelsOfEvents() {
		for _, name := range of.Names() {
			if !channels[name] {
				channels[name] = true // once
				add(ofWords(name, who, keep), "channel of events, which the recording does not have", name)
			}
		}
	}
	return all
}

// ofWords is what an event is of that has this text.
func ofWords(text string, who names, keep []string) kind {
	switch {
	case text == "" || slices.Contains(keep, text) || isCode(text):
		return ofCode
	case who.in(text):
		return ofNamed
	default:
		return ofTyped
	}
}

// without is e without the texts that were taken out. The names of channels stay: events are of these, whatever others are called.
func without(e signal.Event, removed, channels map[string]bool) signal.Event {
	if removed[e.Label] {
		e.Label = removedText
	}
	names := e.Channels.Names()
	for i, name := range names {
		if removed[name] && !channels[name] {
			names[i] = removedText
		}
	}
	e.Channels = signal.ChannelsOf(names...)
	return e
}

// removedText is the label of an event whose text was taken out.
const removedText = "text removed"

// Hiding is what Anonymise does beside leaving out names and codes.
type Hiding struct {
	DropTexts bool     // takes the text out of events that are not known to be codes, because somebody may have typed them
	Keep      []string // labels of events that are kept all the same, whatever they say
	// ShiftDays is how many days earlier the begin is written; 0 leaves it out. All recordings of a subject need the same, so that
	// the times between them stay (BIDS 1.10, "Scans file").
	ShiftDays int
}

// unbelieved is the year before which nobody takes a date for that of a recording: BIDS 1.10 recommends shifted dates "1925 or
// earlier", and earliest the one behind which formats can hold them, as nanoseconds from 1970.
const unbelieved, earliest = 1925, 1800

// firstDate is the earliest begin that is written.
var firstDate = time.Date(earliest, 1, 1, 0, 0, 0, 0, time.UTC)

// ShiftError says that a begin cannot be shifted so far.
type ShiftError struct {
	Begin time.Time
	Days  int
}

// Error says how far it can be.
func (e *ShiftError) Error() string {
	return fmt.Sprintf("%d days before %s is earlier than %d, must be at most %d", e.Days, e.Begin.UTC().Format(time.DateOnly), earliest, days(e.Begin.UTC().Sub(firstDate)))
}

func days(d time.Duration) int { return int(d / (24 * time.Hour)) }

// shift is the begin as it is written, and what to say of it.
func (h Hiding) shift(begin time.Time) (time.Time, string, error) {
	if h.ShiftDays == 0 || begin.IsZero() {
		return time.Time{}, "left out", nil
	}
	begin = begin.UTC()
	if h.ShiftDays < 0 || h.ShiftDays > days(begin.Sub(firstDate)) {
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
// personal are left out, and others that have a word of these; the time of the begin too, or it is shifted. Events are kept, because they may
// be what the recording is for, but the text of those that have a word of the personal texts is taken out; those that somebody may have
// typed are listed, to be looked at, unless their text is taken out too. The labels that are kept are listed as well, and the texts. rec is not changed;
// its samples are shared.
func Anonymise(rec *signal.Recording, hide Hiding) (*signal.Recording, []Personal, error) {
	begin, shifted, err := hide.shift(rec.Begin)
	if err != nil {
		return nil, nil, err
	}
	who := namesOf(rec)
	var found []Personal
	var codes []string
	removed := map[string]bool{}
	for _, p := range places(rec, who, hide.Keep) {
		switch {
		case p.kind == ofCode:
			codes = append(codes, p.Found)
			continue
		case p.kind == ofBegin:
			p.Done = shifted
		case p.kind == ofText:
			p.Done = "left out"
		case p.kind == ofJournal:
			p.Done = "left out; read as events (--journals) its lines are kept and listed one by one"
		case p.kind == ofNaming || p.kind == ofReference:
			p.Done = "left out: it has a word of the texts about people"
		case p.kind == ofChannel:
			p.Done = "kept: it has a word of the texts about people, look at it"
		case p.kind == ofNamed:
			p.Done = fmt.Sprintf("written as %q: it has a word of the texts about people", removedText)
			removed[p.Found] = true
		case hide.DropTexts:
			p.Done = fmt.Sprintf("written as %q", removedText)
			removed[p.Found] = true
		default:
			p.Done = "kept: look at it"
		}
		found = append(found, p.Personal)
	}
	if len(codes) > 0 {
		found = append(found, Personal{Where: "labels of events", Found: strings.Join(codes, ", "), Done: "kept: codes, words of tasks, and what was asked for"})
	}
	if kept := keptTexts(rec, who); kept != "" {
		found = append(found, Personal{Where: HeaderTexts, Found: kept, Done: "kept: of the device, the electrodes and the filters; look at them"})
	}
	channels := channelNames(append([]*signal.Recording{rec}, rec.Others...))
	clean := func(r *signal.Recording) *signal.Recording {
		out := *r
		out.Texts, out.Begin = nil, time.Time{}
		if !r.Begin.IsZero() && !begin.IsZero() {
			out.Begin = r.Begin.UTC().AddDate(0, 0, -hide.ShiftDays)
		}
		for _, t := range r.Texts {
			if !t.Personal && !who.in(t.Text) {
				out.Texts = append(out.Texts, t)
			}
		}
		if who.in(r.Info.Reference) {
			info := *r.Info
			info.Reference = ""
			out.Info = &info
		}
		if len(removed) > 0 {
			out.Events = slices.Clone(r.Events)
			for i, e := range out.Events {
				out.Events[i] = without(e, removed, channels)
			}
		}
		return &out
	}
	out := clean(rec)
	out.Name = "anonymous"
	out.Others, out.Journals = nil, nil
	for _, r := range rec.Others {
		other := clean(r)
		other.Name = out.Name
		out.Others = append(out.Others, other)
	}
	return out, found, nil
}

// keptTexts are the texts of the header that are not about people, each once.
func keptTexts(rec *signal.Recording, who names) string {
	var words []string
	for _, t := range distinct(append([]*signal.Recording{rec}, rec.Others...)) {
		if !t.Personal && !who.in(t.Text) && !slices.Contains(words, t.Text) {
			words = append(words, t.Text)
		}
	}
	text := strings.Join(words, ", ")
	if len(text) > longestKept {
		text = fmt.Sprintf("%s … (%d bytes)", strings.ToValidUTF8(text[:longestKept], ""), len(text))
	}
	return text
}

// longestKept is how many bytes of the texts that are kept are listed.
const longestKept = 2000

// Naming is what says of a text whether it has a word of the texts of rec that may say who was recorded.
func Naming(rec *signal.Recording) func(text string) bool { return namesOf(rec).in }
