package bids

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// frame says how coordinates come to metres in the head frame.
type frame struct {
	system string // as the file calls it, "" where it says none
	unit   string // "m", "cm", "mm", "n/a"; "" where it says none
	rank   int    // the higher, the surer: 0 where nothing leads to the head
	turn   func(signal.Position) signal.Position
	why    string // rank is 0
}

// Coordinate systems with their origin between the ears (BIDS 1.10, appendix "Coordinate systems"): x to the right and y to
// the nose, or x to the nose and y to the left.
var (
	rightNoseUp = []string{"CapTrak", "ElektaNeuromag", "NeuromagElektaMEGIN", "ChietiItab"}
	noseLeftUp  = []string{"CTF", "4DBti", "KitYokogawa", "EEGLAB", "EEGLAB-HJ"}
)

// frameOf reads coordsystem.json of a recording with the given suffix.
func frameOf(s Sidecar, suffix string) frame {
	prefix := map[string]string{"eeg": "EEG", "ieeg": "iEEG", "meg": "MEG"}[suffix]
	if suffix == "meg" && s.Has("EEGCoordinateSystem") { // positions of the electrodes in a recording of both
		prefix = "EEG"
	}
	var f frame
	for field, into := range map[string]*string{"CoordinateSystem": &f.system, "CoordinateUnits": &f.unit} {
		if _, err := s.Get(prefix+field, into); err != nil {
			*into = ""
		}
	}
	landmarks, measured := landmarksOf(s, f.system)
	switch {
	case f.system == "CapTrak":
		f.rank, f.turn = 4, func(p signal.Position) signal.Position { return p }
	case slices.Contains(rightNoseUp, f.system):
		f.rank, f.turn = 3, func(p signal.Position) signal.Position { return p }
	case measured:
		f.rank, f.turn = 2, landmarks
	case slices.Contains(noseLeftUp, f.system):
		f.rank, f.turn = 1, func(p signal.Position) signal.Position { return signal.Position{-p[1], p[0], p[2]} }
	case f.system == "":
		f.why = "the coordinate system is not said"
	default:
		f.why = fmt.Sprintf("nothing leads from the coordinate system %q to the head: landmarks NAS, LPA and RPA in it would", f.system)
	}
	return f
}

// metres is how long a unit is.
var metres = map[string]float64{"m": 1, "cm": 0.01, "mm": 0.001}

// scale is what x is multiplied with to be in metres, rounded once: a thousandth has no exact float64.
func scale(x float64, unit string) float64 {
	switch unit {
	case "cm":
		return x / 100
	case "mm":
		return x / 1000
	}
	return x
}

// landmarksOf is the way from the coordinate system of the landmarks to the head frame that they define: x from the left to
// the right ear, y through the nose, at a right angle. ok is false where there are none in system.
func landmarksOf(s Sidecar, system string) (turn func(signal.Position) signal.Position, ok bool) {
	var points map[string][]float64
	unit, of := "", system
	for field, into := range map[string]any{
		"AnatomicalLandmarkCoordinates": &points, "AnatomicalLandmarkCoordinateUnits": &unit, "AnatomicalLandmarkCoordinateSystem": &of,
	} {
		if _, err := s.Get(field, into); err != nil {
			return nil, false
		}
	}
	if of != system || metres[unit] == 0 {
		return nil, false
	}
	var nose, left, right signal.Position
	for name, p := range map[string]*signal.Position{"NAS": &nose, "LPA": &left, "RPA": &right} {
		if len(points[name]) != 3 {
			return nil, false
		}
		for i, x := range points[name] {
			p[i] = scale(x, unit)
		}
	}
	sub := func(a, b signal.Position) signal.Position {
		return signal.Position{a[0] - b[0], a[1] - b[1], a[2] - b[2]}
	}
	dot := func(a, b signal.Position) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }
	times := func(a signal.Position, f float64) signal.Position {
		return signal.Position{a[0] * f, a[1] * f, a[2] * f}
	}
	x := sub(right, left)
	x = times(x, 1/math.Sqrt(dot(x, x)))
	origin := sub(left, times(x, dot(sub(left, nose), x)))
	y := sub(nose, origin)
	y = times(y, 1/math.Sqrt(dot(y, y)))
	z := signal.Position{x[1]*y[2] - x[2]*y[1], x[2]*y[0] - x[0]*y[2], x[0]*y[1] - x[1]*y[0]}
	if !z.Finite() || !origin.Finite() || dot(z, z) < 0.5 { // three points on a line, or two at one place
		return nil, false
	}
	return func(p signal.Position) signal.Position {
		p = sub(p, origin)
		return signal.Position{dot(p, x), dot(p, y), dot(p, z)}
	}, true
}

