package text

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

var openBCI = &kind{
	name: "OpenBCI text", expect: `the line "%OpenBCI Raw EXG Data"`,
	match: func(head []byte) bool {
		return bytes.HasPrefix(bytes.TrimPrefix(head, byteOrderMark), []byte("%OpenBCI Raw"))
	},
	layout: openBCILayout,
}

// openBCILayout reads the comments, which begin with %, and the header behind them.
func openBCILayout(src *source) (*layout, error) {
	lay := &layout{within: ofStated}
	channels, channelsAt := 0, int64(0)
	for {
		line, err := src.next()
		if err != nil {
			return nil, src.headEnd(err)
		}
		if comment, is := bytes.CutPrefix(bytes.TrimPrefix(line, byteOrderMark), []byte("%")); is {
			key, value, _ := strings.Cut(string(comment), "=")
			value = strings.TrimSpace(value)
			switch strings.TrimSpace(key) {
			case "Sample Rate":
				rate, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(value, "Hz")), 64)
				if err != nil || !(rate > 0 && rate <= maxRate) {
					return nil, src.cellError(src.at, "Sample Rate", "%s is no rate, must be like 250 Hz", quote([]byte(value)))
				}
				lay.nominal, lay.stated = []float64{rate}, fmt.Sprintf("stamps are at the rate that line %d names, %g Hz", src.line, rate)
			case "Number of channels":
				n, err := strconv.Atoi(value)
				if err != nil {
					return nil, src.cellError(src.at, "Number of channels", "%s is not a whole number", quote([]byte(value)))
				}
				channels, channelsAt = n, src.at
			}
			continue
		}
		if !bytes.HasPrefix(line, []byte("Sample Index,")) {
			return nil, src.cellError(src.at, "Sample Index", "behind the comments stands %s, must be the names of the columns, beginning with Sample Index: GUIs before version 5 wrote none, and a mapping says what they are: gyrus info FILE --mapping-template > FILE%s writes one (FILE is the name of this file)", quote(line), sidecar)
		}
		cells, err := src.header(line, ',')
		if err != nil {
			return nil, err
		}
		n := lay.openBCIColumns(src, cells)
		if err := lay.check(src); err != nil {
			return nil, err
		}
		if channels != 0 && n != channels {
			return nil, src.errorf(src.offset(channelsAt), "Number of channels", "is %d, the header on line %d has %d columns EXG Channel", channels, src.line, n)
		}
		return lay, lay.stampScale(src)
	}
}

// openBCIColumns says what the columns are, and how many of them are EXG channels.
func (l *layout) openBCIColumns(src *source, cells []cell) (exg int) {
	l.comma = ','
	l.noted = []signal.Deviation{{
		Where: fmt.Sprintf("line %d: header", src.line), Rule: "names kind and unit of every column", Found: "EXG Channel", Assumed: "EXG channels are EEG in µV, and at no known place",
	}}
	l.columns = make([]column, 0, len(cells))
	names := make([]string, 0, len(cells))
	for _, c := range cells {
		col := column{name: string(c.text), at: c.at, scale: 1, role: unused}
		switch low := strings.ToLower(col.name); {
		case low == "sample index":
			col.role = counter
		case low == "timestamp":
			col.role = stamp
		case low == "marker channel" || low == "marker":
			col.role = marker
		case strings.HasPrefix(low, "exg channel"):
			exg++
			col.role, col.Channel = sample, signal.Channel{Name: col.name, Kind: signal.EEG, Unit: signal.Microvolt}
		case strings.HasPrefix(low, "accel channel"):
			col.role, col.Channel = sample, signal.Channel{Name: col.name, Kind: signal.Misc, Unit: "g"}
		case strings.HasPrefix(low, "analog channel"), strings.HasPrefix(low, "digital channel"):
			col.role, col.Channel = sample, signal.Channel{Name: col.name, Kind: signal.Misc}
		}
		if col.role == sample {
			col.Original = col.name
			names = append(names, col.name)
		}
		l.columns = append(l.columns, col)
	}
	l.uniqueNames(src, names)
	return exg
}

// stampScale tells stamps in milliseconds, which some versions write, from those in seconds, by the row that comes next.
func (l *layout) stampScale(src *source) error {
	const year5138 = 1e11 // in seconds; in milliseconds it was 1973
	head, err := src.peek(headBytes)
	if err != nil {
		return err
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	for i, c := range split(nil, line, 0, l.comma) {
		if i >= len(l.columns) || l.columns[i].role != stamp {
			continue
		}
		if v, _, ok := number(c.text); ok && v >= year5138 {
			l.columns[i].scale = 1e-3
		}
	}
	return nil
}

// headEnd is err where the text ends above the samples.
func (s *source) headEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, errNoEnd) || errors.Is(err, errPacked) {
		return s.errorf(s.offset(s.text), s.where(""), "the text ends within its header, so the file was cut there: fetch it again")
	}
	return err
}
