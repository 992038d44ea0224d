import { describe, expect, test } from "bun:test";
import { batchFromRows } from "../../../src/delta/columns/column-builder.ts";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import type { Engine } from "../../../src/delta/engine.ts";
import type { AddFile } from "../../../src/delta/log/actions.ts";
import { commit } from "../../../src/delta/log/committer.ts";
import { readCommit } from "../../../src/delta/log/log-reader.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { loadTableState, type TableState } from "../../../src/delta/log/table-state.ts";
import { writeDataFile } from "../../../src/delta/operations/append.ts";
import { newTableActions } from "../../../src/delta/operations/create-table.ts";
import { removalOf } from "../../../src/delta/operations/rewrite-file.ts";
import { scanSnapshot } from "../../../src/delta/operations/scan.ts";
import { featureDraft } from "../../../src/delta/operations/widen-by-feature.ts";
import { widenTable } from "../../../src/delta/operations/widen-table.ts";
import { encodeWithStatistics } from "../../../src/delta/parquet/writer.ts";
import {
  type DataType,
  field,
  struct,
  type StructType,
} from "../../../src/delta/schema/data-type.ts";
import { findTypeChanges } from "../../../src/delta/schema/merge-schema.ts";
import { schemaFromJson } from "../../../src/delta/schema/schema-json.ts";
import { unsupportedTypeChanges } from "../../../src/delta/schema/type-widening.ts";
import type { ObjectStore } from "../../../src/delta/storage/object-store.ts";
import { signal, testEngine } from "../../support/delta-table.ts";
import type { Row } from "../parquet/arbitrary-rows.ts";

const narrow = struct([
  field("id", { kind: "integer" }),
  field("day", { kind: "string" }),
  field("deep", struct([field("n", { kind: "integer" })])),
  field("list", { kind: "array", elementType: { kind: "integer" }, containsNull: true }),
]);

/** `narrow` with wider numbers everywhere, and a new column. */
const wide = struct([
  field("id", { kind: "long" }),
  field("day", { kind: "string" }),
  field("deep", struct([field("n", { kind: "double" })])),
  field("list", { kind: "array", elementType: { kind: "long" }, containsNull: true }),
  field("added", { kind: "string" }),
]);

const rowsOfDay = (day: string, from: number): Row[] =>
  Array.from({ length: 5 }, (_, i) => ({
    id: from + i,
    day,
    deep: i === 1 ? null : { n: i === 2 ? null : 1 - from },
    list: i === 3 ? null : [from, null],
  }));

const widened = ({ id, day, deep, list }: Row): Row => ({
  id: BigInt(id as number),
  day: day ?? null,
  deep: deep ?? null,
  list: list === null
    ? null
    : (list as (number | null)[]).map((n) => n === null ? null : BigInt(n)),
  added: null,
});

async function append(engine: Engine, state: TableState | null, rows: Row[]): Promise<TableState> {
  const inFile = struct(narrow.fields.filter((f) => f.name !== "day"));
  const { rowGroup, statistics } = encodeWithStatistics(batchFromRows(inFile, rows), inFile);
  const add = await writeDataFile(engine, {
    schema: inFile,
    partitionValues: { day: rows[0]!["day"] as string },
    rowGroups: [rowGroup],
    statistics,
  }, { signal });
  const created = state !== null ? {} : newTableActions({
    schema: narrow,
    partitionColumns: ["day"],
    configuration: {},
    id: "t",
    createdTime: 1,
  });
  const outcome = await commit(engine, state, {
    operation: "WRITE",
    operationParameters: {},
    reads: { kind: "blind-append" },
    dataChange: true,
    adds: [add],
    ...created,
  }, { signal });
  if (outcome.kind !== "committed") throw new Error(outcome.kind);
  return outcome.state;
}

async function create(
  engine: Engine,
  schema: StructType,
  partitionColumns: readonly string[],
  adds: readonly AddFile[],
): Promise<TableState> {
  const outcome = await commit(engine, null, {
    operation: "CREATE TABLE",
    operationParameters: {},
    reads: { kind: "blind-append" },
    dataChange: true,
    adds,
    ...newTableActions({ schema, partitionColumns, configuration: {}, id: "t", createdTime: 1 }),
  }, { signal });
  if (outcome.kind !== "committed") throw new Error(outcome.kind);
  return outcome.state;
}

