import type { TableComparison } from "../../core/replay/compare-tables.ts";
import type { ShadowPlan, ShadowRange } from "../../core/replay/plan-shadow.ts";
import type { ShadowOrigin } from "../../core/replay/shadow-table.ts";
import { counted } from "../output/counted.ts";
import { jsonText } from "../output/json-text.ts";
import { factsText, tableText } from "../output/table-text.ts";

/** What `replay --into <table>` prints in the end. */
export type ShadowReport = {
  readonly origin: ShadowOrigin;
  readonly to: string | null;
  readonly table: string;
  readonly into: string;
  readonly plan: ShadowPlan;
  /** What is read of the ranges: what the shadow has already is not. */
  readonly reads: readonly ShadowRange[];
  readonly dryRun: boolean;
  /** True: ended by a signal; the same command goes on. */
  readonly stopped: boolean;
  /** Null: nothing was compared. */
  readonly comparison: TableComparison | null;
};

/** The result as one JSON object. Pure. */
export function shadowJson(report: ShadowReport): string {
  const { origin, to, table, into, plan, reads, dryRun, stopped, comparison } = report;
  const partitions = plan.ranges.map((
    { topic, partition, identity: topicId, start, end },
    index,
  ) => (
    { topic, partition, topicId, from: start, to: end, readFrom: reads[index]?.start ?? start }
  ));
  const { key: collection, from } = origin;
  const facts = { into, from, to, dryRun, stopped, collection, table, partitions };
  return `${jsonText({ ...facts, refusals: plan.refusals, comparison })}\n`;
}

/** The result for people. Pure. */
export function shadowText(report: ShadowReport): string {
  const { origin, table, into, plan, reads, dryRun, stopped, comparison } = report;
  const offsets = reads.reduce((sum, { start, end }) => start < end ? sum + end - start : sum, 0n);
  const upTo = report.to === null ? "" : ` to ${report.to}`;
  const facts: [string, string][] = [
    ["table", `${origin.key} at ${table}`],
    ["shadow", into],
    [dryRun ? "to be read" : "read", `${counted(offsets, "offset")} from ${origin.from}${upTo}`],
    ...plan.refusals.map((refusal): [string, string] => ["refused", refusal]),
  ];
  if (dryRun) facts.push(["written", "nothing (--dry-run)"]);
  if (stopped) facts.push(["stopped", "the same command goes on where it is"]);
  const rows = plan.ranges.map(({ topic, partition, start, end }, index) =>
    [topic, partition, start, end, reads[index]?.start ?? start] as const
  );
  const header = ["topic", "partition", "from", "to (not included)", "read from"];
  const ranges = rows.length === 0 ? "" : `\n${tableText(header, rows)}`;
  return factsText(facts) + ranges + (comparison === null ? "" : comparisonText(comparison));
}

function comparisonText(comparison: TableComparison): string {
  const { same, different, onlyTable, onlyShadow, doubled, examples } = comparison;
  const facts: [string, string][] = [
    ["same", counted(same, "row")],
    ["different", counted(different, "row")],
    ["only in the table", counted(onlyTable, "row")],
    ["only in the shadow", counted(onlyShadow, "row")],
  ];
  if (doubled > 0n) facts.push(["more than once", counted(doubled, "row")]);
  const rows = examples.map(({ topic, partition, offset, kind, columns }) =>
    [topic, partition, offset, kind, columns.join(", ")] as const
  );
  const header = ["topic", "partition", "offset", "difference", "columns"];
  const text = `\n${factsText(facts)}`;
  return rows.length === 0 ? text : `${text}\n${tableText(header, rows)}`;
}
