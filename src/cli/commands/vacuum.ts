import { vacuum } from "../../delta/operations/vacuum.ts";
import { planVacuum, type VacuumPlan } from "../../delta/operations/vacuum-plan.ts";
import type { ExitCode } from "../exit-codes.ts";
import { isoTime } from "../inspect/table-facts.ts";
import { counted } from "../output/counted.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import { humanByteSize } from "../settings/units.ts";
import { sparkVacuum, vacuumOnSpark } from "../spark/on-spark.ts";
import type { SparkVacuum } from "../spark/spark-statement.ts";
import { eachTable, type TableTask } from "../tables/each-table.ts";
import type { VacuumFlags } from "../tables/table-options.ts";
import { unreadableOf } from "../tables/lost-text.ts";
import { type VacuumFile, type VacuumResult, vacuumText } from "../tables/vacuum-report.ts";
import type { CliWorld } from "../world.ts";

/** `cdcdelta vacuum`. Errors: `not-found` where there is no table at all. */
export async function vacuumCommand(
  world: CliWorld,
  resolved: ResolvedSettings,
  words: readonly string[],
  flags: VacuumFlags,
): Promise<ExitCode> {
  return await eachTable<VacuumResult>(world, resolved, {
    choice: { words, all: flags.all },
    endsAfter: "the request under way",
    work: async (task) => {
      const native = flags.engine === "native" || flags.dryRun;
      if (native) {
        const spark = flags.engine === "native"
          ? {}
          : { spark: sparkVacuum(task.uri, sparkFlags(flags), resolved.values) };
        const { result, ended } = await vacuumTable(task, flags);
        return { result: { ...result, ...spark }, ended };
      }
      const options = { world, settings: resolved.values };
      return { result: await vacuumOnSpark(task, sparkFlags(flags), options), ended: true };
    },
    show: (report) => vacuumText(report, flags),
  });
}

function sparkFlags({ retention: retentionMs, force, mode }: VacuumFlags): SparkVacuum {
  return { retentionMs, force, mode };
}

async function vacuumTable(
  task: TableTask,
  flags: VacuumFlags,
): Promise<{ readonly result: VacuumResult; readonly ended: boolean }> {
  const { uri, engine, progress, stop: signal } = task;
  const { mode, retention: retentionMs, force } = flags;
  // By the log alone a vacuum is fast because it reads little of it.
  const tellLost = flags.dryRun || mode === "full";
  const plan = await planVacuum(engine, { mode, retentionMs, force, tellLost, signal });
  const planned: VacuumResult = {
    version: plan.state.version,
    mode,
    retentionMs: plan.retentionMs,
    files: plan.files,
    bytes: plan.bytes,
    unreadable: plan.lost === null ? null : unreadableOf(plan.lost),
    leftAlone: leftAloneOf(plan),
    listed: flags.dryRun ? await listedFiles(plan, flags.limit) : [],
  };
  if (flags.dryRun) return { result: planned, ended: true };
  const text = `${uri}: deleting ${counted(plan.files, "file")}, ${humanByteSize(plan.bytes)}`;
  if (plan.files > 0) progress.show(0, plan.files, text);
  const { ended, ...deleted } = await vacuum(engine, plan, {
    signal,
    onProgress: (files) => progress.show(files, plan.files, `${text}: ${files} done`),
  });
  return { result: { ...planned, ...deleted }, ended };
}

function leftAloneOf({ foreign }: VacuumPlan): VacuumResult["leftAlone"] {
  const folders = [...foreign].map(([folder, format]) => ({ folder, format }));
  return folders.sort((a, b) => (a.folder < b.folder ? -1 : 1));
}

async function listedFiles(plan: VacuumPlan, limit: number): Promise<VacuumFile[]> {
  const files: VacuumFile[] = [];
  for await (const { key, size, modifiedMs } of plan.candidates()) {
    if (files.length >= limit) break;
    files.push({ path: key, sizeInBytes: size, modificationTime: isoTime(modifiedMs) });
  }
  return files;
}
