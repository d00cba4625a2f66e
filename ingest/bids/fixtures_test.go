package bids_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
)

// tree is files of a tree by their paths, which grows.
type tree fstest.MapFS

// study is a tree with one subject and nothing of the sidecars of a recording.
func study() tree {
	return tree{}.
		text("dataset_description.json", `{"Name": "made by a test", "BIDSVersion": "1.10.0"}`).
		text("participants.tsv", "participant_id\tage\nsub-01\t33\n")
}

func (f tree) text(name, text string) tree {
	f[name] = &fstest.MapFile{Data: []byte(text)}
	return f
}

// table is text of rows, in which columns are parted by bars.
func (f tree) table(name string, rows ...string) tree {
	for i, r := range rows {
		cells := strings.Split(r, "|")
		for k := range cells {
			cells[k] = strings.TrimSpace(cells[k])
		}
		rows[i] = strings.Join(cells, "\t")
	}
	return f.text(name, strings.Join(rows, "\n")+"\n")
}

// Names of the one recording in most of the fixtures, and of what lies beside it.
const (
	folder    = "sub-01/eeg/"
	stem      = folder + "sub-01_task-odd"
	recording = stem + "_eeg.edf"
)

// about is a sidecar that agrees with recordings of 100 Hz.
const about = `{"TaskName": "odd", "EEGReference": "Cz", "SamplingFrequency": 100, "PowerLineFrequency": 50, "SoftwareFilters": "n/a"}`

// edfFile is ten seconds at 100 Hz of a sine of 20 in the given unit on every channel, each with its own frequency, as EDF+;
// events at 1.5 and 4 s.
func edfFile(unit string, labels ...string) []byte {
	f := edftest.File{Reserved: "EDF+C", N: 10}
	for ch, label := range labels {
		f.Signals = append(f.Signals, edftest.Signal{
			Label: label, Dim: unit, Samples: 100,
			At: func(r, i int) int16 {
				return int16(math.Round(200 * math.Sin(2*math.Pi*float64(ch+3)*(float64(r)+float64(i)/100))))
			},
		})
	}
	f.Signals = append(f.Signals, edftest.Annotations(30, func(r int) string {
		text := edftest.TAL(edftest.Steady(r), "")
		switch r {
		case 1:
			text += edftest.TAL("+1.5", "", "button")
		case 4:
			text += edftest.TAL("+4", "", "light")
		}
		return text
	}))
	return f.Bytes()
}

// edf puts the recording there.
func (f tree) edf(unit string, labels ...string) tree {
	f[recording] = &fstest.MapFile{Data: edfFile(unit, labels...)}
	return f
}

// fixture is a tree with one recording, which mne-bids reads as well: testdata/golden.json has what it says.
type fixture struct {
	name      string
	recording string
	tree      tree
}

