"""Writes spline.json: interpolation and Laplacian matrices of MNE-Python for electrodes of its standard_1005 montage."""

import json
import sys
import warnings

import mne
import numpy as np
from mne.bem import _fit_sphere
from mne.channels.interpolation import _make_interpolation_matrix

warnings.simplefilter("ignore")
mne.set_log_level("ERROR")
pos = mne.channels.make_standard_montage("standard_1005").get_positions()["ch_pos"]
names = "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 Oz O2 FC1 CP6".split()
x = np.array([pos[n] for n in names])
radius, centre = _fit_sphere(x)
bad = [names.index(n) for n in ("Cz", "P8", "Fp1")]
good = [i for i in range(len(names)) if i not in bad]
out = {
    "program": f"mne {mne.__version__}",
    "names": names,
    "positions": x.tolist(),
    "centre": centre.tolist(),
    "radius": float(radius),
    "bad": bad,
    "interpolation": _make_interpolation_matrix(x[good] - centre, x[bad] - centre).tolist(),
    "laplacian": [],
}
info = mne.create_info(names, 100.0, "eeg")
rng = np.random.RandomState(0)
# an orthogonal probe would do; the identity gives the matrix itself (an average reference lies in it already)
for lambda2, stiffness in ((1e-5, 4), (1e-4, 3), (0.1, 5), (1e-5, 2.5)):
    raw = mne.io.RawArray(np.eye(len(names)), info)
    raw.set_montage(mne.channels.make_dig_montage(dict(zip(names, x)), coord_frame="head"))
    csd = mne.preprocessing.compute_current_source_density(raw, sphere=(*centre, radius), lambda2=lambda2, stiffness=stiffness)
    out["laplacian"].append({"lambda": lambda2, "stiffness": stiffness, "matrix": csd.get_data().tolist()})
json.dump(out, sys.stdout)
