"""Writes reref.json: references, a bipolar montage and current source density by MNE-Python. Run: python3 reref.py"""
import json

import mne
import numpy as np

mne.set_log_level("ERROR")
names = "F3 Fz F4 C3 Cz C4 P3 Pz P4 O1 Oz O2 A1 A2 EOG1".split()
kinds = ["eeg"] * 14 + ["eog"]
x = np.array([[(7919 * (t + 40 * ch) + 31 * ch * t) % 1009 - 504 for t in range(40)] for ch in range(15)], dtype=float)  # µV
pos = mne.channels.make_standard_montage("standard_1005").get_positions()["ch_pos"]
head = names[:12]
montage = mne.channels.make_dig_montage({n: pos[n] for n in head}, coord_frame="head")


def raw(picks):
    idx = [names.index(n) for n in picks]
    return mne.io.RawArray(x[idx] * 1e-6, mne.create_info(picks, 250, [kinds[i] for i in idx]))


def uv(r):
    return (r.get_data() * 1e6).tolist()


linked = mne.set_eeg_reference(raw(names), ["A1", "A2"])[0]
single = mne.set_eeg_reference(raw(names), ["Cz"])[0]
bipolar = mne.set_bipolar_reference(raw(names), ["F3", "C3", "F4"], ["C3", "P3", "C4"])
density = raw(head + ["EOG1"])
density.set_montage(montage, on_missing="ignore")
sphere = (0.001, -0.015, 0.01, 0.1)
csd = mne.preprocessing.compute_current_source_density(density, sphere=sphere, lambda2=1e-4, stiffness=3)
broken = raw(head)
broken.set_montage(montage)
broken.info["bads"] = ["C4", "Oz"]
broken.interpolate_bads(origin=sphere[:3])
BADS = ["C4", "O1"]
marked = raw(names)
marked.info["bads"] = BADS
linked_bads = mne.set_eeg_reference(marked.copy(), ["A1", "A2"])[0]
bad_reference = mne.set_eeg_reference(marked.copy(), ["C4", "Cz"])[0]
bipolar_bads = mne.set_bipolar_reference(marked.copy(), ["F3", "C3", "F4"], ["C3", "P3", "C4"])
density.info["bads"] = BADS
try:
    mne.preprocessing.compute_current_source_density(density, sphere=sphere)
    csd_bads = ""
except ValueError as e:
    csd_bads = str(e)
with open("reref.json", "w", encoding="ascii") as f:
    json.dump(
        dict(
            mne=mne.__version__, names=names, kinds=kinds, x=x.tolist(), positions=[pos[n].tolist() for n in head], sphere=sphere,
            linked=uv(linked), single=uv(single), bipolar=uv(bipolar), bipolar_names=bipolar.ch_names, csd=uv(csd), interpolated=uv(broken),
            bads=BADS, linked_bads=uv(linked_bads), bad_reference=uv(bad_reference), bipolar_bads=bipolar_bads.info["bads"], csd_bads=csd_bads,
        ),
        f,
    )
    f.write("\n")
