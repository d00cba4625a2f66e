package xdf

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
)

// tree is an element as encoding/xml reads it.
type tree struct {
	name, text string
	kids       []*tree
}

// readTree is the first element of a document, and how many levels it has.
func readTree(text []byte) (root *tree, levels int, err error) {
	dec := xml.NewDecoder(bytes.NewReader(text))
	dec.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	path := []*tree{{}}
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			if len(path[0].kids) == 0 {
				return nil, 0, errors.New("no element")
			}
			return path[0].kids[0], levels, nil
		}
		if err != nil {
			return nil, 0, err
		}
		up := path[len(path)-1]
		switch tok := tok.(type) {
		case xml.StartElement:
			n := &tree{name: tok.Name.Local}
			up.kids, path = append(up.kids, n), append(path, n)
			levels = max(levels, len(path)-1)
		case xml.EndElement:
			up.text = string(bytes.TrimSpace([]byte(up.text)))
			path = path[:len(path)-1]
		case xml.CharData:
			up.text += string(tok)
		}
	}
}

// sameTree compares n with what encoding/xml finds there.
func sameTree(t *testing.T, doc []byte, n node, want *tree) {
	t.Helper()
	if got := n.get(); got != want.text {
		t.Errorf("%q: the text of %q is %q, encoding/xml has %q", doc, want.name, got, want.text)
	}
	seen := map[string]bool{}
	for _, k := range want.kids {
		if seen[k.name] {
			continue
		}
		seen[k.name] = true
		var kids []*tree
		for _, other := range want.kids {
			if other.name == k.name {
				kids = append(kids, other)
			}
		}
		all := n.all(k.name)
		if len(all) != len(kids) || n.count(k.name) != len(kids) {
			t.Fatalf("%q: %q has %d children %q, encoding/xml has %d", doc, want.name, len(all), k.name, len(kids))
		}
		for i := range all {
			sameTree(t, doc, all[i], kids[i])
		}
		if got := n.get(k.name); got != kids[0].text {
			t.Errorf("%q: %q in %q is %q, encoding/xml has %q", doc, k.name, want.name, got, kids[0].text)
		}
	}
}

// compareXML holds parseXML against encoding/xml: what that reads is read, and alike.
func compareXML(t *testing.T, doc []byte) (read bool) {
	t.Helper()
	if !utf8.Valid(doc) { // a byte that is none is U+FFFD here, and an error there
		doc = bytes.ToValidUTF8(doc, []byte("\uFFFD"))
	}
	name, root, err := parseXML(doc)
	want, levels, wantErr := readTree(doc)
	switch {
	case wantErr != nil:
		return err == nil
	case levels > maxDepth:
		if err == nil {
			t.Errorf("%q: %d levels are no error", doc, levels)
		}
		return false
	case err != nil:
		t.Fatalf("%q: %v, encoding/xml reads it", doc, err)
	case name != want.name:
		t.Errorf("%q: the element is called %q, encoding/xml has %q", doc, name, want.name)
	}
	sameTree(t, doc, root, want)
	return true
}

var documents = []string{
	`<?xml version="1.0"?><info><name>A</name><desc><channels><channel><label>Fp1</label></channel><channel/></channels></desc></info>`,
	"<info>\r\n\t<name> two\rlines\r\n </name>\n</info>\n", `<a x='1>2' y = "3"b="4"><b/>t<c>&amp;&lt;&gt;&apos;&quot;&#65;&#x1F600;&#xfffd;</c>u</a>`,
	`<a><![CDATA[<b>&amp;]]]]><![CDATA[>]]>c<!-- no <tag> --></a>`, `<!DOCTYPE info [<!ENTITY x "y>"> <!-- ' --> <!ELEMENT a (b)>]><info>µV</info>`,
	`<p:a xmlns:p="u"><p:b>1</p:b><q:b>2</q:b><:c>3</:c></p:a>`, "\uFEFF<a>1</a><b>2</b> tail", `<a><a><a>1</a>2</a>3</a>`, `<a>` + "x\xffy" + `</a>`, "<a\n></a\t>",
}

// TestXML: documents are read as encoding/xml reads them.
func TestXML(t *testing.T) {
	deep := strings.Repeat("<a>", maxDepth) + "1" + strings.Repeat("</a>", maxDepth)
	for _, doc := range append(documents, deep) {
		if !compareXML(t, []byte(doc)) {
			t.Errorf("%q is not read", doc)
		}
	}
	for _, doc := range []string{
		"", "text", "<", "<a", "<a>", "<a></b>", "</a>", "<a/", "<a / >", "<a></a b>", "<a b></a>", "<a b=1></a>", `<a b="1></a>`, `<a b="<"></a>`, "< a></a>", "<1></1>", "<a>&</a>", "<a>&b;</a>",
		"<a>&#0;</a>", "<a>&#;</a>", "<a>&#x110000;</a>", "<a>&#99999999999999999999;</a>", "<a>\x01</a>", "<a>]]></a>", "<a><![CDATA[</a>", "<!-- <a/>", "<?xml <a/>", "<!DOCTYPE <a/>", "<!DOCTYPE <!-- >",
		"<a>" + deep + "</a>",
	} {
		if _, _, err := parseXML([]byte(doc)); err == nil {
			t.Errorf("%q is read", doc)
		}
	}
}

// TestXMLAllocation: a document of elements and nothing else costs nothing beside its text.
func TestXMLAllocation(t *testing.T) {
	doc := []byte("<info>" + strings.Repeat("<a/>", 1_000_000) + "<name>x</name></info>")
	if got := ingesttest.Allocated(func() {
		_, root, err := parseXML(doc)
		if err != nil || root.get("name") != "x" || root.count("a") != 1_000_000 {
			t.Errorf("the name is %q, %v", root.get("name"), err)
		}
	}); got > 1<<16 {
		t.Errorf("%d bytes for %d of XML", got, len(doc))
	}
}

// FuzzXML: no document gives a panic, and what encoding/xml reads is read alike.
func FuzzXML(f *testing.F) {
	for _, doc := range documents {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) { compareXML(t, doc) })
}
