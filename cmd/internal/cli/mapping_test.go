package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// table writes a CSV of 400 rows at 200 Hz that no program known to gyrus wrote.
func table(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("sec,left,right,cue\n")
	for i := range 400 {
		b.WriteString(strings.Join([]string{number(float64(i) / 200), number(float64(i%40) - 20), number(float64(i%16) * 2), map[bool]string{true: "1", false: "0"}[i%100 == 10]}, ",") + "\n")
	}
	path := filepath.Join(t.TempDir(), "run.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// TestMapping: what the error says leads to a mapping, by which every command reads the table.
func TestMapping(t *testing.T) {
	path := table(t)
	code, _, errs := run(t, "info", path)
	if code != exitRefused || !strings.Contains(errs, "gyrus info FILE --mapping-template prints one to begin with") {
		t.Fatalf("without a mapping: exit code %d: %s", code, errs)
	}
	code, text, errs := run(t, "info", path, "--mapping-template")
	if code != 0 || !strings.Contains(text, "rate_hz: 0  # to be filled in") {
		t.Fatalf("the template: exit code %d: %s%s", code, text, errs)
	}
	mapping := filepath.Join(t.TempDir(), "any.yaml")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const good = "time: {column: sec, unit: s}\nrate_hz: 200\nunit: uV\nchannels: [{column: left, name: C3}, {column: right, name: C4}]\nmarkers: [{column: cue, labels: {\"1\": go}}]\n"
	write(mapping, good)
	var v struct {
		Parts      []string `json:"parts"`
		Rate       float64  `json:"rate_hz"`
		Events     []any    `json:"events"`
		Deviations []any    `json:"deviations"`
	}
	mustJSON(t, &v, "info", path, "--mapping", mapping, "--json")
	if !slices.Equal(v.Parts, []string{filepath.ToSlash(mapping)}) || v.Rate != 200 || len(v.Events) != 4 || len(v.Deviations) != 0 {
		t.Errorf("%+v", v)
	}
	edf := filepath.Join(t.TempDir(), "run.edf")
	for _, args := range [][]string{{"validate", path, "--strict"}, {"convert", path, edf, "--strict"}} {
		if code, out, errs := run(t, append(args, "--mapping", mapping)...); code != 0 {
			t.Errorf("%v: exit code %d: %s%s", args, code, out, errs)
		}
	}
	write(path+".gyrus.yaml", strings.Replace(good, "unit: uV", "unti: uV", 1))
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{exitRefused, `run.csv.gyrus.yaml: byte 42: line 3: unknown key "unti": did you mean "unit"?`, []string{"info", path}},
		{0, "", []string{"info", path, "--mapping", mapping}}, // in place of the one beside it
		{exitUsage, "no such file", []string{"info", path, "--mapping", "not-there.yaml"}},
		{exitUsage, "--mapping is empty", []string{"info", path, "--mapping", ""}},
		{exitUsage, "--mapping has no effect on " + filepath.ToSlash(edf), []string{"info", edf, "--mapping", mapping}},
		{exitUsage, "no effect with --mapping-template", []string{"info", path, "--mapping", mapping, "--mapping-template"}},
		{exitUsage, "a mapping is for tables of text", []string{"info", edf, "--mapping-template"}},
		{exitUsage, "no such file", []string{"info", "not-there.csv", "--mapping-template"}},
	} {
		if code, out, errs := run(t, c.args...); code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, want %d with %q: %s%s", c.args, code, c.code, c.want, out, errs)
		}
	}
	write(mapping, strings.Replace(good, "column: left", "column: lift", 1))
	if code, _, errs := run(t, "info", path, "--mapping", mapping); code != exitRefused || !strings.Contains(errs, filepath.ToSlash(mapping)+`: byte 51: line 4: unknown column "lift": did you mean "left"?`) {
		t.Errorf("a column that is not there: exit code %d: %s", code, errs)
	}
}

// TestBlackrock: the events of the .nev are read with the samples; alone it has no channels.
func TestBlackrock(t *testing.T) {
	const raw, events = "../../../ingest/blackrock/testdata/v23pause.ns3", "../../../ingest/blackrock/testdata/v23pause.nev"
	var v struct {
		Parts    []string `json:"parts"`
		Channels []any    `json:"channels"`
		Events   []any    `json:"events"`
		Gaps     []any    `json:"gaps"`
	}
	mustJSON(t, &v, "info", raw, "--json")
	if !slices.Equal(v.Parts, []string{events}) || len(v.Channels) != 4 || len(v.Events) != 6 || len(v.Gaps) != 2 {
		t.Errorf("%+v", v)
	}
	mustJSON(t, &v, "info", events, "--json")
	if len(v.Channels) != 0 || len(v.Events) != 6 || len(v.Gaps) != 0 {
		t.Errorf("alone: %+v", v)
	}
	out := filepath.Join(t.TempDir(), "x.edf")
	if code, text, errs := run(t, "convert", raw, out); code != 4 || !strings.Contains(errs, "2 packets (tracking)") {
		t.Errorf("exit code %d: %s%s", code, text, errs)
	}
	if code, _, errs := run(t, "train", "csp-lda", events); code != exitRefused || !strings.Contains(errs, "holds no samples, only 6 events") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// TestMappingTemplateEncoding: letters of a template are those of the table, in the encoding that is said.
func TestMappingTemplateEncoding(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.csv")
	if err := os.WriteFile(path, []byte("sec,\x8al [\xb5V]\n0,1\n0.01,2\n0.02,1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const want = `{column: "Šl [µV]", name: "Šl", unit: "µV", kind: misc}`
	if code, text, errs := run(t, "info", path, "--mapping-template", "--header-encoding", "windows-1252"); code != 0 || !strings.Contains(text, want) {
		t.Errorf("exit code %d: %s%s, want %s", code, text, errs, want)
	}
	if code, _, errs := run(t, "info", path, "--mapping-template", "--header-encoding", "klingon"); code != exitUsage || !strings.Contains(errs, `unknown encoding of headers "klingon"`) {
		t.Errorf("exit code %d: %s", code, errs)
	}
}
