import type { PartitionId } from "../encode/encode-job.ts";
import type { KafkaClient, TopicPartition } from "../kafka/kafka-client.ts";
import { partitionName } from "../position/watermark.ts";
import { brokerError } from "../source/kafka/broker-error.ts";
import type { CommittedFloor } from "../source/kafka/decide-start.ts";
import { parseMark } from "../source/kafka/floor-mark.ts";
import type { LogEnds } from "../source/kafka/run-ends.ts";
import type { Offsets } from "./replay-range.ts";

type Options = { readonly signal: AbortSignal };

/** What Kafka has of the topics that feed some tables. */
export type KafkaFacts = {
  /** Topic → its id (empty where the cluster has none) and number of partitions; all there are. */
  readonly topics: ReadonlyMap<string, { readonly topicId: string; readonly partitions: number }>;
  /** By `partitionName`. */
  readonly logs: ReadonlyMap<string, LogFacts>;
};

export type LogFacts = LogEnds & PartitionId & {
  /** What the group has committed; null: nothing. */
  readonly committed: CommittedFloor | null;
};

/** Looks at topics, their logs and the group's floors. Errors: `kafka`. */
export async function loadKafkaFacts(
  client: KafkaClient,
  groupId: string,
  wanted: ReadonlySet<string>,
  options: Options,
): Promise<KafkaFacts> {
  const found = wanted.size === 0 ? [] : (await client.metadata([...wanted], options)).topics;
  const topics = new Map(
    found.filter(({ partitions }) => partitions.length > 0).map(({ topic, topicId, partitions }) =>
      [topic, { topicId, partitions: partitions.length }] as const
    ),
  );
  const ids = [...topics].flatMap(([topic, { topicId, partitions }]) =>
    Array.from({ length: partitions }, (_, partition): PartitionId => (
      { topic, partition, identity: topicId }
    ))
  );
  if (ids.length === 0) return { topics, logs: new Map() };
  const places = ids.map(({ topic, partition }) => ({ topic, partition }));
  const [starts, ends, floors] = await Promise.all([
    listed(client, places, { kind: "start" }, options),
    listed(client, places, { kind: "stable-end" }, options),
    committedFloors(client, groupId, places, options),
  ]);
  const logs = new Map(ids.map((id, index): [string, LogFacts] => [partitionName(id), {
    ...id,
    logStart: starts[index]!,
    stableEnd: ends[index]!,
    committed: floors[index]!,
  }]));
  return { topics, logs };
}

/** The first offset of each log at or after a time; where there is none, its end. Errors: `kafka`. */
export async function offsetsAtTime(
  client: KafkaClient,
  { logs }: KafkaFacts,
  timestampMs: number,
  options: Options,
): Promise<Offsets> {
  const all = [...logs.values()];
  if (all.length === 0) return new Map();
  const places = all.map(({ topic, partition }) => ({ topic, partition }));
  const offsets = await listed(client, places, { kind: "time", timestampMs }, options);
  return new Map(all.map((log, index): [string, bigint] => {
    const offset = offsets[index]!;
    return [partitionName(log), offset < 0n ? log.stableEnd : offset];
  }));
}

async function listed(
  client: KafkaClient,
  places: readonly TopicPartition[],
  at: Parameters<KafkaClient["listOffsets"]>[1],
  options: Options,
): Promise<bigint[]> {
  const answers = await client.listOffsets(places, at, options);
  return places.map(({ topic, partition }) => {
    const found = answers.find((one) => one.topic === topic && one.partition === partition);
    const error = found === undefined ? "UNKNOWN_TOPIC_OR_PARTITION" : found.error;
    if (error === null) return found!.offset;
    throw brokerError(`look up the offsets of ${topic}-${partition}`, error);
  });
}

async function committedFloors(
  client: KafkaClient,
  groupId: string,
  places: readonly TopicPartition[],
  options: Options,
): Promise<(CommittedFloor | null)[]> {
  const answers = await client.group(groupId).fetchOffsets(places, options);
  return places.map(({ topic, partition }) => {
    const found = answers.find((one) => one.topic === topic && one.partition === partition);
    const doing = `read the offsets of consumer group "${groupId}"`;
    if (found?.error != null) throw brokerError(doing, found.error, { topic, partition });
    if (found === undefined || found.offset < 0n) return null;
    return { offset: found.offset, mark: parseMark(found.metadata) };
  });
}
