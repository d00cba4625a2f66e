package session

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/stream/bus"
)

// HeldFile is where what holds a decoder back is kept for one that is started again: beside the session file, one for each decoder.
// It is there while something does, and from then on where stops with an ID were lifted: which.
func HeldFile(sessionFile, session, decoder string) string {
	return filepath.Join(filepath.Dir(sessionFile), session+"."+decoder+".held.json")
}

// heldBack is what a HeldFile holds: all that is in force, and the newest stops that are not any more.
type heldBack struct {
	V       int        `json:"v"`
	Session string     `json:"session"`
	Decoder string     `json:"decoder"`
	Stop    *heldStop  `json:"stop,omitempty"`   // the newest emergency stop
	More    []heldStop `json:"more,omitempty"`   // the others, the newest last
	Doubt   string     `json:"doubt,omitempty"`  // why it is not known whether there is one
	Paused  *time.Time `json:"paused,omitempty"` // since when, by an operator
	Shadow  *time.Time `json:"shadow,omitempty"`
	Lifted  []string   `json:"lifted,omitempty"` // IDs of stops that an operator has lifted, the newest last
}

// keptLifted is how many of them are kept.
const keptLifted = 64

// heldStop is an emergency stop.
type heldStop struct {
	ID     string    `json:"id,omitempty"`
	Time   time.Time `json:"time"` // when it came
	Source string    `json:"source,omitempty"`
	Why    string    `json:"why,omitempty"`
}

// stops are all of them, the newest last.
func (h *heldBack) stops() []heldStop {
	if h.Stop == nil {
		return h.More
	}
	return append(slices.Clone(h.More), *h.Stop)
}

// what names the gravest of it, "" where there is nothing.
func (h *heldBack) what() string {
	switch {
	case h.Stop != nil || len(h.More) > 0 || h.Doubt != "":
		return "EMERGENCY STOP"
	case h.Paused != nil:
		return "PAUSE"
	case h.Shadow != nil:
		return "SHADOW"
	}
	return ""
}

// empty says whether there is nothing to be kept.
func (h *heldBack) empty() bool { return h.what() == "" && len(h.Lifted) == 0 }

// maxHeldFile is more than a HeldFile of ours has.
const maxHeldFile = 1 << 20

// readHeld is what path keeps, empty where there is no file.
func readHeld(path, session, decoder string) (heldBack, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return heldBack{}, nil
	}
	if err != nil {
		return heldBack{}, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxHeldFile))
	if err = errors.Join(err, f.Close()); err != nil {
		return heldBack{}, fmt.Errorf("%s: %w", path, err)
	}
	h, err := parseHeld(text)
	if err != nil {
		return heldBack{}, fmt.Errorf("%s: is no record of what holds a decoder back: %w", path, err)
	}
	if h.V != bus.Version || h.Session != session || h.Decoder != decoder {
		return heldBack{}, fmt.Errorf("%s: is version %d of decoder %q in session %q, must be version %d of %q in %q", path, h.V, h.Decoder, h.Session, bus.Version, decoder, session)
	}
	for _, s := range h.stops() { // what is in force counts, whoever wrote that it is not
		h.Lifted = slices.DeleteFunc(h.Lifted, func(id string) bool { return id == s.ID })
	}
	if h.empty() {
		return heldBack{}, fmt.Errorf("%s: names nothing that holds the decoder back or did, and would not be there", path)
	}
	return h, nil
}

