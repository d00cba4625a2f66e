package brainvision

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

func init() {
	ingest.RegisterWriter(ingest.Writer{Name: "brainvision", Ext: []string{".vhdr"}, Write: Write})
}

// noUnit is how a channel without a unit is written: an empty field means µV.
const noUnit = "n/a"

// Write writes rec as three files, samples multiplexed: in INT_16 where that loses nothing, because the samples of every channel
// are integers times a number (as those of most amplifiers are), otherwise in float32. Each gap is a New Segment with the time at which
// recording went on. It lists what the format cannot hold.
func Write(create ingest.Create, name string, rec *signal.Recording) ([]signal.Deviation, error) {
	if len(rec.Info.Channels) == 0 {
		return nil, fmt.Errorf("brainvision: %s has no channels: there is nothing to write", rec.Name)
	}
	w := &writer{rec: rec, base: strings.TrimSuffix(name, path.Ext(name)), runs: rec.Runs()}
	w.runs = slices.DeleteFunc(slices.Clone(w.runs), func(s signal.Span) bool { return s.Len == 0 })
	if len(w.runs) == 0 {
		return nil, fmt.Errorf("brainvision: %s has no samples: there is nothing to write", rec.Name)
	}
	header, err := create(name) // the first one appears last: it names the others
	if err != nil {
		return nil, err
	}
	if w.steps, err = w.resolutions(); err == nil {
		err = w.samples(create)
	}
	if err != nil {
		return w.losses, errors.Join(err, header.Close())
	}
	if err := w.file(create, ".vmrk", w.markers()); err != nil {
		return w.losses, errors.Join(err, header.Close())
	}
	_, err = io.WriteString(header, w.header())
	if n := len(rec.Others); n > 0 {
		w.lose("channels", "all channels have one rate", fmt.Sprintf("%d groups of channels at other rates", n), "left out: resample them, or write another format")
		w.losses[len(w.losses)-1].Missing = true
	}
	w.losses = append(w.losses, ingest.BadChannels(w.rec)...)
	return w.losses, errors.Join(err, header.Close())
}

type writer struct {
	rec    *signal.Recording
	base   string
	runs   []signal.Span
	points int64
	steps  []float64 // resolutions of INT_16, nil for float32
	losses []signal.Deviation
}

func (w *writer) lose(where, rule, found, written string) {
	w.losses = append(w.losses, signal.Deviation{Where: where, Rule: rule, Found: found, Assumed: written})
}

// file writes a text.
func (w *writer) file(create ingest.Create, ending, text string) error {
	f, err := create(w.base + ending)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}

// samples writes the numbers.
func (w *writer) samples(create ingest.Create) (err error) {
	f, err := create(w.base + ".eeg")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := bufio.NewWriterSize(f, 1<<16)
	var b []byte
	rounded, worst, infinite := 0, 0.0, 0
	for _, run := range w.runs {
		w.points += run.Len
	}
	var failed error
	err = w.blocks(func(c signal.Chunk) bool {
		b = b[:0]
		for t := range c.Len() {
			for ch := range c.X {
				v := c.X[ch][t]
				if w.steps != nil {
					b = binary.LittleEndian.AppendUint16(b, uint16(int16(math.Round(v/w.steps[ch]))))
					continue
				}
				s := float32(v)
				if d := math.Abs(float64(s) - v); d > 0 {
					rounded++
					if math.IsInf(float64(s), 0) {
						infinite++
					} else {
						worst = max(worst, d)
					}
				}
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(s))
			}
		}
		_, failed = out.Write(b)
		return failed == nil
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	if rounded > 0 {
		w.lose("samples", "numbers have 24 bits (float32)", fmt.Sprintf("%d that have more", rounded), fmt.Sprintf("rounded, by %.3g at most in the unit of their channel", worst))
	}
	if infinite > 0 {
		w.lose("samples", "numbers lie within ±3.4e38", fmt.Sprintf("%d that do not", infinite), "infinite")
	}
	return out.Flush()
}

// field is text between commas.
func (w *writer) field(where, text string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, text)
	if clean != text || strings.Contains(text, `\1`) {
		w.lose(where, `has no line ends, nor the sign for a comma, \1`, strconv.Quote(text), "spaces, and a comma")
	}
	return strings.ReplaceAll(clean, ",", `\1`)
}

