package montage_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func TestNormalize(t *testing.T) {
	for _, tc := range []struct {
		original, name string
		kind           signal.Kind
	}{
		{"Fc5.", "FC5", signal.EEG},
		{"EEG Fp1", "Fp1", signal.EEG},
		{"EEG FP1-REF", "Fp1", signal.EEG},
		{"EEG FP1-Ref", "Fp1", signal.EEG},
		{"EEG F7-LE", "F7", signal.EEG},
		{"EEG CZ-AVG", "Cz", signal.EEG},
		{"Cz-AV", "Cz", signal.EEG},
		{"eeg fcz", "FCz", signal.EEG},
		{"  O1  ", "O1", signal.EEG},
		{"AFP9H", "AFp9h", signal.EEG},
		{"nz", "Nz", signal.EEG},
		{"CB1", "CB1", signal.EEG}, // caps of Neuroscan
		{"EEG cb2-REF", "CB2", signal.EEG},
		{"CB3", "CB3", signal.Misc},

		// The 10-20 names that the 10-10 system changed, and their neighbours that it did not.
		{"T3", "T7", signal.EEG},
		{"EEG T4-REF", "T8", signal.EEG},
		{"t5", "P7", signal.EEG},
		{"T6", "P8", signal.EEG},
		{"T7", "T7", signal.EEG},
		{"T1", "T1", signal.Misc},

		// Bipolar names keep both ends.
		{"T8-P8", "T8-P8", signal.EEG},
		{"FP1-F7", "Fp1-F7", signal.EEG},
		{"T3-C3", "T7-C3", signal.EEG},
		{"EEG Fpz-Cz", "Fpz-Cz", signal.EEG},
		{"C3-A2", "C3-A2", signal.EEG},
		{"EEG A2-A1", "A2-A1", signal.EEG},
		{"T8-P8-0", "T8-P8-0", signal.Misc},
		{"T8-ref2", "T8-ref2", signal.Misc},

		// Unknown names stay.
		{"EEG 12", "EEG 12", signal.EEG},
		{"EEG X1-REF", "EEG X1-REF", signal.EEG},
		{"EEG1", "EEG1", signal.Misc},
		{"3Hz +5/-5 V", "3Hz +5/-5 V", signal.Misc},
		{"Ergo-Left", "Ergo-Left", signal.Misc},
		{"C7", "C7", signal.Misc},
		{"FC7", "FC7", signal.Misc},
		{"T10h", "T10h", signal.EEG},
		{"Czh", "Czh", signal.Misc},
		{"Fp3", "Fp3", signal.Misc},
		{"...", "...", signal.Misc},
		{"", "", signal.Misc},

		// Other kinds keep their labels.
		{"EOG horizontal", "EOG horizontal", signal.EOG},
		{"VEOG", "VEOG", signal.EOG},
		{"ECG ECG", "ECG ECG", signal.ECG},
		{"EKGL", "EKGL", signal.ECG},
		{"EMG submental", "EMG submental", signal.EMG},
		{"ECoG 1", "ECoG 1", signal.ECoG},
		{"SEEG LA1", "SEEG LA1", signal.SEEG},
		{"Status", "Status", signal.Trigger},
		{"tRigGer", "tRigGer", signal.Trigger},
		{"STI 014", "STI 014", signal.Trigger},
		{"STI101", "STI101", signal.Trigger},
		{"STIM", "STIM", signal.Misc},
		{"Resp oro-nasal", "Resp oro-nasal", signal.Misc},
	} {
		name, kind := montage.Normalize(tc.original)
		if name != tc.name || kind != tc.kind {
			t.Errorf("Normalize(%q) is %q, %s, want %q, %s", tc.original, name, kind, tc.name, tc.kind)
		}
		if again, _ := montage.Normalize(name); again != name {
			t.Errorf("Normalize(%q) is %q, and that normalised again %q, want no change", tc.original, name, again)
		}
	}
}

// The 64 labels of the EEG Motor Movement/Imagery data set (Schalk et al. 2004), in the order of its files.
const eegmmidb = `Fc5. Fc3. Fc1. Fcz. Fc2. Fc4. Fc6. C5.. C3.. C1.. Cz.. C2.. C4.. C6.. Cp5. Cp3. Cp1. Cpz. Cp2. Cp4. Cp6.
Fp1. Fpz. Fp2. Af7. Af3. Afz. Af4. Af8. F7.. F5.. F3.. F1.. Fz.. F2.. F4.. F6.. F8.. Ft7. Ft8. T7.. T8.. T9.. T10. Tp7. Tp8.
P7.. P5.. P3.. P1.. Pz.. P2.. P4.. P6.. P8.. Po7. Po3. Poz. Po4. Po8. O1.. Oz.. O2.. Iz..`

