package cli

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/ingest/bids"
	"github.com/gyrus-bci/gyrus/ingest/dataset"
	"github.com/gyrus-bci/gyrus/ingest/electrodes"
	"github.com/gyrus-bci/gyrus/ingest/reading"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// openRecording opens a file of any registered format, or what a name stands for.
func openRecording(how reading.Options, path string) (*signal.Recording, *electrodes.Joined, error) {
	path, err := resolveOne(path)
	if err != nil {
		return nil, nil, err
	}
	if synthName(path) != "" {
		rec, err := simulate(path)
		if err != nil {
			return nil, nil, err
		}
		joined, err := how.Apply(rec)
		return rec, joined, err
	}
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return nil, nil, usageError{fmt.Errorf("%s is a folder: name a recording in it; gyrus info lists those of a BIDS tree", path)}
	}
	rec, joined, err := how.OpenFile(path)
	var large *bids.TooLargeError
	if errors.As(err, &large) {
		return nil, nil, refusal{err}
	}
	var mapping *reading.MappingError
	if errors.As(err, &mapping) {
		return nil, nil, usageError{fmt.Errorf("--%w", mapping)}
	}
	if err != nil {
		return nil, nil, notThere(err)
	}
	return rec, joined, nil
}

// condition gives rec an event that lasts as long as it does, where its data set says what all of it is of and none of its events
// does, and lists what was assumed.
func condition(rec *signal.Recording, path string) {
	label, set := dataset.Condition(path)
	if label == "" || rec.Len == 0 || slices.ContainsFunc(rec.Events, func(e signal.Event) bool { return e.Label == label }) {
		return
	}
	first := rec.Runs()[0].Start
	rec.Events = append([]signal.Event{{
		Sample: first, Onset: float64(first) / rec.Info.Rate, Duration: float64(rec.Len-first) / rec.Info.Rate, Label: label,
	}}, rec.Events...)
	slices.SortStableFunc(rec.Events, func(a, b signal.Event) int { return cmp.Compare(a.Sample, b.Sample) })
	rec.Deviations = append(rec.Deviations, signal.Deviation{
		Where: "events", Rule: "say what the recording is of", Found: "none that do",
		Assumed: fmt.Sprintf("all of it is %q, as recordings of %s with such a name are: an event that lasts as long as it does, with every_s (--every) windows are cut all along it", label, set),
	})
}

// openSignals is open for a file that must hold samples.
func (r opener) openSignals(path string) (*signal.Recording, error) {
	rec, err := r.open(path)
	if err != nil {
		return nil, err
	}
	if len(rec.Info.Channels) == 0 || rec.Len == 0 {
		return nil, errors.Join(refusal{fmt.Errorf("%s: holds no samples, only %d events: name a recording with signals", path, len(rec.Events))}, rec.Close())
	}
	return rec, nil
}

// samples is how many samples recordings have together, per channel.
func samples(recs []*signal.Recording) (n int64) {
	for _, r := range recs {
		for _, s := range r.Runs() {
			n += s.Len
		}
	}
	return n
}

