package bids

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// formats are the writers of formats that BIDS allows for EEG (BIDS 1.10, "Electroencephalography: EEG recording data"), the
// smaller files first.
var formats = []string{"edf+", "bdf+", "brainvision"}

// Formats lists what Options.Format may be.
func Formats() []string { return slices.Clone(formats) }

// data is the file with the samples of a recording, as the sidecars describe it.
type data struct {
	format, ext string
	copied      bool
	channels    []dataChannel // in the order of the file
	rate        float64
	first       float64 // s from sample 0 of the recording to the first sample of the file
	seconds     float64 // from the first sample to behind the last
	whole       bool    // there is no gap
	references  bool    // groups of channels have other references than EEGReference is read as
	lay         laid    // samples of the recording as they lie in the file
	losses      []signal.Deviation
	texts       []signal.Deviation // losses of texts of the header
	moved       []signal.Deviation // losses of the table of events by gaps, which are listed with the table
}

// dataChannel is a channel as it is in the file.
type dataChannel struct {
	signal.Channel
	label string // in the file
	unit  string // in the file
	rate  float64
	ref   string // of its group
}

// data copies or writes the file with the samples.
func (w *treeWriter) data(it Item, rec *signal.Recording) (*data, error) {
	if it.Copy != "" && w.opt.Format == "" {
		if d, err := w.copied(it, rec); d != nil || err != nil {
			return d, err
		}
	}
	names := formats
	if w.opt.Format != "" {
		names = []string{w.opt.Format}
	}
	var best *data
	var kept atomicfile.Set
	for _, name := range names {
		var set atomicfile.Set
		d, err := w.as(name, &set, it, rec)
		if err != nil {
			return nil, errors.Join(err, set.Discard(), kept.Discard())
		}
		drop := &set
		if best == nil || slices.Compare(d.cost(), best.cost()) < 0 {
			best, drop = d, &kept
		}
		if err := drop.Discard(); err != nil {
			return nil, errors.Join(err, set.Discard(), kept.Discard())
		}
		kept.Join(&set)
		if len(best.losses) == 0 {
			break
		}
	}
	w.set.Join(&kept)
	best.losses = append(best.losses, best.texts...)
	return best, nil
}

// heavyLoss is a kind of loss, by the beginnings of what is said of it.
type heavyLoss struct {
	where, rule string
	weight      int
}

// heavy are losses that change what was measured or when, and what they weigh against each
// other: a gap or a sample that is not there, or a rate or the place of an event that is not quite the same, against a record that is filled up,
// which the file says, and an event that lasts over a gap.
var heavy = []heavyLoss{
	{where: "channels", weight: 10},
	{where: "gaps", weight: 10},
	{where: "channel", rule: "every sample is a number", weight: 10},
	{where: "samples at", weight: 1},
	{where: "sampling rate", weight: 3},
	{where: "rate", weight: 3},
	{where: "samples", rule: "samples under", weight: 10},
	{where: "events", rule: atSample, weight: 3},
	{where: "events", rule: endsWithin, weight: 1},
}

// cost tells which of two formats loses less: what is missing comes first, such as channels, then what is changed, then how finely samples
// are rounded, and then texts.
func (d *data) cost() []int {
	missing, changed, rounding, texts := 0, 0, 0, len(d.texts)
	for _, l := range slices.Concat(d.losses, d.moved) {
		if l.Missing {
			missing++
			continue
		}
		k := slices.IndexFunc(heavy, func(h heavyLoss) bool {
			return strings.HasPrefix(l.Where, h.where) && strings.HasPrefix(l.Rule, h.rule)
		})
		switch {
		case k >= 0:
			changed += heavy[k].weight
		case strings.HasSuffix(l.Where, "samples"):
			rounding = len(formats) - slices.Index(formats, d.format) // of which later ones round less
		default:
			texts++
		}
	}
	return []int{missing, changed, rounding, texts}
}

// first is when the first sample of any channel was measured, in seconds from sample 0 of rec, by the runs of its groups.
func first(rec *signal.Recording, runs func(*signal.Recording) []signal.Span) float64 {
	at, ok := rec.Lead(runs)
	if !ok {
		return 0
	}
	return at
}

