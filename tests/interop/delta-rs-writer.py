"""Writes to a Delta table with delta-rs until its input ends; then prints what became of it.

Usage: python delta-rs-writer.py TABLE_URI

Appends batches of ten rows, deletes some of them and compacts, beside whoever else writes. A line
is printed when the table is there. At the end, a line of JSON for each commit of the table, oldest
first: {"version", "operation", "batch", "parameters"}; a batch `b` has the ids 10b to 10b + 9, and
a delete of it takes 10b and 10b + 1 away. What fails, on conflicts and files that a vacuum took, is
told on standard error and left.
"""

import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../scripts/readers"))

import pyarrow as pa  # noqa: E402
from deltalake import CommitProperties, DeltaTable, write_deltalake  # noqa: E402
from read_table import storage_options  # noqa: E402


def main():
    uri = sys.argv[1]
    options = storage_options() if uri.startswith("s3:") else None
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()

    def told(batch):
        return CommitProperties(custom_metadata={"batch": str(batch)})

    def append(batch):
        ids = range(10 * batch, 10 * batch + 10)
        rows = pa.table({"id": pa.array(ids, pa.int64()), "s": [f"text {i}" for i in ids]})
        write_deltalake(
            uri, rows, mode="append", storage_options=options, commit_properties=told(batch)
        )

    def delete(batch):
        table = DeltaTable(uri, storage_options=options)
        first = 10 * batch
        table.delete(f"id >= {first} and id < {first + 2}", commit_properties=told(batch))

    def compact():
        DeltaTable(uri, storage_options=options).optimize.compact()

    batch = int(time.time())
    append(batch)
    print("ready", flush=True)
    while not ended.is_set():
        batch += 1
        for every, work in ((1, lambda: append(batch)), (3, lambda: delete(batch)), (7, compact)):
            if batch % every == 0:
                try:
                    work()
                except Exception as error:  # pylint: disable=broad-except
                    print(f"{type(error).__name__}: {error}", file=sys.stderr)
        time.sleep(0.3)
    for commit in reversed(DeltaTable(uri, storage_options=options).history()):
        known = {name: commit.get(name) for name in ("version", "operation", "batch")}
        print(json.dumps({**known, "parameters": commit.get("operationParameters")}))


if __name__ == "__main__":
    main()
