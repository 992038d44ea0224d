import { isDeepStrictEqual } from "node:util";
import { CdcDeltaError } from "../../src/errors.ts";
import { batchFromRows, type Value } from "../../src/delta/columns/column-builder.ts";
import { rowsOfBatch } from "../../src/delta/columns/column-value.ts";
import type { Engine } from "../../src/delta/engine.ts";
import type { AddFile } from "../../src/delta/log/actions.ts";
import { commit } from "../../src/delta/log/committer.ts";
import { fileKey } from "../../src/delta/log/file-key.ts";
import { checkpointTable } from "../../src/delta/log/maintenance.ts";
import { serializePartitionValue } from "../../src/delta/log/partition-value.ts";
import { loadSnapshot, type Snapshot } from "../../src/delta/log/snapshot.ts";
import { requireTableState } from "../../src/delta/log/table-state.ts";
import { assertWritable } from "../../src/delta/log/table-features.ts";
import type { TransactionDraft } from "../../src/delta/log/transaction.ts";
import { writeDataFile } from "../../src/delta/operations/append.ts";
import { fileFormatOf } from "../../src/delta/operations/file-format.ts";
import { optimize } from "../../src/delta/operations/optimize.ts";
import { restore } from "../../src/delta/operations/restore.ts";
import { scanFile, scanSnapshot } from "../../src/delta/operations/scan.ts";
import { encodeWithStatistics } from "../../src/delta/parquet/writer.ts";
import { physicalValues } from "../../src/delta/schema/column-mapping.ts";
import { struct } from "../../src/delta/schema/data-type.ts";
import { signal } from "../support/delta-table.ts";
import type { LintStart } from "../support/feature-linter.ts";
import { lintCommits } from "../support/log-linter.ts";
import { normalRows, textOf } from "../support/normal-form.ts";
import { sampleValue } from "./sample-value.ts";

/** `refused`: by name, with what stood in the way; `absent`: the data files are not there. */
export type StepResult =
  | { readonly kind: "done" }
  | { readonly kind: "absent" }
  | { readonly kind: "refused"; readonly by: string };

export const writeSteps = ["metadata", "append", "optimize", "checkpoint", "restore"] as const;
export type WriteStep = (typeof writeSteps)[number];

export type WriteResults = Readonly<Record<WriteStep, StepResult>>;

/** `append: checkConstraints; …`: what was refused, and why; empty when nothing was. */
export function refusalsOf(results: WriteResults): string {
  return writeSteps.flatMap((name) => {
    const result = results[name];
    return result.kind === "refused" ? [`${name}: ${result.by}`] : [];
  }).join("; ");
}

/**
 * Does to a table (a copy: it is changed) what cdcdelta can do to one, and looks at each outcome:
 * a property is set, two rows are appended and read back, files are merged, a checkpoint is written,
 * and the version from before is restored. `readable`: its data files are there.
 *
 * Throws, in words, where something is not as it should be.
 */
export async function exerciseWrites(
  engine: Engine,
  before: Snapshot,
  { readable }: { readonly readable: boolean },
): Promise<WriteResults> {
  const rowsBefore = readable ? await rowsOf(engine, before) : [];
  const metadata = await step(() => setProperty(engine));
  const append = await step(() => appendRows(engine));
  const rows = readable ? await rowsOf(engine, await loadSnapshot(engine, { signal })) : [];
  const grown = rowsBefore.length + (append.kind === "done" ? 2 : 0);
  if (readable && rows.length !== grown) throw new Error("an append adds its rows and no others");
  const optimized: StepResult = readable
    ? await step(async () => {
      await optimize(engine, { ...mergeAll, predicate: [], signal });
      await expectRows(engine, rows, "after the optimize");
    })
    : { kind: "absent" };
  const checkpoint = await step(async () => {
    const expected = await loadSnapshot(engine, { signal });
    await checkpointTable(engine, { signal });
    const loaded = await loadSnapshot(engine, { signal });
    const { uri } = engine.store;
    expectSame(keysOf(loaded, uri), keysOf(expected, uri), "files after the checkpoint");
    expectSame(loaded.metadata, expected.metadata, "metadata after the checkpoint");
    expectSame(loaded.protocol, expected.protocol, "protocol after the checkpoint");
    expectSame(loaded.domainMetadata, expected.domainMetadata, "domains after the checkpoint");
    expectSame(loaded.transactions, expected.transactions, "txns after the checkpoint");
  });
  const changed = (await requireTableState(engine, { signal })).version > before.version;
  const restored: StepResult = changed
    ? await step(async () => {
      await restore(engine, { at: { kind: "version", version: before.version }, signal });
      const after = await loadSnapshot(engine, { signal });
      const { uri } = engine.store;
      expectSame(keysOf(after, uri), keysOf(before, uri), "files after the restore");
      expectSame(after.metadata.schemaString, before.metadata.schemaString, "restored schema");
      if (readable) await expectRows(engine, rowsBefore, "after the restore");
    })
    : { kind: "absent" };
  const findings = await lintCommits(engine.store, {
    from: before.version + 1,
    start: startOf(before),
  });
  if (findings.length > 0) throw new Error(findings.join("; "));
  return { metadata, append, optimize: optimized, checkpoint, restore: restored };
}

const mergeAll = { targetBytes: 100_000_000, where: () => true };

