package pull

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// maxList is how many bytes a list of hashes may have: more than a hundred thousand files.
const maxList = 32 << 20

// ParseSums reads a list as sha256sum writes it: 64 hexadecimal digits, a space, a space or "*", and a path with slashes. A
// path that would leave the folder, and one that stands there twice with two hashes, are errors.
func ParseSums(name string, data []byte) (map[string]string, error) {
	sums := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<16)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSuffix(lines.Text(), "\r")
		if strings.TrimSpace(line) == "" {
			continue
		}
		sum, path, ok := strings.Cut(line, " ")
		sum, path = strings.ToLower(sum), strings.TrimPrefix(strings.TrimLeft(path, " *"), "./")
		switch b, err := hex.DecodeString(sum); {
		case !ok || err != nil || len(b) != 32:
			return nil, fmt.Errorf("%s: line %d: must be 64 hexadecimal digits, a space and a path; is this a list of SHA-256?", name, n)
		case !safe(path):
			return nil, fmt.Errorf("%s: line %d: %q is no path below a folder", name, n, path)
		case sums[path] != "" && sums[path] != sum:
			return nil, fmt.Errorf("%s: line %d: %s stands there twice, with two hashes", name, n, path)
		}
		sums[path] = sum
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return sums, nil
}

// safe says whether a path from a list may be written: below the folder on every system, and none of our own files.
func safe(path string) bool {
	return fs.ValidPath(path) && path != "." && filepath.IsLocal(filepath.FromSlash(path)) && !strings.ContainsAny(path, "\\:\x00") &&
		!strings.HasPrefix(path, ".") && !strings.Contains(path, "/.")
}
