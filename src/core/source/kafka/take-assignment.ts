import type { JoinAnswer, TopicPartition } from "../../kafka/kafka-client.ts";
import { type AssignMember, assignPartitions } from "./assign-partitions.ts";
import { addLane, loseLane } from "./lane-set.ts";
import type { LaneState } from "./lane-state.ts";
import {
  type Assignment,
  encodeAssignment,
  parseSubscription,
  type Subscription,
} from "./member-protocol.ts";
import { isOther } from "./refresh-topics.ts";
import type { SourceState } from "./source-state.ts";
import { addedPartitions, partitionsOf, topicMatcher, type TopicView } from "./topic-view.ts";

/** What an assignment changed. */
export type Taken = {
  readonly kept: readonly LaneState[];
  readonly gained: readonly LaneState[];
  readonly lost: readonly LaneState[];
  /** Assigned, but not among the topics we know: to be taken once they are. */
  readonly unknown: readonly TopicPartition[];
};

/**
 * Makes the assignment our lanes. Those that stay go on as they are when `keepable`; all others
 * start at their floors.
 */
export function takeAssignment(
  state: SourceState,
  assignment: Assignment,
  keepable: boolean,
): Taken {
  const wanted = new Set(assignment.partitions.map(nameOf));
  const kept: LaneState[] = [];
  const lost: LaneState[] = [];
  for (const lane of state.lanes.values()) {
    const known = state.view?.get(lane.topic);
    // One that is missing is gone, or comes back: whoever looks at the topics decides. A leader that
    // knows already leaves it out, but what was read of it must not be dropped: it is nowhere else.
    const missing = known === undefined || lane.partition >= known.leaders.length;
    const ours = missing || wanted.has(nameOf(lane)) && !isOther(lane, known);
    if (keepable && ours) kept.push(lane);
    else lost.push(lane);
  }
  for (const lane of lost) loseLane(state, lane);
  const held = new Set(kept.map(nameOf));
  const later = new Set(assignment.appearedLater.map(nameOf));
  const gained: LaneState[] = [];
  const unknown: TopicPartition[] = [];
  for (const one of assignment.partitions) {
    if (held.has(nameOf(one))) continue;
    const known = state.view?.get(one.topic);
    if (known === undefined || one.partition >= known.leaders.length) unknown.push(one);
    else {
      const appearedLater = later.has(nameOf(one));
      gained.push(addLane(state, one, { appearedLater, recreated: false }));
    }
  }
  return { kept, gained, lost, unknown };
}

/** The leader's part: every partition that any member reads, to exactly one of them. */
export function assignAll(
  view: TopicView,
  firstView: TopicView,
  members: JoinAnswer["members"],
): ReadonlyMap<string, Uint8Array> {
  const known = members.map(memberOf);
  const reads = (topic: string): boolean => known.some((member) => member.reads(topic));
  const shares = assignPartitions(known, partitionsOf(view, reads));
  const later = new Set(addedPartitions(firstView, view, reads).map(nameOf));
  return new Map(
    [...shares].map(([memberId, partitions]) => {
      const appearedLater = partitions.filter((one) => later.has(nameOf(one)));
      return [memberId, encodeAssignment({ partitions, appearedLater })];
    }),
  );
}

function memberOf({ memberId, metadata }: JoinAnswer["members"][number]): AssignMember {
  const subscription = parseSubscription(metadata);
  if (subscription === null) {
    return {
      memberId,
      reads: () => false,
      owned: [],
      ownedGeneration: -1,
    };
  }
  const { topics, owned, ownedGeneration } = subscription;
  const listed = new Set(topics);
  const reads = matcherOf(subscription) ?? ((topic: string) => listed.has(topic));
  return { memberId, reads, owned, ownedGeneration };
}

/** Null without a pattern, or with one that this program cannot read. */
function matcherOf({ pattern, flags }: Subscription): ((topic: string) => boolean) | null {
  if (pattern === null) return null;
  try {
    return topicMatcher(new RegExp(pattern, flags));
  } catch {
    return null;
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${partition} ${topic}`;
}
