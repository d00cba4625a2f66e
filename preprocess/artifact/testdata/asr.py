"""The parts of artifact subspace reconstruction by meegkit, on asr/eeg_raw.npy of the data folder (argv[1])."""
import json
import os
import sys

import meegkit
import numpy as np
from meegkit.asr import clean_windows
from meegkit.utils.asr import fit_eeg_distribution, yulewalk

x = np.load(sys.argv[1])
rate = 250
out = {"program": "meegkit " + meegkit.__version__, "filters": [], "fits": [], "clean": []}
for sf in (100, 128, 200, 250, 500, 1000):
    f = np.array([0, 2, 3, 13, 16, 40, min(80.0, sf / 2 - 1), sf / 2]) * 2.0 / sf
    b, a = yulewalk(8, f, np.array([3, 0.75, 0.33, 0.33, 1, 1, 3, 3]))
    out["filters"].append({"rate": sf, "b": b.tolist(), "a": a.tolist()})
for ch in range(x.shape[0]):
    rms = [np.sqrt(np.mean(x[ch, s:s + rate] ** 2)) for s in range(0, x.shape[1] - rate, 85)]
    mu, sigma, _, _ = fit_eeg_distribution(rms)
    out["fits"].append([float(mu), float(sigma)])
for bad, low, high in ((0.075, -3.5, 5.5), (0.2, -3.5, 5), (0.3, -2, 3)):
    _, mask = clean_windows(x, rate, win_len=1, max_bad_chans=bad, zthresholds=[low, high])
    edges = np.flatnonzero(np.diff(mask[0].astype(int))) + 1
    out["clean"].append({"max_bad": bad, "low": low, "high": high, "first": bool(mask[0, 0]), "edges": edges.tolist()})
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "asr.json"), "w") as f:
    json.dump(out, f)
