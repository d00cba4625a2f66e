// Package datadir finds the recordings that lie on this machine.
package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Root is the folder that holds the data sets: $GYRUS_DATA, or gyrus/data in the user's XDG data folder
// ($XDG_DATA_HOME, by default ~/.local/share). It need not exist.
func Root() (string, error) {
	if dir := os.Getenv("GYRUS_DATA"); dir != "" {
		return filepath.Abs(dir)
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "gyrus", "data"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no data folder: GYRUS_DATA is not set and %w", err)
	}
	return filepath.Join(home, ".local", "share", "gyrus", "data"), nil
}

// Find is the path of a file below Root, given with slashes. The error wraps os.ErrNotExist where it is not there.
func Find(name string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("%s is not below the data folder %s (set GYRUS_DATA to the folder that has it): %w", name, root, os.ErrNotExist)
		}
		return "", err
	}
	return path, nil
}
