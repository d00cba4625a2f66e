package record

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/xdf"
)

// xdfSink is one file of XDF. Stamps are seconds since 1970 on the clock of this machine, to which the times of the samples
// have been corrected already: the offsets of the file are 0, and what was measured is in the stream of clocks.
type xdfSink struct {
	file                                     *counted
	w                                        *xdf.Writer
	signals, events, decisions, clocks, logs uint32
	stamps                                   []float64
	next                                     time.Time // of the offsets
}

func newXDF(create func(string) (file, error), name string, opt Options) (sink, error) {
	f, err := create(name)
	if err != nil {
		return nil, err
	}
	s := &xdfSink{file: &counted{file: f}}
	if s.w, err = xdf.NewWriter(s.file, time.Now()); err != nil {
		return s, err
	}
	base := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	host, _ := os.Hostname() // for people; "" where it is not known
	kind := "EEG"
	if c := opt.Info.Channels[0]; c.Kind != signal.EEG {
		kind = strings.ToUpper(string(c.Kind))
	}
	add := func(h xdf.StreamHeader) uint32 {
		id, e := s.w.AddStream(h)
		err = errors.Join(err, e)
		return id
	}
	s.signals = add(xdf.StreamHeader{
		Name: base, Type: kind, Format: "double64", Rate: opt.Info.Rate, SourceID: base, Hostname: host, Reference: opt.Info.Reference, Channels: opt.Info.Channels, CanDrop: true,
	})
	s.events = add(xdf.StreamHeader{Name: base + "-events", Type: "Markers", Format: "string", SourceID: base + "-events", Hostname: host, Channels: []signal.Channel{{Name: "event", Original: "event"}}})
	s.clocks = add(xdf.JournalHeader(base+"-clock", xdf.JournalClock, host))
	s.logs = add(xdf.JournalHeader(base+"-log", xdf.JournalLog, host))
	if opt.Outputs != nil {
		s.decisions = add(xdf.JournalHeader(base+"-decisions", xdf.JournalDecisions, host))
		about, e := json.Marshal(struct {
			Outputs []string `json:"outputs"`
			About   any      `json:"about"`
		}{opt.Outputs, opt.About})
		if err = errors.Join(err, e); err == nil {
			err = s.w.Texts(s.decisions, []float64{seconds(time.Now().UnixNano())}, [][]string{{string(about)}})
		}
	}
	return s, err
}

func seconds(ns int64) float64 { return float64(ns) / 1e9 }

func (s *xdfSink) samples(c signal.Chunk) error {
	s.stamps = s.stamps[:0]
	for t := range c.Len() {
		s.stamps = append(s.stamps, seconds(c.TimeAt(c.Start+int64(t))))
	}
	if err := s.w.Samples(s.signals, s.stamps, c.X); err != nil {
		return err
	}
	for _, events := range [][]signal.Event{c.Late, c.Events} {
		for _, e := range events {
			if err := s.w.Texts(s.events, []float64{seconds(c.TimeAt(e.Sample))}, [][]string{{e.Label}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// orNull is a number that JSON has none for where it is not finite: what a decoder that goes wrong decides is recorded too.
type orNull float64

func (v orNull) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(v))
}

func (s *xdfSink) decision(d Decision) error {
	var values []orNull
	for _, v := range d.Values {
		values = append(values, orNull(v))
	}
	text, err := json.Marshal(struct {
		Start      int64    `json:"start"`
		End        int64    `json:"end"`
		TSample    int64    `json:"t_sample_ns"`
		TArrived   int64    `json:"t_arrived_ns"`
		Kind       string   `json:"kind"`
		Label      string   `json:"label,omitempty"`
		Confidence orNull   `json:"confidence"`
		Values     []orNull `json:"values,omitempty"`
		Rejected   string   `json:"rejected,omitempty"`
		Model      string   `json:"model_sha256,omitempty"`
		Fate       Fate     `json:"fate,omitempty"`
		Seq        uint64   `json:"seq,omitempty"`
	}{d.Start, d.End, d.TSample, d.TArrived, d.Kind, d.Label, orNull(d.Confidence), values, d.Rejected, d.Model, d.Fate, d.Seq})
	if err != nil {
		return err
	}
	return s.w.Texts(s.decisions, []float64{seconds(d.TDecided)}, [][]string{{string(text)}})
}

func (s *xdfSink) clock(c Clock) error {
	text, err := json.Marshal(struct {
		Stream string        `json:"stream"`
		Health signal.Health `json:"health"`
	}{c.Stream, c.Health})
	if err != nil {
		return err
	}
	return s.w.Texts(s.clocks, []float64{seconds(c.Time)}, [][]string{{string(text)}})
}

func (s *xdfSink) log(e Entry) error { return logText(s.w, s.logs, e) }

// logText writes a line of a log.
func logText(w *xdf.Writer, id uint32, e Entry) error {
	text, err := json.Marshal(struct {
		Kind   Kind   `json:"kind"`
		Sample int64  `json:"sample"`
		Detail Detail `json:"detail"`
	}{e.Kind, e.Sample, e.Detail})
	if err != nil {
		return err
	}
	return w.Texts(id, []float64{seconds(e.Time)}, [][]string{{string(text)}})
}

// unwritten is nothing: each chunk of the file is written as it comes.
func (s *xdfSink) unwritten() Stats { return Stats{} }

// offsetsEvery is how often the offsets of all streams, which are 0, are written: readers take a stream without any for one
// on a clock of its own.
const offsetsEvery = 5 * time.Second

func (s *xdfSink) flush() error { return s.offsets(false) }

func (s *xdfSink) offsets(last bool) error {
	now := time.Now()
	if now.Before(s.next) && !last {
		return nil
	}
	s.next = now.Add(offsetsEvery)
	var all error
	for _, id := range []uint32{s.signals, s.events, s.clocks, s.logs, s.decisions} {
		if id != 0 {
			all = errors.Join(all, s.w.ClockOffset(id, seconds(now.UnixNano()), 0))
		}
	}
	return all
}

func (s *xdfSink) sync() error { return s.file.Sync() }

func (s *xdfSink) close() error {
	var err error
	if s.w != nil {
		err = errors.Join(s.offsets(true), s.w.Close())
	}
	return errors.Join(err, s.file.Sync(), s.file.Close())
}

func (s *xdfSink) written() int64 { return s.file.n }
