import type { LaneProgress, Source, SourceEvent } from "../source.ts";
import { commitFirstFloors, commitFloors } from "./commit-floors.ts";
import { endIfReached, scheduleFetches } from "./fetch-lanes.ts";
import { type GroupTies, joinGroup } from "./join-group.ts";
import type { KafkaSourceOptions } from "./kafka-source-options.ts";
import { restartLanes } from "./lane-set.ts";
import type { LaneState } from "./lane-state.ts";
import { nextEvent } from "./next-event.ts";
import { keepTopics, refreshTopics } from "./refresh-topics.ts";
import { nameOf } from "./run-ends.ts";
import { lookAtOthers, openEnds, takeEnds } from "./others-ends.ts";
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

/** How long after a look at what other members have committed the next one follows. */
const lookAgainMs = 1_000;

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
  /** With `until-latest`: partitions that others have to commit before the run can end. */
  readonly waitsFor: number;
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
      waitsFor: state.ends.waitsFor,
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
      if (isReadToEnd(state, session)) {
        if (allIsOurs(state)) return;
        // Another one may wait for what is ours just as well.
        if (!session.drainedTold) {
          session.drainedTold = true;
          yield { kind: "drained" };
          continue;
        }
        awaitOthers(state, session);
      }
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
    given: false,
    idleTold: false,
    drainedTold: false,
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
function isReadToEnd(state: SourceState, session: Session): boolean {
  if (state.context.options.mode !== "until-latest" || state.assignment === null) return false;
  if (session.queue.length > 0 || state.unknown > 0 || state.doomed.size > 0) return false;
  return [...state.lanes.values()].every((lane) => lane.phase === "ended");
}

/** Nothing that the run has promised is with other members. */
function allIsOurs(state: SourceState): boolean {
  if (state.context.options.membership === "none") return true;
  return state.ends.taken && openEnds(state).length === 0;
}

/** Looks how far others are, unless that is being done. */
function awaitOthers(state: SourceState, session: Session): void {
  const { ends, context } = state;
  if (ends.looking || !ends.taken) return;
  ends.looking = true;
  const { signal } = session.abort;
  inBackground(state, session, async () => {
    try {
      await lookAtOthers(state, signal);
      if (openEnds(state).length > 0) await context.options.clock.sleep(lookAgainMs, signal);
    } finally {
      ends.looking = false;
      state.bell.ring();
    }
  });
}

function startNew(state: SourceState, membership: GroupTies | null): void {
  const { session } = state;
  if (session !== null && membership !== null) doInGroup(state, session, membership);
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

/** What is to be done beside reading, after each assignment and each look at the topics. */
function doInGroup(state: SourceState, session: Session, membership: GroupTies): void {
  const { signal } = session.abort;
  const { mode } = state.context.options;
  if (mode === "until-latest" && state.assignment !== null && !state.ends.taken) {
    inBackground(state, session, () => takeEnds(state, signal));
  }
  // Nothing else may ever be flushed, and others may wait for them.
  if (state.assignment !== null && state.owed.size > 0) {
    inBackground(state, session, () => commitFloors(state, membership, [], signal));
  }
}

/** After each look at the topics. */
function onView(state: SourceState, membership: GroupTies | null): () => void {
  return () => {
    const { assignment, view } = state;
    if (membership === null) {
      const { range } = state.context.options;
      const partitions = partitionsOf(view!, state.reads)
        .filter((one) => range === undefined || range.has(nameOf(one)));
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
