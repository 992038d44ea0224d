import { dataLossError } from "./data-loss.ts";
import { addLane, loseLane } from "./lane-set.ts";
import type { LaneState } from "./lane-state.ts";
import { persist, unlessAborted } from "./outage.ts";
import { failSource, type SourceState } from "./source-state.ts";
import { addedPartitions, type KnownTopic, type TopicView, viewTopics } from "./topic-view.ts";

/** A topic that is missing is looked for again so soon: brokers that start know little at first. */
const missingAgainMs = 1_000;
/** Metadata in a row without a topic after which it is taken for deleted. */
const missingMax = 2;

/** Looks at the topics anew; calls at the same time share one look. Errors: `kafka`. */
export async function refreshTopics(state: SourceState, signal: AbortSignal): Promise<void> {
  state.refreshing ??= refresh(state).finally(() => {
    state.refreshing = null;
  });
  await unlessAborted(state.refreshing, signal);
}

async function refresh(state: SourceState): Promise<void> {
  const { signal } = state.closing;
  const { client } = state.context.options;
  const metadata = await persist(
    state.metadataOutage,
    signal,
    () => client.metadata(null, { signal }),
  );
  const before = state.view;
  state.view = viewTopics(metadata, before ?? new Map());
  state.firstView ??= state.view;
  tellChanges(state, before);
  for (const lane of state.lanes.values()) lookAtLane(state, lane, state.view);
  state.onView(before);
}

/** Refreshes again and again until the source is closed. */
export async function keepTopics(state: SourceState): Promise<void> {
  const { clock } = state.context.options;
  const { signal } = state.closing;
  for (;;) {
    const missing = state.unknown > 0 ||
      [...state.lanes.values()].some((lane) => lane.missing > 0);
    const { metadataAgeMsMax } = state.context.limits;
    await clock.sleep(
      missing ? Math.min(missingAgainMs, metadataAgeMsMax) : metadataAgeMsMax,
      signal,
    );
    await refreshTopics(state, signal);
  }
}

function tellChanges(state: SourceState, before: TopicView | null): void {
  const { onEvent, topicPattern } = state.context.options;
  const after = state.view!;
  const added = addedPartitions(before ?? new Map(), after, state.reads);
  const removed = before === null ? [] : addedPartitions(after, before, state.reads);
  if (added.length > 0 || removed.length > 0) onEvent({ kind: "topics-changed", added, removed });
  const none = ![...after.keys()].some(state.reads);
  const hadSome = before === null || [...before.keys()].some(state.reads);
  if (none && hadSome) onEvent({ kind: "no-topics", pattern: topicPattern.source });
}

function lookAtLane(state: SourceState, lane: LaneState, view: TopicView): void {
  const known = view.get(lane.topic);
  if (known === undefined || lane.partition >= known.leaders.length) {
    lane.missing += 1;
    if (lane.missing >= missingMax) endOfTopic(state, lane);
    return;
  }
  lane.missing = 0;
  if (isOther(lane, known)) {
    endOfTopic(state, lane);
    addLane(state, lane, { appearedLater: true, recreated: true });
    return;
  }
  lane.leader = known.leaders[lane.partition] ?? -1;
}

/** The topic was made anew since the lane was. */
export function isOther(lane: LaneState, { topicId }: KnownTopic): boolean {
  return lane.topicId !== "" && topicId !== "" && lane.topicId !== topicId;
}

/** The lane's topic is gone: what was read of it is still given, as there is no other place for it. */
function endOfTopic(state: SourceState, lane: LaneState): void {
  const { onEvent, failOnDataLoss, membership } = state.context.options;
  lane.outage.recovered();
  const started = lane.phase !== "new";
  state.lanes.delete(lane.lane);
  if (!started || state.session === null) {
    lane.phase = "lost";
    return;
  }
  const { topic, partition, endOffset, fetchOffset } = lane;
  lane.phase = "ended";
  state.gone.set(lane.lane, lane);
  state.session.queue.push({ kind: "lane-end", lane, broker: null });
  state.bell.ring();
  onEvent({ kind: "topic-deleted", topic });
  if (endOffset === null || endOffset <= fetchOffset) return;
  const loss = {
    cause: "topic-deleted" as const,
    topic,
    partition,
    expected: fetchOffset,
    available: null,
    lost: endOffset - fetchOffset,
  };
  onEvent({ kind: "data-loss", loss });
  if (!failOnDataLoss) return;
  const error = dataLossError(loss);
  // A floor that is owed stands for what is committed, like any other.
  const committed = state.owed.get(lane.lane)?.nextOffset ?? lane.floor ?? lane.startOffset;
  const allCommitted = fetchOffset === committed;
  // What was read is committed first, since it cannot be read a second time.
  if (allCommitted || membership === "none") failSource(state, error);
  else state.doomed.set(lane.lane, { offset: fetchOffset, error });
}

/** All lanes are lost. */
export function loseAll(state: SourceState): void {
  for (const lane of state.lanes.values()) loseLane(state, lane);
}
