package split_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// study is 2 subjects × 2 sessions × 2 runs of 6 trials whose classes alternate.
func study() (signal.Labels, []split.Group) {
	y := signal.Labels{Classes: []string{"left", "right"}}
	var groups []split.Group
	for _, sub := range []string{"01", "02"} {
		for _, ses := range []string{"A", "B"} {
			for _, run := range []string{"1", "2"} {
				for i := range 6 {
					y.Y, groups = append(y.Y, i%2), append(groups, split.Group{Subject: sub, Session: ses, Run: run})
				}
			}
		}
	}
	return y, groups
}

// used describes the groups of trials.
func used(groups []split.Group, trials []int, of func(split.Group) string) string {
	var all []string
	for _, i := range trials {
		all = append(all, of(groups[i]))
	}
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(all))), " ")
}

func TestAcross(t *testing.T) {
	y, groups := study()
	session := func(g split.Group) string { return g.Subject + g.Session }
	for name, want := range map[string][]string{
		"cross-session": {
			"test on sub-01_ses-A: 01B → 01A", "test on sub-01_ses-B: 01A → 01B", "test on sub-02_ses-A: 02B → 02A", "test on sub-02_ses-B: 02A → 02B",
		},
		"cross-subject": {"test on sub-01: 02A 02B → 01A 01B", "test on sub-02: 01A 01B → 02A 02B"},
	} {
		s, err := split.New(name, 1)
		if err != nil {
			t.Fatal(err)
		}
		folds, err := s.Split(y, split.Strings(groups))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range folds {
			got = append(got, fmt.Sprintf("%s: %s → %s", f.Name, used(groups, f.Train, session), used(groups, f.Test, session)))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: folds are\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestWithinSession(t *testing.T) {
	y, groups := study()
	folds, err := split.WithinSession{K: 3, Blocked: true}.Split(y, split.Strings(groups))
	if err != nil {
		t.Fatal(err)
	}
	if len(folds) != 12 || folds[0].Name != "sub-01_ses-A block 1 of 3" || fmt.Sprint(folds[4].Test) != "[16 17 18 19]" || fmt.Sprint(folds[4].Train) != "[12 13 14 15 20 21 22 23]" {
		t.Errorf("got %d folds, %+v, %+v", len(folds), folds[0], folds[4])
	}
	a, err := split.WithinSession{K: 3, Seed: 1}.Split(y, split.Strings(groups))
	if err != nil {
		t.Fatal(err)
	}
	b, err := split.WithinSession{K: 3, Seed: 2}.Split(y, split.Strings(groups))
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(a) == fmt.Sprint(b) || fmt.Sprint(a) == fmt.Sprint(folds) {
		t.Error("another seed, or blocks, give the same folds")
	}
	for i, first := range a[0].Test { // sessions are shuffled independently
		if a[3].Test[i] != first+12 {
			return
		}
	}
	t.Error("both sessions are dealt out in the same order")
}

func TestBlockedKFold(t *testing.T) {
	y := signal.Labels{Classes: []string{"a", "b"}}
	for i := range 13 {
		y.Y = append(y.Y, i%2)
	}
	folds, err := split.BlockedKFold{K: 5}.Split(y, make([]string, 13))
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, f := range folds {
		if len(f.Test) < 2 || len(f.Test) > 3 || f.Test[len(f.Test)-1]-f.Test[0] != len(f.Test)-1 {
			t.Errorf("%s tests %v, must be 2 or 3 neighbours", f.Name, f.Test)
		}
		all = append(all, f.Test...)
	}
	if !slices.IsSorted(all) || len(all) != 13 {
		t.Errorf("tested in the order %v", all)
	}
}

func TestParseGroup(t *testing.T) {
	for name, want := range map[string]split.Group{
		"sub-01_ses-1_run-2": {Subject: "01", Session: "1", Run: "2"},
		"/data/sub-99/ses-9/eeg/sub-01_ses-pre_task-mi_run-02_eeg.edf": {Subject: "01", Session: "pre", Run: "02"},
		`C:\data\sub-07_task-rest_eeg.vhdr`:                            {Subject: "07"},
		"eegmmidb/S001/S001R06.edf":                                    {Subject: "001", Run: "06"},
		"muse/session1/data_2017-02-04-15_45_13.csv.gz":                {Session: "1"},
		`D:\p300\Session 02\a.csv`:                                     {Session: "02"},
		"ses-b_run-3.csv":                                              {Session: "b", Run: "3"},
		"session2/run-1.csv":                                           {Session: "2", Run: "1"},
		"session2/sub-01_run-1.csv":                                    {Subject: "01", Run: "1"}, // its name says all there is
		"session2/S001R06.edf":                                         {Subject: "001", Run: "06"},
		"eegmat/Subject00_2.edf":                                       {Subject: "00", Run: "2"},
		"ssvep-exo/subject01/record-[2012.07.06-19.02.16]_raw.fif":     {Subject: "01"},
	} {
		got, err := split.ParseGroup(name)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
		if again, err := split.ParseGroup(want.String()); err != nil || again != want {
			t.Errorf("%s is read back as %+v, %v", want, again, err)
		}
	}
	for name, want := range map[string]string{
		"/data/sub-01/recording.edf": `"recording.edf" does not say which subject`,
		"":                           "does not say which subject",
		"sub-01_sub-02.edf":          "names sub twice",
		"nosub-01.edf":               "does not say which subject",
		"session1/deeper/a.csv":      "does not say which subject",
		"sessions/a_b.csv":           `folders "session1", "session2"`,
	} {
		if _, err := split.ParseGroup(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, must contain %q", name, err, want)
		}
	}
}

// TestMixedNames: recordings that name their subject and such that do not are never taken for one person's.
func TestMixedNames(t *testing.T) {
	y := signal.Labels{Classes: []string{"a", "b"}, Y: []int{0, 1, 0, 1}}
	for _, groups := range [][]string{
		{"session1/a.csv", "session1/a.csv", "session2/sub-01.csv", "session2/sub-01.csv"},
		{"session2/sub-01.csv", "session2/sub-01.csv", "session1/a.csv", "session1/a.csv"},
	} {
		_, err := split.CrossSession{}.Split(y, groups)
		if err == nil || !strings.Contains(err.Error(), `"a.csv" does not say which subject`) {
			t.Errorf("%q: error is %v", groups, err)
		}
	}
	unnamed := []string{"session1/a.csv", "session1/b.csv", "session2/c.csv", "session2/d.csv"}
	if _, err := (split.CrossSubject{}).Split(y, unnamed); err == nil || !strings.Contains(err.Error(), `"a.csv" does not say which subject`) {
		t.Errorf("across subjects: error is %v", err)
	}
	folds, err := split.CrossSession{}.Split(y, unnamed)
	if err != nil || len(folds) != 2 || folds[1].Name != "test on ses-2" || !slices.Equal(folds[1].Test, []int{2, 3}) || !slices.Equal(folds[1].Train, []int{0, 1}) {
		t.Errorf("across sessions of one person: %+v, %v", folds, err)
	}
}

func TestAcrossErrors(t *testing.T) {
	for _, tc := range []struct {
		name, split string
		spoil       func(y *signal.Labels, groups []split.Group)
		want        []string
	}{
		{"one subject", "cross-subject", func(_ *signal.Labels, g []split.Group) {
			for i := range g {
				g[i].Subject = "01"
			}
		}, []string{`one subject, "01"`, "at least 2 subjects"}},
		{"one session", "cross-session", func(_ *signal.Labels, g []split.Group) {
			for i := range g {
				g[i].Session = ""
			}
		}, []string{`subject "01" are of one session`, "sub-01_ses-1", `"within-session-blocked"`}},
		{"class in one session only", "cross-session", func(y *signal.Labels, _ []split.Group) {
			for i := range y.Y {
				if i < 12 {
					y.Y[i] = 0
				}
			}
		}, []string{`"test on sub-01_ses-B"`, `class "right"`}},
		{"class missing in a session", "within-session", func(y *signal.Labels, _ []split.Group) { clear(y.Y[:12]) }, []string{"sub-01_ses-A", `class "right" has no trial`}},
		{"one class at the end of a session", "within-session-blocked", func(y *signal.Labels, _ []split.Group) {
			clear(y.Y[:12])
			y.Y[11] = 1
		}, []string{"sub-01_ses-A", `block 5 of 5`, `class "right"`}},
		{"unnamed", "cross-subject", func(_ *signal.Labels, g []split.Group) { g[3] = split.Group{} }, []string{"does not say which subject"}},
	} {
		y, groups := study()
		tc.spoil(&y, groups)
		s, err := split.New(tc.split, 1)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Split(y, split.Strings(groups))
		for _, want := range tc.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error is %v, must contain %q", tc.name, err, want)
			}
		}
	}
}
