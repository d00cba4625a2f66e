package fif

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// ref is the reference to another part, false where there is none.
func (c *content) ref(role int32) (fileRef, bool) {
	i := slices.IndexFunc(c.refs, func(r fileRef) bool { return r.role == role })
	if i < 0 {
		return fileRef{}, false
	}
	return c.refs[i], true
}

// parts are the files behind the first one that a split recording lies in.
type parts struct {
	files   []ingest.File
	sources []*source
}

// close closes the files.
func (p *parts) close() error {
	var errs []error
	for _, f := range p.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// names are those of the files.
func (p *parts) names() (all []string) {
	for _, s := range p.sources {
		all = append(all, s.name)
	}
	return all
}

// deviations are those of the files, with their names.
func (p *parts) deviations() (all []signal.Deviation) {
	for _, s := range p.sources {
		for _, d := range s.list() {
			d.Where = s.name + ": " + d.Where
			all = append(all, d)
		}
	}
	return all
}

// follow joins the samples of the parts that the recording goes on in to raw, and their annotations to those of c. The opened files are
// in p also where it fails.
func (p *parts) follow(fsys fs.FS, s *source, c *content, raw *buffers) error {
	if r, ok := c.ref(rolePrevious); ok {
		s.deviate(r.at, "previous file", "a recording is opened by its first part", fmt.Sprintf("a part that goes on from %q", base(r.name)), "it is read from its own first sample on, without what is before it")
	}
	seen := []string{base(s.name)}
	for at, from := s, c; ; {
		r, ok := from.ref(roleNext)
		if !ok {
			return nil
		}
		name := base(r.name)
		if name != r.name {
			at.deviate(r.at, "next file", "is named without its folder", strconv.Quote(r.name), fmt.Sprintf("%q beside the first part", name))
		}
		if slices.Contains(seen, name) {
			return at.errorf(r.at, "next file", "is %q, a part that comes before it: the parts go round in a circle, must end with one that names no next file; fetch them again", name)
		}
		seen = append(seen, name)
		f, err := ingest.OpenBeside(fsys, s.name, name)
		if errors.Is(err, fs.ErrNotExist) {
			at.omit(r.at, "next file", "all parts of a recording lie beside each other, under the names that they were written with", func() string { return fmt.Sprintf("no %q", name) }, "the recording ends where that part would begin")
			return nil
		}
		if err != nil {
			return at.errorf(r.at, "next file", "%w", err)
		}
		p.files = append(p.files, f)
		next, err := newSource(f, ingest.Beside(s.name, name))
		if err != nil {
			return err
		}
		p.sources = append(p.sources, next)
		found, err := next.part(c, raw, base(at.name))
		if err != nil {
			return fmt.Errorf("the recording %s goes on in a file that cannot be read: %w; repair that, or move it away to read what is before it", s.name, err)
		}
		at, from = next, found
	}
}

// base is a name without its folder. MNE writes the folder of the part before into a file, as the system that it ran on has it.
func base(name string) string { return name[strings.LastIndexAny(name, `/\`)+1:] }

// part reads s as what follows raw, and joins it. whole is what the first part describes, before the name of the part before s.
func (s *source) part(whole *content, raw *buffers, before string) (*content, error) {
	head := make([]byte, min(bytesOfTag, s.size))
	if err := s.read(head, 0, "file"); err != nil {
		return nil, err
	}
	if !match(head) {
		return nil, s.errorf(0, "file", "is not FIF, or is compressed: unpack it")
	}
	c, err := collect(s)
	if err != nil {
		return nil, err
	}
	more, err := c.samples(s)
	if err != nil {
		return nil, err
	}
	if err := c.same(s, whole); err != nil {
		return nil, err
	}
	end := raw.first + raw.len
	if more.first < end {
		return nil, s.errorf(0, "first sample", "is number %d, must be at least %d, which follows the last one of %s: the parts are out of order, or of different recordings", more.first, end, before)
	}
	if r, ok := c.ref(rolePrevious); ok && base(r.name) != before {
		if more.first > end {
			return nil, s.errorf(r.at, "previous file", "is %q, must be %q: it is a part of another recording, whose samples do not follow (%d behind %d)", base(r.name), before, more.first, end)
		}
		s.deviate(r.at, "previous file", "names the part before it", fmt.Sprintf("%q, not %q", base(r.name), before), "it goes on from there, as its samples follow: the files were renamed")
	}
	if more.first > end {
		s.deviate(0, "first sample", fmt.Sprintf("follows the last one of the part before it, number %d", end-1), fmt.Sprintf("number %d", more.first), fmt.Sprintf("a gap of %d samples", more.first-end))
	}
	raw.join(more)
	whole.annotations.join(s, &c.annotations)
	return c, nil
}

// same refuses a part that is described otherwise than the first one.
func (c *content) same(s *source, whole *content) error {
	if c.rate != whole.rate {
		return s.errorf(c.rateAt, "sampling frequency", "is %g Hz, must be %g Hz as in the first part", c.rate, whole.rate)
	}
	if len(c.chans) != len(whole.chans) {
		return s.missing("channels", "there are %d, must be %d as in the first part", len(c.chans), len(whole.chans))
	}
	if !slices.Equal(c.longNames, whole.longNames) {
		return s.missing("names of channels", "are others than in the first part")
	}
	for i, ch := range c.chans {
		first := whole.chans[i]
		if ch.name != first.name || ch.kind != first.kind || ch.scale != first.scale || ch.cal != first.cal || ch.unit != first.unit || ch.multiplier != first.multiplier {
			return s.errorf(ch.at, "channel", "%d is %q, and of another name, kind, calibration or unit than in the first part, %q", i+1, ch.name, first.name)
		}
	}
	return nil
}

// join adds the annotations of another part. MNE writes all of them into every part: those that are there are not there twice.
func (a *annotations) join(s *source, more *annotations) {
	type note struct {
		begin, end float64
		text       string
		channels   signal.Channels
	}
	known := map[note]bool{}
	for k, text := range a.text {
		known[note{a.begin[k], a.end[k], text, a.channels[k]}] = true
	}
	left := 0
	for i, text := range more.text {
		switch {
		case known[note{more.begin[i], more.end[i], text, more.channels[i]}] && a.origin.Equal(more.origin):
		case a.origin.Equal(more.origin) && !a.origin.IsZero() || len(a.text) == 0 && !more.origin.IsZero():
			a.origin = more.origin
			a.begin, a.end = append(a.begin, more.begin[i]), append(a.end, more.end[i])
			a.text, a.channels = append(a.text, text), append(a.channels, more.channels[i])
		default:
			left++
		}
	}
	if left > 0 {
		s.omit(more.at, "annotations", "count from the same time in every part", func() string { return fmt.Sprintf("%d that do not, or from no time", left) }, "they are left out")
	}
}
