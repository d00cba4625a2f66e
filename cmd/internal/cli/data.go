package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// openRecording opens a file of any registered format.
func openRecording(path string) (*signal.Recording, error) {
	rec, err := ingest.Open(pathFS{}, path)
	if err != nil {
		return nil, notThere(err)
	}
	return rec, nil
}

// pathFS opens paths of the operating system as they are. Messages then name the file as the user did.
type pathFS struct{}

// Open opens name with os.Open.
func (pathFS) Open(name string) (fs.File, error) { return os.Open(name) }

// openAll opens every file, or none.
func openAll(paths []string) (recs []*signal.Recording, closeAll func(), err error) {
	closeAll = func() {
		for _, r := range recs {
			_ = r.Close() // read only: nothing can be lost
		}
	}
	for _, p := range paths {
		rec, err := openRecording(p)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		recs = append(recs, rec)
	}
	return recs, closeAll, nil
}

// deviations says on standard error where files break their format.
func deviations(cmd *cobra.Command, recs []*signal.Recording) {
	for _, r := range recs {
		for i, d := range r.Deviations {
			if i == 3 {
				note(cmd, "%s: %d more deviations: see gyrus info %s", r.Name, len(r.Deviations)-i, r.Name)
				break
			}
			note(cmd, "%s: %s: %s; found %s; %s", r.Name, d.Where, d.Rule, d.Found, d.Assumed)
		}
		for _, o := range r.Others {
			note(cmd, "%s: not used, another rate: %s", r.Name, o.Info)
		}
	}
}

// hashFile is the SHA-256 of a file, in hexadecimal digits.
func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// distinct hashes files and refuses two that are the same: a trial would be in training and in test.
func distinct(files []string) ([]string, error) {
	hashes := make([]string, len(files))
	first := map[string]string{}
	for i, f := range files {
		var err error
		if hashes[i], err = hashFile(f); err != nil {
			return nil, err
		}
		if other, twice := first[hashes[i]]; twice {
			return nil, refusal{fmt.Errorf("%s and %s have the same content: their trials would be in training and in test; give each recording once", other, f)}
		}
		first[hashes[i]] = f
	}
	return hashes, nil
}
