package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Driver opens live sources of one kind.
type Driver struct {
	Scheme string // of the URL, in lower case: "lsl" for lsl://?name=EEG
	// Dial connects to what u names, and waits for it as long as ctx lasts. An error about a source that was not found
	// says what was seen instead. Parameters of the query that the driver does not know are errors.
	Dial func(ctx context.Context, u *url.URL) (signal.LiveSource, error)
}

var drivers []Driver

// RegisterDriver adds a driver. It panics on a scheme that is taken.
func RegisterDriver(d Driver) {
	mu.Lock()
	defer mu.Unlock()
	if slices.ContainsFunc(drivers, func(e Driver) bool { return e.Scheme == d.Scheme }) {
		panic("ingest: driver " + d.Scheme + " is registered twice")
	}
	drivers = append(drivers, d)
	slices.SortFunc(drivers, func(a, b Driver) int { return strings.Compare(a.Scheme, b.Scheme) })
}

// Drivers lists what is registered, sorted by scheme.
func Drivers() []Driver {
	mu.RLock()
	defer mu.RUnlock()
	return slices.Clone(drivers)
}

// Dial opens the live source at rawURL, such as lsl://?name=EEG&type=EEG.
func Dial(ctx context.Context, rawURL string) (signal.LiveSource, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme == "" {
		return nil, fmt.Errorf("%q is no URL of a live source, must be like lsl://?name=EEG", rawURL)
	}
	var known []string
	for _, d := range Drivers() {
		if d.Scheme == u.Scheme {
			return d.Dial(ctx, u)
		}
		known = append(known, d.Scheme+"://")
	}
	if len(known) == 0 {
		return nil, errors.New("no driver of live sources is part of this program")
	}
	return nil, fmt.Errorf("%q: no live source is called %q, must be one of %s", rawURL, u.Scheme, strings.Join(known, ", "))
}
