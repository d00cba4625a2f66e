package tablefile_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/pages"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/tablefile"
)

// TestMetadata: what others write as metadata is read as far as it can be, and the rest listed; none of it keeps the table from being read.
func TestMetadata(t *testing.T) {
	a := signal.Event{Sample: -5, Onset: -0.5, Label: "a"}
	for name, c := range map[string]struct {
		key, text string
		events    []signal.Event
		others    []string
		listed    string
	}{
		"as written":        {"events_outside", `[{"sample":-5,"onset_s":-0.5,"duration_s":0,"label":"a"}]`, []signal.Event{a}, nil, ""},
		"spaces, more keys": {"events_outside", ` [ {"hed":{"x":[1]},"label":"a", "onset_s":-5e-1, "sample":-5} ] `, []signal.Event{a}, nil, ""},
		"none":              {"events_outside", `[]`, nil, nil, ""},
		"no list":           {"events_outside", `{"sample":-5}`, nil, nil, "something else at byte 0 of 13"},
		"no JSON":           {"events_outside", `sample`, nil, nil, "something else at byte 0 of 6"},
		"cut off":           {"events_outside", `[{"sample":-5,"onset_s":-0.5,"label":"a"},{"sample":7`, []signal.Event{a}, nil, "something else at byte"},
		"no end":            {"events_outside", `[{"sample":-5,"onset_s":-0.5,"label":"a"}`, []signal.Event{a}, nil, "something else at byte"},
		"no onset":          {"events_outside", `[{"sample":-5,"onset_s":-0.5,"label":"a"},{"sample":7},{"sample":8,"onset_s":1}]`, []signal.Event{a}, nil, "something else at byte"},
		"onset null":        {"events_outside", `[{"sample":-5,"onset_s":null}]`, nil, nil, "something else at byte"},
		"sample of 2.5":     {"events_outside", `[{"sample":2.5,"onset_s":1}]`, nil, nil, "something else at byte"},
		"sample too large":  {"events_outside", `[{"sample":9223372036854775808,"onset_s":1}]`, nil, nil, "something else at byte"},
		"more behind it":    {"events_outside", `[{"sample":-5,"onset_s":-0.5,"label":"a"}] x`, []signal.Event{a}, nil, "something else at byte 43 of 44"},
		"a comma too many":  {"events_outside", `[{"sample":-5,"onset_s":-0.5,"label":"a"},]`, []signal.Event{a}, nil, "something else at byte 42 of 43"},
		"a NUL behind it":   {"events_outside", "[]\x00", nil, nil, "something else at byte 2 of 3"},
		"a bad escape":      {"events_outside", `[{"sample":-5,"onset_s":-0.5,"label":"\x"}]`, nil, nil, "something else at byte"},
		"a tab in a text":   {"events_outside", "[{\"sample\":-5,\"onset_s\":-0.5,\"label\":\"\t\"}]", nil, nil, "something else at byte"},
		"an open quote":     {"events_outside", `[{"sample":-5,"onset_s":-0.5,"label":"a\"`, nil, nil, "something else at byte"},
		"skipped, no end":   {"events_outside", `[{"x":[{"y":"]"`, nil, nil, "something else at byte"},
		"another word":      {"events_outside", `[{"sample":1,"onset_s":"soon"}]`, nil, nil, "something else at byte"},
		"others":            {"others", `["a.arrow","b.arrow"]`, nil, []string{"a.arrow", "b.arrow"}, ""},
		"others of numbers": {"others", `["a.arrow",2]`, nil, []string{"a.arrow"}, "something else at byte"},
		"too many others":   {"others", `["a"` + strings.Repeat(`,"a"`, 100) + `]`, nil, slices.Repeat([]string{"a"}, 100), "something else at byte"},
		"no date":           {"begin", "yesterday", nil, nil, `"yesterday"`},
	} {
		s := signal.Schema(ingesttest.Gapped().Info)
		md := s.Metadata()
		of := arrow.NewMetadata(append(slices.Clone(md.Keys()), c.key), append(slices.Clone(md.Values()), c.text))
		var events pages.List[signal.Event]
		info, m, err := tablefile.Read(arrow.NewSchema(s.Fields(), &of), &events)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(ingesttest.Gapped().Info, info) + cmp.Diff(c.events, events.Slice()) + cmp.Diff(c.others, m.Others) + cmp.Diff(time.Time{}, m.Begin); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		if listed := len(m.Deviations) == 1 && m.Deviations[0].Where == "metadata "+c.key && strings.Contains(m.Deviations[0].Found, c.listed); listed != (c.listed != "") || !listed && len(m.Deviations) > 0 {
			t.Errorf("%s: deviations %+v, want %q", name, m.Deviations, c.listed)
		}
	}
}

