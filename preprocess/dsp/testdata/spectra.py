"""Writes spectra.json: spectral estimates of SciPy and MNE. Run: python3 spectra.py"""
import json

import mne
import numpy as np
import scipy
from scipy import signal

mne.set_log_level("ERROR")


def x(n):
    """Whole numbers, so that they can be written down again anywhere: x[t] = 7919 t mod 1009 - 504."""
    return np.array([(7919 * t) % 1009 - 504 for t in range(n)], dtype=float)


welch = []
for n, seg, overlap in [(256, 256, 0), (999, 125, 60), (300, 256, 128), (1000, 100, 99), (2000, 250, 125), (700, 7, 3), (1111, 122, 61)]:
    f, p = signal.welch(x(n), 250, nperseg=seg, noverlap=overlap)
    welch.append(dict(n=n, seg=seg, overlap=overlap, psd=p.tolist()))

dpss = []
for n, nw, k, sym in [(64, 4, 8, True), (101, 2.5, 5, True), (500, 4, 8, False), (1000, 8, 16, False), (30, 1, 2, False)]:
    tapers, ratios = signal.windows.dpss(n, nw, k, sym=sym, return_ratios=True)
    dpss.append(dict(n=n, nw=nw, k=k, periodic=not sym, ratios=ratios.tolist(),
                     tapers=[t[:: max(1, n // 25)].tolist() for t in tapers]))

multitaper = []
for n, nw in [(250, 4), (333, 2), (128, 1), (640, 6.4)]:
    p, f = mne.time_frequency.psd_array_multitaper(x(n), 250, bandwidth=2 * nw * 250 / n, normalization="full")
    multitaper.append(dict(n=n, nw=nw, psd=p.tolist()))

morlet = []
for n, rate, freqs, cycles in [(300, 250, [6.0, 11.0, 40.0], [3.0, 5.5, 7.0]), (128, 128, [4.0, 30.0], [5.0]), (50, 250, [5.0], [7.0])]:
    c = cycles if len(cycles) > 1 else cycles[0]
    # Longer wavelets than the signal are refused by MNE: the signal lies within zeros then.
    pad = 1000
    y = np.concatenate([np.zeros(pad), x(n), np.zeros(pad)])
    out = mne.time_frequency.tfr_array_morlet(y[None, None], rate, np.array(freqs), n_cycles=np.array(cycles) if len(cycles) > 1 else c,
                                              zero_mean=True, output="complex")[0, 0][:, pad: pad + n]
    morlet.append(dict(n=n, rate=rate, freqs=freqs, cycles=cycles, re=out.real.tolist(), im=out.imag.tolist()))

hilbert = []
for n in (64, 125, 250, 13):
    h = signal.hilbert(x(n))
    hilbert.append(dict(n=n, re=h.real.tolist(), im=h.imag.tolist()))

with open("spectra.json", "w", encoding="ascii") as out:
    groups = dict(welch=welch, dpss=dpss, multitaper=multitaper, morlet=morlet, hilbert=hilbert)
    body = ",\n".join('"%s": [\n%s\n]' % (k, ",\n".join(json.dumps(v) for v in vs)) for k, vs in groups.items())
    out.write('{"scipy": "%s", "mne": "%s", "numpy": "%s",\n%s}\n' % (scipy.__version__, mne.__version__, np.__version__, body))