// interval is the number of microseconds that reads back as the rate.
func (w *writer) interval() string {
	us := 1e6 / w.rec.Info.Rate
	for _, v := range []float64{us, math.Nextafter(us, 0), math.Nextafter(us, math.Inf(1))} {
		if 1e6/v == w.rec.Info.Rate {
			us = v
		}
	}
	if back := 1e6 / us; back != w.rec.Info.Rate {
		w.lose("rate", "is an interval in µs", fmt.Sprintf("%v Hz", w.rec.Info.Rate), fmt.Sprintf("one that reads back as %v Hz", back))
	}
	return strconv.FormatFloat(us, 'f', -1, 64)
}

func (w *writer) header() string {
	var b, places strings.Builder
	var labels, fields, kept []string // kept: lines with the kinds that labels do not tell
	chs := w.rec.Info.Channels
	fmt.Fprintf(&b, "Brain Vision Data Exchange Header File Version 1.0\r\n; written by gyrus\r\n\r\n[Common Infos]\r\nCodepage=UTF-8\r\nDataFile=%s.eeg\r\nMarkerFile=%s.vmrk\r\n", w.base, w.base)
	fmt.Fprintf(&b, "DataFormat=BINARY\r\nDataOrientation=MULTIPLEXED\r\nNumberOfChannels=%d\r\nDataPoints=%d\r\n; Sampling interval in microseconds\r\nSamplingInterval=%s\r\n\r\n", len(chs), w.points, w.interval())
	format, resolution := "IEEE_FLOAT_32", "1"
	if w.steps != nil {
		format = "INT_16"
	}
	b.WriteString("[Binary Infos]\r\nBinaryFormat=" + format + "\r\n\r\n[Channel Infos]\r\n; Ch<number>=<name>,<reference>,<resolution>,<unit>; commas are \\1\r\n")
	seen := map[string]bool{}
	var unread []string    // channels with such a place that are not read as electrodes
	kinds, own := 0, false // own: an electrode lies elsewhere than its name says; others want coordinates of all or of none
	for i, c := range chs {
		label := c.Original
		if label == "" {
			label = c.Name
		}
		if seen[label] { // readers tell channels apart by it
			w.lose("label of "+c.Name, "no other channel has it", label, c.Name+" in its place")
			label = c.Name
		}
		seen[label] = true
		unit := string(c.Unit)
		if c.Unit == signal.NoUnit {
			unit = noUnit
		}
		if w.steps != nil {
			resolution = decimal(w.steps[i])
		}
		labels, fields = append(labels, label), append(fields, unit)
		fmt.Fprintf(&b, "Ch%d=%s,%s,%s,%s\r\n", i+1, w.field("channel "+c.Name, label), w.field("reference", w.rec.Info.Reference), resolution, w.field("unit of "+c.Name, unit))
	}
	for i, e := range montage.Assign(labels) {
		c, k := chs[i], e.Kind
		sensor := ofSensor(units.Parse(fields[i]).Unit)
		switch {
		case sensor && c.Kind != signal.Misc && c.Kind != signal.Trigger:
			k = signal.Misc // as it will be read
			kinds++
		case k != c.Kind:
			k = c.Kind
			kept = append(kept, fmt.Sprintf("%s%d=%s\r\n", kindKey, i+1, k))
		}
		if montage.Measured(c.Name, c.Pos) {
			own = true
			if !electrode(k) {
				unread = append(unread, c.Name)
			}
		}
		at := "0,0,0" // not known
		if c.Pos != nil {
			x, y, z := c.Pos[0], c.Pos[1], c.Pos[2]
			r, flat := math.Sqrt(x*x+y*y+z*z), math.Hypot(x, y)
			g := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
			at = g(r*1000) + "," + g(math.Atan2(flat, z)*180/math.Pi) + "," + g(math.Atan2(y, x)*180/math.Pi)
		}
		fmt.Fprintf(&places, "Ch%d=%s\r\n", i+1, at)
	}
	if kinds > 0 {
		w.lose(ingest.ChannelKinds, "is misc where the unit is that of another quantity", fmt.Sprintf("%d channels of another kind", kinds), "without it")
	}
	if n := len(unread); n > 0 {
		w.lose("channels", "a place is that of an electrode", fmt.Sprintf("%d with measured positions that are read as other channels, such as %q", n, unread[0]), "their positions are in the header, where other programs may read them")
	}
	if own {
		b.WriteString("\r\n[Coordinates]\r\n; Ch<number>=<radius in mm>,<theta>,<phi>\r\n" + places.String())
	}
	w.words(&b, kept)
	return b.String()
}

