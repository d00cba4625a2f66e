package kernel

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestWish starts this program again with every value of GYRUS_KERNEL; the child prints the kind and sums something.
func TestWish(t *testing.T) {
	if os.Getenv("GYRUS_KERNEL_CHILD") != "" {
		x := []float32{1, 2, 3}
		Exp(x, x)
		_, _ = os.Stdout.WriteString("kind=" + Name() + "\n")
		if d := Sum(x) - 30.192875; d < -1e-5 || d > 1e-5 {
			t.Errorf("e + e² + e³ is off by %g", d)
		}
		return
	}
	best := detectBest(t)
	for _, wish := range []string{"", "generic", "avx2", "avx512", "AVX2", "sse"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWish$")
		cmd.Env = append(os.Environ(), "GYRUS_KERNEL_CHILD=1", "GYRUS_KERNEL="+wish)
		out, err := cmd.CombinedOutput()
		want := best
		for k := generic; k <= avx512; k++ {
			if k.String() == wish {
				want = min(best, k)
			}
		}
		switch {
		case wish == "AVX2" || wish == "sse":
			if err == nil || !strings.Contains(string(out), `"`+wish+`", must be generic, avx2, avx512`) {
				t.Errorf("GYRUS_KERNEL=%s: %v, says %q, want a panic that lists what is allowed", wish, err, out)
			}
		case err != nil || !strings.Contains(string(out), "kind="+want.String()+"\n"):
			t.Errorf("GYRUS_KERNEL=%s: %v, says %q, want kind=%v", wish, err, out, want)
		}
	}
}

// detectBest is the kind without a wish.
func detectBest(t *testing.T) kind {
	t.Setenv("GYRUS_KERNEL", "")
	return detect()
}
