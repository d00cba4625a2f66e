"""Prints where MNE reads the electrodes of the files that it comes with, in metres, as JSON: {path: {kind, positions}}.

python own.py; the files are MNE's own and stay where they are. kind is as in golden.py.
"""
import json
import pathlib

import mne

out = {}
for path in sorted((pathlib.Path(mne.__file__).parent / "channels/data/montages").glob("*")):
    if path.suffix not in (".elc", ".sfp"):
        continue
    montage = mne.channels.read_custom_montage(path, head_size=None)
    if path.suffix == ".sfp":  # MNE does not scale centimetres without a size of the head
        for d in montage.dig:
            d["r"] = d["r"] / 100
    pos = montage.get_positions()
    kind = "file"
    if all(pos[p] is not None for p in ("nasion", "lpa", "rpa")):
        montage, kind = mne.channels.montage.transform_to_head(montage), "head"
        pos = montage.get_positions()
    out[str(path)] = dict(Kind=kind, Positions={n: [float(v) for v in x] for n, x in pos["ch_pos"].items()})
print(json.dumps(out))
