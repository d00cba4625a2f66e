"""Writes fir.json: FIR designs of SciPy and MNE, MNE's zero-phase filters, and resampled signals. Run: python3 fir.py"""
import json
import math

import mne
import numpy as np
import scipy
from scipy import signal

mne.set_log_level("ERROR")
KINDS = {"lowpass": (30,), "highpass": (8,), "bandpass": (8, 30), "bandstop": (8, 30)}
firwin = []
for kind, edges in KINDS.items():
    for taps in (1, 4, 31, 64, 101):
        if taps % 2 == 0 and kind in ("highpass", "bandstop"):
            continue
        for window in ("hamming", "hann", "blackman", ("kaiser", 5.0), ("kaiser", 8.6)):
            if taps == 1 and kind in ("highpass", "bandstop"):
                continue
            h = signal.firwin(taps, edges, window=window, pass_zero=kind, fs=250)
            name, beta = window if isinstance(window, tuple) else (window, 0)
            firwin.append(dict(kind=kind, taps=taps, window=name, beta=beta, low=edges[0], high=edges[-1], rate=250, h=h[: (taps + 1) // 2].tolist()))

designs = []
for rate, low, high, kw in [
    (250, 8, 30, {}),
    (250, 1, 40, {}),
    (160, 0.5, None, {}),
    (1000, None, 90, {}),
    (250, 30, 8, {}),
    (250, None, 124, {}),
    (512, 4, 100, dict(l_trans_bandwidth=1, h_trans_bandwidth=20)),
    (250, 8, 30, dict(fir_window="hann")),
    (250, 8, 30, dict(fir_window="blackman")),
]:
    h = mne.filter.create_filter(None, rate, low, high, **kw)
    every = h[: (len(h) + 1) // 2 : max(1, len(h) // 200)]
    designs.append(dict(rate=rate, low=low or 0, high=high or 0, window=kw.get("fir_window", "hamming"), lowtrans=kw.get("l_trans_bandwidth", 0),
                        hightrans=kw.get("h_trans_bandwidth", 0), taps=len(h), h=every.tolist()))

# A signal of whole numbers, so that it can be written down again anywhere: x[t] = 7919 t mod 1009 - 504.
x = np.array([(7919 * t) % 1009 - 504 for t in range(3000)], dtype=float)
zerophase = []
for n in (2, 150, 412, 413, 414, 3000):
    for low, high in ((8, 30), (None, 40), (30, 8)):
        with np.errstate(all="ignore"):
            y = mne.filter.filter_data(x[:n], 250, low, high)
        zerophase.append(dict(n=n, low=low or 0, high=high or 0, y=y[:: max(1, n // 150)].tolist()))
notches = []
for freqs, kw in (((50,), {}), ((50, 100), {}), ((60,), dict(notch_widths=2.0, trans_bandwidth=4.0))):
    y = mne.filter.notch_filter(x, 250, freqs, **kw)
    notches.append(dict(freqs=freqs, width=kw.get("notch_widths", 0), trans=kw.get("trans_bandwidth", 0), y=y[::20].tolist()))

poly, fft = [], []
for rate, to, n in [(250, 128, 3000), (250, 125, 3000), (160, 250, 960), (512, 100, 2560), (250, 100, 1000), (1000, 250, 2000)]:
    up, down = math.lcm(rate, to) // rate, math.lcm(rate, to) // to
    y = signal.resample_poly(x[:n], up, down, padtype="reflect")
    poly.append(dict(rate=rate, to=to, n=n, len=len(y), y=y[:: max(1, len(y) // 150)].tolist()))
    y = mne.filter.resample(x[:n], to, rate, npad="auto")
    fft.append(dict(rate=rate, to=to, n=n, len=len(y), y=y[:: max(1, len(y) // 150)].tolist()))
for rate, to, n in [(250, 128, 2999), (250, 100, 37), (100, 250, 37), (250, 128, 1), (250, 99.7, 500)]:
    y = mne.filter.resample(x[:n], to, rate, npad="auto")
    fft.append(dict(rate=rate, to=to, n=n, len=len(y), y=y[:: max(1, len(y) // 150)].tolist()))
# The ends: not a whole number of output samples, and shorter than the filter. (SciPy crashes on a single sample.)
for rate, to, n in [(250, 128, 2999), (160, 250, 331), (250, 100, 37), (100, 250, 5)]:
    lcm = math.lcm(rate, to)
    y = signal.resample_poly(x[:n], lcm // rate, lcm // to, padtype="reflect")
    poly.append(dict(rate=rate, to=to, n=n, len=len(y), y=y[:: max(1, len(y) // 150)].tolist()))

groups = dict(firwin=firwin, designs=designs, zerophase=zerophase, notches=notches, poly=poly, fft=fft)
with open("fir.json", "w", encoding="ascii") as f:
    body = ",\n".join('"%s": [\n%s\n]' % (k, ",\n".join(json.dumps(v) for v in vs)) for k, vs in groups.items())
    f.write('{"scipy": "%s", "numpy": "%s", "mne": "%s",\n%s}\n' % (scipy.__version__, np.__version__, mne.__version__, body))
