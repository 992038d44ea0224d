"""The plain design that cdcdelta is measured against: json.loads, pyarrow, delta-rs appends.

    python baseline.py EVENTS.ndjson TABLE_FOLDER [EVENTS_MAX]

Bare Debezium values in, one Delta table out, a commit every 50,000 events. It prints one JSON object
with the events and the milliseconds of each commit. It does no more than such a script does: one
process, no exactly-once bookkeeping, no schema changes, no dead letters.
"""

import datetime
import decimal
import json
import sys
import time

import pyarrow as pa
from deltalake import write_deltalake

BATCH = 50_000
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

GEO = pa.struct([("lat", pa.float64()), ("lon", pa.float64())])
ADDRESS = pa.struct(
    [("street", pa.string()), ("city", pa.string()), ("zip", pa.string()), ("geo", GEO)]
)
ITEM = pa.struct([("sku", pa.string()), ("qty", pa.int32()), ("price", pa.float64())])
SCHEMA = pa.schema(
    [
        ("_cdc_operation", pa.string()),
        ("_cdc_timestamp", pa.timestamp("us", tz="UTC")),
        ("_id", pa.string()),
        ("customerId", pa.int32()),
        ("orderNo", pa.int64()),
        ("firstName", pa.string()),
        ("lastName", pa.string()),
        ("email", pa.string()),
        ("status", pa.string()),
        ("active", pa.bool_()),
        ("score", pa.float64()),
        ("balance", pa.decimal128(38, 18)),
        ("createdAt", pa.timestamp("us", tz="UTC")),
        ("updatedAt", pa.timestamp("us", tz="UTC")),
        ("address", ADDRESS),
        ("tags", pa.list_(pa.string())),
        ("items", pa.list_(ITEM)),
        ("note", pa.string()),
    ]
)


def time_of(ms):
    return EPOCH + datetime.timedelta(milliseconds=ms)


def plain(value):
    """Legacy Extended JSON to Python values."""
    if type(value) is dict:
        if len(value) == 1:
            ((name, inner),) = value.items()
            if name == "$oid":
                return inner
            if name == "$numberLong":
                return int(inner)
            if name == "$numberDecimal":
                return decimal.Decimal(inner)
            if name == "$date":
                return time_of(inner)
        return {name: plain(inner) for name, inner in value.items()}
    if type(value) is list:
        return [plain(inner) for inner in value]
    return value


def row_of(line):
    event = json.loads(line)
    after = event["after"]
    row = plain(json.loads(after)) if after is not None else {}
    row["_cdc_operation"] = event["op"]
    row["_cdc_timestamp"] = time_of(event["source"]["ts_ms"])
    return row


def main(source, table, events_max):
    commits = []
    events = 0

    def commit(rows):
        start = time.perf_counter()
        write_deltalake(table, pa.Table.from_pylist(rows, schema=SCHEMA), mode="append")
        commits.append((time.perf_counter() - start) * 1000)

    rows = []
    with open(source, "rb") as lines:
        for line in lines:
            if events >= events_max:
                break
            rows.append(row_of(line))
            events += 1
            if len(rows) == BATCH:
                commit(rows)
                rows = []
    if rows:
        commit(rows)
    print(json.dumps({"events": events, "commitMs": commits}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1 << 62)
