package spectral

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Bands are frequency bands with a name each. A pipeline file writes them as a mapping, which replaces the default:
//
//	bands_hz: {alpha: [8, 13], beta: [13, 30]}
//
// They are kept in order of their lower edge. A band holds its lower edge and not its upper one, so that neighbours share
// no bin of a spectrum.
type Bands []Band

// Band is one of them, from Low up to, not including, High Hz.
type Band struct {
	Name      string
	Low, High float64
}

// DefaultBands are the classical five of electroencephalography.
func DefaultBands() Bands {
	return Bands{{"delta", 1, 4}, {"theta", 4, 8}, {"alpha", 8, 13}, {"beta", 13, 30}, {"gamma", 30, 45}}
}

// UnmarshalJSON reads a mapping from names to pairs.
func (b *Bands) UnmarshalJSON(raw []byte) error {
	var m map[string][]float64
	if err := json.Unmarshal(raw, &m); err != nil {
		// The cause is in the words of Go, and the registry would put a key's name before it that is not known here.
		return fmt.Errorf("bands_hz is %s, must map names to pairs of frequencies, as in {alpha: [8, 13]}", raw)
	}
	*b = nil
	for name, edges := range m {
		if len(edges) != 2 {
			return fmt.Errorf("bands_hz: %q has %d frequencies, must have 2: the lower and the upper edge", name, len(edges))
		}
		*b = append(*b, Band{name, edges[0], edges[1]})
	}
	slices.SortFunc(*b, func(x, y Band) int {
		return cmp.Or(cmp.Compare(x.Low, y.Low), cmp.Compare(x.High, y.High), cmp.Compare(x.Name, y.Name))
	})
	return nil
}

// MarshalJSON is the way back.
func (b Bands) MarshalJSON() ([]byte, error) {
	m := make(map[string][2]float64, len(b))
	for _, band := range b {
		m[band.Name] = [2]float64{band.Low, band.High}
	}
	return json.Marshal(m)
}

// JSONSchema describes the mapping to editors.
func (*Bands) JSONSchema() map[string]any {
	return map[string]any{"type": "object", "additionalProperties": map[string]any{
		"type": "array", "items": map[string]any{"type": "number"}, "minItems": 2, "maxItems": 2,
	}}
}

// Check says what is wrong with the bands for signals at rate Hz.
func (b Bands) Check(rate float64) error {
	if len(b) == 0 {
		return errors.New("bands_hz is empty, must have at least one band, as in {alpha: [8, 13]}")
	}
	for i, band := range b {
		switch {
		case band.Name == "":
			return fmt.Errorf("bands_hz: band %d (%g to %g Hz) has no name", i+1, band.Low, band.High)
		case !(band.Low >= 0 && band.Low < band.High && band.High <= rate/2): // also catches NaN
			return fmt.Errorf("bands_hz: %s is %g to %g Hz, must rise and lie between 0 and %g Hz (half the sampling rate)", band.Name, band.Low, band.High, rate/2)
		}
		for _, other := range b[:i] {
			if other.Name == band.Name {
				return fmt.Errorf("bands_hz: two bands are called %q", band.Name)
			}
		}
	}
	return nil
}
