package xdf

import "github.com/gyrus-bci/gyrus/ingest/pages"

// stamps are those of all samples of a stream. A sample may have two bytes in the file and its stamp has eight: those that are
// counted on from the one before are worked out each time.
type stamps struct {
	step   float64             // what a stamp that is counted on is behind the one before
	values pages.List[float64] // of the others, and of the first sample of each page
	begins pages.List[int64]   // the place in values of the first sample of each page
	stated pages.List[uint64]  // a bit for each sample that has its own in values
	n      int64
	moves  []move // in order

	cache *stampCache
}

// move adds a line to the stamps of the samples before end, from where the one before ends.
type move struct {
	end  int64
	line line
}

// pageLen is how many stamps are worked out at once.
const pageLen = 1024

// stampCache is the pages that were worked out last. All streams of a file share one.
type stampCache struct {
	owner *stamps
	page  [2]int64 // counted from 1
	value [2][]float64
}

func newStamps(rate float64, cache *stampCache) *stamps {
	s := &stamps{cache: cache}
	if rate > 0 {
		s.step = 1 / rate
	}
	return s
}

// push adds a stamp; stated says that the file has it, otherwise it is the one before and step.
func (s *stamps) push(v float64, stated bool) {
	if s.n%64 == 0 {
		s.stated.Add(0)
	}
	if s.n%pageLen == 0 {
		s.begins.Add(int64(s.values.Len()))
		stated = true
	}
	if stated {
		s.values.Add(v)
		*s.stated.Last() |= 1 << (s.n % 64)
	}
	s.n++
}

// at is stamp i.
func (s *stamps) at(i int64) float64 {
	p, c := i/pageLen, s.cache
	k := p % 2
	if c.owner != s {
		c.owner, c.page = s, [2]int64{}
	}
	if c.page[k] != p+1 {
		c.value[k] = s.work(c.value[k][:0], p)
		c.page[k] = p + 1
	}
	return c.value[k][i%pageLen]
}

// work works out page p.
func (s *stamps) work(dst []float64, p int64) []float64 {
	if cap(dst) < pageLen {
		dst = make([]float64, 0, pageLen)
	}
	k, v := int(*s.begins.At(int(p))), 0.0
	for i := p * pageLen; i < min(s.n, (p+1)*pageLen); i++ {
		if *s.stated.At(int(i / 64))>>(i%64)&1 != 0 {
			v = *s.values.At(k)
			k++
		} else {
			v += s.step
		}
		dst = append(dst, v)
	}
	at := p * pageLen
	for _, m := range s.moves {
		for ; at < m.end && at-p*pageLen < int64(len(dst)); at++ {
			t := &dst[at-p*pageLen]
			*t += m.line.at(*t)
		}
	}
	return dst
}

// move adds a line to all stamps before end that no line was added to.
func (s *stamps) move(end int64, l line) {
	s.moves = append(s.moves, move{end, l})
	s.cache.owner = nil
}

// cut keeps the first n.
func (s *stamps) cut(n int64) {
	s.n = n
	s.cache.owner = nil
}
