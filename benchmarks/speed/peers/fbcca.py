"""Times filter-bank CCA in NumPy and scikit-learn: 40 targets, 9 channels, 1 s at 250 Hz, 5 sub-bands, 5 harmonics.

    OMP_NUM_THREADS=1 python fbcca.py [--peer numpy|loop|sklearn] [--repeats 7]

The Go side is BenchmarkFBCCA in features/ssvep: windows already cut into sub-bands in, 40 scores out. The NumPy peer is
as fast as we could write it: references are orthonormalised once, each sub-band's window once, and the singular values
of all targets come from one batched call. "loop" is the same with one call per target, as code is usually written.
Prints one line of JSON; the unit is one window.
"""

import argparse
import json
import os
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before NumPy is loaded

import numpy as np  # noqa: E402
import sklearn  # noqa: E402
from sklearn.cross_decomposition import CCA  # noqa: E402

TARGETS, BANDS, CHANNELS, SAMPLES, RATE, HARMONICS, WINDOWS = 40, 5, 9, 250, 250.0, 5, 40
WEIGHTS = np.arange(1, BANDS + 1) ** -1.25 + 0.25


def references():
    t = np.arange(SAMPLES) / RATE
    y = np.empty((TARGETS, SAMPLES, 2 * HARMONICS))
    for k in range(TARGETS):
        for h in range(HARMONICS):
            w = 2 * np.pi * (h + 1) * (8 + 0.2 * k)
            y[k, :, 2 * h], y[k, :, 2 * h + 1] = np.sin(w * t), np.cos(w * t)
    return y - y.mean(axis=1, keepdims=True)


def by_numpy(q, window):
    """Scores of one window [bands, channels, samples]; q [targets, 2·harmonics, samples] has orthonormal rows."""
    score = np.zeros(TARGETS)
    flat = q.reshape(-1, SAMPLES)
    for band, weight in zip(window, WEIGHTS):
        qx, _ = np.linalg.qr((band - band.mean(axis=1, keepdims=True)).T)
        inner = (flat @ qx).reshape(TARGETS, 2 * HARMONICS, CHANNELS)
        score += weight * np.linalg.svd(inner, compute_uv=False)[:, 0] ** 2
    return score


def by_loop(q, window):
    score = np.zeros(TARGETS)
    for band, weight in zip(window, WEIGHTS):
        qx, _ = np.linalg.qr((band - band.mean(axis=1, keepdims=True)).T)
        for k in range(TARGETS):
            score[k] += weight * np.linalg.svd(q[k] @ qx, compute_uv=False)[0] ** 2
    return score


def by_sklearn(y, window):
    score = np.zeros(TARGETS)
    for band, weight in zip(window, WEIGHTS):
        for k in range(TARGETS):
            u, v = CCA(n_components=1).fit_transform(band.T, y[k])
            score[k] += weight * np.corrcoef(u[:, 0], v[:, 0])[0, 1] ** 2
    return score


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--peer", choices=("numpy", "loop", "sklearn"), default="numpy")
    args.add_argument("--repeats", type=int, default=7)
    opt = args.parse_args()
    y = references()
    q = np.array([np.linalg.qr(r)[0].T for r in y])
    x = np.random.default_rng(1).standard_normal((WINDOWS, BANDS, CHANNELS, SAMPLES))
    one = {"numpy": lambda w: by_numpy(q, w), "loop": lambda w: by_loop(q, w), "sklearn": lambda w: by_sklearn(y, w)}[opt.peer]
    windows = x[:1] if opt.peer == "sklearn" else x
    one(x[0])
    seconds = []
    for _ in range(opt.repeats):
        begin = time.perf_counter()
        for w in windows:
            one(w)
        seconds.append((time.perf_counter() - begin) / len(windows))
    version = f"scikit-learn {sklearn.__version__}" if opt.peer == "sklearn" else f"numpy {np.__version__} ({opt.peer})"
    job = f"FBCCA, {TARGETS} targets, {BANDS} bands x {CHANNELS} ch x {SAMPLES} samples, {HARMONICS} harmonics, per window"
    print(json.dumps({"peer": version, "job": job, "seconds": min(seconds), "median": float(np.median(seconds))}))


if __name__ == "__main__":
    main()
