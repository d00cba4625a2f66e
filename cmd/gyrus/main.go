// Command gyrus takes EEG from a file or an amplifier to decoded commands, and benchmarks decoders.
package main

import "github.com/gyrus-bci/gyrus/cmd/internal/cli"

func main() { cli.Main() }