// electrodes takes over positions (BIDS 1.10, "Electrodes description"). There may be more electrodes than channels, and
// fewer: a channel without one keeps the position of its name.
func (c *completion) electrodes(suffix string) {
	t, file := c.in.Electrodes, c.in.ElectrodesFile
	if t == nil {
		return
	}
	for _, need := range []string{"name", "x", "y", "z"} {
		if t.Column(need) < 0 {
			c.deviate(file+": line 1", "the columns name, x, y and z", "no "+need, "positions of the electrodes' names")
			return
		}
	}
	if c.in.CoordsystemFile == "" {
		c.deviate(file, "a _coordsystem.json that says what its numbers mean", "none", "positions of the electrodes' names")
		return
	}
	f := frameOf(c.in.Coordsystem, suffix)
	if f.rank == 0 {
		// That is no fault: positions in the brain or on a picture have their own systems.
		c.rec.Texts = append(c.rec.Texts, signal.Text{Field: file, Text: "positions are not used: " + f.why, Personal: f.system != ""}) // which is free text
		return
	}
	j := join(c.rec, t)
	points, poor := c.points(j)
	if poor != "" {
		c.deviate(file, "x, y and z are numbers, or all n/a", poor, "the position of the electrode's name")
	}
	unit, ok := c.unit(f, points)
	if !ok {
		return
	}
	for r, rec := range j.recs {
		info := *rec.Info
		info.Channels = slices.Clone(info.Channels)
		rec.Info = &info
		for ch := range info.Channels {
			p, known := points[[2]int{r, ch}]
			if !known || !electrode(info.Channels[ch].Kind) {
				continue
			}
			for i := range p {
				p[i] = scale(p[i], unit)
			}
			p = f.turn(p)
			info.Channels[ch].Pos = &p
		}
	}
}

// points are the numbers in the table by recording and channel. poor says which rows are not numbers.
func (c *completion) points(j joined) (points map[[2]int]signal.Position, poor string) {
	t := c.in.Electrodes
	points = map[[2]int]signal.Position{}
	var wrong []string
	for r, rows := range j.rows {
		for ch, row := range rows {
			if row < 0 {
				continue
			}
			var p signal.Position
			known, bad := 0, false
			for i, axis := range []string{"x", "y", "z"} {
				x, ok, err := t.Number(row, axis)
				if bad = bad || err != nil; ok && err == nil {
					p[i] = x
					known++
				}
			}
			switch {
			case known == 3:
				points[[2]int{r, ch}] = p
			case bad || known > 0:
				wrong = append(wrong, fmt.Sprintf("line %d (%s)", t.Line(row), j.recs[r].Info.Channels[ch].Name))
			}
		}
	}
	if len(wrong) > 0 {
		poor = list(wrong) + ": not three numbers"
	}
	return points, poor
}

// headSize is between what the median distance of electrodes from between the ears lies, in metres.
var headSize = [2]float64{0.04, 0.25}

// unit is the unit of the coordinates: as said, or, where it is not said or is n/a, the one that makes a head of them.
func (c *completion) unit(f frame, points map[[2]int]signal.Position) (unit string, ok bool) {
	if len(points) == 0 {
		return "", false
	}
	var distances []float64
	for _, p := range points {
		distances = append(distances, math.Sqrt(p[0]*p[0]+p[1]*p[1]+p[2]*p[2]))
	}
	slices.Sort(distances)
	median := distances[len(distances)/2]
	fits := func(unit string) bool {
		d := scale(median, unit)
		return d >= headSize[0] && d <= headSize[1]
	}
	where := c.in.CoordsystemFile + ": units of the coordinates"
	if metres[f.unit] != 0 {
		if !fits(f.unit) {
			c.deviate(where, fmt.Sprintf("electrodes at %g to %g m from between the ears", headSize[0], headSize[1]), fmt.Sprintf("a median of %.3g %s", median, f.unit), "nothing: positions are as the files say")
		}
		return f.unit, true
	}
	for _, unit := range []string{"m", "cm", "mm"} {
		if fits(unit) {
			c.deviate(where, "m, cm or mm", strconv.Quote(f.unit), fmt.Sprintf("%s: electrodes then are a median of %.3g m from between the ears", unit, scale(median, unit)))
			return unit, true
		}
	}
	c.deviate(where, "m, cm or mm", fmt.Sprintf("%q, and no unit makes a head of a median of %.3g", f.unit, median), "positions of the electrodes' names")
	return "", false
}
