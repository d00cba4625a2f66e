package kernel

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestKinds runs the suite again with each value of GYRUS_KERNEL.
func TestKinds(t *testing.T) {
	if os.Getenv("GYRUS_KERNEL") != "" {
		t.Skip("GYRUS_KERNEL is set")
	}
	if testing.Short() {
		t.Skip("runs all tests again")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range kindNames {
		want := generic
		for _, k := range kinds() {
			if k <= kind(i) {
				want = k
			}
		}
		cmd := exec.CommandContext(t.Context(), exe, "-test.run", "^(TestName|TestGemmRows|TestGemv|TestDepth|TestConv|TestGuard.*|TestAllocations)$", "-test.short")
		cmd.Env = append(os.Environ(), "GYRUS_KERNEL="+name, "GYRUS_KERNEL_WANT="+want.String())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("GYRUS_KERNEL=%s: %v\n%s", name, err, out)
		}
	}
	const want = `GYRUS_KERNEL is "sse9", must be generic, neon, avx2, avx512,`
	if k, err := detect("sse9"); err == nil || !strings.Contains(err.Error(), want) || k != level {
		t.Errorf("GYRUS_KERNEL=sse9: %v, %v, want %v and %q", k, err, level, want)
	}
	if err := Check(); err != nil {
		t.Errorf("without GYRUS_KERNEL: %v", err)
	}
}

// TestName: GYRUS_KERNEL lowers the kind, and never raises it.
func TestName(t *testing.T) {
	if want, ok := os.LookupEnv("GYRUS_KERNEL_WANT"); ok && Name() != want {
		t.Errorf("kind %s is in use, want %s", Name(), want)
	}
}

// TestAllocations: after the first call, nothing allocates.
func TestAllocations(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		x, y, z := random(300*70), random(300*70), random(300*300)
		p := Pack(true, 70, 300, x, 300)
		var w Work
		for name, f := range map[string]func(){
			"Gemm":          func() { w.Gemm(false, true, 300, 300, 70, x, 70, y, 70, z, 300, true) },
			"Gemm in place": func() { w.Gemm(true, false, 70, 70, 300, x, 70, y, 70, z, 70, false) },
			"GemmPacked":    func() { w.GemmPacked(70, x, 300, p, z, 70, false) },
			"Gemv":          func() { Gemv(z, x, 70, 300, 70, y, false) },
			"GemvT":         func() { GemvT(z, x, 70, 300, 70, y, false) },
			"Conv":          func() { w.Conv(z, 200, x, 300, y, 8, 22, 16, 2, 200, false) },
			"ConvGradW":     func() { w.ConvGradW(y, z, 200, x, 300, 8, 22, 16, 2, 200) },
			"ConvGradX":     func() { w.ConvGradX(x, 300, z, 200, y, 8, 22, 16, 2, 200) },
			"few taps":      func() { w.ConvGradW(y, z, 200, x, 300, 20, 22, 4, 2, 200) },
			"Depth":         func() { Depth(z[:500], x, y[:16], 1, true) },
			"DepthGradW":    func() { DepthGradW(y[:16], z[:500], x, 1) },
			"DepthGradX":    func() { DepthGradX(x, z[:500], y[:16], 1) },
		} {
			if n := testing.AllocsPerRun(5, f); n != 0 {
				t.Errorf("%s: %g allocations a call", name, n)
			}
		}
	})
}
