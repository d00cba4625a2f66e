"""Writes fbcsp.json: filter-bank CSP with the filters of mne.decoding.CSP in every band, on imagined fists against feet of
EEGMMIDB S001 and S002 (ODC-By 1.0); of the recordings only what was derived is kept. Log-variances are NumPy's, the mutual
information that of ../../../benchmarks/oracle/eegmmidb_pipelines.py.
Run: OMP_NUM_THREADS=1 python3 fbcsp.py DATA/eegmmidb > fbcsp.json"""

import json
import pathlib
import sys

import mne
import numpy as np
from mne.decoding import CSP

sys.path.append(str(pathlib.Path(__file__).parents[3] / "benchmarks" / "oracle"))
from eegmmidb import load_trials  # noqa: E402
from eegmmidb_pipelines import BANK, mutual_information  # noqa: E402

mne.set_log_level("ERROR")
COMPONENTS, SELECT, SHOWN = 4, 8, 10  # SHOWN: trials whose features are kept


def digits(a, n=14):
    """n of them: the file stays small."""
    return [digits(v, n) for v in a] if np.ndim(a) else float(f"{a:.{n}g}")


subjects = []
for subject in ("S001", "S002"):
    filters, band, rows, check = [], [], [], 0.0
    for b, edges in enumerate(BANK):
        x, y, _, _ = load_trials(sys.argv[1], subject, ("R06", "R10", "R14"), band_hz=edges)
        check += float(np.abs(x).sum())
        x = x - x.mean(axis=2, keepdims=True)  # MNE leaves the means of a trial's channels in its covariance, gyrus takes them out
        n = x.shape[2]  # and divides by n - 1, gyrus by n
        w = CSP(n_components=COMPONENTS, reg=None, cov_est="epoch", norm_trace=False).fit(x, y).filters_[:COMPONENTS] * np.sqrt(n / (n - 1))
        filters += list(w)
        band += [b] * COMPONENTS
        rows += list(np.log(np.var(w @ x, axis=2)).T)
    information = np.array([mutual_information(r, y) for r in rows])
    best = np.sort(np.argsort(information)[::-1][:SELECT])
    subjects.append(dict(
        subject=subject, check=check, bands=BANK, band=[band[i] for i in best], information=digits(information[best]),
        next=float(np.sort(information)[::-1][SELECT]), filters=digits([filters[i] for i in best], 12),
        rows=digits(np.transpose([rows[i][:SHOWN] for i in best])),
    ))
json.dump(dict(program=f"MNE {mne.__version__}", subjects=subjects), sys.stdout)
