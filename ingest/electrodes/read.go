package electrodes

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/montage"
)

// number reads the cell of a line that is called field.
func (s *source) number(l line, field, cell string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(cell), 64)
	if err != nil || v-v != 0 {
		return 0, s.at(l, field, "%.40q is not a finite number", cell)
	}
	return v, nil
}

// three reads three numbers.
func (s *source) three(l line, cells []string, fields ...string) (x [3]float64, err error) {
	for k := range x {
		if x[k], err = s.number(l, fields[k], cells[k]); err != nil {
			return x, err
		}
	}
	return x, nil
}

// polar is EEGLAB's: degrees from the nose to the right, and a radius of which 0.5 is the equator.
func polar(theta, radius float64) [3]float64 { return montage.Spherical(180*radius, 90-theta) }

// readLocs reads number, angle, radius, label.
func readLocs(s *source) (*cloud, error) {
	c := &cloud{}
	for _, l := range s.lines("%", "#") {
		f := strings.Fields(l.text)
		if len(f) < 4 {
			return nil, s.at(l, "electrode", "%d columns, must be 4: number, angle, radius, label", len(f))
		}
		if _, err := s.number(l, "number", f[0]); err != nil {
			return nil, err
		}
		theta, err := s.number(l, "angle", f[1])
		if err != nil {
			return nil, err
		}
		radius, err := s.number(l, "radius", f[2])
		if err != nil {
			return nil, err
		}
		c.add(point{f[3], l.n, l.at, polar(theta, radius)})
	}
	return c, nil
}

// readCED reads a table with tabs.
func readCED(s *source) (*cloud, error) {
	c := &cloud{}
	var columns map[string]int
	for _, l := range s.lines() {
		cells := strings.Split(l.text, "\t")
		if columns == nil {
			columns = map[string]int{}
			for i, name := range cells {
				columns[strings.ToLower(strings.TrimSpace(name))] = i
			}
			if _, ok := columns["labels"]; !ok {
				return nil, s.at(l, "columns", "none is called labels: %.80q", l.text)
			}
			continue
		}
		cell := func(name string) string {
			if i, ok := columns[name]; ok && i < len(cells) {
				return strings.TrimSpace(cells[i])
			}
			return ""
		}
		p := point{label: cell("labels"), line: l.n, at: l.at}
		if p.label == "" {
			return nil, s.at(l, "labels", "is empty, must be the name of the electrode")
		}
		xyz := []string{cell("x"), cell("y"), cell("z")}
		switch {
		case xyz[0] != "" && xyz[1] != "" && xyz[2] != "":
			x, err := s.three(l, xyz, "X", "Y", "Z")
			if err != nil {
				return nil, err
			}
			p.xyz = [3]float64{-x[1], x[0], x[2]} // x to the nose, y to the left
		case cell("theta") != "" && cell("radius") != "":
			theta, err := s.number(l, "theta", cell("theta"))
			if err != nil {
				return nil, err
			}
			radius, err := s.number(l, "radius", cell("radius"))
			if err != nil {
				return nil, err
			}
			p.xyz = polar(theta, radius)
		default:
			c.unplaced = append(c.unplaced, p.label)
			continue
		}
		c.add(p)
	}
	return c, nil
}

// readXYZ reads number, x, y, z, label.
func readXYZ(s *source) (*cloud, error) {
	c := &cloud{}
	for _, l := range s.lines("%", "#") {
		f := strings.Fields(l.text)
		if len(f) < 5 {
			return nil, s.at(l, "electrode", "%d columns, must be 5: number, x, y, z, label", len(f))
		}
		x, err := s.three(l, f[1:4], "x", "y", "z")
		if err != nil {
			return nil, err
		}
		c.add(point{f[4], l.n, l.at, x})
	}
	return c, nil
}

// readSFP reads label, x, y, z. Points of the head's shape are no electrodes.
func readSFP(s *source) (*cloud, error) {
	c := &cloud{}
	for _, l := range s.lines("#") {
		f := strings.Fields(l.text)
		if len(f) < 4 {
			return nil, s.at(l, "electrode", "%d columns, must be 4: label, x, y, z", len(f))
		}
		x, err := s.three(l, f[1:4], "x", "y", "z")
		if err != nil {
			return nil, err
		}
		if !strings.EqualFold(f[0], "headshape") {
			c.add(point{f[0], l.n, l.at, x})
		}
	}
	return c, nil
}

