//go:build !plot

package cli

import "github.com/spf13/cobra"

// tagged is the commands that only programs built with their tag have.
func tagged() []*cobra.Command { return nil }
