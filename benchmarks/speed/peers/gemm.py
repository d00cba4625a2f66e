"""OpenBLAS's sgemm, one thread, without Python in between: the peer of the job gemm.

NumPy brings an OpenBLAS; a few lines of C, compiled here, call its cblas_sgemm in a loop and read the clock of the
thread. The first line that is printed names the library and the core that it has chosen. Then, for each line
"m n k ta tb repetitions" on standard input, a line with the seconds of one call. Another library that exports
cblas_sgemm can be given by its path.
"""

import ctypes
import glob
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

LOOP = r"""
#define _GNU_SOURCE
#include <time.h>
typedef void (*gemm32)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
typedef void (*gemm64)(int, int, int, long, long, long, float, const float *, long, const float *, long, float, float *, long);
double loop(void *f, int wide, int ta, int tb, long m, long n, long k, const float *a, const float *b, float *c, long reps) {
	struct timespec t0, t1;
	long lda = ta ? m : k, ldb = tb ? k : n;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t0);
	for (long i = 0; i < reps; i++) {
		if (wide)
			((gemm64)f)(101, 111 + ta, 111 + tb, m, n, k, 1, a, lda, b, ldb, 0, c, n);
		else
			((gemm32)f)(101, 111 + ta, 111 + tb, m, n, k, 1, a, lda, b, ldb, 0, c, n);
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t1);
	return (t1.tv_sec - t0.tv_sec + 1e-9 * (t1.tv_nsec - t0.tv_nsec)) / reps;
}
"""


def compiled():
    with tempfile.TemporaryDirectory() as folder:
        source, library = os.path.join(folder, "loop.c"), os.path.join(folder, "loop.so")
        with open(source, "w") as f:
            f.write(LOOP)
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
        loop = ctypes.CDLL(library).loop
    loop.restype = ctypes.c_double
    loop.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int] + 3 * [ctypes.c_long] + 3 * [ctypes.c_void_p] + [ctypes.c_long]
    return loop


def openblas():
    """The function, whether its integers have 64 bits, and what the library says of itself."""
    if len(sys.argv) > 1:
        lib = ctypes.CDLL(sys.argv[1])
        pre, post = "", ""
    else:
        found = glob.glob(os.path.join(os.path.dirname(np.__file__), os.pardir, "numpy.libs", "libscipy_openblas64_*"))
        if len(found) != 1:
            sys.exit(f"gemm.py: NumPy {np.__version__} brings {len(found)} libraries called libscipy_openblas64_*, must be one")
        lib = ctypes.CDLL(found[0])
        pre, post = "scipy_", "64_"
    config, core = getattr(lib, pre + "openblas_get_config" + post), getattr(lib, pre + "openblas_get_corename" + post)
    config.restype = core.restype = ctypes.c_char_p
    name = f"{' '.join(config().decode().split()[:2])} as {core().decode()}"
    return ctypes.cast(getattr(lib, pre + "cblas_sgemm" + post), ctypes.c_void_p), bool(post), name


def main():
    f, wide, name = openblas()
    loop = compiled()
    print(json.dumps({"peer": name}), flush=True)
    rng = np.random.default_rng(0)
    kept = {}
    for line in sys.stdin:
        m, n, k, ta, tb, reps = map(int, line.split())
        if (m, n, k) not in kept:
            kept[m, n, k] = [rng.standard_normal(size, dtype=np.float32) for size in (m * k, k * n, m * n)]
        a, b, c = (x.ctypes.data for x in kept[m, n, k])
        loop(f, wide, ta, tb, m, n, k, a, b, c, reps // 8 + 1)  # the other one has had the caches
        print(loop(f, wide, ta, tb, m, n, k, a, b, c, reps), flush=True)


main()
