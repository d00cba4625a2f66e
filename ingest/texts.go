package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// MostTexts is how many texts of a header a file is given, and as how many are read from one. 512 channels with two each are a quarter of it.
const MostTexts = 4096

// HeaderTexts is what losses of texts of the header are about.
const HeaderTexts = "texts of the header"

// Reference is what losses of the reference of a recording are about.
const Reference = "reference"

// MainGroup is what losses are about where another group of channels is read as the main one than was.
const MainGroup = "main group of channels"

// ChannelKinds is what losses of what channels are, such as EEG or EOG, are about.
const ChannelKinds = "kind of channels"

// EncodeTexts are the texts of the header of rec, each as one line of JSON in UTF-8, as formats keep them that have a place for words but not
// for these: {"field":"prefiltering","channel":"Cz","text":"HP:0.1Hz","personal":false}. What cannot be kept is listed.
func EncodeTexts(rec *signal.Recording) (lines []string, losses []signal.Deviation) {
	lose := func(rule, found, assumed string) {
		losses = append(losses, signal.Deviation{Where: HeaderTexts, Rule: rule, Found: found, Assumed: assumed})
	}
	texts := rec.Texts
	if n := len(texts); n > MostTexts {
		lose(fmt.Sprintf("there are at most %d", MostTexts), strconv.Itoa(n), "the first of them")
		texts = texts[:MostTexts]
	}
	invalid := 0
	for _, t := range texts {
		if !utf8.ValidString(t.Field) || !utf8.ValidString(t.Channel) || !utf8.ValidString(t.Text) {
			invalid++
		}
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(t); err != nil { // texts and a bool always can be
			lose("is text", fmt.Sprintf("%q: %v", t.Field, err), "left out")
			continue
		}
		lines = append(lines, strings.TrimSuffix(b.String(), "\n"))
	}
	if invalid > 0 {
		lose("is UTF-8", fmt.Sprintf("%d that are not", invalid), "U+FFFD for each byte that is none")
	}
	return lines, losses
}

// DecodeText is the text that such a line says. Other keys are passed over. One that does not say whether it is about people may be.
func DecodeText(line []byte) (t signal.Text, err error) {
	t.Personal = true
	if err := json.Unmarshal(line, &t); err != nil {
		return signal.Text{}, err
	}
	if t.Field == "" || t.Text == "" {
		return signal.Text{}, errors.New("has no field or no text")
	}
	return t, nil
}
