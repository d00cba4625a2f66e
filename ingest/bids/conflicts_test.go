package bids_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
)

// TestEventConflicts: at each place the events of the table and of the recording are compared by number, label and duration.
func TestEventConflicts(t *testing.T) {
	own := []string{"rest", "left", "rest", "right", "rest", "left", "rest", "right", "rest", "left"} // at 0.5, 1.5 … s, half a second each
	table := func(change func(row int, onset, duration, label, value *string), more ...string) []string {
		rows := []string{"onset|duration|trial_type|value"}
		for i, label := range own {
			onset, duration, value := fmt.Sprintf("%d.5", i), "0.5", "n/a"
			if change != nil {
				change(i, &onset, &duration, &label, &value)
			}
			rows = append(rows, strings.Join([]string{onset, duration, label, value}, "|"))
		}
		return append(rows, more...)
	}
	names := map[string]string{"rest": "fixation", "left": "hand/left", "right": "hand/right"}
	for _, c := range []struct {
		name string
		rows []string
		want []string
	}{
		{"the same", table(nil), nil},
		{"swapped", table(func(_ int, _, _, label, _ *string) {
			*label = map[string]string{"rest": "rest", "left": "right", "right": "left"}[*label]
		}), []string{`other labels at 5 places|"right" in the table and "left" in the recording at 1.500 s`}},
		{"one of another name", table(func(row int, _, _, label, _ *string) {
			if row == 3 {
				*label = "left"
			}
		}), []string{`other labels at 1 places|"left" in the table and "right" in the recording at 3.500 s`}},
		{"four times", table(nil, "1.5|0.5|left|n/a", "1.5|0.5|left|n/a", "1.5|0.5|left|n/a"), []string{"another number of them at 1 places: 4 in the table and 1 in the recording at 1.500 s"}},
		{"durations", table(func(row int, _, duration, _, _ *string) {
			if row > 7 {
				*duration = "0.25"
			}
		}), []string{`other durations at 2 places: 0.25 s in the table and 0.5 s in the recording for "rest" at 8.500 s`}},
		{"no durations", table(func(_ int, _, duration, _, _ *string) { *duration = "n/a" }), nil},
		{"names", table(func(_ int, _, _, label, _ *string) { *label = names[*label] }), nil},
		{"one name for two", table(func(_ int, _, _, label, _ *string) { *label = strings.Split(names[*label], "/")[0] }), nil},
		{"two names for one", table(func(row int, _, _, label, _ *string) { *label = fmt.Sprintf("%s %d", names[*label], row%4) }), nil},
		{"a name for another", table(func(row int, _, _, label, _ *string) {
			if *label = names[*label]; row == 3 {
				*label = "hand/left"
			}
		}), []string{`in more than one way, at 1 places of 10: "hand/left" in the table for "right" in the recording at 3.500 s`}},
		{"names that cross, with the codes beside", table(func(row int, _, _, label, value *string) {
			*value, *label = *label, []string{"correct", "wrong"}[row*row%3%2]
		}), nil},
		{"no labels", table(func(_ int, _, _, label, _ *string) { *label = "n/a" }), nil},
		{"a sample later", table(func(_ int, onset, _, label, _ *string) { *onset += "1"; *label = names[*label] }), nil},
		{"a sample later and swapped", table(func(_ int, onset, _, label, _ *string) {
			*onset += "1"
			*label = map[string]string{"rest": "left", "left": "rest", "right": "right"}[*label]
		}), []string{"other labels at 8 places"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := edftest.File{Reserved: "EDF+C", N: 10}
			f.Signals = append(f.Signals, edftest.Signal{Label: "Cz", Dim: "uV", Samples: 100, At: func(_, i int) int16 { return int16(i) }},
				edftest.Annotations(30, func(r int) string {
					return edftest.TAL(edftest.Steady(r), "") + edftest.TAL(fmt.Sprintf("+%d.5", r), "0.5", own[r])
				}))
			tr := study().text(stem+"_eeg.json", about).table(stem+"_channels.tsv", "name|type|units", "Cz|EEG|uV").table(stem+"_events.tsv", slices.Clone(c.rows)...)
			tr[recording] = &fstest.MapFile{Data: f.Bytes()}
			deviates(t, opened(t, tr, recording).Deviations, c.want...)
		})
	}
}
