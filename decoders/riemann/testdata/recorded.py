"""Writes recorded.json: MDM and FgMDM of pyRiemann on imagined movements of EEGMMIDB S001 and S002 (ODC-By 1.0), cut and filtered as
../../../benchmarks/oracle/eegmmidb.py does: OAS covariances of every 8th channel, fitted on the first two runs of each task, asked
about the third. Two classes are fists and feet, four these and the left and the right hand. No sample is kept.

    OMP_NUM_THREADS=1 python recorded.py DATA/eegmmidb > recorded.json
"""

import json
import pathlib
import sys
import warnings

import numpy as np
import pyriemann
from pyriemann.classification import MDM, FgMDM
from pyriemann.estimation import Covariances

sys.path.append(str(pathlib.Path(__file__).parents[3] / "benchmarks" / "oracle"))
from eegmmidb import load_trials  # noqa: E402

warnings.simplefilter("ignore", DeprecationWarning)


def digits(a):
    """14 of them: the file stays small, and 1e-9 can be told."""
    return [digits(v) for v in a] if np.ndim(a) else float(f"{a:.14g}")


sets = []
for subject in ("S001", "S002"):
    fists, y, run, _ = load_trials(sys.argv[1], subject, ("R06", "R10", "R14"))
    hands, z, other, _ = load_trials(sys.argv[1], subject, ("R04", "R08", "R12"))
    for classes in (2, 4):
        x = fists if classes == 2 else np.concatenate([fists, hands])
        labels = y if classes == 2 else np.concatenate([y, z + 2])
        train = (run if classes == 2 else np.concatenate([run, other])) < 2
        cov = Covariances("oas").transform(x[:, ::8])
        results = {}
        for name, model in [("mdm " + m, MDM(metric=m)) for m in ("riemann", "logeuclid", "euclid")] + [("fgmdm " + m, FgMDM(metric=m)) for m in ("riemann", "logeuclid")]:
            model.fit(cov[train], labels[train])
            results[name] = {"distances": digits(model.transform(cov[~train])), "proba": digits(model.predict_proba(cov[~train]))}
        sets.append({"subject": subject, "classes": classes, "check": float(np.abs(x).sum()), "results": results})
print(json.dumps({"program": f"pyriemann {pyriemann.__version__}", "sets": sets}))
