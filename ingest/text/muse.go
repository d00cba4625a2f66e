package text

import (
	"bytes"
	"slices"
	"strings"

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
		return nil, src.headEnd(err)
	}
	line = src.unmarked(line)
	lay := &layout{comma: commaOf(line), nominal: museRates, within: ofDevice, noted: []signal.Deviation{{
		Where: "line 1: header", Rule: "names the unit of every column", Found: "no units",
		Assumed: "samples are in µV and stamps in seconds, as Muse recorders write them; the reference is unknown to the table",
	}}}
	cells, err := src.header(line, lay.comma)
	if err != nil {
		return nil, err
	}
	lay.columns = make([]column, 0, len(cells))
	names := make([]string, 0, len(cells))
	for _, c := range cells {
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