async function rowsOfTable(engine: Engine): Promise<Row[]> {
  const snapshot = await loadSnapshot(engine, { signal });
  const rows: Row[] = [];
  for await (const batch of scanSnapshot(engine, snapshot, { signal })) {
    rows.push(...rowsOfBatch(batch, snapshot.schema));
  }
  return rows.sort((a, b) => Number(a["id"]) - Number(b["id"]));
}

async function dataFiles(store: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list("", { signal })) {
    if (key.endsWith(".parquet")) keys.push(key);
  }
  return keys;
}

const rewrite = { strategy: "rewrite", bytesMax: 1e9, signal } as const;

describe("widening by rewrite", () => {
  test("keeps all rows, in the new types, in a commit that changes none", async () => {
    const engine = testEngine();
    let state = await append(engine, null, rowsOfDay("a", 0));
    state = await append(engine, state, rowsOfDay("b", 10));
    const outcome = await widenTable(engine, state, wide, rewrite);
    expect(outcome.kind).toBe("widened");
    expect(outcome.state.version).toBe(2);
    expect(outcome.state.schema).toEqual(wide);
    expect("files" in outcome.state).toBe(false);
    expect(await rowsOfTable(engine))
      .toEqual([...rowsOfDay("a", 0), ...rowsOfDay("b", 10)].map(widened));
    const actions = await readCommit(engine, 2, { signal, files: true }) ?? [];
    const changes = actions.flatMap((action) =>
      action.kind === "add"
        ? [action.add.dataChange]
        : action.kind === "remove"
        ? [action.remove.dataChange]
        : []
    );
    expect(changes).toEqual([false, false, false, false]);
    expect(actions.some((action) => action.kind === "txn")).toBe(false);
    const stats = (await loadSnapshot(engine, { signal })).files.map((add) => add.stats ?? "");
    expect(stats.map((text) => JSON.parse(text).numRecords)).toEqual([5, 5]);
  });

  test("after a lost race rewrites only the winner's files", async () => {
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
    let state = await append(engine, null, rowsOfDay("a", 0));
    state = await append(engine, state, rowsOfDay("b", 10));
    rival = async () => void await append(engine, state, rowsOfDay("c", 20));
    written = 0;
    const outcome = await widenTable(engine, state, wide, rewrite);
    expect(outcome.kind).toBe("widened");
    // Two files of ours, the rival's, and the rival's rewritten.
    expect(written).toBe(4);
    expect(await rowsOfTable(engine)).toEqual(
      [...rowsOfDay("a", 0), ...rowsOfDay("b", 10), ...rowsOfDay("c", 20)].map(widened),
    );
  });

  test("does not bring back rows that a winner deleted from a file", async () => {
    let rival: (() => Promise<void>) | null = null;
    const engine = testEngine((store) => ({
      ...store,
      putIfAbsent: async (key, bytes, options) => {
        const plant = rival;
        rival = null;
        await plant?.();
        return await store.putIfAbsent(key, bytes, options);
      },
    }));
    const state = await append(engine, null, rowsOfDay("a", 0));
    const [add] = (await loadSnapshot(engine, { signal })).files;
    rival = async () => {
      // Rows 3 and 4 of the file; the others are past its end.
      const deletionVector = {
        storageType: "i",
        pathOrInlineDv: "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L",
        sizeInBytes: 44,
        cardinality: 6n,
      };
      const outcome = await commit(engine, state, {
        operation: "DELETE",
        operationParameters: {},
        reads: { kind: "whole-table" },
        dataChange: true,
        removes: [removalOf(add!, 1)],
        adds: [{ ...add!, deletionVector }],
      }, { signal });
      expect(outcome.kind).toBe("committed");
    };
    expect((await widenTable(engine, state, wide, rewrite)).kind).toBe("widened");
    expect(await rowsOfTable(engine)).toEqual(rowsOfDay("a", 0).slice(0, 3).map(widened));
  });

  test("a winner that widened the same columns does our work", async () => {
    const engine = testEngine();
    const state = await append(engine, null, rowsOfDay("a", 0));
    await widenTable(engine, state, wide, rewrite);
    const files = await dataFiles(engine.store);
    const outcome = await widenTable(engine, state, wide, rewrite);
    expect(outcome).toMatchObject({ kind: "widened", state: { version: 1 } });
    expect(await dataFiles(engine.store)).toEqual(files);
  });

  test("is given up when others are always faster, and leaves nothing behind", async () => {
    let state: TableState | null = null;
    let racing = false;
    const engine = testEngine((store) => ({
      ...store,
      putIfAbsent: async (key, bytes, options) => {
        if (racing && key.endsWith(".json")) {
          racing = false;
          state = await append(
            engine,
            await loadTableState(engine, { signal }),
            rowsOfDay("r", 90),
          );
          racing = true;
        }
        return await store.putIfAbsent(key, bytes, options);
      },
    }));
    state = await append(engine, null, rowsOfDay("a", 0));
    racing = true;
    const outcome = await widenTable(engine, state, wide, rewrite);
    racing = false;
    expect(outcome).toMatchObject({ kind: "refused", why: expect.stringContaining("faster") });
    const live = (await loadSnapshot(engine, { signal })).files.map((add) => add.path).sort();
    expect((await dataFiles(engine.store)).sort()).toEqual(live);
  });

  const refusals: [string, StructType, Partial<typeof rewrite | { bytesMax: number }>, RegExp][] = [
    ["files above the limit", wide, { bytesMax: 10 }, /more than the 10 that are rewritten/],
    [
      "types that hold not both",
      struct([field("id", { kind: "string" })]),
      {},
      /column id is integer in the table by now/,
    ],
  ];
  test.each(refusals)("refuses %s and changes nothing", async (_what, schema, options, why) => {
    const engine = testEngine();
    const state = await append(engine, null, rowsOfDay("a", 0));
    const files = await dataFiles(engine.store);
    const outcome = await widenTable(engine, state, schema, { ...rewrite, ...options });
    expect(outcome).toMatchObject({ kind: "refused", state: { version: 0 } });
    if (outcome.kind === "refused") expect(outcome.why).toMatch(why);
    expect(await dataFiles(engine.store)).toEqual(files);
  });

  test("refuses partition columns", async () => {
    const engine = testEngine();
    const schema = struct([field("p", { kind: "integer" }), field("v", { kind: "integer" })]);
    const state = await create(engine, schema, ["p"], []);
    const wider = struct([field("p", { kind: "long" }), field("v", { kind: "integer" })]);
    const outcome = await widenTable(engine, state, wider, rewrite);
    expect(outcome).toMatchObject({ kind: "refused", why: expect.stringContaining("partition") });
  });

  test("switched off, it refuses", async () => {
    const engine = testEngine();
    const state = await append(engine, null, rowsOfDay("a", 0));
    const outcome = await widenTable(engine, state, wide, { ...rewrite, strategy: "off" });
    expect(outcome).toEqual({ kind: "refused", why: "widening is switched off", state });
  });

  const pairs: [DataType, DataType, Row, Row][] = [
    [{ kind: "byte" }, { kind: "short" }, { v: -128 }, { v: -128 }],
    [{ kind: "integer" }, { kind: "double" }, { v: -2147483648 }, { v: -2147483648 }],
    [{ kind: "float" }, { kind: "double" }, { v: Math.fround(0.1) }, { v: Math.fround(0.1) }],
    [
      { kind: "long" },
      { kind: "decimal", precision: 20, scale: 1 },
      { v: -(2n ** 63n) },
      { v: -(2n ** 63n) * 10n },
    ],
    [
      { kind: "decimal", precision: 9, scale: 2 },
      { kind: "decimal", precision: 38, scale: 18 },
      { v: -999_999_999n },
      { v: -999_999_999n * 10n ** 16n },
    ],
  ];
  test.each(pairs)("of %p to %p is exact", async (from, to, before, after) => {
    const engine = testEngine();
    const schema = struct([field("v", from)]);
    const { rowGroup, statistics } = encodeWithStatistics(batchFromRows(schema, [before]), schema);
    const add = await writeDataFile(
      engine,
      { schema, partitionValues: {}, rowGroups: [rowGroup], statistics },
      { signal },
    );
    const state = await create(engine, schema, [], [add]);
    await widenTable(engine, state, struct([field("v", to)]), rewrite);
    const snapshot = await loadSnapshot(engine, { signal });
    expect(snapshot.schema.fields[0]?.type).toEqual(to);
    const rows: Row[] = [];
    for await (const batch of scanSnapshot(engine, snapshot, { signal })) {
      rows.push(...rowsOfBatch(batch, snapshot.schema));
    }
    expect(rows).toEqual([after]);
  });
});

