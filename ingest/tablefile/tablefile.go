// Package tablefile is what the formats that keep a recording as a table have in common: Arrow and Parquet. A table has a row for each
// sample (see signal.Schema). What has no row stands in the metadata of its schema:
//
//	events_outside   the events at samples that are not there, in gaps, before the first and behind the last, as a JSON list of
//	                 {"sample": 4210, "onset_s": 32.9, "duration_s": 0, "label": "lights off"}; numbers that JSON does not
//	                 have are the strings "NaN", "Infinity" and "-Infinity"
//	others           the files beside it with the channels at other rates, a JSON list of names: ["night.2.arrow"]
//	begin            when sample 0 was measured (RFC 3339), where there is no row that says it
//	event_channels   the channels of the events that are not of all: a JSON list of {"channels": ["Cz"], "events": [[4210, 0]]}, where an event
//	                 is named by its sample and its number among those at this sample, from 0
//	texts            the texts of the header of the source, a JSON list of
//	                 {"field": "prefiltering", "channel": "Cz", "text": "HP:0.1Hz", "personal": false}
//
// Each is absent where there is nothing to say. A recording of events alone is a table without channels and rows, at the rate 0.
package tablefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Write writes rec as the file called name, and each of its Others as a file beside it: night.2.arrow is the first one beside
// night.arrow. write writes one table under the given schema. Nothing is lost but texts of the header that are more than fit.
func Write(create ingest.Create, name string, rec *signal.Recording, write func(w io.Writer, rec *signal.Recording, schema *arrow.Schema) error) (losses []signal.Deviation, err error) {
	if len(rec.Info.Channels)+len(rec.Others)+len(rec.Events) == 0 {
		return nil, fmt.Errorf("%s has neither channels nor events: there is nothing to write", rec.Name)
	}
	if len(rec.Others) > mostOthers {
		return nil, fmt.Errorf("%s has channels at %d rates, must have at most %d", rec.Name, 1+len(rec.Others), 1+mostOthers)
	}
	var others []string
	for k := range rec.Others {
		others = append(others, numbered(name, k))
	}
	if others != nil && (strings.ContainsAny(name, `/\:`) || !utf8.ValidString(name)) { // see ingest.OpenBeside
		return nil, fmt.Errorf("%q: the channels at %d other rates go into files with names like it, so it must be without / \\ : and in UTF-8", name, len(others))
	}
	recs := append([]*signal.Recording{rec}, rec.Others...)
	schemas, outs := make([]*arrow.Schema, len(recs)), make([]io.WriteCloser, len(recs))
	for k, r := range recs { // before anything is written: what is wrong with a name need not be said hours later
		n, beside := name, others
		if k > 0 {
			n, beside = others[k-1], nil
		}
		var lost []signal.Deviation
		if schemas[k], lost, err = Schema(r, beside); err != nil {
			return nil, err
		}
		losses = append(losses, lost...)
		if outs[k], err = create(n); err != nil { // the first one appears last: it names the others
			return nil, err
		}
	}
	for k, r := range recs {
		if err := errors.Join(write(outs[k], r, schemas[k]), outs[k].Close()); err != nil {
			return losses, err
		}
	}
	return losses, nil
}

// numbered is the name of the k-th file beside the one called name.
func numbered(name string, k int) string {
	end := path.Ext(name)
	return fmt.Sprintf("%s.%d%s", strings.TrimSuffix(name, end), k+2, end)
}

// files are open together.
type files []io.Closer

// Close closes all.
func (f files) Close() error {
	var errs []error
	for _, c := range f {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// withChannels is open with the channels of events, which are known once all events are.
func withChannels(open opener) opener {
	return func(f ingest.File, name string) (*signal.Recording, *Metadata, error) {
		rec, md, err := open(f, name)
		if err == nil && md.channels != "" {
			listed := len(md.Deviations)
			md.channelsOf(rec, md.channels)
			rec.Deviations = append(rec.Deviations, md.Deviations[listed:]...)
		}
		return rec, md, err
	}
}

type opener = func(f ingest.File, name string) (*signal.Recording, *Metadata, error)

// Open reads the file f called name, and those in fsys that it names, as one recording. open reads one file and closes nothing. Open
// owns f from now on and closes it, also when it fails. A file that cannot be read, or is of another recording, is left out, and that
// is listed.
func Open(fsys fs.FS, f ingest.File, name string, open opener) (*signal.Recording, error) {
	open = withChannels(open)
	rec, md, err := open(f, name)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	all := files{f}
	seen := map[string]bool{path.Base(name): true}
	for k, other := range md.Others {
		where := "metadata " + othersKey
		left := func(found string) {
			rec.Deviations = append(rec.Deviations, signal.Deviation{Where: where, Rule: "names the files beside it with the channels at other rates", Found: found, Assumed: "its channels are left out", Missing: true})
		}
		if seen[other] {
			left(fmt.Sprintf("%.80q, which is read already", other))
			continue
		}
		seen[other] = true
		file, err := ingest.OpenBeside(fsys, name, other)
		if renamed := numbered(path.Base(name), k); errors.Is(err, fs.ErrNotExist) && !seen[renamed] {
			if f, again := ingest.OpenBeside(fsys, name, renamed); again == nil {
				seen[renamed] = true
				rec.Deviations = append(rec.Deviations, signal.Deviation{
					Where: where, Rule: "names the files beside it", Found: fmt.Sprintf("%.80q, which is not there", other), Assumed: renamed + ": the files were renamed",
				})
				other, file, err = renamed, f, nil
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			left(fmt.Sprintf("%.80q, which is not there", other))
			continue
		}
		if err != nil {
			left(err.Error())
			continue
		}
		part := ingest.Beside(name, other)
		r, m, err := open(file, part)
		switch {
		case err != nil:
			left(err.Error())
		case len(r.Info.Channels) == 0:
			left(fmt.Sprintf("%.80q, which has no channels", other))
		case !r.Begin.Equal(rec.Begin):
			left(fmt.Sprintf("%.80q, which begins at %v, not at %v: it is of another recording", other, r.Begin, rec.Begin))
		default:
			if len(m.Others) > 0 {
				r.Deviations = append(r.Deviations, signal.Deviation{Where: where, Rule: "the first file names all others", Found: fmt.Sprintf("%d more names", len(m.Others)), Assumed: "they are not read", Missing: true})
			}
			for _, d := range r.Deviations {
				d.Where = other + ": " + d.Where
				rec.Deviations = append(rec.Deviations, d)
			}
			r.Deviations = nil
			r.Name = name
			rec.Others, rec.Parts, all = append(rec.Others, r), append(rec.Parts, part), append(all, file)
			continue
		}
		if err := file.Close(); err != nil {
			return nil, errors.Join(err, all.Close())
		}
	}
	rec.Closer = all
	return rec, nil
}
