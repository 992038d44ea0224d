import { CdcDeltaError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import type { AddFile } from "../log/actions.ts";
import { commit } from "../log/committer.ts";
import { canonicalPath } from "../log/file-key.ts";
import { readCommitsAfter } from "../log/log-reader.ts";
import { openVersion } from "../log/snapshot.ts";
import { assertWritable, protocolFeatures } from "../log/table-features.ts";
import { advanceState, type TableState } from "../log/table-state.ts";
import { mergeFiles } from "./merge-files.ts";
import { optimizeDraft } from "./optimize-draft.ts";
import { type OptimizeRules, targetSizeTag } from "./optimize-plan.ts";
import { type FilledBin, type OptimizeSurvey, surveyTable } from "./optimize-survey.ts";
import { type OrderColumn, orderColumns, type RowOrder } from "./order-columns.ts";
import { orderFiles } from "./order-files.ts";
import { cubeTags } from "./z-cubes.ts";

/** How rows are to be ordered, and where those wait that do not fit into memory. */
export type OrderRequest = RowOrder & {
  readonly spillFolder: string;
  /** Bytes of rows that are sorted in memory; default 32 MiB. */
  readonly runBytes?: number;
};

export type OptimizeOptions = OptimizeRules & {
  /** Absent: files are merged, their rows stay in the order that they have. */
  readonly order?: OrderRequest;
  /** The filter as text, for the history; empty: all partitions. */
  readonly predicate: readonly string[];
  /** Nobody asked for it: it happens beside other work. Default: false. */
  readonly auto?: boolean;
  readonly signal: AbortSignal;
  /** Raised: the bin under way is finished, no other is begun. */
  readonly stop?: AbortSignal;
  /** Hears of each round of bins before it is begun; the last one has none. */
  readonly onPlan?: (plan: OptimizePlan) => void;
  /** Hears of each file whose rows were read. */
  readonly onFile?: (file: AddFile) => void;
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

export type OptimizePlan = OptimizeSurvey & {
  readonly state: TableState;
  /** What rows are to be ordered by; null: they stay as they are. */
  readonly columns: readonly OrderColumn[] | null;
};

/**
 * Finds what an optimize would do. Errors: as `openVersion` and `orderColumns`; `unsupported` where
 * writing is, and for an order of rows in a table that is clustered.
 */
export async function planOptimize(
  engine: Engine,
  options: OptimizeRules & { readonly order?: RowOrder; readonly signal: AbortSignal },
): Promise<OptimizePlan> {
  const { order, signal } = options;
  const version = await openVersion(engine, { signal });
  const { state } = version;
  const { uri } = engine.store;
  assertWritable(state, uri, "rearrange");
  if (order !== undefined && protocolFeatures(state.protocol).includes("clustering")) {
    throw new CdcDeltaError(
      "unsupported",
      `Cannot order the rows of ${uri}: it is a clustered table, whose own columns decide (table ` +
        "feature clustering). Leave --z-order and --sort-by out, or use Spark's OPTIMIZE",
      { context: { table: uri } },
    );
  }
  const columns = order === undefined ? null : orderColumns(order, state, uri);
  const survey = await surveyTable(version, {
    ...options,
    order: order === undefined || columns === null ? null : named(order, columns),
  });
  return { ...survey, state, columns };
}

/** The order with its columns as the schema writes them. */
function named(order: RowOrder, columns: readonly OrderColumn[]): RowOrder {
  return { kind: order.kind, columns: columns.map(({ name }) => name) };
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
    const { version } = plan.state;
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
  const table: WatchedTable = { state: plan.state, gone: new Set(), own: -1 };
  for await (const bin of plan.filledBins()) {
    signal.throwIfAborted();
    if (stop?.aborted === true) return "done";
    await watch(engine, table, signal);
    if (!isSameTable(plan.state, table.state)) return "changed";
    const adds = isGone(bin, table, engine)
      ? null
      : await rewriteBin(engine, table.state, bin, { ...options, columns: plan.columns });
    const outcome = adds === null
      ? "lost"
      : await commitBin(engine, table, { bin, adds, columns: plan.columns }, options);
    if (outcome === "changed") return outcome;
    const event = outcome === "committed" && adds !== null ? committedEvent(bin, adds) : lostEvent;
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
type WatchedTable = {
  state: TableState;
  /** Of other writers only: our own removes are of no other bin. */
  readonly gone: Set<string>;
  /** The version of our last commit. */
  own: number;
};

async function watch(engine: Engine, table: WatchedTable, signal: AbortSignal): Promise<void> {
  const { uri } = engine.store;
  const commits = await readCommitsAfter(engine, table.state.version, { signal, files: true });
  for (const commit of commits) {
    for (const action of commit.version === table.own ? [] : commit.actions) {
      if (action.kind === "remove") table.gone.add(canonicalPath(action.remove.path, uri));
    }
    table.state = advanceState(engine, table.state, commit);
  }
}

function isGone(bin: FilledBin, { gone }: WatchedTable, { store }: Engine): boolean {
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

type RewrittenBin = {
  readonly bin: FilledBin;
  readonly adds: readonly AddFile[];
  readonly columns: readonly OrderColumn[] | null;
};

/** `lost`: another writer replaced files of the bin in the meantime. */
async function commitBin(
  engine: Engine,
  table: WatchedTable,
  { bin, adds, columns }: RewrittenBin,
  options: OptimizeOptions,
): Promise<"committed" | "lost" | "changed"> {
  const { order, predicate, auto = false } = options;
  const draft = optimizeDraft(bin.files, adds, {
    order: order === undefined || columns === null ? null : named(order, columns),
    predicate,
    auto,
    nowMs: engine.clock.nowMs(),
  });
  const outcome = await commit(engine, table.state, draft, { signal: options.signal });
  if (outcome.kind === "committed") {
    table.own = outcome.state.version;
    return "committed";
  }
  await discard(engine, adds);
  const isLost = outcome.reason === "delete-read" || outcome.reason === "delete-delete";
  return isLost ? "lost" : "changed";
}

const lostEvent: OptimizeEvent = {
  outcome: "lost",
  removedFiles: 0,
  removedBytes: 0,
  addedFiles: 0,
  addedBytes: 0,
};

function committedEvent({ files }: FilledBin, adds: readonly AddFile[]): OptimizeEvent {
  return {
    outcome: "committed",
    removedFiles: files.length,
    removedBytes: files.reduce((bytes, file) => bytes + file.size, 0),
    addedFiles: adds.length,
    addedBytes: adds.reduce((bytes, add) => bytes + add.size, 0),
  };
}

async function rewriteBin(
  engine: Engine,
  state: TableState,
  { files }: FilledBin,
  options: OptimizeOptions & { readonly columns: readonly OrderColumn[] | null },
): Promise<AddFile[]> {
  const { order, columns, targetBytes, filesMax } = options;
  const tags = { [targetSizeTag]: String(targetBytes) };
  if (order === undefined || columns === null) {
    const adds = await mergeFiles(engine, state, files, options);
    // A bin that ended for the number of its files gave less than the target: it is merged again.
    if (files.length === filesMax) return adds;
    return adds.map((add) => ({ ...add, tags: { ...add.tags, ...tags } }));
  }
  const adds = await orderFiles(engine, state, files, { ...options, ...order, columns });
  const own = { ...tags, ...cubeTags(named(order, columns), engine.random.uuid()) };
  return adds.map((add) => ({ ...add, tags: { ...add.tags, ...own } }));
}

/** Merged files that no commit uses; a failure to delete them is left to vacuum. */
async function discard(engine: Engine, adds: readonly AddFile[]): Promise<void> {
  const { signal } = new AbortController();
  const keys = adds.map((add) => canonicalPath(add.path, engine.store.uri));
  await engine.store.delete(keys, { signal }).catch(() => undefined);
}
