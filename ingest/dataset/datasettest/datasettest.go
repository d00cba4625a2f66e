// Package datasettest hands real recordings and other programs' golden values to tests. What is not there skips the
// test with the reason, except under CI=true, where it fails it: a green run must have seen the data.
package datasettest

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datadir"
)

// Need is the path of a recording, given with slashes below the data folder: "eegmmidb/S001/S001R14.edf".
func Need(t testing.TB, name string) string {
	t.Helper()
	path, err := datadir.Find(name)
	if err != nil {
		missing(t, err.Error())
	}
	return path
}

// Golden reads an array of little-endian float64 that SciPy, MNE or pyRiemann wrote: <name>.f64 below $GYRUS_GOLDEN,
// or, where that is not set, below the folder golden beside the data folder.
func Golden(t testing.TB, name string) []float64 {
	t.Helper()
	dir := os.Getenv("GYRUS_GOLDEN")
	if dir == "" {
		root, err := datadir.Root()
		if err != nil {
			missing(t, err.Error())
		}
		dir = filepath.Join(filepath.Dir(root), "golden")
	}
	raw, err := os.ReadFile(filepath.Join(dir, name+".f64"))
	if err != nil {
		missing(t, "golden values: "+err.Error()+" (set GYRUS_GOLDEN to the folder that has them)")
	}
	x := make([]float64, len(raw)/8)
	for i := range x {
		x[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return x
}

func missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("CI needs the data: %s", why)
	}
	t.Skipf("skipped: %s", why)
}
