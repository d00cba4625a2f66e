// Command parity runs the tests that compare gyrus with other programs, and writes what they report as docs/parity.md.
//
//	go run ./benchmarks/parity > docs/parity.md
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/paritytest"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "parity:", err)
		os.Exit(1)
	}
}

// row is a report with the package it is from.
type row struct {
	pkg string
	paritytest.Report
}

// comparing lists the packages whose tests report: those that import paritytest.
func comparing(ctx context.Context) ([]string, error) {
	const imports = `{{$p := .ImportPath}}{{range .TestImports}}{{.}} {{$p}}{{"\n"}}{{end}}{{range .XTestImports}}{{.}} {{$p}}{{"\n"}}{{end}}`
	cmd := exec.CommandContext(ctx, "go", "list", "-f", imports, "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var pkgs []string
	for line := range strings.Lines(string(out)) {
		if imported, pkg, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasSuffix(imported, "/ingest/paritytest") {
			pkgs = append(pkgs, pkg)
		}
	}
	slices.Sort(pkgs)
	return slices.Compact(pkgs), nil
}

func run(ctx context.Context, out io.Writer) error {
	pkgs, err := comparing(ctx)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, pkgs...)...)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	rows, err := read(pipe)
	if err = errors.Join(err, cmd.Wait()); err != nil {
		return fmt.Errorf("a test failed; see go test ./...: %w", err)
	}
	return write(out, rows)
}

// read takes the reports out of what go test -json prints.
func read(r io.Reader) ([]row, error) {
	var rows []row
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct{ Package, Output string }
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			continue // a line of the build, not of a test
		}
		_, text, found := strings.Cut(e.Output, paritytest.Prefix)
		if !found {
			continue
		}
		q := row{pkg: strings.TrimPrefix(e.Package, "github.com/gyrus-bci/gyrus/")}
		if err := json.Unmarshal([]byte(text), &q.Report); err != nil {
			return nil, fmt.Errorf("%s: report %q: %w", e.Package, text, err)
		}
		rows = append(rows, q)
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.What, b.What), cmp.Compare(a.Data, b.Data), cmp.Compare(a.Peer, b.Peer))
	})
	return rows, lines.Err()
}

func write(out io.Writer, rows []row) error {
	if len(rows) == 0 {
		return errors.New("no test reported anything: are the golden values there (GYRUS_GOLDEN)?")
	}
	var b strings.Builder
	b.WriteString("# Parity with other programs\n\nMade by `make parity` from the tests that assert these numbers. The error is the largest difference over the largest\n" +
		"magnitude of the other program's values, unless the row says otherwise.\n\n| package | what | compared with | on | error | at most |\n|---|---|---|---|---|---|\n")
	var notes []string
	number := map[string]int{} // of a note that several rows share
	for _, r := range rows {
		mark := ""
		if r.Note != "" {
			if number[r.Note] == 0 {
				notes = append(notes, fmt.Sprintf("%d. %s, %s: %s", len(notes)+1, r.What, r.Peer, r.Note))
				number[r.Note] = len(notes)
			}
			mark = fmt.Sprintf(" (note %d)", number[r.Note])
		}
		fmt.Fprintf(&b, "| `%s` | %s%s | %s | %s | %.1e | %.0e |\n", r.pkg, r.What, mark, r.Peer, r.Data, r.Err, r.Tol)
	}
	if len(notes) > 0 {
		fmt.Fprintf(&b, "\n## Notes\n%s\n", strings.Join(notes, "\n"))
	}
	_, err := io.WriteString(out, b.String())
	return err
}
