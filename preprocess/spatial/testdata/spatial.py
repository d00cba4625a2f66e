"""Writes spatial.json: ICA, SSP and SSD by MNE-Python on signals made by a formula that the Go test has too.
Run: python3 spatial.py"""

import json
import sys
from unittest import mock

import mne
import numpy as np
import picard
import sklearn
from mne.utils.numerics import _PCA
from sklearn.decomposition import FastICA

from blinked import CHANNELS, RATE, SAMPLES, signals
from peers import Whitened, pcg, zero_phase

mne.set_log_level("ERROR")
x = signals()
info = mne.create_info(CHANNELS, RATE, "eeg")
raw = mne.io.RawArray(x * 1e-6, info)
out = {"program": f"mne {mne.__version__}", "check": float(np.abs(x).sum()), "ica": []}

BUMPS = np.exp(-(((np.arange(SAMPLES) % 700 - 350) / 20) ** 2) / 2)


def components(w):
    """w [components, channels] in 1/µV: variances of 1, ordered as gyrus does, with the mixing matrix."""
    a = np.linalg.inv(w)
    power = ((x - x.mean(1, keepdims=True)).T @ w.T).std(0)
    w, a = w / power[:, None], a * power[None]
    order = np.argsort(-(a**2).sum(0))
    return w[order], a[:, order], order


def add(method, program, w, by="n", ica=None):
    w, a, order = components(w)
    blink = int(np.argmax([abs(np.corrcoef(row @ x, BUMPS)[0, 1]) for row in w]))
    if ica:
        cleaned = ica.apply(raw.copy(), exclude=[int(order[blink])]).get_data() * 1e6
    else:
        cleaned = x - np.outer(a[:, blink], w[blink] @ (x - x.mean(1, keepdims=True)))
    out["ica"].append(dict(method=method, program=program, by=by, unmixing=w.tolist(), blink=blink, cleaned=cleaned[:, ::100].tolist()))


def by_mne(method, params, most, seed, pca):
    with mock.patch("mne.preprocessing.ica._PCA", pca):
        ica = mne.preprocessing.ICA(n_components=CHANNELS, method=method, fit_params=params, max_iter=most, random_state=seed)
        ica.fit(raw, picks="all")
    return dict(w=ica.unmixing_matrix_ @ ica.pca_components_ / ica.pre_whitener_.T * 1e-6, ica=ica)


MNE = f"MNE {mne.__version__}"
FASTICA, PICARD, PICARD_O = dict(tol=1e-14), dict(tol=1e-11, extended=True, ortho=False), dict(tol=1e-11, extended=True, ortho=True)
for name, method, params in (("fastica", "fastica", FASTICA), ("picard", "picard", PICARD), ("picard_o", "picard", PICARD_O)):
    for by, pca in (("n-1", _PCA), ("n", Whitened)):
        add(name, MNE, by=by, **by_mne(method, params, 2000, 3, pca))
add("infomax", MNE, **by_mne("infomax", dict(extended=True), 500, pcg(5), Whitened))

# The programs behind MNE's ICA do their own whitening.
fast = FastICA(algorithm="parallel", fun="logcosh", whiten="unit-variance", tol=1e-14, max_iter=2000, random_state=3).fit(x.T)
add("fastica", f"scikit-learn {sklearn.__version__}", fast.components_)
for name, params in (("picard", PICARD), ("picard_o", PICARD_O)):
    k, w, _ = picard.picard(x, whiten=True, max_iter=2000, random_state=3, **params)
    add(name, f"python-picard {picard.__version__}", w @ k)

# How far Infomax is from itself, by the random order of the samples alone.
seeds = [components(by_mne("infomax", dict(extended=True), 500, seed, _PCA)["w"])[0] for seed in range(5)]
out["infomax_seeds"] = max(min(np.abs(a[i] - s * b[i]).max() for s in (1, -1)) / np.abs(b[i]).max() for a in seeds for b in seeds for i in range(CHANNELS))

events = np.array([[t, 0, 1] for t in range(350, SAMPLES, 700)])
epochs = mne.Epochs(raw, events, tmin=-0.2, tmax=0.2 - 1 / RATE, baseline=None, preload=True)
projs = mne.compute_proj_epochs(epochs, n_eeg=2)
out["ssp"] = dict(vectors=[p["data"]["data"][0].tolist() for p in projs], explained=[float(p["explained_var"]) for p in projs])


with mock.patch("mne.decoding._covs_ged.filter_data", zero_phase):
    ssd = mne.decoding.SSD(info, dict(l_freq=9, h_freq=12), dict(l_freq=7, h_freq=14), n_components=3, sort_by_spectral_ratio=False)
    ssd.fit(x)
    out["ssd"] = dict(filters=ssd.filters_[:3].tolist(), patterns=ssd.patterns_[:3].tolist(), ratios=ssd.evals_[:3].tolist())
json.dump(out, sys.stdout)
