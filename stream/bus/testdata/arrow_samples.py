"""Arrow IPC streams of gyrus samples, written and read by pyarrow, a program that shares no code with gyrus.

    python arrow_samples.py write pyarrow.arrows    makes the file that TestReadsPyarrow reads
    python arrow_samples.py check FILE              prints what pyarrow finds in a stream that gyrus wrote (see README.md)
"""
import sys

import pyarrow as pa
from pyarrow import ipc

EVENT = pa.struct([("label", pa.string()), ("onset_s", pa.float64()), ("duration_s", pa.float64())])


def channel(name, unit, kind, **more):
    return pa.field(name, pa.float64(), metadata={"unit": unit, "kind": kind, **more})


SCHEMA = pa.schema(
    [
        channel("FC5", "µV", "eeg", original="Fc5.", position="[-0.07,0.03,0.05]"),
        channel("Resp", "kΩ", "misc"),
        pa.field("sample", pa.int64()),
        pa.field("time_ns", pa.int64()),
        pa.field("events", pa.list_(EVENT)),
    ],
    metadata={"gyrus_schema": "1", "rate_hz": "160", "reference": "A1"},
)
TIME, STEP = 1_700_000_000_000_000_000, 6_250_000


def batch(start, fc5, resp, events):
    n = len(fc5)
    return pa.record_batch(
        [
            pa.array(fc5, pa.float64()),
            pa.array(resp, pa.float64()),
            pa.array(range(start, start + n), pa.int64()),
            pa.array([TIME + STEP * s for s in range(start, start + n)], pa.int64()),
            pa.array(events, pa.list_(EVENT)),
        ],
        schema=SCHEMA,
    )


def write(path):
    with ipc.new_stream(path, SCHEMA) as w:
        w.write_batch(batch(0, [0.5, -1.5, float("nan")], [1.0, 2.0, float("inf")], [None, [("T1", 0.00625, 4.1), ("größer", 0.0063, 0.0)], []]))
        w.write_batch(batch(7, [3.25], [4.0], [[]]))  # behind a gap
        w.write_batch(batch(8, [5.0, 6.0], [7.0, 8.0], [[], [("T2", 0.05625, 0.0)]]))


def check(path):
    with ipc.open_stream(path) as r:
        print(r.schema.to_string(show_field_metadata=True, show_schema_metadata=True))
        rows = 0
        for b in r:
            b.validate(full=True)
            rows += b.num_rows
            for sample, events in zip(b["sample"].to_pylist(), b["events"].to_pylist()):
                for e in events or []:
                    print(sample, e)
        print(rows, "rows")


if __name__ == "__main__":
    {"write": write, "check": check}[sys.argv[1]](sys.argv[2])
