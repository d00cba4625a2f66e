package cli

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/lsl"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// lslOptions are those of a URL of LSL.
func lslOptions(source string) (opt lsl.InletOptions, err error) {
	u, err := url.Parse(source)
	if err != nil {
		return opt, err
	}
	if u.Scheme != "lsl" {
		return opt, fmt.Errorf("%q is no URL of LSL", source)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return opt, err
	}
	return lsl.ParseOptions(q)
}

// unread says in one line which streams of marks are on the network that none of the sources reads, and what to do; "" where there is none. Where
// ctx ends, of those that have answered until then. remedy says how to take the marks of a stream with such a name.
func unread(ctx context.Context, sources []string, remedy func(name string) string) string {
	var opts []lsl.InletOptions
	for _, s := range sources {
		if o, err := lslOptions(s); err == nil {
			opts = append(opts, o)
		}
	}
	if len(opts) == 0 {
		return ""
	}
	found, err := lsl.Unread(ctx, nil, opts...)
	if err != nil || len(found) == 0 { // nothing is lost but a hint: the source was found by the same way
		return ""
	}
	var names []string
	for _, f := range found {
		names = append(names, f.Name)
	}
	what := "the stream of marks %s is on the network, and is not read here: %s"
	if len(names) > 1 {
		what = "the streams of marks %s are on the network, and are not read here: %s"
	}
	return inline(fmt.Sprintf(what, some(names), remedy(names[0])))
}

// unsafeInURL is what is written out in a URL that people copy into a shell, in double quotes, or into a session file.
var unsafeInURL = regexp.MustCompile(`[^\p{L}\p{N}._='-]+`)

// withMarks is the URL of a source of LSL with the marks of the stream of that name.
func withMarks(source, name string) string {
	between := "&"
	if strings.HasSuffix(source, "?") {
		between = ""
	} else if !strings.Contains(source, "?") {
		between = "?"
	}
	return source + between + "markers=" + unsafeInURL.ReplaceAllStringFunc(lsl.Named(name), url.QueryEscape)
}

// unreadRecording is unread for gyrus record.
func unreadRecording(ctx context.Context, sources []string) string {
	return unread(ctx, sources, func(name string) string {
		for _, s := range sources {
			if o, err := lslOptions(s); err == nil && o.Markers == "" {
				return fmt.Sprintf(`to have the marks as events, name it in the source: "%s"`, withMarks(s, name))
			}
		}
		return fmt.Sprintf(`to record it beside, name it as a source: "lsl://?name=%s"`, url.QueryEscape(name))
	})
}

// unreadLive is unread for a session.
func unreadLive(ctx context.Context, s *session.Source) string {
	if s.Use != "lsl" && s.Use != "live" {
		return ""
	}
	return unread(ctx, []string{s.Name()}, func(name string) string {
		switch o, _ := lslOptions(s.Name()); {
		case o.Markers != "":
			return "a session reads the marks of one stream; gyrus record writes others down"
		case s.Use == "live":
			return fmt.Sprintf(`to have the marks as events, name it in the source: {use: live, url: "%s"}`, withMarks(s.URL, name))
		}
		return fmt.Sprintf("to have the marks as events, name it in the source: {use: lsl, …, markers: %q}", lsl.Named(name))
	})
}