const eegmmidbNames = `FC5 FC3 FC1 FCz FC2 FC4 FC6 C5 C3 C1 Cz C2 C4 C6 CP5 CP3 CP1 CPz CP2 CP4 CP6
Fp1 Fpz Fp2 AF7 AF3 AFz AF4 AF8 F7 F5 F3 F1 Fz F2 F4 F6 F8 FT7 FT8 T7 T8 T9 T10 TP7 TP8
P7 P5 P3 P1 Pz P2 P4 P6 P8 PO7 PO3 POz PO4 PO8 O1 Oz O2 Iz`

func TestAssignMotorImagery(t *testing.T) {
	labels, want := strings.Fields(eegmmidb), strings.Fields(eegmmidbNames)
	if len(labels) != 64 || len(want) != 64 {
		t.Fatalf("the test lists %d labels and %d names, want 64 of each", len(labels), len(want))
	}
	for i, e := range montage.Assign(labels) {
		if e.Name != want[i] || e.Kind != signal.EEG || e.Note != "" || e.Original != labels[i] {
			t.Errorf("%q becomes %+v, want the name %q, kind eeg, no note", labels[i], e, want[i])
		}
	}
}

// TestSpell compares the rule with the list of MNE, and prints each name that is not known. The two differ by what they mean
// to differ by: MNE lists the four old names beside their new ones, and leaves out the nasion and the rows at its height
// and half way up to Fp, which its spherical_1005 has.
func TestSpell(t *testing.T) {
	raw, err := os.ReadFile("testdata/standard_1005.txt")
	if err != nil {
		t.Fatal(err)
	}
	old := map[string]string{"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
	names := strings.Fields(string(raw))
	if len(names) != 343 {
		t.Fatalf("%d names in the list of MNE, want 343", len(names))
	}
	for _, n := range names {
		want := n
		if renamed, ok := old[n]; ok {
			want = renamed
		}
		for _, s := range []string{n, strings.ToUpper(n), strings.ToLower(n)} {
			if got, ok := montage.Spell(s); !ok || got != want {
				t.Errorf("Spell(%q) is %q, %v, want %q", s, got, ok, want)
			}
		}
	}
	front := strings.Fields("Nz N1 N2 N1h N2h NFpz NFp1 NFp2 NFp1h NFp2h")
	for _, n := range front {
		if got, ok := montage.Spell(strings.ToUpper(n)); !ok || got != n {
			t.Errorf("Spell(%q) is %q, %v, want %q", strings.ToUpper(n), got, ok, n)
		}
	}
	// The rule makes none that MNE does not know, but for two of Neuroscan.
	if n := montage.Count(); n != len(names)+len(front)+2 {
		t.Errorf("the rule makes %d names, want %d", n, len(names)+len(front)+2)
	}
}

func TestReference(t *testing.T) {
	for label, want := range map[string]string{
		"EEG F7-LE": "linked ears", "Cz-AVG": "average", "EEG Cz-AR": "average", "EEG Cz-REF": "", "T8-P8": "", "Cz": "", "XY-LE": "",
	} {
		if got := montage.Reference(label); got != want {
			t.Errorf("Reference(%q) is %q, want %q", label, got, want)
		}
	}
}

func TestAssign(t *testing.T) {
	for _, tc := range []struct{ name, labels, names, kinds string }{
		{"no change", "C3 C4", "C3 C4", "eeg eeg"},
		{"all of one name are numbered", "T8-P8 Cz T8-P8", "T8-P8-1 Cz T8-P8-2", "eeg eeg eeg"},
		{"old and new name in one file", "T3 T7", "T7-1 T7-2", "eeg eeg"},
		{"a number that is taken", "Cz-1 Cz Cz", "Cz-1 Cz-2 Cz-3", "misc eeg eeg"},
		{"clinical T1 and T2", "T1 T2 T3 T4 T5 T6", "T1 T2 T7 T8 P7 P8", "misc misc eeg eeg eeg eeg"},
		{"inputs of an amplifier", "A1 A2 A11 Cz", "A1 A2 A11 Cz", "misc misc misc eeg"},
		{"contacts of a strip", "C1 C2 C3 C4 C5 C6 C7 C8", "C1 C2 C3 C4 C5 C6 C7 C8", strings.Repeat("misc ", 8)},
		{"a grid called T", "T1 T3 T12", "T1 T3 T12", "misc misc misc"},
		{"both sides of the parietal row", "P1 P2 P3 P4 P5 P6 P7 P8 P9 P10", "P1 P2 P3 P4 P5 P6 P7 P8 P9 P10", strings.Repeat("eeg ", 10)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var names, kinds []string
			for _, e := range montage.Assign(strings.Fields(tc.labels)) {
				names = append(names, e.Name)
				kinds = append(kinds, string(e.Kind))
			}
			if d := cmp.Diff(strings.Fields(tc.names), names); d != "" {
				t.Errorf("names (-want +got):\n%s", d)
			}
			if d := cmp.Diff(strings.Fields(tc.kinds), kinds); d != "" {
				t.Errorf("kinds (-want +got):\n%s", d)
			}
		})
	}
}

