package dataset_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest/dataset"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/pull"
)

// copied is a copy of a real set in a folder of its own.
func copied(t *testing.T, name string, want func(path string) bool) (string, *dataset.Manifest) {
	t.Helper()
	s, err := dataset.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	from, to := datasettest.Need(t, s.Name), t.TempDir()
	for _, f := range m.Files {
		if want != nil && !want(f.Path) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(from, f.Path))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(to, f.Path), data)
	}
	return to, m
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func edit(t *testing.T, name string, change func(data []byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	write(t, name, change(data))
}

func swap(t *testing.T, a, b string) {
	t.Helper()
	err := os.Rename(a, a+".x")
	if err == nil {
		err = os.Rename(b, a)
	}
	if err == nil {
		err = os.Rename(a+".x", b)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// relabel replaces the label of the n-th event of an EDF+ file, or of all events where n is 0, by that of the same length.
func relabel(t *testing.T, data []byte, n int, swap map[string]string) []byte {
	t.Helper()
	data = bytes.Clone(data)
	found := 0
	for i := 0; i+3 < len(data); i++ {
		if data[i] != 0x14 || data[i+3] != 0x14 || data[i+1] != 'T' {
			continue
		}
		to, ok := swap[string(data[i+1:i+3])]
		if found++; ok && (n == 0 || n == found) {
			copy(data[i+1:], to)
		}
	}
	if found == 0 || n > found {
		t.Fatalf("%d events found", found)
	}
	return data
}

// TestPlanted: on copies of real sets, whatever is planted is named. Every fault of a recording has at least one finding of
// the kind and with the words given; what else is found is only what follows from it, in the files given.
func TestPlanted(t *testing.T) {
	hands := func(p string) bool {
		return slices.Contains([]string{"R03.edf", "R04.edf", "R06.edf", "R08.edf"}, p[max(0, len(p)-7):])
	}
	for name, c := range map[string]struct {
		set   string
		want  func(path string) bool
		plant func(dir string)
		found []string // "kind path words"
	}{
		"nothing": {"eegmmidb", hands, func(string) {}, nil},
		"a wrong label": {"eegmmidb", hands, func(dir string) {
			edit(t, filepath.Join(dir, "S001/S001R04.edf"), func(b []byte) []byte { return relabel(t, b, 4, map[string]string{"T1": "T2", "T2": "T1"}) })
		}, []string{
			"altered S001/S001R04.edf", `labels S001/S001R04.edf (left fist, imagined), must have`, `labels S001/S001R04.edf (right fist, imagined), must have`,
			`labels S001/S001R04.edf 1 events differ, first event 4`,
		}},
		"classes of a run swapped": {"eegmmidb", hands, func(dir string) {
			edit(t, filepath.Join(dir, "S002/S002R06.edf"), func(b []byte) []byte { return relabel(t, b, 0, map[string]string{"T1": "T2", "T2": "T1"}) })
		}, []string{"altered S002/S002R06.edf", `labels S002/S002R06.edf the classes are swapped in all 15 events: "T2" for "T1" (both fists, imagined), "T1" for "T2" (both feet, imagined)`}},
		"two runs swapped": {"eegmmidb", hands, func(dir string) {
			swap(t, filepath.Join(dir, "S001/S001R04.edf"), filepath.Join(dir, "S001/S001R08.edf"))
		}, []string{"swapped S001/S001R04.edf has the content of S001/S001R08.edf (subject 001, run 08); this should be S001/S001R04.edf (subject 001, run 04)", "swapped S001/S001R08.edf has the content of S001/S001R04.edf"}},
		"a person swapped": {"eegmmidb", hands, func(dir string) {
			swap(t, filepath.Join(dir, "S001/S001R04.edf"), filepath.Join(dir, "S002/S002R04.edf"))
		}, []string{"swapped S001/S001R04.edf (subject 002, run 04)", "swapped S002/S002R04.edf (subject 001, run 04)"}},
		"a run twice": {"eegmmidb", hands, func(dir string) {
			edit(t, filepath.Join(dir, "S001/S001R08.edf"), func([]byte) []byte {
				b, _ := os.ReadFile(filepath.Join(dir, "S001/S001R04.edf"))
				return b
			})
		}, []string{"duplicated S001/S001R08.edf has the content of S001/S001R04.edf"}},
		"a missing subject": {"eegmmidb", hands, func(dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "S002")); err != nil {
				t.Fatal(err)
			}
		}, []string{"missing_subject 002 with all its"}},
		"a truncated file": {"eegmmidb", hands, func(dir string) {
			edit(t, filepath.Join(dir, "S001/S001R03.edf"), func(b []byte) []byte { return b[:len(b)/2] })
		}, []string{"altered S001/S001R03.edf", "labels S001/S001R03.edf"}},
		"a changed byte": {"eegmmidb", hands, func(dir string) {
			edit(t, filepath.Join(dir, "S001/S001R03.edf"), func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		}, []string{"altered S001/S001R03.edf rate, channels, length and events are as they should be"}},
		"rest for arithmetic": {"eegmat", nil, func(dir string) {
			swap(t, filepath.Join(dir, "Subject00_1.edf"), filepath.Join(dir, "Subject00_2.edf"))
		}, []string{"swapped Subject00_1.edf (subject 00, run 2)", "swapped Subject00_2.edf (subject 00, run 1)"}},
		"a swapped session": {"muse-p300", nil, func(dir string) {
			swap(t, filepath.Join(dir, "session1"), filepath.Join(dir, "session2"))
		}, []string{"missing session1/", "missing session2/", "swapped session1/data_ is session2/", "swapped session2/data_ is session1/"}},
		"sessions off by one": {"muse-p300", nil, func(dir string) {
			for _, n := range []string{"3", "2", "1"} {
				if err := os.Rename(filepath.Join(dir, "session"+n), filepath.Join(dir, "session"+string(n[0]+1))); err != nil {
					t.Fatal(err)
				}
			}
		}, []string{"shifted_sessions  the sessions of the only subject are off by +1", "missing session1/", "swapped session4/data_ is session3/"}},
		"exchanged subjects": {"ssvep-exo", func(p string) bool { return strings.HasPrefix(p, "subject01/") || strings.HasPrefix(p, "subject02/") }, func(dir string) {
			swap(t, filepath.Join(dir, "subject01"), filepath.Join(dir, "subject02"))
		}, []string{"exchanged_subjects 01 subjects 01 and 02 are exchanged", "swapped subject01/ is subject02/", "swapped subject02/ is subject01/", "missing subject01/", "missing subject02/"}},
		"events of another record": {"ssvep-exo", func(p string) bool { return strings.HasPrefix(p, "subject06/") }, func(dir string) {
			swap(t, filepath.Join(dir, "subject06/record-[2012.07.20-12.20.55]-eve.fif"), filepath.Join(dir, "subject06/record-[2012.07.20-12.26.47]-eve.fif"))
		}, []string{"swapped subject06/record-[2012.07.20-12.20.55]-eve.fif has the content of", "labels subject06/record-[2012.07.20-12.20.55]_raw.fif events differ, first event 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, m := copied(t, c.set, c.want)
			c.plant(dir)
			r, err := m.Verify(os.DirFS(dir), c.want)
			if err != nil {
				t.Fatal(err)
			}
			if (len(c.found) == 0) != (r.Faults() == 0) {
				t.Errorf("%d faults: %v", r.Faults(), r.Findings)
			}
			for _, want := range c.found {
				kind, rest, _ := strings.Cut(want, " ")
				path, words, _ := strings.Cut(rest, " ")
				if !slices.ContainsFunc(r.Findings, func(f dataset.Finding) bool {
					return f.What == kind && strings.HasPrefix(f.Path, path) && strings.Contains(f.Text, words)
				}) {
					t.Errorf("no finding %q among %v", want, r.Findings)
				}
			}
			for _, f := range r.Findings {
				if !slices.ContainsFunc(c.found, func(want string) bool {
					path := strings.Fields(want + " x")[1]
					return strings.HasPrefix(f.Path, path) || f.What == dataset.Missing || f.What == dataset.Swapped || f.What == dataset.Labels && c.set == "ssvep-exo" || f.What == dataset.Shifted
				}) {
					t.Errorf("nobody has planted %+v", f)
				}
			}
		})
	}
}

// TestVerifyCounts: what is as it should be is counted by what labels mean, and only what is asked for is looked at.
// TestVerifyOnlySubject: what is said about recordings, and belongs to those of one subject alone, does not stand for them.
func TestVerifyOnlySubject(t *testing.T) {
	fsys := study(t)
	delete(fsys, "README")
	for name := range fsys {
		if strings.HasPrefix(name, "sub-02") {
			delete(fsys, name)
		}
	}
	fsys["participants.tsv"] = &fstest.MapFile{Data: []byte("participant_id\nsub-01\n")}
	m, err := dataset.Set{}.Make(fsys, nil)
	if err != nil {
		t.Fatal(err)
	}
	recordings := 0
	for i, f := range m.Files {
		if f.Layout >= 0 {
			m.Files[i].Parts = append(m.Files[i].Parts, "participants.tsv")
			delete(fsys, f.Path)
			recordings++
		}
	}
	r, err := m.Verify(fsys, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("subject 01 is missing with all its %d recordings", recordings)
	if len(r.Findings) != 1 || r.Findings[0].What != dataset.MissingSubject || r.Findings[0].Text != want {
		t.Errorf("%+v, want %q alone", r.Findings, want)
	}
}

func TestVerifyCounts(t *testing.T) {
	s, err := dataset.Lookup("eegmmidb")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	c, err := dataset.ParseChoice("S001:R04,R06,R02")
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := s.Wanted(c, m)
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Verify(os.DirFS(datasettest.Need(t, "eegmmidb")), wanted)
	if err != nil || r.Same != 3 || r.Recordings != 3 || len(r.Findings) != 0 || !slices.Equal(r.Subjects, []string{"001"}) {
		t.Errorf("%+v, %v", r, err)
	}
	if got := r.Trials; got["left fist, imagined"]+got["right fist, imagined"] != 15 || got["both fists, imagined"]+got["both feet, imagined"] != 15 || got["eyes closed"] != 1 || got["rest"] != 30 {
		t.Errorf("%v", got)
	}
}

// TestVerifyListed: files beyond the manifest are compared with the publisher's list, where it was fetched with them.
func TestVerifyListed(t *testing.T) {
	fsys := study(t)
	m, err := dataset.Set{}.Make(fsys, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, f := range fsys {
		write(t, filepath.Join(dir, name), f.Data)
	}
	write(t, filepath.Join(dir, "more.txt"), []byte("more"))
	write(t, filepath.Join(dir, "other.txt"), []byte("other"))
	const more, other = "187897ce0afcf20b50ba2b37dca84a951b7046f29ed5ab94f010619f69d6e189", "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"
	list := more + " more.txt\n" + other + " other.txt\n"
	write(t, filepath.Join(dir, pull.ListFile), []byte(list))
	if r, err := m.Verify(os.DirFS(dir), nil); err != nil || r.Listed != 2 || len(r.Findings) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	write(t, filepath.Join(dir, "other.txt"), []byte("0ther"))
	if r, err := m.Verify(os.DirFS(dir), nil); err != nil || r.Listed != 1 || len(r.Findings) != 1 || r.Findings[0].What != dataset.Altered || !strings.Contains(r.Findings[0].Text, "as SHA256SUMS.txt says") {
		t.Errorf("%+v, %v", r, err)
	}
}

// linkedCopy puts the files of a folder below .git/annex/objects, by their number, and links in their place, as git-annex does.
func linkedCopy(t *testing.T, dir string) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(name, ".git") {
			return err
		}
		n++
		object := filepath.Join(dir, ".git", "annex", "objects", fmt.Sprintf("MD5E-%d.edf", n))
		if err := os.MkdirAll(filepath.Dir(object), 0o700); err != nil {
			return err
		}
		if err := os.Rename(name, object); err != nil {
			return err
		}
		to, err := filepath.Rel(filepath.Dir(name), object)
		if err != nil {
			return err
		}
		return os.Symlink(to, name)
	})
	if err != nil {
		t.Skipf("no links can be made here: %v", err)
	}
}

// relink puts a link in the place of what is there.
func relink(t *testing.T, to, name string) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(name), os.Symlink(to, name)); err != nil {
		t.Fatal(err)
	}
}

