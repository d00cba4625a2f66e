//go:build !linux

package signal

func hugePages([]byte) {}