// seconds is how long r is from sample 0 to the end of its last run.
func seconds(r *signal.Recording, runs []signal.Span) float64 {
	end := r.Len
	if n := len(runs); n > 0 {
		end = max(end, runs[n-1].End())
	}
	return float64(end) / r.Info.Rate
}

// groups are the channels of each rate.
func groups(rec *signal.Recording) []*signal.Recording {
	return slices.DeleteFunc(append([]*signal.Recording{rec}, rec.Others...), func(r *signal.Recording) bool { return len(r.Info.Channels) == 0 })
}

// describe fills in what follows from the recording, of which the file has the units given by their labels.
func (d *data) describe(rec *signal.Recording, labels []string, units map[string]string) {
	runs := (*signal.Recording).Runs
	if d.copied { // with what fills the file
		runs = (*signal.Recording).FileRuns
	}
	d.first, d.rate, d.whole, d.lay = first(rec, runs), rec.Info.Rate, true, lay(runs(rec), rec.Info.Rate)
	for _, r := range groups(rec) {
		ref := r.Info.Reference
		d.references = d.references || len(rec.Others) > 0 && (hasEEG(r) && ref != rec.Info.Reference || !hasEEG(r) && ref != "")
		for _, c := range r.Info.Channels {
			label := labels[len(d.channels)]
			ch := dataChannel{Channel: c, label: label, unit: string(c.Unit), rate: r.Info.Rate, ref: ref}
			if unit, known := units[label]; known {
				ch.unit = unit
			}
			d.channels = append(d.channels, ch)
		}
		d.seconds = max(d.seconds, seconds(r, runs(r))-d.first)
		d.whole = d.whole && len(runs(r)) <= 1
	}
}

// endToEnd says whether the events are written with the time of the samples laid end to end, as programs read the file.
func (d *data) endToEnd() bool {
	n, _ := d.lay.gaps()
	return n > 0 && (d.ext == ".vhdr" || d.ext == ".set")
}

// sourceUnits are the units that a file says that its samples have, by the labels of the channels.
func sourceUnits(rec *signal.Recording) map[string]string {
	all := map[string]string{}
	for _, r := range groups(rec) {
		if s, ok := r.Data.(signal.UnitReader); ok {
			for i, unit := range s.SourceUnits() {
				if unit != "" {
					all[r.Info.Channels[i].Original] = unit
				}
			}
		}
	}
	return all
}

// as writes rec in the format called name.
func (w *treeWriter) as(name string, set *atomicfile.Set, it Item, rec *signal.Recording) (*data, error) {
	writer, err := ingest.WriterFor(name, "")
	if err != nil {
		return nil, err
	}
	edf := strings.HasSuffix(name, "df+")
	d := &data{format: writer.Name, ext: writer.Ext[0]}
	whole := rec
	if !edf { // of which the writer lists that it leaves the others out
		main := *rec
		main.Others = nil
		if it.Anonymous != nil { // nobody has looked at their values; what may be said stands in the sidecars
			main.Texts = nil
		}
		rec = &main
	}
	labels, losses := labelsFor(slices.Concat(channelsOf(rec)...), edf)
	part := w.labelled(rec, labels)
	d.describe(rec, labels, nil)
	d.besides(w, it, rec, part)
	part.Others = append(part.Others, whole.Others[len(rec.Others):]...)
	base := it.Name.File("eeg", d.ext)
	var made []string // paths that the files have until they are complete
	found, err := writer.Write(func(name string) (io.WriteCloser, error) {
		f, err := w.create(set, filepath.Join(filepath.Dir(w.in(base)), name))
		if err != nil {
			return nil, err
		}
		made = append(made, f.path)
		return f, nil
	}, base.String(), part)
	if err != nil {
		return nil, err
	}
	if edf {
		if err := d.reread(made[0], rec.Info.Rate); err != nil {
			return nil, err
		}
	}
	d.moved = d.gapLosses(part.Events)
	for _, l := range append(losses, found...) {
		switch l.Where {
		case "events", ingest.Reference, ingest.ChannelKinds: // which tables and the sidecar hold, but for what events.tsv has no place for in gaps
		case ingest.HeaderTexts: // no reason for another format: samples are what matters
			d.texts = append(d.texts, l)
		default:
			d.losses = append(d.losses, l)
		}
	}
	return d, nil
}

