"""Prints the coefficients in poly.go: minimax polynomials with a relative error, found by Lawson's iteration and rounded
to float32 one by one, lowest first, each time with a new fit of the rest. Needs numpy and scipy: python3 fit.py
"""

import numpy as np
from scipy.special import erfc


def lawson(basis, target, weight):
    w = np.ones(len(target))
    for _ in range(400):
        s = np.sqrt(w) * weight
        c = np.linalg.lstsq(basis * s[:, None], target * s, rcond=None)[0]
        e = np.abs((basis @ c - target) * weight)
        if e.max() == 0:
            break
        w = w * (e / e.max() + 1e-3)
        w /= w.max()
    return c, e.max()


def fit(name, x, target, degree, weight):
    """target ≈ Σ c[k]·x^k, error·weight minimal"""
    scale = np.abs(x).max()
    fixed, rest = [], target.copy()
    for k in range(degree + 1):
        basis = np.stack([(x / scale) ** j for j in range(k, degree + 1)], axis=1)
        c, err = lawson(basis, rest, weight)
        if k == 0:
            best = err
        v = np.float64(np.float32(c[0] / scale**k))
        fixed.append(v)
        rest = rest - v * x**k
    err = np.abs(rest * weight).max()
    print(f"{name}: error {best:.2e}, after rounding {err:.2e}")
    print("\t" + ", ".join(f"{v:.9g}" for v in fixed))


def chebyshev(lo, hi, n):
    return lo + (hi - lo) * (1 - np.cos(np.pi * (np.arange(n) + 0.5) / n)) / 2


# e^r = 1 + r + r²·q(r); the weight makes the error relative to e^r − 1
r = chebyshev(-0.35, 0.35, 2001)
r = r[np.abs(r) > 1e-3]
fit("exp", r, (np.expm1(r) - r) / r**2, 4, r**2 / np.abs(np.expm1(r)))

# ln(1+f) = f − f²/2 + f³·q(f)
f = chebyshev(np.sqrt(0.5) - 1.001, np.sqrt(2) - 0.999, 2001)
f = f[np.abs(f) > 2e-3]
fit("log", f, (np.log1p(f) - f + f * f / 2) / f**3, 8, np.abs(f**3 / np.log1p(f)))

# ½·erfc(a/√2) = ½·p(a)⁻¹⁶, the form of Abramowitz & Stegun 7.1.28; the weight makes the error absolute, of this and of a
# times this
a = chebyshev(0, 6.5, 4001)
y = erfc(a / np.sqrt(2))
fit("upper", a, y ** (-1 / 16), 7, 8 * y ** (17 / 16) * np.maximum(a, 1))
