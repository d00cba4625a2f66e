"""Writes golden.json: what edfio and MNE-Python, two independent readers, find in the recordings of the data folder.

    python golden.py $GYRUS_DATA

Values come from edfio, which keeps every signal at its own rate, and are converted to microvolts here; the SHA-256 of a
signal is that of its samples as little-endian float64, so that a reader must have every bit. pyEDFlib, which computes in
the same order, must have the same bits where it reads the same numbers in the header. MNE computes digital·cal + offset: it must agree to 2 units in the last place of the
largest number in the sums before it makes volts of them, or the script fails; mne_ulp is how far it is.
"""

import datetime
import hashlib
import json
import pathlib
import sys
import warnings

import edfio
import mne
import numpy as np
import pyedflib

FILES = [
    "eegmmidb/S001/S001R04.edf",
    "eegmmidb/S001/S001R06.edf",
    "eegmmidb/S001/S001R14.edf",
    "eegmmidb/S002/S002R01.edf",
    "eegmat/Subject00_1.edf",
    "formats/ecog/sample_ecog.edf",
    "formats/edf/SC4001EC-Hypnogram.edf",
    "formats/edf/duplicate_channel_labels.edf",
    "formats/edf/short_psg.edf",
    "formats/edf/test.edf",
    "formats/edf/test_edf_stim_channel.edf",
    "formats/edf/test_stim_channel.edf",
    "formats/edf/test_subsecond.edf",
    "formats/edf/test_uneven_samp.edf",
    "formats/bdf/SC4001EC-Hypnogram.bdf",
    "formats/bdf/mne_test.bdf",
    "formats/bdf/short_psg.bdf",
    "formats/bdf/test.bdf",
    "formats/bdf/test_bdf_stim_channel.bdf",
    "formats/bdf/test_subsecond.bdf",
]
MICROVOLT = {"nV": (1, 1000), "uV": (1, 1), "mV": (1000, 1), "V": (1000000, 1)}

warnings.simplefilter("ignore")


def microvolt(signal):
    mul, div = MICROVOLT.get(signal.physical_dimension, (1, 1))
    return signal.data * mul / div


def check_mne(path, signals):
    """Compare all values with MNE where it gives them as they are in the file; None where it does not."""
    if not signals or len({s.sampling_frequency for s in signals}) > 1:
        return None
    read = mne.io.read_raw_bdf if path.suffix == ".bdf" else mne.io.read_raw_edf
    raw = read(path, encoding="latin1", stim_channel=False, verbose="ERROR")
    assert len(raw.ch_names) == len(signals) and len(raw.times) == len(signals[0].data), path
    assert raw.info["sfreq"] == signals[0].sampling_frequency, path
    raw._raw_extras[0]["units"] = np.ones(len(signals))  # as in the file, before it makes volts of them
    x = raw.get_data()
    worst = 0
    for ch, s in enumerate(signals):
        cal = (s.physical_max - s.physical_min) / (s.digital_max - s.digital_min)
        largest = max(np.abs(s.digital.astype(float)).max() * abs(cal), abs(s.physical_min), abs(s.physical_max))
        worst = max(worst, float(np.abs(x[ch] - s.data).max() / np.spacing(largest)))
    assert worst <= 2, (path, worst)
    return worst


def check_pyedflib(path, signals):
    """Compare all values with pyEDFlib where it opens the file, None where it does not."""
    try:
        f = pyedflib.EdfReader(str(path))
    except OSError:  # it is strict, and refuses discontinuous files
        return None
    worst = 0
    with f:
        assert f.signals_in_file == len(signals), path
        for ch, s in enumerate(signals):
            # it may hand out other numbers for those of the header than edfio, in the last bits
            exact = (f.getPhysicalMinimum(ch), f.getPhysicalMaximum(ch)) == (s.physical_min, s.physical_max)
            d = np.abs(f.readSignal(ch) - s.data).max()
            assert d == 0 or not exact, (path, s.label, d)
            worst = max(worst, float(d / np.spacing(max(abs(s.physical_min), abs(s.physical_max)))))
    assert worst <= 2, (path, worst)
    return worst


def status(path, signals):
    """Changes of the trigger inputs of a BDF file to another number than 0, as MNE finds them."""
    at = [i for i, s in enumerate(signals) if s.label.lower() == "status"]
    if path.suffix != ".bdf" or not at:
        return []
    raw = mne.io.read_raw_bdf(path, stim_channel="auto", verbose="ERROR")
    found = mne.find_events(raw, raw.ch_names[at[0]], consecutive=True, mask=0xFFFF, mask_type="and", shortest_event=1, verbose="ERROR")
    rate = raw.info["sfreq"]
    # With consecutive=True a change back to 0 is none, and the first sample neither.
    return [[float((n - raw.first_samp) / rate), 0, str(code)] for n, _, code in found.tolist() if code]


