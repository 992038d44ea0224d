import { describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import type { Column, ColumnBatch } from "../../../src/delta/columns/column.ts";
import { batchFromRows } from "../../../src/delta/columns/column-builder.ts";
import { sortKeys } from "../../../src/delta/columns/sort-key.ts";
import type { Engine } from "../../../src/delta/engine.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { optimize } from "../../../src/delta/operations/optimize.ts";
import { scanSnapshot } from "../../../src/delta/operations/scan.ts";
import { sortRows } from "../../../src/delta/operations/sort-runs.ts";
import type { ColumnMapping } from "../../../src/delta/schema/column-mapping.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";
import { storedVariants } from "../../../src/delta/schema/stored-variants.ts";
import { signal, testEngine } from "../../support/delta-table.ts";
import { foreignTable } from "../../support/foreign-table.ts";
import { lintTable } from "../../support/log-linter.ts";
import { appendRows } from "../../support/written-table.ts";
import { arbitraryTable, type Row } from "../parquet/arbitrary-rows.ts";

const unordered = new Set(["struct", "array", "map", "variant", "void"]);

async function textsOf(engine: Engine): Promise<string[]> {
  const snapshot = await loadSnapshot(engine, { signal });
  const rows: Row[] = [];
  for await (const batch of scanSnapshot(engine, snapshot, { signal })) {
    rows.push(...rowsOfBatch(batch, snapshot.schema) as Row[]);
  }
  return rows.map((row) => Bun.inspect(withHex(row), { depth: 20 })).sort();
}

/** Bytes as text: whether they are a Buffer is no part of a value. */
function withHex(value: unknown): unknown {
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return value.map(withHex);
  if (value instanceof Map) return new Map([...value].map(([k, v]) => [withHex(k), withHex(v)]));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, withHex(of)]));
}

describe.each(["none", "name", "id"] as const)("a table mapped by %s", (mapping: ColumnMapping) => {
  test("keeps any rows of any columns when they are put into order", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryTable(12),
        fc.constantFrom("sort" as const, "z-order" as const),
        fc.constantFrom(1, 1 << 20),
        fc.nat(),
        async ({ schema, rows }, kind, runBytes, pick) => {
          const names = schema.fields.filter(({ type }) => !unordered.has(type.kind))
            .map(({ name }) => name);
          fc.pre(rows.length > 1 && names.length > 0);
          const engine = testEngine();
          const features = ["timestampNtz"];
          const configuration = { "delta.dataSkippingNumIndexedCols": "-1" };
          let state = await foreignTable(engine, { schema, mapping, features, configuration });
          const table = { schema: state.schema, partitionColumns: [] };
          for (const part of [rows.slice(0, 1), rows.slice(1)]) {
            state = await appendRows(engine, state, table, { partitionValues: {}, rows: part });
          }
          const before = await textsOf(engine);
          const columns = names.slice(pick % names.length).slice(0, 3);
          const { removedFiles } = await optimize(engine, {
            targetBytes: 1 << 30,
            where: () => true,
            predicate: [],
            signal,
            order: { kind, columns, runBytes, spillFolder: tmpdir() },
          });
          expect(removedFiles).toBe(2);
          expect(await textsOf(engine)).toEqual(before);
          expect(await lintTable(engine.store)).toEqual([]);
        },
      ),
      { numRuns: 25 },
    );
  }, 60_000);
});

test("variants go through a spill file as they are", async () => {
  const schema = struct([field("n", { kind: "long" }), field("v", { kind: "variant" })]);
  const parts = struct([field("metadata", { kind: "binary" }), field("value", { kind: "binary" })]);
  const variant = (value: number): Column =>
    batchFromRows(struct([field("v", parts)]), [
      { v: { metadata: Uint8Array.of(1, 0, 0), value: Uint8Array.of(0x0c, value) } },
    ]).columns[0]!;
  const only = struct([schema.fields[0]!]);
  async function* batches(): AsyncGenerator<ColumnBatch> {
    for (const n of [3, 1, 2]) {
      const numbers = batchFromRows(only, [{ n: BigInt(n) }]);
      yield await Promise.resolve({ length: 1, columns: [numbers.columns[0]!, variant(n)] });
    }
  }
  const found: unknown[] = [];
  const sorted = sortRows(batches(), {
    schema: storedVariants(schema),
    keysOf: (batch) => sortKeys([batch.columns[0]!], batch.length),
    spillFolder: tmpdir(),
    runBytes: 1,
    signal,
  });
  for await (const { length, columns } of sorted) {
    const shown = struct([only.fields[0]!, field("v", parts)]);
    for (const row of rowsOfBatch({ length, columns }, shown)) found.push(row);
  }
  expect(found).toEqual([1, 2, 3].map((n) => ({
    n: BigInt(n),
    v: { metadata: Uint8Array.of(1, 0, 0), value: Uint8Array.of(0x0c, n) },
  })));
});
