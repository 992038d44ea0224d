"""Makes and optimizes tables for optimize.ts with delta-rs.

    python optimize_table.py make TABLE_FOLDER FILES ROWS_PER_FILE
    python optimize_table.py large TABLE_FOLDER FILES ROWS_PER_FILE
    python optimize_table.py compact TABLE_FOLDER
    python optimize_table.py zorder TABLE_FOLDER COLUMN COLUMN

`make` writes orders in commits of one file each; `large` writes one file of wide rows and adds links
to it, so that a table of any size is there at once; the others print delta-rs' metrics as JSON.
"""

import json
import sys

from deltalake import DeltaTable

TARGET_BYTES = 128 << 20


def make(table, files, rows):
    import random

    import pyarrow as pa
    from deltalake import write_deltalake

    chance = random.Random(7)
    states = ["new", "paid", "packed", "shipped", "returned"]
    for index in range(files):
        ids = range(index * rows, (index + 1) * rows)
        times = pa.array([1_700_000_000_000_000 + i * 1000 for i in ids])
        batch = pa.table(
            {
                "id": pa.array(ids, type=pa.int64()),
                "_id": pa.array([f"{i * 2654435761 % (1 << 32):024x}" for i in ids]),
                "customer": pa.array([chance.randrange(100_000) for _ in ids], type=pa.int32()),
                "state": pa.array([chance.choice(states) for _ in ids]),
                "city": pa.array([f"city-{chance.randrange(2000):04}" for _ in ids]),
                "amount": pa.array([chance.random() * 1000 for _ in ids]),
                "createdAt": times.cast(pa.timestamp("us", tz="UTC")),
                "note": pa.array([f"note {chance.getrandbits(60)}" if i % 3 else None for i in ids]),
            }
        )
        write_deltalake(table, batch, mode="append")


def large(table, files, rows):
    import os
    import random

    import pyarrow as pa
    from deltalake import write_deltalake

    chance = random.Random(7)
    batch = pa.table(
        {
            "id": pa.array(range(rows), type=pa.int64()),
            "customer": pa.array([chance.randrange(100_000) for _ in range(rows)], type=pa.int32()),
            "amount": pa.array([chance.random() * 1000 for _ in range(rows)]),
            "note": pa.array([f"{chance.getrandbits(1200):x}" for _ in range(rows)]),
        }
    )
    write_deltalake(table, batch)
    log = os.path.join(table, "_delta_log")
    with open(os.path.join(log, f"{0:020}.json")) as lines:
        add = next(a["add"] for a in map(json.loads, lines) if "add" in a)
    with open(os.path.join(log, f"{1:020}.json"), "w") as out:
        out.write(json.dumps({"commitInfo": {"operation": "WRITE", "operationParameters": {}}}) + "\n")
        for index in range(1, files):
            path = f"part-{index:05}-{add['path']}"
            os.link(os.path.join(table, add["path"]), os.path.join(table, path))
            out.write(json.dumps({"add": {**add, "path": path}}) + "\n")


def main(mode, table, *rest):
    if mode == "make":
        make(table, int(rest[0]), int(rest[1]))
        return
    if mode == "large":
        large(table, int(rest[0]), int(rest[1]))
        return
    optimizer = DeltaTable(table).optimize
    if mode == "compact":
        metrics = optimizer.compact(target_size=TARGET_BYTES)
    else:
        metrics = optimizer.z_order(list(rest), target_size=TARGET_BYTES)
    print(json.dumps(metrics))


if __name__ == "__main__":
    main(*sys.argv[1:])
