package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Folder is a place where files of a set lie.
type Folder struct {
	Path string `json:"path"`
	From string `json:"from"` // what named it: "GYRUS_DATA", "MNE_DATA", "mne-python.json", "~/mne_data"
}

// cache is where MNE or MOABB keep a set.
type cache struct {
	key string   // of their setting for this set alone; "" where they have none
	sub []string // folders below it, with slashes, newest first
}

// Folders are those that hold the set, the one to use first: the folder of its name below Root, then the caches of MNE and MOABB
// as their settings say (the environment, mne-python.json, ~/mne_data). Where none is there, the list is empty.
func (s Set) Folders() ([]Folder, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	from := "GYRUS_DATA"
	if os.Getenv("GYRUS_DATA") == "" {
		from = "the data folder"
	}
	var out []Folder
	add := func(path, from string) {
		if st, err := os.Stat(path); err == nil && st.IsDir() {
			out = append(out, Folder{path, from})
		}
	}
	add(filepath.Join(root, s.Name), from)
	if s.cache.sub == nil {
		return out, nil
	}
	base, from, err := s.cache.base()
	if err != nil || base == "" {
		return out, err
	}
	for _, sub := range s.cache.sub {
		add(filepath.Join(base, filepath.FromSlash(sub)), from)
	}
	return out, nil
}

// base is the folder that MNE would look in: its own setting, then MNE_DATA, each in the environment before its file, and at
// last ~/mne_data.
func (c cache) base() (path, from string, err error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", "", nil //nolint:nilerr // without a home there is no cache
	}
	settings, err := mneSettings(filepath.Join(home, ".mne", "mne-python.json"))
	if err != nil {
		return "", "", err
	}
	for _, key := range []string{c.key, "MNE_DATA"} {
		if key == "" {
			continue
		}
		v, from := os.Getenv(key), key
		if v == "" {
			v, from = settings[key], "mne-python.json"
		}
		if v == "~" || strings.HasPrefix(v, "~/") {
			v = filepath.Join(home, v[1:])
		}
		if v != "" {
			return v, from, nil
		}
	}
	return filepath.Join(home, "mne_data"), "~/mne_data", nil
}

// mneSettings reads what MNE keeps of its user's settings; a file that is not there has none.
func mneSettings(name string) (map[string]string, error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all map[string]any // values of other keys may be of any type
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("%s: %w: it should hold the settings of MNE; repair it or move it away", name, err)
	}
	out := map[string]string{}
	for k, v := range all {
		if text, ok := v.(string); ok {
			out[k] = text
		}
	}
	return out, nil
}
