package cnt

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
)

// What numbers of 32 bits look like: amplifiers have 24, whose upper half is small, while the lower one may be anything.
const (
	wordBytes = 1 << 17 // that are looked at
	small     = 1 << 7  // below which the upper half of 24 bits is
	nearly    = 0.99    // share of numbers that is all of them
)

// count finds the width of the numbers, and how many there are, where the header says a number of samples that cannot be: by what
// lies between it and the table of events. block is how many bytes of a channel lie one behind the other.
func (h *header) count(src *flatfile.Source, block int64) error {
	total := h.table - h.bytes
	fits := func(typ flatfile.Type) bool {
		frame := typ.Width() * h.channels
		return total >= frame && total%frame == 0 && (block == 1 || block%typ.Width() == 0 && total%(h.channels*block) == 0)
	}
	fail := func(why string) error {
		return src.Errorf(864, "number of samples", "%d samples of %d channels in the %d bytes up to the event table are neither of 16 nor of 32 bits, and %s: the width of the numbers is not known. "+
			"Export the recording as EDF with the program that made it, or with MNE-Python, which is told the width: mne.io.read_raw_cnt(name, data_format=\"int16\").export(\"out.edf\"), or \"int32\"",
			h.samples, h.channels, total, why)
	}
	var t *rows
	if h.table < src.Size && total > 0 {
		var err error
		if t, err = h.readRows(src); err != nil {
			return err
		}
		if t.flaw != "" {
			return fail(fmt.Sprintf("there is no event table at byte %d", h.table))
		}
	}
	typ, why := flatfile.Int16, "only these are whole up to the event table"
	switch short, long := fits(flatfile.Int16), fits(flatfile.Int32); {
	case !short && !long:
		return fail("these are no whole number of either")
	case !short:
		typ = flatfile.Int32
	case long:
		var err error
		if typ, why, err = h.told(src, t); err != nil {
			return err
		}
		if why == "" {
			return fail("neither the events nor the numbers tell")
		}
	}
	n := total / (typ.Width() * h.channels)
	src.Deviate(864, "number of samples", "the samples end where the event table is", fmt.Sprintf("%d of %d channels, for %d bytes", h.samples, h.channels, total),
		fmt.Sprintf("%d samples of %d bits: %s", n, 8*typ.Width(), why))
	h.typ, h.samples = typ, n
	return nil
}

// told says which of the two widths it is where the samples fill the file with either, and why; "" where nothing tells.
func (h *header) told(src *flatfile.Source, t *rows) (typ flatfile.Type, why string, err error) {
	long := flatfile.Int32.Width() * h.channels
	if t != nil && t.kind != 3 {
		for b := t.raw; len(b) > 0; b = b[t.width:] {
			if off := place(b) - h.bytes; off > 0 && off%long == long/2 {
				return flatfile.Int16, "an event lies between two samples of 32 bits", nil
			}
		}
	}
	for _, typ := range []flatfile.Type{flatfile.Int16, flatfile.Int32} {
		if n := float64((h.table - h.bytes) / (typ.Width() * h.channels)); math.Abs(float64(h.samples)-n) <= n/10 {
			return typ, "their number is nearly that of the header", nil
		}
	}
	bytes, err := src.Bytes(h.bytes, min(wordBytes, src.Size-h.bytes, h.table-h.bytes)&^3, "samples")
	if err != nil {
		return 0, "", err
	}
	typ, why = widthOf(bytes)
	return typ, why, nil
}

// widthOf says what numbers look like: the halves of one of 32 bits are unlike each other, those of two of 16 are alike.
func widthOf(b []byte) (typ flatfile.Type, why string) {
	n, upperSmall, lowerSmall, signs, filled := 0, 0, 0, 0, 0
	isSmall := func(v int16) bool { return v >= -small && v < small }
	for ; len(b) >= 4; b = b[4:] {
		lower, upper := int16(binary.LittleEndian.Uint16(b)), int16(binary.LittleEndian.Uint16(b[2:]))
		if lower == 0 && upper == 0 { // says nothing
			continue
		}
		n++
		if isSmall(upper) {
			upperSmall++
		}
		if isSmall(lower) {
			lowerSmall++
		}
		if upper == lower>>15 {
			signs++
		}
		if upper != 0 {
			filled++
		}
	}
	share := func(k int) float64 { return float64(k) / float64(n) }
	switch {
	case n < 100:
		return 0, ""
	case share(upperSmall) < nearly:
		return flatfile.Int16, fmt.Sprintf("of 32 bits %.0f %% of the numbers would have more than 24", 100*(1-share(upperSmall)))
	case share(signs) >= nearly && filled > 0 && filled < n:
		return flatfile.Int32, "of 16 bits every second number would be the sign of that in front of it"
	case share(lowerSmall) >= nearly:
		return flatfile.Int16, "of 32 bits the numbers would jump by 65536 with each sign"
	case share(lowerSmall) < 0.5 && share(filled) > 0.1: // else they may be those of a channel that is not connected
		return flatfile.Int32, "of 16 bits every second number would be near 0, and the others large"
	}
	return 0, ""
}
