"""Writes montage.json: signals at 32 electrodes brought to 64 by MNE-Python's interpolate_to, and the matrix that it uses for
those that are missing. Places are those of the rule of the 10-05 system (ingest/montage/testdata/positions.json, made by
the script beside it), once as they are and once moved, as if they had been measured; signals are made by a formula.
Run: python3 montage.py > montage.json"""

import json
import pathlib
import sys

import mne
import numpy as np
from mne.channels.interpolation import _make_interpolation_matrix

mne.set_log_level("ERROR")
rule = json.loads((pathlib.Path(__file__).parents[3] / "ingest/montage/testdata/positions.json").read_text())["rule"]
RADIUS, LIFT = 0.095, 0.095 * np.sin(np.pi / 8)
systems = {n: mne.channels.make_standard_montage(n).ch_names for n in ("biosemi16", "biosemi32", "biosemi64")}
names, target = systems["biosemi32"], systems["biosemi64"]
missing = [n for n in target if n not in names]
rng = np.random.default_rng(11)
x = np.array([[(7919 * (t + 40 * ch)) % 1009 - 504 for t in range(20)] for ch in range(len(names))], dtype=float)  # µV
out = dict(program=f"MNE {mne.__version__}", systems=systems, cases=[])
for moved in False, True:
    u = np.array([rule[n] for n in names])
    places = RADIUS * u + [0, 0, LIFT]
    if moved:
        places = places * [0.93, 1.08, 0.97] + rng.normal(0, 0.002, places.shape)
    fit = np.linalg.lstsq(np.c_[2 * places, np.ones(len(places))], (places**2).sum(1), rcond=None)[0]
    centre, radius = (fit[:3], np.sqrt(fit[3] + fit[:3] @ fit[:3])) if moved else (np.array([0, 0, LIFT]), RADIUS)
    goal = {n: places[names.index(n)] if n in names else centre + radius * np.array(rule[n]) for n in target}
    raw = mne.io.RawArray(x * 1e-6, mne.create_info(names, 100, "eeg"))
    raw.set_montage(mne.channels.make_dig_montage(dict(zip(names, places)), coord_frame="head"))
    y = raw.copy().interpolate_to(mne.channels.make_dig_montage(goal, coord_frame="head"), origin=tuple(centre), method="spline", reg=1e-5)
    matrix = _make_interpolation_matrix(places - centre, np.array([goal[n] for n in missing]) - centre, alpha=1e-5)
    out["cases"].append(dict(moved=moved, names=names, positions=places.tolist(), missing=missing, matrix=matrix.tolist(), y=(y.get_data(missing) * 1e6).tolist()))
json.dump(out, sys.stdout)
