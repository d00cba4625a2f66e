package all_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/bids"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// ofGroups is a recording of groups of channels at 100, 200, 400 … Hz, the first of which is the main one. Each is a reference and channels:
// "A1: X1=eeg Cz=misc".
func ofGroups(groups ...string) *signal.Recording {
	var all []*signal.Recording
	rate := 100.0
	for _, text := range groups {
		ref, list, _ := strings.Cut(text, ":")
		info := &signal.Info{Rate: rate, Reference: ref}
		var x signal.Memory
		for i, c := range strings.Fields(list) {
			name, kind, _ := strings.Cut(c, "=")
			info.Channels = append(info.Channels, signal.Channel{Name: name, Original: name, Kind: signal.Kind(kind), Unit: signal.Microvolt})
			x = append(x, make([]float64, int(4*rate)))
			for t := range x[i] {
				x[i][t] = float64((t*31+i)%100) + rate
			}
		}
		all = append(all, &signal.Recording{Name: "made", Format: "test", Info: info, Len: int64(4 * rate), Data: x})
		rate *= 2
	}
	all[0].Others = all[1:]
	all[0].Events = []signal.Event{{Sample: 50, Onset: 0.5, Label: "go"}}
	return all[0]
}

// groupOf names the channels of a group, without the word for what they are that EDF+ puts in front of names that do not tell it.
func groupOf(r *signal.Recording) string {
	var names []string
	for _, c := range r.Info.Channels {
		names = append(names, strings.TrimPrefix(c.Name, strings.ToUpper(string(c.Kind))+" "))
	}
	return strings.Join(names, " ")
}

// TestGroupsStay: in every format that gyrus writes the main group of channels, by whose samples events are counted, stays the main one, and each
// group keeps its reference, or that is a loss which is listed.
func TestGroupsStay(t *testing.T) {
	for name, groups := range map[string][]string{
		"kinds as the labels say":  {"A1: Fz=eeg Cz=eeg", "tendon: EMG1=emg"},
		"kinds that labels deny":   {"A1: X1=eeg X2=eeg", "Cz: Cz=misc Pz=misc Oz=misc"},
		"fewer EEG in the main":    {"A1: Fz=eeg", "Cz: C3=eeg C4=eeg"},
		"as many, but fewer":       {"A1: Fz=eeg", "A1: C3=eeg force=misc"},
		"first channel is no EEG":  {"A1: EOG1=eog Fz=eeg Cz=eeg", "A1: C3=eeg"},
		"no EEG in the main":       {": force=misc torque=misc", "A1: C3=eeg"},
		"a reference in the other": {": Fz=eeg Cz=eeg", "A1: C3=eeg"},
		"none in the other":        {"A1: Fz=eeg Cz=eeg", ": C3=eeg"},
		"none, where it has none":  {"A1: Fz=eeg Cz=eeg", ": force=misc"},
		"one without EEG alone":    {"A1: force=misc torque=misc", "A1: C3=eeg"},
		"three":                    {"A1: Fz=eeg Cz=eeg", "A1: C3=eeg", "A2: C4=eeg"},
	} {
		rec := ofGroups(groups...)
		check := func(t *testing.T, again *signal.Recording, losses []signal.Deviation) {
			t.Helper()
			lost := func(where string) bool {
				return slices.ContainsFunc(losses, func(d signal.Deviation) bool { return d.Where == where })
			}
			if got, want := groupOf(again), groupOf(rec); got != want && !lost(ingest.MainGroup) {
				t.Errorf("the main group is %q, was %q, and that is no loss: %v", got, want, losses)
			} else if got == want && lost(ingest.MainGroup) {
				t.Errorf("the main group is a loss, and stays: %v", losses)
			}
			for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
				for _, a := range append([]*signal.Recording{again}, again.Others...) {
					if groupOf(a) == groupOf(r) && a.Info.Reference != r.Info.Reference && (!lost(ingest.Reference) || a.Info.Reference != "") {
						t.Errorf("%s has the reference %q, had %q, and that is no loss: %v", groupOf(r), a.Info.Reference, r.Info.Reference, losses)
					}
				}
			}
		}
		for _, w := range ingest.Writers() {
			t.Run(name+" as "+w.Name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "x"+w.Ext[0])
				made, err := ingest.WriteFile(path, w, rec, false)
				if err != nil {
					t.Fatal(err)
				}
				check(t, ingesttest.OpenFile(t, path), made.Losses)
			})
		}
		t.Run(name+" as BIDS", func(t *testing.T) {
			root := t.TempDir()
			it := bids.Item{Name: bids.Name{}.With("sub", "1").With("task", "rest"), Input: "made", Open: func() (*signal.Recording, error) { return rec, nil }}
			made, err := bids.Write(t.Context(), root, []bids.Item{it}, bids.Options{Generator: bids.Generator{Name: "test"}})
			if err != nil {
				t.Fatal(err)
			}
			again := ingesttest.OpenFile(t, filepath.Join(root, filepath.FromSlash(made[0].Path)))
			check(t, again, made[0].Losses)
			if n := len(again.Deviations); n > 0 && groupOf(again) == groupOf(rec) && !strings.Contains(fmt.Sprint(again.Deviations), "type") {
				t.Errorf("%d deviations in what was written: %+v", n, again.Deviations)
			}
		})
	}
}
