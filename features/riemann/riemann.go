// Package riemann holds features that are covariance matrices, or made from them. A matrix travels as a row: its upper
// triangle, row by row, diagonal included: (0,0), (0,1), … (0,n−1), (1,1), …, n·(n+1)/2 numbers. What takes such rows
// says so with a method TakesCovariances.
package riemann

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

// pairs names the upper triangle: "cov(C3,C3)", "cov(C3,C4)", ….
func pairs(what string, names []string) []string {
	out := make([]string, 0, spd.Packed(len(names)))
	for i, a := range names {
		for _, b := range names[i:] {
			out = append(out, what+"("+a+","+b+")")
		}
	}
	return out
}

// rename puts another word before the brackets: "cov(C3,C4)" becomes "ts(C3,C4)".
func rename(what string, names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		if k := strings.IndexByte(name, '('); k >= 0 {
			name = name[k:]
		} else {
			name = "(" + name + ")"
		}
		out[i] = what + name
	}
	return out
}

// window is the format of the windows that an Extractor takes, and its checks.
type window struct {
	names []string // of the channels; nil before Start
	len   int
}

// check reports a window or output of another shape than Start was told.
func (w *window) check(dst []float64, want int, x [][]float64) error {
	switch {
	case w.names == nil:
		return errors.New("used before Start")
	case len(dst) != want:
		return fmt.Errorf("output has %d numbers, must have %d", len(dst), want)
	}
	return w.shape(x)
}

func (w *window) shape(x [][]float64) error {
	if len(x) != len(w.names) {
		return fmt.Errorf("window has %d channels, must have %d", len(x), len(w.names))
	}
	for ch, row := range x {
		if len(row) != w.len {
			return fmt.Errorf("window has %d samples in channel %q, must have %d", len(row), w.names[ch], w.len)
		}
	}
	return nil
}

// finite names the first channel with a sample that is not finite.
func (w *window) finite(x [][]float64) error {
	for ch, row := range x {
		for t, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("sample %d of channel %q is %g, must be finite; leave the window out or repair the channel", t, w.names[ch], v)
			}
		}
	}
	return nil
}

// matrixSize is the size of the matrices whose upper triangles come in as rows.
func matrixSize(in features.Format) (int, error) {
	n := spd.Unpacked(len(in.Names))
	if in.Len != 0 || n == 0 {
		return 0, fmt.Errorf("gets %v, needs rows that are upper triangles of covariance matrices (n·(n+1)/2 numbers); put the step covariance before", in)
	}
	return n, nil
}

// checkRow reports a row or output of another length, or a number that is not finite.
func checkRow(dst, x []float64, entries int) error {
	switch {
	case entries == 0:
		return errors.New("used before Start")
	case len(dst) != entries:
		return fmt.Errorf("output has %d numbers, must have %d", len(dst), entries)
	case len(x) != entries:
		return fmt.Errorf("row has %d numbers, must have %d", len(x), entries)
	}
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("number %d (from 0) of the row is %g, must be finite", i, v)
		}
	}
	return nil
}

// checkLabels reports labels that do not fit n examples of the given classes.
func checkLabels(n int, y signal.Labels, classes []string) error {
	if strings.Join(y.Classes, "\x00") != strings.Join(classes, "\x00") {
		return fmt.Errorf("labels have the classes %q, SetClasses was told %q", y.Classes, classes)
	}
	if n != len(y.Y) {
		return fmt.Errorf("got %d training windows and %d labels, must be as many", n, len(y.Y))
	}
	for i, k := range y.Y {
		if k < 0 || k >= len(y.Classes) {
			return fmt.Errorf("label of training window %d is %d, must be from 0 to %d", i, k, len(y.Classes)-1)
		}
	}
	for k, n := range y.Counts() {
		if n == 0 {
			return fmt.Errorf("class %q has no training window; record some, or leave the class out", y.Classes[k])
		}
	}
	return nil
}
