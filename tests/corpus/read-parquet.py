"""Rows of folders of Parquet files, read with pyarrow, in the form of scripts/readers/normalise.py.

Large ones give one line {"table", "rows", "digest"} instead: the SHA-256 of their rows' texts, sorted.

Usage: python read-parquet.py SCRIPTS_READERS_FOLDER PATH...   (PATH: a folder or one file)
"""

import glob
import hashlib
import json
import os
import sys

sys.path.insert(0, sys.argv[1])

import pyarrow
import pyarrow.parquet as parquet
from normalise import print_table, rows_of

LARGE = 20_000


def read(path):
    files = [path] if path.endswith(".parquet") else sorted(glob.glob(os.path.join(path, "*.parquet")))
    tables = [
        parquet.ParquetFile(file, coerce_int96_timestamp_unit="us").read() for file in files
    ]
    return rows_of(pyarrow.concat_tables(tables, promote_options="permissive"))


def digest_of(rows):
    lines = sorted(json.dumps(row, separators=(",", ":"), sort_keys=True) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


for path in sys.argv[2:]:
    rows = read(path)
    if len(rows) > LARGE:
        print(json.dumps({"table": path, "rows": len(rows), "digest": digest_of(rows)}), flush=True)
    else:
        print_table("pyarrow", pyarrow.__version__, path, lambda _: rows, sys.stdout)
