package ingest

import (
	"fmt"
	"io"
)

// ByteCounts counts the bytes of a file of numbers, to tell what transfers in text mode have done to it: one that makes a line feed of
// every carriage return, or one byte of the two where they follow each other. What is written to it is counted.
type ByteCounts struct {
	N [256]int64 // how often each byte occurs
	// Pairs is how often a carriage return is followed by a line feed; Near how often what is one above or below is, in either place.
	Pairs, Near int64

	last int // the byte before, -1 where there is none or it does not count
	any  bool
}

// Write counts p, which goes on from what was written before. It never fails.
func (c *ByteCounts) Write(p []byte) (int, error) {
	last := c.last
	if !c.any {
		last = -1
	}
	for _, b := range p {
		c.N[b]++
		switch {
		case b == '\n' && last == '\r':
			c.Pairs++
		case b == '\n' && (last == '\r'-1 || last == '\r'+1), last == '\r' && (b == '\n'-1 || b == '\n'+1):
			c.Near++
		}
		last = int(b)
	}
	c.last, c.any = last, c.any || len(p) > 0
	return len(p), nil
}

// Apart says that what is written next does not follow what was written before.
func (c *ByteCounts) Apart() { c.any = false }

// plenty is a count from which on it is no chance that something else, which should be as frequent, is never there: it is one in 10²⁷
// for a count of 64.
const plenty = 64

// ReturnsLost says that every carriage return (13) has become a line feed (10): there is none, while the bytes around it, odd and even
// ones, are plenty, and there are as many line feeds as would be of both.
func (c *ByteCounts) ReturnsLost() bool {
	if c.N['\r'] > 0 {
		return false
	}
	for _, b := range []byte{8, 9, 11, 12, 14, 15, 16} {
		if c.N[b] < plenty {
			return false
		}
	}
	return 2*c.N['\n'] > 3*max(c.N['\n'-1], c.N['\n'+1])
}

// PairsLost says that one byte was made of every carriage return and line feed that followed each other: none do any more, or one in
// sixteen, where what came behind has moved up, while pairs of bytes that are one beside them are plenty. Bytes are missing then, and
// what is behind each is out of its place.
func (c *ByteCounts) PairsLost() bool { return c.Near >= plenty/2 && c.Pairs*plenty <= c.Near }

// looked is how much of a file CheckReturns reads at most, in so many blocks that are spread over it.
const (
	lookedBlocks = 64
	lookedBytes  = 1 << 20
)

// CheckReturns reads parts of f, size bytes long, and says in words where every carriage return has become a line feed in them, ""
// where not.
func CheckReturns(f io.ReaderAt, size int64) (string, error) {
	var c ByteCounts
	block := make([]byte, min(lookedBytes, size))
	step := max(int64(lookedBytes), size/lookedBlocks)
	for at := int64(0); at < size; at += step {
		n, err := f.ReadAt(block[:min(lookedBytes, size-at)], at)
		if err != nil && n == 0 {
			return "", err
		}
		_, err = c.Write(block[:n])
		if err != nil {
			return "", err
		}
		c.Apart()
	}
	if !c.ReturnsLost() {
		return "", nil
	}
	return returnsLost(&c), nil
}

// returnsLost are the words for it.
func returnsLost(c *ByteCounts) string {
	return fmt.Sprintf("no carriage return (byte 13) among %d line feeds (10), where the bytes beside it, 12 and 14, come %d and %d times", c.N['\n'], c.N['\r'-1], c.N['\r'+1])
}

// ReturnsError is the reason for which a file in which every carriage return became a line feed is not read.
func ReturnsError(c *ByteCounts) error {
	return fmt.Errorf("%s: a transfer in text mode made line feeds of all carriage returns and changed the samples; which ones were returns is not known: it cannot be repaired; fetch it again in binary mode", returnsLost(c))
}
