"""interrupted.set: an EEGLAB recording with two boundaries, for the tests of gaps.

    python interrupted.py

Two channels of 1000 samples at 100 Hz. At the samples 100, 450 and 800 of the file Cz has a pulse of 500 uV and the file an event; before
the sample 400 there are 700 samples missing, before 700 there are 250. The noise is seeded; nothing of it was measured.
"""

import pathlib

import numpy as np
import scipy.io

x = np.random.default_rng(1).standard_normal((2, 1000)).astype("f4")
x[0, [100, 450, 800]] = 500


def struct(fields, rows):
    return np.array(rows, dtype=[(f, object) for f in fields])


EEG = {
    "srate": 100.0, "nbchan": 2.0, "pnts": 1000.0, "trials": 1.0, "xmin": 0.0, "xmax": 9.99, "ref": "common", "data": x,
    "chanlocs": struct(["labels"], [("Cz",), ("Pz",)]),
    # latencies count from 1; a boundary stands between two samples
    "event": struct(["type", "latency", "duration"], [("a", 101.0, 0.0), ("boundary", 400.5, 700.0), ("b", 451.0, 0.0), ("boundary", 700.5, 250.0), ("c", 801.0, 0.0)]),
}
scipy.io.savemat(pathlib.Path(__file__).parent / "interrupted.set", {"EEG": EEG})
