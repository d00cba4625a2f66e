"""Times CSP and LDA with MNE and scikit-learn: five folds of 288 trials of 22 channels and 1000 samples, four classes.

    OMP_NUM_THREADS=1 python csp_lda.py [--cov-est concat|epoch] [--classes 4] [--repeats 5]

The Go side is BenchmarkCSPLDA in features/csp. Both fit CSP (8 components) and a shrinkage LDA on four fifths of the
trials and predict the rest, five times. The signal is the same noise in which class k has one source three times as
strong; only its size matters for the time. Prints one line of JSON.
"""

import argparse
import json
import os
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before NumPy is loaded

import mne  # noqa: E402
import numpy as np  # noqa: E402
import sklearn  # noqa: E402
from mne.decoding import CSP  # noqa: E402
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402

TRIALS, CHANNELS, SAMPLES, FOLDS, COMPONENTS = 288, 22, 1000, 5, 8


def signals(classes):
    rng = np.random.default_rng(1)
    mix = rng.standard_normal((CHANNELS, CHANNELS))
    y = np.arange(TRIALS) % classes
    x = np.empty((TRIALS, CHANNELS, SAMPLES))
    for i, k in enumerate(y):
        source = rng.standard_normal((CHANNELS, SAMPLES))
        source[k] *= 3
        x[i] = 1e-6 * (mix @ source)  # V, as MNE has it
    return x, y


def five_folds(x, y, cov_est):
    fold = np.arange(len(y)) * FOLDS // len(y)
    correct = 0
    for f in range(FOLDS):
        model = make_pipeline(
            CSP(n_components=COMPONENTS, reg=None, log=True, cov_est=cov_est),
            LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        )
        model.fit(x[fold != f], y[fold != f])
        correct += int((model.predict(x[fold == f]) == y[fold == f]).sum())
    return correct


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--cov-est", choices=("concat", "epoch"), default="concat")
    args.add_argument("--classes", type=int, default=4)
    args.add_argument("--repeats", type=int, default=5)
    opt = args.parse_args()
    mne.set_log_level("ERROR")
    x, y = signals(opt.classes)
    seconds = []
    for _ in range(opt.repeats):
        begin = time.perf_counter()
        correct = five_folds(x, y, opt.cov_est)
        seconds.append(time.perf_counter() - begin)
    print(
        json.dumps(
            {
                "peer": f"mne {mne.__version__}, scikit-learn {sklearn.__version__}",
                "job": f"CSP+LDA 5-fold, {TRIALS} x {CHANNELS} x {SAMPLES}, {opt.classes} classes, cov_est {opt.cov_est}",
                "seconds": min(seconds),
                "median": float(np.median(seconds)),
                "correct": correct,
            }
        )
    )


if __name__ == "__main__":
    main()
