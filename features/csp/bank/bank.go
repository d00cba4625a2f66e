// Package bank sorts the channels that come out of a filter bank: "C3@8-12" is the channel C3 in the band 8-12.
package bank

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Band is one band of a filter bank.
type Band struct {
	Name string // what is behind the "@"; "" where channels have none
	At   []int  // positions of its channels in the window, in the same order of electrodes in every band
}

// Pick fills dst with the rows of x that belong to the band.
func (b Band) Pick(dst, x [][]float64) {
	for i, ch := range b.At {
		dst[i] = x[ch]
	}
}

// Group sorts channels by what stands behind the last "@" of their names, bands in the order in which they first occur.
// Every band must have the same electrodes. want is the number of bands that must be found; 0 stands for at least two,
// and with 1 no name needs an "@".
func Group(names []string, want int) ([]Band, error) {
	var bands []Band
	electrodes := map[string][]string{}
	for ch, name := range names {
		electrode, band := name, ""
		if i := strings.LastIndexByte(name, '@'); i >= 0 {
			electrode, band = name[:i], name[i+1:]
		} else if want != 1 {
			return nil, fmt.Errorf("channel %q names no band, as \"C3@8-12\" does; put the preprocess step filterbank before this one, or set bands to 1 for none", name)
		}
		k := slices.IndexFunc(bands, func(b Band) bool { return b.Name == band })
		if k < 0 {
			k = len(bands)
			bands = append(bands, Band{Name: band})
		}
		bands[k].At = append(bands[k].At, ch)
		electrodes[band] = append(electrodes[band], electrode)
	}
	switch {
	case len(bands) == 0:
		return nil, errors.New("gets no channels")
	case want == 0 && len(bands) == 1:
		return nil, fmt.Errorf("all channels are of the one band %q; give the filterbank step more bands, or set bands to 1", bands[0].Name)
	case want > 0 && len(bands) != want:
		return nil, fmt.Errorf("channels are of %d bands, bands is %d; make the filterbank step and this one agree", len(bands), want)
	}
	first := electrodes[bands[0].Name]
	for _, b := range bands[1:] {
		if !slices.Equal(electrodes[b.Name], first) {
			return nil, fmt.Errorf("band %q has the channels %q, band %q has %q; every band must have the same, in the same order", b.Name, electrodes[b.Name], bands[0].Name, first)
		}
	}
	return bands, nil
}
