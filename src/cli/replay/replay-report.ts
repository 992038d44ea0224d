import type { FileAmount, TableReplay } from "../../core/replay/replay-plan.ts";
import { counted } from "../output/counted.ts";
import { jsonText } from "../output/json-text.ts";
import { factsText, tableText } from "../output/table-text.ts";
import { humanByteSize } from "../settings/units.ts";

/** What became of one table, in the names that scripts rely on. */
export type ReplayedTable = {
  /** As which version it went back; null: it did not. */
  readonly rewoundAs: number | null;
  /** Rows that were read again, up to the signal that ended it; null: not known. */
  readonly rowsReadAgain: number | null;
};

/** What `replay` prints in the end. */
export type ReplayReport = {
  readonly into: string;
  readonly from: string;
  readonly to: string | null;
  readonly dryRun: boolean;
  /** True: ended by a signal; what is left is read by `cdcdelta run`. */
  readonly stopped: boolean;
  readonly tables: readonly { readonly plan: TableReplay; readonly done: ReplayedTable | null }[];
};

/** The result as one JSON object. Pure. */
export function replayJson({ tables, ...facts }: ReplayReport): string {
  const listed = tables.map(({ plan, done }) => {
    const { key, uri, newestVersion, version, partitions, refusals, known } = plan;
    return {
      collection: key,
      table: uri,
      newestVersion,
      restoredVersion: version,
      rows: known ? rowsOf(plan) : null,
      leaving: known ? plan.leaving : null,
      returning: known ? plan.returning : null,
      offsets: known ? offsetsOf(plan) : null,
      partitions: partitions.map(({ identity: topicId, from, was, becomes, rows, ...one }) => ({
        ...one,
        // As everywhere: from the first offset to the one behind the last.
        from: known ? from : null,
        to: was + 1n,
        was,
        becomes: known ? becomes : null,
        rows: known ? rows : null,
        topicId,
      })),
      refusals,
      ...done,
    };
  });
  return `${jsonText({ ...facts, tables: listed })}\n`;
}

/** Rows that leave a table. */
export function rowsOf({ partitions }: TableReplay): number {
  return partitions.reduce((sum, { rows }) => sum + rows, 0);
}

function offsetsOf({ partitions }: TableReplay): bigint {
  return partitions.reduce((sum, { from, was }) => was < from ? sum : sum + was - from + 1n, 0n);
}

/** What is going to be done to the tables, and what forbids it. Pure. */
export function planText(tables: readonly TableReplay[]): string {
  return tables.map((plan) => {
    const { uri, key, newestVersion, version, leaving, returning, refusals, known } = plan;
    const facts: [string, string][] = [
      ["table", key === null ? uri : `${key} at ${uri}`],
      [
        "goes back",
        !known
          ? `from version ${newestVersion} to one that cannot be opened`
          : version === null
          ? `from version ${newestVersion} to nothing: its first version has rows of the range`
          : `from version ${newestVersion} to version ${version}`,
      ],
      ["leave", known ? `${amountText(leaving)}, ${counted(rowsOf(plan), "row")}` : "unknown"],
      ["come back", known ? amountText(returning) : "unknown"],
      ["read again", known ? counted(offsetsOf(plan), "offset") : "unknown"],
      ...refusals.map((refusal): [string, string] => ["refused", refusal]),
    ];
    const rows = plan.partitions.map((
      { topic, partition, from, was, rows },
    ) => [topic, partition, ...known ? [from, was + 1n, rows] : ["unknown", was + 1n, "unknown"]]);
    const header = ["topic", "partition", "from", "to (not included)", "rows"];
    return factsText(facts) + (rows.length === 0 ? "" : `\n${tableText(header, rows)}`);
  }).join("\n");
}

/** What was done, for people. Pure. */
export function doneText({ tables, stopped }: ReplayReport): string {
  const facts = tables.flatMap(({ plan, done }): [string, string][] => {
    if (done === null || done.rewoundAs === null) return [];
    const taken = rowsOf(plan);
    const again = done.rowsReadAgain;
    const rows = again === null
      ? `${counted(taken, "row")} taken out, to be read again by cdcdelta run`
      : again === taken
      ? `${counted(taken, "row")} read again`
      : `${counted(taken, "row")} taken out, ${again} read again${stopped ? " so far" : ""}`;
    return [["replayed", `${plan.key ?? plan.uri}: ${rows}`]];
  });
  if (stopped) facts.push(["stopped", "cdcdelta run goes on with what is left"]);
  return factsText(facts);
}

function amountText({ files, bytes }: FileAmount): string {
  return `${counted(files, "file")}, ${humanByteSize(bytes)}`;
}
