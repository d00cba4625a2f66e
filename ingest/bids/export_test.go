package bids

import (
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// What the tests outside of the package share with those inside: packages that they need import this one.

// Whole are samples that fit into 16 bits.
func Whole(ch, t int) float64 { return whole(ch, t) }

// Sample is a recording of two seconds.
func Sample(at func(ch, t int) float64) *signal.Recording { return sample(at) }

// MakeItem is rec as it goes into a tree.
func MakeItem(sub, task, run string, rec *signal.Recording) Item { return item(sub, task, run, rec) }

// MustWrite is Write where it must not fail.
func MustWrite(t *testing.T, root string, opt Options, items ...Item) []Written {
	t.Helper()
	return mustWrite(t, root, opt, items...)
}
