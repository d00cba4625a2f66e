package brainvision

import (
	"bytes"
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

// markers are what is in the file of markers.
type markers struct {
	src *flatfile.Source
	// list is the markers in order of their position. Until they are placed, Sample is the position, counted from 0, Duration the size,
	// both in samples of the file, and Onset the byte of the line, below 0 where a new segment begins: there may be as many as lines of
	// five bytes.
	list  []signal.Event
	skips []signal.Span       // in samples of the file: what MNE marks as not measured
	user  string              // what [User Infos] says
	dates map[int64]time.Time // of new segments, by the byte of the line; those that say one
}

const newSegment = "New Segment"

// segment says whether a new one begins at m, which is not placed.
func segment(m signal.Event) bool { return m.Onset < 0 }

// readMarkers reads the markers that can be understood, and lists the others: a bad marker never blocks the signal. channels are those that
// the markers number, from 1.
func readMarkers(src *flatfile.Source, channels []signal.Channel) (*markers, error) {
	ini, err := readINI(src)
	if err != nil {
		return nil, err
	}
	if !isMarkers(ini.first) {
		const rule = "begins with \"Brain Vision Data Exchange Marker File\""
		if ini.lines[markerInfos] == 0 {
			return nil, src.Errorf(0, "first line", "%.60q is not that of a file of markers, which %s", ini.first, rule)
		}
		src.Deviate(0, "first line", rule, fmt.Sprintf("%.60q", ini.first), "it is a file of markers, since it lists some")
	}
	ms := &markers{src: src, user: ini.user, dates: map[int64]time.Time{}}
	if ini.lines[markerInfos] == 0 {
		src.Deviate(src.Size, "Marker Infos", "the file lists its markers", "no section [Marker Infos], or no marker in it", "there are none")
	}
	labels := map[string]string{} // each of which is in memory once
	ms.list = make([]signal.Event, 0, ini.lines[markerInfos])
	c := inOrder{channels: channels}
	var label []byte
	err = walk(src, func(l line, section string) {
		if !l.found || section != markerInfos {
			return
		}
		rest := l.value
		typ, description := field(&rest), field(&rest)
		position, err := strconv.ParseInt(string(bytes.TrimSpace(field(&rest))), 10, 64)
		if err != nil || position > 1<<53 || position < -1<<53 {
			src.OmitOften(l.at, "marker", "type, description, position in data points, size, channel", func() string { return fmt.Sprintf("%.80q", l.text) }, "the marker is left out: it has no position")
			return
		}
		text := field(&rest)
		size, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
		if err != nil || size < 0 || size > 1<<53 {
			src.DeviateOften(l.at, "marker size", "a number of data points", func() string { return fmt.Sprintf("%.40q", text) }, "0")
			size = 0
		}
		if label = append(label[:0], description...); len(typ) > 0 {
			label = append(append(append(label[:0], typ...), '/'), description...)
		}
		name, seen := labels[string(label)]
		if !seen {
			name = string(label)
			labels[name] = name
		}
		channel := bytes.TrimSpace(field(&rest))
		of, known := c.of(channel)
		if !known {
			src.DeviateOften(l.at, "channel of marker", fmt.Sprintf("the number of one of the %d channels, or 0 for all", len(channels)), func() string { return fmt.Sprintf("%.40q", channel) }, "of all channels")
		}
		if isSkip(label) && size > 0 && of.IsZero() && known {
			ms.skips = append(ms.skips, signal.Span{Start: position - 1, Len: size})
			return
		}
		m := signal.Event{Sample: position - 1, Onset: float64(l.at), Duration: float64(size), Label: name, Channels: of}
		if string(typ) == newSegment {
			m.Onset = -m.Onset
			if when := date(src, l.at, string(bytes.TrimSpace(field(&rest)))); !when.IsZero() {
				ms.dates[l.at] = when
			}
		}
		ms.list = append(ms.list, m)
	})
	slices.SortStableFunc(ms.list, func(a, b signal.Event) int { return cmp.Compare(a.Sample, b.Sample) })
	return ms, err
}

// isSkip says whether a marker is the one by which MNE says that samples were not measured. It exports it as a comment.
func isSkip(label []byte) bool {
	return string(bytes.TrimPrefix(label, []byte("Comment/"))) == signal.SkipLabel
}

// inOrder is each channel as that of an event, once a marker has asked for it.
type inOrder struct {
	channels []signal.Channel
	asked    []signal.Channels
}

// of is the channel of a marker, which has its number from 1, or all of them where it has none; known says that there is such a channel.
func (c *inOrder) of(text []byte) (of signal.Channels, known bool) {
	if len(bytes.Trim(text, "0 ")) == 0 {
		return of, true
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > len(c.channels) {
		return of, false
	}
	if c.asked == nil {
		c.asked = make([]signal.Channels, len(c.channels))
	}
	if c.asked[n-1].IsZero() {
		c.asked[n-1] = signal.ChannelsOf(c.channels[n-1].Name)
	}
	return c.asked[n-1], true
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

// A date further from the one before than unlikely is told, since nobody leaves a recording open for so long; one further than
// impossible is not believed.
const (
	unlikely   = 7 * 24 * time.Hour
	impossible = 366 * 24 * time.Hour
)

// newTimeline breaks n samples of the file at the markers of new segments. One that has a date begins where the date says, counted
// from the one with a date before it.
func newTimeline(ms *markers, n int64, rate float64) *timeline {
	line := &timeline{Timeline: flatfile.Whole(n)}
	if ms == nil {
		return line
	}
	within := fmt.Sprintf("lies within the %d data points", n)
	segments := 0
	for _, m := range ms.list {
		if segment(m) && m.Sample > 0 && m.Sample < n {
			segments++
		}
	}
	line.Timeline = slices.Grow(line.Timeline, segments)
	var dated time.Time // of a New Segment, at the sample start
	start := int64(0)
	for _, m := range ms.list {
		if !segment(m) || m.Sample < 0 {
			continue
		}
		at := int64(-m.Onset)
		if m.Sample >= n {
			ms.src.DeviateOften(at, "position of New Segment", within, func() string { return strconv.FormatInt(m.Sample+1, 10) }, "there is no gap")
			continue
		}
		date := ms.dates[at]
		if m.Sample == 0 {
			line.begin, dated = date, date
			continue
		}
		gap := int64(0)
		if !date.IsZero() && !dated.IsZero() {
			if d := date.Sub(dated); d <= impossible && d > -impossible {
				gap = start + int64(math.Round(d.Seconds()*rate)) - line.Sample(m.Sample)
				if d > unlikely && gap > 0 {
					ms.src.DeviateOften(at, "date of New Segment", "lies within 7 days of the one before", func() string {
						return fmt.Sprintf("%.1f days at data point %d", d.Hours()/24, m.Sample+1)
					}, "a gap of that length")
				}
			}
		}
		if !line.Break(m.Sample, gap) {
			continue // two markers at one place
		}
		if gap < 1 {
			ms.src.DeviateOften(at, newSegment, "has the time at which recording went on, later than what is before it", func() string {
				return fmt.Sprintf("at data point %d no time, or one that cannot be", m.Sample+1)
			}, "a gap of one sample")
		}
		if !date.IsZero() {
			dated, start = date, line.Sample(m.Sample)
		}
	}
	return line
}

// gapsNote says that the samples of the file are not all neighbours in time; nil where they are. It is no breach of the format.
func (l *timeline) gapsNote() []signal.Deviation {
	n := len(l.Timeline) - 1
	if n < 1 {
		return nil
	}
	return []signal.Deviation{{
		Where: "markers: " + newSegment, Rule: "recording may have been interrupted between two data points", Found: fmt.Sprintf("%d interruptions", n),
		Assumed: "gaps; events and samples behind them are numbered by time, not by their place in the file",
	}}
}

// events places the markers, but for those that say when recording began and went on: these are the begin and the gaps.
func (l *timeline) events(ms *markers, rate float64) []signal.Event {
	if ms == nil {
		return nil
	}
	events := slices.DeleteFunc(ms.list, func(m signal.Event) bool {
		if !segment(m) || m.Label != newSegment+"/" {
			return false
		}
		_, begins := slices.BinarySearchFunc(l.Timeline, m.Sample, func(p flatfile.Piece, k int64) int { return cmp.Compare(p.From, k) })
		return begins
	})
	for i := range events {
		e := &events[i]
		e.Sample = l.Sample(e.Sample)
		e.Onset, e.Duration = float64(e.Sample)/rate, e.Duration/rate
	}
	return signal.JoinChannels(events)
}
