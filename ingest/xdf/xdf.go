package xdf

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	ingest.Register(ingest.Format{
		Name: "xdf", Ext: []string{".xdf", ".xdfz"}, Open: Open,
		Hint:  "a packed file (.xdfz) cannot be read here and there: unpack it with gunzip first",
		Match: func(head []byte) bool { return bytes.HasPrefix(head, magic) }, Repair: repair,
	})
	ingest.RegisterWriter(ingest.Writer{Name: "xdf", Ext: []string{".xdf"}, Write: writeFile, Journals: true})
}

// Open reads all of f once, but for the samples, which are read when they are asked for. It owns f from now on and closes
// it, also when it fails.
func Open(f ingest.File, name string) (*signal.Recording, error) {
	return ingest.Owned(f, name, open)
}

func open(f ingest.File, name string) (*signal.Recording, error) {
	src, err := newSource(f, name)
	if err != nil {
		return nil, err
	}
	c, err := scan(src)
	if err != nil {
		return nil, err
	}
	if len(c.streams) == 0 && c.unread != nil {
		return nil, c.unread
	}
	if len(c.streams) == 0 {
		return nil, src.errorf(src.size, "stream header", "the file has no stream: it ends, or is damaged, before the first one")
	}
	for _, s := range c.streams {
		s.sync(src)
		s.check(src)
	}
	return c.recording()
}

// check lists what the chunks of a stream left open.
func (s *stream) check(src *source) {
	if s.skipped > 0 {
		s.deviate(src, "skipped", "a sample has a stamp, or one before it has", fmt.Sprintf("%d samples whose time is not known", s.skipped), "they are left out")
	}
	if n := s.counted; n >= 0 && n != s.n {
		s.deviate(src, "count", "the footer counts the samples", fmt.Sprintf("%d samples, the footer counts %d", s.n, n), "those that are there")
	}
	if !s.footer {
		s.deviate(src, "footer", "a stream ends with a footer", "none", "the recorder was stopped hard; what it wrote is used")
	}
}

// regular says whether the stream can be a recording.
func (s *stream) regular() bool {
	return !s.info.text() && s.info.rate > 0 && s.info.channels > 0 && s.n > 0
}

// standing is by what streams are compared.
type standing struct {
	eeg      bool // the stream calls itself EEG
	counted  int  // channels of EEG of one that does not
	channels int
}

// compare puts first a stream that calls itself EEG, then those with the most channels of EEG, then those with the most channels, then the first
// in the file.
func (a standing) compare(b standing) int {
	if a.eeg != b.eeg {
		if a.eeg {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.counted, a.counted), cmp.Compare(b.channels, a.channels))
}

// standing is that of a stream of which the channels are known.
func (s *stream) standing() standing {
	if s.isEEG() {
		return standing{eeg: true, channels: s.info.channels}
	}
	return standing{counted: s.eegs, channels: s.info.channels}
}

// rank sorts streams, the main one first. Whoever reads a file in which none of several calls itself EEG is told which one was taken.
func (c *contents) rank(kept []*stream) {
	slices.SortStableFunc(kept, func(a, b *stream) int { return a.standing().compare(b.standing()) })
	if len(kept) < 2 || kept[0].isEEG() {
		return
	}
	first := kept[0]
	found := fmt.Sprintf("it has the type %q, and %d of its %d channels are EEG by their types and labels", first.info.kind, first.eegs, first.info.channels)
	first.note(c.src, "the main stream is the one of type EEG", found, fmt.Sprintf("it is the main one, the other %d lie beside it", len(kept)-1))
}

