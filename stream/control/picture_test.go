package control

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestPicture: the same each time, well-formed, and it shows what it says.
func TestPicture(t *testing.T) {
	p := Picture()
	if p != Picture() {
		t.Error("two pictures differ")
	}
	var words strings.Builder
	for d := xml.NewDecoder(strings.NewReader(p)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(xml.CharData); ok {
			words.Write(text)
		}
	}
	for _, want := range []string{"MOVES", "◎", "go\u00a03", "object\u00a0held", "thumb\u00a0rotation"} {
		if !strings.Contains(words.String(), want) {
			t.Errorf("the picture does not show %q", want)
		}
	}
	if strings.ContainsRune(p, '\x1b') {
		t.Error("an escape sequence is left")
	}
}
