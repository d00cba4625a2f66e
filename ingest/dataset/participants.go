package dataset

import (
	"io/fs"
	"path"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/bids"
)

// rowsGone says which subjects, of whom the manifest has recordings below the folder of a table of participants, have no row in it now. It
// is "" for other files, where all have one, and where the file is far longer than any such table.
func (v *verifying) rowsGone(f File) (text string, err error) {
	dir, base := path.Split(f.Path)
	if base != bids.ParticipantsFile || v.here[f.Path].bytes > levelBytes {
		return "", nil
	}
	data, err := fs.ReadFile(v.dir, f.Path)
	if err != nil {
		return "", err
	}
	t, _, err := bids.ReadTable(data, f.Path)
	if err != nil {
		return "cannot be read: " + err.Error(), nil //nolint:nilerr // which is what verify looks for
	}
	if t.Column(bids.ParticipantID) < 0 {
		return "has no column " + bids.ParticipantID, nil
	}
	rows := map[string]bool{}
	for row := range t.Len() {
		id, _ := t.Cell(row, bids.ParticipantID)
		rows[id] = true
	}
	var gone []string
	for _, f := range v.Files { // by path, and so by subject
		below, ok := strings.CutPrefix(f.Path, dir)
		id, _, deeper := strings.Cut(below, "/")
		if ok && deeper && f.Layout >= 0 && strings.HasPrefix(id, "sub-") && !rows[id] {
			rows[id] = true // said once
			gone = append(gone, id)
		}
	}
	if len(gone) == 0 {
		return "", nil
	}
	return "has no row of " + strings.Join(gone, ", ") + ", of whom the manifest has recordings", nil
}
