"""Decodes EEGMMIDB S001 and S002, imagined fists against feet and left against right, leave one run out, with the
pipelines of the gallery written in MNE, SciPy, pyRiemann and scikit-learn. Prints one JSON object: right decisions of
each pipeline, task, subject and kind of filter.

    python eegmmidb_pipelines.py DATA_DIR > golden/eegmmidb_pipelines.json

causal: Butterworth band-passes of order 4 as second-order sections from sample 0. zero-phase: MNE's default FIR.
Filter-bank CSP: nine bands of 4 Hz from 4 to 40 Hz, 4 filters each, and the 8 features with the most mutual information
by Parzen windows (Ang 2012, doi:10.3389/fnins.2012.00039, equations 12 to 18). No package has this
pipeline: its CSP is the NumPy of eegmmidb_csp_lda_golden.py, or in the rows "by mne.decoding.CSP" MNE's, on the trials as they
are (MNE leaves in the means of their channels, NumPy takes them out), and the mutual information is written out below.
"""

import argparse
import sys

import mne
import numpy as np
import pyriemann
import scipy
import sklearn
from eegmmidb import CUES, to_json
from eegmmidb_csp_lda_golden import csp, log_variance
from pathlib import Path
from pyriemann.classification import MDM
from pyriemann.estimation import Covariances
from pyriemann.tangentspace import TangentSpace
from scipy.signal import butter, sosfilt
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

TASKS = {"fists-feet": ("R06", "R10", "R14"), "left-right": ("R04", "R08", "R12")}
BAND = (8.0, 30.0)


BANK = [(float(f), float(f + 4)) for f in range(4, 40, 4)]


def trials(data_dir, subject, runs, zero_phase, band=BAND):
    x, y, group = [], [], []
    for g, run in enumerate(runs):
        raw = mne.io.read_raw_edf(Path(data_dir) / subject / f"{subject}{run}.edf", preload=True, verbose="error")
        rate = raw.info["sfreq"]
        if zero_phase:
            data = raw.copy().filter(*band, verbose="error").get_data() * 1e6
        else:
            data = sosfilt(butter(4, band, btype="bandpass", fs=rate, output="sos"), raw.get_data() * 1e6, axis=1)
        for a in raw.annotations:
            if a["description"] in CUES:
                start = int(round(a["onset"] * rate)) + round(0.5 * rate)
                x.append(data[:, start : start + 480])
                y.append(CUES.index(a["description"]))
                group.append(g)
    return np.array(x), np.array(y), np.array(group)


class CSPLDA:
    def fit(self, x, y):
        self.w, _ = csp(x, y)
        self.lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(log_variance(self.w, x), y)
        return self

    def predict(self, x):
        return self.lda.predict(log_variance(self.w, x))


def mutual_information(x, y):
    """Of one feature with the class, in bits."""
    n, h, p = len(x), 0.0, np.empty((2, len(x)))
    for k in (0, 1):
        v = x[y == k]
        prior = len(v) / n
        h -= prior * np.log2(prior)
        width = v.std() * (4 / (3 * len(v))) ** 0.2
        p[k] = np.exp(-(((x[:, None] - v) / width) ** 2) / 2).sum(axis=1) / width / n
    p /= p.sum(axis=0)
    q = np.where(p > 0, p, 1)
    return h + (p * np.log2(q)).sum() / n


class FBCSP:
    """x is (trials, bands, channels, samples). filters gives those of one band."""

    def __init__(self, filters):
        self.filters = filters

    def rows(self, x):
        return np.hstack([log_variance(w, x[:, b]) for b, w in enumerate(self.w)])

    def fit(self, x, y):
        self.w = [self.filters(x[:, b], y) for b in range(x.shape[1])]
        rows = self.rows(x)
        information = [mutual_information(r, y) for r in rows.T]
        self.best = np.argsort(information)[::-1][:8]
        self.lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(rows[:, self.best], y)
        return self

    def predict(self, x):
        return self.lda.predict(self.rows(x)[:, self.best])


def by_numpy(x, y):
    return csp(x, y)[0][:4]


def by_mne(x, y):
    return mne.decoding.CSP(n_components=4, reg=None, cov_est="epoch", norm_trace=False).fit(x, y).filters_[:4]


def pipelines():
    return {
        "csp-lda": CSPLDA(),
        "ts-lr": make_pipeline(Covariances("oas"), TangentSpace(metric="riemann"), LogisticRegression(C=1.0, tol=1e-10, max_iter=10000)),
        "mdm": make_pipeline(Covariances("oas"), MDM(metric="riemann")),
        "fbcsp-lda": FBCSP(by_numpy),
        "fbcsp-lda by mne.decoding.CSP": FBCSP(by_mne),
    }


def main():
    mne.set_log_level("ERROR")
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("data_dir", help="folder that holds S001 and S002")
    opt = args.parse_args()
    rows = []
    for subject in ("S001", "S002"):
        for task, runs in TASKS.items():
            for zero_phase in (False, True):
                x, y, group = trials(opt.data_dir, subject, runs, zero_phase)
                bank = np.stack([trials(opt.data_dir, subject, runs, zero_phase, band)[0] for band in BANK], axis=1)
                for name, model in pipelines().items():
                    x = bank if name.startswith("fbcsp-lda") else x
                    right = 0
                    for g in range(len(runs)):
                        model.fit(x[group != g], y[group != g])
                        right += int((model.predict(x[group == g]) == y[group == g]).sum())
                    rows.append({"subject": subject, "task": task, "filter": "zero-phase" if zero_phase else "causal",
                                 "pipeline": name, "correct": right, "trials": len(y)})
    versions = {m.__name__: m.__version__ for m in (mne, scipy, sklearn, pyriemann)}
    sys.stdout.write(to_json({"versions": versions, "rows": rows}))


if __name__ == "__main__":
    main()
