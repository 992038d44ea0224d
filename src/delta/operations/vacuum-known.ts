import { CdcDeltaError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import type { AddFile, RemoveFile } from "../log/actions.ts";
import { deletionVectorKey } from "../log/deletion-vector.ts";
import { canonicalPath } from "../log/file-key.ts";
import { listLog, withListing } from "../log/log-reader.ts";
import { buildSegment } from "../log/log-segment.ts";
import { liveFiles, replaySegment } from "../log/snapshot.ts";
import { assertVacuumable, protocolFeatures } from "../log/table-features.ts";
import type { TableState } from "../log/table-state.ts";
import { readInWaves } from "./commit-waves.ts";
import { createKeySet, type KeySet } from "./key-set.ts";

/** The files that the log knows of when a vacuum is planned. */
export type KnownFiles = {
  readonly state: TableState;
  readonly retentionMs: number;
  /** What left the table before this moment may go. */
  readonly cutoffMs: number;
  readonly nowMs: number;
  /** Files of the newest version, those that left the table within the retention, change data. */
  readonly kept: KeySet;
  /** Files that left the table before that. */
  readonly expired: KeySet;
};

export type Retention = {
  /** Null: the table's own. */
  readonly retentionMs: number | null;
  /** Allows a retention below the table's own. */
  readonly force: boolean;
};

/** Reads them. Errors: as `planVacuum`. */
export async function readKnownFiles(
  engine: Engine,
  retention: Retention,
  { signal }: { readonly signal: AbortSignal },
): Promise<KnownFiles> {
  const { uri } = engine.store;
  const nowMs = engine.clock.nowMs();
  return await withListing(engine, { signal }, async (listing) => {
    const segment = buildSegment(listing, { uri });
    const replayed = await replaySegment(engine, segment, { signal });
    const { state } = replayed;
    assertVacuumable(state, uri);
    const retentionMs = checkedRetention(state, retention, uri);
    const cutoffMs = nowMs - retentionMs;
    const [kept, expired] = [createKeySet(), createKeySet()];
    const known = { state, retentionMs, cutoffMs, nowMs, kept, expired };
    for await (const { adds, removes } of liveFiles(engine, segment, replayed, { signal })) {
      for (const add of adds) note(add, kept, uri);
      for (const remove of removes) {
        note(remove, isExpired(remove, cutoffMs) ? expired : kept, uri);
      }
    }
    await keepFilesOfCommits(engine, known, signal);
    return known;
  });
}

/** Whether a file left the table before the moment; one without a time left it long ago. */
export function isExpired({ deletionTimestamp }: RemoveFile, cutoffMs: number): boolean {
  return (deletionTimestamp ?? 0) < cutoffMs;
}

function note(file: AddFile | RemoveFile, keys: KeySet, uri: string): void {
  notePath(file.path, keys, uri);
  if (file.deletionVector === undefined) return;
  const key = deletionVectorKey(file.deletionVector, uri);
  if (key !== null) keys.add(key);
}

/** The name as it stands too: a writer that did not encode it meant that one. */
function notePath(path: string, keys: KeySet, uri: string): void {
  keys.add(canonicalPath(path, uri));
  if (path.includes("%")) keys.add(path);
}

/**
 * Keeps what only the commits within the retention know of: change data, which no version lists; and,
 * when the retention is longer than the table's own, tombstones that checkpoints leave out already.
 */
async function keepFilesOfCommits(
  engine: Engine,
  { state, retentionMs, cutoffMs, kept }: KnownFiles,
  signal: AbortSignal,
): Promise<void> {
  const tombstones = retentionMs > state.properties.deletedFileRetentionMs;
  if (!tombstones && !await hasChangeData(engine, state, signal)) return;
  const { uri } = engine.store;
  const { commits } = await listLog(engine, { from: 0, signal });
  const young = commits.filter(({ meta }) => meta.modifiedMs >= cutoffMs);
  for await (const { actions } of readInWaves(engine, young, { signal })) {
    for (const action of actions) {
      if (action.kind === "cdc") notePath(action.cdc.path, kept, uri);
      if (action.kind === "remove" && !isExpired(action.remove, cutoffMs)) {
        note(action.remove, kept, uri);
      }
    }
  }
}

async function hasChangeData(
  engine: Engine,
  { protocol }: TableState,
  signal: AbortSignal,
): Promise<boolean> {
  if (!protocolFeatures(protocol).includes("changeDataFeed")) return false;
  for await (const _ of engine.store.list("_change_data/", { signal })) return true;
  return false;
}

function checkedRetention(
  { properties }: TableState,
  { retentionMs, force }: Retention,
  uri: string,
): number {
  const own = properties.deletedFileRetentionMs;
  const wanted = retentionMs ?? own;
  if (wanted >= own || force) return wanted;
  const hours = (ms: number): string => `${Number((ms / 3_600_000).toFixed(2))} h`;
  throw new CdcDeltaError(
    "usage",
    `Cannot vacuum ${uri} with a retention of ${hours(wanted)}: its own is ${hours(own)} ` +
      `(delta.deletedFileRetentionDuration), and readers and writers rely on it. Use a longer one, ` +
      `or --force when nothing else uses the table`,
    { context: { table: uri } },
  );
}
