package text

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

var muse = &kind{
	name: "Muse CSV", expect: `the line "timestamps,TP9,AF7,AF8,TP10,Right AUX,Marker"`,
	match: museHeader, layout: museLayout,
}

const museStamps = "timestamps"

// museElectrodes are those of every model since 2014.
var museElectrodes = []string{"TP9", "AF7", "AF8", "TP10"}

// museRates are those of the models since 2016, and of 2014.
var museRates = []float64{256, 220}

var byteOrderMark = []byte("\xef\xbb\xbf")

// museHeader accepts also a header with something missing: museLayout then says what.
func museHeader(head []byte) bool {
	line, _, whole := bytes.Cut(bytes.TrimPrefix(head, byteOrderMark), []byte("\n"))
	if !whole {
		return false
	}
	stamps, electrodes := false, 0
	for _, c := range split(nil, line, 0, commaOf(line)) {
		switch name := string(c.text); {
		case strings.EqualFold(name, museStamps):
			stamps = true
		case slices.Contains(museElectrodes, name):
			electrodes++
		}
	}
	return stamps && electrodes > 0 || electrodes == len(museElectrodes)
}

// museLayout reads the header.
func museLayout(src *source) (*layout, error) {
	line, err := src.next()
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, errNoEnd) || errors.Is(err, errPacked) {
			err = src.errorf(src.offset(src.at), src.where(""), "the header has no line end, so the file was cut within it: fetch it again")
		}
		return nil, err
	}
	at := src.at
	if rest, marked := bytes.CutPrefix(line, byteOrderMark); marked {
		src.dev.count("bom", func() signal.Deviation {
			return signal.Deviation{Where: "byte 0: header", Rule: "begins with the name of a column", Found: "a byte order mark", Assumed: "it is passed over"}
		})
		line, at = rest, at+int64(len(byteOrderMark))
	}
	lay := &layout{comma: commaOf(line), nominal: museRates, assumed: []signal.Deviation{{
		Where: "line 1: header", Rule: "names the unit of every column", Found: "no units",
		Assumed: "samples are in µV and stamps in seconds, as Muse recorders write them; the reference is unknown to the table",
	}}}
	var names []string
	for _, c := range split(nil, line, at, lay.comma) {
		col := column{name: string(c.text), at: c.at, scale: 1}
		switch low := strings.ToLower(col.name); {
		case low == museStamps:
			col.role = stamp
		case strings.TrimRight(low, "0123456789") == "marker":
			col.role = marker
		default:
			names = append(names, col.name)
		}
		lay.columns = append(lay.columns, col)
	}
	for _, e := range museElectrodes {
		if !slices.Contains(names, e) {
			lay.assumed = append(lay.assumed, signal.Deviation{
				Where: "line 1: header", Rule: "has the columns " + strings.Join(museElectrodes, ", "), Found: "no column " + e, Assumed: "the recording is without it",
			})
		}
	}
	nameChannels(src, lay, names)
	return lay, lay.check(src)
}

// nameChannels spells the channels and places them. Every sample of a voltage is taken to be in µV.
func nameChannels(src *source, lay *layout, names []string) {
	entries := montage.Assign(names)
	for i := range lay.columns {
		c := &lay.columns[i]
		if c.role != sample {
			continue
		}
		e := entries[0]
		entries = entries[1:]
		if e.Note != "" {
			src.dev.count("name "+e.Name, func() signal.Deviation {
				return signal.Deviation{Where: "line 1: column " + e.Original, Rule: "names differ and are not empty", Found: e.Note, Assumed: "the name " + e.Name}
			})
		}
		c.Channel = signal.Channel{Name: e.Name, Original: e.Original, Kind: e.Kind, Unit: signal.Microvolt}
		if e.Kind == signal.EEG {
			c.Pos = montage.Place(e.Name)
		}
	}
}

// check reports a table that has no stamps or no channels.
func (l *layout) check(src *source) error {
	stamps, samples := 0, 0
	var names []string
	for _, c := range l.columns {
		names = append(names, c.name)
		switch c.role {
		case stamp:
			if stamps++; stamps > 1 {
				return src.cellError(c.at, c.name, "there are two columns of stamps, must be one")
			}
		case sample:
			samples++
		case marker, unused:
		}
	}
	switch {
	case stamps == 0:
		return src.cellError(src.at, museStamps, "the column is missing, the header has %s: without stamps the rate is unknown", strings.Join(names, ", "))
	case samples == 0:
		return src.cellError(src.at, "", "the header has %s and no channel", strings.Join(names, ", "))
	}
	return nil
}
