package linked_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/linked"
)

// tree makes a folder: of files by name, and of links by name and where they lead.
func tree(t *testing.T, files []string, links map[string]string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	place := func(name string) string {
		full := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		return full
	}
	for _, f := range files {
		if err := os.WriteFile(place(f), []byte(f), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range links {
		if err := os.Symlink(strings.ReplaceAll(to, "ROOT", root), place(name)); err != nil {
			t.Skipf("no links can be made here: %v", err)
		}
	}
	return root
}

// TestWalk: links are what they lead to, hidden folders are left out, and what leads nowhere or outside is named.
func TestWalk(t *testing.T) {
	root := tree(t, []string{"a.edf", "sub/b.edf", ".git/annex/objects/x/c", ".hidden", "../out/d.edf"}, map[string]string{
		"sub/c.edf": "../.git/annex/objects/x/c", "linked": "sub", "d.edf": "../out/d.edf", "whole.edf": "ROOT/a.edf", "full": "ROOT/../out", "dead.edf": "nothing",
		"self.edf": "self.edf", "twice.edf": "d.edf", "sub/back.edf": "../linked/b.edf",
	})
	var got, odd []string
	err := linked.Walk(os.DirFS(root), func(name string, mode fs.FileMode) error {
		if !mode.IsRegular() {
			t.Errorf("%s is %v", name, mode)
		}
		got = append(got, name)
		return nil
	}, func(l linked.Link) error {
		what := "outside"
		if l.Dead {
			what = "dead"
		}
		if l.Dir {
			what += " folder"
		}
		odd = append(odd, what+" "+l.Path+" "+strings.ReplaceAll(filepath.ToSlash(l.To), filepath.ToSlash(root), "ROOT"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{
		"a.edf", "d.edf", "full/d.edf", "linked/b.edf", "linked/back.edf", "linked/c.edf", "sub/b.edf", "sub/back.edf", "sub/c.edf", "twice.edf", "whole.edf",
	}; !slices.Equal(got, want) {
		t.Errorf("visited\n%q, want\n%q", got, want)
	}
	if want := []string{
		"outside d.edf ../out/d.edf", "dead dead.edf nothing", "outside folder full ROOT/../out", "dead self.edf self.edf", "outside twice.edf d.edf",
	}; slices.Compare(odd, want) != 0 {
		t.Errorf("odd\n%q, want\n%q", odd, want)
	}
}

// TestWalkCircle: a folder that lies in itself is refused.
func TestWalkCircle(t *testing.T) {
	root := tree(t, []string{"sub/a.edf"}, map[string]string{"sub/up": ".."})
	err := linked.Walk(os.DirFS(root), func(string, fs.FileMode) error { return nil }, func(linked.Link) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "sub/up is a link to ., in which it lies itself") {
		t.Errorf("the error is %v", err)
	}
}
