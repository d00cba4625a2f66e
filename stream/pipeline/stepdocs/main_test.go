package main

import (
	"bytes"
	"os"
	"regexp"
	"testing"

	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// TestUpToDate: what is embedded is what the source says.
func TestUpToDate(t *testing.T) {
	var b bytes.Buffer
	if err := write(&b, "../../.."); err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("../steps.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), have) {
		t.Error("stream/pipeline/steps.json is not what the documentation of the steps says: run make docs")
	}
}

// TestEveryStepIsDescribed: each step says what goes in and comes out, and names its source.
func TestEveryStepIsDescribed(t *testing.T) {
	docs, err := pipeline.Steps()
	if err != nil {
		t.Fatal(err)
	}
	source, shape := regexp.MustCompile(`(?i)doi:|arxiv[:.]|https?://`), regexp.MustCompile(`\[|channel|window|row|covarianc`)
	for _, d := range docs {
		if len(d.Text) < 150 || !source.MatchString(d.Text) || !shape.MatchString(d.Text) {
			t.Errorf("%s %s: the documentation needs a sentence on what it does, shapes and a source (DOI or address), it is: %q", d.Section, d.Name, d.Text)
		}
	}
	if len(docs) < 90 {
		t.Errorf("%d steps, the registries have more", len(docs))
	}
}
