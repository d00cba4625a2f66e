"""The annotations of a file, with their channels, as MNE reads them; of one that MNE exports first with "write".

    python ofchannels.py read x.edf
    python ofchannels.py write x.bdf
"""

import json
import sys

import mne
import numpy as np

how, path = sys.argv[1:]
if how == "write":
    info = mne.create_info(["EEG Fp1-Ref", "T3", "force"], 100, ["eeg", "eeg", "misc"])
    raw = mne.io.RawArray(np.random.default_rng(1).normal(size=(3, 1000)) * 1e-5, info, verbose="error")
    raw.set_annotations(
        mne.Annotations(
            [1, 2, 2, 3.5, 4],
            [0, 0.5, 0, 1, 0.25],
            ["cue", "spike", "spike", "BAD_noise", "a, b"],
            ch_names=[(), ("T3", "EEG Fp1-Ref"), ("T3",), ("EEG Fp1-Ref",), ("T3", "EEG Fp1-Ref", "force")],
        )
    )
    mne.export.export_raw(path, raw, verbose="error")
read = mne.io.read_raw_bdf if path.endswith(".bdf") else mne.io.read_raw_edf
raw = read(path, stim_channel=False, verbose="error")
a = raw.annotations
print(json.dumps([
    {"Onset": float(o), "Duration": float(d), "Text": str(t), "Channels": list(c)}
    for o, d, t, c in zip(a.onset, a.duration, a.description, a.ch_names)
]))
