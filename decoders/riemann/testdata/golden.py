"""Writes golden.json: MDM and FgMDM of pyRiemann on simulated covariances.

    python golden.py > golden.json
"""

import json
import warnings

import numpy as np
import pyriemann
import sklearn
from pyriemann.classification import MDM, FgMDM
from pyriemann.estimation import Covariances

warnings.simplefilter("ignore", DeprecationWarning)
rng = np.random.default_rng(3)


def upper(m):
    i, j = np.triu_indices(m.shape[-1])
    return m[..., i, j].tolist()


sets = []
for channels, classes, trials in [(3, 2, 24), (6, 4, 48)]:
    mix = rng.standard_normal((channels, channels))
    y = np.arange(trials) % classes
    x = np.empty((trials, channels, 60))
    for i, k in enumerate(y):
        source = rng.standard_normal((channels, 60))
        source[k % channels] *= 1.4
        x[i] = mix @ source
    cov = Covariances("oas").transform(x)
    train = np.arange(trials) < 2 * trials // 3
    results = {}
    for metric in ("riemann", "logeuclid", "euclid"):
        m = MDM(metric=metric).fit(cov[train], y[train])
        results["mdm " + metric] = {"distances": m.transform(cov[~train]).tolist(), "proba": m.predict_proba(cov[~train]).tolist()}
    for metric in ("riemann", "logeuclid"):
        m = FgMDM(metric=metric).fit(cov[train], y[train])
        results["fgmdm " + metric] = {"distances": m.transform(cov[~train]).tolist(), "proba": m.predict_proba(cov[~train]).tolist()}
    sets.append({"classes": classes, "x": upper(cov[train]), "y": y[train].tolist(), "test": upper(cov[~train]), "results": results})

print(json.dumps({
    "program": f"pyriemann {pyriemann.__version__}, scikit-learn {sklearn.__version__}, numpy {np.__version__}",
    "sets": sets,
}))
