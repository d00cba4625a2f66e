package kernel

func meanPoolGeneric(y, x []float32, p, s int) {
	for i := range y {
		y[i] = float32(float64(sumOfGeneric(x[i*s:i*s+p])) / float64(p))
	}
}

func meanPoolGradGeneric(dx, dy []float32, p, s int) {
	for i, d := range dy {
		d /= float32(p)
		for j := range dx[i*s : i*s+p] {
			dx[i*s+j] += d
		}
	}
}

func meanPool4Generic(y, x []float32) { meanPoolGeneric(y, x, 4, 4) }
func meanPool8Generic(y, x []float32) { meanPoolGeneric(y, x, 8, 8) }