// parseHeld decodes strictly: what is not understood could hold the decoder back.
func parseHeld(text []byte) (h heldBack, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&h); err != nil {
		return h, fmt.Errorf("byte %d: %w", dec.InputOffset(), err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return h, fmt.Errorf("byte %d: something comes behind the record", dec.InputOffset())
	}
	times := map[string]*time.Time{"paused": h.Paused, "shadow": h.Shadow}
	for i, s := range h.stops() {
		times[fmt.Sprintf("time of stop %d of %d", i+1, len(h.stops()))] = &s.Time
		if err := (&bus.StandingStop{ID: s.ID}).Validate(); err != nil {
			return h, fmt.Errorf("stop %d of %d: %w", i+1, len(h.stops()), err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(times)) { // in order, for equal messages
		if t := times[name]; t != nil && t.Year() < firstYear {
			return h, fmt.Errorf("%s is %s, must be in the year %d or later", name, t.Format(time.RFC3339), firstYear)
		}
	}
	return h, nil
}

// firstYear is long before the first record: a time of before is that of a clock that was never set, or none.
const firstYear = 2000

// tryWrite says why path could not be written.
func tryWrite(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// keepAgain is the time between two tries to write what could not be written.
const keepAgain = time.Second

// keeper writes a HeldFile from a goroutine of its own, again and again until it is there: a drive that does not answer holds up no
// session.
type keeper struct {
	path  string
	tell  func(string)
	again time.Duration
	want  chan heldBack // the newest wins
	done  chan struct{}
}

func newKeeper(path string, again time.Duration, tell func(string)) *keeper {
	k := &keeper{path: path, tell: tell, again: again, want: make(chan heldBack, 1), done: make(chan struct{})}
	go k.run()
	return k
}

// keep is for one goroutine at a time.
func (k *keeper) keep(h heldBack) {
	select {
	case <-k.want:
	default:
	}
	k.want <- h // there is room: only this goroutine fills it
}

func (k *keeper) run() {
	defer close(k.done)
	var h heldBack
	told := "" // of what it was said that it is not on record
	again := time.NewTimer(k.again)
	for {
		again.Stop()
		if told != "" {
			again.Reset(k.again)
		}
		select {
		case next, more := <-k.want:
			if !more {
				return
			}
			h = next
		case <-again.C:
		}
		what, err := h.what(), k.put(h)
		switch {
		case err == nil && told != "" && what != "":
			k.tell(fmt.Sprintf("the %s is on record now, in %s", what, k.path))
			told = ""
		case err == nil && told != "":
			k.tell("nothing that holds the decoder back is on record any more in " + k.path)
			told = ""
		case err != nil && what == "" && told != "nothing":
			k.tell(fmt.Sprintf("the record of what held the decoder back could not be taken back, so that the next start will be held back by it; it is tried again every %v: %v", k.again, err))
			told = "nothing"
		case err != nil && what != "" && told != what:
			k.tell(fmt.Sprintf("THE %s COULD NOT BE PUT ON RECORD, so that a decoder that is started again may not know of it (controllers that stand by a stop tell it); it is tried again every %v: %v", what, k.again, err))
			told = what
		}
	}
}

// put makes the file say h, or takes it away where that is nothing.
func (k *keeper) put(h heldBack) error {
	if h.empty() {
		if err := os.Remove(k.path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return atomicfile.Write(k.path, func(w io.Writer) error {
		text, err := json.MarshalIndent(h, "", "  ")
		if err == nil {
			_, err = w.Write(append(text, '\n'))
		}
		return err
	})
}

// keeperWait is how long the end of a session waits for all to be on record.
const keeperWait = 2 * time.Second

// close waits until all is written, or was tried.
func (k *keeper) close() error {
	close(k.want)
	patience := time.NewTimer(keeperWait)
	defer patience.Stop()
	select {
	case <-k.done:
		return nil
	case <-patience.C:
		return fmt.Errorf("%s: not written within %v: the drive does not answer, and a decoder that is started again may not know whether an emergency stop is in force", k.path, keeperWait)
	}
}

// maxWords bounds what is shown of the source of a stop, and of its reason.
const maxWords = 200

// stopWords is what people are shown of a stop. Its words are those of others.
func stopWords(source, why string) string {
	said := "EMERGENCY STOP"
	if s := inLine(source); s != "" {
		said += " by " + s
	}
	if s := inLine(why); s != "" {
		said += ": " + s
	}
	return said
}

// inLine is s without what would break a line or move a cursor, cut to maxWords.
func inLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, "?"))
	if r := []rune(s); len(r) > maxWords {
		s = string(r[:maxWords]) + "…"
	}
	return s
}