// recording puts the streams together.
func (c *contents) recording() (*signal.Recording, error) {
	var kept []*stream
	for _, s := range c.streams {
		if s.regular() {
			s.about = s.describe(c.src)
			kept = append(kept, s)
		}
	}
	c.rank(kept)
	if c.refuse != nil && (len(kept) == 0 || !kept[0].isEEG()) {
		return nil, c.refuse
	}
	lines := make([]*timeline, len(kept))
	zero := math.Inf(1)
	for i, s := range kept {
		lines[i] = s.timeline(c.src)
		if s.stamps.err != nil {
			return nil, s.stamps.err
		}
		zero = min(zero, lines[i].segments.at(0).t0)
	}
	begin := c.begin()
	recs := make([]*signal.Recording, len(kept))
	for i, s := range kept {
		lines[i].place(zero)
		s.stamps, s.counts = stamps{}, nil // the segments have it all
		rec := &signal.Recording{Name: c.src.name, Format: "XDF", Begin: begin, Info: s.about}
		rec.Info.Rate = lines[i].rate
		rec.Spans, rec.Len = lines[i].gaps(), lines[i].spans[len(lines[i].spans)-1].End()
		r := newReader(c.src, s, lines[i])
		if err := r.listRounded(rec.Info.Channels); err != nil {
			return nil, err
		}
		rec.Data = r
		recs[i] = rec
	}
	if len(recs) == 0 {
		recs = []*signal.Recording{{Name: c.src.name, Format: "XDF", Begin: begin, Info: &signal.Info{}, Data: signal.Memory{}}}
		lines, zero = []*timeline{{rate: 1}}, 0
	}
	main := recs[0]
	main.Others = recs[1:]
	c.headerTexts(kept, recs)
	if err := c.events(main, lines[0], zero); err != nil {
		return nil, err
	}
	c.people(main)
	main.Deviations, main.Notes = c.src.all(), c.src.notes
	return main, nil
}

// headerTexts are those of the source that gyrus has written into headers: of a stream that is a recording its own, of all others the first one's.
func (c *contents) headerTexts(kept []*stream, recs []*signal.Recording) {
	left := ingest.MostTexts
	for _, s := range c.streams {
		rec := recs[max(0, slices.Index(kept, s))]
		s.info.desc.at("header_texts").each("json", func(n node) bool {
			if left == 0 {
				s.deviate(c.src, "texts", fmt.Sprintf("there are at most %d texts of headers in a file", ingest.MostTexts), "more", "the first of them")
				return false
			}
			left--
			t, err := ingest.DecodeText([]byte(n.get()))
			if err != nil {
				s.deviate(c.src, "texts", "a text of the header is JSON with field and text", err.Error(), "it is left out")
				return true
			}
			rec.Texts = append(rec.Texts, t)
			return true
		})
	}
}

// people lists what headers say about people. What several streams say alike, such as the name of the machine, comes once.
func (c *contents) people(rec *signal.Recording) {
	type said struct{ element, text string }
	by := map[said][]string{} // names of the streams
	var order []said
	for k, s := range c.streams {
		for i, t := range s.info.people {
			if slices.Contains(s.info.people[:i], t) {
				continue
			}
			v := said{t[0], t[1]}
			if by[v] == nil {
				order = append(order, v)
			}
			by[v] = append(by[v], c.streams[k].info.name)
		}
	}
	for _, v := range order {
		where := by[v][0]
		if n := len(by[v]) - 1; n > 0 {
			where = fmt.Sprintf("%s and %d more streams", where, n)
		}
		rec.AddPersonal(where+": "+v.element, v.text)
	}
}

