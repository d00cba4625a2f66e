"""Says what the golden arrays pyr_mean_riemann and pyr_mean_logeuclid are not the means of. Run: python stored_means.py GOLDEN

The log-Euclidean mean of any weighting (so also of any subset) of matrices has a logarithm in the span of their
logarithms; the weights follow from least squares, and what is left over says whether there are any.
"""

import sys

import numpy as np
from pyriemann.geometry.base import logm
from pyriemann.geometry.covariance import covariances
from pyriemann.geometry.mean import mean_logeuclid, mean_riemann

folder = sys.argv[1]
cov = np.fromfile(f"{folder}/pyr_cov_oas.f64").reshape(20, 22, 22)
stored = {m: np.fromfile(f"{folder}/pyr_mean_{m}.f64").reshape(22, 22) for m in ("riemann", "logeuclid")}
trial = np.fromfile(f"{folder}/sig.f64").reshape(1, 22, 1000) * 1e-6


def off(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


for estimator in ("scm", "oas", "lwf"):
    d = [off(covariances(trial, estimator)[0], c) for c in cov]
    print(f"golden/sig, {estimator}: nearest is matrix {np.argmin(d)}, off by {min(d):.1e}")
print(f"Riemannian mean of the 20: off by {off(mean_riemann(cov, tol=1e-12, maxiter=500), stored['riemann']):.2g}")
print(f"log-Euclidean mean of the 20: off by {off(mean_logeuclid(cov), stored['logeuclid']):.2g}")
upper = np.triu_indices(22)
scale = np.where(upper[0] == upper[1], 1, np.sqrt(2))
logs, mean = np.array([logm(c)[upper] * scale for c in cov]).T, logm(stored["logeuclid"])[upper] * scale
w = np.linalg.lstsq(logs, mean, rcond=None)[0]
left, spread = np.linalg.norm(logs @ w - mean), np.linalg.norm(logs - logs.mean(1, keepdims=True), axis=0).mean()
centre = np.linalg.norm(logs.mean(1) - mean)
print(f"log-Euclidean mean of the 20, any weights: {left:.2g} is left of distances of {spread:.2g} to their mean")
print(f"their mean lies {centre:.2f} from the stored one; a mean of all 288 trials, of which these are 20, would lie about {spread * np.sqrt(20 / 19 * (1 / 20 - 1 / 288)):.2f} away")
