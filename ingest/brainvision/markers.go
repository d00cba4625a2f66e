package brainvision

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// marker is one line of the file of markers.
type marker struct {
	typ, description string
	position, size   int64 // in samples of the file, position counted from 0
	date             time.Time
	at               int64 // of its line
	where            *flatfile.Source
}

const newSegment = "New Segment"

// readMarkers reads the markers that can be understood, and lists the others: a bad marker never blocks the signal.
func readMarkers(src *flatfile.Source) ([]marker, error) {
	c, err := readINI(src)
	if err != nil {
		return nil, err
	}
	if !isMarkers(c.first) {
		return nil, src.Errorf(0, "first line", "%.60q is not that of a file of markers, must begin with \"Brain Vision Data Exchange Marker File\"", c.first)
	}
	list, found := c.sections["marker infos"]
	if !found {
		src.Deviate(src.Size, "Marker Infos", "the file lists its markers", "no section [Marker Infos], or no marker in it", "there are none")
	}
	var ms []marker
	for _, e := range list {
		f := append(fields(e.value), "", "", "", "")
		position, err := strconv.ParseInt(strings.TrimSpace(f[2]), 10, 64)
		if err != nil || position > 1<<53 || position < -1<<53 {
			src.Deviate(e.at, "marker", "type, description, position in data points, size, channel", fmt.Sprintf("%.80q", e.key+"="+e.value), "the marker is left out: it has no position")
			continue
		}
		m := marker{typ: f[0], description: f[1], position: position - 1, at: e.at, where: src}
		if m.size, err = strconv.ParseInt(strings.TrimSpace(f[3]), 10, 64); err != nil || m.size < 0 || m.size > 1<<53 {
			src.Deviate(e.at, "marker size", "a number of data points", fmt.Sprintf("%.40q", f[3]), "0")
			m.size = 0
		}
		if m.typ == newSegment && len(f) > 9 {
			m.date = date(src, e.at, strings.TrimSpace(f[5]))
		}
		ms = append(ms, m)
	}
	slices.SortStableFunc(ms, func(a, b marker) int { return cmp.Compare(a.position, b.position) })
	return ms, nil
}

// date reads YYYYMMDDhhmmssuuuuuu, the zero time where there is none. The format has no time zone: it is taken for UTC.
func date(src *flatfile.Source, at int64, text string) time.Time {
	if strings.Trim(text, "0") == "" {
		return time.Time{}
	}
	if len(text) == 20 {
		if t, err := time.Parse("20060102150405.000000", text[:14]+"."+text[14:]); err == nil {
			return t
		}
	}
	src.Deviate(at, "date of New Segment", "is YYYYMMDDhhmmssuuuuuu", fmt.Sprintf("%.40q", text), "the time is not known")
	return time.Time{}
}

// timeline places the samples of the file in time.
type timeline struct {
	begin time.Time
	flatfile.Timeline
}

// longestGap is more than anybody leaves a recording open.
const longestGap = 7 * 24 * time.Hour

// newTimeline breaks n samples of the file at the markers of new segments. One that has a date begins where the date says, counted
// from the one with a date before it.
func newTimeline(log *flatfile.Log, ms []marker, n int64, rate float64) *timeline {
	line := &timeline{Timeline: flatfile.Whole(n)}
	var dated time.Time // of a New Segment, at the sample start
	start := int64(0)
	for _, m := range ms {
		if m.typ != newSegment || m.position < 0 {
			continue
		}
		if m.position >= n {
			m.where.Deviate(m.at, "position of New Segment", fmt.Sprintf("lies within the %d data points", n), strconv.FormatInt(m.position+1, 10), "there is no gap")
			continue
		}
		if m.position == 0 {
			line.begin, dated = m.date, m.date
			continue
		}
		gap := int64(0)
		if !m.date.IsZero() && !dated.IsZero() {
			if d := m.date.Sub(dated); d <= longestGap && d > -longestGap {
				gap = start + int64(math.Round(d.Seconds()*rate)) - line.Sample(m.position)
			}
		}
		if !line.Break(m.position, gap) {
			continue // two markers at one place
		}
		if gap < 1 {
			m.where.Deviate(m.at, newSegment, "has the time at which recording went on, later than what is before it", fmt.Sprintf("at data point %d no time, or one that cannot be", m.position+1), "a gap of one sample")
		}
		if !m.date.IsZero() {
			dated, start = m.date, line.Sample(m.position)
		}
	}
	if len(line.Timeline) > 1 {
		log.Add("gaps", signal.Deviation{
			Where: "markers: " + newSegment, Rule: "data points follow each other in time", Found: fmt.Sprintf("%d interruptions", len(line.Timeline)-1),
			Assumed: "gaps; events and samples behind them are numbered by time, not by their place in the file",
		})
	}
	return line
}

// events are the markers but for those that say when recording began and went on: these are the begin and the gaps.
func (l *timeline) events(ms []marker, rate float64) []signal.Event {
	var events []signal.Event
	for _, m := range ms {
		if m.typ == newSegment && m.description == "" {
			if _, begins := slices.BinarySearchFunc(l.Timeline, m.position, func(p flatfile.Piece, k int64) int { return cmp.Compare(p.From, k) }); begins {
				continue
			}
		}
		label := m.typ + "/" + m.description
		if m.typ == "" {
			label = m.description
		}
		at := l.Sample(m.position)
		events = append(events, signal.Event{Sample: at, Onset: float64(at) / rate, Duration: float64(m.size) / rate, Label: label})
	}
	return events
}
