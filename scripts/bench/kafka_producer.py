"""Writes benchmark events into a Kafka topic, lz4 as Kafka Connect does by default.

    python kafka_producer.py BROKERS TOPIC EVENTS.kcat.ndjson [EVENTS_PER_SECOND]

The input has kcat's form: key and payload as strings. With a rate the events are paced, and their
`ts_ms` is the moment they are written, so that a reader can tell how fresh they are. It prints one
JSON object with the events and the seconds.
"""

import json
import re
import sys
import time

from confluent_kafka import Producer

TS_MS = re.compile(rb'"ts_ms":\d+')
SLICE_S = 0.01


def main(brokers, topic, source, rate):
    producer = Producer(
        {
            "bootstrap.servers": brokers,
            "compression.type": "lz4",
            "linger.ms": 5 if rate else 50,
            "batch.size": 262144,
            "queue.buffering.max.kbytes": 131072,
            "queue.buffering.max.messages": 1000000,
            "acks": "all",
        }
    )
    start = time.time()
    events = 0
    with open(source, "rb") as lines:
        for line in lines:
            if rate:
                due = start + events / rate
                now = time.time()
                if due > now:
                    producer.poll(0)
                    time.sleep(max(SLICE_S, due - now))
            record = json.loads(line)
            value = record["payload"].encode()
            if rate:
                value = TS_MS.sub(b'"ts_ms":%d' % int(time.time() * 1000), value)
            key = record["key"].encode()
            while True:
                try:
                    producer.produce(topic, value=value, key=key)
                    break
                except BufferError:
                    producer.poll(0.05)
            events += 1
    producer.flush()
    print(json.dumps({"events": events, "seconds": time.time() - start}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]) if len(sys.argv) > 4 else 0)
