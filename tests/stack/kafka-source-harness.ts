import { Buffer } from "node:buffer";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../src/cli/clock.ts";
import { systemRandom } from "../../src/cli/random.ts";
import {
  createKafkaCursor,
  nextKafkaRecord,
  openKafkaBatches,
} from "../../src/core/event/kafka-record-batches.ts";
import { kafkaValue } from "../../src/core/event/kafka-record.ts";
import type { KafkaSourceEvent } from "../../src/core/source/kafka/kafka-source-event.ts";
import type { KafkaSourceOptions } from "../../src/core/source/kafka/kafka-source-options.ts";
import { type KafkaSource, kafkaSource } from "../../src/core/source/kafka/kafka-source.ts";
import type { SourceEvent } from "../../src/core/source/source.ts";
import { plainClient } from "./kafka-harness.ts";

/** A Kafka source on a real broker, and what it gave and told. */
export type Reader = {
  readonly source: KafkaSource;
  readonly taken: SourceEvent[];
  readonly told: KafkaSourceEvent[];
  /** How the iteration ended; null: it goes on. */
  outcome: "done" | { readonly error: unknown } | null;
  /** The values given of a lane, in order. */
  values(lane: string): string[];
  /** The names of the lanes that are its own now. */
  lanes(): string[];
  close(): Promise<void>;
};

/** Begins to read; `pattern` matches whole names. */
export function startReader(
  address: string,
  pattern: RegExp,
  options: Partial<KafkaSourceOptions> & { readonly groupId: string },
): Reader {
  const client = plainClient(address);
  const told: KafkaSourceEvent[] = [];
  const source = kafkaSource({
    client,
    topicPattern: pattern,
    autoOffsetReset: "earliest",
    failOnDataLoss: true,
    mode: "stream",
    membership: "group",
    owner: { pipelineId: options.groupId, adopt: false },
    tables: {
      transactionsOf: () => Promise.resolve(null),
      heldPosition: () => Promise.resolve(null),
    },
    clock: systemClock,
    random: systemRandom,
    onEvent: (event) => told.push(event),
    ...options,
    limits: {
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      heartbeatIntervalMs: 300,
      metadataAgeMsMax: 1_000,
      ...options.limits,
    },
  });
  const stop = new AbortController();
  const reader: Reader = {
    source,
    taken: [],
    told,
    outcome: null,
    values: (lane) => valuesOf(reader.taken, lane),
    lanes: () => source.lanes().map(({ topic, partition }) => `${topic}-${partition}`).sort(),
    async close() {
      stop.abort();
      await reading;
      await source.close();
      await client.close();
    },
  };
  const read = async (): Promise<void> => {
    for await (const event of source.events({ signal: stop.signal })) reader.taken.push(event);
  };
  const reading = read().then(
    () => void (reader.outcome = "done"),
    (error: unknown) => void (reader.outcome = { error }),
  );
  return reader;
}

/** Waits until it holds; an error after 40 s that says what the reader told. */
export async function eventuallyHolds(reader: Reader, what: string, done: () => boolean) {
  const deadline = Date.now() + 40_000;
  while (!done()) {
    if (Date.now() > deadline) {
      const told = reader.told.map((event) => Bun.inspect(event, { compact: true })).join("\n");
      throw new Error(`${what} did not come; ${Bun.inspect(reader.outcome)}\n${told}`);
    }
    await sleep(20);
  }
}

function valuesOf(events: readonly SourceEvent[], lane: string): string[] {
  const values: string[] = [];
  for (const event of events) {
    if (event.kind !== "records" || event.lane !== lane) continue;
    if (event.batch.framing !== "kafka-v2") throw new Error("not from Kafka");
    const cursor = createKafkaCursor();
    openKafkaBatches(cursor, event.batch.bytes, event.batch.position);
    while (nextKafkaRecord(cursor)) {
      values.push(Buffer.from(kafkaValue(cursor.record) ?? []).toString());
    }
  }
  return values;
}
