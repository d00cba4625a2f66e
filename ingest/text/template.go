package text

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
)

// template is a mapping to begin with for a table of no known kind. What the table does not tell is left to be filled in.
func template(f ingest.File, name string) ([]byte, error) {
	src, err := newSource(f, name)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	t := &sketch{name: name}
	err = t.read(src)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return t.write(), nil
}

// How much of a table is looked at.
const (
	sketchRows  = 20_000
	sketchBytes = 16 << 20
)

// sketch is what the first rows of a table tell of its columns.
type sketch struct {
	name, comment string
	lay           *layout
	names         []cell
	headed        bool
	timeAt        int // the column of stamps, -1 where there is none
	rows          int
	columns       []sketched
	old           *oldOpenBCI // where it is of that kind
}

// sketched is what the rows tell of a column.
type sketched struct {
	numbers, texts int    // cells; the others are empty
	text           string // the first one
	several        bool   // there are others
	value          string // of the first row
	last           float64
	steps          []float64 // of stamps: from one to the next, where they grow
}

// read looks at the lines. A last one that is cut does not count.
func (t *sketch) read(src *source) error {
	var first []byte
	for t.rows < sketchRows && src.text < sketchBytes {
		line, err := src.next()
		var format *ingest.FormatError
		if errors.Is(err, io.EOF) || errors.Is(err, errNoEnd) || errors.Is(err, errPacked) || errors.As(err, &format) && t.rows > 0 {
			break // reading the table says what is wrong there
		}
		if err != nil {
			return err
		}
		if t.lay == nil {
			line = bytes.TrimPrefix(line, byteOrderMark)
		}
		switch {
		case len(line) == 0:
			continue
		case t.comment != "" && line[0] == t.comment[0]:
			t.remark(line[1:])
			continue
		case t.lay == nil && first == nil && (line[0] == '#' || line[0] == '%'):
			t.comment = string(line[:1])
			t.remark(line[1:])
			continue
		case first == nil:
			first = bytes.Clone(line)
			continue
		case t.lay == nil:
			t.begin(first, line)
		}
		t.row(line)
	}
	if first == nil {
		return src.errorf(0, "header", "there is no line to make a mapping of")
	}
	if t.lay == nil {
		t.begin(first, first)
	}
	return nil
}

// begin is told the first two lines.
func (t *sketch) begin(first, second []byte) {
	comma := commaOf(first)
	decimal := byte('.')
	if comma != ',' && bytes.IndexByte(second, '.') < 0 && bytes.IndexByte(second, ',') >= 0 {
		decimal = ','
	}
	t.lay = &layout{comma: comma, decimal: decimal}
	t.names = split(nil, first, 0, comma)
	t.headed = t.isHeader(split(nil, second, 0, comma))
	t.columns = make([]sketched, len(t.names))
	t.timeAt = slices.IndexFunc(t.names, func(c cell) bool { n, _ := unitOf(string(c.text)); return t.headed && isTime(n) })
	if !t.headed {
		t.row(first)
	}
}

// isHeader says whether the first line names the columns. It does not where all of its cells are numbers, nor where it has numbers that
// are no names, such as -36.56, and numbers and texts in the same columns as the second line.
func (t *sketch) isHeader(second []cell) bool {
	isText := func(c cell) bool { _, missing, ok := t.lay.number(c.text); return !ok && !missing }
	if !slices.ContainsFunc(t.names, isText) {
		return false
	}
	measured := slices.ContainsFunc(t.names, func(c cell) bool { return !isText(c) && bytes.ContainsAny(c.text, "-.") })
	return !measured || !slices.EqualFunc(t.names, second, func(a, b cell) bool { return isText(a) == isText(b) })
}

