import { describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import type { Engine } from "../../../src/delta/engine.ts";
import type { AddFile } from "../../../src/delta/log/actions.ts";
import { readDeletionVector } from "../../../src/delta/log/deletion-vector.ts";
import { rowsOutside } from "../../../src/delta/log/roaring-bitmap.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import type { TableState } from "../../../src/delta/log/table-state.ts";
import { optimize } from "../../../src/delta/operations/optimize.ts";
import { rewriteLayout, scanForRewrite } from "../../../src/delta/operations/rewrite-layout.ts";
import { widenTable } from "../../../src/delta/operations/widen-table.ts";
import { bytesSource, openParquet, readRowGroup } from "../../../src/delta/parquet/reader.ts";
import type { ColumnMapping } from "../../../src/delta/schema/column-mapping.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";
import { inlineVector } from "../../support/deletion-vectors.ts";
import { addFile, mustCommit, signal, testEngine } from "../../support/delta-table.ts";
import { type ForeignTable, foreignTable } from "../../support/foreign-table.ts";
import { lintTable } from "../../support/log-linter.ts";
import { appendRows } from "../../support/written-table.ts";

const schema = struct([field("n", { kind: "integer" })]);
const hidden = struct([
  field("_row-id-col-1", { kind: "long" }),
  field("_row-commit-version-col-2", { kind: "long" }),
]);
const merged = { targetBytes: 1 << 30, where: () => true, predicate: [], signal };

function tracked(mapping: ColumnMapping): ForeignTable {
  return {
    schema,
    mapping,
    features: ["deletionVectors"],
    writerFeatures: ["domainMetadata", "rowTracking"],
    configuration: {
      "delta.enableRowTracking": "true",
      "delta.enableDeletionVectors": "true",
      "delta.rowTracking.materializedRowIdColumnName": "_row-id-col-1",
      "delta.rowTracking.materializedRowCommitVersionColumnName": "_row-commit-version-col-2",
    },
  };
}

/** What each row is known by, found by the book: `n` → [row id, commit version]. */
async function rowIds(engine: Engine): Promise<Map<number, readonly [bigint, bigint]>> {
  const { files, schema: columns } = await loadSnapshot(engine, { signal });
  const found = new Map<number, readonly [bigint, bigint]>();
  const name = String(columns.fields[0]!.metadata["delta.columnMapping.physicalName"] ?? "n");
  const type = columns.fields[0]!.type;
  for (const add of files) {
    const file = await openParquet(bytesSource(await engine.store.get(add.path, { signal })));
    const wanted = struct([field(name, type), ...hidden.fields]);
    let start = 0;
    for (let i = 0; i < file.rowGroups.length; i++) {
      const rows = [...rowsOfBatch(await readRowGroup(file, i, wanted), wanted)];
      for (const position of await livePositions(engine, add, start, rows.length)) {
        const row = rows[position - start]!;
        found.set(Number(row[name]), [
          (row["_row-id-col-1"] ?? add.baseRowId! + BigInt(position)) as bigint,
          (row["_row-commit-version-col-2"] ?? add.defaultRowCommitVersion!) as bigint,
        ]);
      }
      start += rows.length;
    }
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}

async function livePositions(
  engine: Engine,
  { deletionVector }: AddFile,
  start: number,
  length: number,
): Promise<number[]> {
  const all = Array.from({ length }, (_, i) => start + i);
  if (deletionVector === undefined) return all;
  const deleted = await readDeletionVector(engine, deletionVector, { signal });
  const kept = rowsOutside(deleted, start, length);
  return kept === null ? all : [...kept].map((i) => start + i);
}

const numbers = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ n: from + i }));

async function append(engine: Engine, state: TableState, from: number): Promise<TableState> {
  const table = { schema: state.schema, partitionColumns: [] };
  return await appendRows(engine, state, table, { partitionValues: {}, rows: numbers(from, 5) });
}

/** Takes rows out of the newest file by a deletion vector, as another writer does. */
async function deleteRows(
  engine: Engine,
  state: TableState,
  rows: readonly number[],
): Promise<TableState> {
  const add = (await loadSnapshot(engine, { signal })).files.at(-1)!;
  const stats = (add.stats ?? "").replace(/\}$/, `,"tightBounds":false}`);
  return await mustCommit(engine, state, {
    operation: "DELETE",
    operationParameters: {},
    reads: { kind: "whole-table" },
    dataChange: true,
    adds: [{ ...add, stats, deletionVector: inlineVector(rows) }],
    removes: [{ path: add.path, deletionTimestamp: 1, dataChange: true, size: add.size }],
  });
}

describe.each(["none", "name", "id"] as const)("row ids of a table mapped by %s", (mapping) => {
  test("stay through optimize after optimize, deleted rows left out", async () => {
    const engine = testEngine();
    let state = await foreignTable(engine, tracked(mapping));
    state = await append(engine, state, 0);
    state = await append(engine, state, 10);
    await deleteRows(engine, state, [0, 3]);
    const before = await rowIds(engine);
    expect([...before.keys()]).toEqual([0, 1, 2, 3, 4, 11, 12, 14]);
    expect(before.get(14)).toEqual([9n, 2n]);
    expect((await optimize(engine, merged)).addedFiles).toBe(1);
    expect(await rowIds(engine)).toEqual(before);
    const { files: [file], ...newest } = await loadSnapshot(engine, { signal });
    expect(file?.baseRowId).toBe(10n);
    expect(Object.keys(JSON.parse(file?.stats ?? "").nullCount)).toHaveLength(1);
    await append(engine, newest, 20);
    const grown = await rowIds(engine);
    expect((await optimize(engine, merged)).addedFiles).toBe(1);
    expect(await rowIds(engine)).toEqual(grown);
  });

  test.each(["sort", "z-order"] as const)("stay where rows are ordered: %s", async (kind) => {
    const engine = testEngine();
    let state = await foreignTable(engine, tracked(mapping));
    state = await append(engine, state, 10);
    state = await append(engine, state, 0);
    await deleteRows(engine, state, [1]);
    const before = await rowIds(engine);
    // So few bytes that runs of rows wait on disk.
    const order = { kind, columns: ["n"], spillFolder: tmpdir(), runBytes: 64 };
    expect((await optimize(engine, { ...merged, order })).addedFiles).toBe(1);
    expect(await rowIds(engine)).toEqual(before);
  });

  test("stay when a column is widened", async () => {
    const engine = testEngine();
    const state = await append(engine, await foreignTable(engine, tracked(mapping)), 0);
    const before = await rowIds(engine);
    const wide = struct([field("n", { kind: "long" })]);
    const options = { strategy: "rewrite", bytesMax: 1e9, signal } as const;
    expect((await widenTable(engine, state, wide, options)).kind).toBe("widened");
    expect(await rowIds(engine)).toEqual(before);
    expect(await lintTable(engine.store)).toEqual([]);
  });
});

test("a table that tracks its rows and does not say where is refused", async () => {
  const engine = testEngine();
  const configuration = { "delta.enableRowTracking": "true" };
  const state = await foreignTable(engine, { ...tracked("none"), configuration });
  expect(() => rewriteLayout(state)).toThrow("materializedRowIdColumnName");
});

test("a file without row ids is not rewritten", async () => {
  const engine = testEngine();
  const state = await foreignTable(engine, tracked("none"));
  const options = { layout: rewriteLayout(state), signal };
  const scan = () => scanForRewrite(engine, state, addFile("part-1.parquet"), options);
  expect(scan).toThrow("Cannot keep the row ids of data file part-1.parquet");
});
