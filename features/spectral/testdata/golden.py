"""Writes golden.json: spectral features by SciPy, MNE, FOOOF and antropy. Run: python3 golden.py"""
import json
import warnings

import numpy as np

warnings.simplefilter("ignore")
import antropy  # noqa: E402
import fooof  # noqa: E402
import mne  # noqa: E402
import scipy  # noqa: E402
from scipy import signal  # noqa: E402

mne.set_log_level("ERROR")
BANDS = dict(delta=(1, 4), theta=(4, 8), alpha=(8, 13), beta=(13, 30), gamma=(30, 45))


def channels(count, n, rate, seed):
    """Coloured noise with a rhythm: signal_test.go makes the same from the same generator."""
    state = seed
    x = np.zeros((count, n))
    for ch in range(count):
        last = 0.0
        for t in range(n):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            last = (0.5 + 0.1 * ch) * last + 20 * ((state >> 11) * 2.0**-53 - 0.5)
            x[ch, t] = last + (3 + ch) * np.sin(2 * np.pi * 10 * t / rate)
    return x


cases = []
for n, rate, segment, seed in [(500, 250, 1, 1), (640, 160, 2, 2), (900, 128, 1, 3), (512, 256, 0, 4)]:
    x = channels(4, n, rate, seed)
    seg = round(segment * rate) or n
    case = dict(n=n, rate=rate, segment=segment, seed=seed)
    f, p = signal.welch(x, rate, nperseg=seg)
    keep = (f >= 1) & (f <= 45)
    case["welch"] = p[:, keep].ravel().tolist()
    pm, fm = mne.time_frequency.psd_array_multitaper(x, rate, fmin=1, fmax=45, bandwidth=6, normalization="full")
    case["multitaper"] = pm.ravel().tolist()
    power = np.stack([p[:, (f >= lo) & (f < hi)].sum(1) * f[1] for lo, hi in BANDS.values()], 1)
    case["band_power"] = power.ravel().tolist()
    case["relative"] = (power / power.sum(1, keepdims=True)).ravel().tolist()
    # The entropy of a normal variable with the band's variance, as SciPy has it.
    case["differential_entropy"] = [float(scipy.stats.norm(scale=np.sqrt(v)).entropy()) for v in power.ravel()]
    # antropy takes all bins, of half-overlapping segments; see spectral_entropy in the test.
    case["spectral_entropy"] = np.atleast_1d(antropy.spectral_entropy(x, rate, method="welch", nperseg=seg, normalize=True)).tolist()
    case["spectral_entropy_bits"] = np.atleast_1d(antropy.spectral_entropy(x, rate, method="welch", nperseg=seg)).tolist()
    aperiodic = []
    for row in p:
        fm = fooof.FOOOF(aperiodic_mode="fixed", verbose=False)
        fm.add_data(f, row, [1, 45])
        offset, exponent = fm._robust_ap_fit(fm.freqs, fm.power_spectrum)
        aperiodic += [exponent, offset]
    case["aperiodic"] = [float(v) for v in aperiodic]
    # MNE takes no wavelet that is longer than the signal: the signal lies within zeros.
    y = x - x.mean(1, keepdims=True)
    pad = np.zeros((4, 1000))
    tfr = mne.time_frequency.tfr_array_morlet(np.hstack([pad, y, pad])[None], rate, np.array([6.0, 8, 10, 12, 16, 20, 25, 30]), n_cycles=5.0,
                                              zero_mean=True, output="power")[0]
    case["morlet"] = tfr[:, :, 1000:1000 + n].mean(-1).ravel().tolist()
    cases.append(case)

with open("golden.json", "w", encoding="ascii") as out:
    out.write("[" + ",\n".join(json.dumps(c) for c in cases) + "]\n")
print("scipy", scipy.__version__, "mne", mne.__version__, "fooof", fooof.__version__, "antropy", antropy.__version__)