// TestRateWithoutChannels: a table of no channels must not say a rate, and a stream of samples must have channels.
func TestRateWithoutChannels(t *testing.T) {
	for rate, want := range map[float64]string{0: "", 100: "none of them a channel"} {
		s := signal.Schema(&signal.Info{Rate: rate})
		_, _, err := tablefile.Read(s, new(pages.List[signal.Event]))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%g Hz: %v, want %q", rate, err, want)
		}
		if _, err := signal.InfoFromSchema(s); err == nil || !strings.Contains(err.Error(), "3 columns") {
			t.Errorf("%g Hz: %v, a stream must have channels", rate, err)
		}
	}
}

// TestTexts: texts are read as encoding/json reads them.
func TestTexts(t *testing.T) {
	for _, text := range []string{
		`plain`, `µ é 漢 🧠`, `\" \\ \/ \b \f \n \r \t`, `\u00b5 \u6f22`, `\ud83e\udde0`, `\ud83e`, `\udde0\ud83e`, `\ud83e\n`, `\ud83ex`, `a\ud83e\u0041`, `\u0000`, "\xff", "\u007f",
		`\u00b`, `\u00bg`, `\`, `\U0041`, "\x01",
	} {
		var want string
		err := json.Unmarshal([]byte(`"`+text+`"`), &want)
		s := signal.Schema(ingesttest.Gapped().Info)
		md := s.Metadata()
		of := arrow.NewMetadata(append(slices.Clone(md.Keys()), "others"), append(slices.Clone(md.Values()), `["`+text+`"]`))
		_, m, rerr := tablefile.Read(arrow.NewSchema(s.Fields(), &of), new(pages.List[signal.Event]))
		switch {
		case rerr != nil:
			t.Errorf("%q: %v", text, rerr)
		case err != nil && len(m.Deviations) == 0:
			t.Errorf("%q: read as %q, is none: %v", text, m.Others, err)
		case err == nil && (len(m.Others) != 1 || m.Others[0] != want):
			t.Errorf("%q: read as %q, want %q", text, m.Others, want)
		}
	}
}

// reference is the events of a list as encoding/json reads it, and whether it is one.
func reference(text string) (events []signal.Event, ok bool) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var list []map[string]any
	if !json.Valid([]byte(text)) || dec.Decode(&list) != nil {
		return nil, false
	}
	number := func(v any) string {
		if n, ok := v.(json.Number); ok {
			return n.String()
		}
		s, _ := v.(string)
		return s
	}
	for _, m := range list {
		sample, err := strconv.ParseInt(number(m["sample"]), 10, 64)
		onset, err2 := strconv.ParseFloat(number(m["onset_s"]), 64)
		e := signal.Event{Sample: sample, Onset: onset}
		var err3 error
		if d, there := m["duration_s"]; there {
			e.Duration, err3 = strconv.ParseFloat(number(d), 64)
		}
		label, there := m["label"]
		if e.Label, ok = label.(string); there && !ok || errors.Join(err, err2, err3) != nil {
			return nil, false
		}
		events = append(events, e)
	}
	return events, true
}

// FuzzEvents: what is read of a list of events that is JSON is what encoding/json reads; of anything else it is at least no panic.
func FuzzEvents(f *testing.F) {
	for _, text := range []string{
		`[{"sample":-5,"onset_s":-0.5,"duration_s":1e3,"label":"\u00b5 \n a"}, {"sample":7,"onset_s":"NaN","x":{"y":[1,"]",null,true]}}]`, `[]`, ` [ { } ] `, `[{"sample":1,"onset_s":2,"l\u0061bel":"b"}]`,
	} {
		f.Add(text)
	}
	s := signal.Schema(ingesttest.Gapped().Info)
	md := s.Metadata()
	f.Fuzz(func(t *testing.T, text string) {
		of := arrow.NewMetadata(append(slices.Clone(md.Keys()), "events_outside"), append(slices.Clone(md.Values()), text))
		var list pages.List[signal.Event]
		_, m, err := tablefile.Read(arrow.NewSchema(s.Fields(), &of), &list)
		if err != nil {
			t.Fatal(err)
		}
		if want, ok := reference(text); len(m.Deviations) == 0 && json.Valid([]byte(text)) && utf8.ValidString(text) {
			if d := cmp.Diff(want, list.Slice(), cmpopts.EquateNaNs()); d != "" || !ok {
				t.Errorf("%q (-encoding/json: %t, +read):\n%s", text, ok, d)
			}
		}
	})
}
