package edf

import (
	"bytes"
	"fmt"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	ingest.Register(ingest.Format{Name: "edf", Ext: []string{".edf"}, Match: edf16.match, Open: Open, Mend: mend})
	ingest.Register(ingest.Format{Name: "bdf", Ext: []string{".bdf"}, Match: bdf24.match, Open: Open, Mend: mend})
}

// variant is what tells the formats of the family apart.
type variant struct {
	name        string // "EDF"
	version     []byte // the first field
	plain       string // what the field reserved holds in a file that is not "+"
	annotations string // the label of the signals that hold text
	bytes       int    // of one sample
	min, max    int64  // that a sample can be
	decode      func(dst []float64, src []byte, offset, gain float64)
	decodePast  func(dst []float64, src []byte, n, stride int, offset, gain float64) // runs of n past the cache, or nil
	encode      func(dst []byte, sample int64)
}

var edf16 = &variant{
	name:        "EDF",
	version:     []byte("0       "),
	annotations: "EDF Annotations",
	bytes:       2,
	min:         -1 << 15, max: 1<<15 - 1,
	decode: decode16, decodePast: decode16Past,
	encode: encode16,
}

var bdf24 = &variant{
	name:        "BDF",
	version:     []byte("\xffBIOSEMI"),
	plain:       "24BIT",
	annotations: "BDF Annotations",
	bytes:       3,
	min:         -1 << 23, max: 1<<23 - 1,
	decode: decode24,
	encode: encode24,
}

// match accepts also what is damaged, as long as it once was of this format: Open then says what happened to it. Of the six fields
// with digits two may be unreadable.
func (v *variant) match(head []byte) bool {
	if len(head) < 8 || !bytes.Equal(bytes.ReplaceAll(head[:8], []byte{0}, []byte(" ")), v.version) {
		return false
	}
	flaws := 0
	if bytes.ContainsFunc(head[8:min(168, len(head))], func(r rune) bool { return r < ' ' && r != 0 }) {
		flaws += 2 // lines: text, or EDF after text mode
	}
	for _, f := range [][2]int{{168, 176}, {176, 184}, {184, 192}, {236, 244}, {244, 252}, {252, 256}} {
		if f[1] <= len(head) && len(bytes.Trim(head[f[0]:f[1]], "0123456789 +-.,:/\x00")) > 0 {
			flaws++
		}
	}
	if len(head) < fixedBytes {
		return flaws == 0
	}
	return flaws <= 2
}

// Open reads the header and the annotations of f. It owns f from now on and closes it, also when it fails.
func Open(f ingest.File, name string) (*signal.Recording, error) {
	return ingest.Owned(f, name, open)
}

func open(f ingest.File, name string) (*signal.Recording, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	src := &source{file: f, name: name, size: st.Size()}
	h, err := readHeader(src, variantOf(src))
	if err != nil {
		return nil, src.orDamage(err)
	}
	if err := h.fitSize(src); err != nil {
		return nil, err
	}
	if err := src.changed(h); err != nil {
		return nil, err
	}
	chans, err := h.channels(src)
	if err != nil {
		return nil, err
	}
	ann := annotations{src: src, h: h, chans: chans, line: newTimeline(h, &src.dev)}
	if err := ann.readAll(); err != nil {
		return nil, err
	}
	groups, line := group(chans, &ann.fills), ann.line
	if n := groups[0]; len(n) > 0 {
		ann.rate = float64(n[0].samples) / h.duration
		ann.place(n[0].samples)
		line.between(n[0].samples, ann.rate)
	}
	if err := ann.readStatus(chans); err != nil {
		return nil, err
	}
	rec := &signal.Recording{Name: name, Format: h.format(), Begin: line.begin(), Events: ann.sorted(), Texts: h.allTexts(chans), Coined: []string{cmsLabel, batteryLabel}}
	groups[0].fill(rec, &ann, len(groups))
	for _, g := range groups[1:] {
		r := &signal.Recording{Name: name, Format: rec.Format, Begin: rec.Begin}
		g.fill(r, &ann, len(groups))
		rec.Others = append(rec.Others, r)
	}
	rec.Deviations = src.dev.list()
	rec.Notes = ann.unknownNote()
	if f := &ann.fills; f.skips > 0 {
		rec.Notes = append(rec.Notes, signal.SkipNote("annotations", f.skips, f.skipped))
	}
	return rec, nil
}

// format is the name of the format: "EDF", "EDF+C" or "EDF+D".
func (h *header) format() string {
	if h.plus == "" {
		return h.v.name
	}
	return h.v.name + "+" + h.plus
}
