package tablefile

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/arrowipc"
	"github.com/gyrus-bci/gyrus/ingest/pages"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// The keys of the metadata.
const (
	outsideKey = "events_outside"
	othersKey  = "others"
	beginKey   = "begin"
	textsKey   = "texts"

	channelsKey = "event_channels"
)

// mostOthers is how many files may lie beside one: all of them are open at once.
const mostOthers = 100

// Metadata is what the schema of a file says of a recording beside its table.
type Metadata struct {
	Others     []string  // names of files in the same folder
	Begin      time.Time // the zero time where nothing is said
	Texts      []signal.Text
	Deviations []signal.Deviation

	channels string // of events, as it is written
}

// event is one event of the list as it is written.
type event struct {
	Sample   int64  `json:"sample"`
	Onset    number `json:"onset_s"`
	Duration number `json:"duration_s"`
	Label    string `json:"label"`
}

// number is written in quotes where JSON has none for it.
type number float64

// MarshalJSON writes the shortest text that is read back as the same number.
func (n number) MarshalJSON() ([]byte, error) {
	switch v := float64(n); {
	case math.IsNaN(v):
		return []byte(`"NaN"`), nil
	case math.IsInf(v, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(v, -1):
		return []byte(`"-Infinity"`), nil
	default:
		return strconv.AppendFloat(nil, v, 'g', -1, 64), nil
	}
}

// Schema is the schema of the table of rec, with what has no row in it as metadata. others are the names of the files with the
// channels at other rates. It is an error where it could not be read. What is lost of the texts of the header is listed.
func Schema(rec *signal.Recording, others []string) (*arrow.Schema, []signal.Deviation, error) {
	s := signal.Schema(rec.Info)
	md := s.Metadata()
	keys, values := append([]string(nil), md.Keys()...), append([]string(nil), md.Values()...)
	add := func(key string, v any) error {
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		err := enc.Encode(v)
		keys, values = append(keys, key), append(values, strings.TrimSuffix(b.String(), "\n"))
		return err
	}
	var list []event
	for _, e := range rec.Outside() {
		if !utf8.ValidString(e.Label) {
			return nil, nil, fmt.Errorf("event at %g s: label %q is not UTF-8", e.Onset, e.Label)
		}
		list = append(list, event{Sample: e.Sample, Onset: number(e.Onset), Duration: number(e.Duration), Label: e.Label})
	}
	var errs []error
	if list != nil {
		errs = append(errs, add(outsideKey, list))
	}
	if others != nil {
		errs = append(errs, add(othersKey, others))
	}
	if !rec.Begin.IsZero() && rows(rec) == 0 {
		keys, values = append(keys, beginKey), append(values, rec.Begin.UTC().Format(time.RFC3339Nano))
	}
	texts, losses := ingest.EncodeTexts(rec)
	if texts != nil {
		keys, values = append(keys, textsKey), append(values, "["+strings.Join(texts, ",\n")+"]")
	}
	sets, n := setsOf(rec)
	if n > 0 {
		errs = append(errs, add(channelsKey, sets))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	with := func(keys, values []string) *arrow.Schema {
		of := arrow.NewMetadata(keys, values)
		return arrow.NewSchema(s.Fields(), &of)
	}
	whole := with(keys, values)
	if n > 0 && readable(whole) != nil { // of long recordings the samples and events matter more
		last := len(keys) - 1
		whole = with(keys[:last], values[:last])
		losses = append(losses, signal.Deviation{
			Where: "events", Rule: "all that describes a recording is at most 16 MiB", Found: fmt.Sprintf("%d of %d events that are of some channels only", n, len(rec.Events)), Assumed: "written without their channels",
		})
	}
	s = whole
	if err := readable(s); err != nil {
		return nil, nil, fmt.Errorf("%s, with %d events outside the data, cannot be written so that it could be read: %w", rec.Name, len(list), err)
	}
	return s, losses, nil
}

// readable says why s could not be read again: how much a header may hold is bounded, see package arrowipc.
func readable(s *arrow.Schema) error {
	_, head, err := arrowipc.NewEncoder(s)
	if err != nil {
		return err
	}
	m, err := arrowipc.Parse(head)
	if err != nil {
		return err
	}
	if s, err = m.Schema(); err == nil {
		_, err = signal.FileInfoFromSchema(s)
	}
	return err
}

// rows is how many rows the table of rec has.
func rows(rec *signal.Recording) (n int64) {
	for _, run := range rec.Runs() {
		n += run.Len
	}
	return n
}

// Read is the inverse of Schema. The events at samples that are not there are added to events. What is wrong with them, or with the
// names of other files, does not keep the table from being read, and is listed.
func Read(s *arrow.Schema, events *pages.List[signal.Event]) (*signal.Info, *Metadata, error) {
	info, err := signal.FileInfoFromSchema(s)
	if err != nil {
		return nil, nil, err
	}
	m := &Metadata{}
	md := s.Metadata()
	if text, ok := md.GetValue(outsideKey); ok {
		m.list(outsideKey, "events with sample, onset_s, duration_s and label", text, func(p *scanner) bool {
			e, ok := readEvent(p)
			if ok {
				events.Add(e)
			}
			return ok
		})
	}
	if text, ok := md.GetValue(othersKey); ok {
		m.list(othersKey, fmt.Sprintf("at most %d names of files", mostOthers), text, func(p *scanner) bool {
			if len(m.Others) == mostOthers {
				return false
			}
			name, ok := p.text()
			if ok {
				m.Others = append(m.Others, name)
			}
			return ok
		})
	}
	if text, ok := md.GetValue(beginKey); ok {
		if m.Begin, err = time.Parse(time.RFC3339Nano, text); err != nil {
			m.deviate(beginKey, "a date and time (RFC 3339)", fmt.Sprintf("%.80q", text), "unknown")
		}
		m.Begin = m.Begin.UTC()
	}
	if text, ok := md.GetValue(textsKey); ok {
		var texts pages.List[signal.Text]
		m.list(textsKey, fmt.Sprintf("at most %d texts with field and text", ingest.MostTexts), text, func(p *scanner) bool {
			if texts.Len() == ingest.MostTexts {
				return false
			}
			t, ok := readText(p)
			if ok {
				texts.Add(t)
			}
			return ok
		})
		m.Texts = texts.Slice()
	}
	m.channels, _ = md.GetValue(channelsKey)
	return info, m, nil
}

func (m *Metadata) deviate(key, rule, found, assumed string) {
	m.Deviations = append(m.Deviations, signal.Deviation{Where: "metadata " + key, Rule: rule, Found: found, Assumed: assumed})
}

// list reads a list one by one, up to what is wrong.
func (m *Metadata) list(key, of, text string, each func(p *scanner) bool) {
	p := &scanner{s: text}
	if n, ok := p.list(func() bool { return each(p) }); !ok {
		m.deviate(key, "a JSON list of "+of, fmt.Sprintf("something else at byte %d of %d", p.at, len(text)), fmt.Sprintf("the %d before it", n))
		m.Deviations[len(m.Deviations)-1].Missing = key != textsKey && key != channelsKey
	}
}

// readEvent reads an event, which must have sample and onset_s. Other keys than those that Schema writes are left to others.
func readEvent(p *scanner) (e signal.Event, ok bool) {
	placed, timed := false, false
	ok = p.object(func(key string) (ok bool) {
		switch key {
		case "sample":
			e.Sample, ok = p.whole()
			placed = ok
		case "onset_s":
			e.Onset, ok = p.number()
			timed = ok
		case "duration_s":
			e.Duration, ok = p.number()
		case "label":
			e.Label, ok = p.text()
		default:
			ok = p.skip()
		}
		return ok
	})
	return e, ok && placed && timed
}

// readText reads a text of the header as ingest.EncodeTexts writes it: what ingest.DecodeText does, in little memory.
func readText(p *scanner) (t signal.Text, ok bool) {
	t.Personal = true
	ok = p.object(func(key string) (ok bool) {
		switch key {
		case "field":
			t.Field, ok = p.text()
		case "channel":
			t.Channel, ok = p.text()
		case "text":
			t.Text, ok = p.text()
		case "personal":
			var word string
			word, ok = p.word()
			t.Personal, ok = word == "true", ok && (word == "true" || word == "false")
		default:
			ok = p.skip()
		}
		return ok
	})
	return t, ok && t.Field != "" && t.Text != ""
}
