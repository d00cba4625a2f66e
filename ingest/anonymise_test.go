package ingest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// typed are labels that somebody may have typed, codes those that nobody did.
var (
	typed = []string{
		"comment/Ada was tired", "Mrs. Smith 3/4", "Mrs. Smith", "Eva", "Bob", "Jane Roe eyes open", "Comment/Anna_Roe/2", "19700102-1234", "1970-01-02", "tel 0171", "J R", "call Li", "R W",
		"comment/left hand", "Dr Who", "\u674e\u660e", "?",
	}
	codes = []string{
		"T0", "T1", "769", "33024", "S  1", "Stimulus/S  1", "Response/R 15", "New Segment/", "TargetCode/2", "spike/elec5/1", "digital/65535", "0x0301", "left", "left_hand",
		"right hand", "feet", "rest", "13 Hz", "eyes closed", "Sleep stage W", "Sleep stage ?", "Sleep stage 2", "Lights/off", "boundary", "target", "response/201",
	}
)

func labelled(labels ...string) *signal.Recording {
	rec := &signal.Recording{Info: &signal.Info{}}
	for i, l := range labels {
		rec.Events = append(rec.Events, signal.Event{Label: l, Onset: float64(i)})
	}
	return rec
}

// TestFindPersonal: what somebody may have typed, however often it comes, and not the codes of a machine.
func TestFindPersonal(t *testing.T) {
	all := slices.Concat(typed, codes, typed, codes, typed, typed)
	var found []string
	for _, p := range ingest.FindPersonal(labelled(all...)) {
		found = append(found, p.Found)
	}
	if !slices.Equal(found, typed) {
		t.Errorf("found %q, want %q", found, typed)
	}
}

// TestAnonymiseChannels: names of channels that events are of and no channel has are treated as what events are called.
func TestAnonymiseChannels(t *testing.T) {
	rec := labelled("T0", "T1", "T2")
	rec.Texts = []signal.Text{{Field: "patient", Text: "SECRETNAME", Personal: true}}
	rec.Info.Channels = []signal.Channel{{Name: "Cz", Original: "Cz"}}
	rec.Events[0].Channels, rec.Events[1].Channels, rec.Events[2].Channels = signal.ChannelsOf("Cz"), signal.ChannelsOf("Cz", "Secretname"), signal.ChannelsOf("by Eva")
	for want, hide := range map[string]ingest.Hiding{"Cz|Cz, text removed|by Eva": {}, "Cz|Cz, text removed|text removed": {DropTexts: true}} {
		out, found, err := ingest.Anonymise(rec, hide)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range out.Events {
			got = append(got, e.Channels.String())
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("the channels are %s, want %s", s, want)
		}
		for _, name := range []string{"Secretname", "by Eva"} {
			if !slices.ContainsFunc(found, func(p ingest.Personal) bool { return p.Found == name }) {
				t.Errorf("%s is not listed: %+v", name, found)
			}
		}
	}
	if rec.Events[1].Channels != signal.ChannelsOf("Cz", "Secretname") {
		t.Error("the recording was changed")
	}
}

