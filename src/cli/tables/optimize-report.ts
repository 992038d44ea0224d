import { counted } from "../output/counted.ts";
import { factsText, tableText } from "../output/table-text.ts";
import { humanByteSize } from "../settings/units.ts";
import type { SparkStatement } from "../spark/spark-statement.ts";
import { statementFacts } from "../spark/statement-text.ts";
import type { TablesReport } from "./each-table.ts";
import type { OptimizeFlags } from "./table-options.ts";
import { doneTables, stoppedText, tablesJson } from "./tables-json.ts";

/** What an optimize did to a table, or would do. */
export type OptimizeResult = {
  /** The newest version; null when it was not looked at again. */
  readonly version: number | null;
  readonly filesBefore: number;
  readonly bytesBefore: number;
  /** With a dry run an estimate: merged files are often smaller than their parts. */
  readonly filesAfter: number;
  readonly bytesAfter: number;
  readonly filesRemoved: number;
  readonly bytesRemoved: number;
  readonly filesAdded: number;
  readonly bytesAdded: number;
  readonly groups: number;
  /** Groups whose files other writers replaced meanwhile. */
  readonly groupsLost: number;
  /** With a dry run: what Spark would be sent, where it does the work. */
  readonly spark?: SparkStatement;
};

/** The result of `optimize` for standard output. Pure. */
export function optimizeText(
  report: TablesReport<OptimizeResult>,
  { dryRun, format, zOrder, sortBy }: Pick<
    OptimizeFlags,
    "dryRun" | "format" | "zOrder" | "sortBy"
  >,
): string {
  if (format === "json") return tablesJson(report, { dryRun });
  const done = doneTables(report);
  const { stopped } = report;
  if (done.length === 0) return stopped ? stoppedText : "";
  const about = dryRun ? "~" : "";
  const rows = done.map(({ uri, result }) => [
    uri,
    String(result.filesBefore),
    `${about}${result.filesAfter}`,
    humanByteSize(result.bytesBefore),
    `${about}${humanByteSize(result.bytesAfter)}`,
    String(result.groups),
    result.version === null ? null : String(result.version),
  ]);
  const header = ["table", "files", "after", "size", "after", "groups", "version"];
  const facts = factsOf(done.map(({ result }) => result), {
    dryRun,
    stopped,
    ordered: (zOrder ?? sortBy) !== null,
  });
  return `${tableText(header, rows)}\n${factsText(facts)}`;
}

function factsOf(
  results: readonly OptimizeResult[],
  { dryRun, stopped, ordered }: {
    readonly dryRun: boolean;
    readonly stopped: boolean;
    readonly ordered: boolean;
  },
): [string, string][] {
  const sum = (of: (result: OptimizeResult) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  const removed = `${counted(sum((r) => r.filesRemoved), "file")}, ` +
    humanByteSize(sum((r) => r.bytesRemoved));
  if (dryRun) {
    return [
      [ordered ? "to order" : "to merge", removed],
      ...statementFacts(results.map(({ spark }) => spark)),
      ["written", "nothing (--dry-run)"],
    ];
  }
  const added = `${counted(sum((r) => r.filesAdded), "file")}, ` +
    humanByteSize(sum((r) => r.bytesAdded));
  const facts: [string, string][] = [[ordered ? "ordered" : "merged", removed], ["into", added]];
  const lost = sum((r) => r.groupsLost);
  if (lost > 0) {
    const text = `${counted(lost, "group")}: other writers replaced files; run again for the rest`;
    facts.push(["left out", text]);
  }
  if (stopped) facts.push(["ended by", "a signal; run again to go on"]);
  return facts;
}
