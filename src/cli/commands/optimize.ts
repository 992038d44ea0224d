import { tmpdir } from "node:os";
import { requireTableState } from "../../delta/log/table-state.ts";
import {
  optimize,
  type OptimizeEvent,
  type OptimizeOptions,
  type OptimizePlan,
  type OrderRequest,
  planOptimize,
} from "../../delta/operations/optimize.ts";
import type { OptimizeRules } from "../../delta/operations/optimize-plan.ts";
import { partitionFilter } from "../../delta/operations/partition-filter.ts";
import type { ExitCode } from "../exit-codes.ts";
import { counted } from "../output/counted.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import { humanByteSize } from "../settings/units.ts";
import { optimizeOnSpark, sparkOptimize } from "../spark/on-spark.ts";
import { eachTable, type TableTask, type TableWork } from "../tables/each-table.ts";
import { type OptimizeResult, optimizeText } from "../tables/optimize-report.ts";
import type { OptimizeFlags } from "../tables/table-options.ts";
import { tableTargetBytes } from "../../delta/operations/target-size.ts";
import type { CliWorld } from "../world.ts";

/** `cdcdelta optimize`. Errors: `not-found` where there is no table at all. */
export async function optimizeCommand(
  world: CliWorld,
  resolved: ResolvedSettings,
  words: readonly string[],
  flags: OptimizeFlags,
): Promise<ExitCode> {
  return await eachTable<OptimizeResult>(world, resolved, {
    choice: { words, all: flags.all },
    endsAfter: "the group under way",
    work: async (task) => {
      if (flags.dryRun) {
        const spark = flags.engine === "native"
          ? {}
          : { spark: sparkOptimize(task.uri, flags, resolved.values) };
        return { result: { ...await plannedResult(task, flags), ...spark }, ended: true };
      }
      if (flags.engine === "native") return await optimizeTable(task, flags);
      const access = { world, settings: resolved.values };
      return { result: await optimizeOnSpark(task, flags, access), ended: true };
    },
    show: (report) => optimizeText(report, flags),
  });
}

async function rulesOf(
  { engine, stop }: TableTask,
  { where, targetSize }: OptimizeFlags,
): Promise<OptimizeRules> {
  const state = await requireTableState(engine, { signal: stop });
  return {
    targetBytes: targetSize ?? tableTargetBytes(state.metadata.configuration),
    where: partitionFilter(where ?? [], state, engine.store.uri),
  };
}

async function plannedResult(task: TableTask, flags: OptimizeFlags): Promise<OptimizeResult> {
  const { engine, stop } = task;
  const rules = await rulesOf(task, flags);
  const plan = await planOptimize(engine, { ...rules, ...orderOf(flags), signal: stop });
  const before = { files: plan.files, bytes: plan.bytes };
  const { files: filesRemoved, bytes: bytesRemoved } = planned(plan);
  const filesAdded = plan.bins.reduce(
    (sum, { bytes }) => sum + Math.max(1, Math.ceil(bytes / rules.targetBytes)),
    0,
  );
  return {
    version: plan.state.version,
    filesBefore: before.files,
    bytesBefore: before.bytes,
    filesAfter: before.files - filesRemoved + filesAdded,
    bytesAfter: before.bytes,
    filesRemoved,
    bytesRemoved,
    filesAdded,
    bytesAdded: bytesRemoved,
    groups: plan.bins.length,
    groupsLost: 0,
  };
}

/** How rows are to be ordered; nothing where files are only merged. */
function orderOf({ zOrder, sortBy, spillDir }: OptimizeFlags): { readonly order?: OrderRequest } {
  const columns = zOrder ?? sortBy;
  if (columns === null) return {};
  const kind = zOrder === null ? "sort" : "z-order";
  return { order: { kind, columns, spillFolder: spillDir ?? tmpdir() } };
}

function planned({ bins }: OptimizePlan): { files: number; bytes: number } {
  return {
    files: bins.reduce((sum, bin) => sum + bin.files, 0),
    bytes: bins.reduce((sum, bin) => sum + bin.bytes, 0),
  };
}

async function optimizeTable(
  task: TableTask,
  flags: OptimizeFlags,
): Promise<TableWork<OptimizeResult>> {
  const { uri, engine, progress, stop } = task;
  const rules = await rulesOf(task, flags);
  let before: { readonly files: number; readonly bytes: number } | null = null;
  let round = { files: 0, bytes: 0 };
  const sum: OptimizeSum = {
    groups: 0,
    groupsLost: 0,
    filesRemoved: 0,
    bytesRemoved: 0,
    filesAdded: 0,
    bytesAdded: 0,
  };
  let [total, doneBytes] = [0, 0];
  let done = 0;
  // Of the group under way.
  let readBytes = 0;
  const order = orderOf(flags);
  const aim = order.order === undefined ? "to merge" : "to put into order";
  const show = (): void => {
    const read = readBytes === 0 ? "" : `, ${humanByteSize(doneBytes + readBytes)} read`;
    const text = `${uri}: ${done} of ${counted(total, "group")}, ` +
      `${counted(round.files, "file")}, ${humanByteSize(round.bytes)} ${aim}${read}`;
    // What was read of a group is half of the work on it.
    progress.show(doneBytes + readBytes / 2, round.bytes, text);
  };
  const options: OptimizeOptions = {
    ...rules,
    ...order,
    predicate: (flags.where ?? []).map(({ text }) => text),
    // Once begun, a group is finished: only `stop` ends the work, between two groups.
    signal: new AbortController().signal,
    stop,
    onPlan(plan) {
      before ??= { files: plan.files, bytes: plan.bytes };
      round = planned(plan);
      [total, done, doneBytes, readBytes] = [plan.bins.length, 0, 0, 0];
      if (total > 0 && !stop.aborted) show();
    },
    onFile(file) {
      readBytes += file.size;
      show();
    },
    onBin(event) {
      done += 1;
      readBytes = 0;
      count(sum, event);
      doneBytes += event.removedBytes;
      show();
    },
  };
  try {
    const { version, stopped } = await optimize(engine, options);
    return { ended: !stopped, result: resultOf(stopped ? null : version, before, sum) };
  } catch (failure) {
    // Each group is a commit of its own: what was done stands, and is told.
    if (sum.groups === 0) throw failure;
    return { ended: true, result: resultOf(null, before, sum), failure };
  }
}

/** What the groups so far came to. */
type OptimizeSum = {
  -readonly [
    K in
      | "groups"
      | "groupsLost"
      | "filesRemoved"
      | "bytesRemoved"
      | "filesAdded"
      | "bytesAdded"
  ]: OptimizeResult[K];
};

function count(sum: OptimizeSum, event: OptimizeEvent): void {
  if (event.outcome === "committed") sum.groups += 1;
  else sum.groupsLost += 1;
  sum.filesRemoved += event.removedFiles;
  sum.bytesRemoved += event.removedBytes;
  sum.filesAdded += event.addedFiles;
  sum.bytesAdded += event.addedBytes;
}

function resultOf(
  version: number | null,
  before: { readonly files: number; readonly bytes: number } | null,
  sum: OptimizeSum,
): OptimizeResult {
  const { files = 0, bytes = 0 } = before ?? {};
  return {
    version,
    filesBefore: files,
    bytesBefore: bytes,
    filesAfter: files - sum.filesRemoved + sum.filesAdded,
    bytesAfter: bytes - sum.bytesRemoved + sum.bytesAdded,
    ...sum,
  };
}
