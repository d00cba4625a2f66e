package text

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// plain is a table without a mapping whose header says enough: a column of time, electrodes by their 10-05 names, and perhaps
// markers. What the names do not say is not guessed but left open, or refused, and listed.
var plain = &kind{
	name: csvName, expect: `a header of a column of time and electrodes by their 10-05 names, such as "time,Fp1,Fp2,marker"`,
	match: func(head []byte) bool {
		line, _, whole := bytes.Cut(bytes.TrimPrefix(head, byteOrderMark), []byte("\n"))
		header, _ := ingest.Text(nil, line) // a header is recognised without a file that says an encoding
		return whole && plainMapping([]byte(header)) != nil
	},
	layout: plainLayout,
}

const csvName = "CSV"

// slowest and fastest are the rates in Hz that stamps without a unit may make.
const (
	slowest = 20
	fastest = 1e5
)

// unitOf takes "Fp1 (uV)", "Fp1 [uV]" and "time_ms" apart.
func unitOf(header string) (name, unit string) {
	for _, pair := range []string{"()", "[]"} {
		if open := strings.IndexByte(header, pair[0]); open > 0 && strings.HasSuffix(header, pair[1:]) {
			return strings.TrimSpace(header[:open]), strings.TrimSpace(header[open+1 : len(header)-1])
		}
	}
	if i := strings.LastIndexByte(header, '_'); i > 0 {
		u := header[i+1:]
		if _, isTime := timeUnits[u]; isTime || units.Parse(u).Voltage {
			return header[:i], u
		}
	}
	return header, ""
}

func isTime(name string) bool {
	return slices.Contains([]string{"time", "times", "timestamp", "timestamps", "t"}, strings.ToLower(name))
}

func isMarker(name string) bool {
	return slices.Contains([]string{"marker", "markers", "event", "events", "trigger", "triggers", "stim", "stimulus", "label", "labels"}, strings.ToLower(name))
}

// nameOf is what one column alone is called.
func nameOf(label string) montage.Entry { return montage.Assign([]string{label})[0] }

// plainMapping is the mapping that a header speaks for, nil where it is not plain enough.
func plainMapping(line []byte) *mapping {
	m := &mapping{HeaderRows: 1, Decimal: "."}
	electrodes := 0
	for i, c := range split(nil, bytes.TrimSuffix(line, []byte("\r")), 0, commaOf(line)) {
		name, unit := unitOf(string(c.text))
		ref := columnRef{number: i + 1}
		switch {
		case isTime(name) && m.Time == nil:
			m.Time = &timeColumn{ref, strings.NewReplacer("\u00b5", "u", "\u03bc", "u").Replace(unit)}
			if _, known := timeUnits[m.Time.Unit]; unit != "" && !known {
				return nil
			}
		case isMarker(name) && unit == "":
			m.Markers = append(m.Markers, mappedMarker{Column: ref})
		default:
			spelled, kind := montage.Normalize(name)
			if _, known := montage.Spell(spelled); !known || kind != signal.EEG {
				return nil
			}
			electrodes++
			m.Channels = append(m.Channels, mappedChannel{Column: ref, Name: name, Unit: unit})
		}
	}
	if m.Time == nil || electrodes == 0 {
		return nil
	}
	return m
}

// plainLayout reads the header.
func plainLayout(src *source) (*layout, error) {
	line, err := src.ahead()
	if err != nil {
		return nil, src.headEnd(err)
	}
	m := &mappingFile{name: src.name}
	if p := plainMapping(bytes.TrimPrefix(line, byteOrderMark)); p != nil {
		m.mapping = *p
	} else {
		return nil, src.cellError(src.at, "", "the header is not plain: %s", quote(line))
	}
	unit := m.Time.Unit
	if unit == "" {
		unit, err = plainTime(src, m.Time.Column.number-1, commaOf(line))
		if m.Time.Unit = firstText(unit, "s"); err != nil {
			return nil, err
		}
	}
	lay, err := m.layout(src)
	if err != nil {
		return nil, err
	}
	lay.mapped = false
	lay.assumed = append(lay.assumed, signal.Deviation{
		Where: "line 1: header", Rule: "a mapping beside the table says what the columns are", Found: "no " + src.name + sidecar,
		Assumed: fmt.Sprintf("what their names say: time, %s, %s; the reference is unknown", count(len(m.Channels), "channel"), count(len(m.Markers), "marker column")),
	})
	if unit == "" {
		lay.open = true
		lay.assumed = append(lay.assumed, signal.Deviation{Where: "line 1, column " + lay.columns[m.Time.Column.number-1].name, Rule: "names the unit of the stamps", Found: "none", Assumed: "seconds"})
	}
	return lay, nil
}

// plainTime is isoUnit where the first stamp is a date and a time, otherwise "".
func plainTime(src *source, column int, comma byte) (string, error) {
	head, err := src.peek(headBytes)
	if err != nil {
		return "", err
	}
	row, _, _ := bytes.Cut(head, []byte("\n"))
	if cells := split(nil, row, 0, comma); column < len(cells) {
		if _, ok := parseISO(string(cells[column].text)); ok {
			return isoUnit, nil
		}
	}
	return "", nil
}

// measured gives a channel its unit. Where there is none, or none that its kind has, that is listed.
func (c *column) measured(src *source, unit string, scale *units.Scale) {
	c.unit = scale
	c.Unit = c.unit.Unit
	if c.unit.Standard != "" {
		src.dev.count("standard", func() signal.Deviation {
			return signal.Deviation{Where: "column " + c.name, Rule: "units are written as the International System does", Found: fmt.Sprintf("%q", unit), Assumed: c.unit.Standard}
		})
	}
	voltage := c.Kind != signal.Misc && c.Kind != signal.Trigger
	if voltage && !c.unit.Voltage {
		src.dev.count("unit", func() signal.Deviation {
			return signal.Deviation{
				Where: "column " + c.name, Rule: "a voltage (uV, mV, V, nV) for " + strings.ToUpper(string(c.Kind)), Found: fmt.Sprintf("the unit %q", unit),
				Assumed: "numbers are handed out as they are: say the unit in the mapping, or with --units-policy assume:uV",
			}
		})
	}
}
