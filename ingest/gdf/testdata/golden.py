"""Makes the recordings in this folder, and golden.json: what MNE-Python reads in them and in ssvep-exo.

    python golden.py $GYRUS_DATA

The bytes are written here field by field, after the specification (Schlögl, arXiv cs/0608052). Stored numbers are MNE's volts,
less its offset, by its calibration: whole, or rounded to float32. Their SHA-256 is taken as little-endian float64.
"""

import datetime
import hashlib
import json
import pathlib
import struct
import sys

import mne
import numpy as np

HERE = pathlib.Path(__file__).parent
mne.set_log_level("error")
LABELS = ["EEG:Fz", "C3", "Cz", "EOG-left"]
EVENTS = [(1, 768, 0, 0), (65, 769, 1, 32), (200, 32766, 0, 0), (201, 770, 0, 64), (320, 781, 2, 1)]


def pad(text, n):
    return text.encode("latin-1")[:n].ljust(n, b"\0")


def variable(n, fields):
    """Each field for all channels, one behind the other."""
    return b"".join(b"".join(f(i) for i in range(n)) for f in fields)


def write(name, version, code, dtype, lo, hi, spr=32, records=10, mode=3, events=EVENTS, fraction=(1, 4)):
    n, rng = len(LABELS), np.random.default_rng(2)
    old = version < 1.9
    x = rng.uniform(lo, hi, (records, n, spr))
    x = x.astype(dtype) if np.dtype(dtype).kind == "f" else np.rint(x).astype(dtype)
    i64, f64, u32 = (lambda v: struct.pack("<q", int(v))), (lambda v: struct.pack("<d", v)), (lambda v: struct.pack("<I", v))
    limits = i64 if old else f64
    phys = [(-100.0, 100.0), (-0.5, 1.5), (lo, hi), (-3000.0, 3000.0)]
    codes = [4275, 4274, 4275, 4275]
    tail = [
        lambda i: pad(LABELS[i], 16), lambda i: pad("Ag/AgCl", 80),
        (lambda i: pad("uV", 8)) if old else (lambda i: pad("uV", 6)),
    ]
    if not old:
        tail.append(lambda i: struct.pack("<H", codes[i]))
    tail += [lambda i: f64(phys[i][0]), lambda i: f64(phys[i][1]), lambda i: limits(lo), lambda i: limits(hi)]
    tail += [lambda i: pad("", 80)] if old else [lambda i: pad("", 68), lambda i: struct.pack("<3f", 100, 0.1, 50)]
    tail += [lambda i: u32(spr), lambda i: u32(code), lambda i: pad("", 32)]
    size = 256 + 256 * n
    head = pad(f"GDF {version:.2f}", 8)
    if old:
        head += pad("X X", 80) + pad("made by golden.py", 80) + b"2021030405060725" + i64(size) + bytes(8 * 3 + 20)
        head += i64(records) + struct.pack("<II", *fraction) + u32(n)
    else:
        days = (datetime.datetime(2021, 3, 4, 5, 6, 7, 250000) - datetime.datetime(1970, 1, 1)) / datetime.timedelta(days=1) + 719529
        head += pad("X X", 66) + bytes(14) + pad("made by golden.py", 64) + bytes(16)
        head += struct.pack("<QQH", int(days * 2**32), 0, size // 256) + bytes(6 + 8 + 6 + 6 + 12 + 12)
        head += i64(records) + struct.pack("<II", *fraction) + struct.pack("<HH", n, 0)
    assert len(head) == 256
    rate = spr * fraction[1] // fraction[0]
    table = bytes([mode])
    count = len(events)
    if version < 1.94:
        table += rate.to_bytes(3, "little") + struct.pack("<I", count)
    else:
        table += count.to_bytes(3, "little") + struct.pack("<f", rate)
    table += b"".join(struct.pack("<I", e[0]) for e in events) + b"".join(struct.pack("<H", e[1]) for e in events)
    if mode == 3:
        table += b"".join(struct.pack("<H", e[2]) for e in events) + b"".join(struct.pack("<I", e[3]) for e in events)
    (HERE / name).write_bytes(head + variable(n, tail) + x.astype(np.dtype(dtype).newbyteorder("<")).tobytes() + table)


def make_all():
    write("v125_int16.gdf", 1.25, 3, "int16", -32768, 32767)
    write("v125_mode1.gdf", 1.25, 5, "int32", -(2**31), 2**31 - 1, mode=1, events=EVENTS[:2])
    write("v220_int16.gdf", 2.20, 3, "int16", -32768, 32767)
    write("v220_uint8.gdf", 2.20, 2, "uint8", 0, 255, spr=1, records=320, fraction=(1, 128))
    write("v211_int32.gdf", 2.11, 5, "int32", -(2**23), 2**23 - 1, mode=1)
    write("v200_uint16.gdf", 2.00, 4, "uint16", 0, 65535)
    write("v220_float32.gdf", 2.20, 16, "float32", -200, 200)
    write("v220_float64.gdf", 2.20, 17, "float64", -200, 200)


def describe(path):
    raw = mne.io.read_raw_gdf(path)
    x, extra = raw.get_data(), raw._raw_extras[0]
    unit = np.asarray(extra["units"], float)
    cal = (extra["physical_max"] - extra["physical_min"]) / (np.asarray(extra["digital_max"], float) - np.asarray(extra["digital_min"], float))
    offset = np.asarray(extra["physical_min"], float) - np.asarray(extra["digital_min"], float) * cal
    stored = (x - (offset * unit)[:, None]) / (cal * unit)[:, None]
    floats = "f" in str(extra["dtype_np"])
    if floats:
        stored = stored.astype("<f4").astype("<f8")
    else:
        assert np.abs(stored - np.rint(stored)).max() < 1e-4
        stored = np.rint(stored)
    stored += 0.0  # no -0
    date = raw.info["meas_date"]
    return {
        "rate_hz": float(raw.info["sfreq"]), "samples": x.shape[1], "begin": date.isoformat() if date else "", "channels": raw.ch_names,
        "scale": (cal * unit).tolist(), "offset": (offset * unit).tolist(), "float": floats, "double": "f8" in str(np.dtype(extra["dtype_np"]).str),
        "annotations": [[float(a["onset"]), float(a["duration"]), str(a["description"])] for a in raw.annotations],
        "sha256_stored": hashlib.sha256(stored.astype("<f8").tobytes()).hexdigest(),
    }


make_all()
root = pathlib.Path(sys.argv[1])
golden = {"mne": mne.__version__, "files": {}}
for path in sorted(HERE.glob("*.gdf")):
    golden["files"][path.name] = describe(path)
for path in sorted((root / "ssvep-exo").glob("*/*.gdf")):
    golden["files"][path.relative_to(root).as_posix()] = describe(path)
(HERE / "golden.json").write_text(json.dumps(golden).replace('}, "', '},\n"') + "\n")
for name, f in golden["files"].items():
    print(name, f["rate_hz"], f["samples"], f["begin"], f["channels"][:4], f["annotations"][:4])
