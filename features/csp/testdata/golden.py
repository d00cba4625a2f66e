"""Writes golden.json: CSP filters of MNE (mne.decoding.CSP) and of a naive SciPy solution.

The signals are not stored: signals() below and in csp_test.go make the same ones.
Run: python golden.py > golden.json
"""

import json
import sys

import mne
import numpy as np
import scipy
import scipy.linalg
from mne.decoding import CSP
from mne.decoding._ged import _normalize_eigenvectors
from mne.decoding._mod_ged import _compute_mutual_info
from mne.decoding.csp import _ajd_pham

mne.set_log_level("ERROR")
MASK = (1 << 64) - 1


class LCG:
    """Knuth's MMIX generator; the top 53 bits as a number in [-0.5, 0.5)."""

    def __init__(self, seed):
        self.s = seed

    def next(self):
        self.s = (self.s * 6364136223846793005 + 1442695040888963407) & MASK
        return (self.s >> 11) * 2.0**-53 - 0.5


def signals(case):
    """windows [n, ch, t] in µV and labels: label i%K (or all the rest 0), class k has source k strength times as strong."""
    n, chs, t, k = case["windows"], case["channels"], case["samples"], case["classes"]
    rng = LCG(case["seed"])
    mix = np.array([[rng.next() for _ in range(chs)] for _ in range(chs)])
    y = np.array([i % k if i < case["balanced"] else 0 for i in range(n)])
    x = np.empty((n, chs, t))
    for i in range(n):
        for j in range(t):
            s = np.array([rng.next() for _ in range(chs)])
            s[y[i]] *= case["strength"]
            x[i, :, j] = 20 * (mix @ s)
    if case["demean"]:
        x -= x.mean(axis=2, keepdims=True)
    if case["average_reference"]:
        x -= x.mean(axis=1, keepdims=True)
    for ch in case["flat"]:
        x[:, ch] = 0
    return x, y


def by_mne(case):
    x, y = signals(case)
    out = {"filters": [], "distance": []}
    reg = case["shrinkage"] or (None if case["regularise"] == "none" else case["regularise"])
    csp = CSP(n_components=case["components"], reg=reg, cov_est=case["cov_est"], norm_trace=False)
    if case["method"] == "ajd" and case["average_reference"]:
        out["filters"] = joint_in_range(x, y)[: case["components"]].tolist()
        return out
    if case["method"] == "ajd":
        csp.fit(x, y)
        out["filters"] = csp.filters_[: case["components"]].tolist()
        return out
    for k in range(case["classes"] if case["classes"] > 2 else 1):
        csp.fit(x, (y != k).astype(int))
        out["filters"] += csp.filters_[: case["components"]].tolist()
        out["distance"] += np.abs(csp.evals_[: case["components"]] - 0.5).tolist()
    return out


def joint_in_range(x, y):
    """MNE's joint diagonalisation where the rank is less than the channels. MNE picks some orthonormal basis of the
    range, and where it stops depends on it; here it is that of the eigenvectors, in ascending order."""
    n, classes = x.shape[2], np.unique(y)
    covs = np.array([np.mean([w @ w.T / (n - 1) for w in x[y == k]], axis=0) for k in classes])
    weights = np.array([(y == k).sum() for k in classes])
    values, vectors = np.linalg.eigh(covs.mean(axis=0))
    basis = vectors[:, values > 1e-10 * values[-1]]
    inner = np.array([basis.T @ c @ basis for c in covs])
    w = basis @ _normalize_eigenvectors(_ajd_pham(inner)[0].T, inner, weights)
    order = np.argsort(_compute_mutual_info(covs, weights, w))[::-1]
    return w[:, order].T


def by_scipy(case):
    """The definition: numpy.cov per window, class means, shrinkage, scipy.linalg.eigh in an orthonormal basis."""
    x, y = signals(case)
    out = {"filters": [], "distance": []}
    cov = np.array([np.cov(w, bias=True) for w in x])
    basis = scipy.linalg.orth(sum(cov), rcond=1e-9)
    r = basis.shape[1]
    s = case["shrinkage"]
    for k in range(case["classes"] if case["classes"] > 2 else 1):
        own, rest = (basis.T @ cov[m].mean(axis=0) @ basis for m in (y == k, y != k))
        own, rest = ((1 - s) * c + s * np.trace(c) / r * np.eye(r) for c in (own, rest))
        lam, v = scipy.linalg.eigh(own, own + rest)
        best = np.argsort(-np.abs(lam - 0.5))[: case["components"]]
        out["filters"] += (basis @ v[:, best]).T.tolist()
        out["distance"] += np.abs(lam[best] - 0.5).tolist()
    return out


def case(name, **kw):
    c = dict(name=name, windows=30, channels=8, samples=60, classes=2, balanced=30, components=4, shrinkage=0.0,
             demean=True, average_reference=False, flat=[], seed=1, strength=3.0, method="ovr", cov_est="epoch", regularise="none")
    c.update(kw)
    return c


both = [
    case("two classes"),
    case("two classes, unbalanced", balanced=16, seed=2),
    case("two classes, all components", components=8, seed=3),
    case("two classes, shrinkage 0.1", shrinkage=0.1, seed=4),
    case("two classes, average reference", average_reference=True, components=7, seed=5),
    case("three classes", classes=3, components=2, seed=6),
    case("four classes, unbalanced, average reference", classes=4, balanced=20, average_reference=True, seed=7),
]
mne_only = [
    case("two classes, ledoit_wolf", regularise="ledoit_wolf", seed=11),
    case("two classes, oas", regularise="oas", seed=12),
    case("two classes, concat, ledoit_wolf, unbalanced", regularise="ledoit_wolf", cov_est="concat", balanced=16, seed=13),
    case("three classes, concat, oas", regularise="oas", cov_est="concat", classes=3, components=2, seed=14),
    case("fewer samples than channels, ledoit_wolf", regularise="ledoit_wolf", samples=6, seed=15),
    case("ajd, three classes, weak", method="ajd", classes=3, strength=1.4, components=8, seed=16),
    case("ajd, four classes, strong, unbalanced", method="ajd", classes=4, balanced=20, components=6, seed=17),
    case("ajd, four classes, concat, unbalanced", method="ajd", cov_est="concat", classes=4, balanced=20, strength=1.5, components=8, seed=18),
    case("ajd, three classes, average reference", method="ajd", classes=3, average_reference=True, components=7, seed=19),
    case("ajd, three classes, shrinkage 0.1", method="ajd", classes=3, shrinkage=0.1, strength=2.0, seed=20),
    case("ajd, three classes, concat, ledoit_wolf", method="ajd", classes=3, cov_est="concat", regularise="ledoit_wolf", strength=2.0, seed=21),
    case("ajd, two classes", method="ajd", seed=22),
]
scipy_only = [
    case("windows with an offset", demean=False, seed=8),
    case("two flat channels", flat=[0, 5], components=6, seed=9),
    case("shrinkage 0.3, average reference, flat channel", shrinkage=0.3, average_reference=True, flat=[3], classes=3, seed=10),
]
cases = [dict(c, program=f"mne {mne.__version__}", **by_mne(c)) for c in both + mne_only]
cases += [dict(c, program=f"scipy {scipy.__version__}", **by_scipy(c)) for c in both + scipy_only]
json.dump(cases, sys.stdout, indent=None, separators=(",", ":"))
