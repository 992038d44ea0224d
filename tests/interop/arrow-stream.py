"""Reads Arrow IPC streams with pyarrow or DuckDB; prints them as scripts/readers/normalise.py does.

Usage: python arrow-stream.py pyarrow|duckdb FILE...
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../scripts/readers"))

import pyarrow as pa  # noqa: E402

from normalise import print_table, rows_of  # noqa: E402


def by_pyarrow(path):
    table = pa.ipc.open_stream(path).read_all()
    table.validate(full=True)
    return rows_of(table)


def by_duckdb(path):
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone='UTC'")
    stream = pa.ipc.open_stream(path)  # noqa: F841 (DuckDB finds it by its name)
    return rows_of(connection.execute("select * from stream").to_arrow_table())


name, *files = sys.argv[1:]
for file in files:
    print_table(name, "", file, by_pyarrow if name == "pyarrow" else by_duckdb, sys.stdout)
