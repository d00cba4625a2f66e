package dataset

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/linked"
)

// remedies are what to do about recordings of formats that gyrus does not read, by their endings.
var remedies = map[string]string{
	".mat": "MOABB opens its sets by name, and MNE writes what it opens: raw.save(\"sub-01_ses-1_run-1_raw.fif\"), or raw.export to EDF or BrainVision",
	".npy": "numpy.load reads them, and MNE writes what mne.io.RawArray makes of them: raw.save(\"sub-01_ses-1_run-1_raw.fif\"), or raw.export to EDF or BrainVision",
}

// Reads says whether gyrus reads the set as it is published, by the endings of its recordings; otherwise remedy is what to do. Where it
// is published in several formats one of them is enough. The formats have to be registered.
func (s Set) Reads() (reads bool, remedy string) {
	for _, end := range s.Endings {
		if recordingName("x" + end) {
			return true, ""
		}
		if remedy == "" {
			remedy = remedies[end]
		}
	}
	return len(s.Endings) == 0, remedy
}

// WhyNone says why Recordings finds none below dir: "" where there is nothing that could be one.
func (s Set) WhyNone(dir fs.FS) (string, error) {
	count := func(is func(name string) bool) (first string, n int, err error) {
		err = linked.Walk(dir, func(name string, _ fs.FileMode) error {
			if is(name) {
				if n++; n == 1 {
					first = name
				}
			}
			return nil
		}, func(linked.Link) error { return nil })
		return first, n, err
	}
	first, n, err := count(func(name string) bool { return s.ending(name) != "" && !recordingName(name) })
	if err != nil {
		return "", err
	}
	if n > 0 {
		end := s.ending(first)
		return fmt.Sprintf("%s, a format in which %s is published and which gyrus does not read: %s", files(first, n, "ends in "+end, "end in "+end), s.Name, remedies[end]), nil
	}
	first, n, err = count(recordingName)
	if err != nil || n == 0 {
		return "", err
	}
	if s.layout != nil {
		return files(first, n, "is named otherwise", "are named otherwise") + " than the recordings of " + s.Name + " as they are published: give their paths, or their names back", nil
	}
	return files(first, n, "does not say", "do not say") + " by its path whose it is: name folders like subject01/session1 or files like sub-01_ses-1_run-1_eeg.edf, or give the path of a file", nil
}

// ending is the one of the set's that a file has, "" where it has none.
func (s Set) ending(name string) string {
	i := slices.IndexFunc(s.Endings, func(end string) bool { return strings.HasSuffix(strings.ToLower(name), end) })
	if i < 0 {
		return ""
	}
	return s.Endings[i]
}

// files says something of one file or of several.
func files(first string, n int, one, many string) string {
	if n == 1 {
		return first + " " + one
	}
	return fmt.Sprintf("%d files such as %s %s", n, first, many)
}
