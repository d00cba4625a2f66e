package signal

import "syscall"

// hugePages asks for large pages. It is advice: a system that cannot follow it says so, and nothing is lost.
func hugePages(b []byte) { _ = syscall.Madvise(b, syscall.MADV_HUGEPAGE) }
