#!/usr/bin/env python3
"""Answers SQL queries over Delta tables until its input ends, for tests that look again and again.

  query_tables.py < requests

A request is a line of JSON: {"reader": "delta-rs" | "duckdb", "table": URI, "query": SQL}, the table
being named `t` in the query. The answer is what read_table.py prints for one table.
"""

import json
import os
import sys

from normalise import print_table, rows_of
from read_table import connect_duckdb, delta_table


def main():
    engines = {}
    for line in sys.stdin:
        request = json.loads(line)
        name = request["reader"]
        if name not in engines:
            engines[name] = ENGINES[name]()
        version, query = engines[name]
        read = lambda uri, query=query: query(uri, request["query"])
        print_table(name, version, request["table"], read, sys.stdout)


def delta_rs():
    import deltalake

    def query(uri, sql):
        builder = deltalake.QueryBuilder().register("t", delta_table(uri))
        return rows_of(builder.execute(sql).read_all())

    return deltalake.__version__, query


def duckdb():
    import duckdb as engine

    connection = connect_duckdb()

    def query(uri, sql):
        quoted = uri.replace("'", "''")
        connection.execute(f"create or replace temp view t as select * from delta_scan('{quoted}')")
        return rows_of(connection.execute(sql).to_arrow_table())

    return engine.__version__, query


ENGINES = {"delta-rs": delta_rs, "duckdb": duckdb}

if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    main()
