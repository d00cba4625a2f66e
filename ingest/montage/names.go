package montage

import (
	"slices"
	"strconv"
	"strings"
)

// The rows of the 10-05 system from the nose to the neck, by the places that each one has.
var (
	rowsWhole    = []string{"AFp", "AF", "AFF", "F", "P", "PPO", "PO", "POO"}        // z, 1 to 10, 1h to 10h
	rowsCentral  = []string{"FFC", "FC", "FCC", "C", "CCP", "CP", "CPP"}             // z, 1 to 6, 1h to 6h
	rowsTemporal = []string{"FFT", "FT", "FTT", "T", "TTP", "TP", "TPP"}             // 7 to 10, 7h to 10h: the same rows further out
	rowsEnd      = []string{"N", "NFp", "Fp", "O", "OI", "I"}                        // z, 1, 2, 1h, 2h
	single       = []string{"A1", "A2", "M1", "M2"}                                  // ear lobes, mastoids
	unplaced     = []string{"CB1", "CB2"}                                            // over the cerebellum, of caps of Neuroscan: the 10-05 system has no place for them
	renamed      = map[string]string{"t3": "T7", "t4": "T8", "t5": "P7", "t6": "P8"} // 10-20 to 10-10
)

// spelling maps a name in lower case to MNE's spelling of it.
var spelling = buildSpelling()

func buildSpelling() map[string]string {
	m := make(map[string]string, 354)
	add := func(name string) { m[strings.ToLower(name)] = name }
	numbers := func(rows []string, from, to int) {
		for _, row := range rows {
			for n := from; n <= to; n++ {
				add(row + strconv.Itoa(n))
				add(row + strconv.Itoa(n) + "h")
			}
		}
	}
	for _, rows := range [][]string{rowsWhole, rowsCentral, rowsEnd} {
		for _, row := range rows {
			add(row + "z")
		}
	}
	numbers(rowsWhole, 1, 10)
	numbers(rowsCentral, 1, 6)
	numbers(rowsTemporal, 7, 10)
	numbers(rowsEnd, 1, 2)
	for _, name := range slices.Concat(single, unplaced) {
		add(name)
	}
	for old, name := range renamed {
		m[old] = name
	}
	return m
}

// Spell is MNE's spelling of the 10-05 name that s is, or of CB1 or CB2, whatever its capitals, with T3, T4, T5 and T6 renamed. ok is
// false where s is no such name.
func Spell(s string) (name string, ok bool) {
	name, ok = spelling[strings.ToLower(s)]
	return name, ok
}
