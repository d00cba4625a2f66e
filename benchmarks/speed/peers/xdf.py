"""Times pyxdf on a file of 100 MB: 64 channels of float32 at 500 Hz in chunks of 32 samples, one stamp in each chunk and
a clock offset every 5 s. The Go side is BenchmarkRead in ingest/xdf. Prints one line of JSON.

    python xdf.py [--repeats 3]
"""

import argparse
import json
import logging
import os
import struct
import tempfile
import time
from importlib.metadata import version

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before NumPy is loaded

import numpy as np  # noqa: E402
import pyxdf  # noqa: E402

clock = time.process_time if os.environ.get("SPEED_CLOCK") == "cpu" else time.perf_counter
CHANNELS, RATE, CHUNK = 64, 500, 32


def chunk(tag, content):
    return struct.pack("<BIH", 4, len(content) + 2, tag) + content


def write(f):
    info = ("<?xml version='1.0'?><info><name>EEG</name><type>EEG</type>"
            f"<channel_count>{CHANNELS}</channel_count><nominal_srate>{RATE}</nominal_srate>"
            "<channel_format>float32</channel_format><desc/></info>")
    f.write(b"XDF:" + chunk(1, b"<?xml version='1.0'?><info><version>1.0</version></info>"))
    f.write(chunk(2, struct.pack("<I", 1) + info.encode()))
    x = np.random.default_rng(1).standard_normal((CHUNK, CHANNELS)).astype("<f4")
    rest = b"".join(b"\0" + row.tobytes() for row in x[1:])
    n = 100_000_000 // (4 * CHANNELS * CHUNK)
    for k in range(n):
        at = 1000 + k * CHUNK / RATE
        f.write(chunk(3, struct.pack("<IBBBd", 1, 1, CHUNK, 8, at) + x[0].tobytes() + rest))
        if k % 78 == 0:
            f.write(chunk(4, struct.pack("<Idd", 1, at, -990.0)))
    f.write(chunk(6, struct.pack("<I", 1) + f"<info><sample_count>{n * CHUNK}</sample_count></info>".encode()))
    return n * CHUNK


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    # In large pieces, as copies and downloads are written, and as BenchmarkRead does: how the system keeps a file in memory depends on it.
    with tempfile.NamedTemporaryFile(suffix=".xdf", buffering=1 << 20) as f:
        n = write(f)
        f.flush()
        took = []
        for _ in range(args.repeats):
            begin = clock()
            streams, _ = pyxdf.load_xdf(f.name)
            x = np.asarray(streams[0]["time_series"], dtype=np.float64)
            took.append(clock() - begin)
            assert x.shape == (n, CHANNELS)
    print(json.dumps({"peer": f"pyxdf {version('pyxdf')}", "job": "xdf 100 MB", "seconds": min(took),
                      "median": float(np.median(took))}))


if __name__ == "__main__":
    main()
