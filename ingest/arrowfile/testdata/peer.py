"""Arrow files of gyrus in other programs, and theirs in gyrus.

    python peer.py read FILE     # prints as JSON what pyarrow, polars and DuckDB see in a file that gyrus wrote
    python peer.py tables FILE…  # prints what pyarrow and DuckDB see in each: rows, names, units, metadata, sums of columns; Parquet too
    python peer.py write DIR     # writes pyarrow.arrows (a stream) and pyarrow.arrow (with the frame of a file) to DIR

Needs requirements.txt.
"""

import json
import sys

import pyarrow as pa
import pyarrow.ipc as ipc


def read(name):
    with ipc.open_stream(name) as r:
        table, schema = r.read_all(), r.schema
    out = {"pyarrow": pa.__version__, "rows": table.num_rows, "names": schema.names,
           "metadata": {k.decode(): v.decode() for k, v in schema.metadata.items()},
           "units": [(f.metadata or {}).get(b"unit", b"").decode() for f in schema],
           "columns": {n: table[n].to_pylist() for n in schema.names if n != "events"},
           "events": [[i, e["label"], e["onset_s"], e["duration_s"]] for i, l in enumerate(table["events"].to_pylist()) for e in l]}
    import polars
    out["polars_rows"] = polars.read_ipc_stream(name).height
    import duckdb
    con = duckdb.connect()
    con.register("samples", table)
    out["duckdb_sum"] = con.execute(f'SELECT sum("{schema.names[0]}") FROM samples').fetchone()[0]
    print(json.dumps(out))


def tables(*names):
    import duckdb
    import pyarrow.parquet as pq
    all = []
    for name in names:
        con = duckdb.connect()
        if name.endswith(".parquet"):
            table = pq.read_table(name)
            con.execute(f"CREATE VIEW samples AS SELECT * FROM read_parquet('{name}')")
            # as docs/formats/parquet.md has it
            described = con.execute(
                "SELECT c->>'column', c->>'name', c->>'unit', c->>'kind', c->>'original', (c->'position')::DOUBLE[], c->>'status' FROM "
                "(SELECT unnest(decode(value)::JSON[]) AS c FROM parquet_kv_metadata(?) WHERE decode(key) = 'channels')", [name]).fetchall()
            known = {bytes(k).decode(): bytes(v).decode() for k, v in con.execute("SELECT key, value FROM parquet_kv_metadata(?)", [name]).fetchall()}
        else:
            with ipc.open_stream(name) as r:
                table = r.read_all()
            con.register("samples", table)
            known, described = {}, []  # DuckDB reads Arrow through pyarrow, without metadata
        channels = table.schema.names[:-3]
        metadata = {k.decode(): v.decode() for k, v in table.schema.metadata.items()}
        all.append({
            "rows": table.num_rows, "duckdb_rows": con.execute("SELECT count(*) FROM samples").fetchone()[0], "names": table.schema.names,
            "channels": [(table.schema.field(n).metadata or {}).get(b"name", n.encode()).decode() for n in channels],
            "units": [(table.schema.field(n).metadata or {}).get(b"unit", b"").decode() for n in channels],
            "columns": {n: table[n].to_pylist() for n in channels}, "events": sum(len(e) for e in table["events"].to_pylist()),
            "duckdb_sums": [con.execute(f'SELECT fsum("{n}") FROM samples').fetchone()[0] for n in channels],
            "duckdb_channels": described, "rate": metadata["rate_hz"], "duckdb_rate": known.get("rate_hz"), "begin": metadata.get("begin"),
            "outside": json.loads(metadata.get("events_outside", "[]")), "duckdb_outside": json.loads(known.get("events_outside", "[]")),
            "others": json.loads(metadata.get("others", "[]")), "texts": json.loads(metadata.get("texts", "[]"))})
    print(json.dumps(all))


def write(folder):
    event = pa.struct([("label", pa.string()), ("onset_s", pa.float64()), ("duration_s", pa.float64())])
    meta = lambda unit, kind, **more: {"unit": unit, "kind": kind, **more}
    schema = pa.schema([
        pa.field("C3", pa.float64(), metadata=meta("\u00b5V", "eeg", original="EEG C3", position="[-0.06,0.01,0.07]")),
        pa.field("lux", pa.float64(), metadata=meta("lx", "misc")),
        pa.field("sample", pa.int64()), pa.field("time_ns", pa.int64()), pa.field("events", pa.list_(event)),
    ], metadata={"gyrus_schema": "1", "rate_hz": "100", "reference": "Cz"})

    def batch(start, n):
        rows = range(start, start + n)
        return pa.record_batch([
            pa.array([i / 8 for i in rows], pa.float64()), pa.array([-float(i) for i in rows], pa.float64()),
            pa.array(list(rows), pa.int64()), pa.array([1_700_000_000_000_000_000 + i * 10_000_000 for i in rows], pa.int64()),
            pa.array([[{"label": "cue", "onset_s": i / 100, "duration_s": 0.5}] if i % 50 == 7 else [] for i in rows], pa.list_(event)),
        ], schema=schema)

    for name, new in (("pyarrow.arrows", ipc.new_stream), ("pyarrow.arrow", ipc.new_file)):
        with new(f"{folder}/{name}", schema) as w:
            w.write_batch(batch(0, 120))
            w.write_batch(batch(150, 30))


if __name__ == "__main__":
    {"read": read, "tables": tables, "write": write}[sys.argv[1]](*sys.argv[2:])
