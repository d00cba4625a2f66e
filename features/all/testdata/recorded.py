"""Writes recorded.json: features by other programs on the trials of a run of EEGMMIDB (S001R04, ODC-By 1.0), of which only
what was derived is kept. Run: python3 recorded.py DATA/eegmmidb/S001/S001R04.edf > recorded.json"""

import json
import sys
import warnings

import antropy
import fooof
import mne
import numpy as np
import pyriemann
import scipy
from mne.preprocessing.xdawn import _fit_xdawn
from pyriemann.estimation import Coherences, Covariances
from pyriemann.geometry.mean import mean_riemann
from pyriemann.geometry.tangentspace import tangent_space
from pyriemann.spatialfilters import Xdawn
from scipy import signal
from tensorpac.methods import modulation_index

mne.set_log_level("ERROR")
warnings.simplefilter("ignore")
SHOWN = ["Fp1", "Fz", "C3", "Cz", "C4", "T9", "Pz", "Oz"]
BANDS = [(1, 4), (4, 8), (8, 13), (13, 30), (30, 45)]
LENGTH = 640  # samples, 4 s
raw = mne.io.read_raw_edf(sys.argv[1], preload=True)
events, ids = mne.events_from_annotations(raw)
mne.datasets.eegbci.standardize(raw)
rate, data = raw.info["sfreq"], raw.get_data() * 1e6
trials = [e for e in events if e[2] in (ids["T1"], ids["T2"])]
x = np.array([data[:, e[0]:e[0] + LENGTH] for e in trials])
y = np.array([int(e[2] == ids["T2"]) for e in trials])
few = x[:, [raw.ch_names.index(n) for n in SHOWN]]
first = few[0]


def digits(a):
    """14 of them: the file stays small, and 1e-9 can be told."""
    return [digits(v) for v in a] if np.ndim(a) else float(f"{a:.14g}")


def upper(m):
    i, j = np.triu_indices(m.shape[-1])
    return m[..., i, j]


f, p = signal.welch(first, rate, nperseg=int(rate))
keep = (f >= 1) & (f <= 45)
power = np.stack([p[:, (f >= lo) & (f < hi)].sum(1) * f[1] for lo, hi in BANDS], 1)
aperiodic = []
for row in p:
    fm = fooof.FOOOF(aperiodic_mode="fixed", verbose=False)
    fm.add_data(f, row, [1, 45])
    offset, exponent = fm._robust_ap_fit(fm.freqs, fm.power_spectrum)
    aperiodic += [exponent, offset]
pad = np.zeros((len(SHOWN), 1000))
tfr = mne.time_frequency.tfr_array_morlet(
    np.hstack([pad, first - first.mean(1, keepdims=True), pad])[None], rate, np.array([6.0, 8, 10, 12, 16, 20, 25, 30]), n_cycles=5.0, zero_mean=True, output="power"
)[0]
features = {
    "welch": p[:, keep],
    "multitaper": mne.time_frequency.psd_array_multitaper(first, rate, fmin=1, fmax=45, bandwidth=6, normalization="full")[0][:, ::8],
    "band_power": power,
    "relative": power / power.sum(1, keepdims=True),
    "differential_entropy": scipy.stats.norm(scale=np.sqrt(power)).entropy(),
    "spectral_entropy": antropy.spectral_entropy(first, rate, method="welch", nperseg=int(rate), normalize=True),
    "aperiodic": np.array(aperiodic),
    "morlet": tfr[:, :, 1000:1000 + LENGTH].mean(-1),
}


def band(low, high):
    """Analytic signal behind an ideal band-pass."""
    z = first[:4] - first[:4].mean(-1, keepdims=True)
    hz = np.fft.rfftfreq(LENGTH, 1 / rate)
    return signal.hilbert(np.fft.irfft(np.fft.rfft(z) * ((hz >= low) & (hz < high)), n=LENGTH))


for name in ("plv", "pli", "wpli", "band_coherence"):
    features[name] = []
for low, high in [(8, 13), (13, 30)]:
    z = band(low, high)
    for i in range(4):
        for j in range(i + 1, 4):
            s = z[i] * z[j].conj()
            features["plv"].append(abs((s / abs(s)).mean()))
            features["pli"].append(abs(np.sign(s.imag).mean()))
            features["wpli"].append(abs(s.imag.mean()) / abs(s.imag).mean())
            features["band_coherence"].append(abs(s.mean()) / np.sqrt((abs(z[i]) ** 2).mean() * (abs(z[j]) ** 2).mean()))
slow, fast = band(4, 8), band(30, 50)
features["pac"] = [modulation_index(np.angle(slow[ch])[None], abs(fast[ch])[None], n_bins=18).ravel()[0] for ch in range(4)]

oas = Covariances("oas").transform(few)
features["covariance"] = upper(oas[0])
features["covariance_lwf"] = upper(Covariances("lwf").transform(few)[0])
# pyRiemann takes the next power of two of samples for the window.
features["coherence"] = upper(Coherences(coh="ordinary", window=128, overlap=0.75, fmin=8, fmax=30, fs=rate).fit(few).transform(few)[0].mean(axis=-1))
features["tangent_space"] = tangent_space(oas, mean_riemann(oas, tol=1e-12, maxiter=200), metric="riemann")[0]

pyr = Xdawn(nfilter=3, estimator="scm").fit(x, y)
filters, patterns, _ = _fit_xdawn(x, y, 3)
json.dump(
    {
        "programs": {m.__name__: m.__version__ for m in (scipy, mne, fooof, antropy, pyriemann)},
        "shown": SHOWN, "events": [int(e[0]) for e in trials], "y": y.tolist(), "check": float(np.abs(x).sum()),
        "features": {k: digits(np.ravel(v)) for k, v in features.items()},
        "xdawn": {
            "pyriemann": {"filters": digits(pyr.filters_), "patterns": digits(pyr.patterns_)},
            "mne": {"filters": digits(filters), "patterns": digits(patterns)},
        },
    },
    sys.stdout,
)
