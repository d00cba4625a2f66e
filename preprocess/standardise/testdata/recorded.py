"""The same formula as in ema.py on recordings, of which every 500th sample of what comes out is kept: see README.md.
Run: python3 recorded.py DATA > recorded.json"""
import gzip
import json
import pathlib
import sys

import mne
import numpy as np
import pandas as pd

from ema import standardise

mne.set_log_level("ERROR")
root = pathlib.Path(sys.argv[1])


def edf(path):
    return mne.io.read_raw_edf(root / path, preload=True).get_data()[:8] * 1e6


def muse(path):
    with gzip.open(root / path, "rt") as file:
        return np.loadtxt(file, delimiter=",", skiprows=1).T[1:5]


runs = []
for data, path, read, rate in [("EEGMMIDB S001 R04", "eegmmidb/S001/S001R04.edf", edf, 160),
                               ("eegmat Subject00_1", "eegmat/Subject00_1.edf", edf, 500),
                               ("muse-p300 session1", "muse-p300/session1/data_2017-02-04-15_45_13.csv.gz", muse, 256)]:
    x = read(path)
    y = [standardise(x, 0.001, block, 1e-4)[:, ::500] for block in (0, 4 * rate)]
    runs.append(dict(data=data, path=path, channels=len(x), check=float(np.abs(x).sum()), plain=y[0].tolist(), block=y[1].tolist()))
json.dump(dict(program="pandas " + pd.__version__, runs=runs), sys.stdout)
