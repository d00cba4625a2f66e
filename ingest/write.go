package ingest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Create makes one file of a recording that is being written. name has no folder: all files lie in one.
type Create func(name string) (io.WriteCloser, error)

// Writer is one format that recordings can be written in: the mirror of Format.
type Writer struct {
	Name string   // "edf+": what a user asks for
	Ext  []string // the endings it goes by, with the dot, in lower case; a writer is found by them where the first one that has it
	// Write writes rec as the file called name, and beside it what else the format needs, each through create, and closes
	// them. It works out what the format cannot hold and lists it: where in the recording, what the format has room for,
	// what was there, and what was written instead. Nothing is left out without being listed. An error is only for what
	// cannot be written at all. rec is not changed, and read from front to back, maybe twice.
	// Journals are no part of that, unless the writer says so.
	Write func(create Create, name string, rec *signal.Recording) (losses []signal.Deviation, err error)
	// Journals says that Write writes the journals of rec too. Where it does not, WriteFile lists that they are left out.
	Journals bool
}

var writers []Writer // under mu, sorted by name

// RegisterWriter adds a format to write. It panics on a name or an ending that is taken.
func RegisterWriter(w Writer) {
	mu.Lock()
	defer mu.Unlock()
	for _, v := range writers {
		if v.Name == w.Name {
			panic("ingest: writer " + w.Name + " is registered twice")
		}
		for _, e := range w.Ext {
			if slices.Contains(v.Ext, e) {
				panic("ingest: writers " + v.Name + " and " + w.Name + " have the same ending " + e)
			}
		}
	}
	writers = append(writers, w)
	slices.SortFunc(writers, func(a, b Writer) int { return strings.Compare(a.Name, b.Name) })
}

// Writers lists what is registered, sorted by name.
func Writers() []Writer {
	mu.RLock()
	defer mu.RUnlock()
	return slices.Clone(writers)
}

// WriterFor is the writer called format, or, where that is empty, the one that the ending of path belongs to.
func WriterFor(format, path string) (Writer, error) {
	var names, endings []string
	for _, w := range Writers() {
		if w.Name == strings.ToLower(format) {
			return w, nil
		}
		names, endings = append(names, w.Name), append(endings, w.Ext...)
		if format == "" && slices.ContainsFunc(w.Ext, func(e string) bool { return strings.HasSuffix(strings.ToLower(path), e) }) {
			return w, nil
		}
	}
	if format != "" {
		return Writer{}, &registry.UnknownError{What: "format to write", Name: format, Known: names}
	}
	return Writer{}, fmt.Errorf("%s: the ending must be one of %s, or the format be named (%s)", path, strings.Join(endings, ", "), strings.Join(names, ", "))
}

// Onsets is the events of rec as a format has them in which samples are equidistant and an onset says at which sample an event is.
// The onset of a source whose events have a clock of their own, which its samples do not follow (XDF), would lead to another sample:
// such an event gets the time of its sample, and how far these are apart is listed as a loss. Onsets that are no numbers stay.
func Onsets(rec *signal.Recording) (events []signal.Event, losses []signal.Deviation) {
	return OnsetsOf(rec, "events", rec.Events)
}

// OnsetsOf is Onsets of a list of events of rec, such as the lines of a journal. where is what the list is called in the loss.
func OnsetsOf(rec *signal.Recording, where string, list []signal.Event) (events []signal.Event, losses []signal.Deviation) {
	if !(rec.Info.Rate > 0) {
		return list, nil
	}
	apart, most := 0, 0.0
	for i, e := range list {
		if e.Onset-e.Onset != 0 || rec.Place(e.Onset) == e.Sample { // NaN or infinite; or where it is
			continue
		}
		if apart++; apart == 1 {
			events = slices.Clone(list)
		}
		events[i].Onset = float64(e.Sample) / rec.Info.Rate
		most = max(most, math.Abs(events[i].Onset-e.Onset))
	}
	if apart == 0 {
		return list, nil
	}
	return events, []signal.Deviation{{
		Where: where, Rule: "an onset says at which sample an event is",
		Found:   fmt.Sprintf("%d of %d events by a clock that the samples do not follow, up to %.3g s apart", apart, len(events), most),
		Assumed: "the time of their samples",
	}}
}

// AtOnsets is rec with the events of Onsets.
func AtOnsets(rec *signal.Recording) (*signal.Recording, []signal.Deviation) {
	events, losses := Onsets(rec)
	out := *rec
	out.Events = events
	return &out, losses
}

