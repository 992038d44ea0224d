import { CdcDeltaError } from "../../errors.ts";
import type { SnapshotNotification } from "./notification.ts";
import { notificationFeed } from "./notification-feed.ts";
import type { PatientClient } from "./patient-client.ts";
import { sendSignal } from "./send-signal.ts";
import { signalRecord, type SnapshotCondition } from "./signal.ts";
import type { SnapshotChannels } from "./snapshot-connector.ts";
import {
  advance,
  askedProgress,
  type CollectionProgress,
  type SnapshotProgress,
  type SnapshotRequest,
} from "./snapshot-progress.ts";
import { endsOf, type SinkGoal } from "./sink-progress.ts";
import type { TopicWorld } from "./topic-reader.ts";

type Options = { readonly signal: AbortSignal };

/** What happens to a snapshot, in order. */
export type SnapshotEvent =
  | { readonly kind: "sent"; readonly offset: bigint }
  /** Debezium has taken it up; `joined`: as part of a snapshot that was running. */
  | { readonly kind: "answered"; readonly joined: boolean }
  | { readonly kind: "phase"; readonly phase: "paused" | "running" }
  | {
    readonly kind: "collection";
    readonly collection: string;
    readonly state: CollectionProgress;
    readonly timestampMs: number;
  }
  /** How many offsets each collection's topic grew since the signal: about the rows so far. */
  | { readonly kind: "growth"; readonly records: ReadonlyMap<string, bigint> };

export type FollowOptions = {
  readonly request: SnapshotRequest;
  readonly conditions: readonly SnapshotCondition[];
  readonly channels: SnapshotChannels & { readonly notificationTopic: string };
  /** The topic of each collection. */
  readonly topics: ReadonlyMap<string, string>;
  /** How long nobody may answer. */
  readonly answerMsMax: number;
  /** Called from time to time; throws when it is of no use to wait any longer. */
  readonly check: (options: Options) => Promise<void>;
  readonly observe: (event: SnapshotEvent) => void;
  readonly signal: AbortSignal;
};

export type FollowOutcome =
  | { readonly kind: "ended"; readonly progress: SnapshotProgress }
  /** Nobody answered in time; what was seen meanwhile. */
  | {
    readonly kind: "unanswered";
    /** Notifications of other snapshots. */
    readonly others: number;
    readonly unreadable: number;
  };

/**
 * In a transaction the last notification may become visible a moment before the rows: what is in
 * the topics after this pause holds all rows.
 */
const settleMs = 1000;
const lookEveryMs = 1000;
const checkEveryMs = 10_000;

/**
 * Asks for a snapshot and follows it until all its rows are in Kafka; where they go from there is
 * `waitForSink`'s. Errors: `kafka`, and what `check` throws.
 */
export async function followSnapshot(
  world: TopicWorld,
  { request, conditions, channels, topics, answerMsMax, check, observe, signal }: FollowOptions,
): Promise<FollowOutcome> {
  const { client, clock } = world;
  let progress = askedProgress(request);
  let others = 0;
  // Both before the signal: an answer may come at once.
  const feed = await notificationFeed(world, channels.notificationTopic, { back: 0n, signal });
  const growth = await growthMeter(client, topics, { signal });
  const { id, type, collections } = request;
  const record = signalRecord(
    { kind: "execute", type, collections, conditions },
    { id, topicPrefix: channels.topicPrefix },
  );
  observe({
    kind: "sent",
    offset: await sendSignal(world, { topic: channels.signalTopic, record, signal }),
  });
  const askedMs = clock.nowMs();
  let lookedMs = askedMs;
  let checkedMs = askedMs;
  for (;;) {
    for (const notification of await feed.poll({ signal })) {
      const next = advance(progress, notification);
      if (next === progress) others++;
      tell(progress, next, { notification, observe });
      progress = next;
      if (progress.phase !== "ended") continue;
      await clock.sleep(settleMs, signal);
      await growth(observe, { signal });
      return { kind: "ended", progress };
    }
    if (progress.phase === "asked" && clock.nowMs() - askedMs >= answerMsMax) {
      return { kind: "unanswered", others, unreadable: feed.unreadable() };
    }
    if (progress.phase === "asked") continue;
    if (clock.nowMs() - lookedMs < lookEveryMs) continue;
    await growth(observe, { signal });
    lookedMs = clock.nowMs();
    if (lookedMs - checkedMs < checkEveryMs) continue;
    await check({ signal });
    checkedMs = lookedMs;
  }
}

/** The differences between two states, as events. */
function tell(
  before: SnapshotProgress,
  after: SnapshotProgress,
  { notification, observe }: {
    readonly notification: SnapshotNotification;
    readonly observe: (event: SnapshotEvent) => void;
  },
): void {
  if (before.phase === "asked" && after.phase !== "asked") {
    observe({ kind: "answered", joined: notification.news.kind !== "started" });
  }
  if (after.phase === "paused" && before.phase !== "paused") {
    observe({ kind: "phase", phase: "paused" });
  }
  if (after.phase === "running" && before.phase === "paused") {
    observe({ kind: "phase", phase: "running" });
  }
  const { timestampMs } = notification;
  for (const [collection, state] of after.collections) {
    if (before.collections.get(collection) === state) continue;
    observe({ kind: "collection", collection, state, timestampMs });
  }
}

/** Tells how much the topics grew; that it cannot be known is no error. */
async function growthMeter(
  client: PatientClient,
  topics: ReadonlyMap<string, string>,
  options: Options,
): Promise<(observe: (event: SnapshotEvent) => void, options: Options) => Promise<void>> {
  const look = async ({ signal }: Options): Promise<readonly SinkGoal[]> => {
    try {
      return await endsOf(client, [...new Set(topics.values())], { signal });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof CdcDeltaError) return [];
      throw error;
    }
  };
  const total = (ends: readonly SinkGoal[], topic: string): bigint =>
    ends.filter((end) => end.topic === topic).reduce((sum, { offset }) => sum + offset, 0n);
  const before = await look(options);
  return async (observe, lookOptions) => {
    const ends = await look(lookOptions);
    if (ends.length === 0) return;
    const records = new Map([...topics].map(([collection, topic]) => {
      const grown = total(ends, topic) - total(before, topic);
      return [collection, grown > 0n ? grown : 0n] as const;
    }));
    observe({ kind: "growth", records });
  };
}
