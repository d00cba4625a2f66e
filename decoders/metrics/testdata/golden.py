"""Writes golden.json: melded confidence limits of mean proportions, and binomial tests, from SciPy.

One class: scipy.stats.binomtest. Two classes: adaptive quadrature of density times distribution. More: convolution of
sampled densities on a fine grid (half as fine must agree to 1e-8).
Run: python golden.py > golden.json
"""

import json
import sys

import numpy as np
import scipy
from scipy import integrate, optimize, signal, stats


def lower(x, n, q):
    active = [stats.beta(a, m - a + 1) for a, m in zip(x, n) if a > 0]
    if not active:
        return 0.0
    if len(active) == 1:
        return active[0].ppf(q) / len(n)
    if len(active) == 2:
        f, g = active

        def cdf(s):
            lo, hi = max(0, s - 1), min(1, s)
            points = [p for p in (f.ppf(0.001), f.mean(), f.ppf(0.999), s - g.mean()) if lo < p < hi]
            inside = integrate.quad(lambda t: f.pdf(t) * g.cdf(s - t), lo, hi, points=points, epsabs=1e-13, epsrel=1e-12, limit=500)[0]
            return inside + f.cdf(lo)

        return optimize.brentq(lambda s: cdf(s) - q, 1e-12, 2 - 1e-12, xtol=1e-13) / len(n)
    coarse, fine = (by_grid(active, q, c) for c in (2**16, 2**17))
    assert abs(coarse - fine) < 1e-8, (x, n, coarse, fine)
    return fine / len(n)


def by_grid(active, q, cells):
    t = np.linspace(0, 1, cells + 1)
    density = None
    for d in active:
        p = d.pdf(t)
        p[[0, -1]] /= 2  # trapezoids
        p /= p.sum()
        density = p if density is None else signal.fftconvolve(density, p)
    cdf = np.cumsum(density) - density / 2  # at the grid points
    j = np.searchsorted(cdf, q)
    return (j - 1 + (q - cdf[j - 1]) / (cdf[j] - cdf[j - 1])) / cells


def upper(x, n, q):
    return 1 - lower([m - a for a, m in zip(x, n)], n, q)


cases = []
for x, n in [
    ([43], [45]), ([0], [7]), ([7], [7]), ([1], [400]),
    ([21, 22], [23, 22]), ([23, 22], [23, 22]), ([7, 8], [8, 8]), ([0, 0], [5, 9]), ([15, 0], [15, 15]), ([8, 40], [10, 90]), ([500, 3], [1000, 6]),
    ([5, 9, 12], [10, 12, 14]), ([60, 70, 65, 50], [72, 72, 72, 72]), ([72, 72, 72, 71], [72, 72, 72, 72]), ([1, 2, 0, 1, 3], [4, 4, 4, 4, 4]),
    ([30, 25, 28, 40, 33, 21, 19, 44], [50] * 8),
]:
    for level in (0.95, 0.99, 0.5):
        q = (1 - level) / 2
        low, high = lower(x, n, q), upper(x, n, q)
        if len(n) == 1:
            exact = stats.binomtest(x[0], n[0]).proportion_ci(level, "exact")
            low, high = float(exact.low), float(exact.high)
        p = stats.binomtest(sum(x), sum(n), max(n) / sum(n), "greater").pvalue if len(n) > 1 else 1.0
        cases.append(dict(correct=x, trials=n, level=level, low=low, high=high, p=float(p)))
json.dump(dict(program=f"scipy {scipy.__version__}", cases=cases), sys.stdout, indent=None, separators=(",", ":"))
