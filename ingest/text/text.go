package text

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// kind is one way to lay out a table.
type kind struct {
	name   string // "Muse CSV"
	expect string // how such a file begins, for messages
	// match says whether the first bytes of the text, which may end anywhere, are of this kind.
	match func(head []byte) bool
	// layout reads the lines above the samples.
	layout func(src *source) (*layout, error)
}

// layout is what the lines above the samples say.
type layout struct {
	comma   byte
	columns []column
	nominal []float64          // rates in Hz that the device has, or the one that the table names
	within  float64            // how far, relative, the measured rate may be from them
	stated  string             // the rule that stamps follow; "" where the table does not name its rate
	assumed []signal.Deviation // what the table does not say and was taken for granted
	noted   []signal.Deviation // the same, where all tables of its kind leave it open and mean what was taken

	decimal   byte            // ',' where it is one, otherwise a point
	missing   map[string]bool // words for no value
	rate      float64         // Hz, where there are no stamps
	epoch     bool            // stamps count from 1970
	mapped    bool            // by a mapping: nothing is left to guess
	open      bool            // stamps have no unit, and are taken for seconds
	reference string
}

// role is what a column is for.
type role uint8

const (
	sample role = iota
	stamp
	marker
	counter // of the samples, such as 0 to 255 over and over
	unused
)

// column is one column of the table.
type column struct {
	name  string  // as the header writes it
	at    int64   // of its cell in the header
	scale float64 // of a sample to the unit of the table, of a stamp to seconds
	signal.Channel

	offset float64      // of a sample, in the unit of the table
	unit   *units.Scale // from there to the channel's; nil leaves it
	role   role
	iso    bool              // stamps are dates and times
	code   *coding           // of markers; nil takes them as they are
	words  map[string]string // what cells of markers say, of those that were met first
	wanted *mappedChannel    // what the mapping says of a sample
}

// value is a number of the table in the channel's unit.
func (c *column) value(v float64) float64 {
	v *= c.scale
	if c.offset != 0 {
		v += c.offset
	}
	if c.unit != nil && c.unit.Div != 0 {
		v = c.unit.Apply(v)
	}
	return v
}

// kinds is every kind there is; each is asked in this order.
var kinds = []*kind{muse, openBCI, plain}

func init() {
	var expect []string
	for _, k := range kinds {
		expect = append(expect, k.name+" begins with "+k.expect)
	}
	ingest.Register(ingest.Format{
		Name: "text", Ext: []string{".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"}, Match: match, OpenIn: OpenIn, Sidecar: sidecar, Template: template,
		Hint: "a table is read by a mapping beside it, FILE" + sidecar + ", and gyrus info FILE --mapping-template prints one to begin with; without one these are known: " + strings.Join(expect, "; "),
	})
}

// match looks into packed files too.
func match(head []byte) bool { return recognise(unpackHead(head)) != nil }

func recognise(head []byte) *kind {
	i := slices.IndexFunc(kinds, func(k *kind) bool { return k.match(head) })
	if i < 0 {
		return nil
	}
	return kinds[i]
}

// OpenIn reads all of f, by the mapping beside it where there is one, and closes it, also when it fails.
func OpenIn(fsys fs.FS, f ingest.File, name string) (*signal.Recording, error) {
	rec, err := openIn(fsys, f, name)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return rec, nil
}

func openIn(fsys fs.FS, f ingest.File, name string) (*signal.Recording, error) {
	side, err := ingest.OpenPart(fsys, name+sidecar)
	if errors.Is(err, fs.ErrNotExist) {
		return open(f, name, nil)
	}
	if err != nil {
		return nil, err
	}
	m, err := readMapping(side, name+sidecar)
	if err := errors.Join(err, side.Close()); err != nil {
		return nil, err
	}
	rec, err := open(f, name, &kind{name: csvName, layout: m.layout})
	if err != nil {
		return nil, err
	}
	rec.Parts = []string{m.name}
	return rec, nil
}

// open reads a table of kind k, or, where that is nil, of the kind that it looks like.
func open(f ingest.File, name string, k *kind) (*signal.Recording, error) {
	src, err := newSource(f, name)
	if err != nil {
		return nil, err
	}
	if k == nil {
		head, err := src.peek(headBytes)
		if err != nil {
			return nil, err
		}
		if k = recognise(head); k == nil {
			return nil, src.errorf(src.offset(0), "header", "is of no known kind of table: %s", expected())
		}
	}
	lay, err := k.layout(src)
	if err != nil {
		return nil, err
	}
	t, err := readTable(src, lay)
	if err != nil {
		return nil, err
	}
	return t.recording(k.name)
}

func expected() string {
	var all []string
	for _, k := range kinds {
		all = append(all, fmt.Sprintf("%s begins with %s", k.name, k.expect))
	}
	return strings.Join(all, "; ")
}
