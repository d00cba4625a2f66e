//go:build !race

package lsl

// raceDetector says that everything is several times slower.
const raceDetector = false
