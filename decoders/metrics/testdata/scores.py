"""Writes scores.json: scikit-learn's measures of decisions, rankings and probabilities, the interval of the AUC in its defining form,
and exact Poisson intervals from SciPy, on seeded data.

Run: python scores.py > scores.json
"""

import json
import sys

import numpy as np
import scipy
import sklearn
from scipy import optimize, stats
from sklearn import metrics as m


def auc_interval(s, pos, level):
    """Newcombe 2006, method 5, its variance drawn towards DeLong's by min(m, n)/(min(m, n) + 10)."""
    x, y = s[pos], s[~pos]
    psi = (x[:, None] > y[None]) + 0.5 * (x[:, None] == y[None])
    auc = psi.mean()
    z = stats.norm.ppf((1 + level) / 2)
    size, k = (len(x) + len(y)) / 2 - 1, min(len(x), len(y))

    def variance(t):
        return t * (1 - t) / len(x) / len(y) * (1 + size * (1 - t) / (2 - t) + size * t / (1 + t))

    r = 1
    if 0 < auc < 1:
        delong = psi.mean(axis=1).var(ddof=1) / len(x) + psi.mean(axis=0).var(ddof=1) / len(y)
        r = (10 + k * delong / variance(auc)) / (k + 10)

    def outside(t):
        return (auc - t) ** 2 - z * z * r * variance(t)

    low = 0.0 if auc == 0 else optimize.brentq(outside, 0, auc - 1e-12, xtol=1e-15)
    high = 1.0 if auc == 1 else optimize.brentq(outside, auc + 1e-12, 1, xtol=1e-15)
    return low, high


def ece(p, y, bins):
    top, hit = p.max(axis=1), p.argmax(axis=1) == y
    b = np.clip(np.ceil(top * bins).astype(int) - 1, 0, bins - 1)
    return float(sum(abs(hit[b == i].mean() - top[b == i].mean()) * (b == i).mean() for i in range(bins) if (b == i).any()))


out = dict(program=f"scikit-learn {sklearn.__version__}, SciPy {scipy.__version__}", labels=[], rankings=[], probabilities=[], rates=[])
for seed, (n, k) in enumerate([(12, 2), (90, 4), (60, 3)]):
    rng = np.random.default_rng(seed)
    y = rng.integers(k, size=n)
    d = np.where(rng.random(n) < 0.4, y, rng.integers(k, size=n))
    out["labels"].append(dict(classes=k, truth=y.tolist(), decided=d.tolist(), kappa=m.cohen_kappa_score(y, d), f1=m.f1_score(y, d, average="weighted"),
                              f1s=m.f1_score(y, d, average=None, labels=range(k), zero_division=0).tolist()))
for seed, (n, digits) in enumerate([(9, 1), (40, 1), (150, 6), (60, 0), (12, 6)]):
    rng = np.random.default_rng(20 + seed)
    pos = rng.random(n) < 0.3
    pos[:3], pos[3:5] = True, False
    s = (rng.normal(size=n) + pos * (1 if seed < 4 else 9)).round(digits)  # the last is in perfect order
    intervals = [dict(level=level, limits=auc_interval(s, pos, level)) for level in (0.95, 0.8)]
    out["rankings"].append(dict(score=s.tolist(), positive=pos.tolist(), auc=m.roc_auc_score(pos, s), ap=m.average_precision_score(pos, s), intervals=intervals))
for seed, (n, k) in enumerate([(30, 2), (120, 3), (80, 4)]):
    rng = np.random.default_rng(40 + seed)
    y = rng.integers(k, size=n)
    z = 2 * rng.normal(size=(n, k))
    z[np.arange(n), y] += 1
    p = np.exp(z)
    p /= p.sum(axis=1, keepdims=True)
    if k == 4:
        p[3], y[3] = [1, 0, 0, 0], 1  # certain, and wrong
    auc = m.roc_auc_score(y, p[:, 1]) if k == 2 else m.roc_auc_score(y, p, multi_class="ovr", average="macro")
    out["probabilities"].append(dict(p=p.tolist(), truth=y.tolist(), logloss=m.log_loss(y, p, labels=range(k)),
                                     brier=float(m.brier_score_loss(y, p, labels=range(k), scale_by_half=False) if k > 2 else 2 * m.brier_score_loss(y, p[:, 1])),
                                     auc=auc, ece=[ece(p, y, b) for b in (1, 10, 15)]))
for count, seconds in [(0, 60), (1, 600), (7, 300), (250, 3600)]:
    for level in (0.95, 0.9):
        tail = (1 - level) / 2
        low = stats.chi2.ppf(tail, 2 * count) / 2 if count else 0.0
        out["rates"].append(dict(count=count, seconds=seconds, level=level, low=float(low * 60 / seconds), high=float(stats.chi2.ppf(1 - tail, 2 * count + 2) / 2 * 60 / seconds)))
json.dump(out, sys.stdout, separators=(",", ":"))
