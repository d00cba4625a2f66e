package blackrock

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	ingest.Register(ingest.Format{
		Name: "blackrock", Ext: []string{".ns1", ".ns2", ".ns3", ".ns4", ".ns5", ".ns6", ".nev"}, Match: match, OpenIn: OpenIn,
	})
}

// What files begin with: samples of version 2.1, of 2.2 and 2.3, of 3.0; events before 3.0, and of 3.0.
const (
	samples21 = "NEURALSG"
	samples22 = "NEURALCD"
	samples30 = "BRSMPGRP"
	events21  = "NEURALEV"
	events30  = "BREVENTS"
)

func match(head []byte) bool {
	return slices.Contains([]string{samples21, samples22, samples30, events21, events30}, string(head[:min(8, len(head))]))
}

var le = binary.LittleEndian

// OpenIn reads the headers of f, and all events: those of the .nev beside a file with samples, or of f itself. It owns f from
// now on and closes it, also when it fails.
func OpenIn(fsys fs.FS, f ingest.File, name string) (*signal.Recording, error) {
	return ingest.Owned(f, name, func(f ingest.File, name string) (*signal.Recording, error) { return open(fsys, f, name) })
}

func open(fsys fs.FS, f ingest.File, name string) (*signal.Recording, error) {
	src, err := flatfile.NewSource(f, name, nil)
	if err != nil {
		return nil, err
	}
	id, err := src.Bytes(0, 8, "file type")
	if err != nil {
		return nil, err
	}
	if string(id) == events21 || string(id) == events30 {
		return openEvents(src)
	}
	return openSamples(fsys, src, string(id))
}

// openEvents reads a .nev on its own.
func openEvents(src *flatfile.Source) (*signal.Recording, error) {
	n, err := readNEV(src)
	if err != nil {
		return nil, err
	}
	rec := &signal.Recording{Name: src.Name, Format: "Blackrock NEV " + n.version, Begin: n.origin, Info: &signal.Info{}, Texts: n.texts}
	rec.Events, rec.Coined = n.alone(), n.coined(rec.Info)
	rec.Deviations = src.Deviations()
	return rec, nil
}

// openSamples reads a file with samples, and the .nev beside it.
func openSamples(fsys fs.FS, src *flatfile.Source, id string) (*signal.Recording, error) {
	events, part := beside(fsys, src)
	var h *nsx
	var err error
	if id == samples21 {
		h, err = read21(src, events)
	} else {
		h, err = read22(src)
	}
	if err != nil {
		return nil, err
	}
	runs, clock, err := h.place(src)
	if err != nil {
		return nil, err
	}
	h.lay.Runs, h.lay.Scattered = runs, true
	rec := &signal.Recording{Name: src.Name, Format: "Blackrock NSx " + h.version, Begin: h.begin(src, clock), Info: h.info, Texts: h.texts}
	if h.ptp {
		rec.Format += " (PTP)"
	}
	if part != "" {
		rec.Parts = []string{part}
	}
	rec.Spans, rec.Len = h.lay.Spans()
	rec.Data = reader{flatfile.NewReader(src, h.lay), h.stored}
	if events != nil {
		if !events.origin.Equal(h.origin) && !h.origin.IsZero() {
			src.Deviate(0, "time origin", "files of one recording have the same", fmt.Sprintf("%v, and %v in %s", h.origin, events.origin, part), "the time stamps of both are of one clock")
		}
		rec.Events, rec.Coined = events.joined(src, clock), events.coined(h.info)
		rec.Texts = append(rec.Texts, events.texts...)
	}
	rec.Deviations = src.Deviations()
	return rec, nil
}

// beside reads the .nev that belongs to a file with samples; it is nil where there is none. Damage to it does not keep the samples
// from being read: it is listed.
func beside(fsys fs.FS, src *flatfile.Source) (n *nev, name string) {
	base := path.Base(src.Name)
	ending := ".nev"
	if ext := path.Ext(base); ext != "" && ext == strings.ToUpper(ext) {
		ending = ".NEV"
	}
	other := strings.TrimSuffix(base, path.Ext(base)) + ending
	n, err := readBeside(fsys, src, other)
	switch {
	case err == nil:
		return n, ingest.Beside(src.Name, other)
	case !errors.Is(err, fs.ErrNotExist):
		src.Add("companion", signal.Deviation{Where: other, Rule: "the file of events beside the samples can be read", Found: err.Error(), Assumed: "the recording has no events", Missing: true})
	}
	return nil, ""
}

func readBeside(fsys fs.FS, src *flatfile.Source, other string) (*nev, error) {
	f, err := ingest.OpenPart(fsys, ingest.Beside(src.Name, other))
	if err != nil {
		return nil, err
	}
	s, err := flatfile.NewSource(f, ingest.Beside(src.Name, other), src.Log)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	n, err := readNEV(s)
	return n, errors.Join(err, f.Close())
}

// origin reads a time: year, month, day of the week, day, hour, minute, second, millisecond, in UTC. It is the zero time where
// none was written.
func origin(src *flatfile.Source, b []byte, at int64) time.Time {
	var v [8]int
	for i := range v {
		v[i] = int(le.Uint16(b[2*i:]))
	}
	if v == [8]int{} {
		return time.Time{}
	}
	t := time.Date(v[0], time.Month(v[1]), v[3], v[4], v[5], v[6], v[7]*int(time.Millisecond), time.UTC)
	if v[0] < 1601 || v[0] > 9999 || t.Year() != v[0] || int(t.Month()) != v[1] || t.Day() != v[3] || t.Hour() != v[4] || t.Minute() != v[5] || t.Second() != v[6] {
		src.Deviate(at, "time origin", "is a date and a time", fmt.Sprintf("%d-%d-%d %d:%d:%d.%d", v[0], v[1], v[3], v[4], v[5], v[6], v[7]), "the begin is not known")
		return time.Time{}
	}
	return t
}

// text is a field that a NUL ends, or its own length.
func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	s, _ := ingest.Text(nil, b) // the specification has US-ASCII
	return strings.TrimSpace(s)
}

// wide is text in UTF-16 that a NUL ends, or its own length; the least significant byte comes first unless a mark says otherwise.
func wide(b []byte) string {
	order := binary.ByteOrder(binary.LittleEndian)
	if bytes.HasPrefix(b, []byte{0xfe, 0xff}) {
		order = binary.BigEndian
	}
	var u []uint16
	for ; len(b) >= 2; b = b[2:] {
		v := order.Uint16(b)
		if v == 0 {
			break
		}
		if v != 0xfeff {
			u = append(u, v)
		}
	}
	return strings.TrimSpace(string(utf16.Decode(u)))
}
