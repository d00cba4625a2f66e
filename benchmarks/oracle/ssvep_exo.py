"""Decodes three flickers with scikit-learn's CCA, filter-bank CCA and meegkit's TRCA: what gyrus must reach.

    python ssvep_exo.py DATA_DIR > golden/ssvep_exo.json

DATA_DIR holds subject01 … subject06 of the SSVEP exoskeleton set (Kalunga et al. 2016,
doi:10.1016/j.neucom.2016.01.007; CC0-1.0): 8 channels, 256 Hz, two records of 32 trials each. Rest trials are left out.

Each record is filtered as a whole by Butterworth band-passes of order 4, 10-80, 24-80 and 36-80 Hz: "causal", forwards from
a zero state, and "zero-phase", forwards and backwards. A trial is [onset, onset + length), length 1 to 5 s; 3 harmonics. CCA
sees the first band, filter-bank CCA all three with the weights n^-1.25 + 0.25. TRCA is the ensemble, without a filter bank
and with it (fbtrca), and is fitted on the other record of the subject. Prints JSON: correct trials by filter, method and
length, with the exact 95 % interval, and the decisions, 0 to 2 for 13, 17 and 21 Hz, trial by trial in the order of the files.
"""

import argparse
import json
import pathlib
import sys

import meegkit
import mne
import numpy as np
import scipy
import sklearn
from meegkit.trca import trca
from scipy.signal import butter, sosfilt, sosfiltfilt
from scipy.stats import binomtest
from sklearn.cross_decomposition import CCA

HZ = {2: 13.0, 3: 21.0, 4: 17.0}  # event code: flicker; 1 is rest
FREQS = sorted(HZ.values())
BANDS = ((10, 80), (24, 80), (36, 80))
HARMONICS = 3
WEIGHTS = np.arange(1, len(BANDS) + 1) ** -1.25 + 0.25
LENGTHS = (1, 2, 3, 4, 5)
FILTERS = {"causal": sosfilt, "zero-phase": sosfiltfilt}


def load(data_dir, filt):
    """Trials [trials, bands, channels, 5 s] in the order of the records, with class, subject and record of each."""
    x, y, subject, record = [], [], [], []
    rate = None
    for s, folder in enumerate(sorted(pathlib.Path(data_dir).glob("subject*"))):
        for r, path in enumerate(sorted(folder.glob("*_raw.fif"))):
            raw = mne.io.read_raw_fif(path, preload=True)
            rate = raw.info["sfreq"]
            data = raw.get_data() * 1e6
            bands = [filt(butter(4, b, "bandpass", fs=rate, output="sos"), data) for b in BANDS]
            events = mne.read_events(str(path).replace("_raw.fif", "-eve.fif"))
            for onset, _, code in events:
                if code not in HZ:
                    continue
                at = onset - raw.first_samp
                x.append([b[:, at : at + round(5 * rate)] for b in bands])
                y.append(FREQS.index(HZ[code]))
                subject.append(s)
                record.append(r)
    return np.array(x), np.array(y), np.array(subject), np.array(record), rate


def references(f, n, rate):
    t = np.arange(n) / rate
    return np.array([g(2 * np.pi * h * f * t) for h in range(1, HARMONICS + 1) for g in (np.sin, np.cos)]).T


def by_cca(x, rate):
    """scikit-learn's first canonical correlation with each flicker, in the first band."""
    score = np.empty((len(x), len(FREQS)))
    for i, trial in enumerate(x[:, 0]):
        for k, f in enumerate(FREQS):
            u, v = CCA(n_components=1, tol=1e-12, max_iter=5000).fit_transform(trial.T, references(f, x.shape[3], rate))
            score[i, k] = np.corrcoef(u[:, 0], v[:, 0])[0, 1]
    return score


def by_fbcca(x, rate):
    """Weighted sum of squared canonical correlations of all bands, by QR and SVD."""
    q = []
    for f in FREQS:
        y = references(f, x.shape[3], rate)
        q.append(np.linalg.qr(y - y.mean(axis=0))[0])
    score = np.zeros((len(x), len(FREQS)))
    for i, trial in enumerate(x):
        for band, weight in zip(trial, WEIGHTS):
            qx = np.linalg.qr((band - band.mean(axis=1, keepdims=True)).T)[0]
            for k in range(len(FREQS)):
                score[i, k] += weight * np.linalg.svd(q[k].T @ qx, compute_uv=False)[0] ** 2
    return score


def by_trca(x, y, subject, record, bands):
    """Ensemble TRCA from the subject's other record."""
    x = x - x.mean(axis=3, keepdims=True)
    score = np.zeros((len(x), len(FREQS)))
    weights = WEIGHTS if bands > 1 else [1.0]
    for s in np.unique(subject):
        for r in np.unique(record):
            train, test = (subject == s) & (record != r), np.flatnonzero((subject == s) & (record == r))
            for b, weight in zip(range(bands), weights):
                w, templates = [], []
                for k in range(len(FREQS)):
                    trials = np.ascontiguousarray(x[train & (y == k), b].transpose(2, 1, 0))
                    templates.append(trials.mean(axis=2))
                    v = trca(trials.copy())
                    w.append(v / np.linalg.norm(v))
                w = np.array(w).T
                for i in test:
                    for k in range(len(FREQS)):
                        a, c = (x[i, b].T @ w).flatten(), (templates[k] @ w).flatten()
                        score[i, k] += weight * np.corrcoef(a, c)[0, 1]
    return score


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("data_dir", help="folder that holds subject01, subject02, …")
    opt = args.parse_args()
    mne.set_log_level("error")

    rows = []
    for name, filt in FILTERS.items():
        x, y, subject, record, rate = load(opt.data_dir, filt)
        for seconds in LENGTHS:
            part = x[..., : round(seconds * rate)]
            scores = {
                "cca": by_cca(part, rate),
                "fbcca": by_fbcca(part, rate),
                "trca": by_trca(part, y, subject, record, 1),
                "fbtrca": by_trca(part, y, subject, record, len(BANDS)),
            }
            for method, score in scores.items():
                decided = score.argmax(axis=1)
                right = decided == y
                interval = binomtest(int(right.sum()), len(y)).proportion_ci(method="exact")
                rows.append(
                    {
                        "filter": name,
                        "method": method,
                        "length_s": seconds,
                        "correct": int(right.sum()),
                        "trials": len(y),
                        "interval": [round(interval.low, 4), round(interval.high, 4)],
                        "by_subject": [int(right[subject == s].sum()) for s in np.unique(subject)],
                        "decisions": "".join(map(str, decided)),
                    }
                )
    versions = {m.__name__: m.__version__ for m in (mne, sklearn, scipy, meegkit)}
    out = {"versions": versions, "freqs_hz": FREQS, "classes": "".join(map(str, y)), "rows": rows}
    sys.stdout.write(json.dumps(out).replace("}, {", "},\n{") + "\n")


if __name__ == "__main__":
    main()
