package bids

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// completion changes a recording to what the files beside it say, and lists where they say something else than it does.
type completion struct {
	rec *signal.Recording
	rel string // of the recording, below the root
	in  *Sidecars

	header string // the reference that the recording itself has
}

// deviate lists a conflict, or a place where a sidecar breaks the specification.
func (c *completion) deviate(where, rule, found, assumed string) {
	c.rec.Deviations = append(c.rec.Deviations, signal.Deviation{Where: where, Rule: rule, Found: found, Assumed: assumed})
}

// omit is deviate where events that a sidecar has are not in the recording.
func (c *completion) omit(where, rule, found, assumed string) {
	c.deviate(where, rule, found, assumed)
	c.rec.Deviations[len(c.rec.Deviations)-1].Missing = true
}

// own are the columns of channels.tsv that become fields of a channel; all others are kept as texts.
var own = []string{"name", "type", "units", "status", "sampling_frequency"}

// channels takes over types, units, states and texts of channels.tsv (BIDS 1.10, "Channels description").
func (c *completion) channels() error {
	t, file := c.in.Channels, c.in.ChannelsFile
	if t == nil {
		return nil
	}
	for _, need := range []string{"name", "type", "units"} {
		if t.Column(need) < 0 {
			c.deviate(file+": line 1", "a column "+need, "none", "as if it said nothing about that")
		}
	}
	if t.Column("name") < 0 {
		return nil
	}
	j := join(c.rec, t)
	if len(j.missing) > 0 {
		c.deviate(file+": column name", "names of channels in the recording", list(j.missing)+": not in the recording", "left out: channels are joined by name, never by position")
	}
	if len(j.twice) > 0 {
		c.deviate(file+": column name", "each name once", list(j.twice)+" twice", "the first row of the name, for every channel of the name")
	}
	if names := j.without(func(signal.Channel) bool { return true }); len(names) > 0 {
		c.deviate(file, "a row for each channel", "none for "+list(names), "what the header of the recording says")
	}
	for r, rec := range j.recs {
		if err := c.channelsOf(rec, j.rows[r]); err != nil {
			return err
		}
	}
	return nil
}

// channelsOf takes over what the rows say about the channels of one of the recording's rates.
func (c *completion) channelsOf(rec *signal.Recording, rows []int) error {
	t, file := c.in.Channels, c.in.ChannelsFile
	info := *rec.Info
	info.Channels = slices.Clone(info.Channels)
	rec.Info = &info
	wanted, rates := make([]string, len(rows)), map[string][]string{}
	references, others := map[string]bool{}, map[string]bool{} // of EEG, and of other channels
	for ch, row := range rows {
		if row < 0 {
			continue
		}
		channel := &info.Channels[ch]
		c.kind(channel, row)
		if unit, ok := t.Cell(row, "units"); ok {
			wanted[ch] = unit
		}
		c.status(channel, row)
		if ref, ok := t.Cell(row, "reference"); ok && channel.Kind == signal.EEG {
			references[ref] = true
		} else if ok {
			others[ref] = true
		}
		rate, ok, err := t.Number(row, "sampling_frequency")
		if text, _ := t.Cell(row, "sampling_frequency"); err != nil || ok && math.Abs(rate/info.Rate-1) > sameRate {
			rates[text] = append(rates[text], channel.Name)
		}
		for k, column := range t.Columns {
			if text := t.At(row, k); text != Missing && t.Column(column) == k && !slices.Contains(own, column) {
				rec.Texts = append(rec.Texts, signal.Text{Field: column, Channel: channel.Name, Text: text, Personal: !impersonal(channelColumns, column)})
			}
		}
	}
	for _, text := range sortedKeys(rates) {
		c.deviate(file+": column sampling_frequency", fmt.Sprintf("the rate of the recording, %g Hz", info.Rate), text+" for "+list(rates[text]), "the rate of the recording")
	}
	if !hasEEG(rec) {
		references = others
	}
	if len(references) == 1 {
		info.Reference = sortedKeys(references)[0]
	}
	return c.units(rec, wanted, rows)
}

// hasEEG says whether a group of channels has any of EEG.
func hasEEG(r *signal.Recording) bool {
	return slices.ContainsFunc(r.Info.Channels, func(c signal.Channel) bool { return c.Kind == signal.EEG })
}

// sameRate is by how much rates may differ that are the same, relative to them.
const sameRate = 1e-6

