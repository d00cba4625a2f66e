// Command stepdocs writes the Go documentation of every step in the registries as JSON, by section and name, for gyrus docs
// steps: what is said of a step is said once, in its source. It runs in the root of the module: make docs.
package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	_ "github.com/gyrus-bci/gyrus/decoders/all"
	_ "github.com/gyrus-bci/gyrus/features/all"
	_ "github.com/gyrus-bci/gyrus/preprocess/all"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

const module = "github.com/gyrus-bci/gyrus/"

func main() {
	if err := write(os.Stdout, "."); err != nil {
		fmt.Fprintln(os.Stderr, "stepdocs:", err)
		os.Exit(1)
	}
}

// write describes every step from the source below root.
func write(w io.Writer, root string) error {
	types, err := pipeline.Types()
	if err != nil {
		return err
	}
	all := map[string]map[string]string{}
	parsed := map[string]map[string]string{} // [package][type]
	for section, steps := range types {
		all[section] = map[string]string{}
		for name, t := range steps {
			for t.Kind() == reflect.Pointer {
				t = t.Elem()
			}
			dir, inside := strings.CutPrefix(t.PkgPath(), module)
			if !inside {
				return fmt.Errorf("%s %s is of the type %s, outside of the module", section, name, t)
			}
			if parsed[dir] == nil {
				if parsed[dir], err = comments(filepath.Join(root, dir)); err != nil {
					return err
				}
			}
			text := parsed[dir][t.Name()]
			if text == "" {
				return fmt.Errorf("%s %s: the type %s has no documentation", section, name, t)
			}
			all[section][name] = text
		}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(all) // sorts the keys
}

// comments are the doc comments of the types of a package, as Markdown.
func comments(dir string) (map[string]string, error) {
	fset := token.NewFileSet()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, e := range entries {
		if !isSource(e) {
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(dir, e.Name()), nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	pkg, err := doc.NewFromFiles(fset, files, module+filepath.ToSlash(dir), doc.AllDecls)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for _, t := range pkg.Types {
		texts[t.Name] = strings.TrimSpace(string(pkg.Markdown(t.Doc)))
	}
	return texts, nil
}

func isSource(e fs.DirEntry) bool {
	return strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go")
}
