import type { Clock } from "../../delta/clock.ts";
import { CdcDeltaError } from "../../errors.ts";
import { kafkaValue } from "../event/kafka-record.ts";
import { forEachKafkaRecord } from "../event/kafka-record-batches.ts";
import { offsetOf } from "../event/record-position.ts";
import type { TopicMetadata, TopicPartition } from "../kafka/kafka-client.ts";
import type { PatientClient } from "./patient-client.ts";

type Options = { readonly signal: AbortSignal };

/** A record as far as small topics need it. */
export type TopicRecord = {
  readonly offset: bigint;
  readonly value: Uint8Array | null;
};

export type TopicWorld = { readonly client: PatientClient; readonly clock: Clock };

/** Reads a small topic on from where it stood, without a consumer group. */
export type TopicReader = {
  /** What came since, in order within a partition; waits for it a little while. */
  poll(options: Options): Promise<readonly TopicRecord[]>;
};

const waitMsMax = 500;
const fetchBytesMax = 4 * 1024 * 1024;
/** Answers that pass once the metadata is asked for again, or the broker has found its leader. */
const passing = /LEADER|UNKNOWN_TOPIC|UNKNOWN_LEADER|REPLICA|STORAGE|FENCED|NOT_AVAILABLE/;

/**
 * A reader that starts at the end of a topic, or up to `back` offsets before it in each partition.
 * A topic that is not there yet begins empty: Debezium makes it with its first notification.
 */
export async function readTopicFrom(
  world: TopicWorld,
  topic: string,
  { back, signal }: { readonly back: bigint; readonly signal: AbortSignal },
): Promise<TopicReader> {
  const next = new Map<number, bigint>();
  const found = await findTopic(world.client, topic, { signal });
  const partitions = partitionsOf(found);
  if (partitions.length > 0) {
    const starts = await world.client.listOffsets(partitions, { kind: "start" }, { signal });
    const ends = await world.client.listOffsets(partitions, { kind: "stable-end" }, { signal });
    for (const { partition, offset, error } of ends) {
      if (error !== null) throw refused(topic, partition, error);
      const start = starts.find((each) => each.partition === partition)?.offset ?? 0n;
      const wanted = offset - back;
      next.set(partition, wanted > start ? wanted : start);
    }
  }
  return { poll: (options) => pollOnce(world, topic, next, options) };
}

/** A topic's metadata; null when there is no such topic. Errors: `kafka`. */
export async function findTopic(
  client: PatientClient,
  topic: string,
  options: Options,
): Promise<TopicMetadata | null> {
  const { topics } = await client.metadata([topic], options);
  const found = topics.find((each) => each.topic === topic);
  if (found === undefined || found.error?.startsWith("UNKNOWN_TOPIC") === true) return null;
  if (found.error !== null && !passing.test(found.error)) {
    throw new CdcDeltaError(
      "kafka",
      `Cannot read topic ${topic}: the brokers answered ${found.error}. Check its name, and that ` +
        "our user may read it",
      { context: { topic } },
    );
  }
  return found;
}

/** The partitions of a topic that is there. */
export function partitionsOf(found: TopicMetadata | null): TopicPartition[] {
  if (found === null) return [];
  return found.partitions.map(({ partition }) => ({ topic: found.topic, partition }));
}

async function pollOnce(
  { client, clock }: TopicWorld,
  topic: string,
  next: Map<number, bigint>,
  options: Options,
): Promise<TopicRecord[]> {
  const found = await findTopic(client, topic, options);
  const byLeader = new Map<number, number[]>();
  for (const { partition, leader } of found?.partitions ?? []) {
    if (leader >= 0) byLeader.set(leader, [...byLeader.get(leader) ?? [], partition]);
  }
  if (byLeader.size === 0) {
    await clock.sleep(waitMsMax, options.signal);
    return [];
  }
  const answers = await Promise.all([...byLeader].map(([nodeId, partitions]) =>
    client.fetch({
      nodeId,
      partitions: partitions.map((partition) => ({
        topic,
        partition,
        fetchOffset: next.get(partition) ?? 0n,
        bytesMax: fetchBytesMax,
      })),
      bytesMax: fetchBytesMax,
      bytesMin: 1,
      waitMsMax,
    }, options)
  ));
  const result: TopicRecord[] = [];
  for (const { partition, error, data, nextOffset, logStartOffset } of answers.flat()) {
    if (error === "OFFSET_OUT_OF_RANGE") {
      next.set(partition, logStartOffset > 0n ? logStartOffset : 0n);
    } else if (error !== null && !passing.test(error)) throw refused(topic, partition, error);
    if (error !== null) continue;
    const origin = { topic, partition, baseOffset: next.get(partition) ?? 0n };
    for (const { bytes } of data) {
      forEachKafkaRecord(bytes, origin, (record) => {
        result.push({
          offset: offsetOf(record.offsetHigh, record.offsetLow),
          value: kafkaValue(record),
        });
      });
    }
    next.set(partition, nextOffset);
  }
  return result;
}

function refused(topic: string, partition: number, error: string): CdcDeltaError {
  return new CdcDeltaError(
    "kafka",
    `Cannot read partition ${partition} of topic ${topic}: the broker answered ${error}`,
    { context: { topic, partition }, retryable: passing.test(error) },
  );
}
