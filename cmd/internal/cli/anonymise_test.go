package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
)

// whoIs is a recording that names somebody in its header and in its events, in some of them again and again.
func whoIs(t *testing.T, dir string) string {
	t.Helper()
	texts := []string{"SECRETNAME moves", "SECRETNAME moves", "SECRETNAME moves", "SECRETNAME moves", "Eva", "Bob", "Comment/Anna_Roe/2", "19700102-1234", "tel 0171", "T1", "pump 3"}
	f := edftest.File{
		N: len(texts), Patient: "HOSP123 F 02-JAN-1970 SECRETNAME", Recording: "Startdate 04-MAR-2021 ADM77 DrWho EquipX", Reserved: "EDF+C",
		Signals: []edftest.Signal{
			{Label: "EEG Cz", Dim: "uV", Samples: 100},
			edftest.Annotations(60, func(r int) string {
				return edftest.TAL(edftest.Steady(r), "") + edftest.TAL(fmt.Sprintf("+%d.25", r), "", texts[r]) + edftest.TAL(fmt.Sprintf("+%d.5", r), "", "Jane Roe eyes open")
			}),
		},
	}
	in := filepath.Join(dir, "x.edf")
	if err := os.WriteFile(in, f.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return in
}

// everything is all bytes of a file, or of the files in a folder; those of the other files of a recording too.
func everything(t *testing.T, path string) string {
	t.Helper()
	var all strings.Builder
	stem := strings.TrimSuffix(path, filepath.Ext(path))
	err := filepath.WalkDir(filepath.Dir(path), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasPrefix(p, stem) {
			return err
		}
		raw, err := os.ReadFile(p)
		all.WriteString(strings.ReplaceAll(string(raw), "\x00", ""))
		return err
	})
	if err != nil || all.Len() == 0 {
		t.Fatalf("%s: nothing is there: %v", path, err)
	}
	return all.String()
}

// TestNamesInEvents: in every format that is written, no word of the header about people is left, whether texts are dropped or not; where they
// are, nothing is left that anybody typed. All of it is listed, and so is what stays.
func TestNamesInEvents(t *testing.T) {
	dir := t.TempDir()
	in := whoIs(t, dir)
	typed := []string{"Eva", "Bob", "Anna_Roe", "19700102-1234", "0171", "Jane Roe"}
	for _, w := range ingest.Writers() {
		for _, drop := range []bool{false, true} {
			name := fmt.Sprintf("%s-%v", strings.ReplaceAll(w.Name, "+", ""), drop)
			out := filepath.Join(dir, name+w.Ext[0])
			args := []string{"convert", in, out, "--to", w.Name, "--anonymise"}
			if drop {
				args = append(args, "--drop-texts", "--keep-events", "pump 3")
			}
			code, text, errs := run(t, args...)
			if code != 0 {
				t.Fatalf("%v: exit code %d: %s", args, code, errs)
			}
			raw := everything(t, out)
			for _, s := range []string{"SECRETNAME", "HOSP123", "ADM77", "DrWho"} {
				if strings.Contains(raw, s) {
					t.Errorf("%s: %q is still there", name, s)
				}
			}
			for _, s := range typed {
				if drop == strings.Contains(raw, s) && w.Name != "parquet" { // whose pages are packed
					t.Errorf("%s: %q is there: %v", name, s, !drop)
				}
				if !strings.Contains(text, s) {
					t.Errorf("%s: %q is not listed: %s", name, s, text)
				}
			}
			if !strings.Contains(text, `4 events, the first at 0.25 s: "SECRETNAME moves"; written as "text removed"`) || !strings.Contains(text, `labels of events: "T1`) || drop != strings.Contains(text, `"T1, pump 3"; kept`) {
				t.Errorf("%s: says %s", name, text)
			}
		}
	}
	if code, _, errs := run(t, "convert", in, filepath.Join(dir, "z.edf"), "--keep-events", "a"); code != exitUsage || !strings.Contains(errs, "--keep-events does nothing without --anonymise") {
		t.Errorf("alone it ends with %d: %s", code, errs)
	}
}

// TestNamesInTree: of a BIDS tree only what BIDS defines is written, without free text and names, and what is left out is listed.
func TestNamesInTree(t *testing.T) {
	dir := t.TempDir()
	in, tree := whoIs(t, dir), filepath.Join(dir, "tree")
	if code, _, errs := run(t, "convert", "--bids", "--subject", "1", "--task", "rest", in, tree); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	base := filepath.Join(tree, "sub-1", "eeg", "sub-1_task-rest_")
	for name, text := range map[string]string{
		"eeg.json": `{"TaskName": "rest", "EEGReference": "n/a", "SamplingFrequency": 100, "PowerLineFrequency": "n/a", "SoftwareFilters": {"of": {"by": "Secretname"}}, "Manufacturer": "Brain",
			"Investigator": "Dr Quill", "TaskDescription": "told Pat to rest", "Lab": {"head": "Prof Nest"}, "InstitutionName": "Clinic of Flo"}`,
		"channels.tsv": "name\ttype\tunits\ttechnician\tdescription\nEEG Cz\tEEG\tuV\tKim Tek\tby Moe\n",
		"events.tsv":   "onset\tduration\ttrial_type\tcomment\tresponse_time\n" + strings.Repeat("1.5\t0\tT1\tOlga cried\t0.375\n", 4) + "2\t0\tSECRETNAME moves\tn/a\tn/a\n",
		"events.json":  `{"comment": {"Description": "typed by Uwe"}, "trial_type": {"Levels": {"SECRETNAME moves": "she moves"}}}`,
	} {
		if err := os.WriteFile(base+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secrets := []string{"Dr Quill", "told Pat", "Prof Nest", "Flo", "Kim Tek", "Moe", "Olga", "SECRETNAME", "Secretname", "Uwe"}
	for _, flag := range []string{"", "--drop-texts"} {
		out := filepath.Join(dir, "out"+flag)
		code, text, errs := run(t, strings.Fields("convert --bids --anonymise "+flag+" "+tree+" "+out)...)
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, errs)
		}
		raw := everything(t, out)
		for _, s := range secrets {
			if strings.Contains(raw, s) {
				t.Errorf("%q is still there", s)
			}
			if !strings.Contains(text, s) && (flag == "" || s != "Olga" && s != "Uwe") { // the table of events is not handed on then
				t.Errorf("%s: %q is not listed: %s", flag, s, text)
			}
		}
		if !strings.Contains(raw, "Brain") || flag == "" && !strings.Contains(raw, "0.375") {
			t.Errorf("%s: the manufacturer or the times of responses are lost", flag)
		}
	}
}
