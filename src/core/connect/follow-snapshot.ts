import { CdcDeltaError } from "../../errors.ts";
import type { SnapshotNotification } from "./notification.ts";
import type { NotificationFeed } from "./notification-feed.ts";
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
  readonly feed: NotificationFeed;
  /** The topic of each collection. */
  readonly topics: ReadonlyMap<string, string>;
  /** How long nobody may answer. */
  readonly answerMsMax: number;
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

const growthEveryMs = 1000;

/**
 * Follows a snapshot that was asked for to its end. Open the feed before the signal is sent, or its
 * first notifications may be missed. Errors: `kafka`.
 */
export async function followSnapshot(
  { client, clock }: TopicWorld,
  { request, feed, topics, answerMsMax, observe, signal }: FollowOptions,
): Promise<FollowOutcome> {
  let progress = askedProgress(request);
  let others = 0;
  const askedMs = clock.nowMs();
  const growth = await growthMeter({ client, clock }, topics, { signal });
  for (;;) {
    for (const notification of await feed.poll({ signal })) {
      const next = advance(progress, notification);
      if (next === progress) others++;
      tell(progress, next, { notification, observe });
      progress = next;
      if (progress.phase === "ended") return { kind: "ended", progress };
    }
    if (progress.phase === "asked" && clock.nowMs() - askedMs >= answerMsMax) {
      return { kind: "unanswered", others, unreadable: feed.unreadable() };
    }
    if (progress.phase !== "asked") await growth(observe, { signal });
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

/** Tells from time to time how much the topics grew; that it cannot be known is no error. */
async function growthMeter(
  { client, clock }: TopicWorld,
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
  let lookedMs = clock.nowMs();
  return async (observe, lookOptions) => {
    if (clock.nowMs() - lookedMs < growthEveryMs) return;
    const ends = await look(lookOptions);
    lookedMs = clock.nowMs();
    if (ends.length === 0) return;
    const records = new Map([...topics].map(([collection, topic]) => {
      const grown = total(ends, topic) - total(before, topic);
      return [collection, grown > 0n ? grown : 0n] as const;
    }));
    observe({ kind: "growth", records });
  };
}
