package registry

import (
	"bytes"
	"encoding/json"
	"fmt"

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

// Resolve follows an alias to what it stands for.
func Resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// writeJSON writes a YAML node as JSON. The keys of a mapping stay text as they are written: an event may be called 1.
func writeJSON(b *bytes.Buffer, n *yaml.Node, depth int) error {
	if depth > 32 { // an alias may hold itself
		return fmt.Errorf("line %d: nested deeper than 32 levels", n.Line)
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