// events makes those of the streams that have any, and the journals.
func (c *contents) events(rec *signal.Recording, line *timeline, zero float64) error {
	total := int64(0)
	for _, s := range c.streams {
		if !s.regular() && s.info.journal() == "" && (s.info.text() && s.info.channels > 0 || s.info.channels == 1) {
			total += s.n
		}
	}
	if total > 0 {
		rec.Events = make([]signal.Event, 0, total)
	}
	for _, s := range c.streams {
		kind := s.info.journal()
		switch {
		case s.regular():
			continue
		case kind != "": // which may be empty
			lines, err := c.marks(make([]signal.Event, 0, s.n), s, line, zero)
			if err != nil {
				return err
			}
			rec.Journals = append(rec.Journals, signal.Journal{Name: s.info.name, Kind: kind, Lines: lines})
			continue
		case s.n == 0:
			s.note(c.src, "a stream may have samples", "none", "the stream is left out: "+s.info.String())
			continue
		case s.info.channels == 0:
			s.deviate(c.src, "empty", "a stream has channels", "none", "the stream is left out")
			continue
		case !s.info.text() && s.info.channels > 1:
			if f := (flaw{s, "numbers", ""}); !c.src.again(f) {
				c.src.list(f, s.place(), "samples come at a rate, or are text or one number", fmt.Sprintf("%d of several numbers that come when they come", s.n), "the stream is left out: "+s.info.String())
				c.src.missing(f)
			}
			continue
		}
		var err error
		if rec.Events, err = c.marks(rec.Events, s, line, zero); err != nil {
			return err
		}
	}
	if len(rec.Info.Channels) == 0 {
		fromFirst(rec)
	}
	order := func(a, b signal.Event) int {
		return cmp.Or(cmp.Compare(a.Sample, b.Sample), cmp.Compare(a.Onset, b.Onset))
	}
	slices.SortStableFunc(rec.Events, order)
	for _, j := range rec.Journals {
		slices.SortStableFunc(j.Lines, order)
	}
	return nil
}

// marks appends the samples of s to all, as events.
func (c *contents) marks(all []signal.Event, s *stream, line *timeline, zero float64) ([]signal.Event, error) {
	label, err := c.labels(s)
	if err != nil {
		return nil, err
	}
	for i := range s.n {
		t := s.stamps.at(i)
		all = append(all, signal.Event{Sample: line.sample(t, zero), Onset: t - zero, Label: label(i)})
	}
	return all, s.stamps.err
}

// fromFirst counts onsets from the first event of a recording without samples, or from the first line of a journal where it has no event.
func fromFirst(rec *signal.Recording) {
	lists := [][]signal.Event{rec.Events}
	for _, j := range rec.Journals {
		lists = append(lists, j.Lines)
	}
	first := math.Inf(1)
	for k, list := range lists {
		if k > 0 && len(rec.Events) > 0 {
			break
		}
		for _, e := range list {
			first = min(first, e.Onset)
		}
	}
	for _, list := range lists {
		for i := range list {
			list[i].Onset -= first
			list[i].Sample = 0
		}
	}
}

// labels is the text of every sample of s, or its number as text.
func (c *contents) labels(s *stream) (of func(i int64) string, err error) {
	src := c.src
	if s.info.text() {
		return func(i int64) string { return *s.labels.At(int(i)) }, nil
	}
	r := newReader(src, s, nil)
	if whole := s.info.format; strings.HasPrefix(whole.name, "int") { // float64 has not all of them
		x := make([]int64, s.n)
		err := r.each(func(i int64, values []byte) { x[i] = whole.integer(values) })
		return func(i int64) string {
			c.label = strconv.AppendInt(c.label[:0], x[i], 10)
			return c.intern(c.label)
		}, err
	}
	x := [][]float64{make([]float64, s.n)}
	if err := r.read(x, 0); err != nil {
		return nil, err
	}
	return func(i int64) string {
		c.label = strconv.AppendFloat(c.label[:0], x[0][i], 'g', -1, 64)
		return c.intern(c.label)
	}, nil
}

// begin is when the recorder says that it began, the zero time where it does not. How far that is from the first sample the
// format does not say.
func (c *contents) begin() time.Time {
	text := c.began
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{"2006-01-02T15:04:05Z0700", time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			c.src.notes = append(c.src.notes, signal.Deviation{
				Where: "file header: datetime", Rule: "the format ties its stamps to no calendar", Found: "the recorder began at " + text,
				Assumed: "sample 0 was measured then, which may be wrong by seconds",
			})
			return t.UTC()
		}
	}
	c.src.list(flaw{nil, "begin", ""}, "file header: datetime", "is like 2006-01-02T15:04:05+0100", strconv.Quote(text), "the begin is not known")
	return time.Time{}
}

// isEEG says whether the stream calls itself so.
func (s *stream) isEEG() bool { return strings.EqualFold(s.info.kind, eegType) }
