package cli

import (
	"fmt"
	"io"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// mappingJSON is a channel that is not called as in the source.
type mappingJSON struct {
	Original  string           `json:"original"`
	Name      string           `json:"name"`
	Kind      signal.Kind      `json:"kind"`
	Position  *signal.Position `json:"position_m"`          // in the head frame, in metres; null where none is known
	Reference string           `json:"reference,omitempty"` // in words, as far as the original says it, or the recording
	Why       string           `json:"why,omitempty"`       // where the name is more than a spelling
}

// mapping lists what was made of the names of all channels that changed.
func mapping(rec *signal.Recording) []mappingJSON {
	list := []mappingJSON{}
	for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
		originals := make([]string, len(r.Info.Channels))
		for i, c := range r.Info.Channels {
			originals[i] = c.Original
		}
		for i, e := range montage.Assign(originals) {
			c := r.Info.Channels[i]
			if c.Name == c.Original {
				continue
			}
			m := mappingJSON{c.Original, c.Name, c.Kind, c.Pos, e.Reference, e.Note}
			if m.Reference == "" && c.Kind == signal.EEG {
				m.Reference = r.Info.Reference
			}
			if e.Name != c.Name && m.Why == "" {
				m.Why = "the source says so"
			}
			list = append(list, m)
		}
	}
	return list
}

// printMapping is the table for people.
func printMapping(w io.Writer, list []mappingJSON, channels int) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%d of %d channels are not called as in the source\n", len(list), channels)
	rows := [][]string{{"original", "name", "kind", "position (mm)", "reference", "why"}}
	for _, m := range list {
		rows = append(rows, []string{m.Original, m.Name, string(m.Kind), millimetres(m.Position), m.Reference, m.Why})
	}
	columns(w, rows)
}

// millimetres is a place for people: to the right, the front and up.
func millimetres(p *signal.Position) string {
	if p == nil {
		return "unknown"
	}
	return fmt.Sprintf("%.0f %.0f %.0f", 1000*p[0]+0, 1000*p[1]+0, 1000*p[2]+0)
}
