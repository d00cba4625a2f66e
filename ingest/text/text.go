package text

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
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
}

// role is what a column is for.
type role int

const (
	sample role = iota
	stamp
	marker
	counter // of the samples, such as 0 to 255 over and over
	unused
)

// column is one column of the table.
type column struct {
	name  string // as the header writes it
	at    int64  // of its cell in the header
	role  role
	scale float64 // of a sample to the channel's unit, of a stamp to seconds
	signal.Channel
}

// kinds is every kind there is; each is asked in this order.
var kinds = []*kind{muse, openBCI}

func init() {
	var expect []string
	for _, k := range kinds {
		expect = append(expect, k.name+" begins with "+k.expect)
	}
	ingest.Register(ingest.Format{
		Name: "text", Ext: []string{".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"}, Match: match, Open: Open,
		Hint: "the tables that are known: " + strings.Join(expect, "; "),
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

// Open reads all of f and closes it, also when it fails.
func Open(f ingest.File, name string) (*signal.Recording, error) {
	rec, err := open(f, name)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return rec, nil
}

func open(f ingest.File, name string) (*signal.Recording, error) {
	src, err := newSource(f, name)
	if err != nil {
		return nil, err
	}
	head, err := src.peek(headBytes)
	if err != nil {
		return nil, err
	}
	k := recognise(head)
	if k == nil {
		return nil, src.errorf(src.offset(0), "header", "is of no known kind of table: %s", expected())
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
