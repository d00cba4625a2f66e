package arrowipc

import (
	"encoding/binary"
	"errors"
)

// The header of an Arrow message is a flatbuffer: tables of optional slots that point at each other by offsets
// (https://flatbuffers.dev/internals/). Arrow's own reader trusts those offsets and lengths: bytes from a network or a damaged file make
// it panic, or allocate hundreds of gigabytes for a vector that claims to be long (a fatal error that no recover
// catches). So headers are read here, with every access checked and a budget for what is copied out of them.

// ErrDamaged is what is wrong with a header whose offsets lead out of it.
var ErrDamaged = errors.New("the flatbuffer is damaged: an offset or length leads out of it")

// ErrBudget is what is wrong with a header that unfolds to far more than its own size.
var ErrBudget = errors.New("the flatbuffer is refused: it unfolds to more than 16 MiB")

const flatBudget = 16 << 20

// flat is a flatbuffer. The first failure stays in err and makes all that follows zero, so that callers check once.
type flat struct {
	b      []byte
	err    error
	budget int // bytes that may still be copied
}

// in reports whether n bytes at position at exist.
func (f *flat) in(at, n int) bool {
	if f.err == nil && (at < 0 || n < 0 || at > len(f.b)-n) {
		f.err = ErrDamaged
	}
	return f.err == nil
}

// spend takes n bytes from the budget.
func (f *flat) spend(n int) bool {
	if f.budget -= n; f.budget < 0 && f.err == nil {
		f.err = ErrBudget
	}
	return f.err == nil
}

func (f *flat) u8(at int) int {
	if !f.in(at, 1) {
		return 0
	}
	return int(f.b[at])
}

func (f *flat) u16(at int) int {
	if !f.in(at, 2) {
		return 0
	}
	return int(binary.LittleEndian.Uint16(f.b[at:]))
}

func (f *flat) u32(at int) int {
	if !f.in(at, 4) {
		return 0
	}
	return int(binary.LittleEndian.Uint32(f.b[at:]))
}

func (f *flat) i64(at int) int64 {
	if !f.in(at, 8) {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(f.b[at:]))
}

// table is one table: its position, and the position and size of the list of its slots.
type table struct {
	f            *flat
	at, vt, size int
}

// root is the table that the buffer begins with.
func (f *flat) root() table { return f.table(f.u32(0)) }

func (f *flat) table(at int) table {
	vt := at - int(int32(f.u32(at)))
	t := table{f, at, vt, f.u16(vt)}
	f.in(vt, max(t.size, 4))
	return t
}

// slot is the position of field number k, 0 where it is absent.
func (t table) slot(k int) int {
	o := 4 + 2*k
	if o+2 > t.size {
		return 0
	}
	v := t.f.u16(t.vt + o)
	if v == 0 || t.f.err != nil {
		return 0
	}
	return t.at + v
}

// ref is the position that field number k points to, 0 where it is absent.
func (t table) ref(k int) int {
	p := t.slot(k)
	if p == 0 {
		return 0
	}
	return p + t.f.u32(p)
}

// sub is the table that field number k points to.
func (t table) sub(k int) (table, bool) {
	p := t.ref(k)
	if p == 0 || t.f.err != nil {
		return table{f: t.f}, false
	}
	return t.f.table(p), true
}

func (t table) uint8(k int) int {
	if p := t.slot(k); p != 0 {
		return t.f.u8(p)
	}
	return 0
}

func (t table) int16(k int) int {
	if p := t.slot(k); p != 0 {
		return int(int16(t.f.u16(p)))
	}
	return 0
}

func (t table) int32(k int) int {
	if p := t.slot(k); p != 0 {
		return int(int32(t.f.u32(p)))
	}
	return 0
}

func (t table) int64(k int) int64 {
	if p := t.slot(k); p != 0 {
		return t.f.i64(p)
	}
	return 0
}

// vector is where the elements of field number k begin and how many there are, each of size bytes.
func (t table) vector(k, size int) (at, n int) {
	p := t.ref(k)
	if p == 0 {
		return 0, 0
	}
	n = t.f.u32(p)
	if t.f.err == nil && n > (len(t.f.b)-p)/size {
		t.f.err = ErrDamaged
	}
	if !t.f.in(p+4, n*size) {
		return 0, 0
	}
	return p + 4, n
}

// str is a copy of the text that field number k points to.
func (t table) str(k int) string {
	at, n := t.vector(k, 1)
	if !t.f.in(at, n) || !t.f.spend(n) {
		return ""
	}
	return string(t.f.b[at : at+n])
}

// tables calls each for the tables in the vector of field number k.
func (t table) tables(k int, each func(table)) {
	at, n := t.vector(k, 4)
	for i := 0; i < n && t.f.err == nil; i++ {
		if p := at + 4*i; t.f.spend(64) {
			each(t.f.table(p + t.f.u32(p)))
		}
	}
}
