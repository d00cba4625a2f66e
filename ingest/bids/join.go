package bids

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// joined are the rows of a table by channel: rows[r][ch] is the row about channel ch of recs[r], -1 where there is none.
type joined struct {
	recs []*signal.Recording // the recording and its Others
	rows [][]int
	// missing are the names of rows that are about no channel, twice those that two rows or two channels have.
	missing, twice []string
}

// join finds the channel that each row is about, by its name alone: as the source writes it, or else as gyrus and MNE spell
// it. The order means nothing.
func join(rec *signal.Recording, t *Table) joined {
	j := joined{recs: append([]*signal.Recording{rec}, rec.Others...)}
	byOriginal, byName := map[string][][2]int{}, map[string][][2]int{}
	for r, other := range j.recs {
		rows := make([]int, len(other.Info.Channels))
		for ch, c := range other.Info.Channels {
			rows[ch] = -1
			original := strings.TrimSpace(c.Original)
			byOriginal[original] = append(byOriginal[original], [2]int{r, ch})
			byName[c.Name] = append(byName[c.Name], [2]int{r, ch})
		}
		j.rows = append(j.rows, rows)
	}
	for row := range t.Len() {
		name, ok := t.Cell(row, "name")
		if !ok {
			continue
		}
		at := byOriginal[name]
		if len(at) == 0 {
			at = byName[name]
		}
		if len(at) == 0 {
			spelled, _ := montage.Normalize(name)
			at = byName[spelled]
		}
		if len(at) == 0 {
			j.missing = append(j.missing, name)
			continue
		}
		for _, p := range at {
			switch before := j.rows[p[0]][p[1]]; {
			case before < 0:
				j.rows[p[0]][p[1]] = row
			case !slices.Contains(j.twice, name):
				j.twice = append(j.twice, name)
			}
		}
		if len(at) > 1 && !slices.Contains(j.twice, name) {
			j.twice = append(j.twice, name)
		}
	}
	return j
}

// without are the names of channels that no row is about.
func (j joined) without(want func(signal.Channel) bool) (names []string) {
	for r, rows := range j.rows {
		for ch, row := range rows {
			if c := j.recs[r].Info.Channels[ch]; row < 0 && want(c) {
				names = append(names, c.Name)
			}
		}
	}
	return names
}

// list is names for people: the first few, and how many there are.
func list(names []string) string {
	const few = 5
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}
