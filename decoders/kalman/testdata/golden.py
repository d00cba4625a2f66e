"""Writes golden.json: the Kalman filter of Wu et al. 2006 in its textbook form, the steady gain by SciPy's Riccati solver, and
the Wiener filter by scikit-learn's Ridge on lagged rows, on simulated tuning curves.

Run: OMP_NUM_THREADS=1 python golden.py > golden.json
"""

import json
import sys

import numpy as np
import scipy
import sklearn
from scipy.linalg import solve_discrete_are
from sklearn.linear_model import Ridge


def simulate(rng, rows, features, outputs):
    y = np.zeros((rows, outputs))
    for t in range(1, rows):
        y[t] = 0.92 * y[t - 1] + 0.2 * np.roll(y[t - 1], 1) * (np.arange(outputs) % 2) + rng.normal(size=outputs)
    return y


def kalman(xs, ys, test, shrinkage, steady):
    xm, ym = np.concatenate(xs).mean(axis=0), np.concatenate(ys).mean(axis=0)
    xs, ys = [x - xm for x in xs], [y - ym for y in ys]
    first, second = np.concatenate([y[:-1] for y in ys]), np.concatenate([y[1:] for y in ys])
    z, y = np.concatenate(xs), np.concatenate(ys)
    a = second.T @ first @ np.linalg.inv(first.T @ first)
    w = (second - first @ a.T).T @ (second - first @ a.T) / len(first)
    h = z.T @ y @ np.linalg.inv(y.T @ y)
    q = (z - y @ h.T).T @ (z - y @ h.T) / len(z)
    q = (1 - shrinkage) * q + shrinkage * np.diag(np.diag(q))
    state, cov = np.zeros(len(a)), y.T @ y / len(y)
    rest = solve_discrete_are(a.T, h.T, w, q)
    out = []
    for t, row in enumerate(test - xm):
        if t > 0:
            state, cov = a @ state, a @ cov @ a.T + w
        if steady:
            cov = rest
        gain = cov @ h.T @ np.linalg.inv(h @ cov @ h.T + q)
        state, cov = state + gain @ (row - h @ state), (np.eye(len(a)) - gain @ h) @ cov
        out.append(state + ym)
    return np.array(out)


def wiener(xs, ys, test, lags, alpha):
    xm = np.concatenate(xs).mean(axis=0)

    def lagged(x):
        x = np.concatenate([np.zeros((lags - 1, x.shape[1])), x - xm])
        return np.concatenate([x[lags - 1 - k:len(x) - k] for k in range(lags)], axis=1)

    ridge = Ridge(alpha=alpha, solver="svd").fit(np.concatenate([lagged(x)[lags - 1:] for x in xs]), np.concatenate([y[lags - 1:] for y in ys]))
    return ridge.predict(lagged(test)).reshape(len(test), -1)


cases = []
for seed, (features, outputs, runs) in enumerate([(6, 2, [80, 60, 70]), (15, 4, [150]), (3, 1, [40, 30])]):
    rng = np.random.default_rng(seed)
    tuning = rng.normal(size=(outputs, features))
    mix = np.eye(features) + 0.2 * rng.normal(size=(features, features))
    ys = [simulate(rng, n, features, outputs) + 3 for n in [*runs, 50]]
    xs = [(y @ tuning + 2 * rng.normal(size=(len(y), features)) @ mix + 20).round(4) for y in ys]
    ys = [y.round(4) for y in ys]
    test = xs.pop()
    ys.pop()
    cases.append(dict(
        x=[x.tolist() for x in xs], y=[y.tolist() for y in ys], test=test.tolist(),
        kalman=[dict(shrinkage=s, steady_state=steady, value=kalman(xs, ys, test, s, steady).tolist()) for s in (0, 0.3) for steady in (False, True)],
        wiener=[dict(lags=lags, alpha=alpha, value=wiener(xs, ys, test, lags, alpha).tolist()) for lags, alpha in ((1, 0), (4, 1), (9, 50))]))
json.dump(dict(program=f"NumPy {np.__version__}, SciPy {scipy.__version__}, scikit-learn {sklearn.__version__}", cases=cases), sys.stdout, separators=(",", ":"))
