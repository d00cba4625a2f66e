package pipeline

import (
	"embed"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/registry"
)

//go:embed gallery/*.yaml
var gallery embed.FS

// Gallery lists the names of the pipelines that are built in, sorted.
func Gallery() []string {
	files, err := gallery.ReadDir("gallery")
	if err != nil {
		panic(err) // the files are part of the program
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(f.Name(), ".yaml")
	}
	return names
}

// Load reads the pipeline file called name, or the built-in pipeline of that name. A name with a dot or a slash is a
// file.
func Load(name string) (*Spec, error) {
	if slices.Contains(Gallery(), name) {
		data, err := gallery.ReadFile(path.Join("gallery", name+".yaml"))
		if err != nil {
			return nil, err
		}
		return Parse(name, data)
	}
	data, err := os.ReadFile(name)
	if err == nil {
		return Parse(name, data)
	}
	if strings.ContainsAny(name, "./\\") {
		return nil, &SpecError{Err: fmt.Errorf("pipeline: %w", err)}
	}
	return nil, &SpecError{Err: fmt.Errorf("%w; or give the path of a YAML file", &registry.UnknownError{What: "pipeline", Name: name, Known: Gallery()})}
}
