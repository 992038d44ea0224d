import type { TopicPartition } from "../../kafka/kafka-client.ts";
import type { LaneState } from "./lane-state.ts";
import { createOutage, type Outage } from "./outage.ts";
import type { SourceContext } from "./source-context.ts";

/** The offsets between which a partition can be read. */
export type LogEnds = { readonly logStart: bigint; readonly stableEnd: bigint };

/** With `until-latest`: a partition, and up to where everything of it has to be committed. */
export type RunEnd = TopicPartition & {
  readonly topicId: string;
  readonly end: bigint;
  /** Nothing was in its log. */
  readonly empty: boolean;
  /** The group's floor has come so far, whoever brought it there. */
  reached: boolean;
  /** Metadata in a row without the partition. */
  missing: number;
};

/** What a run `until-latest` has promised. */
export type RunEnds = {
  readonly all: Map<string, RunEnd>;
  /** The ends of all partitions are known. */
  taken: boolean;
  taking: boolean;
  looking: boolean;
  /** It was told once that others are waited for. */
  told: boolean;
  /** Partitions of others that were not at their end when they were looked at last. */
  waitsFor: number;
  readonly takeOutage: Outage;
  readonly lookOutage: Outage;
};

/** Nothing promised yet. */
export function createRunEnds(context: SourceContext): RunEnds {
  const { groupId } = context.options;
  return {
    all: new Map(),
    taken: false,
    taking: false,
    looking: false,
    told: false,
    waitsFor: 0,
    takeOutage: createOutage(context, "look up the ends of all partitions"),
    lookOutage: createOutage(context, `read the offsets of consumer group "${groupId}"`),
  };
}

/** Where a lane ends: where its log ended at first, or where it ends now if that is less. */
export function endOf(ends: RunEnds, lane: LaneState, log: LogEnds): bigint {
  return promise(ends, lane, lane.topicId, log).end;
}

/** The partition with its end, made unless it is known. */
export function promise(
  { all }: RunEnds,
  { topic, partition }: TopicPartition,
  topicId: string,
  { logStart, stableEnd }: LogEnds,
): RunEnd {
  const name = nameOf({ topic, partition });
  const known = all.get(name);
  // A log that was truncated never comes to where it ended before.
  if (known !== undefined && known.topicId === topicId && known.end <= stableEnd) return known;
  const made: RunEnd = {
    topic,
    partition,
    topicId,
    end: stableEnd,
    empty: logStart === stableEnd,
    reached: false,
    missing: 0,
  };
  all.set(name, made);
  return made;
}

/** What is neither read to its end by us nor known to be committed by others. */
export function othersEnds(
  { all }: RunEnds,
  lanes: Iterable<LaneState>,
): readonly RunEnd[] {
  const ours = new Set<string>();
  for (const lane of lanes) {
    if (lane.phase === "ended") ours.add(nameOf(lane));
  }
  return [...all].filter(([name, { reached }]) => !reached && !ours.has(name))
    .map(([, end]) => end);
}

/** Names a partition in `RunEnds`. */
export function nameOf({ topic, partition }: TopicPartition): string {
  return `${partition} ${topic}`;
}
