package gdf

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Tags of the third header of GDF 2 that may name somebody (Schlögl 2006, arXiv:cs/0608052, table "Header 3").
var personalTags = map[byte]string{5: "IP address", 6: "technician", 7: "hospital or institution"}

// How many of these are kept, and how much of each: there is one of each.
const maxTags, tagBytes = 16, 4096

// personal keeps what the header says of who was recorded, and by whom.
func (h *header) personal(src *flatfile.Source, rec *signal.Recording) error {
	b, err := src.Bytes(0, fixedBytes, "fixed header")
	if err != nil {
		return err
	}
	add := func(field string, raw []byte) {
		text, _ := src.Text(cut(raw))
		rec.AddPersonal(field, text)
	}
	if h.version < 1.9 {
		add("patient identification", b[8:88])
		add("recording identification", b[88:168])
		for _, f := range []struct {
			field string
			at    int
		}{{"laboratory identification", 200}, {"technician identification", 208}} {
			if id := b[f.at:][:8]; binary.LittleEndian.Uint64(id) != 0 {
				if add(f.field, id); !printable(id) {
					rec.AddPersonal(f.field, strconv.FormatUint(binary.LittleEndian.Uint64(id), 10))
				}
			}
		}
		return nil
	}
	add("patient identification", b[8:74])
	if b[85] != 0 {
		rec.AddPersonal("weight", fmt.Sprintf("%d kg", b[85]))
	}
	if b[86] != 0 {
		rec.AddPersonal("height", fmt.Sprintf("%d cm", b[86]))
	}
	if sex := b[87] & 3; sex != 0 {
		rec.AddPersonal("sex", map[byte]string{1: "male", 2: "female", 3: "not applicable"}[sex])
	}
	add("recording identification", b[88:152])
	if birth := date(binary.LittleEndian.Uint64(b[176:])); !birth.IsZero() {
		rec.AddPersonal("birthday", birth.Format("2006-01-02"))
	}
	return h.tagged(src, rec, int64(binary.LittleEndian.Uint16(b[252:])))
}

// tagged reads the third header, which follows the channels: a tag, its length in three bytes, and what it says.
func (h *header) tagged(src *flatfile.Source, rec *signal.Recording, channels int64) error {
	left := maxTags
	for at := fixedBytes + channelBytes*channels; at+4 <= h.bytes; {
		head, err := src.Bytes(at, 4, "header 3")
		if err != nil {
			return err
		}
		n := int64(head[1]) | int64(head[2])<<8 | int64(head[3])<<16
		if at += 4; head[0] == 0 || n > h.bytes-at {
			return nil
		}
		if field := personalTags[head[0]]; field != "" && left > 0 {
			left--
			raw, err := src.Bytes(at, min(n, tagBytes), "header 3")
			if err != nil {
				return err
			}
			text, _ := src.Text(cut(raw))
			if head[0] == 5 && !printable(raw) {
				text = fmt.Sprintf("%d", raw)
			}
			rec.AddPersonal(field, text)
		}
		at += n
	}
	return nil
}

// printable says whether b is text, such as the spaces of a field that is not used.
func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