// row counts the cells of a row.
func (t *sketch) row(line []byte) {
	for i, c := range split(nil, line, 0, t.lay.comma) {
		if i >= len(t.columns) {
			break
		}
		col := &t.columns[i]
		if t.rows == 0 {
			col.value = string(c.text)
		}
		v, missing, ok := t.lay.number(c.text)
		switch {
		case missing:
		case ok:
			if step := v - col.last; i == t.timeAt && col.numbers > 0 && step > 0 {
				col.steps = append(col.steps, step)
			}
			col.last = v
			col.numbers++
		default:
			if col.texts++; col.texts == 1 {
				col.text = string(c.text)
			}
			col.several = col.several || string(c.text) != col.text
		}
	}
	t.rows++
}

// write makes the text of the mapping.
func (t *sketch) write() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s%s: what the columns of %s are; see docs/formats/csv.md\n", path.Base(t.name), sidecar, path.Base(t.name))
	fmt.Fprintf(&b, "delimiter: %s\ndecimal: %q\n", map[byte]string{',': `","`, ';': `";"`, '\t': "tab"}[t.lay.comma], string(t.lay.decimal))
	if t.comment != "" {
		fmt.Fprintf(&b, "comment: %q\n", t.comment)
	}
	if !t.headed {
		fmt.Fprintln(&b, "header_rows: 0")
	}
	called := map[string]int{} // how many columns are
	for _, c := range t.names {
		called[string(c.text)]++
	}
	var markers, channels, left []string
	for i, c := range t.names {
		ref := strconv.Itoa(i + 1)
		label, unit := "column "+ref, ""
		if t.headed {
			label, unit = unitOf(string(c.text))
			if called[string(c.text)] == 1 && len(c.text) > 0 {
				ref = scalar(string(c.text))
			}
		}
		col := &t.columns[i]
		if line, role := t.old.column(i, len(t.names), col); t.old != nil && !t.headed {
			switch role {
			case sample:
				channels = append(channels, "  - "+line)
			case stamp:
				fmt.Fprintln(&b, line)
			default:
				left = append(left, "  - "+line)
			}
			continue
		}
		switch {
		case i == t.timeAt:
			u, why := t.timeUnit(unit, col)
			fmt.Fprintf(&b, "time: {column: %s, unit: %s}  # %sone of %s\n", ref, u, why, timeUnitNames)
		case t.headed && isMarker(label):
			markers = append(markers, fmt.Sprintf("  - {column: %s, labels: {}}  # codes and labels: {\"1\": left, \"2\": right}", ref))
		case col.texts > 0 && col.numbers == 0 && (col.several || col.texts < t.rows):
			markers = append(markers, fmt.Sprintf("  - {column: %s, labels: {}}  # texts such as %s: every one is an event, called so unless labels says otherwise", ref, strconv.Quote(shortened(col.text))))
		case col.texts > 0 && col.numbers == 0:
			left = append(left, fmt.Sprintf("  - %s  # %s in every row", ref, strconv.Quote(shortened(col.text))))
		case col.texts > 0:
			left = append(left, fmt.Sprintf("  - %s  # numbers and texts, such as %s: a channel, if that means no value (missing: […]), or markers", ref, strconv.Quote(shortened(col.text))))
		case col.numbers == 0:
			left = append(left, fmt.Sprintf("  - %s  # empty in the %d rows that were looked at", ref, t.rows))
		default:
			e := nameOf(label)
			channels = append(channels, fmt.Sprintf("  - {column: %s, name: %s, unit: %s, kind: %s}", ref, scalar(e.Name), scalar(unit), e.Kind))
		}
	}
	switch {
	case t.old != nil && !t.headed && t.old.rate > 0:
		fmt.Fprintf(&b, "rate_hz: %g  # as the file says\n", t.old.rate)
	case t.timeAt < 0:
		fmt.Fprintf(&b, "rate_hz: 0  # to be filled in, or time: {column: …, unit: …}, unit one of %s\n", timeUnitNames)
	}
	fmt.Fprintln(&b, "channels:  # units: uV, mV, V, nV, or any other; kinds: eeg, eog, ecg, emg, seeg, ecog, trigger, misc")
	for _, part := range []struct {
		title string
		lines []string
	}{{"", channels}, {"markers:", markers}, {"ignore:", left}} {
		if part.title != "" && len(part.lines) > 0 {
			fmt.Fprintln(&b, part.title)
		}
		for _, line := range part.lines {
			fmt.Fprintln(&b, line)
		}
	}
	return []byte(b.String())
}

