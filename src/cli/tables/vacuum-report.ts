import type { VacuumMode } from "../../delta/operations/vacuum.ts";
import { counted } from "../output/counted.ts";
import { factsText, tableText } from "../output/table-text.ts";
import { formatDuration, humanByteSize } from "../settings/units.ts";
import type { TablesReport } from "./each-table.ts";
import { doneTables, stoppedText, tablesJson } from "./tables-json.ts";

export type VacuumFile = {
  readonly path: string;
  readonly sizeInBytes: number;
  /** When it was written; in mode `lite`, when it left the table. */
  readonly modificationTime: string | null;
};

/** What a vacuum did to a table, or would do. */
export type VacuumResult = {
  /** The version it was planned for. */
  readonly version: number;
  /** How files were found. */
  readonly mode: VacuumMode;
  readonly retentionMs: number;
  readonly files: number;
  readonly bytes: number;
  /** What stops being readable; null: nothing that was. */
  readonly unreadable: {
    readonly versionsBefore: number;
    readonly timestampsBefore: string | null;
  } | null;
  /** The first of the files; empty unless it was a dry run. */
  readonly listed: readonly VacuumFile[];
};

type Form = { readonly dryRun: boolean; readonly format: "table" | "json" };

/** The result of `vacuum` for standard output. Pure. */
export function vacuumText(
  report: TablesReport<VacuumResult>,
  { dryRun, format }: Form,
): string {
  if (format === "json") return tablesJson(report, { dryRun });
  const done = doneTables(report);
  if (done.length === 0) return report.stopped ? stoppedText : "";
  const rows = done.map(({ uri, result }) => [
    uri,
    result.files,
    humanByteSize(result.bytes),
    formatDuration(result.retentionMs),
    unreadableText(result.unreadable),
  ]);
  const files = done.reduce((sum, { result }) => sum + result.files, 0);
  const bytes = done.reduce((sum, { result }) => sum + result.bytes, 0);
  const total = `${counted(files, "file")}, ${humanByteSize(bytes)}`;
  const facts: [string, string][] = dryRun
    ? [["would go", total], ["deleted", "nothing (--dry-run)"]]
    : [["deleted", total]];
  if (report.stopped) facts.push(["ended by", "a signal; run again to go on"]);
  const header = ["table", "files", "size", "retention", "no longer readable"];
  const lists = done.map(listText).filter((text) => text !== "");
  return [...lists, tableText(header, rows), factsText(facts)].join("\n");
}

function unreadableText(unreadable: VacuumResult["unreadable"]): string | null {
  if (unreadable === null) return null;
  const { versionsBefore: version, timestampsBefore: time } = unreadable;
  const versions = version === 1 ? "version 0" : `versions 0 to ${version - 1}`;
  return time === null ? versions : `${versions} (before ${time})`;
}

function listText(
  { uri, result }: { readonly uri: string; readonly result: VacuumResult },
): string {
  const { listed, files, mode } = result;
  if (listed.length === 0) return "";
  const rows = listed.map((file) => [
    file.path,
    humanByteSize(file.sizeInBytes),
    file.modificationTime,
  ]);
  const more = files > listed.length
    ? `and ${files - listed.length} more (--limit all lists them)\n`
    : "";
  const header = ["file", "size", mode === "lite" ? "left the table" : "modified"];
  return `${uri}\n${tableText(header, rows)}${more}`;
}
