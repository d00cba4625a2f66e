package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/stream/control"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "the JSON Schema of a pipeline file, for editors", Args: cobra.NoArgs,
		Example: "  gyrus schema > pipeline.schema.json\n  # first line of a pipeline file: yaml-language-server: $schema=pipeline.schema.json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := pipeline.Schema()
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
