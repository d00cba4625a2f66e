"""Writes dc.json: the transfer function of the step dc by SciPy's lfilter, from a state at the level of the first sample, on
a signal that the Go test makes too, with its weight found by a root finder. Run: python3 dc.py > dc.json"""

import json
import sys

import numpy as np
import scipy
from scipy.optimize import brentq
from scipy.signal import freqz, lfilter

RATE = 250.0
x = np.array([(7919 * t + t * t % 31) % 1009 - 300.0 for t in range(600)])


def gain(keep, cutoff):
    return abs(freqz([keep, -keep], [1, -keep], [cutoff], fs=RATE)[1][0]) ** 2 - 0.5


cases = []
for cutoff in (0.1, 1.0, 20.0):
    keep = brentq(gain, 0.1, 1 - 1e-9, args=(cutoff,), xtol=1e-15, rtol=1e-15)
    b, a = [keep, -keep], [1, -keep]
    y = lfilter(b, a, x, zi=[-keep * x[0]])[0]  # at rest at the level of the first sample
    cases.append({"cutoff_hz": cutoff, "y": y[::5].tolist()})
json.dump({"program": f"SciPy {scipy.__version__}", "cases": cases}, sys.stdout)
