"""Writes recorded.json: means of the 20 covariances in the golden array pyr_cov_oas, with pyRiemann.

    python recorded.py pyr_cov_oas.f64 > recorded.json
"""

import json
import sys

import numpy as np
import pyriemann
from pyriemann.geometry.mean import mean_logeuclid, mean_riemann

cov = np.fromfile(sys.argv[1]).reshape(20, 22, 22)
print(json.dumps({
    "program": f"pyriemann {pyriemann.__version__}, numpy {np.__version__}",
    "mean_riemann": mean_riemann(cov, tol=1e-13, maxiter=500).tolist(),
    "mean_logeuclid": mean_logeuclid(cov).tolist(),
}))
