package kernel

import (
	"fmt"
	"os"

	"golang.org/x/sys/cpu"
)

// kind says which instructions are used. A higher one includes the lower ones.
type kind int

const (
	generic kind = iota // plain Go
	avx2                // AVX2 and FMA
	avx512              // AVX-512 F, BW, VL and DQ
)

var kindNames = [...]string{"generic", "avx2", "avx512"}

func (k kind) String() string { return kindNames[k] }

// level is the kind that is in use.
var level = detect()

// Name is the kind of kernels in use: "generic", "avx2" or "avx512".
func Name() string { return level.String() }

// detect is what the processor has, or what GYRUS_KERNEL asks for if that is less. It panics if GYRUS_KERNEL is no kind.
func detect() kind {
	has := generic
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		has = avx2
		if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512DQ {
			has = avx512
		}
	}
	wish := os.Getenv("GYRUS_KERNEL")
	if wish == "" {
		return has
	}
	for k, name := range kindNames {
		if wish == name {
			return min(has, kind(k))
		}
	}
	panic(fmt.Sprintf("kernel: GYRUS_KERNEL is %q, must be generic, avx2, avx512, or unset for the best that the processor has", wish))
}
