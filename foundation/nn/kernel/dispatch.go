package kernel

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/cpu"
)

// kind says which instructions are used. On one processor, a higher one includes the lower ones.
type kind int

const (
	generic kind = iota // plain Go
	neon                // of arm64
	avx2                // AVX2 and FMA
	avx512              // AVX-512 F, BW, VL and DQ
)

var kindNames = [...]string{"generic", "neon", "avx2", "avx512"}

func (k kind) String() string { return kindNames[k] }

// level is the kind that is in use, and wrong what is the matter with GYRUS_KERNEL.
var level, wrong = detect(os.Getenv("GYRUS_KERNEL"))

// Check reports a GYRUS_KERNEL that names no kind of kernels; the best that the processor has are then in use. Programs
// look before they begin.
func Check() error { return wrong }

// Name is the kind of kernels in use: "generic", "neon", "avx2" or "avx512".
func Name() string { return level.String() }

// kinds are those that the processor has, from the lowest to the highest.
func kinds() []kind {
	has := []kind{generic}
	if runtime.GOARCH == "arm64" {
		has = append(has, neon)
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		has = append(has, avx2)
		if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512DQ {
			has = append(has, avx512)
		}
	}
	return has
}

// detect is the highest kind that the processor has, and not above the one that is asked for by name; "" asks for none.
func detect(name string) (kind, error) {
	wish := kind(len(kindNames))
	var err error
	if name != "" {
		if i := slices.Index(kindNames[:], name); i >= 0 {
			wish = kind(i)
		} else {
			err = fmt.Errorf("GYRUS_KERNEL is %q, must be %s, or unset for the best that the processor has", name, strings.Join(kindNames[:], ", "))
		}
	}
	best := generic
	for _, k := range kinds() {
		if k <= wish {
			best = k
		}
	}
	return best, err
}