// labels lists the labels of a recording's events, sorted.
func labels(rec *signal.Recording) []string {
	var all []string
	for _, e := range rec.Events {
		all = append(all, e.Label)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// quoted joins names: "T0", "T1".
func quoted(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = strconv.Quote(n)
	}
	return strings.Join(q, ", ")
}

// checkOutput refuses, before any work, a file that cannot be written or that the command reads: "" is no file.
func checkOutput(out string, inputs []string) error {
	if out == "" {
		return nil
	}
	if err := atomicfile.Check(out); err != nil {
		return usageError{err}
	}
	st, err := os.Stat(out)
	if err != nil {
		return nil //nolint:nilerr // it is not there yet, and Check has seen that it can be
	}
	for _, in := range inputs {
		if other, err := os.Stat(in); err == nil && os.SameFile(st, other) {
			return usageError{fmt.Errorf("%s would overwrite %s, which the command reads: name another file", out, in)}
		}
	}
	return nil
}

// openAll opens every recording, or none. files are those of recs: what belongs to another recording that is given, such as
// its file of events, was read with it and is left out.
func openAll(cmd *cobra.Command, paths []string) (recs []*signal.Recording, files []string, closeAll func(), err error) {
	whole := map[string]string{} // a part and the recording it belongs to
	failed := map[string]error{}
	how, err := readingOf(cmd)
	if err != nil {
		return nil, nil, nil, err
	}
	opened := map[string]*signal.Recording{}
	for _, p := range paths {
		rec, err := how.openSignals(p)
		if err != nil {
			failed[p] = err
			continue
		}
		recs, opened[p] = append(recs, rec), rec
		for _, part := range rec.Parts {
			whole[filepath.Clean(filepath.FromSlash(part))] = p
		}
	}
	all := recs // to be closed, also what is left out
	closeAll = func() {
		for _, r := range all {
			_ = r.Close() // read only: nothing can be lost
		}
	}
	recs = nil
	for _, p := range paths {
		rec, part := whole[filepath.Clean(p)]
		switch {
		case part: // also one that could be read alone, such as the second file of a split recording: it must not count twice
			note(cmd, "%s: read with %s", p, rec)
		case failed[p] != nil:
			closeAll()
			return nil, nil, nil, failed[p]
		default:
			condition(opened[p], p)
			recs, files = append(recs, opened[p]), append(files, p)
		}
	}
	return recs, files, closeAll, nil
}

// deviations says on standard error where files break their format: what several files have alike is said once.
func deviations(cmd *cobra.Command, recs []*signal.Recording) {
	type alike struct{ where, rule, assumed string }
	of := func(d signal.Deviation) alike { return alike{d.Where, d.Rule, d.Assumed} }
	files := map[alike]int{}
	for _, r := range recs {
		for _, d := range slices.Concat(r.Deviations, r.Notes) {
			files[of(d)]++
		}
	}
	said := map[alike]bool{}
	for _, r := range recs {
		n := 0
		for _, d := range slices.Concat(r.Deviations, r.Notes) {
			if said[of(d)] {
				continue
			}
			if n++; n > 3 {
				continue
			}
			said[of(d)] = true
			name := r.Name
			if more := files[of(d)] - 1; more > 0 {
				name += fmt.Sprintf(" and %d more", more)
			}
			note(cmd, "%s: %s: %s; found %s; %s", name, d.Where, d.Rule, d.Found, d.Assumed)
		}
		if n > 3 {
			note(cmd, "%s: %d more deviations: see gyrus info %s", r.Name, n-3, r.Name)
		}
		if bad := badChannels(r); len(bad) > 0 {
			note(cmd, "%s: channels marked as bad: %s; the steps car, ica, ssp and ssd leave them out, reference and linked_ears leave them unchanged and refuse one that they are to subtract, interpolate and montage replace them, laplacian refuses them; others use them unless pick leaves them out", r.Name, quoted(bad))
		}
		for _, o := range r.Others {
			note(cmd, "%s: not used, another rate: %s", r.Name, o.Info)
		}
	}
}

// badChannels are those that the source says are not to be used. Where only deviations are told there is no Info.
func badChannels(rec *signal.Recording) (names []string) {
	if rec.Info == nil {
		return nil
	}
	for _, c := range rec.Info.Channels {
		if c.Bad {
			names = append(names, c.Name)
		}
	}
	return names
}

// hashFile is the SHA-256 of a file, in hexadecimal digits; "" of a simulated recording.
func hashFile(path string) (string, error) {
	if strings.HasPrefix(path, synthPrefix) {
		return "", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// distinct hashes files and refuses two that are the same: a trial would be in training and in test.
func distinct(files []string) ([]string, error) {
	hashes := make([]string, len(files))
	first := map[string]string{}
	for i, f := range files {
		var err error
		if hashes[i], err = hashFile(f); err != nil {
			return nil, notThere(err)
		}
		if hashes[i] == "" { // simulated: its name is its content
			hashes[i] = f
		}
		if other, twice := first[hashes[i]]; twice {
			return nil, refusal{fmt.Errorf("%s and %s have the same content, which would count twice, and trials would be in training and in test; give each recording once", other, f)}
		}
		first[hashes[i]] = f
	}
	for i, h := range hashes {
		if strings.HasPrefix(h, synthPrefix) {
			hashes[i] = ""
		}
	}
	return hashes, nil
}
