"""What MNE, autoreject, pyRiemann, SciPy and asrpy make of a signal that script and tests compute alike: see README.md."""
import json
import os

os.environ["OMP_NUM_THREADS"] = "1"
import autoreject
import autoreject.autoreject
import mne
import numpy as np
import pyriemann
import scipy
from pyriemann.artifact_detection import Potato
from pyriemann.geometry.covariance import covariances
from sklearn.model_selection import KFold

mne.set_log_level("error")
MASK = (1 << 64) - 1
CH, T, W = 5, 50, 60


class Noise:
    """A linear congruential generator: uniform within 0.5 of 0."""

    def __init__(self, seed):
        self.state = seed

    def __call__(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) & MASK
        return (self.state >> 11) * 2.0**-53 - 0.5


def windows():
    """[W, CH, T]: mixed noise; every 7th window is 4 times as large in channel 1, every 11th everywhere."""
    u = Noise(3)
    mix = np.array([[u() for _ in range(CH)] for _ in range(CH)])
    x = np.zeros((W, CH, T))
    for w in range(W):
        for t in range(T):
            s = np.array([u() for _ in range(CH)])
            for c in range(CH):
                x[w, c, t] = 100 * sum(mix[c, k] * s[k] for k in range(CH)) + 50 * c
        if w % 7 == 3:
            x[w, 1] *= 4
        if w % 11 == 5:
            x[w] *= 5
    return x


def eog_signal(n=1500):
    """[5, n]: three EEG channels and two EOG, with offsets, blinks leaking into the EEG."""
    u = Noise(9)
    x = np.zeros((5, n))
    for t in range(n):
        blink = 200.0 if t % 200 < 20 else 0.0
        for c in range(5):
            x[c, t] = 30 * u() + 100 * c
        x[3, t] += blink
        x[4, t] += -0.4 * blink + 20 * u()
        for c in range(3):
            x[c, t] += 0.1 * (c + 1) * (x[3, t] - 300) - 0.05 * (x[4, t] - 400)
    return x


out = {"programs": {"mne": mne.__version__, "autoreject": autoreject.__version__, "pyriemann": pyriemann.__version__,
                    "scipy": scipy.__version__}}

# Regression of eye movements, in MNE's volts.
x = eog_signal()
info = mne.create_info(["F3", "Cz", "O1", "VEOG", "HEOG"], 100.0, ["eeg"] * 3 + ["eog"] * 2)
raw = mne.io.RawArray(x * 1e-6, info)
raw.set_eeg_reference([])
model = mne.preprocessing.EOGRegression(picks="eeg", picks_artifact="eog").fit(raw)
cleaned = model.apply(raw).get_data(picks="eeg") * 1e6
out["eog"] = {"coefficients": model.coef_.tolist(), "cleaned": cleaned[:, ::50].tolist()}

# autoreject: the loss of every candidate, and what the package's search finds.
x = windows()
info = mne.create_info(CH, 100.0, "eeg")
epochs = mne.EpochsArray(x * 1e-6, info, proj=False, baseline=None)


def global_losses(x, folds):
    heights = np.ptp(x, axis=2).max(axis=1)
    est = autoreject.autoreject._GlobalAutoReject(n_channels=x.shape[1], n_times=x.shape[2])
    losses = []
    for th in np.unique(heights):
        est.set_params(thresh=th)
        scores = []
        for train, test in KFold(folds).split(x):
            with np.errstate(all="ignore"):
                est.fit(x[train])
                scores.append(est.score(x[test]))
        losses.append(-np.mean(scores))
    return [None if np.isinf(l) else l for l in losses]


def local_losses(x, folds):
    est = autoreject.autoreject._ChannelAutoReject()
    losses = []
    for th in np.unique(np.ptp(x, axis=1)):
        est.set_params(thresh=th)
        losses.append(-np.mean([est.fit(x[a]).score(x[b]) for a, b in KFold(folds).split(x)]))
    return losses


out["autoreject"] = {
    "global": global_losses(x, 5),
    "global_threshold": float(autoreject.get_rejection_threshold(epochs, random_state=0, cv=5, verbose=False)["eeg"]) * 1e6,
    "local": [local_losses(x[:, c], 10) for c in range(CH)],
    "local_thresholds": [float(autoreject.autoreject._compute_thresh(x[:, c], cv=10, random_state=0)) for c in range(CH)],
}

# The potato.
cov = covariances(x, estimator="scm")
p = Potato(threshold=2.5).fit(cov)
q = Potato(threshold=1.5).fit(covariances(x, estimator="oas"))
out["potato"] = {"centre": p.covmean_.tolist(), "z": p.transform(cov).tolist(), "mean": float(p._mean), "std": float(p._std),
                 "oas_z": q.transform(covariances(x, estimator="oas")).tolist()}

# The median of block covariances and its neighbours: a convex minimum, found by another method.
rows = np.array([[Noise(100 * i + j + 1)() + (5 if i % 5 == 0 else 0) for j in range(4)] for i in range(40)])
best = scipy.optimize.minimize(lambda m: np.sqrt(((rows - m) ** 2).sum(1)).sum(), np.median(rows, 0), method="BFGS",
                               options={"gtol": 1e-10})
out["geometric_median"] = {"rows": rows.tolist(), "median": best.x.tolist()}

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.json"), "w") as f:
    json.dump(out, f)
