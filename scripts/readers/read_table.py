#!/usr/bin/env python3
"""Reads Delta tables with an independent engine and prints their rows in one normal form.

  read_table.py [--reader delta-rs|delta-rs-pyarrow|duckdb|polars|pyarrow] TABLE_URI...

NDJSON on standard output: {"table", "reader", "version"}, then {"row": {...}} for each row in the
engine's order, then {"end": number of rows}; or {"table", "reader", "error"}. The exit code is 1
when a table could not be read. normalise.py says how values look.

A TABLE_URI is a folder or s3://bucket/prefix; for S3 the environment has AWS_ENDPOINT_URL,
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION. `pyarrow` reads the live data files only, all
others go through the Delta log.
"""

import argparse
import glob
import os
import sys

from normalise import print_table, rows_of


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--reader", default="delta-rs", choices=sorted(READERS))
    parser.add_argument("tables", nargs="+", metavar="TABLE_URI")
    arguments = parser.parse_args()
    version, read = READERS[arguments.reader]()
    results = [
        print_table(arguments.reader, version, uri, read, sys.stdout) for uri in arguments.tables
    ]
    sys.exit(0 if all(results) else 1)


def storage_options():
    names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
    options = {name: os.environ[name] for name in names if name in os.environ}
    if options.get("AWS_ENDPOINT_URL", "").startswith("http:"):
        options["AWS_ALLOW_HTTP"] = "true"
    return options


def delta_table(uri):
    import deltalake

    options = storage_options() if uri.startswith("s3:") else None
    return deltalake.DeltaTable(uri, storage_options=options)


def delta_rs():
    import deltalake

    def read(uri):
        builder = deltalake.QueryBuilder().register("t", delta_table(uri))
        return rows_of(builder.execute("select * from t").read_all())

    return deltalake.__version__, read


def delta_rs_pyarrow():
    import deltalake

    return deltalake.__version__, lambda uri: rows_of(delta_table(uri).to_pyarrow_table())


def duckdb():
    import duckdb as engine

    connection = connect_duckdb()

    def read(uri):
        query = connection.execute("select * from delta_scan(?)", [uri])
        return rows_of(query.to_arrow_table())

    return engine.__version__, read


def connect_duckdb():
    import duckdb as engine

    connection = engine.connect()
    load_extension(connection, "duckdb_extension_delta")
    connection.execute("SET TimeZone='UTC'")
    if "AWS_ENDPOINT_URL" in os.environ:
        load_extension(connection, "duckdb_extension_httpfs")
        connection.execute(s3_secret())
    return connection


def load_extension(connection, package):
    """Extensions come as wheels, so that nothing is fetched from DuckDB's own server."""
    folder = os.path.dirname(__import__(package).__file__)
    found = glob.glob(os.path.join(folder, "extensions", "*", "*.duckdb_extension"))
    connection.execute(f"LOAD '{found[0]}'")


def s3_secret():
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    quoted = {
        "KEY_ID": os.environ["AWS_ACCESS_KEY_ID"],
        "SECRET": os.environ["AWS_SECRET_ACCESS_KEY"],
        "REGION": os.environ.get("AWS_REGION", "us-east-1"),
        "ENDPOINT": endpoint.split("://", 1)[1].rstrip("/"),
        "URL_STYLE": "path",
    }
    settings = [f"{name} '{value}'" for name, value in quoted.items()]
    settings.append(f"USE_SSL {'false' if endpoint.startswith('http:') else 'true'}")
    return f"CREATE SECRET (TYPE s3, {', '.join(settings)})"


def polars():
    import polars as engine

    def read(uri):
        options = storage_options() if uri.startswith("s3:") else None
        return rows_of(engine.scan_delta(uri, storage_options=options).collect().to_arrow())

    return engine.__version__, read


def pyarrow():
    import pyarrow as engine
    import pyarrow.parquet as parquet

    def read(uri):
        files = [path for path in delta_table(uri).file_uris()]
        tables = [parquet.ParquetFile(path).read() for path in sorted(files)]
        return rows_of(engine.concat_tables(tables, promote_options="permissive"))

    return engine.__version__, read


READERS = {
    "delta-rs": delta_rs,
    "delta-rs-pyarrow": delta_rs_pyarrow,
    "duckdb": duckdb,
    "polars": polars,
    "pyarrow": pyarrow,
}

if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    main()