// besides takes out of part, which is rec as it is written, the texts that the sidecars of a tree say and that those beside the file will say
// again, or that are listed as left out of these: they are no texts of its header.
func (d *data) besides(w *treeWriter, it Item, rec, part *signal.Recording) {
	probe := completion{rec: &signal.Recording{}}
	probe.texts(it.whole.About)
	again := map[signal.Text]bool{}
	for _, t := range probe.rec.Texts {
		again[t] = true
	}
	table := d.channelTable(rec, it.whole.Channels)
	for i, c := range d.channels {
		for k, column := range table.Columns {
			for _, personal := range []bool{false, true} {
				again[signal.Text{Field: column, Channel: c.Name, Text: table.At(i, k), Personal: personal}] = true
			}
		}
	}
	for _, c := range it.Participant {
		again[signal.Text{Field: ParticipantsFile + ": " + c[0], Text: c[1], Personal: true}] = w.opt.Derivative == "" // which has no such table
	}
	said := func(t signal.Text) bool {
		return again[t] || t.Channel == "" && (it.whole.Electrodes != nil && t.Field == it.whole.ElectrodesFile || it.whole.Events != nil && t.Field == it.whole.EventsFile+onsetColumn)
	}
	for _, r := range append([]*signal.Recording{part}, part.Others...) {
		r.Texts = slices.DeleteFunc(slices.Clone(r.Texts), said)
	}
}

// reread takes units, rates and length from the file that has been written, which may have units of its source, a rate that
// its header can hold, and a last record that is filled up.
func (d *data) reread(file string, rate float64) (err error) {
	rec, err := ingest.Open(os.DirFS(filepath.Dir(file)), filepath.Base(file))
	if err != nil {
		return fmt.Errorf("reading what was written: %w", err)
	}
	defer func() { err = errors.Join(err, rec.Close()) }()
	rates, units := map[string]float64{}, sourceUnits(rec)
	d.seconds, d.rate = 0, rec.Info.Rate
	if runs, own := slices.Clone(rec.FileRuns()), rec.Runs(); rate == d.rate && len(own) > 0 && len(d.lay.runs) > 0 { // where records are filled up there are more samples
		by := d.lay.runs[0].Start - own[0].Start
		for i := range runs {
			runs[i].Start += by
		}
		d.lay = lay(runs, rate)
	}
	for _, r := range groups(rec) {
		for _, c := range r.Info.Channels {
			rates[c.Original] = r.Info.Rate
		}
		d.seconds = max(d.seconds, seconds(r, r.FileRuns()))
	}
	for i := range d.channels {
		c := &d.channels[i]
		rate, ok := rates[c.label]
		if !ok {
			return fmt.Errorf("the channel %q was written under another label: the file has %d channels of %d", c.label, len(rates), len(d.channels))
		}
		c.rate = rate
		if unit := units[c.label]; unit != "" {
			c.unit = unit
		}
	}
	return nil
}

func channelsOf(rec *signal.Recording) (all [][]signal.Channel) {
	for _, r := range groups(rec) {
		all = append(all, r.Info.Channels)
	}
	return all
}

// labelled is rec as it goes to a writer of files: with these labels, with kinds that follow from them (channels.tsv says the
// true ones), and with samples that end with the context.
func (w *treeWriter) labelled(rec *signal.Recording, labels []string) *signal.Recording {
	kinds := montage.Assign(labels)
	at := 0
	one := func(r *signal.Recording) *signal.Recording {
		out, info := *r, *r.Info
		info.Channels = slices.Clone(r.Info.Channels)
		for i := range info.Channels {
			c := &info.Channels[i]
			c.Original, c.Kind, c.Bad, c.Pos = labels[at], kinds[at].Kind, false, nil // states and places are in tables
			at++
		}
		out.Info, out.Others, out.Data = &info, nil, endsWith(w.ctx, r.Data)
		return &out
	}
	out := one(rec)
	out.Events, _ = ingest.Onsets(rec) // eventTable lists what that loses
	for _, r := range rec.Others {
		out.Others = append(out.Others, one(r))
	}
	return out
}

