package edf

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

func init() {
	for _, v := range []*variant{edf16, bdf24} {
		ingest.RegisterWriter(ingest.Writer{Name: strings.ToLower(v.name) + "+", Ext: []string{"." + strings.ToLower(v.name)}, Write: v.write})
	}
}

// output is a file that is being made.
type output struct {
	v      *variant
	rec    *signal.Recording
	groups []*outGroup
	lay    layout
	shift  float64 // s from sample 0 of the recording to the first data record
	start  time.Time
	first  string   // the onset of the first record, a fraction of a second
	notes  [][]byte // the annotation lists of each record
	room   int64    // samples of the annotation signal in each record
	losses []signal.Deviation
	labels map[string]string // of the channels, by their names
}

// outGroup is channels of one rate.
type outGroup struct {
	rec     *signal.Recording
	chans   []outChannel
	longest int64 // samples of a run without a gap, at most
	padded  int64 // samples that were put where the recording has none
}

// write writes EDF+ or BDF+: continuous, or discontinuous where the recording has gaps. Channels whose samples were
// integers that fit are written with the same integers; others are scaled to the full range of integers, which is a loss
// that is listed with its largest error.
func (v *variant) write(create ingest.Create, name string, rec *signal.Recording) ([]signal.Deviation, error) {
	o := &output{v: v, rec: rec}
	for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
		if len(r.Info.Channels) > 0 {
			g := &outGroup{rec: r}
			for _, run := range r.Runs() {
				g.longest = max(g.longest, run.Len)
			}
			o.groups = append(o.groups, g)
		}
	}
	if err := o.prepare(); err != nil {
		return nil, fmt.Errorf("%s+: %s: %w", strings.ToLower(v.name), rec.Name, err)
	}
	w, err := create(name)
	if err != nil {
		return o.losses, err
	}
	buf := bufio.NewWriterSize(w, blockBytes)
	err = o.writeHeader(buf)
	if err == nil {
		err = o.writeData(buf)
	}
	if err == nil {
		err = buf.Flush()
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return o.losses, err
	}
	o.listSamples()
	return o.losses, nil
}

func (o *output) lose(where, rule, found, assumed string) {
	o.losses = append(o.losses, signal.Deviation{Where: where, Rule: rule, Found: found, Assumed: assumed})
}

// lack lists what is left out.
func (o *output) lack(where, rule, found string) {
	o.losses = append(o.losses, signal.Deviation{Where: where, Rule: rule, Found: found, Assumed: "left out", Missing: true})
}

// prepare decides all that the header says.
func (o *output) prepare() error {
	if err := o.plan(); err != nil {
		return err
	}
	o.lay.list(o)
	for _, g := range o.groups {
		if err := o.scale(g); err != nil {
			return err
		}
	}
	o.label()
	o.places()
	o.losses = append(o.losses, ingest.ReferenceLosses(o.rec, "has no field for it, but a word in the labels of signals")...)
	o.losses = append(o.losses, ingest.BadChannels(o.rec)...)
	o.words()
	o.clock()
	return o.annotate()
}

// places lists electrodes that lie elsewhere than their names say, which is all that the format has of them.
func (o *output) places() {
	var names []string
	for _, r := range append([]*signal.Recording{o.rec}, o.rec.Others...) {
		for _, c := range r.Info.Channels {
			if montage.Measured(c.Name, c.Pos) {
				names = append(names, c.Name)
			}
		}
	}
	if len(names) > 0 {
		o.lose("channels", "an electrode lies where its name says", fmt.Sprintf("%d that were placed otherwise, such as %q", len(names), names[0]), "their positions are left out")
	}
}

