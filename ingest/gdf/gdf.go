package gdf

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	ingest.Register(ingest.Format{Name: "gdf", Ext: []string{".gdf"}, Match: match, Open: Open})
}

func match(head []byte) bool {
	return bytes.HasPrefix(head, []byte("GDF 1.")) || bytes.HasPrefix(head, []byte("GDF 2."))
}

// Open reads the headers and the events of f. It owns f from now on and closes it, also when it fails.
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
	records, err := h.count(src)
	if err != nil {
		return nil, err
	}
	events, err := h.readEvents(src, records)
	if err != nil {
		return nil, err
	}
	groups := h.groups()
	infos := make([]*signal.Info, len(groups))
	of := make([]signal.Channels, h.all)
	for i, g := range groups {
		infos[i] = h.describe(src, g)
		if !events.duration { // nor channels
			continue
		}
		for k, c := range g {
			of[c.index] = signal.ChannelsOf(infos[i].Channels[k].Name)
		}
	}
	var recs []*signal.Recording
	for i, g := range groups {
		rec := &signal.Recording{Name: name, Format: fmt.Sprintf("GDF %.2f", h.version), Begin: h.begin, Info: infos[i]}
		n := records * g[0].perRecord
		line := flatfile.Whole(n)
		if i == 0 {
			line = events.timeline(src, n, rec.Info.Rate, len(groups))
			rec.Events = events.place(src, line, rec.Info.Rate, of)
		}
		lay := flatfile.Layout{Record: h.record, PerRecord: g[0].perRecord, Columns: make([]flatfile.Column, len(g))}
		dims := make([]string, len(g))
		for i, c := range g {
			dims[i] = c.dim
			lay.Columns[i] = flatfile.Column{At: c.at, Step: c.typ.Width(), Type: c.typ, Gain: c.gain, Offset: c.offset}
		}
		lay.At, lay.Runs = h.bytes, line
		rec.Spans, rec.Len = lay.Spans()
		rec.Data = signal.InUnits{SampleReader: flatfile.NewReader(src, lay), Units: dims}
		recs = append(recs, rec)
	}
	main := recs[0]
	if err := h.personal(src, main); err != nil {
		return nil, err
	}
	main.Others = recs[1:]
	main.Deviations = src.Deviations()
	return main, nil
}

// count is how many records there are.
func (h *header) count(src *flatfile.Source) (int64, error) {
	have := (src.Size - h.bytes) / h.record
	switch {
	case have == 0 || h.records == 0:
		return 0, src.Errorf(236, "number of data records", "is %d, and the file has room for %d of %d bytes: there are no samples", h.records, have, h.record)
	case h.records < 0:
		src.Omit(236, "number of data records", "is known once recording has ended", fmt.Sprintf("%d: it was never ended", h.records), fmt.Sprintf("the %d that the file has room for; there are no events", have))
		return have, nil
	case h.records > have:
		src.Omit(236, "number of data records", fmt.Sprintf("is at most the %d that the file has room for", have), fmt.Sprintf("%d: the file was cut", h.records), "those that are there; there are no events")
		return have, nil
	}
	return h.records, nil
}

// groups are the channels by their rate, the largest group first.
func (h *header) groups() [][]channel {
	// In the order of the file, groups by their first channel: each is a part of all channels then.
	first := map[int64]int64{}
	for _, c := range h.channels {
		if _, seen := first[c.perRecord]; !seen {
			first[c.perRecord] = c.index
		}
	}
	slices.SortStableFunc(h.channels, func(a, b channel) int { return cmp.Compare(first[a.perRecord], first[b.perRecord]) })
	groups := make([][]channel, 0, len(first))
	for rest := h.channels; len(rest) > 0; {
		n := slices.IndexFunc(rest, func(c channel) bool { return c.perRecord != rest[0].perRecord })
		if n < 0 {
			n = len(rest)
		}
		groups, rest = append(groups, rest[:n:n]), rest[n:]
	}
	slices.SortStableFunc(groups, func(a, b []channel) int { return len(b) - len(a) })
	return groups
}

// day1970 is 1 January 1970 as GDF 2 counts days (and MATLAB's datenum).
const day1970 = 719529

// date is a time in days and their 2^-32, the zero time for 0.
func date(v uint64) time.Time {
	if v == 0 {
		return time.Time{}
	}
	days, rest := int64(v>>32)-day1970, v&0xffffffff
	// A unit is about 20 µs; microseconds lose nothing.
	us := math.Round(float64(rest) * (86400e6 / (1 << 32)))
	return time.Unix(days*86400, 0).Add(time.Duration(us) * time.Microsecond).UTC()
}
