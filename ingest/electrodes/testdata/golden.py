"""Writes files of electrodes in every format (places drawn at random near a sphere, no real head), and golden.json: where
MNE-Python reads the electrodes in them, and in eeglab_chan32.locs of the data folder; in metres, in the head frame where the
file has nasion and ears. Run: python golden.py DATA"""

import json
import pathlib
import sys

import mne
import numpy as np

here = pathlib.Path(__file__).parent
# Inclination from the vertex and azimuth from the right ear towards the nose, roughly where such electrodes are.
NAMES = dict(Fp1=(90, 108), FPz=(90, 90), Fp2=(90, 72), F7=(92, 145), F3=(60, 130), Fz=(45, 90), F4=(60, 50), F8=(92, 36), T3=(90, 180), C3=(45, 180), Cz=(0, 0),
             C4=(45, 0), T4=(90, 0), T5=(90, 216), P3=(60, 230), Pz=(45, 270), P4=(60, 310), T6=(90, 324), O1=(90, 252), Oz=(90, 270), O2=(90, 288))
rng = np.random.default_rng(7)
polar = {n: (t + rng.normal(0, 2), p + rng.normal(0, 2)) for n, (t, p) in NAMES.items()}


def cart(theta, phi, r=1.0):
    t, p = np.deg2rad([theta, phi])
    return r * np.array([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)])


head = {n: cart(*a, 88 + rng.normal(0, 3)) + [1, 5, 40] for n, a in polar.items()}  # mm
fid = {"nasion": np.array([0.0, 101, 3]), "lpa": np.array([-74, 2.0, -1]), "rpa": np.array([76, -1.0, 1])}
turn = np.deg2rad(12)
rot = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])  # the digitiser's frame


def dev(x):
    return rot @ x + [10, -7, 15]


def write(name, lines):
    (here / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def num(x):
    return " ".join(f"{v:.4f}" for v in x)


write("digitised.sfp", [f"FidNz {num(dev(fid['nasion']) / 10)}", f"FidT9 {num(dev(fid['lpa']) / 10)}", f"FidT10 {num(dev(fid['rpa']) / 10)}"]
      + [f"{n} {num(dev(x) / 10)}" for n, x in head.items()] + [f"headshape {num(dev(cart(50, 77, 90)) / 10)}"])
write("sphere.sfp", [f"{n}\t" + "\t".join(f"{v:.8f}" for v in cart(*a)) for n, a in polar.items()])
write("digitised.elc", ["# ASA electrode file", "ReferenceLabel avg", "UnitPosition mm", f"NumberPositions= {len(head) + 3}", "Positions"]
      + [num(dev(x)) for x in [fid["lpa"], fid["rpa"], fid["nasion"], *head.values()]] + ["Labels", "LPA", "RPA", "Nz", *head])
write("plain.elc", ["UnitPosition\tmm", "Positions"] + [f"{n} : {num(x)}" for n, x in head.items()] + ["Labels", "\t".join(head)])
write("besa.elp", [f"EEG {n} {t if p < 180 else -t:.4f} {p if p < 180 else p - 180:.4f} 100" for n, (t, p) in polar.items()])
write("cap.bvef", ['<?xml version="1.0" encoding="UTF-8"?>', '<Electrodes defaults="false">']
      + [f"  <Electrode><Name>{n}</Name><Theta>{t:.4f}</Theta><Phi>{p:.4f}</Phi><Radius>1</Radius><Number>{i}</Number></Electrode>" for i, (n, (t, p)) in enumerate(polar.items(), 1)]
      + ["</Electrodes>"])
write("plain.xyz", [f"{i}\t" + "\t".join(f"{v:.4f}" for v in x) + f"\t{n}" for i, (n, x) in enumerate(head.items(), 1)])
write("digitised.hpts", ["# a comment", f"cardinal 2 {num(dev(fid['nasion']))}", f"cardinal 1 {num(dev(fid['lpa']))}", f"cardinal 3 {num(dev(fid['rpa']))}"]
      + [f"hpi 1 {num(dev(fid['lpa']))}"] + [f"eeg {n} {num(dev(x))}" for n, x in head.items()] + [f"extra 1 {num(dev(fid['rpa']))}"])
locs = [(i, 90 - p if p < 270 else 450 - p, t / 180, n) for i, (n, (t, p)) in enumerate(polar.items(), 1)]
write("polar.locs", [f"{i}\t{a:.4f}\t{r:.6f}\t{n}" for i, a, r, n in locs])
# MNE reads no .ced: the same places as in polar.locs, by angle, or by coordinates to the nose and to the left.
rows = ["Number\tlabels\ttheta\tradius\tX\tY\tZ\tsph_theta\tsph_phi\tsph_radius\ttype"]
for i, a, r, n in locs:
    x = cart(float(f"{r:.6f}") * 180, 90 - float(f"{a:.4f}"), 85)
    place = f"\t\t\t{x[1]:.6f}\t{-x[0]:.6f}\t{x[2]:.6f}"
    rows.append(f"{i}\t{n}{place}\t\t\t\tEEG")
write("table.ced", rows + ["22\tEOG1\t\t\t\t\t\t\t\t\tEOG"])
write("angles.ced", [rows[0]] + [f"{i}\t{n}\t{a:.4f}\t{r:.6f}\t\t\t\t\t\t\tEEG" for i, a, r, n in locs])

out = dict(program=f"MNE {mne.__version__}", files={})


def add(name, montage, kind):
    pos = montage.get_positions()["ch_pos"]
    out["files"][name] = dict(kind=kind, positions={n: [float(v) for v in x] for n, x in pos.items()})


read = mne.channels.read_custom_montage
for name in "digitised.sfp", "digitised.elc", "digitised.hpts":
    montage = mne.channels.read_dig_hpts(here / name) if name.endswith("hpts") else read(here / name, head_size=None)
    if name.endswith("sfp"):  # MNE does not scale centimetres without a size of the head
        for d in montage.dig:
            d["r"] = d["r"] / 100
    add(name, mne.channels.montage.transform_to_head(montage), "head")
for name in "plain.elc", "plain.xyz":
    montage = read(here / name, head_size=None)
    if name.endswith("xyz"):  # which MNE does not scale
        for d in montage.dig:
            d["r"] = d["r"] / 1000
    add(name, montage, "file")
for name in "sphere.sfp", "besa.elp", "cap.bvef", "polar.locs":
    add(name, read(here / name, head_size=0.095), "sphere")
add("eeglab_chan32.locs", read(pathlib.Path(sys.argv[1]) / "formats/eeglab/eeglab_chan32.locs"), "sphere")
(here / "golden.json").write_text(json.dumps(out, indent=0) + "\n")