// clock splits the begin into the whole seconds of the header and the onset of the first record.
func (o *output) clock() {
	o.first = "0"
	if o.shift != 0 {
		o.lose("begin", "time counts from the first data record", fmt.Sprintf("the first sample of any channel is at %g s", o.shift), "counted from there")
	}
	if o.rec.Begin.IsZero() {
		return
	}
	begin := o.rec.Begin.UTC().Add(time.Duration(o.shift * 1e9))
	if year := begin.Year(); year < 1985 || year > 2084 {
		o.lose("begin", "is from 1985 to 2084", begin.Format(time.DateOnly), "unknown")
		return
	}
	o.start = begin.Truncate(time.Second)
	if ns := begin.Nanosecond(); ns != 0 {
		o.first = "0." + strings.TrimRight(fmt.Sprintf("%09d", ns), "0")
	}
}

// label names the signals so that they are read with the same kinds again, and with the same names where these fit.
func (o *output) label() {
	var all []*outChannel
	var labels []string
	for _, g := range o.groups {
		for i := range g.chans {
			c := &g.chans[i]
			all = append(all, c)
			label := c.Original
			if label == "" {
				label = c.Name
			}
			if text, ok := ascii(label, labelWidth); ok && strings.TrimSpace(text) != "" && text != o.v.annotations {
				label = text
			} else if text, ok := ascii(c.Name, labelWidth); ok && text != o.v.annotations {
				label = text
			} else {
				label = shortened("", label)
				if label == "" || label == o.v.annotations {
					label = fmt.Sprintf("signal %d", len(all))
				}
				label = differing(label, labels)
			}
			labels = append(labels, label)
		}
	}
	for i, e := range montage.Assign(labels) {
		// Several come to one name: the names tell them apart, unless they do not tell what the channels are.
		if text, ok := ascii(all[i].Name, labelWidth); e.Note != "" && ok && montage.Assign([]string{text})[0].Kind == all[i].Kind {
			labels[i] = text
		}
	}
	// What a channel is comes before its name, where a label can tell it.
	plain := slices.Clone(labels)
	retype(all, labels, func(i int) string { return typed(all[i], all[i].Name) })
	retype(all, labels, func(i int) string { return plain[i] }) // in vain: "EEG E1" to "EEG E128" are taken for inputs of an amplifier too
	entries := montage.Assign(labels)
	for i, e := range entries {
		c := all[i]
		c.label = labels[i]
		if o.v == bdf24 && strings.EqualFold(c.label, "Status") && !strings.HasPrefix(o.rec.Format, o.v.name) {
			o.lose("channel "+strconv.Quote(c.Name), "changes of the channel Status are events", "such a channel, whose changes were none", "its changes are read as events, beside the others")
		}
		switch {
		case e.Name != c.Name:
			o.lose("channel "+strconv.Quote(c.Name), "a label has 16 printable ASCII characters and tells what the channel is", fmt.Sprintf("the label %q", c.Original), fmt.Sprintf("written as %q, which is read as %q", c.label, e.Name))
		case e.Kind != c.Kind:
			o.lose("channel "+strconv.Quote(c.Name), "the label is all that says what a channel measures", fmt.Sprintf("%q, which is not known as %s", c.label, c.Kind), "read as "+string(e.Kind))
		}
	}
	var sizes []groupSize
	for _, g := range o.groups {
		size := groupSize{all: len(g.chans)}
		for _, e := range entries[:size.all] {
			if e.Kind == signal.EEG {
				size.eeg++
			}
		}
		sizes, entries = append(sizes, size), entries[size.all:]
	}
	if len(sizes) > 0 {
		o.losses = append(o.losses, ingest.MainLoss(o.rec, o.groups[mainGroup(sizes)].rec, "the channels of one rate of which the labels call most EEG are the main ones")...)
	}
}

// labelWidth is how many characters a label has.
const labelWidth = 16

// retype gives other labels to the channels that would be read as others than they are. EEG and the like without a unit of voltage, which the
// format wants for them, are not called so.
func retype(all []*outChannel, labels []string, other func(i int) string) {
	for i, e := range montage.Assign(labels) {
		if c := all[i]; e.Kind != c.Kind && (!voltage(c.Kind) || units.Parse(string(c.Unit)).Voltage) {
			labels[i] = ""
			labels[i] = differing(other(i), labels)
		}
	}
}