// TestAssignTyped: numbers that are no names of inputs are EEG where that stands in front.
func TestAssignTyped(t *testing.T) {
	for _, form := range []string{"EEG %03d", "eeg %d", "EEG EXG Chann %d", "EEG E %d", "EEG %d-REF"} {
		var labels []string
		for n := range 32 {
			labels = append(labels, fmt.Sprintf(form, n+1))
		}
		for i, e := range montage.Assign(labels) {
			if e.Kind != signal.EEG || e.Name != labels[i] || e.Note != "" {
				t.Errorf("%q is %s %q (%s)", labels[i], e.Kind, e.Name, e.Note)
			}
		}
	}
}

// TestAssignDressed: what stands in front of names and behind them, as EDF+ asks for, makes no cap an amplifier, and no amplifier a cap.
func TestAssignDressed(t *testing.T) {
	caps := map[string][]string{}
	for _, name := range montage.Systems() {
		caps[name] = montage.System(name)
	}
	for name, m := range readGolden(t).Montages {
		for label := range m.Each {
			caps[name] = append(caps[name], label)
		}
		slices.Sort(caps[name])
	}
	for n := range 128 {
		caps["inputs"] = append(caps["inputs"], fmt.Sprintf("E%d", n+1))
		if n < 32 {
			caps["A and B"] = append(caps["A and B"], fmt.Sprintf("A%d", n+1), fmt.Sprintf("B%d", n+1))
		}
		if n < 64 {
			caps["grid"] = append(caps["grid"], fmt.Sprintf("C%d", n+1))
		}
	}
	for name, labels := range caps {
		plain := montage.Assign(labels)
		for _, front := range []string{"", "EEG ", "eeg ", "EEG  "} {
			for _, behind := range []string{"", "-REF", "-Ref", "-LE", "-AVG", " - AR", ".", "  "} {
				dressed := make([]string, len(labels))
				for i, l := range labels {
					dressed[i] = front + l + behind
				}
				for i, e := range montage.Assign(dressed) {
					if want := plain[i]; e.Kind != want.Kind || want.Kind == signal.EEG && e.Name != want.Name {
						t.Errorf("%s: %q is %s %q, and %q %s %q", name, dressed[i], e.Kind, e.Name, labels[i], want.Kind, want.Name)
						break
					}
				}
			}
		}
	}
}

// chbmit is the labels of a file of CHB-MIT (Shoeb 2009): bipolar, by names of the 10-10 system but for T7 and the like, one of
// them twice.
const chbmit = `FP1-F7 F7-T7 T7-P7 P7-O1 FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2 FP2-F8 F8-T8 T8-P8 P8-O2 FZ-CZ CZ-PZ P7-T7 T7-FT9
FT9-FT10 FT10-T8 T8-P8`

func TestAssignBipolar(t *testing.T) {
	labels := strings.Fields(chbmit)
	if len(labels) != 23 {
		t.Fatalf("%d labels, want 23", len(labels))
	}
	twice := 0
	for i, e := range montage.Assign(labels) {
		want := strings.NewReplacer("FP", "Fp", "FZ", "Fz", "CZ", "Cz", "PZ", "Pz").Replace(labels[i])
		if want == "T8-P8" {
			twice++
			want += "-" + string(rune('0'+twice))
			if e.Note != `2 channels come to the name "T8-P8"` {
				t.Errorf("%s: the note is %q", e.Name, e.Note)
			}
		}
		if e.Name != want || e.Kind != signal.EEG || e.Reference != "" || montage.Place(e.Name) != nil {
			t.Errorf("%q becomes %+v, want the name %q, and no place", labels[i], e, want)
		}
	}
}

// TestBipolarStaysBipolar: two electrodes with a dash between them never become one, whichever they are.
func TestBipolarStaysBipolar(t *testing.T) {
	raw, err := os.ReadFile("testdata/standard_1005.txt")
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(string(raw))
	for i, a := range names {
		for _, b := range []string{names[(i+1)%len(names)], names[(i*7+3)%len(names)], "A1", "A2", "M1", "M2", "Cz"} {
			for _, label := range []string{a + "-" + b, "EEG " + strings.ToUpper(a+"-"+b), strings.ToLower(a) + " - " + b} {
				wantA, _ := montage.Spell(a)
				wantB, _ := montage.Spell(b)
				if got, _ := montage.Normalize(label); got != wantA+"-"+wantB || montage.Place(got) != nil {
					t.Fatalf("%q becomes %q, want %s-%s", label, got, wantA, wantB)
				}
			}
		}
	}
}

func TestAssignNotes(t *testing.T) {
	got := montage.Assign([]string{"", "Cz", "Cz"})
	if got[0].Name != "channel 1" || got[0].Note == "" {
		t.Errorf("an empty label becomes %+v, want the name \"channel 1\" and a note", got[0])
	}
	if want := `2 channels come to the name "Cz"`; got[2].Note != want {
		t.Errorf("the note is %q, want %q", got[2].Note, want)
	}
}
