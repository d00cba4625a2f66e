package bids

import (
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// secretly is a recording beside which a name, Zebulon, stands wherever BIDS has room for words.
func secretly(t *testing.T) Item {
	t.Helper()
	sidecar := func(text string) Sidecar {
		s, err := ReadSidecar([]byte(text), "x")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	table := func(rows ...string) *Table {
		text := strings.ReplaceAll(strings.Join(rows, "\n"), "|", "\t") + "\n"
		out, _, err := ReadTable([]byte(text), "x")
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	it := item("01", "rest", "1", sample(whole))
	it.Said = &Sidecars{
		About: sidecar(`{"TaskName": "rest", "EEGReference": "Cz, put on by Zebulon", "SoftwareFilters": {"Zebulon's": {"cutoff": 50}}, "HardwareFilters": {"by": "Zebulon"},
			"CapManufacturer": "Zebulon", "SoftwareVersions": ["1", "Zebulon 2"], "PowerLineFrequency": 50, "EEGGround": "AFz", "RecordingType": "continuous"}`),
		Channels:      table("name|type|units|reference|group|component|software_filters", "Fc5.|EEG|uV|Cz|Zebulon|n/a|50 Hz", "Cz..|EEG|uV|linked ears|n/a|Zebulon|Zebulon"),
		ChannelsAbout: sidecar(`{"type": {"Description": "Zebulon's"}, "status": {"LongName": "Zebulon", "Units": "Zebulon"}, "group": "of Zebulon", "reference": {"Levels": {"Cz": "Zebulon"}, "Zebulon": 1}}`),
		Events: table("onset|duration|trial_type|stim_file|stim_id|HED", "0|0|go|Zebulon.png|Zebulon|Sensory-event, (Description/Zebulon coughs, Red), (Label/Zebulon)", "1|0|go|n/a|7|Def/Zebulon",
			"1.5|0|stop|n/a|7|Agent-action, (Press, (Left, Hand)), Delay/3 s", "1.6|0|stop|n/a|n/a|(Zebulon"),
		EventsAbout: sidecar(`{"trial_type": {"LongName": "Zebulon", "Description": "What the recording calls the event.", "Levels": {"go": "Zebulon goes", "stop": "n/a"},
			"HED": {"go": "Sensory-event, Property/Informational-property/Description/Zebulon", "stop": "Agent-action"}}, "stim_id": {"TermURL": "https://zebulon.example", "Units": "n/a"}, "value": {"HED": "Label/#"}}`),
		Electrodes:      table("name|x|y|z|material|manufacturer", "Fc5.|1|2|3|Ag|Zebulon"),
		ElectrodesAbout: sidecar(`{"material": {"Description": "of Zebulon"}}`),
		Coordsystem:     sidecar(`{"EEGCoordinateSystem": "CapTrak", "EEGCoordinateUnits": "mm", "FiducialsCoordinates": {"NAS": [1, 2, 3], "Zebulon": [1, 2, 3]}}`),
	}
	return it
}

// TestAnonymousTexts: in what BIDS defines, values are looked at: prose is left out, numbers, units and codes stay, and every other text
// that stays is listed. Without texts none is left.
func TestAnonymousTexts(t *testing.T) {
	for _, c := range []struct {
		none   bool
		format string
	}{{false, ""}, {true, ""}, {true, "brainvision"}, {true, "bdf+"}} {
		none, opt := c.none, options
		opt.Format = c.format
		it, root := secretly(t), t.TempDir()
		it.Anonymous = &Anonymous{Texts: none}
		rec := sample(whole)
		rec.Info.Reference = "Cz, put on by Zebulon" // as Complete takes it over
		it.Open = func() (*signal.Recording, error) { return rec, nil }
		w := mustWrite(t, root, opt, it)[0]
		listed := func(kept bool, parts ...string) bool {
			for _, p := range w.Personal {
				all := strings.HasPrefix(p.Done, "kept") == kept
				for _, part := range parts {
					all = all && strings.Contains(p.Where+"\n"+p.Found, part)
				}
				if all {
					return true
				}
			}
			return false
		}
		all := snapshot(t, root)
		const base = "sub-01/eeg/sub-01_task-rest_run-1_"
		for name, text := range all {
			if none && strings.Contains(strings.ToLower(text), "zebulon") {
				t.Errorf("without texts, %s says who it is: %s", name, text)
			}
		}
		for _, prose := range []string{"channels.json: type.Description", "channels.json: status.LongName", "channels.json: group", "channels.json: reference.Levels", "channels.json: reference.Zebulon", "electrodes.json: material.Description"} {
			if !listed(false, prose, "Zebulon") {
				t.Errorf("without texts %v, not listed as left out: %s", none, prose)
			}
		}
		for name, want := range map[string][]string{
			"eeg.json":     {`"PowerLineFrequency": 50`, `"EEGGround": "AFz"`, `"RecordingType": "continuous"`},
			"channels.tsv": {"linked ears"},
		} {
			for _, part := range want {
				if !strings.Contains(all[base+name], part) {
					t.Errorf("without texts %v, %s does not have %s:\n%s", none, name, part, all[base+name])
				}
			}
		}
		for _, kept := range []string{"EEGReference", "SoftwareFilters", "HardwareFilters", "CapManufacturer", "SoftwareVersions", "channels.tsv: column group", "channels.tsv: column component", "channels.tsv: column software_filters", "electrodes.tsv: column manufacturer", "status.Units"} {
			if !listed(!none, kept, "Zebulon") {
				t.Errorf("without texts %v, not listed: %s in\n%v", none, kept, w.Personal)
			}
		}
		if none {
			continue
		}
		for _, prose := range []string{"events.tsv: column stim_file", "column HED\nDescription/Zebulon coughs", "column HED\nLabel/Zebulon", "column HED\n(Zebulon", "trial_type.LongName", "trial_type.Levels", "trial_type.HED.go\nProperty", "value.HED\nLabel/#"} {
			if !listed(false, prose) {
				t.Errorf("not listed as left out: %s in\n%v", prose, w.Personal)
			}
		}
		for _, kept := range []string{"events.tsv: column stim_id", "column HED\nDef/Zebulon", "FiducialsCoordinates"} {
			if !listed(true, kept, "Zebulon") {
				t.Errorf("not listed as kept: %s in\n%v", kept, w.Personal)
			}
		}
		const events = "onset\tduration\ttrial_type\tstim_id\tHED\n0\t0\tgo\tZebulon\tSensory-event, (Red)\n1\t0\tgo\t7\tDef/Zebulon\n1.5\t0\tstop\t7\tAgent-action, (Press, (Left, Hand)), Delay/3 s\n1.6\t0\tstop\tn/a\tn/a\n"
		if got := all[base+"events.tsv"]; got != events {
			t.Errorf("events.tsv is\n%s, want\n%s", got, events)
		}
		about := strings.Join(strings.Fields(all[base+"events.json"]), " ")
		if want := `{ "trial_type": { "Description": "What the recording calls the event.", "HED": { "go": "Sensory-event", "stop": "Agent-action" } }, "stim_id": { "Units": "n/a" } }`; about != want {
			t.Errorf("events.json is\n%s, want\n%s", about, want)
		}
	}
}

// TestAnonymousEverything: a name in any value of the input tree is either not in the output, or in the list of what was kept.
func TestAnonymousEverything(t *testing.T) {
	it, root := secretly(t), t.TempDir()
	it.Anonymous = &Anonymous{}
	w := mustWrite(t, root, options, it)[0]
	var kept strings.Builder
	for _, p := range w.Personal {
		if p != (ingest.Personal{}) && strings.HasPrefix(p.Done, "kept") {
			kept.WriteString(p.Where + p.Found + "\n")
		}
	}
	for name, text := range snapshot(t, root) {
		for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\t' }) {
			if !strings.Contains(line, "Zebulon") {
				continue
			}
			inside := strings.Trim(line, ` ",{}:[]`)
			for _, part := range strings.Split(inside, `": `) {
				if part = strings.Trim(part, ` "{[`); strings.Contains(part, "Zebulon") && !strings.Contains(kept.String(), part) {
					t.Errorf("%s has %q, which is not listed as kept:\n%s", name, part, kept.String())
				}
			}
		}
	}
}