// until is samples that cannot be read any more once the context is done.
type until struct {
	signal.SampleReader
	ctx context.Context //nolint:containedctx // as in treeWriter
}

// ReadSamples reads unless the context is done.
func (u until) ReadSamples(dst [][]float64, start int64) error {
	if err := context.Cause(u.ctx); err != nil {
		return err
	}
	return u.SampleReader.ReadSamples(dst, start)
}

// untilStored is until over integers.
type untilStored struct {
	until
	of signal.StoredReader
}

// Stored is that of the source.
func (u untilStored) Stored() []signal.Stored { return u.of.Stored() }

func endsWith(ctx context.Context, r signal.SampleReader) signal.SampleReader {
	if s, ok := r.(signal.StoredReader); ok {
		return untilStored{until{r, ctx}, s}
	}
	return until{r, ctx}
}

const edfLabel = 16 // characters

// labelsFor chooses a label for each channel that the file can hold as it is, that no other channel has, and that is read
// back as the same name where that can be: the one of the source, else the name, else what can be written of it.
func labelsFor(chans []signal.Channel, edf bool) (labels []string, losses []signal.Deviation) {
	used := map[string]bool{}
	good := func(s string) bool {
		cell, same := line(s)
		if !same || cell == "" || used[s] {
			return false
		}
		if strings.HasSuffix(s, "DF Annotations") || edf && (len(s) > edfLabel || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })) {
			return false
		}
		return true
	}
	take := func(s string) string {
		used[s] = true
		return s
	}
	for i, c := range chans {
		switch {
		case good(c.Original):
			labels = append(labels, take(c.Original))
		case good(c.Name):
			labels = append(labels, take(c.Name))
		default:
			labels = append(labels, take(spelt(c.Name, i, edf, good)))
		}
	}
	for i, e := range montage.Assign(labels) { // several that are read as one name
		if e.Note == "" || labels[i] == chans[i].Name {
			continue
		}
		if good(chans[i].Name) {
			labels[i] = take(chans[i].Name)
		}
	}
	for i, e := range montage.Assign(labels) {
		if e.Note != "" {
			labels[i] = take(spelt(fmt.Sprintf("ch %d", i+1), i, edf, good))
		}
		if edf && labels[i] != chans[i].Original && labels[i] != chans[i].Name {
			continue // which the writer finds and lists
		}
		if labels[i] != chans[i].Original && labels[i] != chans[i].Name {
			losses = append(losses, signal.Deviation{
				Where: fmt.Sprintf("channel %q", chans[i].Name), Rule: "names differ, and have no tab and no end of a line", Found: fmt.Sprintf("%q", chans[i].Name), Assumed: fmt.Sprintf("written as %q", labels[i]),
			})
		}
	}
	return labels, losses
}

// spelt is what can be written of a name, with a number where that is taken.
func spelt(name string, i int, edf bool, good func(string) bool) string {
	cell, _ := line(name)
	if edf {
		cell = strings.Map(func(r rune) rune {
			switch {
			case r == 'µ' || r == 'μ':
				return 'u'
			case r < ' ' || r > '~':
				return '?'
			}
			return r
		}, cell)
	}
	for n := 0; ; n++ {
		behind := ""
		if n > 0 {
			behind = fmt.Sprintf(" %d", i+n)
		}
		front := cell
		if edf && len(front)+len(behind) > edfLabel {
			front = front[:edfLabel-len(behind)]
		}
		if s := strings.TrimSpace(front + behind); good(s) {
			return s
		}
	}
}

