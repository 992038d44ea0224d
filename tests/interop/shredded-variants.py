"""Variants shredded by DuckDB, as Parquet files in a folder, and what DuckDB itself reads of them.

Usage: python shredded-variants.py FOLDER   prints one JSON line {"file", "rows"} a file
"""

import json
import os
import sys

import duckdb

JSON = [
    '{"a":1,"b":"x","c":{"d":[1,2,{"e":null}]}}',
    '{"a":"t","b":"y"}',
    '[1,2.5,"x"]',
    None,
    "{}",
    '{"a":null,"c":[]}',
    '{"l":["p",3]}',
    "123456789012345678",
]
SHREDDINGS = {
    "object": "STRUCT(a BIGINT, b VARCHAR, c STRUCT(d INTEGER[]), l VARCHAR[])",
    "long": "BIGINT",
    "list": "DOUBLE[]",
}
# Type, SQL value.
SCALARS = {
    "t": ("TINYINT", "-1"),
    "s": ("SMALLINT", "-2"),
    "i": ("INTEGER", "3"),
    "f": ("FLOAT", "1.5"),
    "d": ("DECIMAL(10,3)", "12.345"),
    "dd": ("DECIMAL(30,3)", "-12.345"),
    "dt": ("DATE", "'2024-02-03'"),
    "ts": ("TIMESTAMP", "'2024-02-03 01:02:03.456'"),
    "tz": ("TIMESTAMPTZ", "'2024-02-03 01:02:03.456+00'"),
    "bl": ("BLOB", r"'\x01\x02'"),
    "bo": ("BOOLEAN", "true"),
    "u": ("UUID", "'00112233-4455-6677-8899-aabbccddeeff'"),
    "tm": ("TIME", "'01:02:03'"),
    "st": ("VARCHAR", "'x'"),
}

folder = sys.argv[1]
connection = duckdb.connect()
connection.execute("create table t(i integer, j varchar)")
connection.executemany("insert into t values (?, ?)", list(enumerate(JSON)))
for name, shredding in SHREDDINGS.items():
    file = os.path.join(folder, f"{name}.parquet")
    connection.execute(
        f"copy (select i, j::JSON::VARIANT as v from t) to '{file}' "
        f"(format parquet, shredding {{v: '{shredding}'}})"
    )
    rows = connection.execute(f"select v::JSON::VARCHAR from '{file}' order by i").fetchall()
    print(json.dumps({"file": file, "rows": [text for (text,) in rows]}))
columns = ", ".join(f"({value})::{type}::VARIANT as {name}" for name, (type, value) in SCALARS.items())
types = ", ".join(f"{name}: '{type}'" for name, (type, _) in SCALARS.items())
file = os.path.join(folder, "scalars.parquet")
connection.execute(f"copy (select {columns}) to '{file}' (format parquet, shredding {{{types}}})")
print(json.dumps({"file": file, "rows": []}))