// readELC reads a unit, positions, and labels, which stand on one line or on one line each, or in front of the positions.
func readELC(s *source) (*cloud, error) {
	c := &cloud{}
	var points []point
	var labels []string
	part, count, labelled := "", -1, false
	for _, l := range s.lines("#") {
		text := strings.TrimSpace(l.text)
		words := strings.Fields(text)
		switch {
		case len(words) > 0 && strings.EqualFold(words[0], "UnitPosition"):
			c.unit = strings.Join(words[1:], " ")
		case strings.HasPrefix(strings.ToLower(text), "numberpositions"):
			n, err := strconv.Atoi(strings.TrimSpace(strings.TrimLeft(text[len("numberpositions"):], "=\t ")))
			if err != nil || n < 0 {
				return nil, s.at(l, "NumberPositions", "%.40q is no count", text)
			}
			count = n
		case strings.EqualFold(text, "Positions"), strings.EqualFold(text, "Labels"):
			part = strings.ToLower(text)
		case part == "positions":
			p := point{line: l.n, at: l.at}
			if label, numbers, ok := strings.Cut(text, ":"); ok {
				p.label, text, labelled = strings.TrimSpace(label), numbers, true
			}
			f := strings.Fields(text)
			if len(f) != 3 {
				return nil, s.at(l, "position", "%d numbers, must be 3", len(f))
			}
			var err error
			if p.xyz, err = s.three(l, f, "x", "y", "z"); err != nil {
				return nil, err
			}
			points = append(points, p)
		case part == "labels" && (labelled || strings.Contains(text, "\t")):
			labels = append(labels, strings.Fields(text)...)
		case part == "labels":
			labels = append(labels, text)
		}
	}
	switch {
	case c.unit == "":
		return nil, s.errorf(0, "UnitPosition", "is missing, must say mm, cm or m")
	case count >= 0 && count != len(points):
		return nil, s.errorf(0, "NumberPositions", "is %d, but there are %d positions", count, len(points))
	case len(labels) == 1 && len(points) > 1: // all on one line
		labels = strings.Fields(labels[0])
	}
	if labelled && len(labels) == 0 {
		for _, p := range points {
			labels = append(labels, p.label)
		}
	}
	if len(labels) != len(points) {
		return nil, s.errorf(0, "Labels", "%d labels for %d positions, must be as many", len(labels), len(points))
	}
	for i, p := range points {
		p.label = labels[i]
		c.add(p)
	}
	return c, nil
}

// readELP reads BESA's: maybe a type, a label, inclination and azimuth, maybe a radius, which does not matter on a sphere.
func readELP(s *source) (*cloud, error) {
	c := &cloud{}
	for i, l := range s.lines("#") {
		f := strings.Fields(l.text)
		if i == 0 && len(f) == 2 || strings.HasPrefix(strings.TrimSpace(l.text), "//") || strings.HasPrefix(f[0], "%") {
			return nil, s.at(l, "first line", "%w", errPolhemus)
		}
		if len(f) >= 4 {
			if _, err := strconv.ParseFloat(f[1], 64); err != nil { // a type and a label
				f = f[1:]
			}
		}
		if len(f) < 3 {
			return nil, s.at(l, "electrode", "%d columns, must be label, inclination and azimuth in degrees", len(f))
		}
		theta, err := s.number(l, "inclination", f[1])
		if err != nil {
			return nil, err
		}
		phi, err := s.number(l, "azimuth", f[2])
		if err != nil {
			return nil, err
		}
		c.add(point{f[0], l.n, l.at, montage.Spherical(theta, phi)})
	}
	return c, nil
}

// readHPTS reads category, label, x, y, z.
func readHPTS(s *source) (*cloud, error) {
	c := &cloud{fiducials: map[string][3]float64{}}
	cardinal := map[string]string{"1": left, "2": nasion, "3": right}
	for _, l := range s.lines("#") {
		f := strings.Fields(l.text)
		if len(f) < 5 {
			return nil, s.at(l, "point", "%d columns, must be 5: category, label, x, y, z", len(f))
		}
		x, err := s.three(l, f[2:5], "x", "y", "z")
		if err != nil {
			return nil, err
		}
		switch strings.ToLower(f[0]) {
		case "cardinal":
			name, ok := cardinal[f[1]]
			if !ok {
				return nil, s.at(l, "cardinal", "%.20q, must be 1 (left ear), 2 (nasion) or 3 (right ear)", f[1])
			}
			c.fiducials[name] = x
		case "eeg":
			c.points = append(c.points, point{f[1], l.n, l.at, x})
		case "hpi", "extra":
		default:
			return nil, s.at(l, "category", "%.20q, must be cardinal, hpi, eeg or extra", f[0])
		}
	}
	return c, nil
}

// readBVEF reads the XML of BrainVision. Definitions of entities are not followed.
func readBVEF(s *source) (*cloud, error) {
	d := xml.NewDecoder(bytes.NewReader(s.raw))
	d.CharsetReader = func(name string, in io.Reader) (io.Reader, error) {
		if l := strings.ToLower(name); l != "iso-8859-1" && l != "latin1" && l != "latin-1" {
			return nil, fmt.Errorf("the encoding %.20q is not known, must be UTF-8 or ISO-8859-1", name)
		}
		raw, err := io.ReadAll(in)
		return strings.NewReader(ingest.Latin1Text(raw)), err
	}
	c, idealised, root := &cloud{}, 0, true
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, s.errorf(d.InputOffset(), "XML", "%w", err)
		}
		el, begins := t.(xml.StartElement)
		n, _ := d.InputPos()
		l := line{n: n, at: d.InputOffset()}
		switch {
		case !begins:
		case root && el.Name.Local != "Electrodes":
			return nil, s.at(l, "XML", "the document is called %.40q, must be Electrodes", el.Name.Local)
		case root:
			root = false
		case el.Name.Local == "Electrode":
			var e struct{ Name, Theta, Phi, Radius string }
			if err := d.DecodeElement(&e, &el); err != nil {
				return nil, s.at(l, "XML", "%w", err)
			}
			x, err := s.three(l, []string{e.Theta, e.Phi, e.Radius}, "Theta", "Phi", "Radius")
			if err != nil {
				return nil, err
			}
			if x[2] == 1 {
				idealised++
			}
			c.add(point{strings.TrimSpace(e.Name), l.n, l.at, scaled(montage.Spherical(x[0], x[1]), x[2])})
		}
	}
	if idealised < len(c.points) { // a radius of 1 stands for a sphere, others are in millimetres
		if idealised > 0 {
			return nil, s.errorf(0, "Radius", "is 1 for %d electrodes and not for the others: must be 1 for all, or in millimetres", idealised)
		}
		c.unit = "mm"
	}
	return c, nil
}
