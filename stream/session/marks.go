package session

import (
	"fmt"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Marks is what became of the marks beside the samples of a source.
type Marks struct {
	Came    uint64  `json:"came"`
	Late    uint64  `json:"late"`      // whose samples were there before: recordings and calibrations have them at their samples
	TooLate uint64  `json:"too_late"`  // of these, later than signal.MaxLate: a decision does not see them
	LagS    float64 `json:"max_lag_s"` // by how much the latest was late
	Lost    uint64  `json:"lost"`      // too many waited for their samples
	Waiting uint64  `json:"waiting"`   // whose samples had not come at the end
	NotUTF8 uint64  `json:"not_utf8"`  // whose texts were not UTF-8, and are read as Latin-1
	// StampsOffS is by how much their stamps lie ahead of the clock that their program tells of, below 0 for behind: arrival counts
	// then. 0 where they are believed.
	StampsOffS float64 `json:"stamps_off_s"`
	// Over is why no more can come: their stream is lost, and none can take its place. "" where it was there, or might come back.
	Over string `json:"over,omitempty"`
	// Gone is since when their stream is lost, nil where it is there. Where it might come back that is no fault: a program of cues ends with
	// its experiment.
	Gone *time.Time `json:"gone,omitempty"`
}

// marksOf is how the marks of src are; false where it has none.
func marksOf(src signal.Source) (m signal.Marks, ok bool) {
	s, ok := src.(interface{ Marks() signal.Marks })
	if ok {
		m = s.Marks()
	}
	return m, m.State != ""
}

// MarksOf is what became of the marks of src, nil where it has none.
func MarksOf(src signal.Source) *Marks {
	m, ok := marksOf(src)
	if !ok {
		return nil
	}
	out := &Marks{Came: m.N, Late: m.Late, TooLate: m.TooLate, LagS: m.LagS, Lost: m.Lost, Waiting: m.Waiting, NotUTF8: m.NotUTF8, StampsOffS: m.StampsOffS, Over: m.Over}
	if m.State == signal.LinkLost {
		out.Gone = &m.Since
	}
	return out
}

// MarkWatch tells of marks that come late or are lost, of stamps that are not of the clock that their program tells of, and of the first
// text that is not UTF-8: at once, and then, but for that text, at most every SeldomEvery. It is for one goroutine.
type MarkWatch struct {
	name string
	late string // what becomes of late ones
	seen Marks  // what was told of
	told time.Time
}

// NotUTF8 is told at the first text that is not UTF-8.
const NotUTF8 = "some of their texts are not UTF-8, and read as Latin-1 (let their program send UTF-8)"

// NewMarkWatch watches the marks of the source called name. late says what becomes of those that come late.
func NewMarkWatch(name, late string) *MarkWatch { return &MarkWatch{name: name, late: late} }

// What becomes of marks that come late.
const (
	LateRecorded = "they are recorded at the samples where their stamps say that they were"
	lateLive     = "they are recorded and learned from at their samples, and windows around those up to 1 s late are cut there; around the others, and those from before a break in the stream, none are"
)

// Look is told how the marks are, nil for none, and returns the line for people, "" for none.
func (w *MarkWatch) Look(now time.Time, m *Marks) string {
	if m == nil {
		return ""
	}
	late, tooLate, lost := since64(m.Late, w.seen.Late), since64(m.TooLate, w.seen.TooLate), since64(m.Lost, w.seen.Lost)
	off := m.StampsOffS != 0
	if !off {
		w.seen.StampsOffS = 0
	}
	newlyOff := off && w.seen.StampsOffS == 0
	badText := m.NotUTF8 > 0 && w.seen.NotUTF8 == 0
	if !badText && (late+lost == 0 && !newlyOff || !w.told.IsZero() && now.Sub(w.told) < SeldomEvery) {
		return ""
	}
	var wrong []string
	if newlyOff {
		wrong = append(wrong, fmt.Sprintf("their stamps lie %s the clock that their program tells of, so that they count as of when they arrive, late by the way and by whatever held them up", signal.Apart(m.StampsOffS)))
	}
	if late > 0 {
		wrong = append(wrong, fmt.Sprintf("%d came after their samples, %d of them by more than %g s, the latest by %.3g s: %s", late, tooLate, signal.MaxLate, m.LagS, w.late))
	}
	if lost > 0 {
		wrong = append(wrong, fmt.Sprintf("%d are lost, because too many waited for samples that did not come", lost))
	}
	remedy := ""
	if len(wrong) > 0 {
		remedy = ". If it goes on, let their program stamp with lsl_local_clock and push each mark when it happens, or raise markers_wait_s"
	}
	if badText {
		wrong = append(wrong, NotUTF8)
	}
	span := ""
	if !w.told.IsZero() {
		span = fmt.Sprintf(" within %.0f s", now.Sub(w.told).Seconds())
	}
	w.seen, w.told = *m, now
	return fmt.Sprintf("MARKS of %s%s: %s; in all %d came, %d late%s",
		w.name, span, strings.Join(wrong, "; "), m.Came, m.Late, remedy)
}

// Cut is the line about a stream of marks that was lost for good, "" where it was not.
func (m *Marks) Cut(name string) string {
	if m == nil || m.Over == "" {
		return ""
	}
	return fmt.Sprintf("%s: its stream of marks is lost: %s; marks that were sent since are missing", name, m.Over)
}

// End is the line about what never found its place, "" for nothing.
func (m *Marks) End(name string) string {
	if m == nil || m.Lost+m.Waiting == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %d of %d marks have no place: the samples of %d had not come at the end, and %d were lost because too many waited", name, m.Lost+m.Waiting, m.Came, m.Waiting, m.Lost)
}
