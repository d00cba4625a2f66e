package bids

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Item is one recording that is written into a tree.
type Item struct {
	Name  Name   // its entities; suffix and ending are chosen by Write
	Input string // what messages call it
	Task  string // in words, for TaskName; used where the letters and digits of it are the task of Name
	// Meaning is what a label of its events stands for, "" where nobody knows; nil where that is so of all.
	Meaning func(label string) string
	// Open opens the recording as it is to be written. Write closes it, and opens one at a time.
	Open func() (*signal.Recording, error)
	// Copy is the path of the file that Open reads. It is copied as it is where its format is one that BIDS allows. "" where
	// it must not be, such as where what Open returns is without the names that are in the file.
	Copy string
	// Said is what a tree says of a recording that comes from it. Columns, fields and HED strings that gyrus does not know are
	// handed on as they are, and the events and electrodes as they stand in their tables. nil where it comes from no tree.
	Said *Sidecars
	// From is that tree, where all of it is written: the first one describes a tree that is new, where others, and a tree that is there,
	// say something else of themselves that is listed, and README, CHANGES, LICENSE and CITATION are handed on where there is none.
	From *Tree
	// Scan and Participant are its rows in the scans.tsv and participants.tsv of that tree, columns and cells, and
	// ParticipantsAbout what participants.json says there.
	Scan, Participant [][2]string
	ParticipantsAbout Sidecar
	// HEDVersion is the field of that name in the description of that tree, which its HED strings need.
	HEDVersion json.RawMessage
	// Anonymous, where it is not nil, leaves out what all these have that may say who was recorded, where and when.
	Anonymous *Anonymous

	whole *Sidecars // Said with what Anonymous leaves out, which is listed
}

// Options are how a tree is written.
type Options struct {
	// Format is the writer of the data: "edf+", "bdf+" or "brainvision". "" copies a file that may be copied, and writes any
	// other in the first of them that loses nothing; where all lose something, in the one that loses least.
	Format     string
	LineFreq   float64     // of the mains, in Hz; 0 where unknown
	Strict     bool        // a loss is a *ingest.LossError, and nothing is written
	Force      bool        // recordings that are there already are replaced
	Derivative string      // writes the tree derivatives/<Derivative> below the root, whose names have desc-<Desc>
	Desc       string      // letters and digits; needed for a derivative, and only there
	About      Description // of recordings that come from no tree, for one that is new; name, version, type and generator are added
	Generator  Generator   // the program that writes
	Date       string      // of today, for CHANGES: "2026-11-26"

	through func(io.WriteCloser) io.WriteCloser // what every file is written through; nil for nothing: for tests
}

// Written is what became of an Item.
type Written struct {
	Input      string
	Path       string // below the root, with slashes
	From, To   string // formats
	Copied     bool
	Losses     []signal.Deviation // what the tree does not hold
	Deviations []signal.Deviation // where the input breaks the specification of its format
	Notes      []signal.Deviation // what was assumed where that leaves it open
	Personal   []ingest.Personal  // what Anonymous found in Said, and what was done about it
}

// ExistsError says that a recording is in the tree already.
type ExistsError struct{ Path string }

// Error says what to do about it.
func (e *ExistsError) Error() string {
	return e.Path + " is there already: choose another --run (or --session, --acq), or replace it with --force"
}

// Write writes recordings into the tree at root, a folder that is a tree already, is empty, or is not there. All of them
// appear, with the tables and sidecars that describe them, or none does: an error, or the end of ctx, leaves everything as
// it was.
func Write(ctx context.Context, root string, items []Item, opt Options) ([]Written, error) {
	w := &treeWriter{ctx: ctx, root: root, opt: opt}
	if opt.Derivative != "" {
		w.root = filepath.Join(root, "derivatives", opt.Derivative)
	}
	written, err := w.all(items)
	if err == nil {
		err = w.finish()
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = w.set.Commit()
	}
	if err != nil {
		return nil, errors.Join(err, w.set.Discard())
	}
	return written, nil
}

// treeWriter is a tree that is being written.
type treeWriter struct {
	ctx  context.Context //nolint:containedctx // of the one call of Write that it serves
	root string
	opt  Options
	old  *Description   // of the tree that is there; nil where there is none
	set  atomicfile.Set // the files of recordings
	done []entry
	// places are the tables of electrodes that have been written or found, coordinates the files about their systems, by their
	// paths.
	places      map[string]*places
	coordinates map[string]bool
	people      *people // nil until the first recording is written, and for a derivative
	source      *Tree   // that a new tree is described by; nil for none
	seen        []*Tree // of the recordings that have been written
	texts       []text  // at the root, those that are there already and those that are handed on
}

// entry is one recording that has been written, for the tables.
type entry struct {
	name     Name // with ending
	acquired string
	item     Item
}

func (w *treeWriter) all(items []Item) ([]Written, error) {
	if err := w.check(items); err != nil {
		return nil, err
	}
	var all []Written
	for _, it := range items {
		out, err := w.one(it)
		if cause := context.Cause(w.ctx); cause != nil {
			return nil, cause
		}
		if err != nil {
			return nil, err
		}
		all = append(all, out)
	}
	return all, nil
}

