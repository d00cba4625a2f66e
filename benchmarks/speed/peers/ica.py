"""Times scikit-learn's fastica, MNE-Python's infomax and python-picard on 64 channels of 96,000 samples, one thread.
The signals and starts are those of BenchmarkFastICA in preprocess/spatial/ica. Prints one line of JSON for each.

Run: python3 ica.py [fastica|infomax|picard …]"""

import json
import os
import statistics
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402

CHANNELS, SAMPLES = 64, 96000


def lcg(seed, count):
    """count numbers of the generator in preprocess/spatial/ica's test, from 0 to 1."""
    out, state = np.empty(count), seed
    for i in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        out[i] = (state >> 11) / 2.0**53
    return out


def signals():
    u = lcg(1, CHANNELS * CHANNELS + CHANNELS * SAMPLES) - 0.5
    mix = u[: CHANNELS * CHANNELS].reshape(CHANNELS, CHANNELS)
    s = u[CHANNELS * CHANNELS :].reshape(SAMPLES, CHANNELS).T.copy()
    for i in range(CHANNELS):
        if i % 3 != 1:
            s[i] = s[i] ** 3 * 20
    return 20 * mix @ s + 100 * np.arange(CHANNELS)[:, None]


def report(peer, job, run, repeat):
    seconds = []
    for _ in range(repeat):
        begin = time.perf_counter()
        iterations = run()
        seconds.append(time.perf_counter() - begin)
    print(json.dumps({"peer": peer, "job": job, "seconds": min(seconds), "median": statistics.median(seconds), "iterations": int(iterations)}), flush=True)


def main(which):
    x = signals()
    u, _, vt = np.linalg.svd((lcg(2, CHANNELS * CHANNELS) - 0.5).reshape(CHANNELS, CHANNELS))
    init = u @ vt
    job = f"{CHANNELS} x {SAMPLES}"
    if "fastica" in which:
        import sklearn
        from sklearn.decomposition import fastica

        for solver in ("svd", "eigh"):  # the default, and the faster one
            report(
                f"scikit-learn {sklearn.__version__}",
                f"fastica {job}, whitening by {solver}",
                lambda: fastica(x.T, whiten="unit-variance", whiten_solver=solver, w_init=init, tol=1e-4, max_iter=200, return_n_iter=True)[-1],
                3,
            )
    xc = x - x.mean(1, keepdims=True)
    d, e = np.linalg.eigh(xc @ xc.T / SAMPLES)
    z = (e / np.sqrt(d)).T[::-1] @ xc
    if "picard" in which:
        import picard

        report(
            f"python-picard {picard.__version__}",
            f"picard extended {job}, tol 1e-5",
            lambda: picard.picard(z, ortho=False, extended=True, whiten=False, w_init=init, tol=1e-5, max_iter=200, return_n_iter=True)[-1],
            1,
        )
    if "infomax" in which:
        import mne
        from mne.preprocessing.infomax_ import infomax

        mne.set_log_level("ERROR")
        report(
            f"mne {mne.__version__}",
            f"infomax extended {job}, 10 passes",
            lambda: infomax(z.T, extended=True, max_iter=10, rng=np.random.default_rng(3), return_n_iter=True)[1],
            1,
        )


if __name__ == "__main__":
    main(sys.argv[1:] or ["fastica", "picard", "infomax"])
