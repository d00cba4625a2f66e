package dataset

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/bids"
)

// levelBytes is the most that a sidecar of events may have for what its levels mean to be taken down.
const levelBytes = 16 << 20

// meanings is what the values in tables of events mean, by the sidecar called name: none where that is no events.json, or cannot be read.
// A meaning is a text, or the Description of an object (BIDS 1.10, "Tabular files").
func meanings(dir fs.FS, name string) (list []string, err error) {
	if !strings.HasSuffix(name, "events.json") {
		return nil, nil
	}
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only
	data, err := io.ReadAll(io.LimitReader(f, levelBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(data) > levelBytes {
		return nil, nil
	}
	about, err := bids.ReadSidecar(data, name)
	if err != nil {
		return nil, nil // its hash is compared all the same, and reading the recording lists what is wrong
	}
	for _, column := range about.Keys() {
		var c struct{ Levels map[string]json.RawMessage }
		if ok, err := about.Get(column, &c); !ok || err != nil { // a field that describes no column
			continue
		}
		for _, value := range slices.Sorted(maps.Keys(c.Levels)) {
			var text string
			var object struct{ Description string }
			if json.Unmarshal(c.Levels[value], &text) != nil {
				if text = string(c.Levels[value]); json.Unmarshal(c.Levels[value], &object) == nil {
					text = object.Description
				}
			}
			list = append(list, fmt.Sprintf("%s %q means %q", column, value, text))
		}
	}
	slices.Sort(list)
	return list, nil
}

// levelsOf says what the levels of a file mean now and should not.
func (v *verifying) levelsOf(f File) (text string, err error) {
	got, err := meanings(v.dir, f.Path)
	if err != nil {
		return "", err
	}
	var now, was []string
	for _, l := range got {
		if !slices.Contains(f.Levels, l) {
			now = append(now, l)
		}
	}
	for _, l := range f.Levels {
		if !slices.Contains(got, l) {
			was = append(was, l)
		}
	}
	if len(now)+len(was) == 0 {
		return "", nil
	}
	return fmt.Sprintf("levels differ: %s; must be: %s", list(now), list(was)), nil
}

// list is some of what there is.
func list(lines []string) string {
	if len(lines) == 0 {
		return "none of these"
	}
	if n := len(lines) - shownChannels; n > 0 {
		return strings.Join(lines[:shownChannels], ", ") + fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(lines, ", ")
}
