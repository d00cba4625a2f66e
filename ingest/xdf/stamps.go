package xdf

import (
	"cmp"
	"math/bits"
)

const (
	pageLen  = 8192 // elements of a page of a list
	markLen  = 1024 // samples of a mark
	expanded = 1024 // marks whose stamps are kept as they come out, at most: 8 MB
)

// keptStamps is how many stamps that stand in a file are kept in memory: 32 MB. A recorder that writes one to a chunk does not come
// near; where each sample has one, those beyond are read again each time that they are needed.
var keptStamps int64 = 4 << 20 // a variable for the test

// list grows without being copied.
type list[T any] struct {
	pages [][]T
	n     int64
}

func (l *list[T]) push(v T) {
	if l.n%pageLen == 0 {
		size := pageLen
		if l.n == 0 {
			size = 64 // most streams are short
		}
		l.pages = append(l.pages, make([]T, 0, size))
	}
	p := &l.pages[len(l.pages)-1]
	*p = append(*p, v)
	l.n++
}

func (l *list[T]) at(i int64) *T { return &l.pages[i/pageLen][i%pageLen] }

// cut keeps the first n.
func (l *list[T]) cut(n int64) {
	l.n = n
	l.pages = l.pages[:(n+pageLen-1)/pageLen]
	if r := n % pageLen; r > 0 {
		l.pages[len(l.pages)-1] = l.pages[len(l.pages)-1][:r]
	}
}

// stamps are those of all samples of a stream. Only those that the file has are kept, and one of every markLen: the others
// follow from the one before.
type stamps struct {
	step  float64 // seconds from a sample to the next where that has no stamp of its own
	n     int64
	own   list[float64]
	marks list[mark]
	moves []move
	room  *int64                               // stamps that own may still take; nil for any number
	again func(first int64, t []float64) error // reads those behind the first of t again
	err   error                                // of again, the first

	kept []page // of those that were made last, at mark modulo len(kept)
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
	mark int64 // from 1 on; 0 for none
	t    []float64
}

// push adds a sample with a stamp of its own.
func (s *stamps) push(t float64) {
	k := s.n % markLen
	s.n++
	if k == 0 {
		m := mark{start: t, own: s.own.n}
		if s.room != nil && *s.room < markLen {
			m.own = -1
		}
		s.marks.push(m)
		return
	}
	if m := s.marks.at(s.marks.n - 1); m.own >= 0 {
		m.has[k/64] |= 1 << (k % 64)
		s.own.push(t)
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
	if s.kept == nil {
		s.kept = make([]page, min(expanded, (s.n+markLen-1)/markLen))
	}
	p := &s.kept[k%int64(len(s.kept))]
	if p.mark == k+1 {
		return p.t
	}
	n := min(markLen, s.n-k*markLen)
	if int64(cap(p.t)) < n {
		p.t = make([]float64, n)
	}
	p.mark, p.t = k+1, p.t[:n]
	m := s.marks.at(k)
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
			last = *s.own.at(own)
			t[at] = last
			own, at = own+1, at+1
		}
	}
}

// shift adds to the stamps of sample first on what moves them.
func (s *stamps) shift(t []float64, first int64) {
	for _, m := range s.moves {
		if m.end <= first {
			continue
		}
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
func (s *stamps) cut(n int64) { s.n, s.kept = n, nil }

// move adds these lines to the stamps from now on.
func (s *stamps) move(moves []move) { s.moves, s.kept = moves, nil }
