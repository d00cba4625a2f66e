"""Parquet files of other programs.

    python peer.py DIR        # writes the table in DIR/values.json as DIR/*.parquet, with every codec, encoding and version of
                              # pages that package parquet reads, by pyarrow, polars and DuckDB; *-refused* with what it does not
    python peer.py DIR few    # some of them; those beside this script are made so

Needs ../../arrowfile/testdata/requirements.txt.
"""

import itertools
import json
import os
import sys

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq

where = sys.argv[1]
values = json.load(open(os.path.join(where, "values.json")))
table = pa.table({"x": pa.array(values["x"], pa.float64()), "i": pa.array(values["i"], pa.int64()),
                  "texts": pa.array(values["texts"], pa.list_(pa.string()))})
TEXTS = "texts.list.element"


few = sys.argv[2:] == ["few"]


def path(name):
    return os.path.join(where, name + ".parquet")


encodings = {
    "dictionary": {"use_dictionary": True},
    "plain": {"use_dictionary": False},
    "delta-length": {"use_dictionary": False, "column_encoding": {"x": "BYTE_STREAM_SPLIT", "i": "DELTA_BINARY_PACKED", TEXTS: "DELTA_LENGTH_BYTE_ARRAY"}},
    "delta-prefix": {"use_dictionary": False, "column_encoding": {"x": "BYTE_STREAM_SPLIT", "i": "BYTE_STREAM_SPLIT", TEXTS: "DELTA_BYTE_ARRAY"}},
}
for (name, e), codec, version in itertools.product(encodings.items(), ["none", "snappy", "gzip", "zstd", "lz4"], ["1.0", "2.0"]):
    if few and (name, codec, version) not in [("dictionary", "snappy", "1.0"), ("dictionary", "none", "2.0"), ("plain", "gzip", "1.0"), ("plain", "lz4", "2.0"),
                                              ("delta-length", "none", "1.0"), ("delta-prefix", "zstd", "2.0")]:
        continue
    pq.write_table(table, path(f"pyarrow-{name}-{codec}-{version}"), compression=codec, data_page_version=version, data_page_size=1000 if few else 20_000,
                   row_group_size=200 if few else 35_000, write_page_checksum=not few and codec != "none", **e)
polars.from_arrow(table).write_parquet(path("polars-zstd"), compression="zstd", row_group_size=200 if few else 25_000, data_page_size=30_000)
con = duckdb.connect()
con.register("rows", table)
con.execute(f"COPY (SELECT * FROM rows) TO '{path('duckdb-snappy')}' (FORMAT parquet)")
if few:
    sys.exit()
pq.write_table(table, path("pyarrow-default"))
pq.write_table(table, path("pyarrow-brotli-refused"), compression="brotli")
for codec in ["uncompressed", "snappy", "gzip", "lz4"]:
    polars.from_arrow(table).write_parquet(path(f"polars-{codec}"), compression=codec, row_group_size=25_000, data_page_size=30_000)
for codec, version in itertools.product(["uncompressed", "snappy", "gzip", "zstd", "lz4_raw"], ["V1", "V2"]):
    con.execute(f"COPY (SELECT * FROM rows) TO '{path(f'duckdb-{codec}-{version}')}' (FORMAT parquet, CODEC '{codec}', PARQUET_VERSION '{version}', ROW_GROUP_SIZE 20480)")
