package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
)

// synthPrefix begins the name of a simulated recording: synth:TASK:SUBJECT:RUN.
const synthPrefix = "synth:"

// synthTasks are what can be simulated.
var synthTasks = []string{"cursor", "imagery", "rest"}

// synthName is name where it is that of a simulated recording, "" for a file.
func synthName(name string) string {
	if strings.HasPrefix(name, synthPrefix) {
		return name
	}
	return ""
}

// simulate makes the recording that name asks for.
func simulate(name string) (*signal.Recording, error) {
	parts := strings.Split(strings.TrimPrefix(name, synthPrefix), ":")
	if len(parts) != 3 {
		return nil, usageError{fmt.Errorf("%s: a simulated recording is synth:TASK:SUBJECT:RUN, such as synth:cursor:1:2", name)}
	}
	if !slices.Contains(synthTasks, parts[0]) {
		return nil, usageError{fmt.Errorf("%s: %w", name, &registry.UnknownError{What: "task", Name: parts[0], Known: synthTasks})}
	}
	var seeds [2]uint64
	for i, p := range parts[1:] {
		var err error
		if seeds[i], err = strconv.ParseUint(p, 10, 64); err != nil {
			return nil, usageError{fmt.Errorf("%s: %q is no seed, must be a whole number from 0", name, p)}
		}
	}
	var rec *signal.Recording
	var err error
	if parts[0] == "cursor" {
		opt := synth.CursorDefaults()
		opt.Subject, opt.Run = seeds[0], seeds[1]
		rec, _, err = synth.Cursor(opt)
	} else {
		opt := synth.Defaults()
		opt.Subject, opt.Run = seeds[0], seeds[1]
		if parts[0] == "rest" {
			opt.Effect = 0
		}
		if rec, _, err = synth.MotorImagery(opt); err == nil && parts[0] == "rest" {
			rec.Events = nil
		}
	}
	if err != nil {
		return nil, err
	}
	rec.Name = name
	return rec, nil
}
