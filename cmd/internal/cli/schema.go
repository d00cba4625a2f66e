package cli

import (
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/stream/control"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/session"
)

func newSchema() *cobra.Command {
	schemas := map[string]func() (map[string]any, error){"pipeline": pipeline.Schema, "session": session.Schema}
	return &cobra.Command{
		Use: "schema [pipeline|session]", Short: "the JSON Schema of a pipeline or session file, for editors", Args: cobra.MaximumNArgs(1),
		Example: "  gyrus schema > pipeline.schema.json\n  gyrus schema session > session.schema.json\n  # first line of a pipeline file: yaml-language-server: $schema=pipeline.schema.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			name := "pipeline"
			if len(args) > 0 {
				name = args[0]
			}
			of, ok := schemas[name]
			if !ok {
				return usageError{&registry.UnknownError{What: "kind of file", Name: name, Known: slices.Sorted(maps.Keys(schemas))}}
			}
			s, err := of()
			if err != nil {
				return err
			}
			return printJSON(cmd, s)
		},
	}
}

func newDocs() *cobra.Command {
	docs := &cobra.Command{
		Use: "docs", Short: "pages of the documentation that are made from the program", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	docs.AddCommand(&cobra.Command{
		Use: "steps", Short: "every step that a pipeline file can use, as Markdown", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return pipeline.Markdown(cmd.OutOrStdout()) },
	}, &cobra.Command{
		Use: "simulators", Short: "a picture of the simulated controllers, as SVG", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := io.WriteString(cmd.OutOrStdout(), control.Picture())
			return err
		},
	})
	return docs
}
