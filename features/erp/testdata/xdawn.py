"""Writes xdawn.json: xDAWN by pyRiemann and by MNE-Python on windows made by a formula that the Go test has too.
Run: python3 xdawn.py"""

import json
import sys

import mne
import numpy as np
import pyriemann
from mne.preprocessing.xdawn import _fit_xdawn
from pyriemann.spatialfilters import Xdawn

mne.set_log_level("ERROR")
WINDOWS, CHANNELS, SAMPLES = 40, 7, 90


def windows():
    state = 2009

    def draw():
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 11) / 2**53 - 0.5

    mix = np.array([[draw() for _ in range(CHANNELS)] for _ in range(CHANNELS)])
    pattern = np.array([[draw() for _ in range(CHANNELS)] for _ in range(3)])
    x = np.zeros((WINDOWS, CHANNELS, SAMPLES))
    y = np.array([0 if i % 4 else 1 + i // 4 % 2 for i in range(WINDOWS)])
    for i in range(WINDOWS):
        for t in range(SAMPLES):
            s = [20 * draw() for _ in range(CHANNELS)]
            d = (t - 40 - 10 * y[i]) / 8
            bump = 6 * np.exp(-d * d / 2)
            for ch in range(CHANNELS):
                x[i, ch, t] = sum(mix[ch, k] * s[k] for k in range(CHANNELS)) + bump * pattern[y[i], ch] + ch
    return x, y


x, y = windows()
p = Xdawn(nfilter=3, estimator="scm").fit(x, y)
filters, patterns, _ = _fit_xdawn(x, y, 3)
json.dump(
    dict(
        programs=f"pyriemann {pyriemann.__version__}, mne {mne.__version__}",
        pyriemann=dict(filters=p.filters_.tolist(), patterns=p.patterns_.tolist()),
        mne=dict(filters=filters.tolist(), patterns=patterns.tolist()),
    ),
    sys.stdout,
)
