"""Times scipy.fft.rfft on batches of 64 signals.

    python fft.py [--n 256,512,1000,1024,1750,2048,4096,1021] [--repeats 15]

The Go side is BenchmarkRealFFT in preprocess/dsp (batch=64). "seconds" is the best time of one transform within the
batch, "median" the median over repeats. Prints one line of JSON per length.
"""

import argparse
import json
import os
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before NumPy is loaded

import numpy as np  # noqa: E402
import scipy  # noqa: E402
from scipy import fft  # noqa: E402

BATCH = 64


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", default="256,512,1000,1024,1750,2048,4096,1021")
    parser.add_argument("--repeats", type=int, default=15)
    args = parser.parse_args()
    for n in map(int, args.n.split(",")):
        x = np.random.default_rng(1).standard_normal((BATCH, n))
        calls = max(1, 2_000_000 // x.size)
        took = []
        for _ in range(args.repeats):
            begin = time.perf_counter()
            for _ in range(calls):
                fft.rfft(x, axis=-1, workers=1)
            took.append((time.perf_counter() - begin) / calls / BATCH)
        print(json.dumps({"peer": f"scipy {scipy.__version__}", "job": f"rfft n={n} batch={BATCH}",
                          "seconds": min(took), "median": float(np.median(took))}))


if __name__ == "__main__":
    main()
