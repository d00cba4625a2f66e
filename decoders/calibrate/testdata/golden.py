"""Writes golden.json: scikit-learn's IsotonicRegression, one-against-rest isotonic calibration, and temperature scaling.

Temperature scaling is the minimum of the log-loss by SciPy's minimize_scalar.
Run: python golden.py > golden.json
"""

import json
import sys

import numpy as np
import scipy
import sklearn
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.isotonic import IsotonicRegression

out = dict(program=f"scikit-learn {sklearn.__version__}, SciPy {scipy.__version__}", isotonic=[], temperature=[], classes=[])
for seed, n in enumerate([1, 2, 7, 40, 200]):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n).round(1 if n > 10 else 3)  # with ties
    y = (x + rng.normal(size=n)).round(3)
    w = rng.uniform(0.1, 3, n).round(3)
    test = np.concatenate([x[:20], rng.normal(size=20).round(3) * 2])
    for weight in (None, w):
        f = IsotonicRegression(out_of_bounds="clip").fit(x, y, sample_weight=weight)
        out["isotonic"].append(dict(x=x.tolist(), y=y.tolist(), weight=None if weight is None else w.tolist(), test=test.tolist(), value=f.predict(test).tolist()))
for seed, (n, k, sharp) in enumerate([(60, 2, 3), (80, 4, 1), (200, 3, 0.3), (50, 2, 12)]):
    rng = np.random.default_rng(50 + seed)
    y = rng.integers(k, size=n)
    z = rng.normal(size=(n, k))
    z[np.arange(n), y] += 1
    p = np.exp(log_softmax(sharp * z, axis=1)).round(9)
    p = np.clip(p, 1e-9, None)
    p /= p.sum(axis=1, keepdims=True)
    nll = lambda s: -log_softmax(np.log(p) * np.exp(s), axis=1)[np.arange(n), y].mean()  # noqa: E731
    beta = np.exp(minimize_scalar(nll, bracket=(-2, 2), tol=1e-15).x)
    out["temperature"].append(dict(p=p.tolist(), y=y.tolist(), temperature=float(1 / beta), scaled=np.exp(log_softmax(np.log(p) * beta, axis=1)).tolist()))
    if k == 2:
        q1 = IsotonicRegression(out_of_bounds="clip").fit(p[:, 1], y).predict(p[:, 1])
        q = np.stack([1 - q1, q1], axis=1)
    else:
        q = np.stack([IsotonicRegression(out_of_bounds="clip").fit(p[:, c], y == c).predict(p[:, c]) for c in range(k)], axis=1)
        s = q.sum(axis=1, keepdims=True)
        q = np.where(s > 0, q / np.where(s > 0, s, 1), 1 / k)
    out["classes"].append(dict(p=p.tolist(), y=y.tolist(), calibrated=q.tolist()))
json.dump(out, sys.stdout, separators=(",", ":"))
