import { CdcDeltaError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import { commit } from "../log/committer.ts";
import { listLog } from "../log/log-reader.ts";
import { featuresBlockingWrite } from "../log/table-features.ts";
import { refreshTableState, type TableState } from "../log/table-state.ts";
import type { JsonValue } from "../schema/data-type.ts";
import { isDiskFull } from "../storage/local-errors.ts";
import type { ObjectMeta } from "../storage/object-store.ts";
import { createKeySet, type KeySet } from "./key-set.ts";
import { writeLastVacuum } from "./last-vacuum.ts";
import { type KnownFiles, readKnownFiles } from "./vacuum-known.ts";
import {
  candidatesOfLog,
  commitsSinceVacuum,
  effectOf,
  refuseEmptyCommits,
  type VacuumEffect,
} from "./vacuum-log.ts";
import { isVacuumable, tableInside, type VacuumFolders } from "./vacuum-rules.ts";
import { watchForVacuum } from "./vacuum-watch.ts";

/**
 * Where a vacuum looks for files: `full` lists the table, `lite` reads the commits since the last
 * vacuum, which finds no leftovers of writers that never committed.
 */
export type VacuumMode = "full" | "lite";

export type VacuumOptions = {
  /** Default: `full`. */
  readonly mode?: VacuumMode;
  /** Files that left the table longer ago go; null: the table's `deletedFileRetentionDuration`. */
  readonly retentionMs: number | null;
  /** Allows a retention below the table's own, and an empty commit in the log. */
  readonly force: boolean;
  readonly signal: AbortSignal;
};

/** What a vacuum would delete, and what that costs. */
export type VacuumPlan = VacuumEffect & {
  readonly mode: VacuumMode;
  readonly state: TableState;
  readonly retentionMs: number;
  /** The retention that was asked for; null: the table's own. */
  readonly specifiedRetentionMs: number | null;
  /** Whether a retention below the table's own was allowed. */
  readonly force: boolean;
  /** In mode `lite` some of them may be gone already, if a vacuum before was killed. */
  readonly files: number;
  readonly bytes: number;
  /** The files; looked for anew each time: in the order of keys, or of commits in mode `lite`. */
  readonly candidates: () => AsyncIterable<ObjectMeta>;
};

/**
 * A file that no version knows may be an upload that is about to be committed: it stays so long,
 * however short the retention.
 */
const orphanAgeMsMin = 3_600_000;

/**
 * Finds the files that no version within the retention needs (PROTOCOL.md, "Delta Table
 * Maintenance"). Deletes nothing. No files are held: up to 32 bytes for each file that the log knows,
 * and as much for each that would go.
 *
 * Errors: `not-found` without a table, `log-corrupt` for an empty commit without `force`, `usage` for
 * a retention below the table's own without it and, in mode `lite`, for a log that no longer reaches back to the last vacuum, `unsupported` for
 * features that cdcdelta does not know, the store's.
 */
export async function planVacuum(engine: Engine, options: VacuumOptions): Promise<VacuumPlan> {
  const { mode = "full", signal, retentionMs: specifiedRetentionMs, force } = options;
  const known = await readKnownFiles(engine, options, { signal });
  const { state, retentionMs } = known;
  const found = mode === "full"
    ? await planByListing(engine, known, options)
    : await planByLog(engine, known, options);
  return { mode, state, retentionMs, specifiedRetentionMs, force, ...found };
}

type Found = VacuumEffect & Pick<VacuumPlan, "files" | "bytes" | "candidates">;

async function planByListing(
  engine: Engine,
  known: KnownFiles,
  { force, signal }: VacuumOptions,
): Promise<Found> {
  const foreign = foreignFolders(known.state);
  const folders: VacuumFolders = { partitionColumns: known.state.partitionColumns, foreign };
  const candidates = async function* (): AsyncGenerator<ObjectMeta> {
    for await (const meta of engine.store.list("", { signal, leftovers: true })) {
      const inside = tableInside(meta.key);
      if (inside !== null) foreign.add(inside);
      else if (isVacuumable(meta.key, folders) && mayGo(known, meta)) yield meta;
    }
  };
  const seenBefore = foreign.size;
  let counted = await count(candidates());
  // The log of a table inside this one may come after files of it.
  if (foreign.size > seenBefore) counted = await count(candidates());
  const { going, files, bytes } = counted;
  if (files === 0) return { files, bytes, candidates, firstReadable: null, doneTo: null };
  const { commits } = await listLog(engine, { from: 0, signal });
  if (!force) refuseEmptyCommits(commits, engine.store.uri);
  const effect = await effectOf(engine, going, { known, commits, signal });
  return { files, bytes, candidates, ...effect };
}

async function planByLog(
  engine: Engine,
  known: KnownFiles,
  { force, signal }: VacuumOptions,
): Promise<Found> {
  const { state } = known;
  const folders = { partitionColumns: state.partitionColumns, foreign: foreignFolders(state) };
  const commits = await commitsSinceVacuum(engine, state.version, { signal });
  if (!force) refuseEmptyCommits(commits, engine.store.uri);
  const candidates = () => candidatesOfLog(engine, commits, { known, folders, signal });
  const { going, files, bytes } = await count(candidates());
  const effect = await effectOf(engine, going, { known, commits, signal });
  return { files, bytes, candidates, ...effect };
}

/** Iceberg's own metadata, where the table is one of Iceberg as well. */
function foreignFolders({ metadata: { configuration } }: TableState): Set<string> {
  const formats = configuration["delta.universalFormat.enabledFormats"] ?? "";
  return new Set(formats.toLowerCase().includes("iceberg") ? ["metadata/"] : []);
}

async function count(
  candidates: AsyncIterable<ObjectMeta>,
): Promise<{ readonly going: KeySet; readonly files: number; readonly bytes: number }> {
  const going = createKeySet();
  let [files, bytes] = [0, 0];
  for await (const { key, size } of candidates) {
    going.add(key);
    files += 1;
    bytes += size;
  }
  return { going, files, bytes };
}

function mayGo({ kept, expired, nowMs, retentionMs }: KnownFiles, meta: ObjectMeta): boolean {
  if (kept.has(meta.key)) return false;
  const age = nowMs - meta.modifiedMs;
  if (expired.has(meta.key)) return age > retentionMs;
  return age > Math.max(retentionMs, orphanAgeMsMin);
}

/** Objects deleted by one request. */
const deletesAtOnce = 1000;

type DeleteOptions = {
  /** Ends the vacuum after the request under way: what is deleted is told. */
  readonly signal: AbortSignal;
  /** Hears how many files are gone so far. */
  readonly onProgress?: (files: number) => void;
};

type Deleted = {
  readonly files: number;
  readonly bytes: number;
  /** False: told to end before all was deleted. */
  readonly ended: boolean;
};

/**
 * Deletes what was planned, but for what commits since the plan brought back. Safe to kill anywhere:
 * what is left goes the next time. Tells the table's history what was done (`VACUUM START`,
 * `VACUUM END`) where cdcdelta may write to it and there is something to do, and the next vacuum in
 * mode `lite` where to begin.
 *
 * Errors: as `VacuumWatch.look`.
 */
export async function vacuum(
  engine: Engine,
  plan: VacuumPlan,
  options: DeleteOptions,
): Promise<Deleted> {
  const { signal } = new AbortController();
  const deleted = plan.files === 0
    ? { files: 0, bytes: 0, ended: true }
    : await deleteAndTell(engine, plan, options);
  if (plan.doneTo !== null && deleted.ended) {
    await writeLastVacuum(engine, plan.doneTo, { newest: plan.state.version, signal });
  }
  return deleted;
}

async function deleteAndTell(
  engine: Engine,
  plan: VacuumPlan,
  options: DeleteOptions,
): Promise<Deleted> {
  const { signal } = new AbortController();
  const { specifiedRetentionMs } = plan;
  const started = await tellHistory(engine, plan.state, signal, "VACUUM START", {
    parameters: {
      retentionCheckEnabled: !plan.force,
      defaultRetentionMillis: plan.state.properties.deletedFileRetentionMs,
      ...(specifiedRetentionMs === null ? {} : { specifiedRetentionMillis: specifiedRetentionMs }),
    },
    metrics: { numFilesToDelete: String(plan.files), sizeOfDataToDelete: String(plan.bytes) },
  }).catch((error: unknown) => {
    // Space is what a vacuum makes: a disk that has none left does not keep it from that.
    if (isDiskFull(error)) return plan.state;
    throw error;
  });
  const end = (status: string, metrics: Told["metrics"]) =>
    tellHistory(engine, started, signal, "VACUUM END", { parameters: { status }, metrics });
  try {
    const deleted = await deleteCandidates(engine, plan, options);
    await end(deleted.ended ? "COMPLETED" : "FAILED", {
      numDeletedFiles: String(deleted.files),
      numVacuumedDirectories: "0",
    });
    return deleted;
  } catch (error) {
    // What went wrong matters more than that it could not be told.
    await end("FAILED", {}).catch(() => undefined);
    throw error;
  }
}

async function deleteCandidates(
  engine: Engine,
  plan: VacuumPlan,
  { signal: stop, onProgress }: DeleteOptions,
): Promise<Deleted> {
  const { signal } = new AbortController();
  const watch = watchForVacuum(engine, plan, { signal });
  let [files, bytes] = [0, 0];
  let deleted: readonly string[] = [];
  try {
    for await (const batch of inBatches(plan.candidates())) {
      stop.throwIfAborted();
      await watch.look(deleted);
      const going = batch.filter(({ key }) => !watch.isBack(key));
      deleted = going.map(({ key }) => key);
      if (going.length > 0) await engine.store.delete(deleted, { signal });
      files += going.length;
      bytes += going.reduce((sum, { size }) => sum + size, 0);
      onProgress?.(files);
    }
  } catch (error) {
    // Looking for candidates ends at once.
    if (!stop.aborted || error instanceof CdcDeltaError) throw error;
    await watch.look(deleted);
    return { files, bytes, ended: false };
  }
  await watch.look(deleted);
  return { files, bytes, ended: true };
}

async function* inBatches(candidates: AsyncIterable<ObjectMeta>): AsyncGenerator<ObjectMeta[]> {
  let batch: ObjectMeta[] = [];
  for await (const meta of candidates) {
    batch.push(meta);
    if (batch.length < deletesAtOnce) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
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
