package bids

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// required are the fields that a sidecar must have (BIDS 1.10, "Sidecar JSON" of EEG, iEEG and MEG).
var required = map[string][]string{
	"eeg":  {"TaskName", "EEGReference", "SamplingFrequency", "PowerLineFrequency", "SoftwareFilters"},
	"ieeg": {"TaskName", "iEEGReference", "SamplingFrequency", "PowerLineFrequency", "SoftwareFilters"},
	"meg":  {"TaskName", "SamplingFrequency", "PowerLineFrequency", "DewarPosition", "SoftwareFilters", "DigitizedLandmarks", "DigitizedHeadPoints"},
}

// about compares the sidecar of the recording with its header, and keeps what it says in words.
func (c *completion) about(suffix string) {
	s, file := c.in.About, c.in.AboutFile
	var missing []string
	for _, field := range required[suffix] {
		if !s.Has(field) {
			missing = append(missing, field)
		}
	}
	if len(s.Keys()) == 0 {
		c.deviate(c.rel, "a _"+suffix+".json for it", "none", "what the header of the recording says")
		return
	}
	if len(missing) > 0 {
		c.deviate(file, "the fields "+strings.Join(required[suffix], ", "), "no "+strings.Join(missing, ", "), "nothing")
	}
	if rate, ok := c.number(file, "SamplingFrequency"); ok && c.rec.Info.Rate > 0 && math.Abs(rate/c.rec.Info.Rate-1) > sameRate {
		c.deviate(file+": SamplingFrequency", fmt.Sprintf("the rate of the recording, %g Hz", c.rec.Info.Rate), fmt.Sprintf("%g", rate), "the rate of the recording")
	}
	if line, ok := c.number(file, "PowerLineFrequency"); ok && !(line > 0) {
		c.deviate(file+": PowerLineFrequency", "a frequency above 0, or n/a", fmt.Sprintf("%g", line), "nothing")
	}
	if stated, ok := c.number(file, "RecordingDuration"); ok && c.rec.Info.Rate > 0 {
		// Written as the time of the last sample, or rounded to seconds, it is right as well.
		// Programs that take the samples of an interrupted recording as a whole do not count its gaps.
		l := lay(c.rec.FileRuns(), c.rec.Info.Rate)
		length, near := seconds(c.rec, c.rec.FileRuns()), 1+2/c.rec.Info.Rate
		if math.Abs(stated-length) > near && math.Abs(stated-float64(l.n)/l.rate) > near {
			c.deviate(file+": RecordingDuration", fmt.Sprintf("the length of the recording, %.6g s", length), fmt.Sprintf("%g", stated), "the length of the recording")
		}
	}
	c.reference(suffix, file)
	c.counts()
	c.texts(s)
}

// number is a field of the sidecar that must be one, or n/a.
func (c *completion) number(file, field string) (v float64, ok bool) {
	raw := c.in.About.Raw(field)
	if raw == nil || string(raw) == `"n/a"` || string(raw) == "null" {
		return 0, false
	}
	if err := json.Unmarshal(raw, &v); err == nil {
		return v, true
	}
	c.deviate(file+": "+field, "a number, or n/a", fmt.Sprintf("%.60s", raw), "nothing")
	return 0, false
}

// reference takes over the reference, unless the table of channels has said a common one. Channels at other rates have it where they are EEG and
// the table says no reference of any channel.
func (c *completion) reference(suffix, file string) {
	field := map[string]string{"eeg": "EEGReference", "ieeg": "iEEGReference"}[suffix]
	text := ""
	if _, err := c.in.About.Get(field, &text); err != nil {
		c.deviate(file+": "+field, "text", fmt.Sprintf("%.60s", c.in.About.Raw(field)), "nothing")
	}
	each := c.in.Channels != nil && c.in.Channels.find("reference", func(cell string) bool { return cell != Missing }) >= 0
	for _, r := range append([]*signal.Recording{c.rec}, c.rec.Others...) {
		if r != c.rec && (each || !hasEEG(r)) {
			continue
		}
		if r.Info.Reference == c.header && text != "" && text != Missing {
			info := *r.Info
			info.Reference = text
			r.Info = &info
		}
	}
	if now := c.rec.Info.Reference; c.header != "" && !strings.EqualFold(c.header, now) {
		c.deviate(file+": "+field, fmt.Sprintf("the reference in the header of the recording, %q", c.header), fmt.Sprintf("%q", now), fmt.Sprintf("%q", now))
	}
}

// texts keeps the fields that are words, numbers or yes and no, and others that may say who was recorded.
func (c *completion) texts(s Sidecar) {
	for _, key := range s.Keys() {
		var v any
		if _, err := s.Get(key, &v); err != nil {
			continue // it was read once already: it is JSON
		}
		text := ""
		switch v := v.(type) {
		case string:
			text = v
		case float64:
			text = strconv.FormatFloat(v, 'g', -1, 64)
		case bool:
			text = strconv.FormatBool(v)
		}
		if raw := s.Raw(key); text == "" && !impersonal(aboutKeys, key) && string(raw) != "null" && string(raw) != `""` {
			text = fmt.Sprintf("%.1000s", raw) // in which anything may be
		}
		if text == "" || text == Missing {
			continue
		}
		c.rec.Texts = append(c.rec.Texts, signal.Text{Field: key, Text: text, Personal: !impersonal(aboutKeys, key)})
	}
}
