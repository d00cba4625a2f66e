package bids

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// codes are the words that BIDS 1.10 enumerates for fields and columns, in small letters, and those that say which channels a reference is
// made of: no text of anybody.
var codes = strings.Fields(`n/a good bad continuous epoched discontinuous true false l r left right anodal cathodal
	mm cm m pixels hz s ms v mv uv µv nv t ft percent
	average common mean linked mastoid mastoids ear ears earlobe earlobes nose a1 a2 m1 m2 and of the cms drl
	captrak eeglab eeglab-hj ctf 4dbti kityokogawa chietiitab elektaneuromag neuromagelektamegin acpc individual other
	nas lpa rpa nasion inion`)

// coded says whether a text is numbers, units, names of places on the head and words of BIDS alone.
func coded(text string) bool {
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,;+&/", r) }) {
		w = strings.Trim(w, "()[]")
		if _, err := strconv.ParseFloat(w, 64); err == nil || slices.Contains(codes, strings.ToLower(w)) || units.Parse(w).Voltage || montage.Place(w) != nil || w == "n" || w == "a" {
			continue
		}
		return false
	}
	return true
}

// Why something is kept, and what else is left out.
const (
	keptText = "kept: it is a text, look at it"
	dropped  = "left out: it is a text that is no code of BIDS"
)

// texts are all that are in a value of JSON and are no codes, names of fields among them.
func texts(v any) (all []string) {
	switch v := v.(type) {
	case string:
		if !coded(v) && !ours(v) {
			all = append(all, v)
		}
	case []any:
		for _, e := range v {
			all = append(all, texts(e)...)
		}
	case map[string]any:
		for _, key := range sortedKeys(v) {
			if !coded(key) {
				all = append(all, key)
			}
			all = append(all, texts(v[key])...)
		}
	}
	return all
}

// value is what is kept of the value of a field that BIDS defines: all of it, where texts are kept, which then are listed. A field that a
// tree must have stays. ok is false where it is left out.
func (h *hider) value(where string, raw json.RawMessage, needed bool) (ok bool) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		v = string(raw) // it was read once already: it is JSON
	}
	found := texts(v)
	if len(found) == 0 {
		return true
	}
	text := fmt.Sprintf("%.1000s", strings.Join(found, "; "))
	if h.Texts && !needed {
		h.add(where, text, dropped)
		return false
	}
	h.add(where, text, keptText)
	return true
}

// reference is rec without a reference that is no code, where texts are left out. The formats of the samples have room for it. It is listed
// unless the sidecar says the same.
func (a *Anonymous) reference(rec *signal.Recording, found []ingest.Personal) (*signal.Recording, []ingest.Personal) {
	if a == nil {
		return rec, found
	}
	without := func(r *signal.Recording) *signal.Recording {
		text := r.Info.Reference
		if coded(text) {
			return r
		}
		done := keptText
		if a.Texts {
			done = dropped
			out, info := *r, *r.Info
			info.Reference = ""
			out.Info = &info
			r = &out
		}
		if !slices.ContainsFunc(found, func(p ingest.Personal) bool { return p.Found == text }) {
			found = append(found, ingest.Personal{Where: "reference", Found: text, Done: done})
		}
		return r
	}
	out := *without(rec)
	out.Others = slices.Clone(rec.Others)
	for i, r := range out.Others {
		out.Others[i] = without(r)
	}
	return &out, found
}

// described is what is kept of what a sidecar says of a column: units, limits, and HED strings without texts. Descriptions and what levels
// stand for are prose; those that gyrus writes itself are kept.
func (h *hider) described(where string, raw json.RawMessage) (json.RawMessage, bool) {
	var s Sidecar
	if err := s.UnmarshalJSON(raw); err != nil {
		h.add(where, fmt.Sprintf("%.1000s", raw), freeText)
		return nil, false
	}
	var without []string
	changed := false
	for _, key := range s.Keys() {
		at, raw := where+"."+key, s.Raw(key)
		var keep bool
		switch key {
		case "Units", "Maximum", "Minimum", "Delimiter", "Format":
			keep = h.value(at, raw, false)
		case "HED":
			var hed json.RawMessage
			if hed, keep = h.hed(at, raw); keep {
				changed = changed || !bytes.Equal(hed, raw)
				s.put(key, hed)
			}
		default:
			var text string
			if keep = json.Unmarshal(raw, &text) == nil && ours(text); !keep {
				h.add(at, fmt.Sprintf("%.1000s", raw), freeText)
			}
		}
		if !keep {
			without = append(without, key)
		}
	}
	if len(without) == 0 && !changed {
		return raw, true // as it is written
	}
	out, err := s.without(without).MarshalJSON()
	if err != nil {
		return nil, false // which cannot be: it was read
	}
	return out, len(without) < len(s.Keys())
}

