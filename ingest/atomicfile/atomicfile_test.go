package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f.txt")
	write := func(text string, fail error) error {
		return Write(path, func(w io.Writer) error {
			if _, err := io.WriteString(w, text); err != nil {
				return err
			}
			return fail
		})
	}
	if err := write("one", nil); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := write("two", broken); !errors.Is(err, broken) {
		t.Errorf("got %v, want the error of the filler", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "one" {
		t.Errorf("after a failure the file holds %q (%v), want what was there before", got, err)
	}
	if err := Write(filepath.Join(dir, "none", "f"), func(io.Writer) error { return nil }); err == nil {
		t.Error("a folder that does not exist: no error")
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(dir, "folder"), func(io.Writer) error { return nil }); err == nil {
		t.Error("over a folder: no error")
	}
	if err := Check(filepath.Join(dir, "folder")); err == nil {
		t.Error("a folder passes the check")
	}
	link := filepath.Join(dir, "link")
	if err := errors.Join(os.Chmod(path, 0o640), os.Symlink(path, link)); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, func(w io.Writer) error { _, err := io.WriteString(w, "three"); return err }); err != nil {
		t.Fatal(err)
	}
	st, err := os.Lstat(link)
	if err != nil || st.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v, %v", st.Mode(), err)
	}
	st, err = os.Stat(path)
	if got, rerr := os.ReadFile(path); err != nil || rerr != nil || string(got) != "three" || st.Mode().Perm() != 0o640 {
		t.Errorf("through a link the file holds %q with permissions %v, want \"three\" with those it had", got, st.Mode())
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// put makes a file in a set and closes it.
func put(t *testing.T, s *Set, path string) {
	t.Helper()
	w, err := s.Create(path)
	if err == nil {
		_, err = io.WriteString(w, filepath.Base(path))
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tree lists all that is below dir.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		all = append(all, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(all)
}

// TestSetOfFolders: folders that a set has made go with what was to be in them, and those of others stay.
func TestSetOfFolders(t *testing.T) {
	dir := t.TempDir()
	var s, more Set
	if err := errors.Join(s.MkdirAll(filepath.Join(dir, "a", "b")), more.MkdirAll(filepath.Join(dir, "a", "c"))); err != nil {
		t.Fatal(err)
	}
	put(t, &s, filepath.Join(dir, "a", "b", "one"))
	put(t, &more, filepath.Join(dir, "a", "c", "two"))
	s.Join(&more)
	if err := s.Discard(); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dir); got != "[.]" {
		t.Errorf("after Discard: %s", got)
	}
	put(t, &s, filepath.Join(dir, "old"))
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := s.MkdirAll(filepath.Join(dir, "a", "b")); err != nil {
		t.Fatal(err)
	}
	put(t, &s, filepath.Join(dir, "a", "b", "one"))
	s.Remove(filepath.Join(dir, "old"))
	s.Remove(filepath.Join(dir, "never there"))
	s.Remove(filepath.Join(dir, "a", "b", "one")) // which is new
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dir); got != "[. a a/b a/b/one]" {
		t.Errorf("after Commit: %s", got)
	}
	if err := s.MkdirAll(filepath.Join(dir, "a", "b", "one", "c")); err == nil {
		t.Error("a folder in a file is made")
	}
	if err := s.MkdirAll(filepath.Join(dir, "a", "d")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a", "d", "of somebody else"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Discard(); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dir); got != "[. a a/b a/b/one a/d a/d/of somebody else]" {
		t.Errorf("after Discard: %s", got)
	}
}

// TestCommitFails: where one file cannot get its name, the new ones that have theirs go again, and what is to be removed stays.
func TestCommitFails(t *testing.T) {
	dir := t.TempDir()
	var s Set
	put(t, &s, filepath.Join(dir, "old"))
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	put(t, &s, filepath.Join(dir, "one"))
	put(t, &s, filepath.Join(dir, "two")) // gets its name first
	s.Remove(filepath.Join(dir, "old"))
	if err := os.MkdirAll(filepath.Join(dir, "one", "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(); err == nil {
		t.Fatal("a file has taken the place of a folder")
	}
	if got := tree(t, dir); got != "[. old one one/in the way]" {
		t.Errorf("after a Commit that failed: %s", got)
	}
}
