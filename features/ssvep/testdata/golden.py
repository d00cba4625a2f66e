"""Writes golden.json: canonical correlations of scikit-learn and SciPy, and task-related components of meegkit.

The signals are not stored: signals() below and in golden_test.go make the same ones.
Run: python golden.py > golden.json
"""

import json
import sys

import meegkit
import numpy as np
import scipy
import sklearn
from meegkit.trca import trca
from scipy.linalg import subspace_angles
from sklearn.cross_decomposition import CCA

MASK = (1 << 64) - 1


class LCG:
    """Knuth's MMIX generator; the top 53 bits as a number in [-0.5, 0.5)."""

    def __init__(self, seed):
        self.s = seed

    def next(self):
        self.s = (self.s * 6364136223846793005 + 1442695040888963407) & MASK
        return (self.s >> 11) * 2.0**-53 - 0.5


def signals(c):
    """[windows, bands, channels, samples]; window i belongs to class i % classes, and has its flicker."""
    rng = LCG(c["seed"])
    pattern = [[rng.next() for _ in range(c["channels"])] for _ in c["freqs"]]
    x = np.empty((c["windows"], c["bands"], c["channels"], c["samples"]))
    for i in range(c["windows"]):
        k = i % len(c["freqs"])
        for b in range(c["bands"]):
            for ch in range(c["channels"]):
                for t in range(c["samples"]):
                    wave = np.sin(2 * np.pi * c["freqs"][k] * t / c["rate"] + 0.3 * b)
                    x[i, b, ch, t] = 100 * ch + 20 * rng.next() + 10 * pattern[k][ch] * wave
    if c["average_reference"]:
        x -= x.mean(axis=2, keepdims=True)
    for ch in c["flat"]:
        x[:, :, ch] = 7
    return x


def references(c, f):
    t = np.arange(c["samples"]) / c["rate"]
    return np.array([g(2 * np.pi * h * f * t) for h in range(1, c["harmonics"] + 1) for g in (np.sin, np.cos)])


def canonical(c, x, f, program):
    """First canonical correlation of one window [channels, samples]."""
    x = np.delete(x, c["flat"], axis=0)
    if c["average_reference"]:
        x = x[:-1]  # the last channel is minus the sum of the others
    y = references(c, f)
    if program == "scipy":
        x, y = (v - v.mean(axis=1, keepdims=True) for v in (x, y))
        return float(np.cos(subspace_angles(x.T, y.T)).max())
    model = CCA(n_components=1, tol=1e-30, max_iter=100000)
    u, v = model.fit_transform(x.T, y.T)
    return float(np.corrcoef(u[:, 0], v[:, 0])[0, 1])


def by_cca(c, program):
    weights = [1.0] if c["bands"] == 1 else [n**-1.25 + 0.25 for n in range(1, c["bands"] + 1)]
    rows = []
    for window in signals(c):
        rho = np.array([[canonical(c, band, f, program) for f in c["freqs"]] for band in window])
        rows.append((rho[0] if c["bands"] == 1 else weights @ rho**2).tolist())
    return {"rows": rows}


def by_trca(c):
    """Filters of meegkit.trca.trca, fitted on the first half of the windows; correlations of all, as meegkit's predict."""
    x = signals(c)
    x = x - x.mean(axis=3, keepdims=True)
    classes, half = len(c["freqs"]), c["windows"] // 2
    weights = [1.0] if c["bands"] == 1 else [n**-1.25 + 0.25 for n in range(1, c["bands"] + 1)]
    filters = np.empty((c["bands"], classes, c["channels"]))
    rows = np.zeros((c["windows"], classes))
    for b in range(c["bands"]):
        train = [np.ascontiguousarray(x[:half][k::classes, b].transpose(2, 1, 0)) for k in range(classes)]
        templates = [v.mean(axis=2) for v in train]
        for k in range(classes):
            w = trca(train[k].copy())
            filters[b, k] = w / np.linalg.norm(w)  # LAPACK scales some to a largest entry of 1 instead; ensembles weigh by length
        for k in range(classes):
            w = filters[b].T if c["ensemble"] else filters[b, k]
            for i in range(c["windows"]):
                r = np.corrcoef((x[i, b].T @ w).flatten(), (templates[k] @ w).flatten())[0, 1]
                rows[i, k] += weights[b] * r
    return {"filters": filters.tolist(), "rows": rows.tolist()}


def case(name, **kw):
    c = dict(name=name, windows=4, bands=1, channels=5, samples=200, rate=200.0, freqs=[9.0, 13.5], harmonics=2,
             average_reference=False, flat=[], ensemble=False, seed=1)
    c.update(kw)
    return c


cca = [
    case("plain"),
    case("odd number of samples, one channel", samples=151, channels=1, seed=2),
    case("more channels than references", channels=9, harmonics=1, samples=120, freqs=[8.0, 11.0, 14.2], windows=3, seed=3),
    case("more references than channels", channels=3, harmonics=5, samples=250, rate=250.0, windows=3, freqs=[8.0, 8.2, 15.8], seed=4),
    case("average reference, flat channel", channels=6, average_reference=True, seed=5),
    case("flat channels", channels=5, flat=[0, 3], seed=6),
    case("three bands", bands=3, channels=4, seed=7),
]
components = [
    case("trca", windows=20, seed=8),
    case("ensemble", windows=20, ensemble=True, freqs=[9.0, 13.5, 20.0], samples=151, seed=9),
    case("ensemble, two bands", windows=16, ensemble=True, bands=2, seed=10),
]
cases = [dict(c, step="cca", program=f"scipy {scipy.__version__}", **by_cca(c, "scipy")) for c in cca]
cases += [dict(c, step="cca", program=f"scikit-learn {sklearn.__version__}", **by_cca(c, "sklearn")) for c in cca]
cases += [dict(c, step="trca", program=f"meegkit {meegkit.__version__}", **by_trca(c)) for c in components]
json.dump(cases, sys.stdout, separators=(",", ":"))
