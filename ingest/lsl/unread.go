package lsl

import (
	"context"
	"strings"
	"time"
)

// unreadWait is how long Unread looks.
const unreadWait = 700 * time.Millisecond

// Unread lists the streams of marks that answer within a moment and that nobody reads who opens all of opts: strings, or what is
// of type Markers, at irregular times. Where ctx ends, those that have answered until then.
func Unread(ctx context.Context, config *Config, opts ...InletOptions) ([]StreamInfo, error) {
	all := []string{"nominal_srate=0 and (type='Markers' or channel_format='string')"}
	for _, o := range opts {
		all = append(all, "not("+o.predicate()+")")
		if o.Markers != "" {
			all = append(all, "not("+o.Markers+")")
		}
	}
	return Resolve(ctx, ResolveOptions{Config: config, Predicate: strings.Join(all, " and "), Wait: unreadWait})
}

// Named is the predicate of streams of that name.
func Named(name string) string { return "name=" + literal(name) }
