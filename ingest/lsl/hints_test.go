package lsl

import (
	"strings"
	"testing"
	"time"
)

// TestHints: what hides nothing says nothing, a stream of another session is counted, and known peers that cannot be asked are named.
func TestHints(t *testing.T) {
	cfg := loop(t)
	outlet(t, eeg(2), OutletOptions{Config: cfg})
	hints := func(c *Config) string {
		t.Helper()
		list, err := Hints(t.Context(), ResolveOptions{Config: c, Wait: 600 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, h := range list {
			if h.Remedy == "" {
				t.Errorf("%q has no remedy", h.What)
			}
			all = append(all, h.String())
		}
		return strings.Join(all, "\n")
	}
	if got := hints(cfg); got != "" {
		t.Errorf("%q, and nothing is hidden", got)
	}
	theirs := cfg.SessionID
	cfg.SessionID = "mine"
	if got := hints(cfg); !strings.HasPrefix(got, `streams of other sessions of LSL answer (1 of "`+theirs+`"), and only those of "mine" are looked for: `) {
		t.Error(got)
	}
	cfg.SessionID, cfg.Peers = theirs, []string{"127.0.0.1", "::1", "nosuch.invalid"}
	if got := hints(cfg); strings.Count(got, "\n") != 1 || !strings.Contains(got, "::1 is not asked, as IPv6 is off") || !strings.Contains(got, `"nosuch.invalid" is not asked, as its name has no address (`) {
		t.Error(got)
	}
	cfg.IPv6 = true
	if got := hints(cfg); strings.Contains(got, "::1 is not") || !strings.Contains(got, "nosuch.invalid") {
		t.Error(got)
	}
	cfg.PortRange = 0
	if _, err := Hints(t.Context(), ResolveOptions{Config: cfg}); err == nil {
		t.Errorf("%v of a configuration that cannot be", err)
	}
}
