"""Writes degenerate.json: MDM and FgMDM of pyRiemann where a channel is flat, constant, or the copy of another.

The covariances of a constant channel with the others are rounding errors, of about 1e-26 µV². pyRiemann gets 0 for them,
their exact value: scikit-learn would divide them by their standard deviation, and its shrinkage would depend on them.
gyrus gets them as they are.

    python degenerate.py > degenerate.json
"""

import json

import numpy as np
import pyriemann
import scipy
import sklearn
from pyriemann.classification import MDM, FgMDM
from pyriemann.estimation import Covariances



def upper(m):
    i, j = np.triu_indices(m.shape[-1])
    return m[..., i, j].tolist()


KINDS = {
    "flat channel": lambda x: np.zeros_like(x[:, :1]),
    "constant channel": lambda x: np.full_like(x[:, :1], 0.1 + 1e5 / 3),
    "duplicated channel": lambda x: x[:, 1:2],
}

rng = np.random.default_rng(5)
sets = []
for what, channel in KINDS.items():
    channels, trials = 5, 36
    mix = 10 * rng.standard_normal((channels, channels))
    y = np.arange(trials) % 2
    x = np.empty((trials, channels, 80))
    for i, k in enumerate(y):
        source = rng.standard_normal((channels, 80))
        source[k] *= 1.25
        x[i] = mix @ source
    cov = Covariances("oas").transform(np.concatenate([x, channel(x)], axis=1))
    given = upper(cov)
    if what == "constant channel":
        assert np.abs(cov[:, -1, :-1]).max() < 1e-9
        cov[:, -1, :-1] = cov[:, :-1, -1] = 0
    train = np.arange(trials) < 24
    results = {}
    for metric in ("riemann", "logeuclid"):
        for name, model in (("mdm", MDM(metric=metric)), ("fgmdm", FgMDM(metric=metric))):
            model.fit(cov[train], y[train])
            right = int((model.predict(cov[~train]) == y[~train]).sum())
            results[f"{name} {metric}"] = {"distances": model.transform(cov[~train]).tolist(),
                                           "proba": model.predict_proba(cov[~train]).tolist(), "correct": right}
    sets.append({"what": what, "classes": 2, "x": [g for g, t in zip(given, train) if t], "y": y[train].tolist(), "test": [g for g, t in zip(given, train) if not t],
                 "truth": y[~train].tolist(), "results": results})

print(json.dumps({
    "program": f"pyriemann {pyriemann.__version__}, scikit-learn {sklearn.__version__}, SciPy {scipy.__version__}, numpy {np.__version__}",
    "sets": sets,
}))
