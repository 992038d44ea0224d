import type { AddFile } from "../../delta/log/actions.ts";
import { fileKey } from "../../delta/log/file-key.ts";
import type { RestorePlan } from "../../delta/operations/restore.ts";
import { isoTime, recordsOf } from "../inspect/table-facts.ts";
import { counted } from "../output/counted.ts";
import { jsonText } from "../output/json-text.ts";
import { factsText } from "../output/table-text.ts";
import { diffLines, type SchemaChange, schemaDiff } from "../schema-diff.ts";
import { humanByteSize } from "../settings/units.ts";

/** Files and their rows; `rows` is null when a file has no statistics. */
type Amount = { readonly files: number; readonly bytes: number; readonly rows: number | null };

/** What a restore changes, in the names that scripts rely on. */
export type RestoreFacts = {
  readonly table: string;
  /** The version that comes back, and when it was committed. */
  readonly version: number;
  readonly timestamp: string | null;
  /** The newest version before the restore. */
  readonly newestVersion: number;
  readonly before: Amount;
  readonly after: Amount;
  /** What comes back and what leaves the table. */
  readonly returning: Amount;
  readonly leaving: Amount;
  readonly schemaChanges: readonly SchemaChange[];
  /** Partitioning, name, description or properties change, or the schema does. */
  readonly metadataChanges: boolean;
  /** Stored positions of streams, which stay as they are. */
  readonly positionsKept: number;
};

/** The facts of a plan; rows by the files' statistics. Pure. */
export function restoreFacts(plan: RestorePlan, uri: string): RestoreFacts {
  const { target, newest, adds, changesMetadata } = plan;
  const leaving = new Set(plan.removes.map((remove) => fileKey(remove, uri)));
  return {
    table: uri,
    version: target.version,
    timestamp: isoTime(target.timestampMs),
    newestVersion: newest.version,
    before: amountOf(newest.files),
    after: amountOf(target.files),
    returning: amountOf(adds),
    leaving: amountOf(newest.files.filter((file) => leaving.has(fileKey(file, uri)))),
    schemaChanges: schemaDiff(newest.schema, target.schema),
    metadataChanges: changesMetadata,
    positionsKept: newest.transactions.size,
  };
}

function amountOf(files: readonly AddFile[]): Amount {
  let [bytes, rows]: [number, number | null] = [0, 0];
  for (const file of files) {
    const records = recordsOf(file);
    bytes += file.size;
    rows = rows === null || records === null ? null : rows + records;
  }
  return { files: files.length, bytes, rows };
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
  return restorePlanText(facts) + factsText([last]);
}

/** What comes and goes, for people. Pure. */
export function restorePlanText(facts: RestoreFacts): string {
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
  return factsText(lines);
}

function amountText({ files, bytes, rows }: Amount): string {
  const known = rows === null ? "rows unknown (no statistics)" : counted(rows, "row");
  return `${counted(files, "file")}, ${known}, ${humanByteSize(bytes)}`;
}
