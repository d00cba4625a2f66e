package registry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// YAML turns a YAML node into JSON for Decode. Keys that stand twice and numbers that JSON cannot hold are errors, which
// name the line.
func YAML(n *yaml.Node) (json.RawMessage, error) {
	var b bytes.Buffer
	if err := writeJSON(&b, n, 0); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// maxDepth is how deep values may be nested.
const maxDepth = 32

// Shallow refuses text with more brackets and braces open at once than YAML takes, before it is parsed: parsing takes about 700 bytes of
// memory for each. One counts where a value can begin, so that a name such as x[0] is none; quotes and comments are not told apart.
func Shallow(text []byte) error {
	open, line, begins := 0, 1, true
	for _, c := range text {
		switch c {
		case '[', '{':
			if begins {
				open++
			}
		case ']', '}':
			open = max(0, open-1)
		case '\n':
			line++
		}
		if open > maxDepth {
			return fmt.Errorf("line %d: nested deeper than %d levels", line, maxDepth)
		}
		begins = strings.IndexByte(" \t\r\n[{,:", c) >= 0
	}
	return nil
}

// Resolve follows an alias to what it stands for.
func Resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// writeJSON writes a YAML node as JSON. The keys of a mapping stay text as they are written: an event may be called 1.
func writeJSON(b *bytes.Buffer, n *yaml.Node, depth int) error {
	if depth > maxDepth { // an alias may hold itself
		return fmt.Errorf("line %d: nested deeper than %d levels", n.Line, maxDepth)
	}
	if b.Len() > 1<<20 { // aliases of aliases multiply
		return fmt.Errorf("line %d: the parameters of one step take more than 1 MiB", n.Line)
	}
	n = Resolve(n)
	switch n.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		seen := map[string]bool{}
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
				return fmt.Errorf("line %d: a key must be a plain word", key.Line)
			}
			if seen[key.Value] {
				return fmt.Errorf("line %d: key %q stands twice", key.Line, key.Value)
			}
			seen[key.Value] = true
			if i > 0 {
				b.WriteByte(',')
			}
			k, err := json.Marshal(key.Value)
			if err != nil {
				return err
			}
			b.Write(append(k, ':'))
			if err := writeJSON(b, n.Content[i+1], depth+1); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, c := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeJSON(b, c, depth+1); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	default:
		var v any
		if err := n.Decode(&v); err != nil {
			return err
		}
		j, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("line %d: %q is not a value that a parameter can have", n.Line, n.Value)
		}
		b.Write(j)
	}
	return nil
}
