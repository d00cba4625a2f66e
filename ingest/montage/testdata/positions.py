"""Writes positions.json: the rule of the 10-05 system on a sphere, worked out anew (by rotation matrices and circles through three
points, where positions.go has closed forms), and how far it lies from the template montages of MNE-Python: the angle for
every name, and the angles in each whole montage. Of MNE's tables nothing but these angles is kept.

Seen from the centre of a sphere that is fitted to a montage's electrodes on and above the equator, both as they lie ("angles")
and behind the rotation about the axis through the ears that brings them closest ("tilted"): templates differ in where they
put the horizontal.
Run: python positions.py > positions.json"""

import json
import sys

import mne
import numpy as np

STEP = np.pi / 8  # a tenth of the way from nasion to inion, seen from the middle


def rotation(axis, angle):
    """Rodrigues' formula."""
    x, y, z = axis
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def below(tenths, azimuth):
    """The point so many tenths from the vertex, at azimuth (degrees, from the nose to the left)."""
    tip = rotation([1, 0, 0], -tenths * STEP) @ [0, 0, 1]  # towards the nose
    return rotation([0, 0, 1], np.deg2rad(azimuth)) @ tip


def arc(a, b, c, n):
    """n + 1 points on the circle from a through b to c, equally far from each other. b halves it."""
    normal = np.cross(b - a, c - a)
    size = np.linalg.norm(normal)
    ab, ac = b - a, c - a
    centre = a + (np.cross(normal, ab) * (ac @ ac) + np.cross(ac, normal) * (ab @ ab)) / (2 * size**2)
    half = np.arccos((a - centre) @ (b - centre) / np.linalg.norm(a - centre) ** 2)
    return [centre + rotation(normal / size, 2 * half * k / n) @ (a - centre) for k in range(n + 1)]


def rule():
    at = {}
    rows = "AFp AF AFF F FFC/FFT FC/FT FCC/FTT C/T CCP/TTP CP/TP CPP/TPP P PPO PO POO".split()
    for i, row in enumerate(rows):
        inner, outer = (row.split("/") * 2)[:2]
        ring = 9 * (i + 3)
        points = arc(below(4, ring), below((i - 7) / 2, 180), below(4, -ring), 16)
        for k, p in enumerate(points):  # from the left over the midline to the right, half places between
            steps = abs(8 - k)
            if steps == 0:
                at[inner + "z"] = p
                continue
            number, half = 2 * ((steps + 1) // 2) - 1, "h" if steps % 2 else ""
            prefix = outer if number == 7 else inner
            at[f"{prefix}{number + (k > 8)}{half}"] = p
        for side in 0, 1:
            for tenths, half in (4.5, "h"), (5, ""):
                at[f"{outer}{9 + side}{half}"] = below(tenths, ring * (1 - 2 * side))
    for prefix, tenths, front in ("Fp", 4, True), ("NFp", 4.5, True), ("N", 5, True), ("O", 4, False), ("OI", 4.5, False), ("I", 5, False):
        for name, turn in ("z", 0), ("1", 18), ("2", -18), ("1h", 9), ("2h", -9):
            at[prefix + name] = below(tenths, turn if front else 180 - turn)
    for side in 0, 1:
        for letter in "AM":
            at[f"{letter}{1 + side}"] = below(5.5, 108 * (1 - 2 * side))
    return at


# MNE's standard_1005 is colin27_1005 by its newer name.
OLD = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
ours = rule()
montages = {}
for montage in "colin27_1005 spherical_1005 spherical_1020 easycap-M1 biosemi16 biosemi32 biosemi64 brainproducts-RNP-BA-128 fsaverage_1005".split():
    pos = mne.channels.make_standard_montage(montage).get_positions()["ch_pos"]
    unknown = [n for n in pos if OLD.get(n, n) not in ours]
    names = [n for n in pos if n not in unknown and not (n in OLD and OLD[n] in pos)]
    x, u = np.array([pos[n] for n in names]), np.array([ours[OLD.get(n, n)] for n in names])
    upper = u[:, 2] > -1e-9
    fit = np.linalg.lstsq(np.c_[2 * x[upper], np.ones(upper.sum())], (x[upper] ** 2).sum(1), rcond=None)[0]
    centre, radius = fit[:3], np.sqrt(fit[3] + fit[:3] @ fit[:3])
    v = x - centre
    v /= np.linalg.norm(v, axis=1, keepdims=True)

    def apart(v):
        return np.rad2deg(np.arctan2(np.linalg.norm(np.cross(u, v), axis=1), (u * v).sum(1)))

    tilt = np.arctan2((v[:, 1] * u[:, 2] - v[:, 2] * u[:, 1]).sum(), (v[:, 1:] * u[:, 1:]).sum())
    angles, tilted = apart(v), apart(v @ rotation([1, 0, 0], tilt).T)

    def summary(a):
        return dict(mean=float(a.mean()), median=float(np.median(a)), max=float(a.max()), farthest=names[int(a.argmax())], upper_max=float(a[upper].max()))

    montages[montage] = dict(
        names=len(pos), compared=len(names), unknown=unknown, radius_mm=float(1000 * radius), tilt_deg=float(np.rad2deg(tilt)),
        angles=summary(angles), tilted=summary(tilted), each={n: round(float(a), 3) for n, a in zip(names, angles)} if montage == "colin27_1005" else None,
    )
json.dump(dict(program=f"MNE {mne.__version__}", rule={n: [float(c) for c in v] for n, v in sorted(ours.items())}, montages=montages), sys.stdout, indent=0)
