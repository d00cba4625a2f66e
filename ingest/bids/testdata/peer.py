"""What mne-bids reads in a tree that gyrus wrote: TestPeerReadsWritten compares it with what was written.

    python peer.py ROOT OUT

Prints one JSON object to a recording below ROOT: its path, and what read_raw_bids says of it. The samples are written to files
in the folder OUT, as raw little-endian float64, channel by channel, voltages in microvolts.
"""

import json
import pathlib
import sys
import warnings

import mne_bids
import numpy as np
from mne.io.constants import FIFF

warnings.simplefilter("ignore")
root, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
DATA = {".edf", ".bdf", ".vhdr", ".set"}

found = []
for k, file in enumerate(sorted(p for p in root.rglob("*_eeg.*") if p.suffix in DATA)):
    parts = file.relative_to(root).parts
    below = root.joinpath(*parts[:2]) if parts[0] == "derivatives" else root
    path = mne_bids.get_bids_path_from_fname(file, check=False)
    path.update(root=below, datatype="eeg", check=False)
    raw = mne_bids.read_raw_bids(path, verbose="ERROR")
    types = raw.get_channel_types()
    x = raw.get_data()
    scale = np.array([1e6 if ch["unit"] == FIFF.FIFF_UNIT_V else 1.0 for ch in raw.info["chs"]])
    (x * scale[:, None]).astype("<f8").tofile(out / f"{k}.f8")
    montage = raw.get_montage()
    places = montage.get_positions()["ch_pos"] if montage is not None else {}
    found.append(
        {
            "path": file.relative_to(root).as_posix(),
            "samples": f"{k}.f8",
            "rate": float(raw.info["sfreq"]),
            "length": int(raw.n_times),
            "channels": raw.ch_names,
            "types": types,
            "bads": raw.info["bads"],
            "line_freq": float(raw.info["line_freq"] or 0),
            "begin": raw.info["meas_date"].isoformat() if raw.info["meas_date"] else "",
            "onsets": raw.annotations.onset.tolist(),
            "durations": raw.annotations.duration.tolist(),
            "labels": raw.annotations.description.tolist(),
            "positions": {name: [float(v) for v in p] for name, p in places.items() if np.isfinite(p).all()},
        }
    )
json.dump(found, sys.stdout)
