import type { PartitionId } from "../encode/encode-job.ts";
import type { TopicPartition } from "../kafka/kafka-client.ts";
import { partitionName } from "../position/watermark.ts";

/** A point in what feeds a table, as a person names it. */
export type ReplayPoint =
  /** Offsets of some partitions; those of others do not matter. */
  | { readonly kind: "offsets"; readonly offsets: readonly NamedOffset[] }
  /** The first record of each partition at or after a time, in ms since the epoch. */
  | { readonly kind: "timestamp"; readonly timestampMs: number }
  /** What follows a version of the table. */
  | { readonly kind: "version"; readonly version: number };

export type NamedOffset = TopicPartition & { readonly offset: bigint };

/** Offsets by `partitionName`; partitions without one have no bound. */
export type Offsets = ReadonlyMap<string, bigint>;

/** Offsets of named partitions, whose topics have these ids; those of other topics are left out. */
export function offsetsOf(
  named: readonly NamedOffset[],
  topicIds: ReadonlyMap<string, string>,
): Offsets {
  return new Map(named.flatMap(({ topic, partition, offset }): [string, bigint][] => {
    const identity = topicIds.get(topic);
    return identity === undefined ? [] : [[partitionName({ topic, partition, identity }), offset]];
  }));
}

/** `topic "shop.orders" partition 3`, for messages. */
export function placeText({ topic, partition }: Pick<PartitionId, "topic" | "partition">): string {
  return `"${topic}" partition ${partition}`;
}
