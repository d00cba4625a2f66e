"""A Parquet file of gyrus in other programs, and theirs in gyrus.

    python peer.py FILE AGAIN    # prints as JSON what pyarrow, polars and DuckDB see in FILE, and writes it to AGAIN with
                                 # pyarrow, all in one row group
    python peer.py FILE          # writes FILE as pyarrow-dictionary.parquet, pyarrow-plain.parquet and pyarrow-delta.parquet
                                 # beside this script

Needs ../../arrowfile/testdata/requirements.txt.
"""

import json
import os
import sys

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq


def nullable(t):
    """A schema or type with nulls allowed in all of it."""
    loose = lambda f: pa.field(f.name, nullable(f.type), True, f.metadata)
    if isinstance(t, pa.Schema):
        return pa.schema([loose(f) for f in t], t.metadata)
    if pa.types.is_list(t):
        return pa.list_(loose(t.value_field))
    if pa.types.is_struct(t):
        return pa.struct([loose(t.field(k)) for k in range(t.num_fields)])
    return t


name = sys.argv[1]
table = pq.read_table(name)
if len(sys.argv) == 2:
    beside = os.path.dirname(os.path.abspath(__file__))
    label, onset = "events.list.element.label", "events.list.element.onset_s"
    loose = table.cast(nullable(table.schema))
    pq.write_table(loose, beside + "/pyarrow-dictionary.parquet", compression="gzip", row_group_size=200, data_page_size=500)
    pq.write_table(loose, beside + "/pyarrow-plain.parquet", compression="none", use_dictionary=False, data_page_version="2.0", write_page_checksum=True)
    pq.write_table(loose, beside + "/pyarrow-delta.parquet", compression="lz4", use_dictionary=False, data_page_version="2.0", column_encoding={
        "Cz": "BYTE_STREAM_SPLIT", "light": "BYTE_STREAM_SPLIT", "sample": "DELTA_BINARY_PACKED", "time_ns": "DELTA_BINARY_PACKED",
        label: "DELTA_BYTE_ARRAY", onset: "BYTE_STREAM_SPLIT"})
    sys.exit()
again = sys.argv[2]
out = {"rows": table.num_rows, "names": table.schema.names,
       "metadata": {k.decode(): v.decode() for k, v in table.schema.metadata.items()},
       "units": [(f.metadata or {}).get(b"unit", b"").decode() for f in table.schema],
       "cz": table["Cz"].to_pylist(), "polars_rows": polars.read_parquet(name).height}
con = duckdb.connect()
out["duckdb_sum"], out["duckdb_events"] = con.execute('SELECT sum("Cz"), sum(len(events)) FROM read_parquet(?)', [name]).fetchone()
out["duckdb_rate"] = con.execute("SELECT decode(value) FROM parquet_kv_metadata(?) WHERE decode(key) = 'rate_hz'", [name]).fetchone()[0]
pq.write_table(table.combine_chunks(), again, compression="zstd")
print(json.dumps(out, default=float))
