// Package chbmit reads the summaries of the CHB-MIT Scalp EEG Database (Shoeb 2009, PhysioNet, doi:10.13026/C2K01R):
// which recordings a case has, when they were made, and when seizures begin and end in them.
package chbmit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/regular"
)

// Span is a time in seconds from the start of a file.
type Span struct{ StartS, EndS float64 }

// File is one recording.
type File struct {
	Name string // "chb01_03.edf"
	// Timed says that the summary has times of day, which that of chb24 has not; without them StartS and EndS are 0.
	Timed        bool
	StartS, EndS float64 // from midnight before the first file of the case
	Seizures     []Span  // in order of time
}

// Case is one folder, which is one summary.
type Case struct {
	ID    string // "chb01"
	Rate  float64
	Files []File // in the order of the summary
}

// Person is who a case is of: chb21 is the girl of chb01, a year and a half later, so both must be on the same side of
// every split.
func Person(id string) string {
	if id == "chb21" {
		return "chb01"
	}
	return id
}

var (
	rateLine    = regexp.MustCompile(`^Data Sampling Rate:\s*([0-9.]+)\s*Hz$`)
	clock       = regexp.MustCompile(`^(\d{1,2}):(\d{2}):(\d{2})$`)
	seizureLine = regexp.MustCompile(`^Seizure\s*\d*\s*(Start|End) Time:\s*(\d+)\s*sec`)
)

// SummaryError is a line of a summary that is not as it should be.
type SummaryError struct {
	File string
	Line int // from 1
	Err  error
}

// Error is one line.
func (e *SummaryError) Error() string { return fmt.Sprintf("%s: line %d: %v", e.File, e.Line, e.Err) }

// Unwrap is the cause.
func (e *SummaryError) Unwrap() error { return e.Err }

// Parse reads a summary; name is that of the file, "chb01-summary.txt", and says which case it is. Lists of channels are
// skipped: files say themselves what they hold. A number of seizures that does not agree with those listed, a seizure that
// ends before it begins and times that cannot be read are errors, always a *SummaryError.
func Parse(name string, r io.Reader) (*Case, error) {
	c := &Case{ID: strings.TrimSuffix(path.Base(name), "-summary.txt")}
	p := &parser{c: c}
	scan := bufio.NewScanner(r)
	line := 0
	fail := func(err error) (*Case, error) { return nil, &SummaryError{File: name, Line: line, Err: err} }
	for scan.Scan() {
		line++
		if err := p.line(strings.TrimSpace(scan.Text())); err != nil {
			return fail(err)
		}
	}
	if err := scan.Err(); err != nil {
		return fail(err)
	}
	if err := p.finish(); err != nil {
		return fail(err)
	}
	switch {
	case len(c.Files) == 0:
		return fail(errors.New(`has no "File Name:", must list the recordings of a case`))
	case c.Rate == 0:
		return fail(errors.New(`has no "Data Sampling Rate:"`))
	}
	return c, nil
}

type parser struct {
	c       *Case
	open    bool // a file has begun
	want    int  // seizures it should have; -1 before it says so
	pending bool // a seizure has begun
	days    float64
	last    float64 // time of day of the last time that was read, with days
}

