import type { HistoryEntry } from "../../delta/log/history.ts";
import { counted } from "../output/counted.ts";
import { tableText } from "../output/table-text.ts";
import { type ListFormat, type ListOutput, listText } from "./list-output.ts";
import { isoTime } from "./table-facts.ts";

/** A commit with its time as text; the names are those of Spark's DESCRIBE HISTORY. */
export type HistoryRow = Omit<HistoryEntry, "timestamp"> & { readonly timestamp: string | null };

/** Commits as they are printed. Pure. */
export function historyRows(entries: readonly HistoryEntry[]): HistoryRow[] {
  return entries.map((entry) => ({ ...entry, timestamp: isoTime(entry.timestamp) }));
}

const header = ["version", "timestamp", "operation", "metrics", "engine"];

/** Commits as a table for people. Pure. */
export function historyTable(rows: readonly HistoryRow[]): string {
  return tableText(header, rows.map(cells));
}

/** Commits in any form; newest first. Pure. */
export function historyText(rows: readonly HistoryRow[], format: ListFormat): string {
  const names = [
    "version",
    "timestamp",
    "userId",
    "userName",
    "operation",
    "operationParameters",
    "job",
    "notebook",
    "clusterId",
    "readVersion",
    "isolationLevel",
    "isBlindAppend",
    "operationMetrics",
    "userMetadata",
    "engineInfo",
  ] as const;
  const list: ListOutput<HistoryRow> = {
    items: rows,
    header,
    row: cells,
    fields: names.map((name) => [name, (row) => row[name]]),
  };
  return listText(list, format);
}

function cells(row: HistoryRow): (string | number | null)[] {
  return [
    row.version,
    row.timestamp,
    row.operation,
    metricsText(row.operationMetrics),
    row.engineInfo,
  ];
}

/** The metrics that tell what a commit did, short. */
function metricsText(metrics: HistoryRow["operationMetrics"]): string | null {
  if (metrics === null) return null;
  const shown = [
    ["numOutputRows", "row", ""],
    ["numFiles", "file", ""],
    ["numAddedFiles", "file", " added"],
    ["numRemovedFiles", "file", " removed"],
  ].flatMap(([name = "", noun = "", rest = ""]) => {
    const value = metrics[name];
    if (value === undefined || value === null || value === "0") return [];
    return [`${counted(value, noun)}${rest}`];
  });
  return shown.length === 0 ? null : shown.join(", ");
}