// words are what the header of the source says in words: a comment as one, all others as entries of the section that is free for users,
// below the kinds of channels. Programs look for the words "[Comment]", which stand in no entry.
func (w *writer) words(b *strings.Builder, kinds []string) {
	rec, comment := *w.rec, ""
	if i := slices.IndexFunc(rec.Texts, isComment); i >= 0 {
		comment = rec.Texts[i].Text
		rec.Texts = slices.Delete(slices.Clone(rec.Texts), i, i+1)
	}
	lines, losses := ingest.EncodeTexts(&rec)
	w.losses = append(w.losses, losses...)
	if len(kinds)+len(lines) > 0 {
		b.WriteString("\r\n[User Infos]\r\n")
	}
	if len(kinds) > 0 {
		b.WriteString("; " + kindKey + "<number of the channel>=<what it measures, where its name does not tell>\r\n" + strings.Join(kinds, ""))
	}
	if len(lines) > 0 {
		b.WriteString("; " + textKey + "<number>=<text of the header of the source, as JSON>\r\n")
	}
	for i, line := range lines {
		fmt.Fprintf(b, "%s%d=%s\r\n", textKey, i+1, strings.ReplaceAll(line, "[", `\u005b`))
	}
	if comment != "" {
		b.WriteString("\r\n[Comment]\r\n" + comment + "\r\n")
	}
}

// isComment says whether a text is a comment that is read again as it is written.
func isComment(t signal.Text) bool {
	var again signal.Recording
	again.AddPersonal(commentField, t.Text)
	return slices.Equal(again.Texts, []signal.Text{t}) && utf8.ValidString(t.Text) && len(t.Text) < commentBytes-2 && !strings.ContainsAny(t.Text, "\x00[")
}

// numbers are those of the channels of an event, from 1, and 0 of all; known are the channels that have one.
func (w *writer) numbers(of signal.Channels) (numbers []int, known signal.Channels) {
	var names []string
	for _, name := range of.Names() {
		if i := w.rec.Info.Index(name); i >= 0 {
			numbers, names = append(numbers, i+1), append(names, name)
		}
	}
	if len(names) == 0 {
		return []int{0}, known
	}
	slices.Sort(numbers)
	return numbers, signal.ChannelsOf(names...)
}

