"""Writes golden.json: connectivity by mne-connectivity, tensorpac and SciPy. Run: python3 golden.py"""
import json
import warnings

import numpy as np

warnings.simplefilter("ignore")
import mne  # noqa: E402
import mne_connectivity  # noqa: E402
import scipy  # noqa: E402
import tensorpac  # noqa: E402
from mne_connectivity import spectral_connectivity_time  # noqa: E402
from scipy import signal  # noqa: E402
from tensorpac.methods import modulation_index  # noqa: E402

mne.set_log_level("ERROR")


def channels(count, n, rate, seed):
    """Coloured noise with a rhythm: connectivity_test.go makes the same from the same generator."""
    state = seed
    x = np.zeros((count, n))
    for ch in range(count):
        last = 0.0
        for t in range(n):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            last = (0.5 + 0.1 * ch) * last + 20 * ((state >> 11) * 2.0**-53 - 0.5)
            x[ch, t] = last + (3 + ch) * np.sin(2 * np.pi * 10 * t / rate + ch)
    return x


PAIRS = [(i, j) for i in range(4) for j in range(i + 1, 4)]

# The measures themselves: mne-connectivity on Morlet coefficients, averaged over time.
measures = []
for n, rate, freq, seed in [(600, 200, 10.0, 1), (1000, 250, 21.0, 2)]:
    x = channels(4, n, rate, seed)
    case = dict(n=n, rate=rate, freq=freq, seed=seed)
    for method in ("plv", "pli", "wpli", "coh"):
        con = spectral_connectivity_time(x[None], freqs=[freq], method=method, sfreq=rate, mode="cwt_morlet", n_cycles=5, average=False,
                                         sm_times=0, faverage=False, indices=(np.array([p[0] for p in PAIRS]), np.array([p[1] for p in PAIRS])))
        case[method] = np.abs(con.get_data().ravel()).tolist()
    measures.append(case)


def band(x, rate, low, high):
    """Analytic signal behind an ideal band-pass."""
    x = x - x.mean(-1, keepdims=True)
    f = np.fft.rfftfreq(x.shape[-1], 1 / rate)
    keep = (f >= low) & (f < high)
    return signal.hilbert(np.fft.irfft(np.fft.rfft(x) * keep, n=x.shape[-1]))


# The whole of a step: filter, Hilbert transform, trimming, measure, from the definitions.
steps = []
for n, rate, trim, seed in [(500, 250, 0, 3), (321, 160, 0.25, 4), (256, 128, 0, 5)]:
    x = channels(4, n, rate, seed)
    cut = round(trim * rate)
    case = dict(n=n, rate=rate, trim=trim, seed=seed, plv=[], pli=[], wpli=[], band_coherence=[])
    for low, high in [(8, 13), (13, 30)]:
        z = band(x, rate, low, high)[:, cut:n - cut]
        for i, j in PAIRS:
            s = z[i] * z[j].conj()
            case["plv"].append(abs((s / abs(s)).mean()))
            case["pli"].append(abs(np.sign(s.imag).mean()))
            case["wpli"].append(abs(s.imag.mean()) / abs(s.imag).mean())
            case["band_coherence"].append(abs(s.mean()) / np.sqrt((abs(z[i]) ** 2).mean() * (abs(z[j]) ** 2).mean()))
    slow, fast = band(x, rate, 4, 8)[:, cut:n - cut], band(x, rate, 30, 50)[:, cut:n - cut]
    case["pac"] = [float(modulation_index(np.angle(slow[ch])[None], abs(fast[ch])[None], n_bins=18).ravel()[0]) for ch in range(4)]
    steps.append(case)

with open("golden.json", "w", encoding="ascii") as out:
    json.dump(dict(measures=measures, steps=steps), out, indent=0)
print("mne-connectivity", mne_connectivity.__version__, "mne", mne.__version__, "tensorpac", tensorpac.__version__, "scipy", scipy.__version__)
