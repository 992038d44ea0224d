import { CdcDeltaError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import type { AddFile } from "../log/actions.ts";
import { commit } from "../log/committer.ts";
import { canonicalPath } from "../log/file-key.ts";
import { readCommitsAfter } from "../log/log-reader.ts";
import { loadSnapshot, type Snapshot } from "../log/snapshot.ts";
import { assertWritable } from "../log/table-features.ts";
import { advanceState, type TableState } from "../log/table-state.ts";
import type { TransactionDraft } from "../log/transaction.ts";
import { mergeFiles } from "./merge-files.ts";
import { type OptimizeBin, type OptimizeRules, planBins, targetSizeTag } from "./optimize-plan.ts";
import { removalOf } from "./rewrite-file.ts";

export type OptimizeOptions = OptimizeRules & {
  /** The filter as text, for the history; empty: all partitions. */
  readonly predicate: readonly string[];
  /** Nobody asked for it: it happens beside other work. Default: false. */
  readonly auto?: boolean;
  readonly signal: AbortSignal;
  /** Raised: the bin under way is finished, no other is begun. */
  readonly stop?: AbortSignal;
  /** Hears of each round of bins before it is begun; the last one has none. */
  readonly onPlan?: (plan: OptimizePlan) => void;
  /** Hears of each bin that is done with. */
  readonly onBin?: (event: OptimizeEvent) => void;
};

export type OptimizeEvent = {
  readonly outcome: "committed" | "lost";
  readonly removedFiles: number;
  readonly removedBytes: number;
  readonly addedFiles: number;
  readonly addedBytes: number;
};

export type OptimizePlan = { readonly snapshot: Snapshot; readonly bins: readonly OptimizeBin[] };

/** Finds what an optimize would do. Errors: as `loadSnapshot`; `unsupported` where writing is. */
export async function planOptimize(
  engine: Engine,
  options: OptimizeRules & { readonly signal: AbortSignal },
): Promise<OptimizePlan> {
  const snapshot = await loadSnapshot(engine, { signal: options.signal });
  assertWritable(snapshot, engine.store.uri, "rearrange");
  return { snapshot, bins: planBins(snapshot.files, options) };
}

export type OptimizeSummary = {
  /** The version in which nothing was left to do. */
  readonly version: number;
  readonly removedFiles: number;
  readonly removedBytes: number;
  readonly addedFiles: number;
  readonly addedBytes: number;
  /** Bins whose files other writers replaced meanwhile; another optimize finds what is left. */
  readonly lostBins: number;
  /** True: `stop` was raised before nothing was left to do. */
  readonly stopped: boolean;
};

type Sum = {
  -readonly [K in Exclude<keyof OptimizeSummary, "version" | "stopped">]: OptimizeSummary[K];
};

/** Rounds in a row that other writers ended by changing schema, properties or protocol. */
const changedRoundsMax = 10;

/**
 * Merges small files until none are left that are worth it. Each bin is a commit of its own
 * (`dataChange=false`), so that what is done stays done when the process dies or another writer
 * replaces files of a later bin; appends of others do not matter. Errors: as `planOptimize` and
 * `commit`.
 */
export async function optimize(
  engine: Engine,
  options: OptimizeOptions,
): Promise<OptimizeSummary> {
  const sum: Sum = { removedFiles: 0, removedBytes: 0, addedFiles: 0, addedBytes: 0, lostBins: 0 };
  const isStopped = (): boolean => options.stop?.aborted === true;
  let changed = 0;
  for (;;) {
    const plan = await planOptimize(engine, options);
    options.onPlan?.(plan);
    const before = sum.removedFiles;
    const round = await optimizeOnce(engine, plan, sum, options);
    const { version } = plan.snapshot;
    if (round === "changed") {
      changed += 1;
      if (changed === changedRoundsMax) throw tableChanged(engine, version);
      continue;
    }
    changed = 0;
    const stopped = isStopped() && plan.bins.length > 0;
    // Merged files are smaller than their parts were: they may fit together with others now.
    if (stopped || sum.removedFiles === before) return { version, ...sum, stopped };
  }
}

/** `changed`: what the plan was made for is no longer so, a new one has to be made. */
async function optimizeOnce(
  engine: Engine,
  plan: OptimizePlan,
  sum: Sum,
  options: OptimizeOptions,
): Promise<"done" | "changed"> {
  const { signal, stop, onBin } = options;
  const table: WatchedTable = { state: plan.snapshot, gone: new Set() };
  for (const bin of plan.bins) {
    signal.throwIfAborted();
    if (stop?.aborted === true) return "done";
    await watch(engine, table, signal);
    if (!isSameTable(plan.snapshot, table.state)) return "changed";
    const adds = isGone(bin, table, engine)
      ? null
      : await mergeBin(engine, table.state, bin, options);
    const outcome = adds === null
      ? "lost"
      : await commitBin(engine, table.state, { bin, adds }, options);
    if (outcome === "changed") return outcome;
    const event = outcome === "committed" && adds !== null
      ? binEvent(bin, adds)
      : { ...binEvent({ files: [], bytes: 0 }, []), outcome: "lost" as const };
    onBin?.(event);
    sum.lostBins += event.outcome === "lost" ? 1 : 0;
    sum.removedFiles += event.removedFiles;
    sum.removedBytes += event.removedBytes;
    sum.addedFiles += event.addedFiles;
    sum.addedBytes += event.addedBytes;
  }
  return "done";
}

/**
 * The table as far as its commits were looked through. A commit of ours may have been rebased on
 * others: what they took out must not come back with a later bin.
 */
type WatchedTable = { state: TableState; readonly gone: Set<string> };

async function watch(engine: Engine, table: WatchedTable, signal: AbortSignal): Promise<void> {
  const { uri } = engine.store;
  const commits = await readCommitsAfter(engine, table.state.version, { signal, files: true });
  for (const commit of commits) {
    for (const action of commit.actions) {
      if (action.kind === "remove") table.gone.add(canonicalPath(action.remove.path, uri));
    }
    table.state = advanceState(engine, table.state, commit);
  }
}

function isGone(bin: OptimizeBin, { gone }: WatchedTable, { store }: Engine): boolean {
  return bin.files.some((file) => gone.has(canonicalPath(file.path, store.uri)));
}

function isSameTable(planned: TableState, state: TableState): boolean {
  return state.metadata === planned.metadata && state.protocol === planned.protocol;
}

function tableChanged({ store }: Engine, version: number): CdcDeltaError {
  return new CdcDeltaError(
    "conflict",
    `Cannot go on optimizing ${store.uri}: its schema, properties or protocol were changed ` +
      `${changedRoundsMax} times in a row meanwhile, last after version ${version}. What was done ` +
      "before stands; start again for the rest",
    { context: { table: store.uri }, retryable: true },
  );
}

/** `lost`: another writer replaced files of the bin in the meantime. */
async function commitBin(
  engine: Engine,
  state: TableState,
  { bin, adds }: { readonly bin: OptimizeBin; readonly adds: readonly AddFile[] },
  options: OptimizeOptions,
): Promise<"committed" | "lost" | "changed"> {
  const draft = optimizeDraft(bin, adds, { ...options, nowMs: engine.clock.nowMs() });
  const outcome = await commit(engine, state, draft, { signal: options.signal });
  if (outcome.kind === "committed") return "committed";
  await discard(engine, adds);
  const isLost = outcome.reason === "delete-read" || outcome.reason === "delete-delete";
  return isLost ? "lost" : "changed";
}

function binEvent(
  bin: Pick<OptimizeBin, "files" | "bytes">,
  adds: readonly AddFile[],
): OptimizeEvent {
  return {
    outcome: "committed",
    removedFiles: bin.files.length,
    removedBytes: bin.bytes,
    addedFiles: adds.length,
    addedBytes: adds.reduce((bytes, add) => bytes + add.size, 0),
  };
}

async function mergeBin(
  engine: Engine,
  state: TableState,
  bin: OptimizeBin,
  options: OptimizeOptions,
): Promise<AddFile[]> {
  const adds = await mergeFiles(engine, state, bin.files, options);
  return adds.map((add) => ({ ...add, tags: { [targetSizeTag]: String(options.targetBytes) } }));
}

/** The commit of one bin, with the names that Spark gives it. Pure. */
export function optimizeDraft(
  bin: OptimizeBin,
  adds: readonly AddFile[],
  options: Pick<OptimizeOptions, "predicate" | "auto"> & { readonly nowMs: number },
): TransactionDraft {
  const sizes = adds.map((add) => add.size).sort((a, b) => a - b);
  const at = (part: number): string => String(sizes[Math.floor((sizes.length - 1) * part)] ?? 0);
  const vectors = bin.files.filter((file) => file.deletionVector !== undefined).length;
  return {
    operation: "OPTIMIZE",
    operationParameters: {
      predicate: JSON.stringify(options.predicate),
      zOrderBy: "[]",
      clusterBy: "[]",
      auto: options.auto ?? false,
    },
    operationMetrics: {
      numAddedFiles: String(adds.length),
      numRemovedFiles: String(bin.files.length),
      numAddedBytes: String(sizes.reduce((sum, size) => sum + size, 0)),
      numRemovedBytes: String(bin.bytes),
      minFileSize: at(0),
      p25FileSize: at(0.25),
      p50FileSize: at(0.5),
      p75FileSize: at(0.75),
      maxFileSize: at(1),
      numDeletionVectorsRemoved: String(vectors),
    },
    reads: { kind: "files", paths: new Set(bin.files.map((file) => file.path)) },
    dataChange: false,
    adds,
    removes: bin.files.map((file) => removalOf(file, options.nowMs)),
  };
}

/** Merged files that no commit uses; a failure to delete them is left to vacuum. */
async function discard(engine: Engine, adds: readonly AddFile[]): Promise<void> {
  const { signal } = new AbortController();
  const keys = adds.map((add) => canonicalPath(add.path, engine.store.uri));
  await engine.store.delete(keys, { signal }).catch(() => undefined);
}
