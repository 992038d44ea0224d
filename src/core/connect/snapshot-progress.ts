import type { SnapshotNotification } from "./notification.ts";
import type { SnapshotType } from "./signal.ts";

/** What was asked for. */
export type SnapshotRequest = {
  /** The signal's id. */
  readonly id: string;
  readonly type: SnapshotType;
  /** `db.collection`, at least one. */
  readonly collections: readonly string[];
  /** The connector's `topic.prefix`. */
  readonly connector: string;
};

/** How far the snapshot of one collection is. */
export type CollectionProgress =
  | { readonly kind: "waiting" }
  /** Keys in Java's words, where they are told. */
  | {
    readonly kind: "running";
    readonly lastKey: string | null;
    readonly maximumKey: string | null;
  }
  /** Read to its end; `rows` where Debezium told how many, 0 for an empty collection. */
  | { readonly kind: "scanned"; readonly rows: bigint | null }
  /** Debezium's status, `ABORTED`, or `MISSING`: the snapshot ended without a word of it. */
  | { readonly kind: "failed"; readonly status: string };

/** The state of one request, moved on by each notification. */
export type SnapshotProgress = {
  readonly request: SnapshotRequest;
  /** `asked`: no answer yet. */
  readonly phase: "asked" | "running" | "paused" | "ended";
  /** In the order of the request. */
  readonly collections: ReadonlyMap<string, CollectionProgress>;
  /** Since the last STARTED there was news of collections that were not asked for. */
  readonly others: boolean;
};

/** Before any notification. */
export function askedProgress(request: SnapshotRequest): SnapshotProgress {
  const collections = request.collections.map((name) => [name, { kind: "waiting" }] as const);
  return { request, phase: "asked", collections: new Map(collections), others: false };
}

/**
 * Takes in the next notification of the topic, whoever's it is. Pure.
 *
 * A connector has one incremental snapshot at a time; what is asked for meanwhile is added to it
 * without a STARTED, and from then on notifications carry the newest signal's id. So the first one
 * with our id says that we are part of it, and all later ones until its end concern us. Blocking
 * snapshots have random ids: ours is the first that starts after the signal, unless it turns out to
 * read other collections only.
 */
export function advance(
  progress: SnapshotProgress,
  notification: SnapshotNotification,
): SnapshotProgress {
  const { request, phase } = progress;
  if (phase === "ended") return progress;
  if (notification.connector !== null && notification.connector !== request.connector) {
    return progress;
  }
  if (request.type === "incremental") {
    return notification.aggregate === "incremental"
      ? advanceIncremental(progress, notification)
      : progress;
  }
  return notification.aggregate === "initial" ? advanceBlocking(progress, notification) : progress;
}

/** True once every collection that was asked for was read to its end. */
export function hasSucceeded({ phase, collections }: SnapshotProgress): boolean {
  return phase === "ended" && [...collections.values()].every(({ kind }) => kind === "scanned");
}

function advanceIncremental(
  progress: SnapshotProgress,
  notification: SnapshotNotification,
): SnapshotProgress {
  const ours = notification.id === progress.request.id;
  if (progress.phase === "asked" && !ours) return progress;
  const { news } = notification;
  switch (news.kind) {
    case "started":
      // Another one begins only when ours is over.
      return ours ? { ...progress, phase: "running" } : ended(progress, "MISSING");
    case "paused":
      return { ...progress, phase: "paused" };
    case "resumed":
      return { ...progress, phase: "running" };
    case "progress":
    case "scanned":
      return endedWhenDone({ ...takeNews(progress, notification), phase: "running" });
    case "aborted": {
      // An older Debezium does not say which collections it stopped: all of them.
      const { collections } = notification;
      return collections.length === 0
        ? ended(progress, "ABORTED")
        : endedWhenDone(failed(progress, collections, "ABORTED"));
    }
    case "completed":
      return ended(progress, "MISSING");
    case "skipped":
      return ended(progress, "SKIPPED");
  }
}

function advanceBlocking(
  progress: SnapshotProgress,
  notification: SnapshotNotification,
): SnapshotProgress {
  const { news } = notification;
  if (news.kind === "started") return { ...progress, phase: "running", others: false };
  if (progress.phase === "asked") return progress;
  switch (news.kind) {
    case "paused":
    case "resumed":
      return progress;
    case "progress":
    case "scanned":
      return takeNews(progress, notification);
    case "completed":
      return isAnothers(progress) ? { ...progress, phase: "asked" } : ended(progress, "MISSING");
    case "aborted":
      return isAnothers(progress) ? { ...progress, phase: "asked" } : ended(progress, "ABORTED");
    case "skipped":
      return isAnothers(progress) ? { ...progress, phase: "asked" } : ended(progress, "SKIPPED");
  }
}

/** A snapshot that read other collections and none of ours was somebody else's. */
function isAnothers({ collections, others }: SnapshotProgress): boolean {
  return others && [...collections.values()].every(({ kind }) => kind === "waiting");
}

function takeNews(
  progress: SnapshotProgress,
  { news, collections }: SnapshotNotification,
): SnapshotProgress {
  if (news.kind !== "progress" && news.kind !== "scanned") return progress;
  const before = progress.collections.get(news.collection);
  if (before === undefined) return { ...progress, others: true };
  if (before.kind === "scanned" || before.kind === "failed") return progress;
  if (news.kind === "progress") {
    const { lastKey, maximumKey } = news;
    return withState(progress, news.collection, { kind: "running", lastKey, maximumKey });
  }
  if (news.status !== "SUCCEEDED" && news.status !== "EMPTY") {
    return withState(progress, news.collection, { kind: "failed", status: news.status });
  }
  // Asked for twice, it is in the queue twice: ours is the later one.
  const queued = collections.filter((name) => name === news.collection).length;
  if (queued > 1) {
    return withState(progress, news.collection, {
      kind: "running",
      lastKey: null,
      maximumKey: null,
    });
  }
  const rows = news.status === "EMPTY" ? 0n : news.rows;
  return withState(progress, news.collection, { kind: "scanned", rows });
}

function withState(
  progress: SnapshotProgress,
  collection: string,
  state: CollectionProgress,
): SnapshotProgress {
  return { ...progress, collections: new Map(progress.collections).set(collection, state) };
}

function failed(
  progress: SnapshotProgress,
  names: readonly string[],
  status: string,
): SnapshotProgress {
  const collections = new Map(progress.collections);
  for (const name of names) {
    const state = collections.get(name);
    if (state?.kind === "waiting" || state?.kind === "running") {
      collections.set(name, { kind: "failed", status });
    }
  }
  return { ...progress, collections };
}

function ended(progress: SnapshotProgress, status: string): SnapshotProgress {
  return { ...failed(progress, progress.request.collections, status), phase: "ended" };
}

/** The rest of an incremental snapshot may be others'. */
function endedWhenDone(progress: SnapshotProgress): SnapshotProgress {
  const open = [...progress.collections.values()]
    .some(({ kind }) => kind === "waiting" || kind === "running");
  return open ? progress : { ...progress, phase: "ended" };
}