// BadChannels is the loss of a format in which channels cannot be marked as bad; nothing where none are.
func BadChannels(rec *signal.Recording) (losses []signal.Deviation) {
	var names []string
	for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
		for _, c := range r.Info.Channels {
			if c.Bad {
				names = append(names, c.Name)
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []signal.Deviation{{
		Where: "channels", Rule: "no channel is marked as bad", Found: "so marked are " + strings.Join(names, ", "), Assumed: "written without the mark",
	}}
}

// ReferenceLosses are those of a format that has no field for the reference, one for each that the groups of channels have.
func ReferenceLosses(rec *signal.Recording, rule string) (losses []signal.Deviation) {
	for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
		d := signal.Deviation{Where: Reference, Rule: rule, Found: strconv.Quote(r.Info.Reference), Assumed: "left out"}
		if r.Info.Reference != "" && !slices.Contains(losses, d) {
			losses = append(losses, d)
		}
	}
	return losses
}

// MainLoss is the loss where the channels of read, a group of rec, will be the main ones, which are others in rec; nothing where they are the same.
// rule says which are.
func MainLoss(rec, read *signal.Recording, rule string) []signal.Deviation {
	if read == rec || len(rec.Info.Channels) == 0 {
		return nil
	}
	what := func(r *signal.Recording) string {
		return fmt.Sprintf("%q and %d more at %g Hz", r.Info.Channels[0].Name, len(r.Info.Channels)-1, r.Info.Rate)
	}
	return []signal.Deviation{{Where: MainGroup, Rule: rule, Found: what(rec), Assumed: what(read) + ": events are read at their samples, and steps have these channels"}}
}

// JournalLoss is the loss of a format that has no place for the journals of rec; nothing where there are none.
func JournalLoss(rec *signal.Recording) []signal.Deviation {
	var found []string
	for _, j := range rec.Journals {
		found = append(found, fmt.Sprintf("%q (%s, %d lines)", j.Name, j.Kind, len(j.Lines)))
	}
	if found == nil {
		return nil
	}
	return []signal.Deviation{{
		Where: "journals", Rule: "has no place for what a recorder wrote about itself", Found: strings.Join(found, ", "),
		Assumed: "left out: write XDF, or read them as events (--journals)",
	}}
}

// LossError says that a recording was not written because the format cannot hold all of it.
type LossError struct {
	Format string
	Losses []signal.Deviation
}

// Error names the first loss and counts the others.
func (e *LossError) Error() string {
	l := e.Losses[0]
	more := ""
	if n := len(e.Losses) - 1; n > 0 {
		more = fmt.Sprintf("; and %d more", n)
	}
	return fmt.Sprintf("%s cannot hold all of the recording, and nothing was written: %s: %s; there is %s%s", e.Format, l.Where, l.Rule, l.Found, more)
}

// Written is what WriteFile has made.
type Written struct {
	Beside  []string // the files beside the one that was asked for, which belong to it
	Removed []string // files beside it that belonged to the recording that was there, and would belong to none
	Losses  []signal.Deviation
}

// BesideError says that a recording was not written because a file that would be replaced is none of its own.
type BesideError struct {
	Path, Beside string
	Read         bool // it is being read
}

// Error says what can be done.
func (e *BesideError) Error() string {
	switch {
	case e.Read && filepath.Base(e.Beside) == filepath.Base(e.Path):
		return e.Path + " would overwrite what is being read: name another file"
	case e.Read:
		return fmt.Sprintf("%s needs %s beside it, which would overwrite what is being read: name another file", e.Path, e.Beside)
	}
	return fmt.Sprintf("%s needs %s beside it, which is there and does not belong to it: move that, or name another file", e.Path, e.Beside)
}

// WriteFile writes rec as the file at path. It, and the files beside it, appear whole or not at all. What the format cannot
// hold is listed; where strict is set that is a *LossError and nothing is written. A file beside it that is there already is replaced
// only where it is part of the recording at path, which is replaced too; none of those in reads is, which are being read, nor a part
// of rec. Otherwise there is a *BesideError. Parts of the recording at path that the new one does not have are removed where their names say that
// a writer made them: night.2.arrow beside night.arrow.
func WriteFile(path string, w Writer, rec *signal.Recording, strict bool, reads ...string) (out Written, err error) {
	var set atomicfile.Set
	dir := filepath.Dir(path)
	reads = append(slices.Clip(reads), rec.Parts...)
	own := sync.OnceValues(func() ([]string, error) { return partsOf(path) })
	out.Losses, err = w.Write(func(name string) (io.WriteCloser, error) {
		if name != filepath.Base(name) || name == "." || name == ".." {
			return nil, fmt.Errorf("%q is no name of a file beside %s", name, path)
		}
		file := filepath.Join(dir, name)
		if err := replaceable(path, file, reads, own); err != nil {
			return nil, err
		}
		if name != filepath.Base(path) {
			out.Beside = append(out.Beside, file)
		}
		return set.Create(file)
	}, filepath.Base(path), rec)
	if !w.Journals {
		out.Losses = append(out.Losses, JournalLoss(rec)...)
	}
	if err == nil && strict && len(out.Losses) > 0 {
		err = &LossError{w.Name, out.Losses}
	}
	if err == nil {
		out.Removed, err = orphans(path, out.Beside, reads, own)
	}
	if err != nil {
		return out, errors.Join(err, set.Discard())
	}
	for _, file := range out.Removed {
		set.Remove(file)
	}
	return out, set.Commit()
}

// orphans is the parts of the recording at path, which is replaced, that have a name and a number like it, and are neither among those of the new
// one nor being read.
func orphans(path string, beside, reads []string, own func() ([]string, error)) (names []string, err error) {
	dir, ext := filepath.Dir(path), filepath.Ext(path)
	stem := strings.TrimSuffix(filepath.Base(path), ext) + "."
	made := func(name string) bool {
		number, ok := strings.CutPrefix(strings.TrimSuffix(name, ext), stem)
		_, err := strconv.ParseUint(number, 10, 32)
		return ok && err == nil && strings.HasSuffix(name, ext)
	}
	files, err := os.ReadDir(dir)
	if err != nil || !slices.ContainsFunc(files, func(f fs.DirEntry) bool { return made(f.Name()) }) {
		return nil, nil //nolint:nilerr // atomicfile says what is wrong with the folder; and there is nothing to open the old recording for
	}
	parts, err := own()
	for _, p := range parts {
		file := filepath.Join(dir, filepath.Base(filepath.FromSlash(p)))
		if made(filepath.Base(file)) && !slices.Contains(beside, file) && replaceable(file, file, reads, nil) == nil {
			names = append(names, file)
		}
	}
	return names, err
}

// RepairFile writes at path what the format of the recording at in makes of it with Format.Repair, with nothing changed that need not be. own
// is false, and nothing written, where w writes another format or that one has no Repair; places is 0, and nothing written, where nothing
// can be put right.
func RepairFile(path string, w Writer, in string) (places int, own bool, err error) {
	name := filepath.ToSlash(in)
	f, err := OpenPart(Paths{}, name)
	if err != nil {
		return 0, false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	format, err := recognise(Paths{}, f, name)
	if err != nil || format.Repair == nil || format.Name != w.Name {
		return 0, false, err
	}
	if err := replaceable(path, path, []string{in}, nil); err != nil {
		return 0, true, err
	}
	var set atomicfile.Set
	out, err := set.Create(path)
	if err != nil {
		return 0, true, errors.Join(err, set.Discard())
	}
	buf := bufio.NewWriterSize(out, 1<<20)
	places, err = format.Repair(buf, f, name)
	if err = errors.Join(err, buf.Flush(), out.Close()); err != nil || places == 0 {
		return 0, true, errors.Join(err, set.Discard())
	}
	return places, true, set.Commit()
}

// RestoreFile writes at path the bytes of whole, which are those that the file at in had.
func RestoreFile(path string, whole File, in string) error {
	if err := replaceable(path, path, []string{in}, nil); err != nil {
		return err
	}
	st, err := whole.Stat()
	if err != nil {
		return err
	}
	var set atomicfile.Set
	out, err := set.Create(path)
	if err != nil {
		return errors.Join(err, set.Discard())
	}
	_, err = io.Copy(out, io.NewSectionReader(whole, 0, st.Size()))
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, set.Discard())
	}
	return set.Commit()
}

// partsOf is the files of which the recording at path has parts, nil where there is none that can be read.
func partsOf(path string) ([]string, error) {
	old, err := OpenFile(path)
	if err != nil {
		return nil, nil //nolint:nilerr // it has none that are known
	}
	return old.Parts, old.Close()
}

// replaceable says whether file, which belongs to the recording that is written at path, may be put in the place of what is there: what
// is read may not, and beside path only what own says is part of the recording that is there.
func replaceable(path, file string, reads []string, own func() ([]string, error)) error {
	st, err := os.Stat(file)
	if err != nil {
		return nil //nolint:nilerr // it is not there, or atomicfile says what is wrong with it
	}
	same := func(other string) bool {
		o, err := os.Stat(filepath.FromSlash(other))
		return err == nil && os.SameFile(st, o)
	}
	if slices.ContainsFunc(reads, same) {
		return &BesideError{Path: path, Beside: file, Read: true}
	}
	if filepath.Base(file) == filepath.Base(path) {
		return nil
	}
	parts, err := own()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(parts, same) {
		return &BesideError{Path: path, Beside: file}
	}
	return nil
}
