package nn

import "sync"

// group is a barrier at which workers add numbers in a fixed order.
type group struct {
	mu      sync.Mutex
	wake    *sync.Cond
	n       int
	arrived int
	round   int
	parts   [][]float64
	total   []float64
}

func newGroup(n int) *group {
	g := &group{n: n, parts: make([][]float64, n)}
	g.wake = sync.NewCond(&g.mu)
	return g
}

// sum waits until all n workers have come and replaces each one's x by the total.
func (g *group) sum(worker int, x []float64) {
	if g.n == 1 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.parts[worker] = append(g.parts[worker][:0], x...)
	g.arrived++
	round := g.round
	if g.arrived == g.n {
		g.total = append(g.total[:0], g.parts[0]...)
		for _, p := range g.parts[1:] {
			for i, v := range p {
				g.total[i] += v
			}
		}
		g.arrived = 0
		g.round++
		g.wake.Broadcast()
	}
	for g.round == round {
		g.wake.Wait()
	}
	// Nobody can change total before all have left: the next round is complete only when this worker comes again.
	copy(x, g.total)
}
