import { describe, expect, test } from "bun:test";
import { batchFromRows } from "../../../src/delta/columns/column-builder.ts";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import type { Engine } from "../../../src/delta/engine.ts";
import type { AddFile } from "../../../src/delta/log/actions.ts";
import { writeDataFile } from "../../../src/delta/operations/append.ts";
import { scanFile, scannedSchema } from "../../../src/delta/operations/scan.ts";
import { mergeStatistics } from "../../../src/delta/parquet/statistics.ts";
import { encodeWithStatistics } from "../../../src/delta/parquet/writer.ts";
import { field, struct, type StructType } from "../../../src/delta/schema/data-type.ts";
import { signal, testEngine } from "../../support/delta-table.ts";
import type { Row } from "../parquet/arbitrary-rows.ts";

const inFile = struct([field("a", { kind: "integer" }), field("b", { kind: "string" })]);
const schema = struct([
  field("a", { kind: "long" }),
  field("day", { kind: "date" }),
  field("b", { kind: "string" }),
  field("added", { kind: "double" }),
]);
const table = { schema, partitionColumns: ["day"], columnMapping: "none" } as const;

async function write(engine: Engine, groups: Row[][], day: string | null): Promise<AddFile> {
  const encoded = groups.map((rows) => encodeWithStatistics(batchFromRows(inFile, rows), inFile));
  return await writeDataFile(engine, {
    schema: inFile,
    partitionValues: { day },
    rowGroups: encoded.map((one) => one.rowGroup),
    statistics: mergeStatistics(encoded.map((one) => one.statistics)),
  }, { signal });
}

async function scan(
  engine: Engine,
  add: AddFile,
  columns?: readonly string[],
): Promise<Row[][]> {
  const wanted: StructType = scannedSchema(schema, columns);
  const batches: Row[][] = [];
  const options = columns === undefined ? { signal } : { signal, columns };
  for await (const batch of scanFile(engine, table, add, options)) {
    batches.push(rowsOfBatch(batch, wanted));
  }
  return batches;
}

describe("scanning a data file", () => {
  test("fills in partition values, widens, and gives nulls for what the file lacks", async () => {
    const engine = testEngine();
    const groups = [[{ a: 1, b: "x" }, { a: null, b: null }], [{ a: 3, b: "y" }]];
    const add = await write(engine, groups, "1970-01-03");
    expect(await scan(engine, add)).toEqual([
      [
        { a: 1n, day: 2, b: "x", added: null },
        { a: null, day: 2, b: null, added: null },
      ],
      [{ a: 3n, day: 2, b: "y", added: null }],
    ]);
    expect(await scan(engine, await write(engine, [[{ a: 1, b: null }]], null)))
      .toEqual([[{ a: 1n, day: null, b: null, added: null }]]);
  });

  test("reads the wanted columns alone", async () => {
    const engine = testEngine();
    const add = await write(engine, [[{ a: 1, b: "x" }]], "1970-01-03");
    expect(await scan(engine, add, ["b"])).toEqual([[{ b: "x" }]]);
    expect(await scan(engine, add, ["day"])).toEqual([[{ day: 2 }]]);
    expect(await scan(engine, add, ["added"])).toEqual([[{ added: null }]]);
  });

  test("fetches only the wanted chunks of a large file", async () => {
    let fetched = 0;
    const engine = testEngine((store) => ({
      ...store,
      get: async (key, options) => {
        const bytes = await store.get(key, options);
        fetched += bytes.length;
        return bytes;
      },
    }));
    const rows = Array.from({ length: 14_000 }, (_, i) => ({
      a: i,
      b: Array.from({ length: 40 }, (_, j) => Math.sin(i * 50 + j)).join(),
    }));
    const add = await write(engine, [rows, rows], "1970-01-01");
    expect(add.size).toBeGreaterThan(8 << 20);
    fetched = 0;
    const batches = await scan(engine, add, ["a"]);
    expect(batches.map((batch) => batch.length)).toEqual([14_000, 14_000]);
    expect(fetched).toBeLessThan(1 << 20);
  });

  test("leaves out the rows of a deletion vector, across row groups", async () => {
    const engine = testEngine();
    const rows = Array.from({ length: 20 }, (_, i) => ({ a: i, b: "x" }));
    const add = await write(engine, [rows, rows], "1970-01-03");
    // Rows 3, 4, 7, 11, 18 and 29: the last one is row 9 of the second row group.
    const deletionVector = {
      storageType: "i",
      pathOrInlineDv: "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L",
      sizeInBytes: 44,
      cardinality: 6n,
    };
    const batches = await scan(engine, { ...add, deletionVector }, ["a"]);
    const values = batches.flat().map((row) => Number(row["a"]));
    const gone = new Set([3, 4, 7, 11, 18, 29]);
    const expected = [...rows, ...rows].map((row) => row.a).filter((_, i) => !gone.has(i));
    expect(values).toEqual(expected);
    const wrong = { ...add, deletionVector: { ...deletionVector, cardinality: 7n } };
    await expect(scan(engine, wrong)).rejects.toThrow("it holds 6 rows, the log says 7");
  });

  test("refuses files outside of the table", async () => {
    const engine = testEngine();
    const add = await write(engine, [[{ a: 1, b: "x" }]], "1970-01-03");
    await expect(scan(engine, { ...add, path: "s3://other/x.parquet" })).rejects
      .toThrow("outside of the table's folder");
  });

  test("names the file that is damaged", async () => {
    const engine = testEngine();
    await engine.store.put("bad.parquet", [new Uint8Array(20)], { signal });
    const add = {
      ...await write(engine, [[{ a: 1, b: "x" }]], null),
      path: "bad.parquet",
      size: 20,
    };
    await expect(scan(engine, add)).rejects.toThrow(/data file bad\.parquet of .*PAR1/);
  });
});
