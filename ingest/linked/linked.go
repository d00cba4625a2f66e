// Package linked walks through folders of which files and folders may be links, as those of git-annex and DataLad are.
package linked

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Link is one that leads nowhere, or out of the folder.
type Link struct {
	Path string // of the link, below the folder, with slashes
	To   string // as the link says
	Dead bool   // what it leads to is not there
	Dir  bool   // it leads to a folder
}

// Walk calls visit for all that is no folder below fsys, by name: a link is what it leads to, which mode is of, and hidden files and
// folders, whose names begin with a dot, are left out. odd is called for links that lead nowhere, which are not visited, and for those
// that lead out of fsys, which are. A folder that lies in itself, by a link, is an error.
func Walk(fsys fs.FS, visit func(name string, mode fs.FileMode) error, odd func(Link) error) error {
	var g Guard
	var dir func(name string) error
	dir = func(name string) error {
		entries, err := fs.ReadDir(fsys, name)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") {
				continue
			}
			below, mode := path.Join(name, e.Name()), e.Type()
			if mode&fs.ModeSymlink != 0 {
				var dead bool
				if mode, dead, err = follow(fsys, below, odd); err != nil {
					return err
				}
				if dead {
					continue
				}
			}
			if mode.IsDir() {
				err = g.Descend(fsys, below, below, func() error { return dir(below) })
			} else {
				err = visit(below, mode)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return g.Descend(fsys, ".", ".", func() error { return dir(".") })
}

// follow is what a link leads to.
func follow(fsys fs.FS, name string, odd func(Link) error) (mode fs.FileMode, dead bool, err error) {
	to, outside := leads(fsys, name)
	st, err := fs.Stat(fsys, name)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return 0, false, err
	case err != nil: // nothing is there, or a link that leads to itself
		return 0, true, odd(Link{Path: name, To: to, Dead: true})
	case outside:
		err = odd(Link{Path: name, To: to, Dir: st.IsDir()})
	}
	return st.Mode().Type(), false, err
}

const maxLinks = 64 // that lead to one another

// leads says where a link leads, as it is written, and whether that, or a link on the way there, is outside of fsys.
func leads(fsys fs.FS, name string) (to string, outside bool) {
	links, ok := fsys.(fs.ReadLinkFS)
	if !ok {
		return "", false
	}
	at, rest := ".", strings.Split(name, "/")
	for n := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch {
		case part == "" || part == ".":
			continue
		case part == ".." && at == ".":
			return to, true
		case part == "..":
			at = path.Dir(at)
			continue
		}
		at = path.Join(at, part)
		target, err := links.ReadLink(at)
		if err != nil { // it is none
			continue
		}
		if n++; n > maxLinks {
			return to, false
		}
		if at == name || to == "" {
			to = target
		}
		if filepath.IsAbs(target) {
			return to, !within(fsys, target)
		}
		at, rest = path.Dir(at), append(strings.Split(filepath.ToSlash(target), "/"), rest...)
	}
	return to, false
}

// within says whether a full path lies in the folder that fsys is.
func within(fsys fs.FS, target string) bool {
	root, err := fs.Stat(fsys, ".")
	if err != nil {
		return false
	}
	for dir := filepath.Dir(target); ; dir = filepath.Dir(dir) {
		if st, err := os.Stat(dir); err == nil && os.SameFile(st, root) {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

// Guard refuses a folder that lies in itself, by a link. The zero value is ready.
type Guard struct{ above []above }

// above is a folder that is being looked into.
type above struct {
	name string
	info fs.FileInfo
}

// Descend calls look within a folder of fsys, which messages call name.
func (g *Guard) Descend(fsys fs.FS, at, name string, look func() error) error {
	info, err := fs.Stat(fsys, at)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, a := range g.above {
		if os.SameFile(a.info, info) {
			return fmt.Errorf("%s is a link to %s, in which it lies itself: a tree without end; remove the link", name, a.name)
		}
	}
	g.above = append(g.above, above{name, info})
	err = look()
	g.above = g.above[:len(g.above)-1]
	return err
}
