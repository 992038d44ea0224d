import type { PartitionCondition } from "../../delta/operations/partition-condition.ts";
import type { RestorePlan } from "../../delta/operations/restore.ts";
import { CdcDeltaError } from "../../errors.ts";
import { readTableProperties } from "../../delta/log/table-properties.ts";
import { requireTableState } from "../../delta/log/table-state.ts";
import type { Settings } from "../settings/settings.ts";
import type { TableTask } from "../tables/each-table.ts";
import type { OptimizeResult } from "../tables/optimize-report.ts";
import type { VacuumResult } from "../tables/vacuum-report.ts";
import type { CliWorld } from "../world.ts";
import { metricSum, runOnSpark, type SparkTask } from "./run-spark.ts";
import { sparkLocation } from "./spark-command.ts";
import { sparkOptimizeResult, sparkVacuumedFiles, tableSize } from "./spark-results.ts";
import {
  optimizeStatement,
  restoreStatement,
  type SparkStatement,
  type SparkVacuum,
  vacuumStatement,
} from "./spark-statement.ts";

/** Which engine does the work. */
export type EngineName = "native" | "spark";

/** What reaches Spark beside the task itself. */
export type SparkAccess = { readonly world: Pick<CliWorld, "env">; readonly settings: Settings };

export type OptimizeOnSpark = {
  readonly where: readonly PartitionCondition[] | null;
  readonly zOrder: readonly string[] | null;
  readonly targetSize: number | null;
};

/** The statement of an optimize. Errors: as `sparkLocation`. */
export function sparkOptimize(
  uri: string,
  { where, zOrder, targetSize }: OptimizeOnSpark,
  settings: Settings,
): SparkStatement {
  return optimizeStatement(sparkLocation(uri, settings), {
    where: where ?? [],
    zOrderBy: zOrder ?? [],
    targetBytes: targetSize,
  });
}

/** Optimizes a table on the user's Spark. Errors: as `runOnSpark`. */
export async function optimizeOnSpark(
  task: TableTask,
  flags: OptimizeOnSpark,
  access: SparkAccess,
): Promise<OptimizeResult> {
  const statement = sparkOptimize(task.uri, flags, access.settings);
  const before = await tableSize(task.engine, task.stop);
  const outcome = await told(task, statement, access);
  return sparkOptimizeResult(outcome, before);
}

/** The statement of a vacuum. Errors: as `sparkLocation`. */
export function sparkVacuum(uri: string, flags: SparkVacuum, settings: Settings): SparkStatement {
  return vacuumStatement(sparkLocation(uri, settings), flags);
}

/** The statement of a restore to a planned version. Errors: as `sparkLocation`. */
export function sparkRestore(
  uri: string,
  { target }: Pick<RestorePlan, "target">,
  settings: Settings,
): SparkStatement {
  return restoreStatement(sparkLocation(uri, settings), target.state.version);
}

/** Vacuums a table on the user's Spark. Errors: as `runOnSpark`. */
export async function vacuumOnSpark(
  task: TableTask,
  flags: SparkVacuum,
  access: SparkAccess,
): Promise<VacuumResult> {
  const statement = sparkVacuum(task.uri, flags, access.settings);
  const state = await requireTableState(task.engine, { signal: task.stop });
  const { commits } = await told(task, statement, access);
  const files = sparkVacuumedFiles(commits);
  if (files === null) {
    throw new CdcDeltaError(
      "spark",
      `Spark ended "${statement.sql}" without telling the table's history what it deleted`,
      { context: { table: task.uri } },
    );
  }
  const { deletedFileRetentionMs } = readTableProperties(state.metadata.configuration);
  return {
    version: state.version,
    mode: flags.mode,
    retentionMs: flags.retentionMs ?? deletedFileRetentionMs,
    files,
    bytes: metricSum(commits, "sizeOfDataToDelete"),
    unreadable: null,
    leftAlone: [],
    listed: [],
  };
}

/** Restores a table to the planned version on the user's Spark. Errors: as `runOnSpark`. */
export async function restoreOnSpark(
  task: Pick<TableTask, "uri" | "engine" | "stop">,
  plan: RestorePlan,
  access: SparkAccess,
): Promise<{ readonly version: number }> {
  const statement = sparkRestore(task.uri, plan, access.settings);
  const { commits } = await runOnSpark(sparkTask(task, access), statement);
  const restored = commits.find(({ operation }) => operation === "RESTORE");
  if (restored !== undefined) return { version: restored.version };
  throw new CdcDeltaError(
    "spark",
    `Spark ended "${statement.sql}" without a commit: nothing was changed by it`,
    { context: { table: task.uri } },
  );
}

async function told(task: TableTask, statement: SparkStatement, access: SparkAccess) {
  task.progress.say(`cdcdelta: Spark runs ${statement.sql}`);
  return await runOnSpark(sparkTask(task, access), statement);
}

function sparkTask(
  { uri, engine, stop }: Pick<TableTask, "uri" | "engine" | "stop">,
  access: SparkAccess,
): SparkTask {
  return { ...access, uri, engine, signal: stop };
}
