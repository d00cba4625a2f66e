"""Writes positions.json: where MNE's template montage standard_1005 has its electrodes, as unit vectors (x to the right
ear, y to the nose, z up) from the centre of the sphere that fits the electrodes on and above the equator."""

import json
import sys

import mne
import numpy as np

pos = mne.channels.make_standard_montage("standard_1005").get_positions()["ch_pos"]
names = [n for n in pos if n not in ("T3", "T4", "T5", "T6")]
x = np.array([pos[n] for n in names])
upper = np.array([not n.endswith(("9", "10", "9h", "10h")) and n[:1] not in "AMI" or n.startswith("AF") for n in names])
a = np.c_[2 * x[upper], np.ones(upper.sum())]
centre = np.linalg.lstsq(a, (x[upper] ** 2).sum(1), rcond=None)[0][:3]
u = x - centre
u /= np.linalg.norm(u, axis=1, keepdims=True)
json.dump(
    {"program": f"mne {mne.__version__}", "directions": {n: [round(float(c), 4) for c in v] for n, v in zip(names, u)}},
    sys.stdout,
    indent=0,
)
