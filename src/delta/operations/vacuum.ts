import { CdcDeltaError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import type { AddFile, RemoveFile } from "../log/actions.ts";
import { monotonicTimestamps } from "../log/commit-timestamps.ts";
import { deletionVectorKey } from "../log/deletion-vector.ts";
import { commit } from "../log/committer.ts";
import { canonicalPath } from "../log/file-key.ts";
import { listLog, readCommits, withListing } from "../log/log-reader.ts";
import { buildSegment } from "../log/log-segment.ts";
import { liveFiles, replaySegment } from "../log/snapshot.ts";
import { assertVacuumable, featuresBlockingWrite } from "../log/table-features.ts";
import { refreshTableState, type TableState } from "../log/table-state.ts";
import type { JsonValue } from "../schema/data-type.ts";
import type { ObjectMeta } from "../storage/object-store.ts";
import { createKeySet, type KeySet } from "./key-set.ts";
import { isVacuumable } from "./vacuum-rules.ts";
import { watchForVacuum } from "./vacuum-watch.ts";

export type VacuumOptions = {
  /** Files that left the table longer ago go; null: the table's `deletedFileRetentionDuration`. */
  readonly retentionMs: number | null;
  /** Allows a retention below the table's own. */
  readonly force: boolean;
  readonly signal: AbortSignal;
};

/** What a vacuum would delete, and what that costs. */
export type VacuumPlan = {
  readonly state: TableState;
  readonly retentionMs: number;
  /** Whether a retention below the table's own was allowed. */
  readonly force: boolean;
  readonly files: number;
  readonly bytes: number;
  /** The oldest version that can still be read afterwards; null: as many as before. */
  readonly firstReadable: { readonly version: number; readonly timestampMs: number | null } | null;
  /** The files, in the order of their keys; listed anew each time. */
  readonly candidates: () => AsyncIterable<ObjectMeta>;
};

/**
 * A file that no version knows may be an upload that is about to be committed: it stays so long,
 * however short the retention.
 */
const orphanAgeMsMin = 3_600_000;

/**
 * Finds the files that no version within the retention needs (PROTOCOL.md, "Delta Table
 * Maintenance"). Deletes nothing. Eight bytes a file of the table are held in memory.
 *
 * Errors: `not-found` without a table, `usage` for a retention below the table's own without
 * `force`, `unsupported` for features that cdcdelta does not know, the store's.
 */
export async function planVacuum(engine: Engine, options: VacuumOptions): Promise<VacuumPlan> {
  const { signal } = options;
  const known = await readKnownFiles(engine, options);
  const { state, retentionMs } = known;
  const candidates = async function* (): AsyncGenerator<ObjectMeta> {
    for await (const meta of engine.store.list("", { signal, leftovers: true })) {
      if (isVacuumable(meta.key, state.partitionColumns) && mayGo(known, meta)) yield meta;
    }
  };
  const going = createKeySet();
  let files = 0;
  let bytes = 0;
  for await (const { key, size } of candidates()) {
    going.add(key);
    files += 1;
    bytes += size;
  }
  const firstReadable = await firstReadableVersion(engine, going, signal);
  return { state, retentionMs, force: options.force, files, bytes, firstReadable, candidates };
}

type KnownFiles = {
  readonly state: TableState;
  readonly retentionMs: number;
  readonly nowMs: number;
  /** Files of the newest version, and those that left the table within the retention. */
  readonly kept: KeySet;
  /** Files that left the table before that. */
  readonly expired: KeySet;
};

async function readKnownFiles(engine: Engine, options: VacuumOptions): Promise<KnownFiles> {
  const { signal } = options;
  const { uri } = engine.store;
  const nowMs = engine.clock.nowMs();
  return await withListing(engine, { signal }, async (listing) => {
    const segment = buildSegment(listing, { uri });
    const replayed = await replaySegment(engine, segment, { signal });
    const { state } = replayed;
    assertVacuumable(state, uri);
    const retentionMs = checkedRetention(state, options, uri);
    const [kept, expired] = [createKeySet(), createKeySet()];
    const note = (file: AddFile | RemoveFile, keys: KeySet): void => {
      keys.add(canonicalPath(file.path, uri));
      if (file.deletionVector === undefined) return;
      const key = deletionVectorKey(file.deletionVector, uri);
      if (key !== null) keys.add(key);
    };
    for await (const { adds, removes } of liveFiles(engine, segment, replayed, { signal })) {
      for (const add of adds) note(add, kept);
      for (const remove of removes) {
        const isExpired = (remove.deletionTimestamp ?? 0) < nowMs - retentionMs;
        note(remove, isExpired ? expired : kept);
      }
    }
    return { state, retentionMs, nowMs, kept, expired };
  });
}

function checkedRetention(
  { properties }: TableState,
  { retentionMs, force }: VacuumOptions,
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

function mayGo({ kept, expired, nowMs, retentionMs }: KnownFiles, meta: ObjectMeta): boolean {
  if (kept.has(meta.key)) return false;
  const age = nowMs - meta.modifiedMs;
  if (expired.has(meta.key)) return age > retentionMs;
  return age > Math.max(retentionMs, orphanAgeMsMin);
}

/** The newest version that took one of these files out: those before it have lost it. */
async function firstReadableVersion(
  engine: Engine,
  going: KeySet,
  signal: AbortSignal,
): Promise<VacuumPlan["firstReadable"]> {
  if (going.size === 0) return null;
  const { commits } = await listLog(engine, { from: 0, signal });
  const versions = commits.map((commit) => commit.version);
  let first: number | null = null;
  for await (const { version, actions } of readCommits(engine, versions, { signal, files: true })) {
    const loses = actions.some((action) =>
      action.kind === "remove" && going.has(canonicalPath(action.remove.path, engine.store.uri))
    );
    if (loses) first = version;
  }
  if (first === null) return null;
  const found = monotonicTimestamps(commits).find((commit) => commit.version === first);
  return { version: first, timestampMs: found?.timestampMs ?? null };
}

/** Objects deleted by one request. */
const deletesAtOnce = 1000;

/**
 * Deletes what was planned. Safe to kill anywhere: what is left goes the next time. Tells the
 * table's history what was done (`VACUUM START`, `VACUUM END`) where cdcdelta may write to it.
 * Errors: the store's.
 */
export async function vacuum(
  engine: Engine,
  plan: VacuumPlan,
  options: {
    readonly signal: AbortSignal;
    /** Hears how many files are gone so far. */
    readonly onProgress?: (files: number) => void;
  },
): Promise<{ readonly files: number; readonly bytes: number }> {
  const { signal } = options;
  const own = plan.state.properties.deletedFileRetentionMs;
  const checked = plan.retentionMs >= own;
  const started = await tellHistory(engine, plan.state, signal, "VACUUM START", {
    parameters: {
      retentionCheckEnabled: checked,
      defaultRetentionMillis: own,
      specifiedRetentionMillis: plan.retentionMs,
    },
    metrics: { numFilesToDelete: String(plan.files), sizeOfDataToDelete: String(plan.bytes) },
  });
  const { files, bytes } = await deleteCandidates(engine, plan, options);
  await tellHistory(engine, started, signal, "VACUUM END", {
    parameters: { status: "COMPLETED" },
    metrics: { numDeletedFiles: String(files), numVacuumedDirectories: "0" },
  });
  return { files, bytes };
}

async function deleteCandidates(
  engine: Engine,
  plan: VacuumPlan,
  { signal, onProgress }: Parameters<typeof vacuum>[2],
): Promise<{ readonly files: number; readonly bytes: number }> {
  const watch = watchForVacuum(engine, plan, { signal });
  let [files, bytes] = [0, 0];
  let batch: ObjectMeta[] = [];
  let deleted: readonly string[] = [];
  const flush = async (): Promise<void> => {
    await watch.look(deleted);
    const going = batch.filter(({ key }) => !watch.isBack(key));
    deleted = going.map(({ key }) => key);
    batch = [];
    if (going.length > 0) await engine.store.delete(deleted, { signal });
    files += going.length;
    bytes += going.reduce((sum, { size }) => sum + size, 0);
    onProgress?.(files);
  };
  for await (const meta of plan.candidates()) {
    batch.push(meta);
    if (batch.length === deletesAtOnce) await flush();
  }
  if (batch.length > 0) await flush();
  await watch.look(deleted);
  return { files, bytes };
}

type Told = {
  readonly parameters: Readonly<Record<string, JsonValue>>;
  readonly metrics: Readonly<Record<string, string>>;
};

async function tellHistory(
  engine: Engine,
  state: TableState,
  signal: AbortSignal,
  operation: string,
  { parameters, metrics }: Told,
): Promise<TableState> {
  if (featuresBlockingWrite(state, engine.store.uri, "metadata").length > 0) return state;
  const newest = await refreshTableState(engine, state, { signal });
  const outcome = await commit(engine, newest, {
    operation,
    operationParameters: parameters,
    operationMetrics: metrics,
    reads: { kind: "blind-append" },
    dataChange: false,
  }, { signal });
  return outcome.state;
}
