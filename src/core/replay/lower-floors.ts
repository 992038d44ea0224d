import { CdcDeltaError } from "../../errors.ts";
import type { TableKey } from "../encode/encode-job.ts";
import { type KafkaClient, nobody, type TopicPartition } from "../kafka/kafka-client.ts";
import { partitionName } from "../position/watermark.ts";
import { brokerError } from "../source/kafka/broker-error.ts";
import { judgeFloor } from "../source/kafka/decide-start.ts";
import { encodeMark } from "../source/kafka/floor-mark.ts";
import type { KafkaFacts } from "./kafka-facts.ts";
import type { PartitionReplay, TableReplay } from "./replay-plan.ts";

/** A floor that goes down. */
export type LoweredFloor = TopicPartition & {
  readonly offset: bigint;
  readonly before: bigint;
  readonly metadata: string;
};

/**
 * The group's floors that have to go down so that everything which the tables lose is read again.
 * A floor that is no more to be relied on stays: reading starts at the beginning without it. The
 * tables stand first in the marks, which cut off what does not fit. Pure.
 */
export function lowerFloors(
  { topics, logs }: KafkaFacts,
  replays: readonly TableReplay[],
): LoweredFloor[] {
  const lowered: LoweredFloor[] = [];
  for (const [name, log] of logs) {
    const wanted = replays.flatMap(({ key, partitions }) =>
      partitions.filter((one) => partitionName(one) === name).map((one) => ({ key, one }))
    );
    const { topic, partition, identity, committed } = log;
    const verdict = judgeFloor({ committed, topicId: identity, watermarks: null });
    if (wanted.length === 0 || committed === null || verdict.kind !== "valid") continue;
    const lowest = wanted.map(({ one }) => one.from).reduce((a, b) => a < b ? a : b);
    const own = wanted.flatMap(({ key, one }) => markEntry(key, one));
    const changed = new Set<TableKey | null>(wanted.map(({ key }) => key));
    const others = (committed.mark?.tables ?? []).filter(({ key }) => !changed.has(key));
    const offset = lowest < committed.offset ? lowest : committed.offset;
    const metadata = encodeMark({
      topicId: identity,
      nextOffset: offset,
      partitions: topics.get(topic)?.partitions ?? 0,
      tables: [...own, ...others],
    });
    lowered.push({ topic, partition, offset, before: committed.offset, metadata });
  }
  return lowered;
}

/** Below what the table has before and after: it holds in between as well. */
function markEntry(key: TableKey | null, { becomes }: PartitionReplay) {
  return key === null || becomes === null ? [] : [{ key, offset: becomes }];
}

/** Brokers store a commit as one record batch of 1 MiB at most, and a mark takes up to 4 KiB. */
const floorsAtOnce = 100;

/**
 * Commits lowered floors to the group, in which nobody may be. Errors: `conflict` when somebody is,
 * `kafka`.
 */
export async function commitLowered(
  client: KafkaClient,
  groupId: string,
  lowered: readonly LoweredFloor[],
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  for (let at = 0; at < lowered.length; at += floorsAtOnce) {
    const offsets = lowered.slice(at, at + floorsAtOnce)
      .map(({ topic, partition, offset, metadata }) => ({ topic, partition, offset, metadata }));
    const answers = await client.group(groupId).commitOffsets(nobody, offsets, { signal });
    const refused = answers.find(({ error }) => error !== null);
    if (refused === undefined) continue;
    const { topic, partition, error } = refused;
    const isLive = error === "UNKNOWN_MEMBER_ID" || error === "ILLEGAL_GENERATION" ||
      error === "REBALANCE_IN_PROGRESS";
    if (isLive) throw liveSink(groupId, []);
    const doing = `lower the offsets of consumer group "${groupId}"`;
    throw brokerError(doing, error!, { topic, partition });
  }
}

/** Nobody may be in the group. Errors: `conflict`, `kafka`. */
export async function refuseLiveSinks(
  client: KafkaClient,
  groupId: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { error, members, clients } = await client.group(groupId).describe({ signal });
  if (error !== null && error !== "GROUP_ID_NOT_FOUND") {
    throw brokerError(`look at consumer group "${groupId}"`, error);
  }
  if (members > 0) throw liveSink(groupId, clients);
}

function liveSink(groupId: string, clients: readonly string[]): CdcDeltaError {
  const named = clients.slice(0, 5).join(", ") + (clients.length > 5 ? ", …" : "");
  const who = clients.length === 0 ? "somebody" : `${clients.length} of them: ${named}`;
  return new CdcDeltaError(
    "conflict",
    `Cannot replay: consumer group "${groupId}" has live members (${who}). Stop them, wait until ` +
      "their session is over (--kafka-session-timeout), then try again",
    { context: { group: groupId, members: clients.length } },
  );
}
