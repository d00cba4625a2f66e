package seizure

// Report is what a network costs. Bytes and operations are counted; time and energy are estimates from the figures in
// Microcontroller: gyrus does not measure a microcontroller.
type Report struct {
	Model      string `json:"model"`
	Parameters int    `json:"parameters"` // weights and biases
	Zero       int    `json:"zero"`       // weights that are 0
	Flash      int    `json:"flash_bytes"`
	RAM        RAM    `json:"ram"`
	// MACs are the multiplications of one answer, once a second, of the network and of the transforms in front of it.
	MACs      int        `json:"macs"`
	UsedMACs  int        `json:"used_macs"` // without those whose weight is 0 and not stored
	FrontMACs int        `json:"front_macs"`
	Estimates []Estimate `json:"estimates"`
}

// RAM is bytes of memory.
type RAM struct {
	State   int  `json:"state_bytes"`  // what is kept from second to second
	Buffers int  `json:"buffer_bytes"` // activations and scratch; two buffers that layers write to in turn
	Block   int  `json:"block_bytes"`  // the caller's second of samples
	Stack   int  `json:"stack_bytes"`  // StackBytes
	Total   int  `json:"total_bytes"`  //
	Limit   int  `json:"limit_bytes"`  // 64 kB
	Within  bool `json:"within_limit"` // Total is below Limit

	StackSource string `json:"stack_source"` // where Stack is from
}

// ramLimit is the bar: 64 kB.
const ramLimit = 64 << 10

// StackBytes is the room for the stack of any of the networks, rounded up from StackSource.
const StackBytes = 512

// StackSource says how much of it is measured: the frames of the deepest chain of calls (there is no recursion, and no frame
// whose size depends on data), and what an interrupt pushes with the registers of the FPU.
const StackSource = "arm-none-eabi-gcc 12.2 -mcpu=cortex-m4 -fstack-usage on the exported code: at most 208 bytes at -O2, 216 at -Os, 392 at -O0; 104 more for an interrupt"

// CodeSource says how large the code is that comes on top of the constants.
const CodeSource = "1.4 to 2.5 kB of code on top (arm-none-eabi-gcc 12.2 -mcpu=cortex-m4 -O2)"

// Microcontroller is what time and energy are estimated from.
type Microcontroller struct {
	Name     string  `json:"name"`
	MHz      float64 `json:"mhz"`
	UAPerMHz float64 `json:"ua_per_mhz"` // current in run mode
	Volt     float64 `json:"volt"`
	// CyclesPerMAC of C without intrinsics: two loads, a multiplication with addition, the loop.
	CyclesPerMAC float64 `json:"cycles_per_mac"`
	// CyclesPerSIMDMAC with two products in one instruction (SMLAD) and weights unpacked in pairs.
	CyclesPerSIMDMAC float64 `json:"cycles_per_simd_mac"`
	// CyclesPerBit of the map of a pruned matrix.
	CyclesPerBit float64 `json:"cycles_per_map_bit"`
	Source       string  `json:"source"`
}

// STM32L476 is a Cortex-M4F for low power, with the current of the head of its data sheet (DS10198: 100 µA/MHz in run mode
// from the linear regulator) at 3 V. Cycles are assumptions: 1.5 products a cycle with SMLAD, 5 cycles a product without.
func STM32L476() Microcontroller {
	return Microcontroller{
		Name: "STM32L476 (Cortex-M4F)", MHz: 80, UAPerMHz: 100, Volt: 3, CyclesPerMAC: 5, CyclesPerSIMDMAC: 1 / 1.5, CyclesPerBit: 3,
		Source: "current: data sheet DS10198, run mode, LDO; cycles per product: assumed",
	}
}

