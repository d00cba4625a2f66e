package edf

import "golang.org/x/sys/cpu"

//go:generate go run -C ../../preprocess/dsp/asm ./integers -out ../../../ingest/edf/integers_lanes_amd64.s -stubs ../../../ingest/edf/integers_lanes_amd64.go -pkg edf

// haveLanes says whether the vector kernel can run. It changes the time and not one bit of the result.
var haveLanes = cpu.X86.HasAVX
