import { loseAll, refreshTopics } from "./refresh-topics.ts";
import { createMembership, type Membership } from "./membership.ts";
import { failSource, type SourceState } from "./source-state.ts";
import { assignAll, takeAssignment } from "./take-assignment.ts";
import { addedPartitions, type TopicView } from "./topic-view.ts";

export type GroupTies = Membership & {
  /** Joins anew when topics changed since we, as the leader, assigned them. */
  lookAtTopics(): void;
};

/** Ties the membership of the group to the lanes of the source. */
export function joinGroup(state: SourceState): GroupTies {
  const { options } = state.context;
  // Topics as they were when we, as the leader, assigned them.
  let assignedView: TopicView | null = null;
  const lookAtTopics = (): void => {
    if (assignedView === null || state.view === null || !membership.isLeader()) return;
    // Any member may read what this one does not: all topics count.
    const all = (): boolean => true;
    const changed = addedPartitions(assignedView, state.view, all).length > 0 ||
      addedPartitions(state.view, assignedView, all).length > 0;
    if (changed) membership.rejoin("topics or partitions were added or deleted");
  };
  const membership = createMembership(state.context, {
    async subscription(signal) {
      await refreshTopics(state, signal);
      const topics = [...state.view!.keys()].filter(state.reads);
      const owned = [...state.lanes.values()].filter((lane) => lane.phase !== "lost")
        .map(({ topic, partition }) => ({ topic, partition }));
      const { source: pattern, flags } = options.topicPattern;
      return { topics, pattern, flags, owned };
    },
    async assign(members, signal) {
      await refreshTopics(state, signal);
      assignedView = state.view!;
      return assignAll(assignedView, state.firstView!, members);
    },
    assigned(assignment, { memberId, generationId, leader, keepable }) {
      if (!leader) assignedView = null;
      state.assignment = assignment;
      const { kept, gained, lost, unknown } = takeAssignment(state, assignment, keepable);
      state.unknown = unknown.length;
      options.onEvent({
        kind: "joined",
        memberId,
        generation: generationId,
        leader,
        lanes: state.lanes.size,
        kept: kept.length,
        gained: gained.length,
        lost: lost.length,
      });
      lookAtTopics();
      state.startNew();
      state.bell.ring();
    },
    evicted(why) {
      const lanes = [...state.lanes.keys()];
      state.assignment = null;
      state.unknown = 0;
      loseAll(state);
      options.onEvent({ kind: "evicted", why, lanes });
    },
    failed: (error) => failSource(state, error),
  });
  return { ...membership, lookAtTopics };
}