/** What our commits follow. */
function startOf(
  { protocol, metadata, properties, timestampMs, domainMetadata }: Snapshot,
): LintStart {
  const mark = /-?\d+/.exec(domainMetadata.get("delta.rowTracking")?.configuration ?? "")?.[0];
  return {
    protocol,
    metadata,
    ...(properties.inCommitTimestamps === null || timestampMs === null
      ? {}
      : { inCommitTimestamp: timestampMs }),
    ...(mark === undefined ? {} : { rowIdHighWaterMark: BigInt(mark) }),
  };
}

async function step(act: () => Promise<void>): Promise<StepResult> {
  try {
    await act();
    return { kind: "done" };
  } catch (error) {
    if (!(error instanceof CdcDeltaError)) throw error;
    if (error.code === "unsupported" && error.context["features"] !== undefined) {
      return { kind: "refused", by: String(error.context["features"]) };
    }
    if (error.code === "usage" && error.message.includes("delta.appendOnly")) {
      return { kind: "refused", by: "appendOnly" };
    }
    throw error;
  }
}

async function commitDraft(engine: Engine, draft: TransactionDraft): Promise<void> {
  const state = await requireTableState(engine, { signal });
  const outcome = await commit(engine, state, draft, { signal });
  if (outcome.kind !== "committed") throw new Error(`conflict: ${outcome.reason}`);
}

async function setProperty(engine: Engine): Promise<void> {
  const { metadata } = await requireTableState(engine, { signal });
  const configuration = { ...metadata.configuration, conformance: "1" };
  await commitDraft(engine, {
    operation: "SET TBLPROPERTIES",
    operationParameters: { properties: `{"conformance":"1"}` },
    reads: { kind: "blind-append" },
    dataChange: false,
    metadata: { ...metadata, configuration },
  });
}

/** Two rows: one with a value in each column, one that is null wherever it may be. */
async function appendRows(engine: Engine): Promise<void> {
  const state = await requireTableState(engine, { signal });
  assertWritable(state, engine.store.uri, "append");
  const { schema, partitionColumns } = state;
  const format = fileFormatOf(state);
  const isPartition = (name: string): boolean => partitionColumns.includes(name);
  // Nobody writes bytes into a partition's name the same way, so there they are null.
  const typed = new Map(schema.fields.map(({ name, type }) => [
    name,
    type.kind === "binary" && isPartition(name) ? null : sampleValue(type),
  ]));
  const rows = [true, false].map((isTyped) =>
    Object.fromEntries(schema.fields.map(({ name, nullable }): [string, Value] => [
      name,
      isTyped || !nullable || isPartition(name) ? typed.get(name) ?? null : null,
    ]))
  );
  const partitionValues = Object.fromEntries(partitionColumns.map((name) => {
    const type = schema.fields.find((field) => field.name === name)!.type;
    return [name, serializePartitionValue(typed.get(name) ?? null, type)];
  }));
  const inFile = struct(
    schema.fields.filter(({ name }) => format.partitionColumnsInFiles || !isPartition(name)),
  );
  const { rowGroup, statistics } = encodeWithStatistics(
    batchFromRows(inFile, rows),
    inFile,
    { ...format.statistics, codec: format.codec },
  );
  const add = await writeDataFile(engine, {
    schema,
    format,
    partitionValues: physicalValues(partitionValues, schema, format.columnMapping),
    rowGroups: [rowGroup],
    statistics,
  }, { signal });
  await commitDraft(engine, {
    operation: "WRITE",
    operationParameters: { mode: "Append" },
    reads: { kind: "blind-append" },
    dataChange: true,
    adds: [add],
  });
  await expectFile(engine, add, rows);
}

async function expectFile(
  engine: Engine,
  { path }: AddFile,
  rows: readonly Readonly<Record<string, Value>>[],
): Promise<void> {
  const snapshot = await loadSnapshot(engine, { signal });
  const add = snapshot.files.find((file) => file.path === path);
  if (add === undefined) throw new Error("the appended file is not part of the table");
  const found: unknown[] = [];
  for await (const batch of scanFile(engine, snapshot, add, { signal })) {
    found.push(...rowsOfBatch(batch, snapshot.schema));
  }
  expectSame(found, rows, "the appended rows");
}

/** A text a row, sorted: what an operation that moves rows has to leave as it is. */
async function rowsOf(engine: Engine, snapshot: Snapshot): Promise<string[]> {
  const rows: string[] = [];
  for await (const batch of scanSnapshot(engine, snapshot, { signal })) {
    const found = normalRows(rowsOfBatch(batch, snapshot.schema), snapshot.schema);
    for (const row of found) rows.push(textOf(row));
  }
  return rows.sort();
}

async function expectRows(
  engine: Engine,
  wanted: readonly string[],
  when: string,
): Promise<void> {
  const found = await rowsOf(engine, await loadSnapshot(engine, { signal }));
  expectSame(found, wanted, `the rows ${when}`);
}

function keysOf(snapshot: Snapshot, uri: string): string[] {
  return snapshot.files.map((file) => fileKey(file, uri)).sort();
}

function expectSame(found: unknown, wanted: unknown, what: string): void {
  if (!isDeepStrictEqual(found, wanted)) throw new Error(`${what} are not what they should be`);
}
