import type { RestorePlan } from "../../delta/operations/restore.ts";
import type { FileAmount } from "../../delta/operations/version-diff.ts";
import { isoTime } from "../inspect/table-facts.ts";
import { counted } from "../output/counted.ts";
import { jsonText } from "../output/json-text.ts";
import { factsText } from "../output/table-text.ts";
import { diffLines, type SchemaChange, schemaDiff } from "../schema-diff.ts";
import type { SparkStatement } from "../spark/spark-statement.ts";
import { statementFacts } from "../spark/statement-text.ts";
import { humanByteSize } from "../settings/units.ts";

/** What a restore changes, in the names that scripts rely on. */
export type RestoreFacts = {
  readonly table: string;
  /** The version that comes back, and when it was committed. */
  readonly version: number;
  readonly timestamp: string | null;
  /** The newest version before the restore. */
  readonly newestVersion: number;
  readonly before: FileAmount;
  readonly after: FileAmount;
  /** What comes back and what leaves the table. */
  readonly returning: FileAmount;
  readonly leaving: FileAmount;
  readonly schemaChanges: readonly SchemaChange[];
  /** Partitioning, name, description or properties change, or the schema does. */
  readonly metadataChanges: boolean;
  /** Stored positions of streams, which stay as they are. */
  readonly positionsKept: number;
  /** With a dry run: what Spark would be sent, where it does the work. */
  readonly spark?: SparkStatement;
};

/** The facts of a plan; rows by the files' statistics. Pure. */
export function restoreFacts(plan: RestorePlan, uri: string): RestoreFacts {
  const { target, newest, diff, changesMetadata } = plan;
  return {
    table: uri,
    version: target.state.version,
    timestamp: isoTime(target.timestampMs),
    newestVersion: newest.state.version,
    before: diff.before,
    after: diff.after,
    returning: diff.returning,
    leaving: diff.leaving,
    schemaChanges: schemaDiff(newest.state.schema, target.state.schema),
    metadataChanges: changesMetadata,
    positionsKept: newest.state.transactions.size,
  };
}

/** The result of `restore` for standard output; `restored` is null for a dry run. Pure. */
export function restoreText(
  facts: RestoreFacts,
  restored: number | null,
  { format }: { readonly format: "table" | "json" },
): string {
  if (format === "json") {
    return `${jsonText({ dryRun: restored === null, restoredVersion: restored, ...facts })}\n`;
  }
  const last: [string, string] = restored === null
    ? ["written", "nothing (--dry-run)"]
    : ["restored as", `version ${restored}`];
  return factsText([...planLines(facts), ...statementFacts([facts.spark]), last]);
}

/** What comes and goes, for people. Pure. */
export function restorePlanText(facts: RestoreFacts): string {
  return factsText(planLines(facts));
}

function planLines(facts: RestoreFacts): [string, string][] {
  const { version, timestamp, newestVersion, schemaChanges, positionsKept } = facts;
  const lines: [string, string][] = [
    ["table", facts.table],
    ["newest", `version ${newestVersion}: ${amountText(facts.before)}`],
    [
      "restored to",
      `version ${version}${timestamp === null ? "" : ` (${timestamp})`}: ${
        amountText(facts.after)
      }`,
    ],
    ["come back", amountText(facts.returning)],
    ["leave", amountText(facts.leaving)],
  ];
  if (schemaChanges.length > 0) lines.push(["schema", diffLines(schemaChanges).join("\n")]);
  else if (facts.metadataChanges) lines.push(["properties", `those of version ${version}`]);
  if (positionsKept > 0) {
    const text = `${positionsKept} stored (txn), kept as they are: a running sink goes on from ` +
      "there,\nwhat leaves the table is not written again";
    lines.push(["positions", text]);
  }
  return lines;
}

function amountText({ files, bytes, rows }: FileAmount): string {
  const known = rows === null ? "rows unknown (no statistics)" : counted(rows, "row");
  return `${counted(files, "file")}, ${known}, ${humanByteSize(bytes)}`;
}
