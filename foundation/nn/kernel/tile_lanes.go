//go:build amd64 || arm64

package kernel

import "unsafe"

// cut is how rows are cut into tiles: as few as hold them, as even as can be. All have h rows, the first few one more.
type cut struct{ m, tiles, h, higher int }

func cutRows(m int) cut {
	most := mostRows()
	if m <= most {
		return cut{m, 1, m, 0}
	}
	tiles := (m + most - 1) / most
	return cut{m, tiles, m / tiles, m % tiles}
}

// widest is the most vectors for these tiles, all of which must be there in this width.
func (c cut) widest() int {
	if n := widest(c.h); c.higher == 0 || n == widest(c.h+1) {
		return n
	}
	return 2
}

// strip is how many vectors the next strip of so many columns has, of 1, 2 and most.
func strip(cols, most int) int {
	n := (cols + lanes() - 1) / lanes()
	if n >= most {
		return most
	}
	return min(n, 2)
}

// column works on the rows of C, n vectors wide, from t.c down. packed is the step from tile to tile of a packed A,
// otherwise 0.
func (t *tile) column(rows cut, n, packed int) {
	if rows.higher == 0 {
		t.same(rows.tiles, rows.h, n, packed)
		return
	}
	a, c := t.a, t.c
	t.same(rows.higher, rows.h+1, n, packed)
	t.a = (*float32)(unsafe.Add(unsafe.Pointer(a), rows.higher*t.na))
	t.c = (*float32)(unsafe.Add(unsafe.Pointer(c), rows.higher*(rows.h+1)*t.ldc))
	t.same(rows.tiles-rows.higher, rows.h, n, packed)
	t.a, t.c = a, c
}

// same works on count tiles of h rows.
func (t *tile) same(count, h, n, packed int) {
	t.count, t.na = count, packed
	if packed == 0 {
		t.na = h * t.rsa
	}
	t.run(h, n)
}
