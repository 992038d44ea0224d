import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import type { Engine } from "../../../src/delta/engine.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { optimize } from "../../../src/delta/operations/optimize.ts";
import { scanSnapshot } from "../../../src/delta/operations/scan.ts";
import { widenTable } from "../../../src/delta/operations/widen-table.ts";
import { columnId, type ColumnMapping } from "../../../src/delta/schema/column-mapping.ts";
import { field, struct, type StructType } from "../../../src/delta/schema/data-type.ts";
import { signal, testEngine } from "../../support/delta-table.ts";
import { foreignTable } from "../../support/foreign-table.ts";
import { lintTable } from "../../support/log-linter.ts";
import { appendRows } from "../../support/written-table.ts";
import { arbitraryTable, type Row } from "../parquet/arbitrary-rows.ts";

const modes: readonly ColumnMapping[] = ["none", "name", "id"];

async function rowsOf(engine: Engine): Promise<Row[]> {
  const snapshot = await loadSnapshot(engine, { signal });
  const rows: Row[] = [];
  for await (const batch of scanSnapshot(engine, snapshot, { signal })) {
    rows.push(...rowsOfBatch(batch, snapshot.schema) as Row[]);
  }
  return rows;
}

const merged = { targetBytes: 1 << 30, where: () => true, predicate: [], signal };

describe.each([...modes])("a table mapped by %s", (mapping) => {
  test("keeps any rows when they are appended and merged", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryTable(12), async ({ schema, rows }) => {
        fc.pre(rows.length > 0);
        const engine = testEngine();
        const features = ["timestampNtz"];
        let state = await foreignTable(engine, { schema, mapping, features });
        const half = Math.ceil(rows.length / 2);
        const parts = [rows.slice(0, half), rows.slice(half)].filter((part) => part.length > 0);
        const table = { schema: state.schema, partitionColumns: [] };
        for (const part of parts) {
          state = await appendRows(engine, state, table, { partitionValues: {}, rows: part });
        }
        expect(await rowsOf(engine)).toEqual(rows);
        const { addedFiles } = await optimize(engine, merged);
        expect(addedFiles).toBe(parts.length - 1);
        expect(await rowsOf(engine)).toEqual(rows);
        expect(await lintTable(engine.store)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  const wide = struct([
    field("day", { kind: "string" }),
    field("n", { kind: "integer" }),
    field("inner", struct([field("x", { kind: "integer" })])),
    field("list", {
      kind: "array",
      elementType: struct([field("y", { kind: "float" })]),
      containsNull: true,
    }),
  ]);
  const row = (n: number) => ({ n, inner: { x: n }, list: [{ y: n }] });

  test.each(["rewrite", "feature"] as const)("is widened by %s", async (strategy) => {
    const engine = testEngine();
    const state = await foreignTable(engine, { schema: wide, mapping, partitionColumns: ["day"] });
    const before = await appendRows(
      engine,
      state,
      { schema: state.schema, partitionColumns: ["day"] },
      { partitionValues: { day: "2026-01-31" }, rows: [row(1), row(2)] },
    );
    const wanted = struct([
      field("day", { kind: "string" }),
      field("n", { kind: "long" }),
      field("inner", struct([field("x", { kind: "long" }), field("new", { kind: "string" })])),
      field("list", {
        kind: "array",
        elementType: struct([field("y", { kind: "double" }), field("z", { kind: "string" })]),
        containsNull: true,
      }),
      field("added", struct([field("deep", { kind: "boolean" })])),
    ]);
    const outcome = await widenTable(engine, before, wanted, { strategy, bytesMax: 1e9, signal });
    expect(outcome.kind).toBe("widened");
    const ids = idsOf(outcome.state.schema);
    expect(ids.filter((id) => id === null).length).toBe(mapping === "none" ? 10 : 0);
    if (mapping !== "none") {
      expect(new Set(ids).size).toBe(10);
      expect(idsOf(state.schema).every((id) => ids.includes(id))).toBeTrue();
      expect(outcome.state.metadata.configuration["delta.columnMapping.maxColumnId"]).toBe("10");
    }
    const day = "2026-01-31";
    expect(await rowsOf(engine)).toEqual([1, 2].map((n) => ({
      day,
      n: BigInt(n),
      inner: { x: BigInt(n), new: null },
      list: [{ y: n, z: null }],
      added: null,
    })));
    expect(await lintTable(engine.store)).toEqual([]);
  });
});

test("a lost race to an append leaves rewritten files as they are, new columns and all", async () => {
  let rival: (() => Promise<void>) | null = null;
  let written = 0;
  const engine = testEngine((store) => ({
    ...store,
    put: (key, chunks, options) => {
      if (key.endsWith(".parquet")) written++;
      return store.put(key, chunks, options);
    },
    putIfAbsent: async (key, bytes, options) => {
      const plant = rival;
      rival = null;
      await plant?.();
      return await store.putIfAbsent(key, bytes, options);
    },
  }));
  const narrow = struct([field("n", { kind: "integer" })]);
  const made = await foreignTable(engine, { schema: narrow, mapping: "name" });
  const table = { schema: made.schema, partitionColumns: [] };
  const append = (state: typeof made, n: number) =>
    appendRows(engine, state, table, { partitionValues: {}, rows: [{ n }] });
  const state = await append(await append(made, 1), 2);
  rival = async () => void await append(state, 3);
  written = 0;
  const wanted = struct([field("n", { kind: "long" }), field("new", { kind: "string" })]);
  const options = { strategy: "rewrite", bytesMax: 1e9, signal } as const;
  expect((await widenTable(engine, state, wanted, options)).kind).toBe("widened");
  // Two files of ours, the rival's, and the rival's rewritten.
  expect(written).toBe(4);
  const rows = await rowsOf(engine);
  expect(rows).toEqual([1n, 2n, 3n].map((n) => ({ n, new: null })));
  expect(await lintTable(engine.store)).toEqual([]);
});

function idsOf(schema: StructType): (number | null)[] {
  return schema.fields.flatMap((each) => {
    const inner = each.type.kind === "array" ? each.type.elementType : each.type;
    return [columnId(each), ...(inner.kind === "struct" ? idsOf(inner) : [])];
  });
}
