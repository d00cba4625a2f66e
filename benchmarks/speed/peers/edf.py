"""Times edfio or MNE on an EDF file: 64 channels at 160 Hz for an hour, or 512 at 2 kHz for five minutes, opened and read
whole as float64. The Go side is BenchmarkWhole in ingest/edf. Prints one line of JSON.

    python edf.py --channels 64|512 --with edfio|mne [--repeats 3]
"""

import argparse
import json
import os
import tempfile
import time
from importlib.metadata import version

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before NumPy is loaded

import edfio  # noqa: E402
import mne  # noqa: E402
import numpy as np  # noqa: E402

clock = time.process_time if os.environ.get("SPEED_CLOCK") == "cpu" else time.perf_counter
SIZES = {64: (160, 3600), 512: (2000, 300)}  # Hz, s; records of a second, as recorders write them


def write(f, channels, rate, seconds):
    def fields(width, values):
        return b"".join(str(v).encode().ljust(width) for v in values)

    f.write(fields(8, ["0"]) + fields(80, ["X X X X", "Startdate 02-MAR-2002 X X X"])
            + fields(8, ["02.03.02", "10.11.12", 256 * (channels + 1)]) + fields(44, [""])
            + fields(8, [seconds, 1]) + fields(4, [channels]))
    each = [1] * channels
    f.write(fields(16, [f"EEG {k + 1}" for k in range(channels)]) + fields(80, ["" for _ in each])
            + fields(8, ["uV" for _ in each]) + fields(8, [-3276.8 for _ in each]) + fields(8, [3276.7 for _ in each])
            + fields(8, [-32768 for _ in each]) + fields(8, [32767 for _ in each]) + fields(80, ["" for _ in each])
            + fields(8, [rate for _ in each]) + fields(32, ["" for _ in each]))
    rng = np.random.default_rng(1)
    for _ in range(seconds):
        f.write(rng.integers(-3000, 3000, (channels, rate), dtype="<i2").tobytes())


def with_edfio(path):
    signals = edfio.read_edf(path).signals
    x = np.empty((len(signals), len(signals[0].digital)))
    for ch, s in enumerate(signals):  # one copy less than np.stack
        x[ch] = s.data
    return x


def with_mne(path):
    return mne.io.read_raw_edf(path, preload=True, verbose="ERROR")._data  # get_data would copy once more


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--channels", type=int, choices=SIZES, required=True)
    parser.add_argument("--with", dest="peer", choices=("edfio", "mne"), required=True)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    rate, seconds = SIZES[args.channels]
    read = {"edfio": with_edfio, "mne": with_mne}[args.peer]
    with tempfile.NamedTemporaryFile(suffix=".edf") as f:
        write(f, args.channels, rate, seconds)
        f.flush()
        took = []
        for _ in range(args.repeats):
            begin = clock()
            x = read(f.name)
            took.append(clock() - begin)
            assert x.shape == (args.channels, rate * seconds) and x.dtype == np.float64
            del x
    print(json.dumps({"peer": f"{args.peer} {version(args.peer)}", "job": f"edf {args.channels}", "seconds": min(took),
                      "median": float(np.median(took))}))


if __name__ == "__main__":
    main()
