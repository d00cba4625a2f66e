package bci2000

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

const (
	headerBytes = 16 << 20
	maxChannels = 1 << 11 // more than any amplifier has: a header that says more would take memory for which there is no file
	maxStates   = 1 << 14 // bytes of the vector
)

// header is what the header says.
type header struct {
	version        string
	bytes, states  int64 // of the header, of the state vector
	typ            flatfile.Type
	begin          time.Time
	info           *signal.Info
	gains, offsets []float64
	units          []string // of the channels, as the file has them
	list           []state
	taken          int64       // bits of all states
	block          int64       // samples that are processed at once: states change at its first one, mostly; 0 where it does not say
	people         [][2]string // parameters that may name somebody, and what they say
}

// personal are the parameters of BCI2000 that may say who was recorded, or by whom: names of folders and files begin with that of the
// subject (BCI2000 wiki, "User Reference:DataStorage").
var personal = []string{
	"SubjectName", "SubjectID", "SubjectYearOfBirth", "SubjectSex", "SubjectGender", "SubjectAge", "SubjectHandedness", "OperatorName", "ExperimenterName", "Investigator",
	"InvestigatorName", "InstitutionName", "Comment", "Comments", "DataDirectory", "DataFile", "FileInitials", "SessionName", "SubjectSession",
}

// state is a number within the state vector.
type state struct {
	name      string
	bits, bit int64 // how many, and the first, counted from that of the lowest value in the first byte
}

var types = map[string]flatfile.Type{"": flatfile.Int16, "int16": flatfile.Int16, "int32": flatfile.Int32, "float32": flatfile.Float32}

// parameter is one of the section [ Parameter Definition ].
type parameter struct {
	values []string
	list   bool
	at     int64
}

func readHeader(src *flatfile.Source) (*header, error) {
	top, err := src.Bytes(0, min(512, src.Size), "first line")
	if err != nil {
		return nil, err
	}
	line, _, found := strings.Cut(string(top), "\n")
	if !found {
		return nil, src.Errorf(0, "first line", "has no end within %d bytes", len(top))
	}
	words := strings.Fields(line)
	field := map[string]string{}
	for i := 0; i+1 < len(words); i++ {
		if key, ok := strings.CutSuffix(words[i], "="); ok {
			field[key] = words[i+1]
		}
	}
	h := &header{version: field["BCI2000V"], info: &signal.Info{}}
	if h.version == "" {
		h.version = "1.0"
	}
	channels := int64(0)
	for _, f := range []struct {
		key         string
		to          *int64
		least, most int64
	}{{"HeaderLen", &h.bytes, int64(len(line)), min(src.Size, headerBytes)}, {"SourceCh", &channels, 1, maxChannels}, {"StatevectorLen", &h.states, 0, maxStates}} {
		v, err := strconv.ParseInt(field[f.key], 10, 64)
		if err != nil || v < f.least || v > f.most {
			return nil, src.Errorf(int64(max(0, strings.Index(line, f.key))), f.key, "is %q, must be a whole number from %d to %d", field[f.key], f.least, f.most)
		}
		*f.to = v
	}
	typ, known := types[field["DataFormat"]]
	if !known {
		return nil, src.Errorf(int64(strings.Index(line, "DataFormat")), "DataFormat", "is %q, must be int16, int32 or float32", field["DataFormat"])
	}
	h.typ = typ
	raw, err := src.Bytes(0, h.bytes, "header")
	if err != nil {
		return nil, err
	}
	params := h.lines(src, raw)
	return h, h.describe(src, params, channels)
}

// lines reads the sections below the first line.
func (h *header) lines(src *flatfile.Source, raw []byte) map[string]parameter {
	params, section, at := map[string]parameter{}, "", int64(0)
	for line := range strings.Lines(string(raw)) {
		start := at
		at += int64(len(line))
		text, _ := src.Text([]byte(strings.TrimRight(line, "\r\n\x00 ")))
		switch {
		case start == 0 || text == "":
		case strings.HasPrefix(text, "["):
			section = strings.ToLower(strings.Trim(text, "[] "))
		case section == "state vector definition":
			h.state(src, start, strings.Fields(text))
		case section == "parameter definition":
			left, right, found := strings.Cut(text, "=")
			words := strings.Fields(left)
			if !found || len(words) < 2 {
				src.Deviate(start, "Parameter Definition", "section type name= value", fmt.Sprintf("%.60q", text), "the line is passed over")
				continue
			}
			right, _, _ = strings.Cut(right, "//")
			typ := words[len(words)-2]
			params[words[len(words)-1]] = parameter{strings.Fields(right), strings.HasSuffix(typ, "list"), start}
		}
	}
	return params
}

// state reads "name bits default byte bit".
func (h *header) state(src *flatfile.Source, at int64, words []string) {
	var v [4]int64
	err := error(nil)
	for i := 0; i < 4 && len(words) >= 5 && err == nil; i++ {
		v[i], err = strconv.ParseInt(words[i+1], 10, 32)
	}
	bits, bit := v[0], 8*v[2]+v[3]
	if len(words) < 5 || err != nil || bits < 1 || bits > 64 || v[2] < 0 || v[3] < 0 || v[3] > 7 || bit+bits > 8*h.states {
		src.Omit(at, "State Vector Definition", fmt.Sprintf("name, bits, default, byte and bit within %d bytes", h.states), fmt.Sprintf("%.60q", strings.Join(words, " ")), "the state is left out")
		return
	}
	if h.taken += bits; h.taken > 8*h.states { // else a short header could make any number of events of each byte
		src.Omit(at, "State Vector Definition", fmt.Sprintf("states have no more than the %d bits of the vector", 8*h.states), fmt.Sprintf("%d with %.60q", h.taken, words[0]), "the state is left out")
		return
	}
	h.list = append(h.list, state{words[0], bits, bit})
}