// TestAnonymiseLabelledAsChannels: the text of an event that is the name of a channel is taken out of the event, and events of that channel stay those of it.
func TestAnonymiseLabelledAsChannels(t *testing.T) {
	rec := labelled("ECG", "T1", "Aux", "T2", "gone")
	rec.Info.Channels = []signal.Channel{{Name: "Cz"}, {Name: "ECG"}}
	rec.Others = []*signal.Recording{{Info: &signal.Info{Channels: []signal.Channel{{Name: "Aux"}}}, Events: []signal.Event{{Label: "T3", Channels: signal.ChannelsOf("Aux", "gone")}}}}
	rec.Events[0].Channels, rec.Events[1].Channels, rec.Events[3].Channels = signal.ChannelsOf("Cz"), signal.ChannelsOf("Cz", "ECG"), signal.ChannelsOf("Aux", "gone")
	out, _, err := ingest.Anonymise(rec, ingest.Hiding{DropTexts: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range slices.Concat(out.Events, out.Others[0].Events) {
		got = append(got, e.Label+" of "+e.Channels.String())
	}
	want := "text removed of Cz|T1 of Cz, ECG|text removed of |T2 of Aux, text removed|text removed of |T3 of Aux, text removed"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("the events are %s, want %s", s, want)
	}
}

// TestAnonymiseNames: a word of the header is nowhere in what is left, with and without the texts that somebody may have typed, and what was
// done is listed; codes and what was asked for stay, and are listed too.
func TestAnonymiseNames(t *testing.T) {
	rec := labelled("T0", "SECRETNAME moves", "SECRETNAME moves", "SECRETNAME moves", "SECRETNAME moves", "secretnames", "hosp123", "Eva", "pump 3", "T0")
	rec.Begin = time.Date(2021, 3, 4, 10, 11, 12, 0, time.UTC)
	rec.Texts = []signal.Text{
		{Field: "patient", Text: "HOSP123 F 02-JAN-1970 SECRETNAME", Personal: true}, {Field: "transducer", Channel: "Cz", Text: "cap of Secretname"}, {Field: "prefiltering", Text: "HP:0.1Hz"},
	}
	rec.Info.Channels, rec.Info.Reference = []signal.Channel{{Name: "Cz", Original: "Cz"}, {Name: "x", Original: "secretname 1"}}, "Secretname's ear"
	for _, c := range []struct {
		hide ingest.Hiding
		want []string
	}{
		{ingest.Hiding{}, []string{"T0", "text removed", "text removed", "text removed", "text removed", "text removed", "text removed", "Eva", "pump 3", "T0"}},
		{ingest.Hiding{DropTexts: true, Keep: []string{"pump 3"}}, []string{"T0", "text removed", "text removed", "text removed", "text removed", "text removed", "text removed", "text removed", "pump 3", "T0"}},
	} {
		out, found, err := ingest.Anonymise(rec, c.hide)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range out.Events {
			got = append(got, e.Label)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: the events are %q, want %q", c.hide, got, c.want)
		}
		if out.Info.Reference != "" || len(out.Info.Channels) != 2 || rec.Info.Reference == "" {
			t.Errorf("the reference is %q", out.Info.Reference)
		}
		if len(out.Texts) != 1 || out.Texts[0].Text != "HP:0.1Hz" {
			t.Errorf("the texts are %+v", out.Texts)
		}
		for _, said := range []struct{ found, done string }{
			{"HOSP123 F 02-JAN-1970 SECRETNAME", "left out"},
			{"cap of Secretname", "left out"},
			{"2021-03-04 10:11:12", "left out"},
			{"secretname 1", "kept: it has a word"},
			{"Secretname's ear", "left out: it has a word"},
			{"SECRETNAME moves", "text removed"},
			{"secretnames", "text removed"},
			{"hosp123", "text removed"},
			{"Eva", map[bool]string{false: "kept: look", true: "text removed"}[c.hide.DropTexts]},
			{"T0", "kept: codes"},
		} {
			if !slices.ContainsFunc(found, func(p ingest.Personal) bool {
				return (p.Found == said.found || strings.HasPrefix(p.Found, said.found) && said.done == "kept: codes") && strings.Contains(p.Done, said.done)
			}) {
				t.Errorf("%+v: not said that %q was %q: %+v", c.hide, said.found, said.done, found)
			}
		}
	}
	if rec.Events[1].Label != "SECRETNAME moves" || len(rec.Texts) != 3 {
		t.Error("the recording was changed")
	}
}

// TestNamesInLongTexts: of a long text the values count whose key says who somebody is, and no other word.
func TestNamesInLongTexts(t *testing.T) {
	const setup = "A m p l i f i e r  S e t u p\r\n============================\r\nNumber of channels: 32\r\nSampling rate [Hz]: 500\r\nChannel name: blinks\r\nReference electrode: Cz\r\n"
	for text, want := range map[string]string{ // what remains of the labels
		"Patient: Okafor, Anna / Operator: Lee / " + setup:                         "T0|x|x|x|blinks|moves",
		"Patient: Okafor, Anna\r\nOperator: Lee\r\n" + setup:                       "T0|x|x|x|blinks|moves",
		setup + "Patient: Anna Okafor Operator: Lee Age: 31":                       "T0|x|x|x|blinks|moves",
		setup + "Subject name = Okafor; Recorded by: Anna Lee":                     "T0|x|x|x|blinks|moves",
		setup + "Patient's name: Okafor":                                           "T0|x|Anna sits|Lee came|blinks|moves",
		setup + "PATIENT: OKAFOR:":                                                 "T0|x|Anna sits|Lee came|blinks|moves",
		setup + "Patient: Okafor, Age: 31, Montage: Anna":                          "T0|x|Anna sits|Lee came|blinks|moves",
		setup + "Okafor was asked to rest; Anna said to the operator: Lee moves":   "T0|Okafor blinks|Anna sits|Lee came|blinks|moves",
		setup + "Amplifier name: Okafor / Device ID: Anna / Number: 3 / Code: Lee": "T0|Okafor blinks|Anna sits|Lee came|blinks|moves",
		setup + "Operator: " + strings.Repeat("sat beside Lee, and moves, ", 4):    "T0|Okafor blinks|Anna sits|Lee came|blinks|moves",
		setup + "Subject position: Okafor, and blinks":                             "T0|Okafor blinks|Anna sits|Lee came|blinks|moves",
		setup + "Patient 3: Okafor – Operator (2): Lee":                            "T0|x|Anna sits|x|blinks|moves",
		"Okafor, Anna; Lee": "T0|x|x|x|blinks|moves", // as ever
	} {
		rec := labelled("T0", "Okafor blinks", "Anna sits", "Lee came", "blinks", "moves")
		rec.Texts = []signal.Text{{Field: "Comment", Text: text, Personal: true}}
		out, _, err := ingest.Anonymise(rec, ingest.Hiding{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range out.Events {
			got = append(got, strings.ReplaceAll(e.Label, "text removed", "x"))
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%q: the events are %s, want %s", text, s, want)
		}
	}
}
