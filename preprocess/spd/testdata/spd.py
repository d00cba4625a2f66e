"""Writes spd.json: maps, means, distances and estimators of pyRiemann, SciPy and scikit-learn on simulated matrices.

    python spd.py > spd.json
"""

import json
import warnings

import numpy as np
import pyriemann
import scipy
import sklearn
from pyriemann.geometry import base, covariance, distance, geodesic, mean, tangentspace
from scipy.linalg import eigh

warnings.simplefilter("error", UserWarning)  # what does not converge is no golden value
rng = np.random.default_rng(20)


def listed(a):
    return np.asarray(a).tolist()


def window(p, n, decades):
    mix = rng.standard_normal((p, p)) * 10.0 ** rng.uniform(-decades / 2, decades / 2, (p, 1))
    return mix @ rng.standard_normal((p, n)) + rng.standard_normal((p, 1)) * 30


sets = []
for n, count, decades in [(1, 3, 0), (3, 5, 0), (6, 12, 1), (22, 8, 2)]:
    mix = rng.standard_normal((n, n)) * 10.0 ** rng.uniform(-decades / 2, decades / 2, (n, 1))
    x = mix @ rng.standard_normal((count, n, 3 * n + 2))
    c = x @ x.transpose(0, 2, 1) / (3 * n + 2)
    ref = mean.mean_riemann(c, tol=1e-13, maxiter=500)
    log_ref = mean.mean_logeuclid(c)
    sets.append({
        "matrices": listed(c),
        "values": listed(np.linalg.eigvalsh(c[0])),
        "sqrt": listed(base.sqrtm(c[0])),
        "invsqrt": listed(base.invsqrtm(c[0])),
        "log": listed(base.logm(c[0])),
        "exp": listed(base.expm(c[0] / np.linalg.norm(c[0]))),
        "pow": listed(base.powm(c[0], 0.3)),
        "cholesky": listed(np.linalg.cholesky(c[0])),
        "general": listed(eigh(c[0], c[1], eigvals_only=True)),
        "mean_riemann": listed(ref),
        "mean_logeuclid": listed(log_ref),
        "mean_euclid": listed(mean.mean_euclid(c)),
        "mean_harmonic": listed(mean.mean_harmonic(c)),
        "distance_riemann": distance.distance_riemann(c[0], c[1]).item(),
        "distance_logeuclid": distance.distance_logeuclid(c[0], c[1]).item(),
        "distance_euclid": distance.distance_euclid(c[0], c[1]).item(),
        "geodesic": listed(geodesic.geodesic_riemann(c[0], c[1], 0.3)),
        "tangent_riemann": listed(tangentspace.tangent_space(c, ref, metric="riemann")),
        "tangent_logeuclid": listed(tangentspace.tangent_space(c, log_ref, metric="logeuclid")),
    })

windows = []
for p, n, decades in [(1, 50, 0), (3, 40, 0), (7, 61, 2), (8, 5, 0), (5, 2, 0)]:
    x = window(p, n, decades)
    row = {"x": listed(x)}
    for name in ("scm", "oas", "lwf"):
        row[name] = listed(covariance.covariances(x[np.newaxis], name)[0])
    if n > 2 * p:
        row["tyler"] = listed(covariance.covariances(x[np.newaxis], "tyl", tol=1e-13, n_iter_max=10000)[0])
    windows.append(row)

print(json.dumps({
    "program": f"pyriemann {pyriemann.__version__}, scipy {scipy.__version__}, scikit-learn {sklearn.__version__}, numpy {np.__version__}",
    "sets": sets,
    "windows": windows,
}))
