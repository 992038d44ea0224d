import { describe, expect, test } from "bun:test";
import { alwaysColumns } from "../../../src/core/decode/our-columns.ts";
import { columnId, type ColumnMapping } from "../../../src/delta/schema/column-mapping.ts";
import {
  type DataType,
  field,
  struct,
  type StructField,
} from "../../../src/delta/schema/data-type.ts";
import { type ForeignTable, foreignTable } from "../../support/foreign-table.ts";
import { lintTable } from "../../support/log-linter.ts";
import {
  changeLine,
  type Lake,
  lineSource,
  newLake,
  pump,
  type PumpChanges,
  readTable,
  tableEngine,
} from "./pump-harness.ts";

const key = "shop.orders";

/** A table that another writer made for our rows, with columns of its own. */
async function made(
  columns: readonly StructField[],
  table: Omit<ForeignTable, "schema"> = {},
): Promise<Lake> {
  const lake = newLake();
  const schema = struct([...alwaysColumns, ...columns]);
  await foreignTable(tableEngine(lake, key), { schema, ...table });
  return lake;
}

async function run(
  lake: Lake,
  documents: readonly Readonly<Record<string, unknown>>[],
  changes?: PumpChanges,
): Promise<void> {
  await pump(lake, lineSource(documents.map((document) => changeLine("c", document))), changes);
}

/** What the log says of the newest data file. */
async function newestFile(lake: Lake) {
  const { snapshot, rows } = await readTable(lake, key);
  const add = snapshot.files.at(-1)!;
  const stats = JSON.parse(add.stats ?? "{}") as {
    readonly nullCount?: Readonly<Record<string, unknown>>;
  };
  return { snapshot, rows, add, stats };
}

describe.each(["name", "id"] as const)("a table mapped by %s", (mapping: ColumnMapping) => {
  const columns = [
    field("region", { kind: "string" }),
    field("_id", { kind: "integer" }),
    field("old name, renamed", { kind: "string" }),
    field("inner", struct([field("x", { kind: "integer" })])),
  ];
  const options = { mapping, partitionColumns: ["region"] };

  test("takes rows, new columns and wider types", async () => {
    const lake = await made(columns, options);
    const one = { _id: 1, region: "eu", inner: { x: 1 } };
    const two = { _id: 2, region: "us", inner: { x: 2, y: "deep" }, tags: [{ t: "a" }] };
    const three = { _id: 3, inner: { x: { $numberLong: "4294967296" } } };
    await run(lake, [one]);
    await run(lake, [one, two]);
    await run(lake, [one, two, three]);
    const { snapshot, rows, add, stats } = await newestFile(lake);
    expect(
      rows.map(({ _id, region, inner, tags }) => ({ _id, region, inner, tags })).sort(
        (a, b) => Number(a._id) - Number(b._id),
      ),
    ).toEqual([
      { _id: 1, region: "eu", inner: { x: 1n, y: null }, tags: null },
      { _id: 2, region: "us", inner: { x: 2n, y: "deep" }, tags: [{ t: "a" }] },
      { _id: 3, region: null, inner: { x: 4294967296n, y: null }, tags: null },
    ]);
    const region = snapshot.schema.fields.find((one) => one.name === "region");
    const physical = String(region?.metadata["delta.columnMapping.physicalName"]);
    expect(add.partitionValues).toEqual({ [physical]: null });
    expect(Object.keys(stats.nullCount ?? {}).some((name) => name === "_id")).toBeFalse();
    expect(columnId(snapshot.schema.fields.find((one) => one.name === "tags")!)).not.toBeNull();
    expect(await lintTable(tableEngine(lake, key).store)).toEqual([]);
  });

  test("is widened by the feature", async () => {
    const lake = await made(columns, options);
    await run(lake, [{ _id: 1 }]);
    const long = { $numberLong: "4294967296" };
    await run(lake, [{ _id: 1 }, { _id: long, new: 1 }], { settings: { widen: "feature" } });
    const { rows } = await readTable(lake, key);
    expect(rows.map((row) => row["_id"])).toEqual([1n, 4294967296n]);
    expect(await lintTable(tableEngine(lake, key).store)).toEqual([]);
  });

  test("gives a new column one id over many flushes", async () => {
    const lake = await made(columns, options);
    const documents = Array.from({ length: 40 }, (_, i) => ({ _id: i, [`c${i % 5}`]: i }));
    await run(lake, documents, { settings: { flush: flushOften } });
    const { snapshot, rows } = await readTable(lake, key);
    expect(snapshot.version).toBeGreaterThan(2);
    expect(rows.map((row) => row["c3"]).filter((value) => value !== null).length).toBe(8);
    expect(await lintTable(tableEngine(lake, key).store)).toEqual([]);
  });
});

const flushOften = { rowsMin: 5, bytesMax: 500, ageMsMax: 60_000, heldBytesMax: 1000 };

