package brainvision

import (
	"fmt"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
)

const byteOrderMark = "\xef\xbb\xbf"

// headerBytes is the longest header or file of markers.
const headerBytes = 64 << 20

// entry is one line "key=value", or what is not there: the zero entry.
type entry struct {
	key, value string
	at         int64 // of the line's first byte
}

// ini is a file in sections.
type ini struct {
	first    string // the line on top
	sections map[string][]entry
}

// readINI reads all of a header or file of markers. What is below [Comment] is free text, down to the end.
func readINI(src *flatfile.Source) (*ini, error) {
	if src.Size > headerBytes {
		return nil, src.Errorf(0, "header", "has %d bytes, more than %d MiB: this is no header", src.Size, headerBytes>>20)
	}
	raw, err := src.Bytes(0, src.Size, "header")
	if err != nil {
		return nil, err
	}
	at, rest := int64(0), string(raw)
	if after, marked := strings.CutPrefix(rest, byteOrderMark); marked {
		at, rest = int64(len(byteOrderMark)), after
	}
	c := &ini{sections: map[string][]entry{}}
	section, latin, as, top := "", int64(-1), "", true
	for rest != "" {
		line, after, ended := strings.Cut(rest, "\n")
		start := at
		at, rest = at+int64(len(line)+1), after
		text, coding := src.Text([]byte(strings.TrimRight(line, "\r")))
		if coding != "UTF-8" && latin < 0 {
			latin, as = start, coding
		}
		if !ended {
			src.Deviate(start, "line", "ends with its line end", "the file ends within a line: it may have been cut", "it is read as it is")
		}
		if top {
			c.first, top = text, false
			continue
		}
		trimmed := strings.TrimSpace(text)
		switch {
		case trimmed == "" || trimmed[0] == ';':
			continue
		case trimmed[0] == '[' && strings.HasSuffix(trimmed, "]"):
			if section = strings.ToLower(strings.TrimSpace(trimmed[1 : len(trimmed)-1])); section == "comment" {
				rest = ""
			}
			continue
		}
		key, value, found := strings.Cut(text, "=")
		if !found {
			src.Deviate(start, "line", "is key=value", fmt.Sprintf("%.60q in section [%s]", text, section), "it is passed over")
			continue
		}
		c.sections[section] = append(c.sections[section], entry{strings.TrimSpace(key), value, start})
	}
	if latin >= 0 && strings.EqualFold(c.get("common infos", "Codepage").value, "UTF-8") {
		src.Deviate(latin, "Codepage", "text is UTF-8, as the header says", "bytes that are not", "the line is "+as)
	}
	return c, nil
}

// get is an entry, the zero entry where there is none. Keys do not differ in capitals alone.
func (c *ini) get(section, key string) entry {
	for _, e := range c.sections[section] {
		if strings.EqualFold(e.key, key) {
			e.value = strings.TrimSpace(e.value)
			return e
		}
	}
	return entry{key: key}
}

// fields are the values between commas; a comma within one is written \1.
func fields(value string) []string {
	f := strings.Split(value, ",")
	for i := range f {
		f[i] = strings.ReplaceAll(f[i], `\1`, ",")
	}
	return f
}
