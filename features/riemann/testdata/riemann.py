"""Writes riemann.json: features of pyRiemann on simulated windows.

    python riemann.py > riemann.json
"""

import json
import warnings

import numpy as np
import pyriemann
import sklearn
from pyriemann.estimation import Coherences, CoSpectra, Covariances, ERPCovariances, XdawnCovariances
from pyriemann.geometry.base import invsqrtm
from pyriemann.geometry.mean import mean_euclid, mean_riemann
from pyriemann.tangentspace import TangentSpace

warnings.simplefilter("ignore")
rng = np.random.default_rng(7)
TRIALS, CHANNELS, SAMPLES, RATE, CLASSES = 21, 4, 96, 64.0, 3

y = np.arange(TRIALS) % CLASSES
mix = rng.standard_normal((CHANNELS, CHANNELS))
t = np.arange(SAMPLES) / RATE
x = np.empty((TRIALS, CHANNELS, SAMPLES))
for i, k in enumerate(y):
    source = rng.standard_normal((CHANNELS, SAMPLES))
    source[k] *= 2
    x[i] = mix @ source + np.outer(rng.standard_normal(CHANNELS) * 3, np.ones(SAMPLES))
    x[i] += np.outer(np.arange(1, CHANNELS + 1), np.sin(2 * np.pi * (4 + 5 * k) * t))
x = np.round(x, 6)


def upper(m):
    i, j = np.triu_indices(m.shape[-1])
    return m[..., i, j].tolist()


def augmented(x, order, lag):
    """MOABB's AugmentedDataset (BSD-3), written anew: MOABB is not needed for three lines."""
    n = x.shape[-1] - order * lag
    return np.concatenate([x[..., p * lag:p * lag + n] for p in range(order)], axis=-2)


def mean_over_bins(estimator, x):
    return upper(estimator.fit(x).transform(x).mean(axis=-1))


def cospectra(x, window, low, high):
    """With the band given, pyRiemann 0.12 leaves out the factor 2 in the first and last bin of the band, which belongs to
    0 Hz and half the rate only; so all bins are asked for, and the band is picked here."""
    s = CoSpectra(window=window, overlap=0.75, fs=RATE).fit(x)
    c = s.transform(x)
    return upper(c[..., (s.freqs_ >= low) & (s.freqs_ <= high)].mean(axis=-1))


band = {"window": 32, "overlap": 0.75, "fmin": 4, "fmax": 20, "fs": RATE}
out = {
    "program": f"pyriemann {pyriemann.__version__}, scikit-learn {sklearn.__version__}, numpy {np.__version__}",
    "rate": RATE,
    "x": x.tolist(),
    "y": y.tolist(),
    "covariance": {e: upper(Covariances(e).transform(x)) for e in ("scm", "oas", "lwf")},
    "augmented": upper(Covariances("oas").transform(augmented(x, 3, 2))),
    "cospectra": cospectra(x, 32, 4, 20),
    "coherence": {c: mean_over_bins(Coherences(coh=c, **band), x) for c in ("ordinary", "instantaneous", "lagged", "imaginary")},
    "erp": upper(ERPCovariances(estimator="oas").fit(x, y).transform(x)),
    "erp_two": upper(ERPCovariances(estimator="lwf", classes=[0, 2]).fit(x, y).transform(x)),
}
svd = ERPCovariances(estimator="oas", svd=2).fit(x, y)
out["erp_svd"] = upper(svd.transform(x))
for name, apply in (("xdawn", True), ("xdawn_prototypes", False)):
    xd = XdawnCovariances(nfilter=2, applyfilters=apply, estimator="oas", xdawn_estimator="lwf").fit(x, y)
    out[name] = upper(xd.transform(x))
    out[name + "_filters"] = xd.Xd_.filters_.tolist()

cov = Covariances("oas").transform(x)
for metric in ("riemann", "logeuclid"):
    out["tangent_" + metric] = TangentSpace(metric=metric).fit(cov[:14]).transform(cov).tolist()
for metric, mean in (("riemann", lambda c: mean_riemann(c, tol=1e-12, maxiter=200)), ("euclid", mean_euclid)):
    w = invsqrtm(mean(cov))
    out["recentre_" + metric] = upper(w @ cov @ w)
scm = Covariances("scm").transform(x)
for name, mean in (("riemannian", lambda c: mean_riemann(c, tol=1e-12, maxiter=200)), ("euclidean", mean_euclid)):
    out[name + "_alignment"] = (invsqrtm(mean(scm)) @ x)[:3].tolist()
print(json.dumps(out))
