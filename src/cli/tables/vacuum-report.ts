import type { VacuumMode } from "../../delta/operations/vacuum-plan.ts";
import type { ForeignFormat } from "../../delta/operations/vacuum-rules.ts";
import { counted } from "../output/counted.ts";
import { factsText, tableText } from "../output/table-text.ts";
import { formatDuration, humanByteSize } from "../settings/units.ts";
import type { SparkStatement } from "../spark/spark-statement.ts";
import { statementFacts } from "../spark/statement-text.ts";
import type { TablesReport } from "./each-table.ts";
import { type Unreadable, unreadableTable, unreadableText } from "./lost-text.ts";
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
  /** What stops being readable; null: not worked out, as in mode `lite` without a dry run. */
  readonly unreadable: Unreadable | null;
  /** Folders inside the table that are somebody else's. */
  readonly leftAlone: readonly { readonly folder: string; readonly format: ForeignFormat }[];
  /** The first of the files; empty unless it was a dry run. */
  readonly listed: readonly VacuumFile[];
  /** With a dry run: what Spark would be sent, where it does the work. */
  readonly spark?: SparkStatement;
};

type Form = { readonly dryRun: boolean; readonly format: "table" | "json"; readonly limit: number };

/** The result of `vacuum` for standard output. Pure. */
export function vacuumText(
  report: TablesReport<VacuumResult>,
  { dryRun, format, limit }: Form,
): string {
  if (format === "json") return tablesJson(report, { dryRun });
  const done = doneTables(report);
  if (done.length === 0) return report.stopped ? stoppedText : "";
  const rows = done.map(({ uri, result }) => [
    uri,
    result.files,
    humanByteSize(result.bytes),
    formatDuration(result.retentionMs),
    result.unreadable === null ? "not worked out" : unreadableText(result.unreadable),
  ]);
  const files = done.reduce((sum, { result }) => sum + result.files, 0);
  const bytes = done.reduce((sum, { result }) => sum + result.bytes, 0);
  const total = `${counted(files, "file")}, ${humanByteSize(bytes)}`;
  const facts: [string, string][] = dryRun
    ? [
      ["would go", total],
      ...statementFacts(done.map(({ result }) => result.spark)),
      ["deleted", "nothing (--dry-run)"],
    ]
    : [["deleted", total]];
  const leftAlone = leftAloneText(done);
  if (leftAlone !== "") facts.push(["left alone", leftAlone]);
  if (report.stopped) {
    facts.push([
      "ended by",
      "a signal; run again to go on. What is no longer readable is told for all that was to go",
    ]);
  }
  const header = ["table", "files", "size", "retention", "no longer readable"];
  const lists = done.map((each) => dryRun ? listText(each, limit) : "").filter((t) => t !== "");
  return [...lists, tableText(header, rows), factsText(facts)].join("\n");
}

const formats: Readonly<Record<ForeignFormat, string>> = {
  delta: "a Delta table",
  iceberg: "Iceberg",
  hudi: "a Hudi table",
};

/** Folders that are named; the others are counted. */
const foldersMax = 5;

function leftAloneText(done: ReturnType<typeof doneTables<VacuumResult>>): string {
  const folders = done.flatMap(({ uri, result }) =>
    result.leftAlone.map(({ folder, format }) =>
      `${uri.replace(/\/+$/, "")}/${folder} (${formats[format]})`
    )
  );
  const rest = folders.length - foldersMax;
  return [...folders.slice(0, foldersMax), ...rest > 0 ? [`and ${rest} more`] : []].join("\n");
}

function listText(
  { uri, result }: { readonly uri: string; readonly result: VacuumResult },
  limit: number,
): string {
  const { listed, files, mode, unreadable } = result;
  if (files === 0) return "";
  const rows = listed.map((file) => [
    file.path,
    humanByteSize(file.sizeInBytes),
    file.modificationTime,
  ]);
  const more = files > listed.length
    ? `and ${files - listed.length} more (--limit all lists them)\n`
    : "";
  const header = ["file", "size", mode === "lite" ? "left the table" : "modified"];
  const list = listed.length === 0 ? "" : tableText(header, rows);
  const lost = unreadable === null ? "" : unreadableTable(unreadable, limit);
  return `${uri}\n${list}${more}${lost === "" ? "" : `\n${lost}`}`;
}
