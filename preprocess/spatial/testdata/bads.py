"""Writes bads.json: ICA, SSP and SSD by MNE-Python on the signals of spatial.py, of which one channel is marked as bad.
Run: python3 bads.py > bads.json"""

import json
import sys
from unittest import mock

import mne
import numpy as np

from blinked import CHANNELS, RATE, SAMPLES, signals
from peers import Whitened, zero_phase

mne.set_log_level("ERROR")
BAD = 2
x = signals()
info = mne.create_info(CHANNELS, RATE, "eeg")
info["bads"] = [info["ch_names"][BAD]]
raw = mne.io.RawArray(x * 1e-6, info)
good = [ch for ch in range(CHANNELS) if ch != BAD]


def some(r):
    return (r.get_data()[:, ::100] * 1e6).tolist()


with mock.patch("mne.preprocessing.ica._PCA", Whitened):
    ica = mne.preprocessing.ICA(n_components=len(good), method="fastica", fit_params=dict(tol=1e-14), max_iter=2000, random_state=3)
    ica.fit(raw)
assert ica.ch_names == [raw.ch_names[ch] for ch in good]
bumps = np.exp(-(((np.arange(SAMPLES) % 700 - 350) / 20) ** 2) / 2)
found = ica.get_sources(raw).get_data()
cleaned = ica.apply(raw.copy(), exclude=[int(np.argmax([abs(np.corrcoef(s, bumps)[0, 1]) for s in found]))])

events = np.array([[t, 0, 1] for t in range(350, SAMPLES, 700)])
epochs = mne.Epochs(raw, events, tmin=-0.2, tmax=0.2 - 1 / RATE, baseline=None, preload=True)
projs = mne.compute_proj_epochs(epochs, n_eeg=2)
assert all(p["data"]["col_names"] == ica.ch_names for p in projs)
projected = raw.copy().add_proj(projs).apply_proj()

with mock.patch("mne.decoding._covs_ged.filter_data", zero_phase):
    ssd = mne.decoding.SSD(info, dict(l_freq=9, h_freq=12), dict(l_freq=7, h_freq=14), n_components=3, sort_by_spectral_ratio=False)
    ssd.fit(x)
json.dump(
    dict(
        program=f"mne {mne.__version__}", bad=BAD, ica=some(cleaned), ssp=some(projected), vectors=[p["data"]["data"][0].tolist() for p in projs],
        ssd=dict(filters=ssd.filters_[:3].tolist(), ratios=ssd.evals_[:3].tolist()),
    ),
    sys.stdout,
)