// shortened is a text for a comment.
func shortened(text string) string {
	r := []rune(strings.ToValidUTF8(text, "\uFFFD"))
	if len(r) > 20 {
		return string(r[:19]) + "…"
	}
	return string(r)
}

// The rates, in Hz, by which a unit of stamps is guessed: the only one that makes a rate from lowGuess to highGuess is, where that is at
// most surely, and no unit makes one from slowGuess to lowGuess, at which slow things are recorded. What is faster may be something slow in
// the unit before.
const (
	slowGuess = 0.5
	lowGuess  = 20
	surely    = 5_000
	highGuess = 40_000
)

// timeUnit is the unit of stamps, by the name of their column, one of them, or by how much they grow; "" where that does not tell.
// why is for the comment.
func (t *sketch) timeUnit(unit string, col *sketched) (u, why string) {
	unit = strings.NewReplacer("\u00b5", "u", "\u03bc", "u").Replace(unit)
	if _, known := timeUnits[unit]; known && unit != "s" {
		return unit, ""
	}
	if _, ok := parseISO(col.value); ok {
		return isoUnit, ""
	}
	v, _, _ := t.lay.number([]byte(col.value))
	for _, u := range []struct {
		least float64
		unit  string
	}{{1e18, "unix_ns"}, {1e15, "unix_us"}, {1e12, "unix_ms"}, {1e9, "unix"}} { // the year 2001 and later
		if v >= u.least && v < 4*u.least { // not NaN
			return u.unit, ""
		}
	}
	if unit == "s" {
		return unit, ""
	}
	if len(col.steps) == 0 {
		return `""`, "to be filled in: the stamps do not grow; "
	}
	slices.Sort(col.steps)
	step := col.steps[len(col.steps)/2]
	if step == 1 && col.steps[0] == 1 && col.steps[len(col.steps)-1] == 1 {
		return `""`, "to be filled in: it grows by 1, as milliseconds at 1000 Hz do, and numbers of samples (then put rate_hz in its place, and ignore the column); "
	}
	var fit, slow, makes []string
	fast := false
	for _, u := range []string{"s", "ms", "us", "ns"} {
		rate := 1 / (step * timeUnits[u].scale)
		if rate < slowGuess || rate > highGuess {
			continue
		}
		makes = append(makes, fmt.Sprintf("%.6g Hz in %s", rate, u))
		if rate < lowGuess {
			slow = append(slow, u)
		} else {
			fast = fast || rate > surely
			fit = append(fit, u)
		}
	}
	switch {
	case len(makes) == 0:
		return `""`, fmt.Sprintf("to be filled in: stamps that grow by %.6g make a rate from %g to %d Hz in no unit; ", step, slowGuess, highGuess)
	case len(fit) == 1 && len(slow) == 0 && !fast:
		return fit[0], fmt.Sprintf("guessed: stamps that grow by %.6g make %s; ", step, makes[0])
	}
	return `""`, fmt.Sprintf("to be filled in: stamps that grow by %.6g make %s; ", step, strings.Join(makes, " and "))
}

// scalar is text as YAML takes it for text.
func scalar(s string) string {
	for i, r := range s {
		letter, digit := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z', r >= '0' && r <= '9' || r == '_'
		if !letter && (i == 0 || !digit) {
			return strconv.Quote(s)
		}
	}
	if s == "" || slices.Contains([]string{"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}, strings.ToLower(s)) {
		return strconv.Quote(s)
	}
	return s
}
