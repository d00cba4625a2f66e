"""Writes car.json: a common average by MNE with one bad channel and one EOG channel. Run: python3 car.py"""
import json

import mne
import numpy as np

names, kinds = ["Fz", "C3", "Cz", "C4", "Pz", "EOG1"], ["eeg"] * 5 + ["eog"]
x = np.array([[(7919 * (t + 40 * ch)) % 1009 - 504 for t in range(40)] for ch in range(6)], dtype=float)  # µV
info = mne.create_info(names, 250, kinds)
info["bads"] = ["C4"]
raw = mne.io.RawArray(x * 1e-6, info, verbose="error")
y = mne.set_eeg_reference(raw, "average", projection=False, verbose="error")[0].get_data() * 1e6
with open("car.json", "w", encoding="ascii") as f:
    json.dump(dict(mne=mne.__version__, names=names, kinds=kinds, exclude=["C4"], x=x.tolist(), y=y.tolist()), f)
    f.write("\n")
