"""The plain consumer that cdcdelta is measured against: confluent-kafka, json.loads, delta-rs.

    python kafka_baseline.py BROKERS TOPIC TABLE_URI EVENTS

Debezium values in, one Delta table out, a commit every 50,000 events, offsets committed to Kafka
after it. AWS_* variables tell delta-rs how to reach the store. It prints one JSON object with the
events and the milliseconds of each commit. One process, no exactly-once bookkeeping, no schema
changes, no dead letters.
"""

import json
import sys
import time

import pyarrow as pa
from confluent_kafka import Consumer
from deltalake import write_deltalake

from baseline import BATCH, SCHEMA, row_of


def main(brokers, topic, table, wanted):
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": f"baseline-{time.time_ns()}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([topic])
    commits = []
    events = 0
    rows = []

    def commit():
        start = time.perf_counter()
        write_deltalake(table, pa.Table.from_pylist(rows, schema=SCHEMA), mode="append")
        consumer.commit(asynchronous=False)
        commits.append((time.perf_counter() - start) * 1000)
        rows.clear()

    while events < wanted:
        for message in consumer.consume(num_messages=5000, timeout=1.0):
            if message.error():
                raise RuntimeError(message.error())
            rows.append(row_of(message.value()))
            events += 1
            if len(rows) == BATCH:
                commit()
    if rows:
        commit()
    consumer.close()
    print(json.dumps({"events": events, "commitMs": commits}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
