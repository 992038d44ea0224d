import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { batchFromRows, type Value } from "../../../src/delta/columns/column-builder.ts";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import type { AddFile } from "../../../src/delta/log/actions.ts";
import { parsedColumns, type ParsedTable } from "../../../src/delta/log/checkpoint-parsed.ts";
import { checkpointSchema } from "../../../src/delta/log/checkpoint-schema.ts";
import { writeCheckpoint } from "../../../src/delta/log/checkpoint-writer.ts";
import { classicCheckpointKey, commitKey } from "../../../src/delta/log/log-path.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { newTableActions } from "../../../src/delta/operations/create-table.ts";
import { collectStatistics } from "../../../src/delta/parquet/statistics.ts";
import { statisticsJson } from "../../../src/delta/parquet/statistics-json.ts";
import { bytesSource, openParquet, readRowGroup } from "../../../src/delta/parquet/reader.ts";
import { schemaToJson } from "../../../src/delta/schema/schema-json.ts";
import { field, struct, type StructType } from "../../../src/delta/schema/data-type.ts";
import {
  addFile,
  appendDraft,
  idSchema,
  mustCommit,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";
import { arbitraryTable } from "../parquet/arbitrary-rows.ts";

const asStruct = { "delta.checkpoint.writeStatsAsStruct": "true" };
const onlyStruct = { ...asStruct, "delta.checkpoint.writeStatsAsJson": "false" };

type Table = {
  readonly schema: StructType;
  readonly partitionColumns?: readonly string[];
  readonly configuration?: Readonly<Record<string, string>>;
  readonly adds: readonly AddFile[];
};

/** A table of one version with a checkpoint there, and no commit that could be read instead. */
async function checkpointed(table: Table): Promise<TestEngine> {
  const engine = testEngine();
  const created = newTableActions({
    schema: idSchema,
    partitionColumns: [],
    configuration: table.configuration ?? asStruct,
    id: "table-id",
    createdTime: 1,
  });
  // Types that need a feature are not made by us, and read all the same.
  const metadata = {
    ...created.metadata,
    schemaString: schemaToJson(table.schema),
    partitionColumns: table.partitionColumns ?? [],
  };
  const draft = { ...appendDraft("x"), ...created, metadata, adds: table.adds };
  await mustCommit(engine, null, draft);
  await writeCheckpoint(engine, 0, { signal });
  await engine.store.delete([commitKey(0)], { signal });
  return engine;
}

/** The `add` rows of that checkpoint with all columns that it has. */
async function addRows(engine: TestEngine): Promise<Readonly<Record<string, Value>>[]> {
  const state = await loadSnapshot(engine, { signal });
  const bytes = await engine.store.get(classicCheckpointKey(0), { signal });
  const file = await openParquet(bytesSource(bytes));
  const schema = checkpointSchema({ stats: true, parsed: parsedColumns(state).fields });
  const rows = rowsOfBatch(await readRowGroup(file, 0, schema), schema);
  return rows.flatMap(({ add }) => add === null ? [] : [add as Readonly<Record<string, Value>>]);
}

const schema = struct([
  field("id", { kind: "long" }),
  field("price", { kind: "decimal", precision: 20, scale: 2 }),
  field("at", { kind: "timestamp" }),
  field("inner", struct([field("name", { kind: "string" }), field("ok", { kind: "boolean" })])),
  field("tags", { kind: "array", elementType: { kind: "string" }, containsNull: true }),
  field("day", { kind: "date" }),
  field("part", { kind: "integer" }),
]);

const stats = '{"numRecords":3,' +
  '"minValues":{"id":9007199254740993,"price":123456789012345678.90,' +
  '"at":"2026-01-31T12:00:00.123Z","inner":{"name":"a"}},' +
  '"maxValues":{"id":9223372036854775807,"price":999999999999999999.99,' +
  '"at":"2026-01-31T12:00:00.124Z","inner":{"name":""}},' +
  '"nullCount":{"id":0,"price":0,"at":1,"inner":{"name":0,"ok":2},"tags":3}}';

describe("a checkpoint with statistics as structs", () => {
  test("has them and the partition values by their types, beside the text", async () => {
    const partitionValues = { day: "2026-01-31", part: null };
    const engine = await checkpointed({
      schema,
      partitionColumns: ["day", "part"],
      adds: [addFile("a", { stats, partitionValues })],
    });
    const [add] = await addRows(engine);
    expect(add?.["stats"]).toBe(stats);
    expect(add?.["partitionValues"]).toEqual(new Map(Object.entries(partitionValues)));
    expect(add?.["partitionValues_parsed"]).toEqual({ day: 20484, part: null });
    expect(add?.["stats_parsed"]).toEqual({
      numRecords: 3n,
      minValues: {
        id: 9007199254740993n,
        price: 12345678901234567890n,
        at: 1769860800123000n,
        inner: { name: "a" },
      },
      maxValues: {
        id: 9223372036854775807n,
        price: 99999999999999999999n,
        at: 1769860800124000n,
        inner: { name: "" },
      },
      nullCount: { id: 0n, price: 0n, at: 1n, inner: { name: 0n, ok: 2n }, tags: 3n },
      tightBounds: null,
    });
  });

  test("has no text when the table wants none, and gives it back to readers", async () => {
    const engine = await checkpointed({
      schema,
      partitionColumns: ["day", "part"],
      configuration: onlyStruct,
      adds: [addFile("a", { stats, partitionValues: { day: "2026-01-31", part: "7" } })],
    });
    const [add] = await addRows(engine);
    expect(add?.["stats"]).toBeNull();
    expect(add?.["partitionValues_parsed"]).toEqual({ day: 20484, part: 7 });
    const [file] = (await loadSnapshot(engine, { signal })).files;
    expect(file?.stats).toBe(stats);
  });

  test("keeps that bounds are not tight", async () => {
    const wide = '{"numRecords":3,"minValues":{"id":1},"maxValues":{"id":2},"nullCount":{"id":0},' +
      '"tightBounds":false}';
    const engine = await checkpointed({
      schema: struct([field("id", { kind: "long" })]),
      configuration: onlyStruct,
      adds: [addFile("a", { stats: wide })],
    });
    expect((await loadSnapshot(engine, { signal })).files[0]?.stats).toBe(wide);
  });

  const broken: readonly (readonly [what: string, stats: string | undefined, wanted: Value])[] = [
    ["no statistics", undefined, null],
    ["the text null", "null", null],
    ["no JSON", "{", null],
    [
      "bounds that are none",
      '{"numRecords":1,"minValues":{"id":"x","day":"2026-02-30"},"maxValues":{"id":1e300},"nullCount":7}',
      {
        numRecords: 1n,
        minValues: { id: null, day: null },
        maxValues: { id: null, day: null },
        nullCount: null,
        tightBounds: null,
      },
    ],
  ];
  for (const [what, text, wanted] of broken) {
    test(`${what}: null, and the file is there`, async () => {
      const engine = await checkpointed({
        schema: struct([field("id", { kind: "long" }), field("day", { kind: "date" })]),
        adds: [addFile("a", text === undefined ? {} : { stats: text })],
      });
      const [add] = await addRows(engine);
      expect([add?.["path"], add?.["stats_parsed"]]).toEqual(["a", wanted]);
    });
  }

  test("is refused for a partition value that is none: a null would hide the file", async () => {
    const made = checkpointed({
      schema,
      partitionColumns: ["part"],
      adds: [addFile("a", { partitionValues: { part: "seven" } })],
    });
    await expect(made).rejects.toThrow(/partition value "seven" is no integer/);
  });

  test("of a table without bounded columns is valid Parquet", async () => {
    const engine = await checkpointed({
      schema: struct([field("raw", { kind: "binary" })]),
      adds: [addFile("a", { stats: '{"numRecords":1,"nullCount":{"raw":1}}' })],
    });
    const [add] = await addRows(engine);
    expect(add?.["stats_parsed"]).toEqual({
      numRecords: 1n,
      nullCount: { raw: 1n },
      tightBounds: null,
    });
  });
});

describe("the columns of statistics", () => {
  const names = (more: Partial<ParsedTable["properties"]>): string[] => {
    const fields = Array.from({ length: 5 }, (_, i) => field(`c${i}`, { kind: "long" }));
    const wide = struct([
      field("s", struct([field("x", { kind: "long" }), field("y", { kind: "long" })])),
      ...fields,
    ]);
    const { fields: columns } = parsedColumns({
      schema: wide,
      partitionColumns: ["c0"],
      columnMapping: "none",
      properties: {
        statisticsColumns: { kind: "first", count: 4 },
        checkpointStatsAsJson: true,
        checkpointStatsAsStruct: true,
        ...more,
      },
    });
    const parsed = columns.find((column) => column.name === "stats_parsed")?.type as StructType;
    const counts = parsed.fields.find((one) => one.name === "nullCount")?.type as StructType;
    return counts.fields.flatMap(({ name, type }) =>
      type.kind === "struct" ? type.fields.map((child) => `${name}.${child.name}`) : [name]
    );
  };

  test("are those that the table counts, partition columns left out", () => {
    expect(names({})).toEqual(["s.x", "s.y", "c1", "c2"]);
    expect(names({ statisticsColumns: { kind: "first", count: 1 } })).toEqual(["s.x"]);
    expect(names({ statisticsColumns: { kind: "first", count: -1 } })).toHaveLength(6);
  });

  test("are all where nothing else holds the statistics", () => {
    expect(names({ checkpointStatsAsJson: false })).toHaveLength(6);
    expect(names({ statisticsColumns: { kind: "named", columns: ["c4"] } })).toHaveLength(6);
  });

  test("have the names that files have, and no ids", () => {
    const mapped = struct([{
      ...field("name", { kind: "long" }),
      metadata: { "delta.columnMapping.id": 7, "delta.columnMapping.physicalName": "col-1" },
    }]);
    for (const partitionColumns of [[], ["name"]]) {
      const { fields, values } = parsedColumns({
        schema: mapped,
        partitionColumns,
        columnMapping: "name",
        properties: {
          statisticsColumns: { kind: "first", count: 32 },
          checkpointStatsAsJson: true,
          checkpointStatsAsStruct: true,
        },
      });
      expect(JSON.stringify(fields)).toContain('"col-1"');
      expect(JSON.stringify(fields)).not.toContain("columnMapping");
      const add = addFile("a", {
        partitionValues: partitionColumns.length > 0 ? { "col-1": "5" } : {},
        stats: '{"numRecords":1,"minValues":{"col-1":5}}',
      });
      expect(JSON.stringify(values(add), (_, v: unknown) => typeof v === "bigint" ? Number(v) : v))
        .toContain('"col-1":5');
    }
  });

  test("do not exist where the table does not want them", async () => {
    const engine = await checkpointed({
      schema,
      configuration: {},
      adds: [addFile("a", { stats })],
    });
    const bytes = await engine.store.get(classicCheckpointKey(0), { signal });
    const { fields } = await openParquet(bytesSource(bytes));
    const add = fields.find((node) => node.name === "add");
    expect(add?.children.map((node) => node.name)).toContain("stats");
    expect(add?.children.map((node) => node.name).filter((name) => name.includes("parsed")))
      .toEqual([]);
  });
});

test(
  "statistics of any rows come back from a checkpoint that has them as structs alone",
  async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryTable(), async ({ schema, rows }) => {
        const wanted = statisticsJson(
          collectStatistics(batchFromRows(schema, rows), schema, { numIndexedCols: -1 }),
          schema,
        );
        const engine = await checkpointed({
          schema,
          configuration: { ...onlyStruct, "delta.dataSkippingNumIndexedCols": "-1" },
          adds: [addFile("a", { stats: wanted })],
        });
        expect((await loadSnapshot(engine, { signal })).files[0]?.stats).toBe(wanted);
      }),
      { numRuns: 100 },
    );
  },
  60_000,
);
