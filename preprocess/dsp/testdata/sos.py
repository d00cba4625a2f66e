"""Writes sos.json: filter designs and filtered samples of SciPy. Run: python3 sos.py"""
import json

import numpy as np
import scipy
from scipy import signal

EDGES = [(250, 8, 30), (160, 0.5, 40), (512, 48, 52), (1000, 0.1, 450), (128, 13, 13.5)]
designs = []
for rate, low, high in EDGES:
    for order in [*range(1, 9), 12]:
        for kind in ("lowpass", "highpass", "bandpass", "bandstop"):
            edges = {"lowpass": high, "highpass": low}.get(kind, [low, high])
            sos = signal.butter(order, edges, kind, fs=rate, output="sos")
            designs.append(dict(order=order, kind=kind, rate=rate, low=low, high=high, sos=sos.tolist()))

# Bands symmetric about a quarter of the rate: the poles mirror each other, rounding decides about their order.
ties = []
for rate, low, high in [(256, 32, 96), (200, 45, 55)]:
    for order in range(1, 9):
        for kind in ("bandpass", "bandstop"):
            sos = signal.butter(order, [low, high], kind, fs=rate, output="sos")
            ties.append(dict(order=order, kind=kind, rate=rate, low=low, high=high, sos=sos.tolist()))

notches = []
for freq, q, rate in [(50, 30, 250), (60, 30, 256), (50, 5, 160), (16.7, 35, 1000), (100, 80, 250), (0.5, 2, 512)]:
    b, a = signal.iirnotch(freq, q, fs=rate)
    notches.append(dict(freq=freq, q=q, rate=rate, sos=[*b, *a]))

# A signal of whole numbers, so that it can be written down again anywhere: x[t] = 7919 t mod 1009 - 504.
x = np.array([(7919 * t) % 1009 - 504 for t in range(400)], dtype=float)
filtered = []
for d in designs:
    if d["order"] in (1, 4, 7) and d["rate"] in (250, 160):
        y = signal.sosfilt(np.array(d["sos"]), x)
        filtered.append(dict(order=d["order"], kind=d["kind"], rate=d["rate"], low=d["low"], high=d["high"], y=y[::8].tolist()))

with open("sos.json", "w", encoding="ascii") as f:
    groups = dict(designs=designs, ties=ties, notches=notches, filtered=filtered)
    body = ",\n".join('"%s": [\n%s\n]' % (k, ",\n".join(json.dumps(v) for v in vs)) for k, vs in groups.items())
    f.write('{"scipy": "%s", "numpy": "%s",\n%s}\n' % (scipy.__version__, np.__version__, body))
