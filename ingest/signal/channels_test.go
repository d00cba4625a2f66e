package signal_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func TestChannels(t *testing.T) {
	for _, tc := range []struct {
		given []string
		want  []string
	}{
		{nil, nil},
		{[]string{""}, nil},
		{[]string{"Cz"}, []string{"Cz"}},
		{[]string{"Pz", "Cz", "", "Pz"}, []string{"Cz", "Pz"}},
		{[]string{"a\x00b"}, []string{"a b"}},
		{[]string{"x", "a\x00b"}, []string{"a b", "x"}},
		{[]string{"a, b", "c"}, []string{"a, b", "c"}},
	} {
		c := signal.ChannelsOf(tc.given...)
		if got := c.Names(); !slices.Equal(got, tc.want) || c.Len() != len(tc.want) || c.IsZero() != (len(tc.want) == 0) {
			t.Errorf("%q: names are %q, of which it has %d, want %q", tc.given, got, c.Len(), tc.want)
		}
		b, err := json.Marshal(signal.Event{Channels: c})
		var e signal.Event
		if err := json.Unmarshal(b, &e); err != nil || e.Channels != c {
			t.Errorf("%q: %s reads as %q (%v)", tc.given, b, e.Channels.Names(), err)
		}
		if want := `{"sample":0,"onset_s":0,"duration_s":0,"label":""}`; err != nil || c.IsZero() && string(b) != want {
			t.Errorf("an event of all channels is %s (%v), want %s", b, err, want)
		}
	}
	if a, b := signal.ChannelsOf("Cz", "Pz"), signal.ChannelsOf("Pz", "Cz"); a != b || a == signal.ChannelsOf("Cz") || cmp.Diff(a, b) != "" || a.String() != "Cz, Pz" {
		t.Errorf("%q and %q are not the same set", a, b)
	}
}

func TestJoinChannels(t *testing.T) {
	e := func(sample int64, label string, names ...string) signal.Event {
		return signal.Event{Sample: sample, Label: label, Channels: signal.ChannelsOf(names...)}
	}
	late := e(1, "x", "Oz")
	late.Onset = 0.5
	for name, tc := range map[string]struct{ in, want []signal.Event }{
		"none":            {nil, nil},
		"all channels":    {[]signal.Event{e(1, "x"), e(1, "x")}, []signal.Event{e(1, "x"), e(1, "x")}},
		"two":             {[]signal.Event{e(1, "x", "Pz"), e(1, "x", "Cz")}, []signal.Event{e(1, "x", "Cz", "Pz")}},
		"others between":  {[]signal.Event{e(1, "x", "Pz"), e(1, "y"), e(1, "x", "Cz"), e(1, "y", "Cz")}, []signal.Event{e(1, "x", "Cz", "Pz"), e(1, "y"), e(1, "y", "Cz")}},
		"beside all":      {[]signal.Event{e(1, "x"), e(1, "x", "Cz")}, []signal.Event{e(1, "x"), e(1, "x", "Cz")}},
		"other samples":   {[]signal.Event{e(1, "x", "Pz"), e(2, "x", "Cz")}, []signal.Event{e(1, "x", "Pz"), e(2, "x", "Cz")}},
		"other onsets":    {[]signal.Event{e(1, "x", "Pz"), late}, []signal.Event{e(1, "x", "Pz"), late}},
		"again":           {[]signal.Event{e(1, "x", "Pz"), e(1, "x", "Cz"), e(1, "x", "Pz"), e(1, "x", "Cz")}, []signal.Event{e(1, "x", "Cz", "Pz"), e(1, "x", "Cz", "Pz")}},
		"at both samples": {[]signal.Event{e(1, "x", "Pz"), e(1, "x", "Cz"), e(2, "x", "Pz"), e(2, "x", "Cz")}, []signal.Event{e(1, "x", "Cz", "Pz"), e(2, "x", "Cz", "Pz")}},
		"sets":            {[]signal.Event{e(1, "x", "Pz", "Oz"), e(1, "y"), e(1, "x", "Cz"), e(1, "x", "Cz", "Fz")}, []signal.Event{e(1, "x", "Cz", "Oz", "Pz"), e(1, "y"), e(1, "x", "Cz", "Fz")}},
	} {
		if got := signal.JoinChannels(tc.in); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", name, fmt.Sprint(got), fmt.Sprint(tc.want))
		}
	}
}
