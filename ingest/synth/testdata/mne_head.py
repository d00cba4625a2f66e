"""Potentials of dipoles in a four-shell sphere, and electrode directions, as MNE has them.

    python mne_head.py > mne_head.json        (MNE 1.13.2, NumPy 2.4.6)
"""

import json
import sys

import mne
import numpy as np

R = 0.095  # m
RADII, SIGMAS = (0.90, 0.92, 0.97, 1.0), (0.33, 1.0, 0.004, 0.33)
DIPOLES = [  # position in m from the centre, moment in A·m
    ((0.0, 0.0, 0.06), (0.0, 0.0, 1e-8)),
    ((0.0, 0.0, 0.06), (1e-8, 0.0, 0.0)),
    ((-0.05, 0.01, 0.045), (-0.7e-8, 0.2e-8, 0.6e-8)),
    ((0.02, -0.06, 0.03), (0.3e-8, 0.9e-8, -0.2e-8)),
    ((0.01, 0.02, -0.02), (0.5e-8, -0.5e-8, 0.7e-8)),
]
NAMES = (
    "Fp1 Fpz Fp2 AF7 AF3 AFz F7 F5 F3 F1 Fz F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCz T7 C5 C3 C1 Cz C2 C4 C6 T8 "
    "TP7 CP5 CP3 CP1 CPz P7 P5 P3 P1 Pz P2 P4 P6 P8 PO7 PO3 POz PO4 PO8 O1 Oz O2 Iz F9 FT9 T9 T10 TP9 P9"
).split()


def potentials():
    """The surface points, spread by the golden angle, and the potential of each dipole there in V, against infinity."""
    k = np.arange(40)
    z = 1 - (2 * k + 1) / 40
    turn = np.pi * (3 - np.sqrt(5)) * k
    points = R * np.c_[np.sqrt(1 - z**2) * np.cos(turn), np.sqrt(1 - z**2) * np.sin(turn), z]

    names = [str(i) for i in k]
    info = mne.create_info(names, 1000.0, "eeg")
    info.set_montage(mne.channels.make_dig_montage(dict(zip(names, points)), coord_frame="head"))
    sphere = mne.make_sphere_model((0, 0, 0), R, relative_radii=RADII, sigmas=SIGMAS)
    out = []
    for position, moment in DIPOLES:
        size = np.linalg.norm(moment)
        dipole = mne.Dipole([0.0], [position], [size], [np.array(moment) / size], [1.0])
        forward, _ = mne.make_forward_dipole(dipole, sphere, info)
        out.append((forward["sol"]["data"][:, 0] * size).tolist())
    return points, out


def directions():
    """Electrodes of MNE's standard_1005 seen from the centre of the sphere that fits them best."""
    montage = mne.channels.make_standard_montage("standard_1005").get_positions()["ch_pos"]
    x = np.array(list(montage.values()))
    solution = np.linalg.lstsq(np.c_[2 * x, np.ones(len(x))], (x**2).sum(axis=1), rcond=None)[0]
    return {n: ((montage[n] - solution[:3]) / np.linalg.norm(montage[n] - solution[:3])).round(4).tolist() for n in NAMES}


mne.set_log_level("error")
points, values = potentials()
json.dump(
    {
        "points_m": points.tolist(),
        "dipoles": [{"position_m": p, "moment_am": q, "potential_v": v} for (p, q), v in zip(DIPOLES, values)],
        "directions": directions(),
    },
    sys.stdout,
)
print()
