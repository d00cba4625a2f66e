"""Writes recorded.json: verdicts on the seconds of a run of EEGMMIDB (S001R04, ODC-By 1.0) by MNE, autoreject and pyRiemann, of
which only what was derived is kept. Run: python3 recorded.py DATA/eegmmidb/S001/S001R04.edf > recorded.json"""

import json
import sys
import warnings

import autoreject
import mne
import numpy as np
import pyriemann
from autoreject.autoreject import _GlobalAutoReject
from pyriemann.artifact_detection import Potato
from pyriemann.geometry.covariance import covariances
from sklearn.model_selection import KFold

mne.set_log_level("ERROR")
warnings.simplefilter("ignore")
SHOWN = ["Fp1", "Fz", "C3", "Cz", "C4", "T9", "Pz", "Oz"]
LENGTH, WINDOWS, FOLDS = 160, 120, 5
raw = mne.io.read_raw_edf(sys.argv[1], preload=True)
mne.datasets.eegbci.standardize(raw)
data = np.round(raw.get_data(SHOWN) * 1e6, 6)  # whole µV again: ties are ties
x = data[:, :WINDOWS * LENGTH].reshape(len(SHOWN), WINDOWS, LENGTH).swapaxes(0, 1)

epochs = mne.EpochsArray(x * 1e-6, mne.create_info(SHOWN, raw.info["sfreq"], "eeg"), proj=False, baseline=None)
kept = epochs.copy().drop_bad(reject=dict(eeg=300.5e-6), flat=dict(eeg=130.5e-6)).selection.tolist()

heights = np.unique(np.ptp(x, axis=2).max(axis=1))
losses = []
for th in heights:
    est = _GlobalAutoReject(n_channels=x.shape[1], n_times=x.shape[2], thresh=th)
    with np.errstate(all="ignore"):
        loss = -np.mean([est.fit(x[a]).score(x[b]) for a, b in KFold(FOLDS).split(x)])
    losses.append(None if np.isinf(loss) else float(loss))
found = float(autoreject.get_rejection_threshold(epochs, random_state=0, cv=FOLDS, verbose=False)["eeg"]) * 1e6

cov = covariances(x, estimator="oas")
potato = Potato(threshold=2.5).fit(cov)
json.dump(
    {
        "programs": {m.__name__: m.__version__ for m in (mne, autoreject, pyriemann)}, "shown": SHOWN, "check": float(np.abs(x).sum()),
        "kept": kept, "losses": losses, "found": found, "z": potato.transform(cov).tolist(),
    },
    sys.stdout,
)
