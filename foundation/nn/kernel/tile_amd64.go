package kernel

// run calls the kernel for tiles of m rows and n vectors.
func (t *tile) run(m, n int) {
	if level == avx512 {
		t.run512(m, n)
	} else {
		t.run256(m, n)
	}
}

func (t *tile) run256(m, n int) {
	if t.last == 8 {
		t.run256Full(m, n)
		return
	}
	switch m<<4 | n {
	case 1<<4 | 1:
		tile1x1Y(t)
	case 1<<4 | 2:
		tile1x2Y(t)
	case 1<<4 | 8:
		tile1x8Y(t)
	case 2<<4 | 1:
		tile2x1Y(t)
	case 2<<4 | 2:
		tile2x2Y(t)
	case 2<<4 | 4:
		tile2x4Y(t)
	case 3<<4 | 1:
		tile3x1Y(t)
	case 3<<4 | 2:
		tile3x2Y(t)
	case 4<<4 | 1:
		tile4x1Y(t)
	case 4<<4 | 2:
		tile4x2Y(t)
	case 5<<4 | 1:
		tile5x1Y(t)
	case 5<<4 | 2:
		tile5x2Y(t)
	case 6<<4 | 1:
		tile6x1Y(t)
	case 6<<4 | 2:
		tile6x2Y(t)
	default:
		panic("kernel: no tile of this size")
	}
}

func (t *tile) run256Full(m, n int) {
	switch m<<4 | n {
	case 1<<4 | 1:
		tile1x1YFull(t)
	case 1<<4 | 2:
		tile1x2YFull(t)
	case 1<<4 | 8:
		tile1x8YFull(t)
	case 2<<4 | 1:
		tile2x1YFull(t)
	case 2<<4 | 2:
		tile2x2YFull(t)
	case 2<<4 | 4:
		tile2x4YFull(t)
	case 3<<4 | 1:
		tile3x1YFull(t)
	case 3<<4 | 2:
		tile3x2YFull(t)
	case 4<<4 | 1:
		tile4x1YFull(t)
	case 4<<4 | 2:
		tile4x2YFull(t)
	case 5<<4 | 1:
		tile5x1YFull(t)
	case 5<<4 | 2:
		tile5x2YFull(t)
	case 6<<4 | 1:
		tile6x1YFull(t)
	case 6<<4 | 2:
		tile6x2YFull(t)
	default:
		panic("kernel: no tile of this size")
	}
}

func (t *tile) run512(m, n int) {
	switch m<<4 | n {
	case 1<<4 | 1:
		tile1x1Z(t)
	case 1<<4 | 2:
		tile1x2Z(t)
	case 1<<4 | 8:
		tile1x8Z(t)
	case 2<<4 | 1:
		tile2x1Z(t)
	case 2<<4 | 2:
		tile2x2Z(t)
	case 2<<4 | 8:
		tile2x8Z(t)
	case 3<<4 | 1:
		tile3x1Z(t)
	case 3<<4 | 2:
		tile3x2Z(t)
	case 3<<4 | 4:
		tile3x4Z(t)
	case 4<<4 | 1:
		tile4x1Z(t)
	case 4<<4 | 2:
		tile4x2Z(t)
	case 4<<4 | 4:
		tile4x4Z(t)
	case 5<<4 | 1:
		tile5x1Z(t)
	case 5<<4 | 2:
		tile5x2Z(t)
	case 5<<4 | 3:
		tile5x3Z(t)
	case 6<<4 | 1:
		tile6x1Z(t)
	case 6<<4 | 2:
		tile6x2Z(t)
	case 6<<4 | 3:
		tile6x3Z(t)
	case 7<<4 | 1:
		tile7x1Z(t)
	case 7<<4 | 2:
		tile7x2Z(t)
	case 7<<4 | 3:
		tile7x3Z(t)
	case 8<<4 | 1:
		tile8x1Z(t)
	case 8<<4 | 2:
		tile8x2Z(t)
	case 8<<4 | 3:
		tile8x3Z(t)
	case 9<<4 | 1:
		tile9x1Z(t)
	case 9<<4 | 2:
		tile9x2Z(t)
	case 10<<4 | 1:
		tile10x1Z(t)
	case 10<<4 | 2:
		tile10x2Z(t)
	case 11<<4 | 1:
		tile11x1Z(t)
	case 11<<4 | 2:
		tile11x2Z(t)
	case 12<<4 | 1:
		tile12x1Z(t)
	case 12<<4 | 2:
		tile12x2Z(t)
	case 13<<4 | 1:
		tile13x1Z(t)
	case 13<<4 | 2:
		tile13x2Z(t)
	case 14<<4 | 1:
		tile14x1Z(t)
	case 14<<4 | 2:
		tile14x2Z(t)
	default:
		panic("kernel: no tile of this size")
	}
}

// lanes is how many numbers a vector has.
func lanes() int {
	if level == avx512 {
		return 16
	}
	return 8
}

// mostRows is the height of the highest tile, and widest the most vectors that a tile of m rows may have.
func mostRows() int {
	if level == avx512 {
		return 14
	}
	return 6
}

func widest(m int) int {
	wide := level == avx512
	switch {
	case m == 1, m == 2 && wide:
		return 8
	case m <= 4 && wide, m == 2:
		return 4
	case m <= 8 && wide:
		return 3
	}
	return 2
}
