"""Times tangent space and logistic regression, or MDM, with pyRiemann and scikit-learn: five folds of 288 trials of 22
channels and 1000 samples, four classes; the covariances (OAS) are estimated once and are part of the time.

    OMP_NUM_THREADS=1 python tangent.py [--repeats 5]

The Go side is BenchmarkTangentLR and BenchmarkMDM in decoders/riemann. The signal is noise through one mixing whose
sources vary in strength from trial to trial, with source k three times as strong in trials of class k. Prints one line
of JSON for each of the two jobs.
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
import sklearn  # noqa: E402
from pyriemann.classification import MDM  # noqa: E402
from pyriemann.estimation import Covariances  # noqa: E402
from pyriemann.tangentspace import TangentSpace  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402

TRIALS, CHANNELS, SAMPLES, FOLDS = 288, 22, 1000, 5


def signals():
    rng = np.random.default_rng(1)
    mix = rng.standard_normal((CHANNELS, CHANNELS))
    y = np.arange(TRIALS) % 4
    x = np.empty((TRIALS, CHANNELS, SAMPLES))
    for i, k in enumerate(y):
        gain = 0.5 + rng.random(CHANNELS)
        gain[k] *= 3
        x[i] = mix @ (gain[:, None] * rng.standard_normal((CHANNELS, SAMPLES)))
    return x, y


def five_folds(x, y, make):
    cov = Covariances("oas").fit_transform(x)
    fold = np.arange(TRIALS) * FOLDS // TRIALS
    right = 0
    for f in range(FOLDS):
        model = make().fit(cov[fold != f], y[fold != f])
        right += np.sum(model.predict(cov[fold == f]) == y[fold == f])
    return right / TRIALS


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--repeats", type=int, default=5)
    repeats = p.parse_args().repeats
    warnings.simplefilter("error", UserWarning)  # a fit that does not converge must not be timed
    x, y = signals()
    jobs = {
        "tangent": lambda: make_pipeline(TangentSpace(), LogisticRegression(C=1, max_iter=1000)),
        "mdm": MDM,
    }
    for job, make in jobs.items():
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            accuracy = five_folds(x, y, make)
            times.append(time.perf_counter() - start)
        print(json.dumps({
            "peer": f"pyriemann {pyriemann.__version__}, scikit-learn {sklearn.__version__}",
            "job": job,
            "seconds": min(times),
            "median": float(np.median(times)),
            "accuracy": float(accuracy),
        }))


if __name__ == "__main__":
    main()