describe("widening by feature", () => {
  const feature = { ...rewrite, strategy: "feature" } as const;

  test("records the changes and switches the feature on, files stay", async () => {
    const engine = testEngine();
    const state = await append(engine, null, rowsOfDay("a", 0));
    const plan = featureDraft(state, {
      schema: wide,
      changes: findTypeChanges(narrow, wide),
    });
    if (plan.kind !== "ready") throw new Error(plan.kind);
    const { draft } = plan;
    expect([draft.adds, draft.removes, draft.dataChange]).toEqual([undefined, undefined, false]);
    expect(draft.protocol).toEqual({
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ["typeWidening"],
      writerFeatures: ["appendOnly", "invariants", "typeWidening"],
    });
    expect(draft.metadata?.configuration).toEqual({ "delta.enableTypeWidening": "true" });
    const schema = schemaFromJson(draft.metadata?.schemaString ?? "");
    const [id, , deep, list, added] = schema.fields;
    expect(id).toMatchObject({
      type: { kind: "long" },
      metadata: { "delta.typeChanges": [{ fromType: "integer", toType: "long" }] },
    });
    expect(deep?.metadata).toEqual({});
    expect(deep?.type).toMatchObject({
      fields: [{
        metadata: { "delta.typeChanges": [{ fromType: "integer", toType: "double" }] },
      }],
    });
    expect(list?.metadata["delta.typeChanges"])
      .toEqual([{ fromType: "integer", toType: "long", fieldPath: "element" }]);
    expect(added?.metadata).toEqual({});
    expect(unsupportedTypeChanges(schema)).toEqual([]);
  });

  test("old and new files are read with the new types", async () => {
    const engine = testEngine();
    const state = await append(engine, null, rowsOfDay("a", 0));
    const files = await dataFiles(engine.store);
    const outcome = await widenTable(engine, state, wide, feature);
    expect(outcome.kind).toBe("widened");
    expect(await dataFiles(engine.store)).toEqual(files);
    expect(await rowsOfTable(engine)).toEqual(rowsOfDay("a", 0).map(widened));
    // A writer that has not seen the change yet adds narrow files, which stay readable.
    await append(engine, outcome.state, rowsOfDay("b", 10));
    expect(await rowsOfTable(engine))
      .toEqual([...rowsOfDay("a", 0), ...rowsOfDay("b", 10)].map(widened));
  });

  test("refuses changes that the feature does not have", async () => {
    const engine = testEngine();
    const schema = struct([field("v", { kind: "long" })]);
    const state = await create(engine, schema, [], []);
    const wider = struct([field("v", { kind: "decimal", precision: 21, scale: 2 })]);
    const outcome = await widenTable(engine, state, wider, feature);
    expect(outcome).toMatchObject({
      kind: "refused",
      why: "table feature typeWidening cannot turn v from long into decimal(21,2)",
    });
  });

  test("recorded changes that cannot be followed are named", () => {
    const changes = [{ fromType: "integer", toType: "string" }];
    const metadata = { "delta.typeChanges": changes };
    const schema = struct([{ ...field("v", { kind: "string" }), metadata }]);
    expect(unsupportedTypeChanges(schema)).toEqual(["integer string"]);
  });
});
