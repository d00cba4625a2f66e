package chbmit

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// The texts are written in the layout of the data set's summaries, with times and names of our own.
const head = `Data Sampling Rate: 256 Hz
*************************

Channels in EDF Files:
**********************
Channel 1: FP1-F7
Channel 2: F7-T7

`

const summary = head + `File Name: chb01_01.edf
File Start Time: 22:42:54
File End Time: 23:42:54
Number of Seizures in File: 0

File Name: chb01_02.edf
File Start Time: 23:42:57
File End Time: 24:42:57
Number of Seizures in File: 1
Seizure Start Time: 2996 seconds
Seizure End Time: 3036 seconds

Channels changed:
Channel 1: FP2-F4

File Name: chb01_03.edf
File Start Time: 1:00:00
File End Time: 2:00:00
Number of Seizures in File: 2
Seizure 1 Start Time:  327 seconds
Seizure 1 End Time: 420 seconds
Seizure 2 Start Time: 1000 seconds
Seizure 2 End Time: 1010 seconds
`

func TestParse(t *testing.T) {
	got, err := Parse("chb01/chb01-summary.txt", strings.NewReader(strings.ReplaceAll(summary, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * 3600
	want := &Case{ID: "chb01", Rate: 256, Files: []File{
		{Name: "chb01_01.edf", Timed: true, StartS: 22*3600 + 42*60 + 54, EndS: 23*3600 + 42*60 + 54},
		{Name: "chb01_02.edf", Timed: true, StartS: 23*3600 + 42*60 + 57, EndS: day + 42*60 + 57, Seizures: []Span{{2996, 3036}}},
		{Name: "chb01_03.edf", Timed: true, StartS: day + 3600, EndS: day + 7200, Seizures: []Span{{327, 420}, {1000, 1010}}},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	all, err := got.Seizures()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Span{{85377 + 2996, 85377 + 3036}, {day + 3600 + 327, day + 3600 + 420}, {day + 4600, day + 4610}}, all); d != "" {
		t.Error(d)
	}
}

// TestWithoutTimes: the summary of chb24 has no times of day.
func TestWithoutTimes(t *testing.T) {
	c, err := Parse("chb24-summary.txt", strings.NewReader(head+"File Name: chb24_01.edf\nNumber of Seizures in File: 1\nSeizure Start Time: 480 seconds\nSeizure End Time: 505 seconds\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Files[0].Timed || len(c.Files[0].Seizures) != 1 {
		t.Errorf("%+v", c.Files[0])
	}
	if _, err := c.Seizures(); err == nil {
		t.Error("seizures on the axis of a case without times are no error")
	}
}

func TestPerson(t *testing.T) {
	if Person("chb21") != Person("chb01") || Person("chb02") == Person("chb01") || Person("chb24") != "chb24" {
		t.Error("chb01 and chb21, and only they, are one person")
	}
}

func TestParseErrors(t *testing.T) {
	file := head + "File Name: a.edf\nFile Start Time: 1:00:00\nFile End Time: 2:00:00\n"
	for what, text := range map[string]string{
		"empty":                 "",
		"no files":              head,
		"no rate":               strings.TrimPrefix(summary, "Data Sampling Rate: 256 Hz"),
		"rate of 0":             strings.Replace(summary, "256 Hz", "0 Hz", 1),
		"no number of seizures": file,
		"too few seizures":      file + "Number of Seizures in File: 1\n",
		"too many seizures":     file + "Number of Seizures in File: 0\nSeizure Start Time: 1 seconds\nSeizure End Time: 2 seconds\n",
		"ends before it begins": file + "Number of Seizures in File: 1\nSeizure Start Time: 5 seconds\nSeizure End Time: 5 seconds\n",
		"no end":                file + "Number of Seizures in File: 1\nSeizure Start Time: 5 seconds\n",
		"no begin":              file + "Number of Seizures in File: 1\nSeizure End Time: 5 seconds\n",
		"two begins":            file + "Number of Seizures in File: 1\nSeizure Start Time: 5 seconds\nSeizure Start Time: 6 seconds\n",
		"overlap":               file + "Number of Seizures in File: 2\nSeizure Start Time: 5 seconds\nSeizure End Time: 9 seconds\nSeizure Start Time: 8 seconds\nSeizure End Time: 12 seconds\n",
		"a word for a number":   file + "Number of Seizures in File: one\n",
		"a seizure in words":    file + "Number of Seizures in File: 1\nSeizure Start Time: soon\n",
		"no time":               strings.Replace(file, "1:00:00", "noon", 1),
		"61 minutes":            strings.Replace(file, "1:00:00", "1:61:00", 1),
		"a path for a name":     strings.Replace(file, "a.edf", "../a.edf", 1),
	} {
		_, err := Parse("x-summary.txt", strings.NewReader(text))
		var e *SummaryError
		if !errors.As(err, &e) {
			t.Errorf("%s: %v is no SummaryError", what, err)
		}
	}
}

func TestCases(t *testing.T) {
	fsys := fstest.MapFS{"chb01/chb01-summary.txt": {Data: []byte(summary)}, "chb01/chb01_01.edf": {}, "README": {}}
	c, err := Cases(fsys)
	if err != nil || len(c) != 1 || c[0].ID != "chb01" {
		t.Errorf("%v, %v", c, err)
	}
	if _, err := Cases(fstest.MapFS{}); err == nil {
		t.Error("an empty folder is no error")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(summary)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("chb01-summary.txt", strings.NewReader(text))
		if err != nil {
			return
		}
		for _, file := range c.Files {
			at := 0.0
			for _, z := range file.Seizures {
				if z.StartS < at || z.EndS <= z.StartS {
					t.Fatalf("%+v", file)
				}
				at = z.EndS
			}
		}
	})
}
