import type { Engine } from "../../src/delta/engine.ts";
import { rowsOfBatch } from "../../src/delta/columns/column-value.ts";
import type { Value } from "../../src/delta/columns/column-builder.ts";
import { batchFromRows } from "../../src/delta/columns/column-builder.ts";
import type { AddFile, Protocol } from "../../src/delta/log/actions.ts";
import { loadSnapshot, type Snapshot, type SnapshotAt } from "../../src/delta/log/snapshot.ts";
import type { TransactionDraft } from "../../src/delta/log/transaction.ts";
import { writeDataFile } from "../../src/delta/operations/append.ts";
import { newTableActions } from "../../src/delta/operations/create-table.ts";
import { removalOf } from "../../src/delta/operations/rewrite-file.ts";
import { scanFile } from "../../src/delta/operations/scan.ts";
import { encodeWithStatistics } from "../../src/delta/parquet/writer.ts";
import { field, struct, type StructType } from "../../src/delta/schema/data-type.ts";
import { inlineVector, storedVector } from "./deletion-vectors.ts";
import { signal } from "./delta-table.ts";

/** A table whose rows are told by a number: all other values follow from it. */
export const numberedSchema: StructType = struct([
  field("n", { kind: "long" }),
  field("small", { kind: "integer" }),
  field("text", { kind: "string" }),
  field("day", { kind: "string" }),
]);

export const numberedDays = ["a", "b", "c"] as const;

/** The day that a row lies in. */
export function dayOf(n: number): string {
  return numberedDays[Math.floor(n / 100) % numberedDays.length]!;
}

function rowOf(n: number): Readonly<Record<string, Value>> {
  return { n: BigInt(n), small: n % 7 === 0 ? null : n % 1000, text: `row ${n}`, day: dayOf(n) };
}

/** With deletion vectors, which the linter and all readers know. */
export const vectorProtocol: Protocol = {
  minReaderVersion: 3,
  minWriterVersion: 7,
  readerFeatures: ["deletionVectors"],
  writerFeatures: ["appendOnly", "deletionVectors", "invariants"],
};

/** With V2 checkpoints besides; `delta.checkpointPolicy` asks for them. */
export const v2Protocol: Protocol = {
  ...vectorProtocol,
  readerFeatures: ["deletionVectors", "v2Checkpoint"],
  writerFeatures: ["appendOnly", "deletionVectors", "invariants", "v2Checkpoint"],
};

/** The draft that creates the table, without rows. */
export function creation(
  engine: Engine,
  configuration: Readonly<Record<string, string>> = {},
): TransactionDraft {
  const made = newTableActions({
    schema: numberedSchema,
    partitionColumns: ["day"],
    configuration: {},
    id: engine.random.uuid(),
    createdTime: engine.clock.nowMs(),
  });
  return {
    operation: "CREATE TABLE",
    operationParameters: {},
    reads: { kind: "blind-append" },
    dataChange: true,
    metadata: { ...made.metadata, configuration },
    protocol: configuration["delta.checkpointPolicy"] === "v2" ? v2Protocol : vectorProtocol,
  };
}

/** Writes rows, which are all of one day, into a file that no commit has yet. */
export async function writeNumbers(
  engine: Engine,
  numbers: readonly number[],
  schema: StructType = numberedSchema,
): Promise<AddFile> {
  const fileSchema = struct(schema.fields.filter(({ name }) => name !== "day"));
  const rows = numbers.map((n) => widenedRow(rowOf(n), fileSchema));
  const encoded = encodeWithStatistics(batchFromRows(fileSchema, rows), fileSchema);
  return await writeDataFile(engine, {
    schema,
    partitionValues: { day: dayOf(numbers[0]!) },
    rowGroups: [encoded.rowGroup],
    statistics: encoded.statistics,
  }, { signal });
}