// TestLinks: links are what they lead to, in a folder of links alone: what is wrong with that is named as if it were no link, and what
// leads nowhere or out of the folder too.
func TestLinks(t *testing.T) {
	few := func(p string) bool { return slices.Contains([]string{"R03.edf", "R04.edf"}, p[max(0, len(p)-7):]) }
	for name, c := range map[string]struct {
		plant  func(dir string)
		faults int
		found  []string
	}{
		"nothing": {func(string) {}, 0, nil},
		"swapped labels": {func(dir string) {
			name := filepath.Join(dir, "S001/S001R04.edf")
			edit(t, name, func(b []byte) []byte { return relabel(t, b, 0, map[string]string{"T1": "T2", "T2": "T1"}) })
		}, 4, []string{"altered S001/S001R04.edf", "labels S001/S001R04.edf the classes are swapped"}},
		"a run twice": {func(dir string) { relink(t, "S001R03.edf", filepath.Join(dir, "S001/S001R04.edf")) }, 2, []string{
			"duplicated S001/S001R04.edf has the content of S001/S001R03.edf",
		}},
		"a copy": {func(dir string) { relink(t, "S001R03.edf", filepath.Join(dir, "S001/S001R99.edf")) }, 1, []string{"duplicated S001/S001R99.edf is a copy of S001/S001R03.edf"}},
		"content that was not fetched": {func(dir string) { relink(t, "../.git/annex/objects/none.edf", filepath.Join(dir, "S001/S001R04.edf")) }, 1, []string{
			"missing S001/S001R04.edf is a link to ../.git/annex/objects/none.edf, which is not there (fetch what it leads to, with datalad get",
		}},
		"a subject that was not fetched": {func(dir string) {
			for _, f := range []string{"S001/S001R03.edf", "S001/S001R04.edf"} {
				relink(t, "../.git/annex/objects/none.edf", filepath.Join(dir, f))
			}
		}, 1, []string{"missing_subject 001 S001/S001R03.edf is a link to ../.git/annex/objects/none.edf, which is not there"}},
		"a folder": {func(dir string) {
			away := filepath.Join(dir, ".elsewhere")
			if err := os.Rename(filepath.Join(dir, "S001"), away); err != nil {
				t.Fatal(err)
			}
			relink(t, ".elsewhere", filepath.Join(dir, "S001"))
		}, 0, nil},
		"a folder outside": {func(dir string) {
			away := t.TempDir()
			if err := os.CopyFS(filepath.Join(away, "S001"), os.DirFS(filepath.Join(dir, "S001"))); err != nil {
				t.Skipf("links cannot be copied: %v", err)
			}
			for _, f := range []string{"S001R03.edf", "S001R04.edf"} {
				data, err := os.ReadFile(filepath.Join(dir, "S001", f))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Remove(filepath.Join(away, "S001", f)); err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(away, "S001", f), data)
			}
			relink(t, filepath.Join(away, "S001"), filepath.Join(dir, "S001"))
		}, 0, []string{"link S001 out of the folder"}},
		"a dead link beside": {func(dir string) { relink(t, "none.edf", filepath.Join(dir, "x.edf")) }, 0, []string{"link x.edf is a link to none.edf, which is not there"}},
	} {
		t.Run(name, func(t *testing.T) {
			one := func(p string) bool { return few(p) && strings.HasPrefix(p, "S001/") }
			dir, m := copied(t, "eegmmidb", one)
			linkedCopy(t, dir)
			c.plant(dir)
			wanted := func(p string) bool {
				return !slices.ContainsFunc(m.Files, func(f dataset.File) bool { return f.Path == p }) || one(p)
			}
			r, err := m.Verify(os.DirFS(dir), wanted)
			if err != nil {
				t.Fatal(err)
			}
			if r.Faults() != c.faults || len(r.Findings) < len(c.found) || c.found == nil && len(r.Findings) > 0 {
				t.Errorf("%d faults, want %d: %+v", r.Faults(), c.faults, r.Findings)
			}
			for _, want := range c.found {
				kind, rest, _ := strings.Cut(want, " ")
				path, words, _ := strings.Cut(rest, " ")
				if !slices.ContainsFunc(r.Findings, func(f dataset.Finding) bool {
					return f.What == kind && f.Path == path && strings.Contains(f.Text, words)
				}) {
					t.Errorf("%q is not found: %+v", want, r.Findings)
				}
			}
		})
	}
}