// one writes the files of a recording.
func (w *treeWriter) one(it Item) (out Written, err error) {
	rec, err := it.Open()
	if err != nil {
		return out, err
	}
	defer func(source *signal.Recording) { err = errors.Join(err, source.Close()) }(rec)
	it, personal := it.discreet()
	rec, personal = it.Anonymous.reference(rec, personal)
	if err := writable(rec, it.Input); err != nil {
		return out, err
	}
	if err := w.set.MkdirAll(filepath.Join(w.root, filepath.FromSlash(it.Name.Folder()), "eeg")); err != nil {
		return out, err
	}
	d, err := w.data(it, rec)
	if err != nil {
		return out, fmt.Errorf("%s: %w", it.Input, err)
	}
	if err := w.sidecars(it, rec, d); err != nil {
		return out, fmt.Errorf("%s: %w", it.Input, err)
	}
	d.losses = append(d.losses, ingest.JournalLoss(rec)...)
	clashes, err := w.participant(it)
	if err != nil {
		return out, err
	}
	overruled, notes, err := w.whole(it)
	if err != nil {
		return out, err
	}
	d.losses = append(append(d.losses, clashes...), overruled...)
	if w.opt.Strict && len(d.losses) > 0 {
		return out, fmt.Errorf("%s: %w", it.Input, &ingest.LossError{Format: "BIDS with " + d.format, Losses: d.losses})
	}
	name := it.Name.File("eeg", d.ext)
	w.done = append(w.done, entry{name: name, acquired: it.began(rec), item: it})
	return Written{
		Input: it.Input, Path: path.Join(filepath.ToSlash(w.treeBelow()), name.Folder(), "eeg", name.String()), From: fileFormat(rec), To: d.format, Copied: d.copied,
		Losses: d.losses, Deviations: rec.Deviations, Notes: append(slices.Clone(rec.Notes), notes...), Personal: personal,
	}, nil
}

// fileFormat is the format of the file of rec, which may have sidecars.
func fileFormat(rec *signal.Recording) string { return strings.TrimSuffix(rec.Format, withSidecars) }

// treeBelow is where the tree lies below the root that was asked for.
func (w *treeWriter) treeBelow() string {
	if w.opt.Derivative == "" {
		return ""
	}
	return filepath.Join("derivatives", w.opt.Derivative)
}

// UnfitError says that a recording is none that a tree of EEG can hold.
type UnfitError struct{ Err error }

// Error is the reason.
func (e *UnfitError) Error() string { return e.Err.Error() }

// Unwrap is the reason.
func (e *UnfitError) Unwrap() error { return e.Err }

// InsteadOfTree says what to do with a recording that Write refuses, since it is not one of EEG alone.
const InsteadOfTree = "convert it to a file, which keeps all its channels and their kinds: gyrus convert IN OUT.arrow"

// writable says what no tree of EEG can hold.
func writable(rec *signal.Recording, input string) error {
	if len(rec.Info.Channels) == 0 || rec.Len == 0 {
		return &UnfitError{fmt.Errorf("%s holds no samples, only %d events: BIDS keeps events beside a recording", input, len(rec.Events))}
	}
	var deep []string
	for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
		for _, c := range r.Info.Channels {
			if c.Kind == signal.SEEG || c.Kind == signal.ECoG {
				deep = append(deep, fmt.Sprintf("%q (%s)", c.Name, TypeOf(c.Kind)))
			}
		}
	}
	if len(deep) == 0 {
		return nil
	}
	which := "channel " + deep[0] + " is"
	if n := len(deep) - 1; n > 0 {
		which = fmt.Sprintf("channel %s and %d more are", deep[0], n)
	}
	return &UnfitError{fmt.Errorf("%s: %s intracranial, which BIDS keeps under ieeg, and gyrus writes trees of EEG alone: leave the recording out, or %s", input, which, InsteadOfTree)}
}

// began is the begin of a recording for scans.tsv, "" where unknown: as it was written there, or without a zone, because most
// formats do not say in which zone their clock was.
func (it Item) began(rec *signal.Recording) string {
	if rec.Begin.IsZero() {
		return ""
	}
	for _, c := range it.Scan {
		if at, err := begun(c[1]); c[0] == "acq_time" && err == nil && at.Equal(rec.Begin) {
			return c[1]
		}
	}
	return rec.Begin.UTC().Format("2006-01-02T15:04:05.999999")
}

// create makes a file, through set.
func (w *treeWriter) create(set *atomicfile.Set, file string) (*untilDone, error) {
	if err := context.Cause(w.ctx); err != nil {
		return nil, err
	}
	f, err := set.Create(file)
	if err != nil {
		return nil, err
	}
	out := &untilDone{f, w.ctx, f.Name()}
	if w.opt.through != nil {
		out.WriteCloser = w.opt.through(f)
	}
	return out, nil
}

// in is the path of a file of the recording n.
func (w *treeWriter) in(n Name) string {
	return filepath.Join(w.root, filepath.FromSlash(n.Folder()), "eeg", n.String())
}

// untilDone is a file that cannot be written to any more once the context is done.
type untilDone struct {
	io.WriteCloser
	ctx  context.Context //nolint:containedctx // as in treeWriter
	path string          // that it has until it is complete
}

// Write writes unless the context is done.
func (u *untilDone) Write(p []byte) (int, error) {
	if err := context.Cause(u.ctx); err != nil {
		return 0, err
	}
	return u.WriteCloser.Write(p)
}

// put writes one file by what fill does.
func (w *treeWriter) put(set *atomicfile.Set, file string, fill func(io.Writer) error) error {
	f, err := w.create(set, file)
	if err != nil {
		return err
	}
	if err := errors.Join(fill(f), f.Close()); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// putText writes a file of text.
func (w *treeWriter) putText(set *atomicfile.Set, file, text string) error {
	return w.put(set, file, func(f io.Writer) error {
		_, err := io.WriteString(f, text)
		return err
	})
}

// readIfThere is the content of a file of the tree, nil where it is not there.
func readIfThere(file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err == nil && data == nil {
		data = []byte{}
	}
	return data, err
}

// line is text that fits into a cell of a table; same says that nothing had to be changed for that.
func line(text string) (cell string, same bool) {
	cell = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD")))
	return cell, cell == text && cell != Missing
}
