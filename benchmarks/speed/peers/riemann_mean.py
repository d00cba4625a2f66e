"""Times the Riemannian mean of 1000 matrices of 22 × 22 with pyRiemann.

    OMP_NUM_THREADS=1 python riemann_mean.py [--repeats 7]

The Go side is BenchmarkMeanRiemann in preprocess/spd. The matrices are covariances of 66 samples of noise through one
mixing. Prints one line of JSON.
"""

import argparse
import json
import os
import time
import warnings

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before NumPy is loaded

import numpy as np  # noqa: E402
import pyriemann  # noqa: E402
from pyriemann.geometry.mean import mean_riemann  # noqa: E402

MATRICES, CHANNELS = 1000, 22


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--repeats", type=int, default=7)
    repeats = p.parse_args().repeats
    warnings.simplefilter("error", UserWarning)  # a mean that does not converge must not be timed
    rng = np.random.default_rng(1)
    x = rng.standard_normal((CHANNELS, CHANNELS)) @ rng.standard_normal((MATRICES, CHANNELS, 3 * CHANNELS))
    cov = x @ x.transpose(0, 2, 1) / (3 * CHANNELS)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        mean_riemann(cov)
        times.append(time.perf_counter() - start)
    print(json.dumps({
        "peer": f"pyriemann {pyriemann.__version__}",
        "job": "riemann_mean",
        "seconds": min(times),
        "median": float(np.median(times)),
    }))


if __name__ == "__main__":
    main()
