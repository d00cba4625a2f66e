"""Makes the recordings in this folder, and golden.json: what MNE-Python reads in them and in formats/brainvision.

    python golden.py $GYRUS_DATA

Values are compared as they are stored: MNE's volts by its calibration are the numbers in the file, of which the SHA-256 is
taken as little-endian float64, channel after channel (rounded to whole numbers, or to float32 for files of floats).
"""

import hashlib
import json
import pathlib
import re
import sys

import mne
import numpy as np

HERE = pathlib.Path(__file__).parent
mne.set_log_level("error")
N = 600


def header(name, fmt, orientation, channels, extra="", infos=None, interval="2000", codepage="UTF-8", version="2.0"):
    infos = infos or f"[Binary Infos]\nBinaryFormat={fmt}\n"
    data = "ASCII" if fmt == "ASCII" else "BINARY"
    lines = "".join(f"Ch{i + 1}={c}\n" for i, c in enumerate(channels))
    text = (
        f"Brain Vision Data Exchange Header File Version {version}\n; made by golden.py\n\n[Common Infos]\n"
        + (f"Codepage={codepage}\n" if codepage else "")
        + f"DataFile={name}.eeg\nMarkerFile={name}.vmrk\nDataFormat={data}\nDataOrientation={orientation}\n"
        + f"DataType=TIMEDOMAIN\nNumberOfChannels={len(channels)}\nSamplingInterval={interval}\n\n{infos}\n"
        + f"[Channel Infos]\n{lines}\n{extra}"
    )
    (HERE / f"{name}.vhdr").write_bytes(text.replace("\n", "\r\n").encode("utf-8" if codepage == "UTF-8" else "latin-1"))


def markers(name, lines):
    text = "Brain Vision Data Exchange Marker File, Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\nDataFile=x.eeg\n\n[Marker Infos]\n"
    text += "".join(f"Mk{i + 1}={m}\n" for i, m in enumerate(lines))
    (HERE / f"{name}.vmrk").write_text(text, encoding="utf-8", newline="\r\n")


MARKS = ["New Segment,,1,1,0,20210304050607250000", "Stimulus,S  1,11,1,0", "Response,R  2,101,5,0", r"Comment,left\1 then right,301,0,2"]
CHANNELS = ["Fp1,,0.5,µV", "Cz,,0.001,mV", r"EOG\1 left,,10,nV", "GSR,,0.25,µS"]


def make_all():
    rng = np.random.default_rng(1)
    ints = rng.integers(-30000, 30000, (N, 4))
    header("int16v", "INT_16", "VECTORIZED", CHANNELS)
    (HERE / "int16v.eeg").write_bytes(ints.T.astype("<i2").tobytes())
    header("int32", "INT_32", "MULTIPLEXED", CHANNELS, interval="1953.125")
    (HERE / "int32.eeg").write_bytes((ints * 60000).astype("<i4").tobytes())
    header("float32", "IEEE_FLOAT_32", "MULTIPLEXED", ["Fp1,Cz,,", "FCz,Cz,1,µV", "HEOG,Cz,1,uV", "x,Cz,1,V"], codepage="", version="1.0",
           extra="[Coordinates]\nCh1=1,-90,-72\nCh2=95.5,12,90\nCh3=0,0,0\nCh4=0,0,0\n[Comment]\nfree = text\n[Common Infos]\nSamplingInterval=7\n")
    (HERE / "float32.eeg").write_bytes(rng.standard_normal((N, 4)).astype("<f4").tobytes())
    header("ascii", "ASCII", "MULTIPLEXED", CHANNELS, infos="[ASCII Infos]\nDecimalSymbol=,\nSkipLines=1\nSkipColumns=0\n")
    rows = "".join(" ".join(f"{v / 8:.3f}".replace(".", ",") for v in row) + "\r\n" for row in ints)
    (HERE / "ascii.eeg").write_bytes((" ".join(c.split(",")[0] for c in CHANNELS) + "\r\n" + rows).encode())
    header("segments", "INT_16", "MULTIPLEXED", ["Oz,,0.1,µV"])
    (HERE / "segments.eeg").write_bytes(ints[:, 0].astype("<i2").tobytes())
    for name in ("int16v", "int32", "float32", "ascii"):
        markers(name, MARKS)
    markers("segments", MARKS + ["New Segment,,201,1,0,20210304050617250000", "Stimulus,S  3,202,1,0", "New Segment,,401,1,0", "Stimulus,S  4,500,1,0"])


def describe(path):
    raw = mne.io.read_raw_brainvision(path)
    x = raw.get_data()
    scale = np.array([c["cal"] * c["range"] for c in raw.info["chs"]])
    text = path.read_bytes().decode("latin-1")
    ascii_data = "DataFormat=ASCII" in text
    stored = x / scale[:, None]
    if "FLOAT" in text or ascii_data:
        stored = stored.astype("<f4").astype("<f8")
    else:
        assert np.abs(stored - np.rint(stored)).max() < 1e-4
        stored = np.rint(stored)
    stored += 0.0  # no -0
    date = raw.info["meas_date"]
    return {
        "rate_hz": raw.info["sfreq"],
        "samples": x.shape[1],
        "begin": date.isoformat() if date else "",
        "channels": raw.ch_names,
        "units": [int(c["unit"]) for c in raw.info["chs"]],
        # MNE hands out siemens for microsiemens; gyrus leaves a unit that is none of voltage as it is
        "scale": [v if raw._orig_units[c["ch_name"]] in ("V", "mV", "µV", "uV", "nV") else float(c["cal"]) for c, v in zip(raw.info["chs"], scale.tolist())],
        "float": "FLOAT" in text or ascii_data,
        "positions": [[float(v) for v in np.nan_to_num(c["loc"][:3])] for c in raw.info["chs"]],
        "annotations": [[float(a["onset"]), float(a["duration"]), str(a["description"])] for a in raw.annotations],
        "sha256_stored": hashlib.sha256(stored.astype("<f8").tobytes()).hexdigest(),
    }


make_all()
root = pathlib.Path(sys.argv[1])
golden = {"mne": mne.__version__, "files": {}}
for path in sorted(HERE.glob("*.vhdr")):
    golden["files"][path.name] = describe(path)
for path in sorted((root / "formats/brainvision").glob("*.vhdr")) + sorted((root / "formats/bids").glob("**/*.vhdr")):
    try:
        golden["files"][path.relative_to(root).as_posix()] = describe(path)
    except Exception as e:
        print("refused", path.name, e)
text = json.dumps(golden).replace('}, "', '},\n"').replace(']], "', ']],\n"')
(HERE / "golden.json").write_text(text + "\n")
for name, f in golden["files"].items():
    print(f"{name}: {f['samples']} samples, {f['units'][:40]} {f['annotations'][:6]} {f['begin']}")
