"""Writes recorded.json: ICA, SSP, SSD, interpolation and current source density by other programs on a run of EEGMMIDB
(S001R04, ODC-By 1.0), of which only what was derived is kept. Run: python3 recorded.py DATA/eegmmidb/S001/S001R04.edf"""

import json
import sys
import warnings
from unittest import mock

import mne
import numpy as np
from mne.utils.numerics import _PCA
from scipy.signal import butter, sosfiltfilt

from peers import Whitened, pcg, zero_phase

mne.set_log_level("ERROR")
warnings.simplefilter("ignore")
COMPONENTS, SEED = 10, 5
raw = mne.io.read_raw_edf(sys.argv[1], preload=True)
events, ids = mne.events_from_annotations(raw)
mne.datasets.eegbci.standardize(raw)
rate = raw.info["sfreq"]
x = sosfiltfilt(butter(2, [1, 40], "bandpass", fs=rate, output="sos"), raw.get_data() * 1e6)
raw = mne.io.RawArray(x * 1e-6, raw.info)
centred = x - x.mean(1, keepdims=True)
shown = [raw.ch_names.index(n) for n in ("Fp1", "Fz", "C3", "Cz", "C4", "T9", "Pz", "Oz")]  # of the cleaned signals


def digits(a):
    """14 of them: the file stays small, and 1e-9 can be told."""
    return [digits(v) for v in a] if np.ndim(a) else float(f"{a:.14g}")


def some(y):
    return digits(y[shown, ::1000])


def add(method, program, w, by="n"):
    """w [components, channels] in 1/µV: variances of 1, ordered as gyrus does; its span is that of the principal components."""
    power = (w @ centred).std(1)
    w = w / power[:, None]
    a = centred @ (w @ centred).T / x.shape[1]  # the components are uncorrelated with what is left, and of variance 1
    a = a @ np.linalg.inv(np.cov(w @ centred, bias=True))
    order = np.argsort(-(a**2).sum(0))
    w, a = w[order], a[:, order]
    out["ica"].append(dict(method=method, program=program, by=by, unmixing=digits(w), cleaned=some(x - a[:, :2] @ (w[:2] @ centred))))


def by_mne(method, params, most, seed, pca):
    with mock.patch("mne.preprocessing.ica._PCA", pca):
        ica = mne.preprocessing.ICA(n_components=COMPONENTS, method=method, fit_params=params, max_iter=most, random_state=seed)
        ica.fit(raw, picks="all")
    return ica.unmixing_matrix_ @ ica.pca_components_[:COMPONENTS] / ica.pre_whitener_.T * 1e-6


MNE = f"MNE {mne.__version__}"
out = dict(channels=raw.ch_names, shown=[raw.ch_names[i] for i in shown], check=float(np.abs(x).sum()), ica=[])
add("fastica", MNE, by_mne("fastica", dict(tol=1e-15), 5000, 3, Whitened))
add("picard", MNE, by_mne("picard", dict(tol=1e-11, extended=True, ortho=False), 2000, 3, _PCA), "n-1")
add("picard_o", MNE, by_mne("picard", dict(tol=1e-11, extended=True, ortho=True), 2000, 3, Whitened))
add("infomax", MNE, by_mne("infomax", dict(extended=True), 1000, pcg(SEED), Whitened))

epochs = mne.Epochs(raw, events, dict(T1=ids["T1"], T2=ids["T2"]), tmin=-0.2, tmax=0.2 - 1 / rate, baseline=None, preload=True)
projs = mne.compute_proj_epochs(epochs, n_eeg=3)
out["ssp"] = dict(vectors=digits([p["data"]["data"][0] for p in projs]), explained=[float(p["explained_var"]) for p in projs], windows=len(epochs))

with mock.patch("mne.decoding._covs_ged.filter_data", zero_phase):
    ssd = mne.decoding.SSD(raw.info, dict(l_freq=9, h_freq=12), dict(l_freq=7, h_freq=14), n_components=3, sort_by_spectral_ratio=False)
    ssd.fit(x)
    out["ssd"] = dict(filters=digits(ssd.filters_[:3]), patterns=digits(ssd.patterns_[:3]), ratios=digits(ssd.evals_[:3]))

raw.set_montage("standard_1005")
radius, centre, _ = mne.bem.fit_sphere_to_headshape(raw.info, units="m")
out["positions"] = digits([c["loc"][:3] for c in raw.info["chs"]])
out["sphere"] = digits([*centre, radius])
# "auto" would take the origin of the head frame for the centre of the sphere.
csd = mne.preprocessing.compute_current_source_density(raw, sphere=(*centre, radius))
out["csd"] = some(csd.get_data() * 1e6)
raw.info["bads"] = ["C4", "Oz", "T9"]
out["interpolated"] = digits(raw.interpolate_bads(reset_bads=False).get_data(raw.info["bads"])[:, ::400] * 1e6)
json.dump(out, sys.stdout)
