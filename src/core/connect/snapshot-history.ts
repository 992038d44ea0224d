import type { SnapshotNotification } from "./notification.ts";

/** What notifications tell of one snapshot, whoever asked for it. */
export type PastSnapshot = {
  readonly aggregate: SnapshotNotification["aggregate"];
  /** Of an incremental one the newest signal's id; null where ids are random. */
  readonly id: string | null;
  readonly state: "running" | "paused" | "completed" | "aborted" | "skipped" | "cut off";
  /** When it was first and last heard of. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly collections: readonly PastCollection[];
};

export type PastCollection = {
  readonly collection: string;
  /** Debezium's status, or `waiting`, `running`. */
  readonly status: string;
  readonly rows: bigint | null;
  readonly lastKey: string | null;
  readonly maximumKey: string | null;
};

/**
 * The snapshots that a row of notifications tells of, oldest first. One whose beginning lies before
 * the first notification counts as well. `cut off`: another one began before it ended. Pure.
 */
export function snapshotHistory(
  notifications: readonly SnapshotNotification[],
): readonly PastSnapshot[] {
  const all: PastSnapshot[] = [];
  for (const notification of notifications) {
    const { aggregate, news, timestampMs } = notification;
    const at = all.findLastIndex((each) => each.aggregate === aggregate && isOpen(each));
    const open = all[at];
    if (open !== undefined && news.kind !== "started") {
      all[at] = withNews(open, notification);
      continue;
    }
    if (open !== undefined) all[at] = { ...open, state: "cut off" };
    // The word that a stop sends behind the end of its snapshot begins none.
    if (open === undefined && news.kind === "aborted" && all.length > 0) continue;
    all.push(withNews({
      aggregate,
      id: null,
      state: "running",
      firstMs: timestampMs,
      lastMs: timestampMs,
      collections: [],
    }, notification));
  }
  return all;
}

function isOpen({ state }: PastSnapshot): boolean {
  return state === "running" || state === "paused";
}

function withNews(snapshot: PastSnapshot, notification: SnapshotNotification): PastSnapshot {
  const { aggregate, id, news, timestampMs, collections } = notification;
  const next = {
    ...snapshot,
    id: aggregate === "incremental" ? id : null,
    lastMs: timestampMs,
    collections: withNames(snapshot.collections, collections),
  };
  switch (news.kind) {
    case "started":
    case "resumed":
      return { ...next, state: "running" };
    case "paused":
      return { ...next, state: "paused" };
    case "completed": {
      // Debezium completes a snapshot that was stopped as well.
      const open = next.collections.some(isWaiting);
      const stopped = next.collections.map((each) => isWaiting(each) ? asStopped(each) : each);
      return { ...next, collections: stopped, state: open ? "aborted" : "completed" };
    }
    case "skipped":
      return { ...next, state: "skipped" };
    case "aborted": {
      const stopped = next.collections.map((each) =>
        collections.length === 0 || collections.includes(each.collection) ? asStopped(each) : each
      );
      const left = stopped.some(isWaiting);
      return { ...next, collections: stopped, state: left ? next.state : "aborted" };
    }
    case "progress": {
      const { collection, lastKey, maximumKey } = news;
      const status = "running";
      const one = { collection, status, rows: null, lastKey, maximumKey };
      return { ...next, state: "running", collections: withOne(next.collections, one) };
    }
    case "scanned": {
      const { collection, status, rows } = news;
      const one = { collection, status, rows, lastKey: null, maximumKey: null };
      return { ...next, collections: withOne(next.collections, one) };
    }
  }
}

function isWaiting({ status }: PastCollection): boolean {
  return status === "waiting" || status === "running";
}

function asStopped(each: PastCollection): PastCollection {
  return isWaiting(each) ? { ...each, status: "STOPPED" } : each;
}

function withNames(
  collections: readonly PastCollection[],
  names: readonly string[],
): readonly PastCollection[] {
  const known = new Set(collections.map(({ collection }) => collection));
  const added = [...new Set(names)].filter((name) => !known.has(name)).map((collection) => ({
    collection,
    status: "waiting",
    rows: null,
    lastKey: null,
    maximumKey: null,
  }));
  return added.length === 0 ? collections : [...collections, ...added];
}

function withOne(
  collections: readonly PastCollection[],
  one: PastCollection,
): readonly PastCollection[] {
  const known = collections.some(({ collection }) => collection === one.collection);
  return known
    ? collections.map((each) => each.collection === one.collection ? one : each)
    : [...collections, one];
}