// items are the values of a list parameter, without their number in front, or the labels in braces that may stand for it; nil where it is missing or
// not as long as it says.
func (p parameter) items() []string {
	if !p.list || len(p.values) == 0 {
		return nil
	}
	n, rest := -1, p.values[1:]
	if p.values[0] != "{" {
		if number, err := strconv.Atoi(p.values[0]); err == nil {
			n = number
		}
	} else if n = slices.Index(rest, "}"); n >= 0 {
		rest = rest[n+1:]
	}
	if n < 0 || n > len(rest) {
		return nil
	}
	out := make([]string, n)
	for i := range out {
		out[i] = decoded(rest[i])
	}
	return out
}

// decoded is a value as it was before it was written down: %20 is a space, and % alone an empty text.
func decoded(value string) string {
	if value == "%" {
		return ""
	}
	if s, err := url.PathUnescape(value); err == nil {
		return s
	}
	return value
}

// unscaled is what is taken for a channel of which the header does not say what the stored numbers stand for.
const unscaled = "the numbers that are stored, without a unit; write the true gain to have their values"

// number reads a number that may have a unit behind it: "0.1muV", "256Hz".
func number(text string) (v float64, unit string, err error) {
	end := 0
	for end < len(text) && strings.IndexByte("+-.0123456789", text[end]) >= 0 || end+1 < len(text) && (text[end] == 'e' || text[end] == 'E') && strings.IndexByte("+-0123456789", text[end+1]) >= 0 {
		end++
	}
	v, err = strconv.ParseFloat(text[:end], 64)
	return v, text[end:], err
}

// describe makes channels and scales of the parameters.
func (h *header) describe(src *flatfile.Source, params map[string]parameter, n int64) error {
	rate := params["SamplingRate"]
	r := 0.0
	if len(rate.values) > 0 {
		r, _, _ = number(rate.values[0]) // a text is no rate above 0
	}
	if !(r > 0) || r > 1e9 {
		return src.Errorf(rate.at, "SamplingRate", "is %q, must be a rate above 0", strings.Join(rate.values, " "))
	}
	h.info.Rate = r
	if size := params["SampleBlockSize"].values; len(size) > 0 {
		if n, err := strconv.ParseInt(size[0], 10, 64); err == nil {
			h.block = n
		}
	}
	h.offsets, h.gains = make([]float64, n), make([]float64, n)
	scales := make([]units.Scale, n)
	h.units = make([]string, n)
	for i := range h.gains {
		h.gains[i], h.units[i] = 1, "µV"
		scales[i] = units.Parse(h.units[i])
	}
	gains, offsets := params["SourceChGain"], params["SourceChOffset"]
	if items := gains.items(); int64(len(items)) == n {
		for i, text := range items {
			g, unit, err := number(text)
			if err != nil || g-g != 0 {
				return src.Errorf(gains.at, "SourceChGain", "%q of channel %d must be a number", text, i+1)
			}
			if g == 0 { // mostly nothing was connected, and the others are as good as ever
				src.Deviate(gains.at, "SourceChGain", "is not 0", fmt.Sprintf("%q of channel %d", text, i+1), unscaled)
				g, unit = 1, ""
				h.units[i], scales[i] = "", units.Parse("")
			}
			if unit != "" {
				h.units[i] = strings.Replace(unit, "mu", "µ", 1)
				scales[i] = units.Parse(h.units[i])
			}
			h.gains[i] = scales[i].Apply(g)
		}
	} else {
		src.Deviate(gains.at, "SourceChGain", fmt.Sprintf("has %d values", n), strconv.Itoa(len(items)), "1: stored numbers are µV")
	}
	if items := offsets.items(); int64(len(items)) == n {
		for i, text := range items {
			o, _, err := number(text)
			if err != nil || o-o != 0 {
				return src.Errorf(offsets.at, "SourceChOffset", "%q of channel %d must be a number", text, i+1)
			}
			if h.units[i] != "" { // else it has no scale
				h.offsets[i] = o
			}
		}
	} else {
		src.Deviate(offsets.at, "SourceChOffset", fmt.Sprintf("has %d values", n), strconv.Itoa(len(items)), "0")
	}
	names := params["ChannelNames"]
	labels := names.items()
	if int64(len(labels)) != n {
		src.Deviate(names.at, "ChannelNames", fmt.Sprintf("has %d names", n), strconv.Itoa(len(labels)), "channels are numbered")
		labels = make([]string, n)
		for i := range labels {
			labels[i] = fmt.Sprintf("channel %d", i+1)
		}
	}
	h.info.Channels = src.Channels(labels, func(int) int64 { return names.at })
	for i := range h.info.Channels {
		h.info.Channels[i].Unit = scales[i].Unit
	}
	for _, name := range personal {
		if words := params[name].values; len(words) > 0 { // behind the first stand the default and the range
			h.people = append(h.people, [2]string{name, decoded(words[0])})
		}
	}
	h.begin = storageTime(src, params["StorageTime"])
	return nil
}

// storageTime is when recording began; the format has no time zone, so it is taken for UTC.
func storageTime(src *flatfile.Source, p parameter) time.Time {
	text := ""
	if len(p.values) > 0 {
		text = decoded(p.values[0])
	}
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{"Mon Jan _2 15:04:05 2006", "2006-01-02T15:04:05", time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	src.Deviate(p.at, "StorageTime", "is like Wed Aug 12 09:32:10 2009 or 2009-08-12T09:32:10", fmt.Sprintf("%.60q", text), "the begin is not known")
	return time.Time{}
}