// markers are the gaps and the events, one of several channels as a marker for each.
func (w *writer) markers() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Brain Vision Data Exchange Marker File, Version 1.0\r\n; written by gyrus\r\n\r\n[Common Infos]\r\nCodepage=UTF-8\r\nDataFile=%s.eeg\r\n\r\n[Marker Infos]\r\n; Mk<number>=<type>,<description>,<position in data points>,<size in data points>,<channel, 0 for all>,<date>\r\n", w.base)
	rate, n := w.rec.Info.Rate, 0
	mark := func(typ, description string, position, size int64, channel int, date string) {
		n++
		fmt.Fprintf(&b, "Mk%d=%s,%s,%d,%d,%d%s\r\n", n, w.field("events", typ), w.field("events", description), position+1, size, channel, date)
	}
	stamp := func(run signal.Span) string {
		if w.rec.Begin.IsZero() {
			return ""
		}
		t := w.rec.Begin.Add(time.Duration(math.Round(float64(run.Start) / rate * 1e9))).UTC().Round(time.Microsecond)
		return "," + t.Format("20060102150405") + fmt.Sprintf("%06d", t.Nanosecond()/1000)
	}
	if first := w.runs[0].Start; first > 0 {
		w.lose("begin", "the first sample is number 0", fmt.Sprintf("a gap of %d samples in front", first), "without it: the first sample is number 0, and the begin is later by it")
	}
	if w.rec.Begin.Nanosecond()%1000 != 0 {
		w.lose("begin", "is to the microsecond", w.rec.Begin.Format(time.RFC3339Nano), "rounded")
	}
	if long := slices.ContainsFunc(w.rec.Gaps(), func(g signal.Span) bool { return g.Start > 0 && g.Len > 1 }); long && w.rec.Begin.IsZero() {
		w.lose("gaps", "are as long as the times of their ends say", "a recording whose begin is not known", "they read back as one sample long")
	}
	for i, run := range w.runs[min(1, len(w.runs)):] {
		if days := float64(run.Start-w.runs[i].Start) / rate / 86400; days > impossible.Hours()/24 {
			w.lose("gaps", "segments begin within 366 days of the one before", fmt.Sprintf("%.0f days", days), "it reads back as one sample long")
		}
	}
	from := int64(0)
	place := make([]int64, len(w.runs)) // of the first sample of each run in the file
	for i, run := range w.runs {
		mark(newSegment, "", from, 1, 0, stamp(run))
		place[i], from = from, from+run.Len
	}
	moved, early, fraction, skips, elsewhere := 0, 0, 0, 0, 0
	var events, single []signal.Event // with their places in the file
	for _, e := range w.rec.Events {
		i := max(0, len(w.runs)-1)
		for i > 0 && w.runs[i].Start > e.Sample {
			i--
		}
		run := w.runs[i]
		k, size := place[i]+e.Sample-run.Start, math.Round(e.Duration*rate)
		if i+1 < len(w.runs) && e.Sample >= run.End() { // within a gap
			k, size = place[i+1], max(0, size-float64(w.runs[i+1].Start-e.Sample))
			moved++
		}
		typ, description, found := strings.Cut(e.Label, "/")
		if !found || typ == "" {
			typ, description = "", e.Label
		}
		if typ == newSegment && description == "" {
			if e.Sample == run.Start && i > 0 {
				continue // as every gap has one
			}
			typ, description = "", e.Label
		}
		if k < 0 { // positions count from 1
			size, k = max(0, size+float64(k)), 0
			early++
		}
		if size > 0 && isSkip([]byte(e.Label)) && e.Channels.IsZero() {
			skips++
		}
		if whole := math.Round(e.Duration * rate); math.Abs(whole/rate-e.Duration) > 1e-9 || math.Abs(float64(e.Sample)/rate-e.Onset) > 1e-9 {
			fraction++
		}
		numbers, known := w.numbers(e.Channels)
		if known.Len() < e.Channels.Len() {
			elsewhere++
		}
		placed := signal.Event{Sample: k, Duration: size, Label: e.Label, Channels: known}
		events = append(events, placed)
		for _, n := range numbers {
			mark(typ, description, k, int64(size), n, "")
			if n > 0 {
				placed.Channels = signal.ChannelsOf(w.rec.Info.Channels[n-1].Name)
			}
			single = append(single, placed)
		}
	}
	if elsewhere > 0 {
		w.lose("events", "a channel of an event is one of the recording", fmt.Sprintf("%d of %d events with others", elsewhere, len(w.rec.Events)), "of those that are, or of all channels where none is")
	}
	if n := signal.JoinedOtherwise(events, single); n > 0 {
		w.lose("events", "markers that differ in the channel alone are one event", fmt.Sprintf("%d of %d events that do", n, len(w.rec.Events)), "read as one of all these channels")
	}
	if skips > 0 {
		w.lose("samples", fmt.Sprintf("samples under %q were not measured", signal.SkipLabel), fmt.Sprintf("%d of %d events are called so", skips, len(w.rec.Events)), "read as gaps")
	}
	if moved > 0 {
		w.lose("events", "stand at a sample", fmt.Sprintf("%d within gaps", moved), "at the first sample behind them; those that last until behind it end where they did")
	}
	if early > 0 {
		w.lose("events", "stand at a sample", fmt.Sprintf("%d before the first", early), "at the first sample; those that last until behind it end where they did")
	}
	if fraction > 0 {
		w.lose("events", "begin at and last whole samples", fmt.Sprintf("%d that do not", fraction), "rounded")
	}
	return b.String()
}
