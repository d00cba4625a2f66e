"""What mne-bids reads in the trees below a folder: TestGolden compares gyrus with it.

    python golden.py FOLDER > golden.json

FOLDER has one tree to a subfolder, each with one recording. For each it prints what read_raw_bids says, or its error.
Samples are given as the sum and the sum of squares of each channel in volts, which is what MNE has them in.
"""

import json
import pathlib
import sys
import warnings

import mne_bids
import numpy as np
from mne.io.constants import FIFF

warnings.simplefilter("ignore")
SUFFIXES = {"_eeg.edf", "_eeg.vhdr", "_eeg.set", "_ieeg.edf"}


def read(tree):
    (file,) = [p for p in tree.rglob("*") if any(p.name.endswith(s) for s in SUFFIXES)]
    path = mne_bids.get_bids_path_from_fname(file)
    path.update(root=tree)
    raw = mne_bids.read_raw_bids(path, on_ch_mismatch="reorder", verbose="ERROR")
    x = raw.get_data()
    places = {}
    frame = ""
    montage = raw.get_montage()
    if montage is not None:
        found = montage.get_positions()
        frame = found["coord_frame"]
        places = {name: p.tolist() for name, p in found["ch_pos"].items() if np.isfinite(p).all()}
    return {
        "rate_hz": float(raw.info["sfreq"]),
        "samples": int(raw.n_times),
        "begin": raw.info["meas_date"].isoformat() if raw.info["meas_date"] else "",
        "channels": raw.ch_names,
        "types": raw.get_channel_types(),
        "volts": [bool(ch["unit"] == FIFF.FIFF_UNIT_V) for ch in raw.info["chs"]],
        "bads": raw.info["bads"],
        "line_hz": raw.info["line_freq"],
        "frame": frame,
        "positions": places,
        "events": [[a["onset"], a["duration"], a["description"]] for a in raw.annotations],
        "sums": [[float(row.sum()), float((row**2).sum())] for row in x],
    }


golden = {}
for tree in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    golden[tree.name] = read(tree)
import mne

print(json.dumps({"mne_bids": mne_bids.__version__, "mne": mne.__version__, "trees": golden}, indent=1, sort_keys=True))
