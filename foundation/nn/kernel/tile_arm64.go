package kernel

// lanes is how many numbers a vector has.
func lanes() int { return 4 }

// mostRows is the height of the highest tile, and widest the most vectors that a tile of m rows may have.
func mostRows() int { return 8 }

func widest(m int) int {
	if m == 1 {
		return 8
	}
	return 3
}

// run calls the kernel for tiles of m rows and n vectors.
func (t *tile) run(m, n int) {
	if t.last == 4 {
		t.runFull(m, n)
		return
	}
	switch m<<4 | n {
	case 1<<4 | 1:
		tile1x1N(t)
	case 1<<4 | 2:
		tile1x2N(t)
	case 1<<4 | 8:
		tile1x8N(t)
	case 2<<4 | 1:
		tile2x1N(t)
	case 2<<4 | 2:
		tile2x2N(t)
	case 2<<4 | 3:
		tile2x3N(t)
	case 3<<4 | 1:
		tile3x1N(t)
	case 3<<4 | 2:
		tile3x2N(t)
	case 3<<4 | 3:
		tile3x3N(t)
	case 4<<4 | 1:
		tile4x1N(t)
	case 4<<4 | 2:
		tile4x2N(t)
	case 4<<4 | 3:
		tile4x3N(t)
	case 5<<4 | 1:
		tile5x1N(t)
	case 5<<4 | 2:
		tile5x2N(t)
	case 5<<4 | 3:
		tile5x3N(t)
	case 6<<4 | 1:
		tile6x1N(t)
	case 6<<4 | 2:
		tile6x2N(t)
	case 6<<4 | 3:
		tile6x3N(t)
	case 7<<4 | 1:
		tile7x1N(t)
	case 7<<4 | 2:
		tile7x2N(t)
	case 7<<4 | 3:
		tile7x3N(t)
	case 8<<4 | 1:
		tile8x1N(t)
	case 8<<4 | 2:
		tile8x2N(t)
	case 8<<4 | 3:
		tile8x3N(t)
	default:
		panic("kernel: no tile of this size")
	}
}

func (t *tile) runFull(m, n int) {
	switch m<<4 | n {
	case 1<<4 | 1:
		tile1x1NFull(t)
	case 1<<4 | 2:
		tile1x2NFull(t)
	case 1<<4 | 8:
		tile1x8NFull(t)
	case 2<<4 | 1:
		tile2x1NFull(t)
	case 2<<4 | 2:
		tile2x2NFull(t)
	case 2<<4 | 3:
		tile2x3NFull(t)
	case 3<<4 | 1:
		tile3x1NFull(t)
	case 3<<4 | 2:
		tile3x2NFull(t)
	case 3<<4 | 3:
		tile3x3NFull(t)
	case 4<<4 | 1:
		tile4x1NFull(t)
	case 4<<4 | 2:
		tile4x2NFull(t)
	case 4<<4 | 3:
		tile4x3NFull(t)
	case 5<<4 | 1:
		tile5x1NFull(t)
	case 5<<4 | 2:
		tile5x2NFull(t)
	case 5<<4 | 3:
		tile5x3NFull(t)
	case 6<<4 | 1:
		tile6x1NFull(t)
	case 6<<4 | 2:
		tile6x2NFull(t)
	case 6<<4 | 3:
		tile6x3NFull(t)
	case 7<<4 | 1:
		tile7x1NFull(t)
	case 7<<4 | 2:
		tile7x2NFull(t)
	case 7<<4 | 3:
		tile7x3NFull(t)
	case 8<<4 | 1:
		tile8x1NFull(t)
	case 8<<4 | 2:
		tile8x2NFull(t)
	case 8<<4 | 3:
		tile8x3NFull(t)
	default:
		panic("kernel: no tile of this size")
	}
}