// fixtures has one for each issue that specs of BIDS readers were learnt from, and others for what they leave open.
func fixtures() []fixture {
	capTrak := `{"EEGCoordinateSystem": "CapTrak", "EEGCoordinateUnits": "%s"}`
	whole := func() tree { // a recording about which everything is said
		return study().edf("uV", "Fz", "Cz", "Pz", "EOG1").text(stem+"_eeg.json", about).
			table(stem+"_channels.tsv", "name|type|units", "Fz|EEG|uV", "Cz|EEG|uV", "Pz|EEG|uV", "EOG1|EOG|uV").
			table(stem+"_events.tsv", "onset|duration|trial_type", "1.5|0|button", "4|0|light")
	}
	var all []fixture
	add := func(name string, t tree) { all = append(all, fixture{name, recording, t}) }

	// What lies beside a file extends and overrules what is in it: here the header has the wrong unit, does not know that "LE"
	// is an eye, and has other events.
	add("fieldtrip-1545", study().edf("mV", "Fz", "Cz", "LE").text(stem+"_eeg.json", about).
		table(stem+"_channels.tsv", "name|type|units|status", "Fz|EEG|uV|good", "Cz|EEG|uV|bad", "LE|EOG|uV|good").
		table(stem+"_events.tsv", "onset|duration|trial_type", "2.25|0.5|left", "7|0.5|right").
		table(folder+"sub-01_electrodes.tsv", "name|x|y|z", "Fz|0.001|0.06|0.1", "Cz|0.002|0.01|0.12").
		text(folder+"sub-01_coordsystem.json", fmt.Sprintf(capTrak, "m")))

	// The same report came three times: there are fewer, or more, or other electrodes than channels.
	add("mne-bids-380", whole().
		table(folder+"sub-01_electrodes.tsv", "name|x|y|z", "Fz|0.1|6|10").text(folder+"sub-01_coordsystem.json", fmt.Sprintf(capTrak, "cm")))
	add("mne-bids-381", whole().
		table(folder+"sub-01_electrodes.tsv", "name|x|y|z", "O1|-30|-80|50", "Fz|1|60|100", "Cz|2|10|120", "Pz|3|-50|110", "Oz|4|-90|40", "GND|5|80|80").
		text(folder+"sub-01_coordsystem.json", fmt.Sprintf(capTrak, "mm")))
	add("mne-bids-382", whole().
		table(folder+"sub-01_electrodes.tsv", "name|size|z|y|x|impedance", "Pz|1|0.11|-0.05|0.003|5", "Cz|1|n/a|n/a|n/a|5", "Fz|1|0.1|0.06|0.001|n/a").
		text(folder+"sub-01_coordsystem.json", fmt.Sprintf(capTrak, "m")))

	// Intracranial recordings have channels that are no electrodes, and positions in the brain.
	ieeg := "sub-01/ieeg/sub-01_task-odd"
	t := study().text(ieeg+"_ieeg.json", strings.Replace(about, "EEGReference", "iEEGReference", 1)).
		table(ieeg+"_channels.tsv", "name|type|units|low_cutoff|high_cutoff", "LA1|SEEG|uV|0.1|40", "LA2|SEEG|uV|0.1|40", "GR1|ECOG|uV|0.1|40", "EKG|ECG|uV|0.1|40", "DC1|MISC|V|n/a|n/a").
		table(ieeg+"_events.tsv", "onset|duration|trial_type", "1.5|0|button", "4|0|light").
		table("sub-01/ieeg/sub-01_electrodes.tsv", "name|x|y|z|size", "LA1|-20.5|4|-13|5", "LA2|-23.5|4|-13|5", "GR1|40|n/a|n/a|4").
		text("sub-01/ieeg/sub-01_coordsystem.json", `{"iEEGCoordinateSystem": "ACPC", "iEEGCoordinateUnits": "mm"}`)
	t[ieeg+"_ieeg.edf"] = &fstest.MapFile{Data: edfFile("uV", "LA1", "LA2", "GR1", "EKG", "DC1")}
	all = append(all, fixture{"mne-bids-701", ieeg + "_ieeg.edf", t})

	// A trial_type that is n/a throughout is no reason to have no events.
	add("mne-bids-947", whole().
		table(stem+"_events.tsv", "onset|duration|sample|trial_type|value", "1.5|0|150|n/a|1040", "4|0|400|n/a|2049", "5|0|500|n/a|1040"))
	// One trial_type may stand for several values.
	add("mne-bids-687", whole().
		table(stem+"_events.tsv", "onset|duration|sample|trial_type|value", "1|0|100|response|202", "2|0|200|stimulus|11", "3|0|300|response|201", "4|0|400|stimulus|12",
			"5|0|500|feedback|9", "6|0|600|feedback|9", "7|0|700|response|n/a"))
	// Values are what they are, not numbered anew.
	add("mne-bids-223", whole().
		table(stem+"_events.tsv", "onset|duration|value", "1|0|4", "2|0|1", "3|0|2", "4|0.25|4"))

	// What tables of events may lack, and what they may have beside.
	add("events-neither", whole().
		table(stem+"_events.tsv", "onset|duration", "1.5|0", "4|0.5"))
	add("events-onset-na", whole().
		table(stem+"_events.tsv", "onset|duration|trial_type", "1.5|0|button", "n/a|0|light", "4|0|light"))
	add("events-values", whole(). // numbers with a point, and words
					table(stem+"_events.tsv", "onset|duration|value", "1|0|1.0", "2|0|S 12", "3|0|-7", "4|n/a|boundary"))
	add("events-hed", whole().
		text("dataset_description.json", `{"Name": "made by a test", "BIDSVersion": "1.10.0", "HEDVersion": ["8.3.0", "sc:score_1.0.0"]}`).
		table(stem+"_events.tsv", "onset|duration|trial_type|response_time|HED|stim_file", "1.5|0|button|0.313|Agent-action, (Press, (Left, Hand))|n/a", "4|0|light|n/a|n/a|images/µ x.png").
		text(stem+"_events.json", `{"trial_type": {"Levels": {"light": "a flash", "button": "left"}, "HED": {"light": "Sensory-event, (Red, Blue)", "button": "Agent-action"}}, "response_time": {"Units": "s", "HED": "Delay/# s"}}`))

	// Not from a report.
	add("order", whole(). // the tables have orders of their own
				table(stem+"_channels.tsv", "name|type|units|status", "EOG1|VEOG|uV|good", "Pz|EEG|uV|bad", "Fz|EEG|uV|good", "Cz|MISC|uV|bad").
				table(stem+"_events.tsv", "onset|duration|trial_type", "4|0|light", "1.5|n/a|button"))
	add("inherited", study().edf("uV", "Fz", "Cz", "Pz", "EOG1").
		text("task-odd_eeg.json", strings.Replace(about, `"SoftwareFilters"`, `"Manufacturer": "of the root", "SoftwareFilters"`, 1)).
		text(stem+"_eeg.json", `{"Manufacturer": "of the recording", "PowerLineFrequency": 60}`).
		table("sub-01/sub-01_task-odd_channels.tsv", "name|type|units", "Fz|EEG|uV", "Cz|EEG|uV", "Pz|EEG|uV", "EOG1|EOG|uV").
		table(stem+"_events.tsv", "onset|duration|trial_type", "1.5|0|button", "4|0|light"))
	add("scans", whole().
		table("sub-01/sub-01_scans.tsv", "filename|acq_time", "eeg/sub-01_task-odd_eeg.edf|1999-12-31T23:59:58.5Z"))
	for _, system := range []string{"CTF", "EEGLAB"} {
		add(strings.ToLower(system), whole().
			table(folder+"sub-01_electrodes.tsv", "name|x|y|z", "Fz|60|1|100", "Cz|10|-2|120", "Pz|-50|3|110").
			text(folder+"sub-01_coordsystem.json", `{"EEGCoordinateSystem": "`+system+`", "EEGCoordinateUnits": "mm"}`))
	}
	add("no-unit", whole().
		table(folder+"sub-01_electrodes.tsv", "name|x|y|z", "Fz|1|60|100", "Cz|2|10|120", "Pz|3|-50|110").
		text(folder+"sub-01_coordsystem.json", fmt.Sprintf(capTrak, "n/a")))
	return all
}

// file puts a file of the operating system there.
func (f tree) file(t *testing.T, name, path string) tree {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f[name] = &fstest.MapFile{Data: data}
	return f
}
