import { checkpointTable } from "../../delta/log/maintenance.ts";
import type { ExitCode } from "../exit-codes.ts";
import { tableText } from "../output/table-text.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import { humanByteSize } from "../settings/units.ts";
import { eachTable, type TablesReport } from "../tables/each-table.ts";
import type { CheckpointFlags } from "../tables/table-options.ts";
import { doneTables, stoppedText, tablesJson } from "../tables/tables-json.ts";
import type { CliWorld } from "../world.ts";

type CheckpointResult = {
  readonly version: number;
  readonly sizeInBytes: number;
  readonly actions: number;
  readonly files: number;
  readonly deletedLogFiles: number;
};

/** `cdcdelta checkpoint`. Errors: `not-found` where there is no table at all. */
export async function checkpointCommand(
  world: CliWorld,
  resolved: ResolvedSettings,
  words: readonly string[],
  flags: CheckpointFlags,
): Promise<ExitCode> {
  return await eachTable<CheckpointResult>(world, resolved, {
    choice: { words, all: flags.all },
    endsAfter: "the request under way",
    async work({ engine, stop: signal }) {
      const written = await checkpointTable(engine, { signal });
      const result = {
        version: written.version,
        sizeInBytes: written.sizeInBytes ?? 0,
        actions: written.size,
        files: written.numOfAddFiles ?? 0,
        deletedLogFiles: written.deletedLogFiles,
      };
      return { result, ended: true };
    },
    show: (report) => checkpointText(report, flags.format),
  });
}

function checkpointText(
  report: TablesReport<CheckpointResult>,
  format: CheckpointFlags["format"],
): string {
  if (format === "json") return tablesJson(report);
  const done = doneTables(report);
  if (done.length === 0) return report.stopped ? stoppedText : "";
  const rows = done.map(({ uri, result }) => [
    uri,
    result.version,
    humanByteSize(result.sizeInBytes),
    result.actions,
    result.files,
    result.deletedLogFiles,
  ]);
  const header = ["table", "version", "size", "actions", "files", "log files deleted"];
  return tableText(header, rows);
}
