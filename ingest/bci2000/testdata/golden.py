"""Makes the recordings in this folder, and golden.json: the stored numbers and the state StimulusCode as MNE-Python reads them.

    python golden.py

MNE reads neither names nor gains, so those are checked in the Go test by the definition alone.
"""

import hashlib
import json
import pathlib

import mne
import numpy as np

HERE = pathlib.Path(__file__).parent
mne.set_log_level("error")
# Where the stimulus codes begin, and for how many samples they last: those of a speller that flashes for 60 ms, every 0.1 s.
CODES, SPELLER = ((10, 1), (100, 2), (101, 3), (300, 100)), tuple((25 * k, k % 12 + 1) for k in range(40))


def write(name, fmt, version, N=500, codes=CODES, on=40):
    rng = np.random.default_rng(3)
    first = (f"BCI2000V= 1.1 HeaderLen= {{:5d}} SourceCh= 3 StatevectorLen= 5 DataFormat= {fmt}" if version else "HeaderLen= {:5d} SourceCh= 3 StatevectorLen= 5") + "\r\n"
    text = (
        "[ State Vector Definition ]\r\nRunning 1 0 0 0\r\nStimulusCode 7 0 0 1\r\nTargetCode 10 0 1 3\r\nSourceTime 16 0 3 0\r\n"
        "[ Parameter Definition ]\r\nSource:Signal int SourceCh= 3 16 1 % // number\r\nSource int SamplingRate= 250Hz 250 1 % // rate\r\n"
        "Source floatlist SourceChGain= 3 0.5 0.003muV 2e-3mV // gains\r\nSource floatlist SourceChOffset= 3 0 10 -4 // offsets\r\n"
        "Source list ChannelNames= 3 Fz Cz EOG%20left // names\r\nStorage string StorageTime= Wed%20Aug%2012%2009:32:10%202009 // time\r\n\r\n"
    )
    length = len(first.format(0)) + len(text)
    x = rng.integers(-30000, 30000, (N, 3)).astype(np.dtype(fmt).newbyteorder("<"))
    states = np.zeros((N, 5), np.uint8)
    code, target = np.zeros(N, int), np.zeros(N, int)
    for at, v in codes:
        code[at : at + on] = v
    target[50:200], target[450:500] = 1000, 3
    for k in range(N):
        v = (k > 0) | int(code[k]) << 1 | int(target[k]) << 11 | (k * 7 % 65536) << 24
        states[k] = np.frombuffer(int(v).to_bytes(5, "little"), np.uint8)
    data = b"".join(x[k].tobytes() + states[k].tobytes() for k in range(N))
    (HERE / name).write_bytes((first.format(length) + text).encode() + data)
    raw = mne.io.read_raw_bci2k(HERE / name, preload=True)
    y = raw.get_data()
    return {
        "rate_hz": raw.info["sfreq"], "samples": N, "sha256_stored": hashlib.sha256((y[:3] + 0.0).astype("<f8").tobytes()).hexdigest(),
        "code": [[int(k), int(y[3, k])] for k in range(N) if y[3, k] and y[3, k] != (y[3, k - 1] if k else 0)],
    }


files = (("old.dat", "int16", 0), ("int32.dat", "int32", 1), ("float32.dat", "float32", 1), ("speller.dat", "int16", 1, 1000, SPELLER, 15))
golden = {"mne": mne.__version__, "files": {f[0]: write(*f) for f in files}}
(HERE / "golden.json").write_text(json.dumps(golden).replace('}, "', '},\n"') + "\n")
print(golden)