/** As the schema has it: new columns are told by the number too. */
function widenedRow(
  row: Readonly<Record<string, Value>>,
  schema: StructType,
): Readonly<Record<string, Value>> {
  return Object.fromEntries(schema.fields.map(({ name, type }) => {
    const value = row[name] ?? null;
    if (name.startsWith("extra")) return [name, `${name} ${String(row["n"])}`];
    return [name, type.kind === "long" && typeof value === "number" ? BigInt(value) : value];
  }));
}

/** The draft that appends a written file. */
export function appending(
  adds: readonly AddFile[],
  txn?: { readonly appId: string; readonly version: bigint },
): TransactionDraft {
  return {
    operation: "STREAMING UPDATE",
    operationParameters: { outputMode: "Append" },
    operationMetrics: { numAddedFiles: String(adds.length) },
    reads: { kind: "blind-append" },
    dataChange: true,
    adds,
    ...(txn === undefined ? {} : { txns: [txn] }),
  };
}

/**
 * The draft that takes rows out of a file of the snapshot, as Spark does: with a deletion vector,
 * inline or stored, or by writing what is left of it anew. Null: it has none of them.
 */
export async function deleting(
  engine: Engine,
  snapshot: Snapshot,
  add: AddFile,
  doomed: (n: number) => boolean,
  how: "inline" | "stored" | "rewrite",
): Promise<{ readonly draft: TransactionDraft; readonly deleted: readonly number[] } | null> {
  const { deletionVector: _, ...whole } = add;
  const all = await numbersOfFile(engine, snapshot, whole);
  const live = new Set(await numbersOfFile(engine, snapshot, add));
  const deleted = all.filter((n) => live.has(n) && doomed(n));
  if (deleted.length === 0) return null;
  const kept = all.filter((n) => live.has(n) && !doomed(n));
  const adds: AddFile[] = [];
  if (kept.length > 0 && how === "rewrite") {
    adds.push(await writeNumbers(engine, kept, snapshot.schema));
  } else if (kept.length > 0) {
    const rows = all.flatMap((n, row) => live.has(n) && !doomed(n) ? [] : [row]);
    const deletionVector = how === "inline"
      ? inlineVector(rows)
      : await storedVector(engine.store, engine.random.uuid(), rows);
    // The bounds may be those of deleted rows.
    const stats = (whole.stats ?? "{}").replace(
      /(?:,"tightBounds":\w+)?\}$/,
      ',"tightBounds":false}',
    );
    adds.push({ ...whole, stats, deletionVector });
  }
  return {
    deleted,
    draft: {
      operation: "DELETE",
      operationParameters: { predicate: "[]" },
      reads: { kind: "files", paths: new Set([add.path]) },
      dataChange: true,
      adds,
      removes: [removalOf(add, engine.clock.nowMs())],
    },
  };
}

/** The numbers of a file's rows in their order; throws when a row is not what its number says. */
export async function numbersOfFile(
  engine: Engine,
  snapshot: Snapshot,
  add: AddFile,
): Promise<number[]> {
  const numbers: number[] = [];
  for await (const batch of scanFile(engine, snapshot, add, { signal })) {
    for (const row of rowsOfBatch(batch, snapshot.schema)) {
      const n = Number(row["n"]);
      const wanted = rowOf(n);
      for (const [name, value] of Object.entries(row)) {
        const isExtra = name.startsWith("extra");
        // A file may be older than the column.
        if (isExtra && (value === null || value === `${name} ${n}`)) continue;
        const same = name === "small" && typeof value === "bigint" ? Number(value) : value;
        if (isExtra || same !== (wanted[name] ?? null)) {
          throw new Error(`row ${n}: ${name} is ${String(value)}`);
        }
      }
      numbers.push(n);
    }
  }
  return numbers;
}

/** The numbers of all rows of a version, sorted. Throws when a row is not what its number says. */
export async function numbersAt(engine: Engine, at?: SnapshotAt): Promise<number[]> {
  const snapshot = await loadSnapshot(engine, { signal, ...(at === undefined ? {} : { at }) });
  const numbers: number[] = [];
  for (const add of snapshot.files) numbers.push(...await numbersOfFile(engine, snapshot, add));
  return numbers.sort((a, b) => a - b);
}
