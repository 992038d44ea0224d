import type { PumpSummary, TableSummary } from "../../core/pump/pump-events.ts";
import { deadLetterTable } from "../../core/encode/encode-job.ts";
import { typeToJson } from "../../delta/schema/schema-json.ts";
import { diffLines, schemaDiff } from "../schema-diff.ts";
import { humanByteSize } from "../settings/units.ts";
import { counted } from "./counted.ts";
import { jsonText } from "./json-text.ts";
import { factsText, tableText } from "./table-text.ts";

/** What `run` prints in the end. */
export type RunReport = {
  readonly summary: PumpSummary;
  /** True: nothing was written (`--plan`). */
  readonly plan: boolean;
  /** True: ended by a signal, not by the end of the source. */
  readonly stopped: boolean;
  readonly elapsedMs: number;
};

/** The result of a run as text for standard output. Pure. */
export function runReportText(report: RunReport, format: "table" | "json"): string {
  switch (format) {
    case "json":
      return `${jsonText(reportObject(report))}\n`;
    case "table":
      return report.plan ? planForm(report) : summaryForm(report);
  }
}

function reportObject({ summary, plan, stopped, elapsedMs }: RunReport): object {
  const { tables: _unordered, ...totals } = summary;
  return {
    plan,
    stopped,
    elapsedMs,
    ...totals,
    tables: ordered(summary).map((table) => plan ? plannedTable(table) : writtenTable(table)),
  };
}

/** Tables by name, the dead letters last. */
function ordered({ tables }: PumpSummary): readonly TableSummary[] {
  const rank = ({ table }: TableSummary): string => `${table === deadLetterTable ? 1 : 0}${table}`;
  return tables.toSorted((a, b) => rank(a) < rank(b) ? -1 : 1);
}

function writtenTable({ table, uri, version, rows, files, bytes }: TableSummary): object {
  return { table, uri, version, rows, files, bytes };
}

function plannedTable(summary: TableSummary): object {
  const { table, uri, version, rows, files, bytes, schemaBefore, schemaAfter } = summary;
  return {
    table,
    uri,
    version,
    rows,
    files,
    bytes,
    create: schemaBefore === null,
    changes: schemaDiff(schemaBefore, schemaAfter),
    schema: typeToJson(schemaAfter),
  };
}

function summaryForm({ summary, stopped, elapsedMs }: RunReport): string {
  const seconds = Math.max(elapsedMs, 1) / 1000;
  const facts: [string, string][] = [
    ["records", String(summary.records)],
    ["rows", String(summary.rows)],
    ["already there", String(summary.droppedRows)],
    ["without a row", String(summary.rowless + summary.tombstones)],
    ["dead letters", String(summary.deadLetters)],
    ["read", humanByteSize(summary.bytes)],
    ["commits", String(summary.commits)],
    ["time", `${seconds.toFixed(1)} s (${Math.round(summary.records / seconds)} events/s)`],
  ];
  if (stopped) facts.push(["ended by", "a signal; run again to go on"]);
  if (summary.tables.length === 0) return factsText(facts);
  const rows = ordered(summary).map((each) => [
    each.table,
    each.version === null ? null : each.version,
    each.rows,
    each.files,
    humanByteSize(each.bytes),
    each.uri,
  ]);
  const header = ["table", "version", "rows", "files", "size", "location"];
  return `${tableText(header, rows)}\n${factsText(facts)}`;
}

function planForm({ summary }: RunReport): string {
  const parts = ordered(summary).map((each) => {
    const verb = each.schemaBefore === null ? "create" : `append to version ${each.version}`;
    const size = [
      counted(each.rows, "row"),
      counted(each.files, "file"),
      humanByteSize(each.bytes),
    ].join(", ");
    const changes = schemaDiff(each.schemaBefore, each.schemaAfter);
    const lines = changes.length === 0 ? ["the schema stays as it is"] : diffLines(changes);
    return [`${each.table}: ${verb} (${size})`, `  ${each.uri}`, ...lines.map((l) => `  ${l}`), ""]
      .join("\n");
  });
  const facts: [string, string][] = [
    ["records", String(summary.records)],
    ["rows", String(summary.rows)],
    ["already there", String(summary.droppedRows)],
    ["without a row", String(summary.rowless + summary.tombstones)],
    ["dead letters", String(summary.deadLetters)],
    ["written", "nothing (--plan)"],
  ];
  return [...parts, factsText(facts)].join("\n");
}
