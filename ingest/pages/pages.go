// Package pages has a list for what a reader finds in a file without knowing how much there will be: it grows without being copied, so that
// it costs what is in it. append takes up to five times that, one time after the other.
package pages

// Len is how many values lie in one page, but for the first ones of a list, which are shorter: most lists are short.
const Len = 1024

// List is values in pages. The zero value is empty.
type List[T any] struct {
	pages [][]T
	n     int
}

// Add puts v behind the last one.
func (l *List[T]) Add(v T) {
	if k := l.n / Len; k == len(l.pages) {
		size := Len
		if k == 0 {
			size = 1
		}
		l.pages = append(l.pages, make([]T, 0, size))
	}
	p := &l.pages[len(l.pages)-1]
	*p = append(*p, v)
	l.n++
}

// Len is how many there are.
func (l *List[T]) Len() int { return l.n }

// At is value i, to read and to write, until the next Add.
func (l *List[T]) At(i int) *T { return &l.pages[i/Len][i%Len] }

// Last is the value that was added last. There must be one.
func (l *List[T]) Last() *T { return l.At(l.n - 1) }

// Cut keeps the first n.
func (l *List[T]) Cut(n int) {
	l.n = n
	l.pages = l.pages[:(n+Len-1)/Len]
	if r := n % Len; r > 0 {
		l.pages[len(l.pages)-1] = l.pages[len(l.pages)-1][:r]
	}
}

// Slice is all values in one piece that is as long as they are, nil where there are none. The list is empty then, and its pages
// are free.
func (l *List[T]) Slice() []T {
	all := l.AppendTo(nil)
	*l = List[T]{}
	return all
}

// AppendTo is dst and all values behind it, copied once.
func (l *List[T]) AppendTo(dst []T) []T {
	if l.n == 0 {
		return dst
	}
	all := make([]T, len(dst), len(dst)+l.n)
	copy(all, dst)
	for _, p := range l.pages {
		all = append(all, p...)
	}
	return all
}