describe("what a table asks of its files", () => {
  const documents = [{ _id: 1, a: "x", b: { c: 1, d: "y" } }];

  test("statistics of the columns that it names", async () => {
    const named = "_kafka_offset,`_cdc_key`, b.c";
    const lake = await made(
      [field("b", struct([field("c", { kind: "integer" }), field("d", { kind: "string" })]))],
      { configuration: { "delta.dataSkippingStatsColumns": named } },
    );
    await run(lake, documents);
    const { stats } = await newestFile(lake);
    expect(stats.nullCount).toEqual({ _cdc_key: 0, _kafka_offset: 0, b: { c: 0 } });
  });

  test("statistics of so many columns from the commit on that makes the table", async () => {
    const lake = newLake();
    const many = Array.from({ length: 100 }, (_, i) => ({ _id: i, text: "x".repeat(50) }));
    const configuration = { "delta.dataSkippingNumIndexedCols": "3" };
    // Jobs of one flush are encoded before and after that commit.
    const flush = { ...flushOften, bytesMax: 2500, heldBytesMax: 20_000 };
    await run(lake, many, { configuration, settings: { flush } });
    const { snapshot, stats, rows } = await newestFile(lake);
    expect(rows.length).toBe(100);
    expect(snapshot.version).toBeGreaterThan(1);
    expect(Object.keys(stats.nullCount ?? {})).toHaveLength(3);
    expect(await lintTable(tableEngine(lake, key).store)).toEqual([]);
  });

  test("statistics of so many columns, and of those that it is clustered by", async () => {
    const lake = await made([field("a", { kind: "string" })], {
      mapping: "name",
      configuration: { "delta.dataSkippingNumIndexedCols": "1" },
      writerFeatures: ["domainMetadata", "clustering"],
      domains: { "delta.clustering": `{"clusteringColumns":[["col-foreign-10"]]}` },
    });
    await run(lake, documents);
    const { stats } = await newestFile(lake);
    expect(Object.keys(stats.nullCount ?? {})).toEqual(["col-foreign-1", "col-foreign-10"]);
  });

  test("random folders, another codec", async () => {
    const lake = await made([], {
      partitionColumns: ["_ingestion_date"],
      configuration: {
        "delta.randomizeFilePrefixes": "true",
        "delta.randomPrefixLength": "3",
        "delta.parquet.compression.codec": "SNAPPY",
      },
    });
    await run(lake, documents);
    const { add, rows } = await newestFile(lake);
    expect(add.path).toMatch(/^[0-9a-f]{3}\/part-00000-[0-9a-f-]{36}\.snappy\.parquet$/);
    expect(rows.length).toBe(1);
    expect(await lintTable(tableEngine(lake, key).store)).toEqual([]);
  });

  test("partition columns in the files as well", async () => {
    const lake = await made([field("region", { kind: "string" })], {
      partitionColumns: ["region"],
      writerFeatures: ["materializePartitionColumns"],
    });
    await run(lake, [{ _id: 1, region: "eu" }, { _id: 2, region: "us" }]);
    const { rows, add, stats } = await newestFile(lake);
    expect(rows.map((row) => row["region"])).toEqual(["eu", "us"]);
    const bytes = await tableEngine(lake, key).store.get(add.path, { signal: noSignal });
    expect(new TextDecoder("latin1").decode(bytes)).toContain("region");
    expect(stats.nullCount).not.toHaveProperty("region");
    expect(await lintTable(tableEngine(lake, key).store)).toEqual([]);
  });
});

const noSignal = new AbortController().signal;

describe("columns that documents cannot fill", () => {
  const string: DataType = { kind: "string" };
  const withMetadata = (name: string, metadata: StructField["metadata"]): StructField => ({
    ...field(name, string),
    metadata,
  });

  const refused: readonly (readonly [string, StructField, readonly string[], string])[] = [
    ["no nulls", { ...field("a", string), nullable: false }, [], `"a" takes no nulls`],
    [
      "no nulls further down",
      field("a", struct([{ ...field("b", string), nullable: false }])),
      [],
      `"b" takes no nulls`,
    ],
    [
      "a length",
      withMetadata("a", { __CHAR_VARCHAR_TYPE_STRING: "varchar(3)" }),
      [],
      `"a" is a varchar(3)`,
    ],
    ["a default", withMetadata("a", { CURRENT_DEFAULT: "'x'" }), ["allowColumnDefaults"], `"a"`],
    [
      "a generation expression",
      withMetadata("a", { "delta.generationExpression": "upper(b)" }),
      ["generatedColumns"],
      `"a"`,
    ],
    ["an identity", withMetadata("a", { "delta.identity.start": 1 }), ["identityColumns"], `"a"`],
  ];
  test.each([...refused])("with %s are refused by name", async (_what, column, features, says) => {
    const lake = await made([column], { writerFeatures: features });
    const failure = run(lake, [{ _id: 1 }]);
    await expect(failure).rejects.toMatchObject({ code: "unsupported" });
    await expect(failure).rejects.toThrow(says);
    expect((await readTable(lake, key)).snapshot.version).toBe(0);
  });

  test("of our own may be NOT NULL where every row has them", async () => {
    const lake = newLake();
    const names = ["_cdc_operation", "_kafka_topic", "_kafka_offset", "_ingestion_date"];
    const columns = alwaysColumns.map((one) => ({ ...one, nullable: !names.includes(one.name) }));
    await foreignTable(tableEngine(lake, key), { schema: struct(columns) });
    await run(lake, [{ _id: 1 }]);
    expect((await readTable(lake, key)).rows.length).toBe(1);
  });

  test("of a type that no document has stay null, their values are rescued", async () => {
    const lake = await made([
      field("local", { kind: "timestamp_ntz" }),
      field("map", { kind: "map", keyType: string, valueType: string, valueContainsNull: true }),
    ], { features: ["timestampNtz"] });
    await run(lake, [{ _id: 1, local: { $date: 1_700_000_000_000 }, map: { a: "b" } }]);
    const { rows: [row] } = await readTable(lake, key);
    expect(row).toMatchObject({ local: null, map: null });
    expect(JSON.parse(String(row?.["_rescued_data"]))).toEqual({
      "/local": { $date: { $numberLong: "1700000000000" } },
      "/map": { a: "b" },
    });
    expect(await lintTable(tableEngine(lake, key).store)).toEqual([]);
  });
});