// kind takes over the type of a channel.
func (c *completion) kind(channel *signal.Channel, row int) {
	t := c.in.Channels
	text, ok := t.Cell(row, "type")
	if !ok {
		return
	}
	where := fmt.Sprintf("%s: line %d, column type", c.in.ChannelsFile, t.Line(row))
	kind, standard, known := KindOf(text)
	switch {
	case !known:
		c.deviate(where, "a type of the specification, such as EEG or MISC", fmt.Sprintf("%q for %s", text, channel.Name), fmt.Sprintf("what the recording says: %s", channel.Kind))
		return
	case text != standard:
		c.deviate(where, "types in capitals", fmt.Sprintf("%q for %s", text, channel.Name), standard)
	}
	if kind == channel.Kind {
		return
	}
	if channel.Kind != signal.Misc {
		c.deviate(where, fmt.Sprintf("the type that the recording gives %s: %s", channel.Name, channel.Kind), text, fmt.Sprintf("%s, of the table", kind))
	}
	channel.Kind, channel.Pos = kind, nil
	if electrode(kind) {
		channel.Pos = montage.Place(channel.Name)
	}
}

// electrode says whether channels of a kind have a place on or in the head.
func electrode(kind signal.Kind) bool {
	return kind == signal.EEG || kind == signal.SEEG || kind == signal.ECoG
}

// status takes over whether a channel is good.
func (c *completion) status(channel *signal.Channel, row int) {
	t := c.in.Channels
	text, ok := t.Cell(row, "status")
	if !ok {
		return
	}
	low := strings.ToLower(text)
	if text != "good" && text != "bad" {
		assumed := low
		if low != "good" && low != "bad" {
			assumed = "what the recording says"
		}
		c.deviate(fmt.Sprintf("%s: line %d, column status", c.in.ChannelsFile, t.Line(row)), "good or bad", fmt.Sprintf("%q for %s", text, channel.Name), assumed)
	}
	switch low {
	case "bad":
		channel.Bad = true
	case "good":
		channel.Bad = false
	}
}

// units takes over the units of channels; wanted is one to a channel, "" where the table has none.
func (c *completion) units(rec *signal.Recording, wanted []string, rows []int) error {
	conflicts, err := units.Override(rec, wanted)
	if err != nil {
		return err
	}
	type alike struct {
		from, to, why string
		taken         bool
	}
	channels, lines := map[alike][]string{}, map[alike]int{}
	var order []alike
	for _, conflict := range conflicts {
		a := alike{conflict.From, conflict.To, conflict.Why, conflict.Taken}
		if channels[a] == nil {
			order, lines[a] = append(order, a), c.in.Channels.Line(rows[conflict.Channel])
		}
		channels[a] = append(channels[a], rec.Info.Channels[conflict.Channel].Name)
	}
	for _, a := range order {
		assumed := a.to + ", of the table"
		if !a.taken {
			assumed = "what the recording says: " + a.why
		}
		rule := fmt.Sprintf("the unit in which the recording has its samples, %q", a.from)
		if a.from == "" {
			rule = "a unit also in the recording, which names none"
		}
		c.deviate(fmt.Sprintf("%s: line %d, column units", c.in.ChannelsFile, lines[a]), rule, fmt.Sprintf("%q for %s", a.to, list(channels[a])), assumed)
	}
	return nil
}

// counts compares the numbers of channels in the sidecar with the types in the table.
func (c *completion) counts() {
	t := c.in.Channels
	if t == nil || t.Column("type") < 0 {
		return
	}
	types := map[string]int{}
	for row := range t.Len() {
		text, _ := t.Cell(row, "type")
		types[strings.ToUpper(text)]++
	}
	for _, of := range []struct {
		field string
		types []string
	}{
		{"EEGChannelCount", []string{"EEG"}},
		{"EOGChannelCount", []string{"EOG", "HEOG", "VEOG"}},
		{"ECGChannelCount", []string{"ECG"}},
		{"EMGChannelCount", []string{"EMG"}},
		{"SEEGChannelCount", []string{"SEEG"}},
		{"ECOGChannelCount", []string{"ECOG"}},
		{"TriggerChannelCount", []string{"TRIG"}},
		{"MISCChannelCount", []string{"MISC"}},
		{"MiscChannelCount", []string{"MISC"}}, // as it was spelled before
	} {
		var want float64
		if ok, err := c.in.About.Get(of.field, &want); !ok || err != nil {
			continue
		}
		n := 0
		for _, name := range of.types {
			n += types[name]
		}
		if float64(n) != want {
			c.deviate(c.in.AboutFile+": "+of.field, "the number of channels of that type in "+c.in.ChannelsFile+", "+strconv.Itoa(n), strconv.FormatFloat(want, 'g', -1, 64), "the table")
		}
	}
}
