import type { ClusterMetadata, TopicPartition } from "../../kafka/kafka-client.ts";

/** A topic as the last metadata told it. */
export type KnownTopic = {
  /** Empty where the cluster has no topic ids. */
  readonly topicId: string;
  /** Node id of each partition's leader, by partition; -1: there is none just now. */
  readonly leaders: readonly number[];
};

/** All topics that are not internal, whether or not they match our pattern. */
export type TopicView = ReadonlyMap<string, KnownTopic>;

/** A topic with an error of its own stays as it was known: its brokers may be starting. */
export function viewTopics(metadata: ClusterMetadata, before: TopicView): TopicView {
  const view = new Map<string, KnownTopic>();
  for (const { topic, topicId, internal, error, partitions } of metadata.topics) {
    if (internal) continue;
    const known = before.get(topic);
    if (partitions.length === 0 || (error !== null && error !== "LEADER_NOT_AVAILABLE")) {
      if (known !== undefined && error !== null && !isAbsence(error)) view.set(topic, known);
      continue;
    }
    const leaders = Array.from({ length: partitions.length }, () => -1);
    for (const one of partitions) leaders[one.partition] = one.leader;
    view.set(topic, { topicId, leaders });
  }
  return view;
}

function isAbsence(error: string): boolean {
  return error === "UNKNOWN_TOPIC_OR_PARTITION" || error === "UNKNOWN_TOPIC_ID";
}

/** A test without memory, whatever flags the expression has. */
export function topicMatcher(pattern: RegExp): (topic: string) => boolean {
  const plain = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
  return (topic) => plain.test(topic);
}

/** All partitions of the topics that are read. */
export function partitionsOf(
  view: TopicView,
  reads: (topic: string) => boolean,
): TopicPartition[] {
  return [...view].filter(([topic]) => reads(topic)).flatMap(([topic, { leaders }]) =>
    leaders.map((_, partition) => ({ topic, partition }))
  );
}

/** Partitions of `after` that `before` does not have; a topic of another id is another one. */
export function addedPartitions(
  before: TopicView,
  after: TopicView,
  reads: (topic: string) => boolean,
): TopicPartition[] {
  return partitionsOf(after, reads).filter(({ topic, partition }) => {
    const known = before.get(topic);
    if (known === undefined || partition >= known.leaders.length) return true;
    const { topicId } = after.get(topic)!;
    return known.topicId !== "" && topicId !== "" && known.topicId !== topicId;
  });
}