func (p *parser) line(s string) error {
	key, value, _ := strings.Cut(s, ":")
	value = strings.TrimSpace(value)
	if m := rateLine.FindStringSubmatch(s); m != nil {
		rate, err := strconv.ParseFloat(m[1], 64)
		if err != nil || !(rate > 0) {
			return fmt.Errorf("sampling rate: %q is not a number above 0", m[1])
		}
		p.c.Rate = rate
		return nil
	}
	if key == "File Name" {
		if err := p.finish(); err != nil {
			return err
		}
		if value == "" || strings.ContainsAny(value, `/\`) {
			return fmt.Errorf("file name: %q is not the name of a file", value)
		}
		p.c.Files = append(p.c.Files, File{Name: value})
		p.open, p.want = true, -1
		return nil
	}
	if !p.open {
		return nil // the list of channels
	}
	f := &p.c.Files[len(p.c.Files)-1]
	switch key {
	case "File Start Time", "File End Time":
		at, err := p.time(value)
		if err != nil {
			return err
		}
		if key == "File Start Time" {
			f.StartS = at
		} else {
			f.EndS, f.Timed = at, true
		}
		return nil
	case "Number of Seizures in File":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return fmt.Errorf("number of seizures: %q is not a whole number of at least 0", value)
		}
		p.want = n
		return nil
	}
	m := seizureLine.FindStringSubmatch(s)
	if m == nil {
		if strings.HasPrefix(s, "Seizure") {
			return fmt.Errorf(`%q is not "Seizure Start Time: N seconds" or "Seizure End Time: N seconds"`, s)
		}
		return nil // channels that change
	}
	at, err := strconv.ParseFloat(m[2], 64)
	if err != nil {
		return err
	}
	switch {
	case m[1] == "Start" && p.pending:
		return errors.New("a seizure begins before the one before has an end")
	case m[1] == "End" && !p.pending:
		return errors.New("a seizure ends that has not begun")
	case m[1] == "Start":
		if k := len(f.Seizures); k > 0 && at < f.Seizures[k-1].EndS {
			return fmt.Errorf("a seizure begins at %g s, before the end of the one before, %g s", at, f.Seizures[k-1].EndS)
		}
		f.Seizures = append(f.Seizures, Span{StartS: at})
		p.pending = true
	default:
		z := &f.Seizures[len(f.Seizures)-1]
		if at <= z.StartS {
			return fmt.Errorf("a seizure ends at %g s, must end behind its begin at %g s", at, z.StartS)
		}
		z.EndS, p.pending = at, false
	}
	return nil
}

// finish checks the file at hand.
func (p *parser) finish() error {
	if !p.open {
		return nil
	}
	f := p.c.Files[len(p.c.Files)-1]
	switch {
	case p.pending:
		return fmt.Errorf("%s: a seizure has no end", f.Name)
	case p.want < 0:
		return fmt.Errorf(`%s: has no "Number of Seizures in File:"`, f.Name)
	case p.want != len(f.Seizures):
		return fmt.Errorf("%s: says %d seizures and lists %d", f.Name, p.want, len(f.Seizures))
	}
	return nil
}

// time is a time of day in seconds from midnight before the first. Hours may go beyond 23. A time of day that is earlier
// than the one before is on the next day.
func (p *parser) time(s string) (float64, error) {
	m := clock.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("time: %q must be hours:minutes:seconds", s)
	}
	var v [3]int
	for i := range v {
		v[i], _ = strconv.Atoi(m[i+1]) // the pattern has digits only
	}
	if v[1] > 59 || v[2] > 59 {
		return 0, fmt.Errorf("time: %q has more than 59 minutes or seconds", s)
	}
	at := float64(v[0]%24*3600 + v[1]*60 + v[2])
	for at+p.days < p.last {
		p.days += 24 * 3600
	}
	p.last = at + p.days
	return p.last, nil
}

// Seizures are those of the whole case, in seconds on the axis of File.StartS. It is an error where a file has no times.
func (c *Case) Seizures() ([]Span, error) {
	var out []Span
	for _, f := range c.Files {
		if !f.Timed {
			return nil, fmt.Errorf("%s: the summary has no times of day for %s, so the distance between its files is not known", c.ID, f.Name)
		}
		for _, z := range f.Seizures {
			out = append(out, Span{f.StartS + z.StartS, f.StartS + z.EndS})
		}
	}
	return out, nil
}

// Cases reads all summaries of the data set, whose folder is fsys: chb01/chb01-summary.txt and so on.
func Cases(fsys fs.FS) ([]*Case, error) {
	names, err := fs.Glob(fsys, "chb[0-9][0-9]/chb[0-9][0-9]-summary.txt")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("there is no chbNN/chbNN-summary.txt: give the folder of the data set that has the folders chb01 to chb24")
	}
	var out []*Case
	for _, name := range names {
		f, err := regular.Open(fsys, name)
		if err != nil {
			return nil, err
		}
		c, err := Parse(name, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}
