import { planVacuum, vacuum, type VacuumPlan } from "../../delta/operations/vacuum.ts";
import type { ExitCode } from "../exit-codes.ts";
import { isoTime } from "../inspect/table-facts.ts";
import { counted } from "../output/counted.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import { humanByteSize } from "../settings/units.ts";
import { vacuumOnSpark } from "../spark/on-spark.ts";
import type { SparkVacuum } from "../spark/spark-statement.ts";
import { eachTable, type TableTask } from "../tables/each-table.ts";
import type { VacuumFlags } from "../tables/table-options.ts";
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
      if (native) return await vacuumTable(task, flags);
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
  const plan = await planVacuum(engine, { mode, retentionMs, force, signal });
  const planned: VacuumResult = {
    version: plan.state.version,
    mode,
    retentionMs: plan.retentionMs,
    files: plan.files,
    bytes: plan.bytes,
    unreadable: unreadableOf(plan),
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

function unreadableOf({ firstReadable }: VacuumPlan): VacuumResult["unreadable"] {
  if (firstReadable === null || firstReadable.version === 0) return null;
  const { version, timestampMs } = firstReadable;
  return { versionsBefore: version, timestampsBefore: isoTime(timestampMs) };
}

async function listedFiles(plan: VacuumPlan, limit: number): Promise<VacuumFile[]> {
  const files: VacuumFile[] = [];
  for await (const { key, size, modifiedMs } of plan.candidates()) {
    if (files.length >= limit) break;
    files.push({ path: key, sizeInBytes: size, modificationTime: isoTime(modifiedMs) });
  }
  return files;
}