// typed is a label with what the channel is in front, as EDF+ has it.
func typed(c *outChannel, name string) string {
	front := strings.ToUpper(string(c.Kind)) + " "
	if before, after, _ := strings.Cut(name, " "); strings.EqualFold(before+" ", front) {
		name = after
	}
	return shortened(front, name)
}

// shortened is front and a label, in as many characters as there are. What is too long keeps its last word, which mostly has the number, and
// as much as fits of what is in front of that.
func shortened(front, label string) string {
	width := labelWidth - len(front)
	text, _ := ascii(strings.TrimSpace(label), len(label))
	if len(text) > width {
		last := text[max(strings.LastIndexByte(text, ' '), len(text)-width/2):]
		text = strings.TrimRight(text[:width-len(last)], " ") + last
	}
	return front + text
}

// differing is label, with a number in place of its end where it is among those in use.
func differing(label string, inUse []string) string {
	for n, first := 2, label; slices.Contains(inUse, label); n++ {
		number := "-" + strconv.Itoa(n)
		label = first[:min(len(first), labelWidth-len(number))] + number
	}
	return label
}

// text is what the recording says in the field called field about the channel called name.
func (o *output) text(field, name string) string {
	for _, r := range append([]*signal.Recording{o.rec}, o.rec.Others...) {
		for _, t := range r.Texts {
			if t.Field == field && t.Channel == name {
				return t.Text
			}
		}
	}
	return ""
}

// words lists texts of the header that have no field.
func (o *output) words() {
	channels, lost, n := map[string]bool{}, []string{}, 0
	recs := append([]*signal.Recording{o.rec}, o.rec.Others...)
	for _, r := range recs {
		for _, c := range r.Info.Channels {
			channels[c.Name] = true
		}
	}
	for _, r := range recs {
		for _, t := range r.Texts {
			switch t.Field {
			case patientField, recordingField:
				if t.Channel == "" {
					continue
				}
			case transducerField, prefilterField:
				if channels[t.Channel] {
					continue
				}
			}
			if n++; !slices.Contains(lost, t.Field) {
				lost = append(lost, t.Field)
			}
		}
	}
	if n == 0 {
		return
	}
	const shown = 10
	text := strings.Join(lost[:min(len(lost), shown)], ", ")
	if more := len(lost) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more fields", more)
	}
	o.lose(ingest.HeaderTexts, "has fields for the patient, the recording, the transducer and the filters of each signal", fmt.Sprintf("%d others: %s", n, text), "left out")
}

// fields are what the header says about persons: the EDF+ subfields, each of them X where unknown.
func (o *output) fields() (patient, recording string) {
	patient = o.text(patientField, "")
	if !strings.Contains(o.rec.Format, "+") && !inSubfields(patient) || len(strings.Fields(patient)) < 4 {
		patient = strings.TrimSpace("X X X " + underscored(patient))
		if patient == "X X X" {
			patient += " X"
		}
	} else {
		patient = subfields(patient)
	}
	date := "X"
	if !o.start.IsZero() {
		date = strings.ToUpper(o.start.Format(subfieldDate))
	}
	rest := "X X X"
	if text := o.text(recordingField, ""); text != "" {
		if words := strings.Fields(text); words[0] == "Startdate" && len(words) > 1 {
			rest = strings.Join(words[2:], " ")
			for n := len(words); n < 5; n++ {
				rest = strings.TrimSpace(rest + " X")
			}
		} else {
			rest = "X X X " + underscored(text)
		}
	}
	return patient, "Startdate " + date + " " + rest
}

// underscored puts words together as the subfields of EDF+ have them.
func underscored(s string) string { return strings.Join(strings.Fields(s), "_") }

