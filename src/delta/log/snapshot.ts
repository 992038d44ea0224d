import type { Engine } from "../engine.ts";
import type { AddFile, RemoveFile } from "./actions.ts";
import { statisticsSchema } from "./checkpoint-parsed.ts";
import { readCheckpointFiles } from "./checkpoint-reader.ts";
import { commitTimestampMs } from "./commit-timestamps.ts";
import { createExactKeySet } from "./exact-key-set.ts";
import { fileKey } from "./file-key.ts";
import { withListing } from "./log-reader.ts";
import { buildSegment, type LogSegment } from "./log-segment.ts";
import { type PieceCache, pieceCache } from "./log-pieces.ts";
import { type FileBatch, filesOfPieces } from "./piece-actions.ts";
import { assertReadable } from "./table-features.ts";
import { replaySegmentState, type TableState, toTableState } from "./table-state.ts";
import { findVersionAt } from "./time-travel.ts";

/** A version of a table: its state and its files. */
export type Snapshot = TableState & {
  readonly files: readonly AddFile[];
  /** Files that are no longer part of the table and may still be wanted by older readers. */
  readonly tombstones: readonly RemoveFile[];
  /** When the version was committed; null when the log no longer tells. */
  readonly timestampMs: number | null;
};

/** Which version: a number, or the one that was the newest at a moment. Default: the newest. */
export type SnapshotAt =
  | { readonly kind: "version"; readonly version: number }
  | { readonly kind: "timestamp"; readonly timestampMs: number };

export type LoadSnapshotOptions = { readonly at?: SnapshotAt; readonly signal: AbortSignal };

/** A version of a table whose files are gone through instead of held: there may be a million. */
export type TableVersion = {
  readonly state: TableState;
  /** When the version was committed; null when the log no longer tells. */
  readonly timestampMs: number | null;
  /**
   * The live files and tombstones, each once, in batches of bounded size, those of the newest
   * commit first; may be called again.
   * Errors: `log-corrupt`, the store's; `not-found` (retryable) when a clean-up took a log file.
   */
  readonly files: (options: { readonly signal: AbortSignal }) => AsyncIterable<FileBatch>;
};

/**
 * Opens a version: its state is read, its files wait until they are asked for.
 *
 * Errors: `not-found` (no table; no such version or time, naming what there is), `unsupported`
 * (naming the table features that keep cdcdelta from reading it), `log-corrupt`, the store's.
 */
export async function openVersion(
  engine: Engine,
  options: LoadSnapshotOptions,
): Promise<TableVersion> {
  return await withVersion(engine, options, (version) => Promise.resolve(version));
}

/**
 * As `openVersion`, with all files held, in the order in which the log has them: for tables whose
 * files are few, and their rows.
 */
export async function loadSnapshot(
  engine: Engine,
  options: LoadSnapshotOptions,
): Promise<Snapshot> {
  return await withVersion(engine, options, async ({ state, timestampMs, files: batches }) => {
    const files: AddFile[] = [];
    const tombstones: RemoveFile[] = [];
    for await (const { adds, removes } of batches({ signal: options.signal })) {
      for (const add of adds) files.push(add);
      for (const remove of removes) tombstones.push(remove);
    }
    return { ...state, files: files.reverse(), tombstones: tombstones.reverse(), timestampMs };
  });
}

async function withVersion<T>(
  engine: Engine,
  options: LoadSnapshotOptions,
  use: (version: TableVersion) => Promise<T>,
): Promise<T> {
  const { signal } = options;
  const number = await versionOf(engine, options);
  const version = number === undefined ? {} : { version: number };
  return await withListing(engine, { signal, ...version }, async (listing) => {
    const segment = buildSegment(listing, { uri: engine.store.uri, ...version });
    const replayed = await replaySegment(engine, segment, { signal });
    assertReadable(replayed.state, engine.store.uri);
    const timestampMs = await commitTimestampMs(engine, listing.commits, segment.version, {
      properties: replayed.state.properties,
      signal,
    });
    return await use({
      state: replayed.state,
      timestampMs,
      files: (given) => liveFiles(engine, segment, replayed, given),
    });
  });
}

async function versionOf(
  engine: Engine,
  { at, signal }: LoadSnapshotOptions,
): Promise<number | undefined> {
  switch (at?.kind) {
    case undefined:
      return undefined;
    case "version":
      return at.version;
    case "timestamp":
      return await findVersionAt(engine, at.timestampMs, { signal });
  }
}

/** A segment's state, and files of the log that its files will be read from. */
export type ReplayedSegment = { readonly state: TableState; readonly cache: PieceCache };

/** Replays a segment: all of it but its files. */
export async function replaySegment(
  engine: Engine,
  segment: LogSegment,
  { signal }: { readonly signal: AbortSignal },
): Promise<ReplayedSegment> {
  const cache = pieceCache();
  const replayed = await replaySegmentState(engine, segment, { signal, cache });
  return { state: toTableState(engine, segment.version, replayed), cache };
}

/**
 * The files and tombstones of a segment, batch by batch, the newest first: what its commits did, the
 * last one first, and then what is left of the checkpoint. No more is in memory than a batch, what
 * is being fetched, and the keys of the commits' files.
 */
export async function* liveFiles(
  engine: Engine,
  segment: LogSegment,
  { state, cache }: ReplayedSegment,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<FileBatch> {
  const uri = engine.store.uri;
  const seen = createExactKeySet();
  yield* filesOfPieces(engine, segment, seen, { signal, cache });
  if (segment.checkpoint === null) return;
  const schema = statisticsSchema(state);
  const isLive = (file: AddFile | RemoveFile): boolean => !seen.has(fileKey(file, uri));
  for await (const batch of readCheckpointFiles(engine, segment.checkpoint, { schema, signal })) {
    if (seen.size === 0) yield batch;
    else yield { adds: batch.adds.filter(isLive), removes: batch.removes.filter(isLive) };
  }
}
