package bids

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// channelColumn of a table of events has the channels that an event is of, n/a for all, by their names in channels.tsv. Several are parted by what
// the sidecar calls the Delimiter of the column; without one everything in a cell is one name (BIDS 1.10, "Task events").
const channelColumn = "channel"

// spelling is how channels are called in tables.
type spelling map[string]string // to the name of the channel, "" where several are called so

// spellingOf is that of rec: as the source writes a channel, or else as gyrus and MNE spell it.
func spellingOf(rec *signal.Recording) spelling {
	s := spelling{}
	own := spelling{}
	add := func(to spelling, name, channel string) {
		if was, known := to[name]; known && was != channel {
			channel = ""
		}
		to[name] = channel
	}
	for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
		for _, c := range r.Info.Channels {
			add(s, strings.TrimSpace(c.Original), c.Name)
			add(own, c.Name, c.Name)
		}
	}
	for name, channel := range own {
		if _, known := s[name]; !known {
			s[name] = channel
		}
	}
	return s
}

// channel is the name of the channel that a table calls name; ok is false where there is none.
func (s spelling) channel(name string) (channel string, ok bool) {
	channel, ok = s[name]
	if !ok {
		spelled, _ := montage.Normalize(name)
		channel, ok = s[spelled]
	}
	return channel, ok && channel != ""
}

// delimiterOf is what parts the names in the column of a table that about describes, "" where nothing does.
func delimiterOf(about Sidecar) string {
	var column struct{ Delimiter string }
	if raw := about.Raw(channelColumn); raw == nil || json.Unmarshal(raw, &column) != nil {
		return ""
	}
	return column.Delimiter
}

// parted are the names in a cell.
func parted(cell, delimiter string) []string {
	if delimiter == "" {
		return []string{cell}
	}
	names := strings.Split(cell, delimiter)
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

// ofChannels is what a row says of the channels of its event.
type ofChannels struct {
	*Table
	column    int
	delimiter string
	spelling  spelling
	cells     map[string]signal.Channels // that were seen
	missing   map[string]bool            // names that no channel has
}

func (c *completion) ofChannels() *ofChannels {
	t := c.in.Events
	o := &ofChannels{Table: t, column: t.Column(channelColumn), cells: map[string]signal.Channels{}, missing: map[string]bool{}}
	if o.column >= 0 {
		o.delimiter, o.spelling = delimiterOf(c.in.EventsAbout), spellingOf(c.rec)
	}
	return o
}

func (o *ofChannels) row(row int) signal.Channels {
	if o.column < 0 {
		return signal.Channels{}
	}
	cell := o.cell(row, o.column)
	if string(cell) == Missing {
		return signal.Channels{}
	}
	of, seen := o.cells[string(cell)]
	if seen {
		return of
	}
	names := parted(string(cell), o.delimiter)
	for i, name := range names {
		channel, ok := o.spelling.channel(name)
		if ok {
			names[i] = channel
		} else if name != "" {
			o.missing[name] = true
		}
	}
	of = signal.ChannelsOf(names...)
	o.cells[string(cell)] = of
	return of
}

// report lists names of no channel.
func (o *ofChannels) report(c *completion) {
	if len(o.missing) == 0 {
		return
	}
	rule := "names of channels in the recording"
	if o.delimiter == "" {
		rule += ", one in each row, as the sidecar has no Delimiter for the column"
	}
	c.deviate(c.in.EventsFile+": column "+channelColumn, rule, list(sortedKeys(o.missing))+": not in the recording, or of several", "kept as names of channels that are not there")
}

// adopted are the events of a table that does not say of which channels they are, with those that the recording itself says at the same sample by the
// same label. Programs that read an event of several channels as several (MNE of BrainVision) have a row for each.
func adopted(table, own []signal.Event) []signal.Event {
	type place struct {
		sample int64
		label  string
	}
	at := map[place][]int{} // rows that have no event yet
	if !slices.ContainsFunc(own, func(e signal.Event) bool { return !e.Channels.IsZero() }) {
		return table
	}
	for i, e := range table {
		p := place{e.Sample, words(e.Label)}
		at[p] = append(at[p], i)
	}
	for _, e := range own {
		names, p := e.Channels.Names(), place{e.Sample, words(e.Label)}
		rows := at[p]
		switch {
		case len(names) == 0 || len(rows) == 0:
		case len(rows) < len(names):
			table[rows[0]].Channels, at[p] = e.Channels, rows[1:]
		default:
			for i, name := range names {
				table[rows[i]].Channels = signal.ChannelsOf(name)
			}
			at[p] = rows[len(names):]
		}
	}
	return signal.JoinChannels(table)
}

// singly is how many events there are if one of several channels counts as one for each.
func singly[E any](events []E, of func(E) signal.Channels) (n int) {
	for _, e := range events {
		n += max(1, of(e).Len())
	}
	return n
}

// parting is a text that is in none of the names, to part them with.
func parting(names []string) string {
	for _, d := range []string{",", ";", "|"} {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, d) }) {
			return d
		}
	}
	for r := '␀'; ; r++ { // signs that stand for control characters, and what follows them
		if d := string(r); !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, d) }) {
			return d
		}
	}
}

// cells are the channels of events as they stand in the table: by their labels in the file. delimiter is "" where no event has several.
func (d *data) cells(rec *signal.Recording) (cell func(signal.Channels) string, delimiter string) {
	labels := map[string]string{}
	for _, c := range d.channels {
		labels[c.Name] = c.label
	}
	label := func(name string) string {
		return cmp.Or(labels[name], name)
	}
	seen := map[string]bool{}
	several := false
	for of := range rec.ChannelsOfEvents() {
		several = several || of.Len() > 1
		for _, name := range of.Names() {
			seen[label(name)] = true
		}
	}
	if several {
		delimiter = parting(sortedKeys(seen))
	}
	return func(of signal.Channels) string {
		names := of.Names()
		for i := range names {
			names[i] = label(names[i])
		}
		return strings.Join(names, delimiter)
	}, delimiter
}

// relabelled is a table of events that a tree had, with the labels that its channels have in the file that is written. It is the same table where none
// has another.
func (d *data) relabelled(t *Table, about Sidecar, rec *signal.Recording) *Table {
	column := t.Column(channelColumn)
	if column < 0 {
		return t
	}
	labels, s, delimiter := map[string]string{}, spellingOf(rec), delimiterOf(about)
	for _, c := range d.channels {
		labels[c.Name] = c.label
	}
	out, changed := &Table{Columns: t.Columns}, false
	for row := range t.Len() {
		cells := make([][2]string, len(t.Columns))
		for k, name := range t.Columns {
			cells[k] = [2]string{name, t.At(row, k)}
		}
		if cell := &cells[column][1]; *cell != Missing {
			names := parted(*cell, delimiter)
			for i, name := range names {
				if channel, ok := s.channel(name); ok && labels[channel] != name {
					names[i], changed = cmp.Or(labels[channel], name), true
				}
			}
			*cell = strings.Join(names, delimiter)
		}
		out.Add(cells...)
	}
	if !changed {
		return t
	}
	return out
}

// eventsAbout is _events.json of a table that gyrus makes.
func eventsAbout(t *Table, levels map[string]string, delimiter string) (Sidecar, error) {
	columns := eventColumns(levels)
	for i := range columns {
		if c, is := columns[i].value.(column); is && columns[i].key == channelColumn {
			c.Delimiter = delimiter
			columns[i].value = c
		}
	}
	return sidecarOf(slices.DeleteFunc(columns, func(f jsonField) bool { return t.Column(f.key) < 0 }))
}
