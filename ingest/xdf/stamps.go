package xdf

import (
	"cmp"
	"math/bits"
	"sort"

	"github.com/gyrus-bci/gyrus/ingest/pages"
)

const (
	markLen      = 1024 // samples of a mark
	mostExpanded = 1024 // marks whose stamps are kept as they come out, at most: 8 MB
	fewExpanded  = 12   // at least: what losses looks at around one sample
)

// keptStamps is how many stamps that stand in a file are kept in memory: 32 MB. A recorder that writes one to a chunk does not come
// near; where each sample has one, those beyond are read again each time that they are needed.
var keptStamps int64 = 4 << 20 // a variable for the test

// stamps are those of all samples of a stream. Only those that the file has are kept, and one of every markLen: the others
// follow from the one before.
type stamps struct {
	step  float64 // seconds from a sample to the next where that has no stamp of its own
	n     int64
	own   pages.List[float64]
	marks pages.List[mark]
	moves pages.List[move]
	room  *int64                               // stamps that own may still take; nil for any number
	again func(first int64, t []float64) error // reads those behind the first of t again
	err   error                                // of again, the first

	expanded *expanded
}

// expanded is the stamps that were made last. All streams of a file share them: there may be many streams.
type expanded struct {
	most  int // pages
	pages []page
}

// newExpanded has room for the stamps of a file of so many bytes, in an eighth of its size: a sample may have two bytes in the file,
// and its stamp has eight.
func newExpanded(size int64) *expanded {
	return &expanded{most: int(max(fewExpanded, min(size/(8*8*markLen), mostExpanded)))}
}

// at is the page for mark k of marks.
func (e *expanded) at(k, marks int64) *page {
	i := int(k % int64(e.most))
	if i >= len(e.pages) {
		e.pages = append(e.pages, make([]page, int(min(marks, int64(e.most)))-len(e.pages))...)
	}
	return &e.pages[i]
}

// forget has the stamps of s made again.
func (e *expanded) forget(s *stamps) {
	for i := range e.pages {
		if e.pages[i].of == s {
			e.pages[i].of = nil
		}
	}
}

// mark is markLen samples.
type mark struct {
	start float64              // stamp of the first
	own   int64                // number in own of the next stamp; -1 where they are not kept
	has   [markLen / 64]uint64 // which of the others have a stamp in own
}

// move is the line that is added to the stamps of the samples before end.
type move struct {
	end int64
	line
}

// page is the stamps of the samples of a mark.
type page struct {
	of   *stamps
	mark int64
	t    []float64
}

// push adds a sample with a stamp of its own.
func (s *stamps) push(t float64) {
	k := s.n % markLen
	s.n++
	if k == 0 {
		m := mark{start: t, own: int64(s.own.Len())}
		if s.room != nil && *s.room < markLen {
			m.own = -1
		}
		s.marks.Add(m)
		return
	}
	if m := s.marks.Last(); m.own >= 0 {
		m.has[k/64] |= 1 << (k % 64)
		s.own.Add(t)
		if s.room != nil {
			*s.room--
		}
	}
}

// deduce adds n samples without a stamp behind one whose stamp is last. It returns that of the last one.
func (s *stamps) deduce(n int64, last float64) float64 {
	for ; n > 0; n-- {
		last += s.step
		if s.n%markLen == 0 {
			s.push(last)
		} else {
			s.n++
		}
	}
	return last
}

// at is the stamp of sample i.
func (s *stamps) at(i int64) float64 { return s.page(i / markLen)[i%markLen] }

// between is the stamps of sample i and of some behind it, those before sample to. They are valid until another place is
// looked at.
func (s *stamps) between(i, to int64) []float64 {
	t := s.page(i / markLen)[i%markLen:]
	return t[:min(int64(len(t)), to-i)]
}

// page makes the stamps of mark k, or finds them among those that were made last.
func (s *stamps) page(k int64) []float64 {
	p := s.expanded.at(k, (s.n+markLen-1)/markLen)
	if p.of == s && p.mark == k {
		return p.t
	}
	n := min(markLen, s.n-k*markLen)
	if size := n; int64(cap(p.t)) < n {
		if cap(p.t) > 0 {
			size = markLen // not little by little, where many streams are short
		}
		p.t = make([]float64, size)
	}
	p.of, p.mark, p.t = s, k, p.t[:n]
	m := s.marks.At(int(k))
	p.t[0] = m.start
	if m.own >= 0 {
		s.expand(p.t, m)
	} else if err := s.again(k*markLen, p.t); err != nil {
		s.err = cmp.Or(s.err, err)
		clear(p.t)
	}
	s.shift(p.t, k*markLen)
	return p.t
}

// expand makes the stamps behind the first of t, those of m.
func (s *stamps) expand(t []float64, m *mark) {
	own, last := m.own, t[0]
	for at := 1; at < len(t); {
		has := m.has[at/64] >> (at % 64)
		next := min(at+bits.TrailingZeros64(has), (at|63)+1, len(t))
		for ; at < next; at++ {
			last += s.step
			t[at] = last
		}
		if has != 0 && at < len(t) {
			last = *s.own.At(int(own))
			t[at] = last
			own, at = own+1, at+1
		}
	}
}

// shift adds to the stamps of sample first on what moves them.
func (s *stamps) shift(t []float64, first int64) {
	k := sort.Search(s.moves.Len(), func(k int) bool { return s.moves.At(k).end > first })
	for ; k < s.moves.Len(); k++ {
		m := s.moves.At(k)
		part := t[:min(int64(len(t)), m.end-first)]
		for i, v := range part {
			part[i] = v + m.at(v)
		}
		if t = t[len(part):]; len(t) == 0 {
			return
		}
		first += int64(len(part))
	}
}

// cut keeps the first n.
func (s *stamps) cut(n int64) {
	s.n = n
	s.expanded.forget(s)
}

// move adds these lines to the stamps from now on.
func (s *stamps) move(moves pages.List[move]) {
	s.moves = moves
	s.expanded.forget(s)
}
