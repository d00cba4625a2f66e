package bustest

import (
	"testing"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// Open is a bus that ends with the test; without a URL it is a server too.
func Open(t testing.TB, o bus.Options) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// Open is a bus at the beginning of the cable. Its last messages may be lost: the cable is cut in between.
func (c *Cable) Open(t testing.TB) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{URL: c.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}
