"""A Parquet file of gyrus in other programs, and theirs in gyrus.

    python peer.py FILE AGAIN    # prints as JSON what pyarrow, polars and DuckDB see in FILE, and writes it to AGAIN with
                                 # pyarrow, all in one row group

Needs ../../arrowfile/testdata/requirements.txt.
"""

import json
import sys

import duckdb
import polars
import pyarrow.parquet as pq

name, again = sys.argv[1:]
table = pq.read_table(name)
out = {"rows": table.num_rows, "names": table.schema.names,
       "metadata": {k.decode(): v.decode() for k, v in table.schema.metadata.items()},
       "units": [(f.metadata or {}).get(b"unit", b"").decode() for f in table.schema],
       "cz": table["Cz"].to_pylist(), "polars_rows": polars.read_parquet(name).height}
con = duckdb.connect()
out["duckdb_sum"], out["duckdb_events"] = con.execute('SELECT sum("Cz"), sum(len(events)) FROM read_parquet(?)', [name]).fetchone()
pq.write_table(table.combine_chunks(), again, compression="zstd")
print(json.dumps(out, default=float))
