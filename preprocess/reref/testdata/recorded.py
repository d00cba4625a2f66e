"""Writes recorded.json: references, a bipolar montage and current source density by MNE-Python on EEGMMIDB S001R04 and eegmat
Subject00_1 (ODC-By 1.0), of which only every 1000th sample of some channels of what comes out is kept.
Run: python3 recorded.py DATA > recorded.json"""

import json
import pathlib
import sys

import mne

mne.set_log_level("ERROR")
NEWER = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
root = pathlib.Path(sys.argv[1])


def some(raw, names):
    return [[float(f"{v:.14g}") for v in row] for row in raw.get_data(names)[:, ::1000] * 1e6]


def of_run(data, path, ears, pairs, shown, template=None, rename=None):
    raw = mne.io.read_raw_edf(root / path, preload=True)
    if rename:
        raw.rename_channels(rename)
    else:
        mne.datasets.eegbci.standardize(raw)
    others = [n for n in raw.ch_names if n.startswith("ECG")]
    raw.set_channel_types({n: "ecg" for n in others})
    average = mne.set_eeg_reference(raw.copy(), "average", projection=False)[0]
    linked = mne.set_eeg_reference(raw.copy(), ears)[0]
    single = mne.set_eeg_reference(raw.copy(), ["Cz"])[0]
    bipolar = mne.set_bipolar_reference(raw.copy(), [a for a, _ in pairs], [b for _, b in pairs])
    out = dict(data=data, path=path, channels=raw.ch_names, ears=ears, pairs=pairs, shown=shown, average=some(average, shown), linked=some(linked, shown),
               single=some(single, shown), bipolar=some(bipolar, [f"{a}-{b}" for a, b in pairs]))
    if template:
        raw.set_montage("standard_1005")
        radius, centre, _ = mne.bem.fit_sphere_to_headshape(raw.info, units="m")
        out["sphere"] = [*map(float, centre), float(radius)]
        out["positions"] = [[float(v) for v in c["loc"][:3]] for c in raw.info["chs"]]
        out["csd"] = some(mne.preprocessing.compute_current_source_density(raw, sphere=(*centre, radius)), shown)
    return out


runs = [
    of_run("EEGMMIDB S001 R04", "eegmmidb/S001/S001R04.edf", ["T9", "T10"], [["FC3", "CP3"], ["C3", "Cz"], ["O1", "O2"]], ["Fz", "C3", "T9", "Oz"], template=True),
    of_run("eegmat Subject00_1", "eegmat/Subject00_1.edf", ["T7", "T8"], [["F3", "C3"], ["C3", "P3"], ["O1", "O2"]], ["Fz", "C3", "O2"],
           rename=lambda n: NEWER.get(n.removeprefix("EEG "), n.removeprefix("EEG "))),
]
json.dump(dict(mne=mne.__version__, runs=runs), sys.stdout)