// Estimate is what one answer takes on a microcontroller.
type Estimate struct {
	Microcontroller Microcontroller `json:"microcontroller"`
	Kernels         string          `json:"kernels"` // "portable C" as exported, or "SMLAD"
	Cycles          float64         `json:"cycles"`
	Milliseconds    float64         `json:"ms"`
	Microjoules     float64         `json:"uj"`       // of the core while it computes
	Microwatts      float64         `json:"uw"`       // of one answer a second, without sleep and converter
	Measured        bool            `json:"measured"` // false: an estimate
}

// matrices visits the weights with how often each is used in one answer.
func (m *Model) matrices(visit func(w *matrix, times int)) {
	for _, l := range m.layers {
		switch l := l.(type) {
		case *intConv:
			visit(&l.weight, m.each*l.after)
		case *intLSTM:
			visit(&l.wx, m.each*l.tokens)
			visit(&l.wh, m.each*l.tokens)
		}
	}
	visit(&m.head.weight, 1)
}

// Report counts.
func (m *Model) Report() Report {
	f, n := m.front, m.front.features()
	r := Report{Model: m.Name}
	r.Flash = n * (4 + 4 + 1) // means, factors
	bits, dense, sparse := 0, 0, 0
	m.matrices(func(w *matrix, times int) {
		r.Parameters += len(w.w)
		r.Zero += len(w.w) - w.used()
		r.Flash += w.bytes()
		r.MACs += len(w.w) * times
		if w.sparse() {
			sparse += w.used() * times
			bits += len(w.w) * times
		} else {
			dense += len(w.w) * times
		}
	})
	r.UsedMACs = dense + sparse
	a, b := m.plan()
	r.RAM = RAM{State: 1, Buffers: 2 * (a + b), Block: 2 * f.channels * f.stretch, Stack: StackBytes, Limit: ramLimit, StackSource: StackSource}
	for _, l := range m.layers {
		switch l := l.(type) {
		case *intConv:
			r.Parameters += len(l.bias)
			r.Flash += (4 + 4 + 1) * len(l.bias) // biases, factors
		case *intLSTM:
			r.Parameters += 2 * len(l.bias) // PyTorch has two
			r.Flash += (4+4+1+4+1)*len(l.bias) + 2*2*256
			r.RAM.Buffers += 2 * 5 * l.hidden
		}
	}
	r.Parameters += len(m.head.bias)
	r.Flash += (4 + 4 + 1) * len(m.head.bias)
	switch f.kind {
	case samplesIn:
		r.RAM.State += 2 * f.size()
		r.RAM.Buffers += 2 * len(m.most)
	case powersIn:
		r.RAM.State += 8 * f.count * n
		r.RAM.Buffers += 2*n + 4*f.stretch
	case secondsIn:
		r.RAM.State += 2 * f.count * n
		r.RAM.Buffers += 8*len(bands) + 4*f.stretch
	}
	if f.kind != samplesIn {
		r.Flash += 3*2*f.stretch + 2*2*len(bands) + 256
		for b := range bands {
			r.FrontMACs += f.channels * 2 * f.stretch * (f.end[b] - f.first[b])
		}
	}
	r.RAM.Total = r.RAM.State + r.RAM.Buffers + r.RAM.Block + r.RAM.Stack
	r.RAM.Within = r.RAM.Total < r.RAM.Limit
	cpu := STM32L476()
	fixed := float64(r.FrontMACs)*cpu.CyclesPerMAC + float64(sparse)*cpu.CyclesPerMAC + float64(bits)*cpu.CyclesPerBit
	for _, k := range []struct {
		name   string
		cycles float64
	}{{"portable C", cpu.CyclesPerMAC}, {"SMLAD", cpu.CyclesPerSIMDMAC}} {
		e := Estimate{Microcontroller: cpu, Kernels: k.name, Cycles: fixed + float64(dense)*k.cycles}
		e.Milliseconds = e.Cycles / (cpu.MHz * 1e3)
		e.Microjoules = e.Cycles * cpu.UAPerMHz * cpu.Volt * 1e-6 // a cycle is 1 µs/MHz
		e.Microwatts = e.Microjoules
		r.Estimates = append(r.Estimates, e)
	}
	return r
}
