import type { SnapshotEvent } from "../../core/connect/follow-snapshot.ts";
import type { CollectionProgress } from "../../core/connect/snapshot-progress.ts";
import { behindOf, isUnattended, type SinkProgress } from "../../core/connect/sink-progress.ts";

/** What is known of one collection, for lines, bars and the result. */
export type CollectionView = {
  readonly collection: string;
  readonly state: CollectionProgress;
  /** How many offsets its topic grew since the signal: about its rows. */
  readonly grown: bigint;
  /** When it began and ended, by Debezium's clock; null: not yet. */
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  /** The key that was told first, from which progress is measured. */
  readonly firstKey: string | null;
};

/** How far the tables are. */
export type SinkView = {
  readonly group: string;
  readonly state: string;
  readonly members: number;
  readonly unattended: boolean;
  /** Offsets still to be committed, and how many they were at first. */
  readonly behind: bigint;
  readonly behindAtFirst: bigint;
};

/** All that is shown of a snapshot. */
export type SnapshotView = {
  readonly collections: readonly CollectionView[];
  readonly paused: boolean;
  readonly answered: boolean;
  readonly sink: SinkView | null;
};

/** Before anything happened. */
export function newView(collections: readonly string[]): SnapshotView {
  return {
    collections: collections.map((collection) => ({
      collection,
      state: { kind: "waiting" },
      grown: 0n,
      startedMs: null,
      endedMs: null,
      firstKey: null,
    })),
    paused: false,
    answered: false,
    sink: null,
  };
}

/** Takes in what happened. Pure. */
export function withEvent(view: SnapshotView, event: SnapshotEvent): SnapshotView {
  switch (event.kind) {
    case "sent":
      return view;
    case "answered":
      return { ...view, answered: true };
    case "phase":
      return { ...view, paused: event.phase === "paused" };
    case "collection":
      return mapCollections(
        view,
        (each) => each.collection === event.collection ? withState(each, event) : each,
      );
    case "growth":
      return mapCollections(view, (each) => ({
        ...each,
        grown: event.records.get(each.collection) ?? each.grown,
      }));
  }
}

/** Takes in how far the group is. Pure. */
export function withSink(view: SnapshotView, group: string, progress: SinkProgress): SnapshotView {
  const behind = behindOf(progress);
  const { state, members } = progress;
  const behindAtFirst = view.sink === null || behind > view.sink.behindAtFirst
    ? behind
    : view.sink.behindAtFirst;
  const unattended = isUnattended(progress);
  return { ...view, sink: { group, state, members, unattended, behind, behindAtFirst } };
}

/** Collections that were read to their end without a single row. Pure. */
export function emptyCollections({ collections }: SnapshotView): readonly string[] {
  return collections.filter((each) => each.state.kind === "scanned" && rowsOf(each).rows === 0n)
    .map(({ collection }) => collection);
}

/** Rows as Debezium counted them, else about as many as the topic grew. */
export function rowsOf({ state, grown }: CollectionView): {
  readonly rows: bigint;
  readonly exact: boolean;
} {
  if (state.kind === "scanned" && state.rows !== null) return { rows: state.rows, exact: true };
  return { rows: grown, exact: false };
}

/** Rows a second between the first and the last word of a collection; null: nothing to divide. */
export function rateOf(view: CollectionView, nowMs: number): number | null {
  const { startedMs, endedMs } = view;
  // Without a count Debezium's times are no measure: it reads ahead of what it sends.
  if (startedMs === null || (endedMs !== null && !rowsOf(view).exact)) return null;
  const spanMs = (endedMs ?? nowMs) - startedMs;
  return spanMs < 100 ? null : Math.round(Number(rowsOf(view).rows) / (spanMs / 1000));
}

/** How much of a collection is read, from 0 to 1, by its keys; null where they do not tell. Pure. */
export function fractionOf({ state, firstKey }: CollectionView): number | null {
  if (state.kind === "scanned") return 1;
  if (state.kind !== "running" || firstKey === null) return null;
  const [first, last, maximum] = [firstKey, state.lastKey, state.maximumKey].map(keyNumber);
  if (first == null || last == null || maximum == null || maximum <= first) return null;
  const fraction = Number(((last - first) * 1000n) / (maximum - first)) / 1000;
  return Math.min(1, Math.max(0, fraction));
}

/** Integers as they are, ObjectIds by their time. */
function keyNumber(key: string | null): bigint | null {
  if (key === null) return null;
  if (/^-?\d{1,19}$/.test(key)) return BigInt(key);
  return /^[0-9a-f]{24}$/.test(key) ? BigInt(`0x${key.slice(0, 8)}`) : null;
}

function withState(
  view: CollectionView,
  { state, timestampMs }: Extract<SnapshotEvent, { kind: "collection" }>,
): CollectionView {
  const ended = state.kind === "scanned" || state.kind === "failed";
  return {
    ...view,
    state,
    startedMs: view.startedMs ?? timestampMs,
    endedMs: ended ? timestampMs : null,
    firstKey: view.firstKey ?? (state.kind === "running" ? state.lastKey : null),
  };
}

function mapCollections(
  view: SnapshotView,
  change: (each: CollectionView) => CollectionView,
): SnapshotView {
  return { ...view, collections: view.collections.map(change) };
}