def describe(path):
    edf = edfio.read_bdf(path) if path.suffix == ".bdf" else edfio.read_edf(path)
    signals = list(edf.signals)
    out = {"mne_ulp": check_mne(path, signals), "pyedflib_ulp": check_pyedflib(path, signals), "signals": [], "events": []}
    try:
        start = datetime.datetime.combine(edf.startdate, edf.starttime)
    except edfio.AnonymizedDateError:  # "Startdate X": the fixed field of the header is all there is
        day, month, year = (int(v) for v in path.read_bytes()[168:176].split(b"."))
        start = datetime.datetime.combine(datetime.date(year + (1900 if year >= 85 else 2000), month, day), edf.starttime)
    out["begin"] = start.isoformat(timespec="microseconds")
    for s in signals:
        x = microvolt(s)
        n = len(x)
        at = sorted({0, 1, n // 3, n // 2 + 1, n - 1})
        out["signals"].append({
            "label": s.label,
            "dimension": s.physical_dimension,
            "rate_hz": s.sampling_frequency,
            "samples": n,
            "sha256": hashlib.sha256(x.astype("<f8").tobytes()).hexdigest(),
            "at": at,
            "values": [float(x[i]) for i in at],
        })
    for a in edf.annotations:
        out["events"].append([a.onset, a.duration or 0, a.text])
    changes = [c for c in status(path, signals) if [c[0], c[2]] not in [[e[0], e[2]] for e in out["events"]]]
    if changes:
        out["events"] = sorted(out["events"] + changes, key=lambda e: e[0])
    return out


def check(path):
    """Print what edfio finds in a file that gyrus wrote; MNE and pyEDFlib must open it too."""
    out = describe(path)
    if out["signals"]:
        read = mne.io.read_raw_bdf if path.suffix == ".bdf" else mne.io.read_raw_edf
        read(path, encoding="latin1", preload=True, verbose="ERROR")
        try:
            with pyedflib.EdfReader(str(path)) as f:
                out["digital_sums"] = [int(f.readSignal(ch, digital=True).astype(np.int64).sum()) for ch in range(f.signals_in_file)]
            digital = [int(s.digital.astype(np.int64).sum()) for s in (edfio.read_bdf if path.suffix == ".bdf" else edfio.read_edf)(path).signals]
            assert out["digital_sums"] == digital, path
        except OSError as err:  # pyEDFlib refuses discontinuous files
            assert "iscontinuous" in str(err), err
    print(json.dumps(out))


def kept(path, seconds):
    """Print which epochs of so many seconds MNE keeps of a file that gyrus wrote, what of it lies under annotations, and its rate."""
    read = mne.io.read_raw_bdf if path.suffix == ".bdf" else mne.io.read_raw_edf
    raw = read(path, encoding="latin1", preload=True, verbose="ERROR")
    epochs = mne.make_fixed_length_epochs(raw, duration=seconds, reject_by_annotation=True, preload=True, verbose="ERROR")
    print(json.dumps({
        "rate_hz": raw.info["sfreq"],
        "samples": len(raw.times),
        "starts": epochs.events[:, 0].tolist(),
        "good": int(raw.get_data(reject_by_annotation="omit", verbose="ERROR").shape[1]),
    }))


if sys.argv[1] == "--kept":
    kept(pathlib.Path(sys.argv[2]), float(sys.argv[3]))
    sys.exit()
if sys.argv[1] == "--check":
    check(pathlib.Path(sys.argv[2]))
    sys.exit()

root = pathlib.Path(sys.argv[1])
golden = {"edfio": edfio.__version__, "mne": mne.__version__, "pyedflib": pyedflib.__version__, "files": {name: describe(root / name) for name in FILES}}
text = json.dumps(golden, ensure_ascii=False).replace("}, {", "},\n{")  # a signal to a line
pathlib.Path(__file__).with_name("golden.json").write_text(text + "\n")
for name, f in golden["files"].items():
    print(f"{name}: {len(f['signals'])} signals, {len(f['events'])} events, MNE {f['mne_ulp']} ulp, pyEDFlib {f['pyedflib_ulp']} ulp away, begins {f['begin']}")
