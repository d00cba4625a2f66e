package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// StopFile is where the emergency stop of a session is kept for a decoder that is started again: beside the session file, one
// for each decoder. It is there while a stop is in force.
func StopFile(sessionFile, session, decoder string) string {
	return filepath.Join(filepath.Dir(sessionFile), session+"."+decoder+".stopped.json")
}

// keptStop is what a StopFile holds.
type keptStop struct {
	V       int       `json:"v"`
	Session string    `json:"session"`
	Decoder string    `json:"decoder"`
	Time    time.Time `json:"time"` // when it came
	Source  string    `json:"source,omitempty"`
	Why     string    `json:"why,omitempty"`
}

// maxStopFile is more than a StopFile of ours has.
const maxStopFile = 1 << 20

// readStop is the stop that path keeps, nil where none is in force.
func readStop(path, session, decoder string) (*keptStop, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxStopFile))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	k := &keptStop{}
	if err := json.Unmarshal(text, k); err != nil {
		return nil, fmt.Errorf("%s: byte 0: is no record of a stop: %w", path, err)
	}
	if k.V != bus.Version || k.Session != session || k.Decoder != decoder {
		return nil, fmt.Errorf("%s: is version %d of decoder %q in session %q, must be version %d of %q in %q", path, k.V, k.Decoder, k.Session, bus.Version, decoder, session)
	}
	return k, nil
}

// tryWrite says why path could not be written.
func tryWrite(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// stopKeeper writes a StopFile from a goroutine of its own: a drive that does not answer holds up no session.
type stopKeeper struct {
	path string
	tell func(string)
	want chan *keptStop // the newest wins; nil: none is in force
	done chan struct{}
}

func newStopKeeper(path string, tell func(string)) *stopKeeper {
	k := &stopKeeper{path: path, tell: tell, want: make(chan *keptStop, 1), done: make(chan struct{})}
	go k.run()
	return k
}

// keep is for one goroutine.
func (k *stopKeeper) keep(s *keptStop) {
	select {
	case <-k.want:
	default:
	}
	k.want <- s // there is room: only this goroutine fills it
}

func (k *stopKeeper) run() {
	defer close(k.done)
	for s := range k.want {
		if s == nil {
			if err := os.Remove(k.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				k.tell(fmt.Sprintf("the record of the emergency stop could not be removed, so that the next start will be paused: %v", err))
			}
			continue
		}
		err := atomicfile.Write(k.path, func(w io.Writer) error {
			text, err := json.MarshalIndent(s, "", "  ")
			if err == nil {
				_, err = w.Write(append(text, '\n'))
			}
			return err
		})
		if err != nil {
			k.tell(fmt.Sprintf("THE EMERGENCY STOP COULD NOT BE PUT ON RECORD: a decoder that is started again learns of it from controllers that still stand alone: %v", err))
		}
	}
}

// keeperWait is how long the end of a session waits for a stop to be on record.
const keeperWait = 2 * time.Second

// close waits until all is written.
func (k *stopKeeper) close() error {
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

// recall begins the session paused where a stop is on record, and says what it cannot know.
func (e *engine) recall() {
	if e.opt.StopFile == "" {
		return
	}
	s, err := readStop(e.opt.StopFile, e.opt.Commands.Session(), e.opt.Commands.Decoder())
	e.keeper = newStopKeeper(e.opt.StopFile, e.note)
	switch {
	case err != nil:
		e.halt("it is not known whether an emergency stop is in force: "+err.Error(), bus.Stop{}, time.Now())
	case s != nil:
		e.halt(fmt.Sprintf("%s (on record since %s)", stopWords(s.Source, s.Why), s.Time.Local().Format(time.DateTime)), bus.Stop{Source: s.Source, Why: s.Why}, s.Time)
	default:
		if err := tryWrite(e.opt.StopFile); err != nil {
			e.note(fmt.Sprintf("an emergency stop cannot be put on record for a decoder that is started again: %v", err))
		}
		e.note(fmt.Sprintf("no emergency stop is on record in %s; controllers that still stand by one say so", e.opt.StopFile))
	}
}

// halt holds commands back from a stop that came at since.
func (e *engine) halt(words string, s bus.Stop, since time.Time) {
	e.stopped, e.paused = words, true
	e.rep.Stops++
	e.opt.Commands.Stopped(&s, since)
	e.log(record.KindStop, e.at, record.Detail{Why: words})
	e.note(words + ": no commands are sent until an operator resumes the session")
	e.beat()
	e.look(time.Now())
}

// obey holds commands back behind an emergency stop, whether it was heard or others say that it is in force.
func (e *engine) obey() {
	if s := e.stop.Swap(nil); s != nil && e.stopped == "" { // a stop is sent again and again
		e.keepStop(s.Stop, s.at)
		e.halt(stopWords(s.Source, s.Why), s.Stop, s.at)
	}
	a := e.standing.Swap(nil)
	if a == nil || e.stopped != "" {
		return
	}
	since := a.at.Add(-ms(a.SinceMS))
	if !since.After(e.resumed) { // an operator has seen that one, and let the session go on
		return
	}
	s := bus.Stop{Source: a.Source, Why: a.Why}
	e.keepStop(s, since)
	e.halt(fmt.Sprintf("%s (%.1f s before, says %s of decoder %s)", stopWords(s.Source, s.Why), a.SinceMS/1e3, a.Controller, a.Decoder), s, since)
}

// keepStop puts a stop on record.
func (e *engine) keepStop(s bus.Stop, since time.Time) {
	if e.keeper != nil {
		e.keeper.keep(&keptStop{V: bus.Version, Session: e.opt.Commands.Session(), Decoder: e.opt.Commands.Decoder(), Time: since.UTC().Round(0), Source: inLine(s.Source), Why: inLine(s.Why)})
	}
}

// lift ends a stop: an operator has resumed the session.
func (e *engine) lift() {
	e.stopped, e.resumed = "", time.Now()
	e.opt.Commands.Stopped(nil, time.Time{})
	if e.keeper != nil {
		e.keeper.keep(nil)
	}
}