// copied copies the file as it is. It returns nil where that cannot be: the format is not one of BIDS's, or the file is not
// what the sidecars would say of it.
func (w *treeWriter) copied(it Item, rec *signal.Recording) (*data, error) {
	var labels []string
	for _, c := range rec.Info.Channels {
		if cell, same := line(c.Original); !same || cell == "" || slices.Contains(labels, c.Original) {
			return nil, nil
		}
		labels = append(labels, c.Original)
	}
	if units.Rescaled(rec) { // the file has the numbers of another unit
		return nil, nil
	}
	if it.Said.Events == nil && strings.HasSuffix(rec.Format, withSidecars) && !slices.Equal(rec.Runs(), rec.FileRuns()) {
		return nil, nil // a table that is not handed on may be all that says which samples were not measured
	}
	if len(rec.Others) > 0 || first(rec, (*signal.Recording).FileRuns) != 0 { // in which order the channels are there, and what time is 0
		return nil, nil
	}
	d := &data{format: fileFormat(rec), copied: true}
	d.describe(rec, labels, sourceUnits(rec))
	second := slices.ContainsFunc(rec.Parts, func(p string) bool { return strings.EqualFold(path.Ext(p), ".fdt") })
	switch {
	case strings.HasPrefix(d.format, "EDF"):
		d.ext = ".edf"
	case strings.HasPrefix(d.format, "BDF"):
		d.ext = ".bdf"
	case d.format == "EEGLAB" && !second:
		d.ext = ".set"
	case d.format == "BrainVision":
		d.ext = ".vhdr"
		return w.copyBrainVision(d, it)
	default:
		return nil, nil
	}
	return d, w.copyFile(it.Copy, w.in(it.Name.File("eeg", d.ext)))
}

// copyFile copies one file.
func (w *treeWriter) copyFile(from, to string) (err error) {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return w.put(&w.set, to, func(out io.Writer) error {
		_, err := io.Copy(out, f)
		return err
	})
}

// textBytes is more than the headers and markers of any BrainVision recording have.
const textBytes = 64 << 20

var pointers = regexp.MustCompile(`(?m)^([ \t]*(DataFile|MarkerFile)[ \t]*=)[^\r\n]*`)

// copyBrainVision copies the three files, with the names that two of them have for the others. It returns nil where there
// are not three of them.
func (w *treeWriter) copyBrainVision(d *data, it Item) (*data, error) {
	header, err := readSmall(it.Copy)
	if err != nil || header == nil {
		return nil, err
	}
	fields, comment := header, []byte(nil)
	if at := bytes.Index(header, []byte("\n[Comment]")); at >= 0 { // free text
		fields, comment = header[:at], header[at:]
	}
	paths := map[string]string{}
	own := strings.TrimSuffix(filepath.Base(it.Copy), filepath.Ext(it.Copy))
	for _, m := range pointers.FindAllSubmatch(fields, -1) {
		name := strings.ReplaceAll(string(bytes.TrimSpace(m[0][len(m[1]):])), "$b", own) // the format's way to say so
		if strings.ContainsAny(name, `$/\`) {
			return nil, nil
		}
		paths[string(m[2])] = filepath.Join(filepath.Dir(it.Copy), name)
	}
	if len(paths) != 2 {
		return nil, nil
	}
	marks, err := readSmall(paths["MarkerFile"])
	if errors.Is(err, os.ErrNotExist) { // renamed, and found by the reader
		return nil, nil
	}
	if err != nil || marks == nil {
		return nil, err
	}
	if _, err := os.Stat(paths["DataFile"]); err != nil {
		return nil, nil //nolint:nilerr // renamed, and found by the reader
	}
	name := func(ext string) string { return it.Name.File("eeg", ext).String() }
	rename := func(text []byte) []byte {
		return pointers.ReplaceAllFunc(text, func(m []byte) []byte {
			key := pointers.FindSubmatch(m)
			ext := ".eeg"
			if string(key[2]) == "MarkerFile" {
				ext = ".vmrk"
			}
			return append(bytes.Clone(key[1]), name(ext)...)
		})
	}
	if err := w.putText(&w.set, w.in(it.Name.File("eeg", ".vhdr")), string(rename(fields))+string(comment)); err != nil {
		return nil, err
	}
	if err := w.copyFile(paths["DataFile"], w.in(it.Name.File("eeg", ".eeg"))); err != nil {
		return nil, err
	}
	return d, w.putText(&w.set, w.in(it.Name.File("eeg", ".vmrk")), string(rename(marks)))
}

// readSmall reads a file, and returns nil for one that is far larger than it should be.
func readSmall(file string) ([]byte, error) {
	st, err := os.Stat(file)
	if err != nil || st.Size() > textBytes {
		return nil, err
	}
	return readIfThere(file)
}
