"""Makes the data sets in this folder, and golden.json: what MNE-Python (and SciPy, for epochs) reads in them and in formats/eeglab.

    python golden.py $GYRUS_DATA

Needs mne 1.13.2 and eeglabio 0.1.4, with which MNE exports skipped.set; SciPy writes every other file. Stored numbers are MNE's
volts by its calibration, rounded to float32, channel after channel; their SHA-256 is taken as little-endian float64, without those that MNE leaves out as BAD. Onsets of MNE know no gap.
"""

import hashlib
import json
import pathlib
import sys
import tempfile

import mne
import numpy as np
import scipy.io

HERE = pathlib.Path(__file__).parent
mne.set_log_level("error")
LABELS = ["Fp1", "Cz", "T3", "EOG1", "Käse"]


def chanlocs(scale=1.0):
    pos = [(0.9, 0.3, -0.1), (0, 0, 1), (0, 1, 0), (), (-0.7, -0.5, 0.5)]
    out = np.zeros(5, dtype=[(k, object) for k in ("labels", "type", "X", "Y", "Z")])
    for i, (label, p) in enumerate(zip(LABELS, pos)):
        xyz = [v * scale for v in p] or [np.zeros((0, 0))] * 3
        out[i] = (label, "EOG" if label == "EOG1" else "", *xyz)
    return out


def events(rows):
    out = np.zeros(len(rows), dtype=[("type", object), ("latency", object), ("duration", object)])
    for i, row in enumerate(rows):
        out[i] = row
    return out


ROWS = [("square", 1.0, 0.0), (7.0, 12.25, 3.0), ("boundary", 20.5, 40.0), ("rt", 21.0, np.zeros((0, 0))), ("boundary", 60.5, np.nan), ("end", 100.0, 0.0)]


def save(name, data, packed=False, fields=False, trials=1, rows=ROWS, scale=1.0):
    eeg = {
        "setname": "made by golden.py", "nbchan": 5.0, "pnts": float(100 // trials), "trials": float(trials), "srate": 128.0,
        "xmin": 0.0, "xmax": 1.0, "data": data, "chanlocs": chanlocs(scale), "event": events(rows), "ref": "averef", "icawinv": np.zeros((0, 0)),
    }
    scipy.io.savemat(HERE / name, eeg if fields else {"EEG": eeg}, appendmat=False, do_compression=packed)


def export_skipped(x):
    """A recording with two skips: MNE writes them as such to a FIF file, has them as BAD_ACQ_SKIP over zeros where it reads that, and exports it.
    It has the first twice, from the skip and from the annotation of it."""
    raw = mne.io.RawArray(1e-6 * x, mne.create_info([*LABELS[:4], "Oz"], 128, ["eeg", "eeg", "eeg", "eog", "eeg"]))
    at, long = np.array([10, 30, 40, 69, 80]) / 128, np.array([0, 25, 2, 0, 10]) / 128
    raw.set_annotations(mne.Annotations(at, long, ["a", "BAD_ACQ_SKIP", "in it", "b", "BAD_ACQ_SKIP"]))
    with tempfile.TemporaryDirectory() as d:
        raw.save(pathlib.Path(d) / "x_raw.fif", fmt="double", buffer_size_sec=5 / 128)
        mne.io.read_raw_fif(pathlib.Path(d) / "x_raw.fif").export(HERE / "skipped.set", overwrite=True)


def make_all():
    x = np.random.default_rng(1).standard_normal((5, 100)).round(3)
    x.astype("<f4").T.tofile(HERE / "beside.fdt")
    save("beside.set", "beside.fdt", scale=85.0)
    save("inside.set", x.astype("<f4"))
    save("double.set", x.astype("<f4").astype("<f8"), fields=True, scale=0.09)
    save("packed.set", x.astype("<f4"), packed=True, fields=True)
    save("whole.set", np.rint(100 * x).astype("<f8"))
    # Where all types are numbers, -99 is a boundary (eeg_findboundaries.m); MNE has it as an annotation of that text.
    save("numbers.set", x.astype("<f4"), rows=[(1.0, 11.0, 0.0), (-99.0, 30.5, 40.0), (2.0, 35.0, 0.0), (-99.0, 60.5, np.nan), (1.0, 70.0, 0.0)])
    save("mixed.set", x.astype("<f4"), rows=[("a", 11.0, 0.0), (-99.0, 30.5, 40.0), (2.0, 35.0, 0.0)])
    # Boundaries in front of the first sample, behind the last, and two at one place.
    save("edges.set", x.astype("<f4"), rows=[("boundary", 0.5, 30.0), ("a", 11.0, 0.0), ("boundary", 50.5, 40.0), ("boundary", 50.5, 60.0), ("b", 51.0, 0.0), ("boundary", 100.5, 20.0)])
    # Types in cells, and none.
    cell, empty = (lambda *t: np.array(t, dtype=object)), np.zeros((0, 0))
    types = [("a", 3.0), (cell("b"), 10.0), (cell(7.0), 20.0), (cell("c", "d"), 30.0), (empty, 40.0), ("", 50.0), (cell(), 60.0), (np.array([1.0, 2.0]), 70.0), (cell(cell("e")), 80.0), ("f", 90.0)]
    save("types.set", x.astype("<f4"), rows=[(*t, 0.0) for t in types])
    export_skipped(x)
    save("epochs.set", x.astype("<f4").reshape(5, 4, 25).transpose(0, 2, 1), trials=4, rows=[("a", 3.0, 0.0), ("b", 30.0, 0.0), ("c", 99.5, 1.0)])


def describe(path):
    mat = scipy.io.loadmat(path, simplify_cells=True, chars_as_strings=True)
    eeg = mat.get("EEG", mat)
    ann = []
    if int(eeg["trials"]) > 1:  # MNE's epochs drop the events' fractions: SciPy is the oracle
        x = eeg["data"]
        if isinstance(x, str):
            return None
        x = np.asarray(x, float).reshape(x.shape[0], -1, order="F")
        names = [c["labels"] for c in eeg["chanlocs"]]
        ann = [[(float(e["latency"]) - 1) / eeg["srate"], float(e["duration"]) / eeg["srate"], str(e["type"])] for e in eeg["event"]]
        rate = float(eeg["srate"])
    else:
        raw = mne.io.read_raw_eeglab(path)
        x, names, rate = raw.get_data(reject_by_annotation="omit") * 1e6, raw.ch_names, raw.info["sfreq"]
        ann = [[float(a["onset"]), float(np.nan_to_num(a["duration"])), str(a["description"])] for a in raw.annotations]
    stored = x.astype("<f4").astype("<f8") + 0.0
    return {
        "rate_hz": rate, "samples": x.shape[1], "begin": "", "channels": names, "scale": [1e-6] * len(names), "float": True, "annotations": ann,
        "sha256_stored": hashlib.sha256(stored.tobytes()).hexdigest(),
    }


make_all()
root = pathlib.Path(sys.argv[1])
golden = {"mne": mne.__version__, "scipy": scipy.__version__, "files": {}}
for path in sorted(HERE.glob("*.set")):
    golden["files"][path.name] = describe(path)
path = root / "formats/eeglab/eeglab_data.set"
golden["files"][path.relative_to(root).as_posix()] = describe(path)
(HERE / "golden.json").write_text(json.dumps(golden).replace('}, "', '},\n"') + "\n")
for name, f in golden["files"].items():
    print(name, f["samples"], f["channels"][:5], f["annotations"][:6])