// writeHeader writes all fields.
func (o *output) writeHeader(w io.Writer) error {
	var b strings.Builder
	put := func(width int, what, text string) {
		short, ok := ascii(text, width)
		if !ok {
			o.lose(what, fmt.Sprintf("%d printable ASCII characters", width), strconv.Quote(text), fmt.Sprintf("written as %q", short))
		}
		b.WriteString(short + strings.Repeat(" ", width-len(short)))
	}
	patient, about := o.fields()
	b.WriteString(string(o.v.version))
	put(80, patientField, patient)
	put(80, recordingField, about)
	date, clock := "01.01.85", "00.00.00" // what EDF+ prescribes for an unknown date
	if !o.start.IsZero() {
		date, clock = o.start.Format("02.01.06"), o.start.Format("15.04.05")
	}
	b.WriteString(date + clock)
	var chans []*outChannel
	for _, g := range o.groups {
		for i := range g.chans {
			chans = append(chans, &g.chans[i])
		}
	}
	n := len(chans) + 1
	if n > 9999 {
		return fmt.Errorf("%s+: %d channels, at most 9998 fit into the header", strings.ToLower(o.v.name), n-1)
	}
	put(8, "number of bytes in header record", strconv.Itoa(fixedBytes*(n+1)))
	kind := "C"
	if len(o.lay.segments) > 1 {
		kind = "D"
	}
	put(44, "reserved", o.v.name+"+"+kind)
	put(8, recordsField, strconv.FormatInt(o.lay.records(), 10))
	put(8, "duration of a data record", o.lay.durationText)
	put(4, "number of signals", strconv.Itoa(n))
	notes := &outChannel{label: o.v.annotations, perRecord: o.room}
	notes.stored = signal.Stored{DigMin: o.v.min, DigMax: o.v.max, PhysMin: -1, PhysMax: 1}
	chans = append(chans, notes)
	for k, f := range signalFields {
		for _, c := range chans {
			put(int(f.width), fmt.Sprintf("channel %q: %s", c.Name, f.name), [...]func() string{
				func() string { return c.label },
				func() string { return o.text(transducerField, c.Name) },
				func() string { return c.unit },
				func() string { return number8(c.stored.PhysMin) },
				func() string { return number8(c.stored.PhysMax) },
				func() string { return strconv.FormatInt(c.stored.DigMin, 10) },
				func() string { return strconv.FormatInt(c.stored.DigMax, 10) },
				func() string { return o.text(prefilterField, c.Name) },
				func() string { return strconv.FormatInt(c.perRecord, 10) },
				func() string { return "" },
			}[k]())
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// listSamples lists what became of the samples.
func (o *output) listSamples() {
	for _, g := range o.groups {
		if g.padded > 0 {
			o.lose(fmt.Sprintf("samples at %g Hz", g.rec.Info.Rate), "the data come in whole records of "+o.lay.durationText+" s",
				fmt.Sprintf("%d samples are missing to fill the records", g.padded), fmt.Sprintf("the last sample before, or 0, again and again, under annotations %q", filledText))
		}
		for i := range g.chans {
			c := &g.chans[i]
			where := fmt.Sprintf("channel %q: samples", c.Name)
			if c.lost > 0 {
				o.lose(where, "every sample is a number", fmt.Sprintf("%d are not finite", c.lost), "the number nearest to 0")
			}
			if c.inexact > 0 {
				step := (c.stored.PhysMax - c.stored.PhysMin) / float64(c.stored.DigMax-c.stored.DigMin)
				o.lose(where, fmt.Sprintf("integers of %d bits", 8*o.v.bytes), fmt.Sprintf("%d that lie between two of them", c.inexact),
					fmt.Sprintf("rounded to steps of %.4g %s, wrong by %.3g %s at most", step, c.unit, c.worst, c.Unit))
			}
		}
	}
}

// ascii is s in at most width printable ASCII characters; ok says that nothing was lost. µ is written u.
func ascii(s string, width int) (text string, ok bool) {
	ok = true
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == 'µ' || r == 'μ':
			b.WriteByte('u')
		case r < ' ' || r > '~':
			ok = false
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	text = b.String()
	if len(text) > width {
		text, ok = text[:width], false
	}
	return strings.TrimRight(text, " "), ok
}
