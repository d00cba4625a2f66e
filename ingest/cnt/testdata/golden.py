"""Makes the recordings in this folder, and golden.json: what MNE-Python reads in them.

    python golden.py

MNE places events one sample earlier than the place in the file says; the Go test adds it again (docs/formats/cnt.md).
"""

import hashlib
import json
import pathlib
import struct

import mne
import numpy as np

HERE = pathlib.Path(__file__).parent
mne.set_log_level("error")
LABELS, N = ["FZ", "CZ", "HEOG"], 400
EVENTS = [(5, 0, 0, 10), (300, 0, 0, 11), (0, 3, 0, 200), (0, 0, 2, 399)]


def write(name, width, kind, block):
    rng = np.random.default_rng(4)
    n, top = len(LABELS), 30000 if width == 2 else 2**23
    x = rng.integers(-top, top, (n, N)).astype(f"<i{width}")
    head = bytearray(900 + 75 * n)
    head[:12] = b"Version 3.0\0"
    head[225:235], head[235:247] = b"03/04/21\0\0", b"05:06:07\0\0\0\0"
    struct.pack_into("<H", head, 370, n)
    struct.pack_into("<H", head, 376, 250)
    struct.pack_into("<i", head, 864, N)
    struct.pack_into("<i", head, 886, len(head) + N * n * width)
    struct.pack_into("<i", head, 894, block * width if block > 1 else 0)
    for i, label in enumerate(LABELS):
        at = 900 + 75 * i
        head[at : at + len(label)] = label.encode()
        struct.pack_into("<h", head, at + 47, [0, 12, -300][i])
        struct.pack_into("<f", head, at + 59, [1.5, 0.25, 3.0][i])
        struct.pack_into("<f", head, at + 71, [1.0, 1.1, 0.9][i])
    data = x.reshape(n, N // block, block).transpose(1, 0, 2).tobytes()
    table = b""
    for code, key, pad, k in EVENTS:
        table += struct.pack("<HBBi", code, key, pad, len(head) + k * n * width)
        table += bytes(11) if kind == 2 else b""
    (HERE / name).write_bytes(bytes(head) + data + struct.pack("<BII", kind, len(table), 0) + table)
    raw = mne.io.read_raw_cnt(HERE / name, date_format="mm/dd/yy")
    y = raw.get_data()
    cals, base = raw._cals, np.array([0, 12, -300])
    stored = y / cals[:, None] + base[:, None]
    assert np.abs(stored - np.rint(stored)).max() < 1e-4
    return {
        "rate_hz": raw.info["sfreq"], "samples": y.shape[1], "begin": raw.info["meas_date"].isoformat(), "channels": raw.ch_names, "float": False,
        "scale": cals.tolist(), "zero": base.tolist(),
        "annotations": [[float(a["onset"]), float(a["duration"]), str(a["description"])] for a in raw.annotations],
        "sha256_stored": hashlib.sha256((np.rint(stored) + 0.0).astype("<f8").tobytes()).hexdigest(),
    }


cases = (("int16.cnt", 2, 1, 1), ("int32.cnt", 4, 2, 1), ("blocks.cnt", 2, 1, 40))
golden = {"mne": mne.__version__, "files": {c[0]: write(*c) for c in cases}}
(HERE / "golden.json").write_text(json.dumps(golden).replace('}, "', '},\n"') + "\n")
print(golden)
