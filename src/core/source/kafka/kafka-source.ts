import type { LaneProgress, Source, SourceEvent } from "../source.ts";
import { commitFirstFloors, commitFloors } from "./commit-floors.ts";
import { endIfReached, scheduleFetches } from "./fetch-lanes.ts";
import { type GroupTies, joinGroup } from "./join-group.ts";
import type { KafkaSourceOptions } from "./kafka-source-options.ts";
import { restartLanes } from "./lane-set.ts";
import type { LaneState } from "./lane-state.ts";
import { nextEvent } from "./next-event.ts";
import { keepTopics, refreshTopics } from "./refresh-topics.ts";
import {
  createState,
  failSource,
  inBackground,
  type Session,
  type SourceState,
} from "./source-state.ts";
import { startLanes } from "./start-lanes.ts";
import { takeAssignment } from "./take-assignment.ts";
import { partitionsOf } from "./topic-view.ts";

export type KafkaSource = Source & {
  /** For the readiness of the process. */
  status(): KafkaSourceStatus;
};

export type KafkaSourceStatus = {
  /** The last request of each kind was answered. */
  readonly connected: boolean;
  /** The group gave us partitions (maybe none), and did not take them back since. */
  readonly assigned: boolean;
  readonly memberId: string;
  /** -1: none. */
  readonly generation: number;
  readonly lanes: number;
};

/**
 * Reads all topics that match a pattern as a member of a consumer group, `read_committed`. From the
 * first `events` until `close` heartbeats go on, whatever the consumer does. Every partition is a
 * lane; lanes come and go as the group shares them, and start at the floors that were committed.
 * `events` may be called again once the iteration before has ended: all lanes start at their floors
 * then, and the membership stays.
 *
 * Errors of `events`: `kafka` (refused, or unreachable for too long), `data-loss`, `usage` (no floor
 * where `autoOffsetReset` is `none`), those of looking at the tables.
 */
export function kafkaSource(options: KafkaSourceOptions): KafkaSource {
  const state = createState(options);
  const membership = options.membership === "group" ? joinGroup(state) : null;
  state.startNew = () => startNew(state, membership);
  state.onView = onView(state, membership);
  return {
    description: `Kafka (${options.client.description})`,
    events: ({ signal }) => events(state, membership, signal),
    async commitFloors(floors, { signal }) {
      if (membership !== null) await commitFloors(state, membership, floors, signal);
    },
    // Fetched bytes are parts of whole answers: they cannot be used again.
    release: () => undefined,
    progress: () => ({ bytesRead: state.bytesRead, bytesTotal: null }),
    lanes: () => [...state.lanes.values()].map(progressOf),
    status: () => ({
      connected: state.context.health.connected(),
      assigned: state.assignment !== null,
      memberId: membership?.member()?.memberId ?? "",
      generation: membership?.member()?.generationId ?? -1,
      lanes: state.lanes.size,
    }),
    close: () => close(state, membership),
  };
}

function progressOf(lane: LaneState): LaneProgress {
  const { topic, partition, delivered, floor, endOffset } = lane;
  return { topic, partition, nextOffset: delivered, floor, endOffset };
}

async function* events(
  state: SourceState,
  membership: GroupTies | null,
  signal: AbortSignal,
): AsyncGenerator<SourceEvent> {
  const session = openSession(state, membership);
  try {
    while (!signal.aborted && !state.closing.signal.aborted) {
      // A process that was asleep for long must not go on with what others have now.
      membership?.checkExpiry();
      if (state.failure !== null) throw state.failure.error;
      const event = nextEvent(state, session);
      if (event !== null) {
        yield event;
        // The consumer has dropped them once it asks for more.
        if (event.kind === "lanes-lost") {
          for (const lane of event.lanes) state.lost.delete(lane);
        }
        continue;
      }
      if (isDone(state, session)) return tellWhatOthersHave(state);
      await state.bell.wait(null, AbortSignal.any([signal, state.closing.signal]));
    }
  } finally {
    session.abort.abort();
    state.session = null;
  }
}

function openSession(state: SourceState, membership: GroupTies | null): Session {
  const session: Session = {
    abort: new AbortController(),
    queue: [],
    brokers: new Map(),
    idleTold: false,
  };
  state.session = session;
  if (!state.started) {
    state.started = true;
    keepTopics(state).catch((error: unknown) => failSource(state, error));
    if (membership !== null) membership.start();
    else inBackground(state, session, () => refreshTopics(state, session.abort.signal));
    return session;
  }
  // What was read of topics that are gone was dropped with the iteration before.
  for (const { error } of state.doomed.values()) failSource(state, error);
  restartLanes(state);
  startNew(state, membership);
  return session;
}

/** With `until-latest`: everything that is ours was read to its end. */
function isDone(state: SourceState, session: Session): boolean {
  if (state.context.options.mode !== "until-latest" || state.assignment === null) return false;
  if (session.queue.length > 0 || state.unknown > 0 || state.doomed.size > 0) return false;
  return [...state.lanes.values()].every((lane) => lane.phase === "ended");
}

/** Whoever waits for the end of the run must know that it was not the end of everything. */
function tellWhatOthersHave(state: SourceState): void {
  const all = state.view === null ? 0 : partitionsOf(state.view, state.reads).length;
  const lanes = all - state.lanes.size;
  if (lanes > 0) state.context.options.onEvent({ kind: "left-to-others", lanes, all });
}

function startNew(state: SourceState, membership: GroupTies | null): void {
  const { session } = state;
  const lanes = [...state.lanes.values()].filter((lane) => lane.phase === "new" && !lane.starting);
  if (session === null || lanes.length === 0) return;
  for (const lane of lanes) lane.starting = true;
  const { signal } = session.abort;
  inBackground(state, session, () =>
    startLanes(state, lanes, signal, (ready) => {
      for (const lane of ready) endIfReached(state, session, lane);
      scheduleFetches(state);
      state.bell.ring();
      if (membership === null) return;
      inBackground(state, session, () => commitFirstFloors(state, membership, ready, signal));
    }));
}

/** After each look at the topics. */
function onView(state: SourceState, membership: GroupTies | null): () => void {
  return () => {
    const { assignment, view } = state;
    if (membership === null) {
      const partitions = partitionsOf(view!, state.reads);
      state.assignment = { partitions, appearedLater: [] };
    }
    // What was not known when it was assigned may be now.
    if (state.assignment !== null && (membership === null || assignment !== null)) {
      state.unknown = takeAssignment(state, state.assignment, true).unknown.length;
    }
    membership?.lookAtTopics();
    startNew(state, membership);
    scheduleFetches(state);
    state.bell.ring();
  };
}

async function close(state: SourceState, membership: GroupTies | null): Promise<void> {
  if (state.closing.signal.aborted) return;
  state.session?.abort.abort();
  if (membership !== null && state.owed.size > 0) {
    await commitFloors(state, membership, [], state.closing.signal);
  }
  state.closing.abort();
  state.bell.ring();
  if (membership !== null && state.started) await membership.leave();
}
