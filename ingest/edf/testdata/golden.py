"""Writes golden.json: what edfio and MNE-Python, two independent readers, find in the recordings of the data folder.

    python golden.py $GYRUS_DATA

Values come from edfio, which keeps every signal at its own rate, and are converted to microvolts here. Where MNE reads a
file without resampling, both must agree to 1e-12 of the range of the signal, or the script fails.
"""

import datetime
import json
import math
import pathlib
import sys
import warnings

import edfio
import mne
import numpy as np

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
    """Compare all values with MNE where it gives them as they are in the file."""
    if not signals or len({s.sampling_frequency for s in signals}) > 1:
        return False
    read = mne.io.read_raw_bdf if path.suffix == ".bdf" else mne.io.read_raw_edf
    raw = read(path, encoding="latin1", stim_channel=False, verbose="ERROR")
    x = raw.get_data()
    assert x.shape == (len(signals), len(signals[0].data)), path
    assert raw.info["sfreq"] == signals[0].sampling_frequency, path
    for ch, s in enumerate(signals):
        # MNE hands out volts for all that it knows the unit of.
        want = microvolt(s)
        got = x[ch] * (1e6 if s.physical_dimension in MICROVOLT else 1)
        scale = max(abs(s.physical_min), abs(s.physical_max))
        scale *= np.divide(*MICROVOLT.get(s.physical_dimension, (1, 1)))
        assert np.abs(got - want).max() <= 1e-12 * scale, (path, s.label, np.abs(got - want).max(), scale)
    return True


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
    out = {"mne_compared": check_mne(path, signals), "signals": [], "events": []}
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
            "sum": math.fsum(x),
            "sum_abs": math.fsum(np.abs(x)),
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
        import pyedflib

        try:
            with pyedflib.EdfReader(str(path)) as f:
                out["pyedflib"] = [int(f.readSignal(ch, digital=True).astype(np.int64).sum()) for ch in range(f.signals_in_file)]
            digital = [int(s.digital.astype(np.int64).sum()) for s in (edfio.read_bdf if path.suffix == ".bdf" else edfio.read_edf)(path).signals]
            assert out["pyedflib"] == digital, path
        except OSError as err:  # pyEDFlib refuses discontinuous files
            assert "iscontinuous" in str(err), err
    print(json.dumps(out))


if sys.argv[1] == "--check":
    check(pathlib.Path(sys.argv[2]))
    sys.exit()

root = pathlib.Path(sys.argv[1])
golden = {"edfio": edfio.__version__, "mne": mne.__version__, "files": {name: describe(root / name) for name in FILES}}
text = json.dumps(golden, ensure_ascii=False).replace("}, {", "},\n{")  # a signal to a line
pathlib.Path(__file__).with_name("golden.json").write_text(text + "\n")
for name, f in golden["files"].items():
    print(f"{name}: {len(f['signals'])} signals, {len(f['events'])} events, compared with MNE: {f['mne_compared']}, begins {f['begin']}")
