package lsl

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() { ingest.RegisterDriver(ingest.Driver{Scheme: "lsl", Dial: dialURL}) }

// dialURL opens lsl://?name=EEG&type=EEG&source_id=amp-7&markers=name='Cues'. The keys are those of ParseOptions.
func dialURL(ctx context.Context, u *url.URL) (signal.LiveSource, error) {
	if u.Host != "" || u.Path != "" || u.User != nil {
		return nil, fmt.Errorf("%s: a stream of LSL is found by what it is, not by its address, like lsl://?name=EEG", u.Redacted())
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u, err)
	}
	opt, err := ParseOptions(q)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", u, err)
	}
	return Open(ctx, opt)
}

// ParseOptions reads the options of an inlet from the query of a URL: name, type, source_id, predicate, markers,
// timeout_s, markers_wait_s, markers_delay_s, buffer_s, stall_s, watchdog_s, delay_s, unit, counter, counter_modulus. Others are errors.
func ParseOptions(q url.Values) (InletOptions, error) {
	var o InletOptions
	seconds := func(dst *time.Duration) func(string) error {
		return func(s string) error {
			v, err := strconv.ParseFloat(s, 64)
			if err != nil || !(v >= 0 && v < 1e6) {
				return errors.New("must be a number of seconds")
			}
			*dst = time.Duration(v * 1e9)
			return nil
		}
	}
	text := func(dst *string) func(string) error {
		return func(s string) error { *dst = s; return nil }
	}
	number := func(dst *float64) func(string) error {
		return func(s string) (err error) {
			if *dst, err = strconv.ParseFloat(s, 64); err != nil {
				err = errors.New("must be a number")
			}
			return err
		}
	}
	keys := map[string]func(string) error{
		"name": text(&o.Name), "type": text(&o.Type), "source_id": text(&o.SourceID), "predicate": text(&o.Predicate),
		"markers": text(&o.Markers), "unit": text(&o.Unit), "counter": text(&o.Counter),
		"timeout_s": seconds(&o.Wait), "markers_wait_s": seconds(&o.MarkersWait), "stall_s": seconds(&o.Stall), "watchdog_s": seconds(&o.Watchdog),
		"buffer_s": number(&o.BufferS), "delay_s": number(&o.DelayS), "markers_delay_s": number(&o.MarkersDelayS),
		"counter_modulus": func(s string) (err error) {
			if o.Modulus, err = strconv.ParseInt(s, 10, 32); err != nil {
				err = errors.New("must be a whole number")
			}
			return err
		},
	}
	var known, given []string
	for k := range keys {
		known = append(known, k)
	}
	for k := range q {
		given = append(given, k)
	}
	slices.Sort(known)
	slices.Sort(given)
	for _, k := range given {
		set, ok := keys[k]
		if !ok {
			return o, &registry.UnknownError{What: "parameter", Name: k, Known: known}
		}
		if len(q[k]) != 1 {
			return o, fmt.Errorf("%s is given %d times", k, len(q[k]))
		}
		if err := set(q[k][0]); err != nil {
			return o, fmt.Errorf("%s is %q, %w", k, q[k][0], err)
		}
	}
	return o, o.defaults()
}