// ours says whether gyrus writes this text.
func ours(text string) bool {
	return text == placement || slices.ContainsFunc(eventColumns(nil), func(f jsonField) bool { return f.value.(column).Description == text })
}

// hed is what is kept of a HED string, or of one to a level.
func (h *hider) hed(where string, raw json.RawMessage) (json.RawMessage, bool) {
	var s Sidecar
	if err := s.UnmarshalJSON(raw); err == nil {
		var without []string
		changed := false
		for _, level := range s.Keys() {
			text, ok := h.hed(where+"."+level, s.Raw(level))
			if ok && h.names(level) {
				h.add(where, level, "left out: it has a word of the texts about people")
				ok = false
			}
			if !ok {
				without = append(without, level)
				continue
			}
			changed = changed || !bytes.Equal(text, s.Raw(level))
			s.put(level, text)
		}
		if len(without) == 0 && !changed {
			return raw, true // as it is written
		}
		out, err := s.without(without).MarshalJSON()
		return out, err == nil && len(without) < len(s.Keys())
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		h.add(where, fmt.Sprintf("%.1000s", raw), freeText)
		return nil, false
	}
	kept := h.tags(where, text)
	if kept == text {
		return raw, true
	}
	if kept == "" {
		return nil, false
	}
	out, err := json.Marshal(kept)
	return out, err == nil
}

// proseTags are the tags of HED 8 of which the value is text, or a name.
var proseTags = strings.Fields("description label id pathname url parameter-label parameter-name creation-date")

// tags is a HED string without the tags that hold text, which are listed; values of others that are no numbers are kept and listed.
func (h *hider) tags(where, text string) string {
	if strings.Count(text, "(") != strings.Count(text, ")") {
		h.add(where, text, "left out: it is no HED string, its brackets do not match")
		return ""
	}
	var found []string
	proper := func(tag string) bool {
		parts := strings.Split(tag, "/")
		for _, p := range parts[:len(parts)-1] {
			if slices.Contains(proseTags, strings.ToLower(strings.TrimSpace(p))) {
				h.add(where, tag, freeText)
				return false
			}
		}
		// A word of the schema has no space: that is a text, and so may be what stands behind a slash.
		if last := strings.TrimSpace(parts[len(parts)-1]); strings.Contains(strings.TrimSpace(parts[0]), " ") || len(parts) > 1 && last != "#" && !coded(last) && !strings.HasPrefix(last, "# ") {
			found = append(found, tag)
		}
		return true
	}
	at, changed := 0, false
	var group func() string
	group = func() string {
		var parts []string
		for at < len(text) && text[at] != ')' {
			switch text[at] {
			case ',', ' ', '\t':
				at++
			case '(':
				at++
				if in := group(); in != "" {
					parts = append(parts, "("+in+")")
				}
				at++
			default:
				end := at + strings.IndexAny(text[at:]+",", ",()")
				if tag := strings.TrimSpace(text[at:end]); proper(tag) {
					parts = append(parts, tag)
				} else {
					changed = true
				}
				at = end
			}
		}
		return strings.Join(parts, ", ")
	}
	out := group()
	for at < len(text) { // behind a bracket too many
		at++
		out, changed = strings.Join([]string{out, group()}, ", "), true
	}
	if len(found) > 0 {
		done := keptText
		if h.Texts {
			out, changed, done = "", true, dropped
		}
		h.add(where, fmt.Sprintf("%.1000s", strings.Join(found, ", ")), done)
	}
	if !changed {
		return text
	}
	return out
}
