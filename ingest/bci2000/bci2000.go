package bci2000

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	ingest.Register(ingest.Format{Name: "bci2000", Ext: []string{".dat"}, Match: match, Open: Open})
}

// match looks at the first line: "BCI2000V= 1.1 HeaderLen= 4096 SourceCh= 64 …", or, in version 1.0, "HeaderLen= 4096 SourceCh= …".
func match(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return (bytes.HasPrefix(line, []byte("BCI2000V=")) || bytes.HasPrefix(line, []byte("HeaderLen="))) && bytes.Contains(line, []byte("SourceCh="))
}

// Open reads the header and the states of f. It owns f from now on and closes it, also when it fails.
func Open(f ingest.File, name string) (*signal.Recording, error) {
	return ingest.Owned(f, name, open)
}

func open(f ingest.File, name string) (*signal.Recording, error) {
	src, err := flatfile.NewSource(f, name, nil)
	if err != nil {
		return nil, err
	}
	h, err := readHeader(src)
	if err != nil {
		return nil, err
	}
	frame := h.typ.Width()*int64(len(h.gains)) + h.states
	n := (src.Size - h.bytes) / frame
	if n == 0 {
		return nil, src.Errorf(src.Size, "samples", "there are none: the header has %d bytes and a sample %d, the file %d", h.bytes, frame, src.Size)
	}
	if rest := (src.Size - h.bytes) % frame; rest != 0 {
		src.Deviate(h.bytes+n*frame, "samples", "the file ends with a whole sample of all channels", fmt.Sprintf("%d bytes more", rest), "they are left out")
	}
	rec := &signal.Recording{Name: name, Format: "BCI2000 " + h.version, Begin: h.begin, Info: h.info, Len: n}
	lay := flatfile.Layout{Record: frame, PerRecord: 1, At: h.bytes, Runs: flatfile.Whole(n), Columns: make([]flatfile.Column, len(h.gains))}
	for ch := range h.gains {
		w := h.typ.Width()
		lay.Columns[ch] = flatfile.Column{At: int64(ch) * w, Step: w, Type: h.typ, Zero: h.offsets[ch], Gain: h.gains[ch]}
	}
	rec.Data = signal.InUnits{SampleReader: flatfile.NewReader(src, lay), Units: h.units}
	if rec.Events, rec.Notes, err = h.readEvents(src, n, frame); err != nil {
		return nil, err
	}
	for _, p := range h.people {
		rec.AddPersonal(p[0], p[1])
	}
	rec.Deviations = src.Deviations()
	return rec, nil
}

// isText says whether a state's name is one.
func isText(name string) bool { return name != "" && !strings.ContainsAny(name, "=[]") }
