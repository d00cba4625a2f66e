package bus

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"go.yaml.in/yaml/v3"
)

// TestBrokerDocument: the broker.yaml of docs/security.md has every key that there is, and a server can be made of it.
func TestBrokerDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "## Settings of the server\n")
	_, rest, ok2 := strings.Cut(rest, "```yaml\n")
	example, _, ok3 := strings.Cut(rest, "\n```\n")
	if !ok || !ok2 || !ok3 {
		t.Fatal("docs/security.md has no example of broker.yaml")
	}
	var tree object
	if err := yaml.Unmarshal([]byte(example), &tree); err != nil {
		t.Fatal(err)
	}
	compare := func(where string, typ reflect.Type, has object) {
		all, _ := keys(t, typ)
		if diff := cmp.Diff(all, slices.Sorted(maps.Keys(has))); diff != "" {
			t.Errorf("keys of %s (-Go +document):\n%s", where, diff)
		}
	}
	compare("broker.yaml", reflect.TypeFor[BrokerConfig](), tree)
	for _, f := range fields(reflect.TypeFor[BrokerConfig]()) {
		if f.Type.Kind() == reflect.Struct {
			section, _ := tree[f.Tag.Get("json")].(object)
			compare(f.Tag.Get("json"), f.Type, section)
		}
	}

	dir := filepath.Join(t.TempDir(), "op")
	for _, d := range []string{dir, filepath.Join(dir, "hub")} { // the other operator's, whose key and authority the example names
		if err := InitOperator(d, InitOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	op, err := ReadOperator(dir)
	if err != nil {
		t.Fatal(err)
	}
	tree["keys"] = op.Config.Keys // the document has none that anybody could use
	data, err := yaml.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, fileBroker), data, 0o600); err != nil {
		t.Fatal(err)
	}
	op, err = ReadOperator(dir)
	if err != nil {
		t.Fatal(err)
	}
	var o server.Options
	if err := op.secure(&o); err != nil {
		t.Fatal(err)
	}
	if o.Websocket.Port != 4280 || o.Cluster.Port != 6222 || len(o.Routes) != 1 || o.LeafNode.Port != 7422 || len(o.LeafNode.Remotes) != 1 {
		t.Errorf("the server of the example has the ports %d, %d and %d, %d routes and %d links", o.Websocket.Port, o.Cluster.Port, o.LeafNode.Port, len(o.Routes), len(o.LeafNode.Remotes))
	}
}