// TestMakeLinks: a manifest takes down what links lead to, and says which lead out of the folder; one that leads nowhere is an error.
func TestMakeLinks(t *testing.T) {
	dir, m := copied(t, "eegmmidb", func(p string) bool { return p == "S001/S001R03.edf" || p == "S001/S001R04.edf" })
	linkedCopy(t, dir)
	relink(t, filepath.Join(datasettest.Need(t, "eegmmidb"), "S002/S002R01.edf"), filepath.Join(dir, "S002R01.edf"))
	var outside []string
	made, err := dataset.Set{}.Make(os.DirFS(dir), func(path, _ string) { outside = append(outside, path) })
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for _, f := range m.Files {
		sums[f.Path] = f.SHA256
	}
	if len(made.Files) != 3 || made.Files[0].SHA256 != sums["S001/S001R03.edf"] || made.Files[1].SHA256 != sums["S001/S001R04.edf"] || made.Files[2].SHA256 != sums["S002/S002R01.edf"] {
		t.Errorf("%+v", made.Files)
	}
	if !slices.Equal(outside, []string{"S002R01.edf"}) {
		t.Errorf("outside are %q", outside)
	}
	relink(t, "none", filepath.Join(dir, "dead.edf"))
	if _, err := (dataset.Set{}).Make(os.DirFS(dir), nil); err == nil || !strings.Contains(err.Error(), "dead.edf is a link to none, which is not there") {
		t.Errorf("the error is %v", err)
	}
}
