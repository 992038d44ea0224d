import { CdcDeltaError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import { commit } from "../log/committer.ts";
import { featuresBlockingWrite } from "../log/table-features.ts";
import { refreshTableState, type TableState } from "../log/table-state.ts";
import type { JsonValue } from "../schema/data-type.ts";
import { isDiskFull } from "../storage/local-errors.ts";
import type { ObjectMeta } from "../storage/object-store.ts";
import { writeLastVacuum } from "./last-vacuum.ts";
import type { VacuumPlan } from "./vacuum-plan.ts";
import { watchForVacuum } from "./vacuum-watch.ts";

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
